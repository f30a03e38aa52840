"""What an audit finds: where the raw bucket, the record, the ledgers and the tables say different things."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from log_router.core.windows import Hour


class Kind(StrEnum):
    """Kinds of findings, in the order in which they are told. The value is what `--json` says."""

    NEVER_LOADED = "never_loaded"
    NOT_RECORDED = "not_recorded"
    CHANGED = "changed"
    TABLE_GONE = "table_gone"
    EVENT_NOT_LOADED = "event_not_loaded"
    ROWS_MISSING = "rows_missing"
    ROWS_DOUBLED = "rows_doubled"
    ROWS_UNKNOWN = "rows_unknown"
    SPLIT_DIFFERS = "split_differs"
    QUARANTINE_DIFFERS = "quarantine_differs"
    RECORD_DIFFERS = "record_differs"
    PENDING_EVENT = "pending_event"
    GONE = "gone"


# Raw data may expire: what was loaded of it stays loaded.
NOTES = frozenset({Kind.GONE})


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be: `expected` and `found` are rows or lines, as the kind says.

    `hour` is None where the raw object is in none of the audited hours.
    """

    kind: Kind
    object_id: str
    url: str
    hour: Hour | None
    event: str = ""
    expected: int = 0
    found: int = 0

    @property
    def identity(self) -> tuple[str, str, str]:
        """What stays the same when it is looked at again."""
        return self.kind, self.object_id, self.event


@dataclass(frozen=True)
class Events:
    """The events that are audited: `gone` lack their table or ledger, `configured` have a file.

    `by_type` names the event of an event type that has a file.
    """

    known: AbstractSet[str]
    gone: AbstractSet[str]
    configured: AbstractSet[str]
    by_type: Mapping[str, str]


@dataclass
class InTable:
    """What an event's ledger and its table hold of one raw object; `loaded` is None without a ledger entry."""

    loaded: int | None = None
    dropped: int = 0
    loaded_at: datetime | None = None
    rows: int = 0
    lines: int = 0

    @property
    def split(self) -> int:
        """Rows that were split and not refused by COPY: those that were are recorded as quarantined."""
        return (self.loaded or 0) + self.dropped


@dataclass
class Recorded:
    """What settle recorded of one raw object; by event, and the unrouted lines by event type."""

    lines: int
    rows: int
    quarantined: int
    unrouted: int
    blank: int
    settled_at: datetime
    rows_by_event: dict[str, int] = field(default_factory=dict)
    quarantined_by_event: int = 0
    unrouted_by_type: dict[str, int] = field(default_factory=dict)


@dataclass
class Seen:
    """Everything that is known of one raw object.

    `replaced`: its key holds other bytes now. `replaces`: it is these bytes, and those of before are recorded.
    `quarantined_lines` are different ones, `quarantined_rows` all that stand there.
    """

    object_id: str
    url: str
    hour: Hour | None
    listed: bool = False
    replaced: bool = False
    replaces: bool = False
    recorded: Recorded | None = None
    tables: dict[str, InTable] = field(default_factory=dict)
    quarantined_rows: int = 0
    quarantined_lines: int = 0
    quarantined_at: datetime | None = None

    def finding(self, kind: Kind, event: str = "", expected: int = 0, found: int = 0) -> Finding:
        """Return a finding about this object."""
        return Finding(kind, self.object_id, self.url, self.hour, event, expected, found)


def findings(seen: Seen, events: Events) -> Iterator[Finding]:
    """Yield what is wrong with one raw object."""
    if seen.recorded is None:
        yield from _unrecorded(seen)
    else:
        yield from _against_the_bucket(seen)
        yield from _against_itself(seen, seen.recorded)
        # Events without a file keep the rows that they have when their raw objects are split anew without them.
        ours = seen.recorded.rows_by_event.keys() | (seen.tables.keys() & events.configured)
        for event in sorted(ours & events.known):
            yield from _of_event(seen, seen.recorded, event, events.gone)
        for event_type, lines in seen.recorded.unrouted_by_type.items():
            # No run can load lines that the bucket does not hold any more.
            if seen.listed and event_type in events.by_type:
                yield seen.finding(Kind.PENDING_EVENT, events.by_type[event_type], expected=lines)
    for event, table in seen.tables.items():
        if event not in events.gone:
            yield from _against_the_ledger(seen, event, table)


def _unrecorded(seen: Seen) -> Iterator[Finding]:
    if any(table.loaded is not None for table in seen.tables.values()) or seen.quarantined_rows:
        yield seen.finding(Kind.NOT_RECORDED)
    elif not seen.replaces:
        yield seen.finding(Kind.NEVER_LOADED)


def _against_the_bucket(seen: Seen) -> Iterator[Finding]:
    if seen.replaced:
        yield seen.finding(Kind.CHANGED)
    elif not seen.listed:
        yield seen.finding(Kind.GONE)


def _against_itself(seen: Seen, recorded: Recorded) -> Iterator[Finding]:
    fates = recorded.rows + recorded.quarantined + recorded.unrouted + recorded.blank
    by_event = (
        sum(recorded.rows_by_event.values()),
        recorded.quarantined_by_event,
        sum(recorded.unrouted_by_type.values()),
    )
    if recorded.lines != fates or by_event != (recorded.rows, recorded.quarantined, recorded.unrouted):
        yield seen.finding(Kind.RECORD_DIFFERS, expected=recorded.lines, found=sum(by_event) + recorded.blank)
    # Both: a line that is lost and one that is doubled make as many rows as there should be.
    for found in (seen.quarantined_lines, seen.quarantined_rows):
        if found != recorded.quarantined:
            kind = _or_not_recorded(Kind.QUARANTINE_DIFFERS, seen.quarantined_at, recorded)
            yield seen.finding(kind, expected=recorded.quarantined, found=found)
            break


def _or_not_recorded(kind: Kind, loaded_at: datetime | None, recorded: Recorded) -> Kind:
    """Return the kind of a difference to the record: what was loaded after it was made is not recorded yet."""
    return Kind.NOT_RECORDED if loaded_at is not None and loaded_at > recorded.settled_at else kind


def _of_event(seen: Seen, recorded: Recorded, event: str, gone: AbstractSet[str]) -> Iterator[Finding]:
    split = recorded.rows_by_event.get(event, 0)
    table = seen.tables.get(event, InTable())
    if event in gone:
        if split or table.split:
            yield seen.finding(Kind.TABLE_GONE, event, expected=split or table.split)
    elif table.loaded is None:
        if split:
            yield seen.finding(Kind.EVENT_NOT_LOADED, event, expected=split)
    elif table.split != split:
        kind = _or_not_recorded(Kind.SPLIT_DIFFERS, table.loaded_at, recorded)
        yield seen.finding(kind, event, expected=split, found=table.split)


def _against_the_ledger(seen: Seen, event: str, table: InTable) -> Iterator[Finding]:
    loaded = table.loaded or 0
    if table.lines < loaded:
        yield seen.finding(Kind.ROWS_MISSING, event, expected=loaded, found=table.lines)
    if table.rows > table.lines:
        yield seen.finding(Kind.ROWS_DOUBLED, event, expected=table.lines, found=table.rows)
    if table.lines > loaded:
        yield seen.finding(Kind.ROWS_UNKNOWN, event, expected=loaded, found=table.lines)


def complete_through(
    hours: Sequence[Hour], found: Sequence[Finding], now: datetime, grace: timedelta
) -> Hour | None:
    """Return the last hour such that all hours up to it are over and without a finding; None where there is none.

    An hour is over when its end and the `grace` for late uploads have passed.
    """
    wrong = {finding.hour for finding in found if finding.kind not in NOTES}
    last = None
    for hour in hours:
        if hour in wrong or hour.end + grace > now:
            break
        last = hour
    return last


def hours_of_keys(keys: Sequence[str], prefixes: Mapping[str, Hour]) -> dict[str, Hour]:
    """Return the hour below whose prefix each key stands; a key below none is left out."""
    lengths = sorted({len(prefix) for prefix in prefixes})
    return {key: prefixes[key[:n]] for key in keys for n in lengths if key[:n] in prefixes}
