"""The audit: the raw bucket, the record, the ledgers and the tables compared, hour by hour. It only reads."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from log_router.core import quarantine
from log_router.core.batches import RawObject
from log_router.core.catalog import Catalog
from log_router.core.errors import NeedsAction
from log_router.core.findings import (
    Events,
    Finding,
    InTable,
    Kind,
    Recorded,
    Seen,
    complete_through,
    findings,
    hours_of_keys,
)
from log_router.core.settings import Settings
from log_router.core.sql import Statements
from log_router.core.windows import Hour
from log_router.lineage import EventTable, Lineage
from log_router.store import Store
from log_router.warehouse import Session, Warehouse, past_conflicts

FATES = ("lines", "rows", "quarantined", "unrouted", "blank")


@dataclass
class Audit:
    """What an audit came to. `totals` are of the recorded objects, lines by fate, and rows that `unique` dropped.

    `not_compared` are events without a file of which the record tells rows, but no ledger has their name.
    """

    hours: Sequence[Hour]
    complete_through: Hour | None = None
    findings: list[Finding] = field(default_factory=list)
    objects: int = 0
    totals: Counter[str] = field(default_factory=Counter)
    empty_hours: list[Hour] = field(default_factory=list)
    not_over: list[Hour] = field(default_factory=list)
    not_compared: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Auditor:
    """Audits hours; with `events`, only these events' tables and ledgers."""

    store: Store
    warehouse: Warehouse
    statements: Statements
    settings: Settings
    catalog: Catalog
    events: AbstractSet[str] = frozenset()

    def audit(
        self, hours: Sequence[Hour], now: datetime, progress: Callable[[str], None] = lambda _: None
    ) -> Audit:
        """Return what is wrong with the raw objects of these hours.

        What a first look finds is looked at again: it may be of two moments of a load that runs meanwhile.

        Raises:
            NeedsAction: an event of `events` has neither a file nor a ledger.
            Refused, WillPass: see Store and Warehouse.
        """
        grace = timedelta(seconds=self.settings.grace_seconds)
        audit = self._look(hours, progress)
        if audit.findings:
            progress("looking again at what was found")
            doubtful = {one.hour for one in audit.findings}
            first = {one.identity for one in audit.findings}
            again = self._look([hour for hour in hours if hour in doubtful], progress).findings
            audit.findings = [one for one in again if one.identity in first]
        audit.not_over = [hour for hour in hours if hour.end + grace > now]
        audit.complete_through = complete_through(hours, audit.findings, now, grace)
        return audit

    def _look(self, hours: Sequence[Hour], progress: Callable[[str], None]) -> Audit:
        prefixes = {hour.prefix(self.settings.raw_prefix): hour for hour in hours}
        listed: dict[Hour, tuple[RawObject, ...]] = {}
        for number, (prefix, hour) in enumerate(prefixes.items(), start=1):
            progress(f"listing hour {number} of {len(prefixes)}: {hour}")
            listed[hour] = self.store.list_raw(prefix)
        look = past_conflicts(partial(_Look, self, prefixes, listed, progress))
        audit = Audit(hours, objects=sum(map(len, listed.values())), totals=look.totals)
        audit.findings = sorted(look.findings, key=_order)
        audit.empty_hours = [hour for hour, raws in listed.items() if not raws]
        audit.not_compared = sorted(look.not_compared)
        return audit


def _order(finding: Finding) -> tuple[int, str, str, str]:
    return (
        list(Kind).index(finding.kind),
        str(finding.hour or ""),
        finding.url or finding.object_id,
        finding.event,
    )


class _Look:
    """One look at everything, in one session with a transaction for each event.

    A transaction reads a ledger and its table at one moment, and then lets the loads go on that wait for it.
    """

    def __init__(
        self,
        auditor: Auditor,
        prefixes: dict[str, Hour],
        listed: dict[Hour, tuple[RawObject, ...]],
        progress: Callable[[str], None],
    ) -> None:
        self._auditor = auditor
        self._prefixes = prefixes
        self._progress = progress
        self._seen = {
            raw.object_id: Seen(raw.object_id, raw.url, hour, listed=True)
            for hour, raws in listed.items()
            for raw in raws
        }
        self._strays: list[Finding] = []
        self.totals: Counter[str] = Counter()
        self.not_compared: set[str] = set()
        with auditor.warehouse.session() as session:
            self._read(session)
        self.findings = [*self._found(), *self._strays]

    def _read(self, session: Session) -> None:
        auditor = self._auditor
        lineage = Lineage(session, auditor.statements, auditor.settings, auditor.catalog)
        self._tables = self._chosen(lineage.tables())
        self._read_record(lineage)
        session.commit()
        ids = list(self._seen)
        for table in self._tables:
            self._progress(f"counting {table.schema}.{table.table}")
            if table.event == quarantine.TABLE.name:
                self._read_quarantined(lineage, table, ids)
            else:
                self._read_table(lineage, table, ids)
            session.commit()

    def _chosen(self, tables: Sequence[EventTable]) -> list[EventTable]:
        events, own = self._auditor.events, quarantine.TABLE.name
        known = [table.event for table in tables]
        # A slip of the pen would compare no table at all, and find nothing.
        if unknown := sorted(events - set(known)):
            raise NeedsAction(
                f"there is no event {', '.join(unknown)}, neither a file nor a ledger; there are {', '.join(known)}"
            )
        return [table for table in tables if not events or table.event in (*events, own)]

    def _read_record(self, lineage: Lineage) -> None:
        recorded = list(lineage.below(list(self._prefixes)))
        hours = hours_of_keys([each.raw.key for each in recorded], self._prefixes)
        by_url = {seen.url: seen for seen in self._seen.values()}
        for each in recorded:
            seen = self._seen.setdefault(
                each.object_id, Seen(each.object_id, each.raw.url, hours.get(each.raw.key))
            )
            if not seen.listed and seen.url in by_url:
                seen.replaced = True
                by_url[seen.url].replaces = True
            counts = (each.lines, each.rows, each.quarantined, each.unrouted, each.blank)
            seen.recorded = Recorded(*counts, each.settled_at)
            self.totals.update(dict(zip(FATES, counts, strict=True)))
        self._read_events(lineage, [each.object_id for each in recorded])

    def _read_events(self, lineage: Lineage, ids: Sequence[str]) -> None:
        events = self._auditor.events
        known = {table.event for table in self._tables}
        for object_id, event, event_type, rows, bad, unrouted, *_ in lineage.events(ids):
            recorded = self._seen[object_id].recorded
            if recorded is None:
                continue
            recorded.quarantined_by_event += bad
            if event is None and event_type is not None:
                before = recorded.unrouted_by_type.get(event_type, 0)
                recorded.unrouted_by_type[event_type] = before + unrouted
            if event is None:
                continue
            # One whose file is gone is named by its table, which has the event's name unless the file said otherwise.
            name = event if event in known else event.lower()
            recorded.rows_by_event[name] = recorded.rows_by_event.get(name, 0) + rows
            if rows and name not in known and not events:
                self.not_compared.add(event)

    def _read_table(self, lineage: Lineage, table: EventTable, ids: Sequence[str]) -> None:
        for entry in lineage.entries(table, "object_id", ids):
            found = self._in_table(entry.object_id, table.event)
            found.loaded = (found.loaded or 0) + entry.loaded
            found.dropped += entry.dropped
            self.totals["dropped"] += entry.dropped
            found.loaded_at = entry.loaded_at
        for object_id, rows, lines in lineage.counts(table, ids):
            found = self._in_table(object_id, table.event)
            found.rows, found.lines = rows, lines
        self._strays += [
            Finding(Kind.ROWS_UNKNOWN, object_id, "", None, table.event, found=rows)
            for object_id, rows in lineage.strays(table)
            if object_id not in self._seen
        ]

    def _in_table(self, object_id: str, event: str) -> InTable:
        return self._seen[object_id].tables.setdefault(event, InTable())

    def _read_quarantined(self, lineage: Lineage, table: EventTable, ids: Sequence[str]) -> None:
        for entry in lineage.entries(table, "object_id", ids):
            self._seen[entry.object_id].quarantined_at = entry.loaded_at
        for object_id, rows, lines in lineage.counts(table, ids):
            seen = self._seen[object_id]
            seen.quarantined_rows, seen.quarantined_lines = rows, lines

    def _found(self) -> Iterator[Finding]:
        catalog = self._auditor.catalog
        tables = [table for table in self._tables if table.event != quarantine.TABLE.name]
        known = {table.event for table in tables}
        events = Events(
            known=known,
            gone={table.event for table in tables if not (table.there and table.ledger_there)},
            configured={table.event for table in tables if table.configured},
            by_type={
                claim: event.name for event in catalog.events if event.name in known for claim in event.claims
            },
        )
        for seen in self._seen.values():
            yield from findings(seen, events)
