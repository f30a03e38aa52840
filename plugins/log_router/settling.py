"""The end of a batch: what became of each raw object, recorded in the warehouse."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import partial

from log_router.core.batches import Batch, RawObject
from log_router.core.catalog import Catalog
from log_router.core.freshness import Freshness, freshness
from log_router.core.manifests import ChunkReport
from log_router.core.records import Fate, Work, dated, fates_of, joined
from log_router.core.reports import ObjectReport
from log_router.core.sql import Statements
from log_router.lanes import HOURLY_DAG
from log_router.ledgers import Ledger, LedgerEntry, ledger_of
from log_router.warehouse import Session, Warehouse, moment, past_conflicts, slices

log = logging.getLogger(__name__)

Entry = tuple[str | float | datetime | None, ...]
# When the rows of an event were loaded: by the batch that is settled; None where the ledger must be asked, as earlier
# batches have loaded some of them.
Loads = Mapping[str, datetime | None]
# Of raw objects and events.
Entries = Mapping[tuple[str, str], LedgerEntry]


@dataclass(frozen=True)
class Settlement:
    """What a batch came to: lines by fate, and the raw objects that are not complete.

    `reopened` are raw objects whose record was removed: it did not fit what was split now. `fresh` is of what
    was loaded, by event; nothing in a reload, whose rows are there since long.
    """

    objects: int
    lines: int
    rows: int
    quarantined: int
    unrouted: int
    blank: int
    incomplete_objects: int
    filtered: int = 0
    reopened: int = 0
    fresh: list[Freshness] = field(default_factory=list, compare=False)

    def counts(self) -> dict[str, int]:
        """Return the counts by name."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name != "fresh"}


@dataclass(frozen=True)
class Settler:
    """Records settled raw objects. Recording a batch twice leaves one record of each object."""

    warehouse: Warehouse
    statements: Statements
    ledger_schema: str

    def settle(
        self, batch: Batch, catalog: Catalog, reports: Sequence[ChunkReport], loads: Loads, work: Work
    ) -> Settlement:
        """Record every raw object of which all rows are loaded, and the batch; the others stay pending for a later run.

        Where the batch leaves events alone, what is recorded of these stays, and a raw object that has no record gets
        none: it stays pending for a run of all events.
        """
        complete, _ = _by_completeness(batch, catalog, reports, loads.keys())
        done = _batch_entry(batch, complete, work)
        reopened, fresh = self._record(batch, catalog, complete, loads, done) if batch.objects else (0, [])
        return Settlement(
            objects=len(complete),
            lines=sum(report.lines for report in complete),
            rows=sum(report.rows.total() for report in complete),
            quarantined=sum(report.quarantined.total() for report in complete),
            unrouted=sum(report.unrouted.total() for report in complete),
            filtered=sum(report.filtered for report in complete),
            blank=sum(report.blank for report in complete),
            incomplete_objects=len(batch.objects) - len(complete),
            reopened=reopened,
            fresh=fresh,
        )

    def left_alone(
        self, batch: Batch, catalog: Catalog, reports: Sequence[ChunkReport], loaded_events: AbstractSet[str]
    ) -> AbstractSet[str]:
        """Return the ids of raw objects that have a record and are not complete now: their record will stay."""
        _, incomplete = _by_completeness(batch, catalog, reports, loaded_events)
        if not incomplete:
            return frozenset()
        with self.warehouse.session() as session:
            return self._before(session, incomplete).keys()

    def _record(
        self, batch: Batch, catalog: Catalog, reports: Sequence[ObjectReport], loads: Loads, done: Entry
    ) -> tuple[int, list[Freshness]]:
        """Replace the records of raw objects and batch; return how many had to go, and how fresh what was loaded is."""
        raws = {raw.object_id: raw for raw in batch.objects}

        def transaction() -> tuple[list[str], list[Freshness]]:
            with self.warehouse.session() as session:
                entries = self._entries(session, catalog, reports, loads)
                # Locked before the snapshot: parallel runs queue here instead of failing on each other's rows.
                session.run(self._render("lock_table", table="objects"))
                found = list(self._found(session, batch, catalog, reports, _times(loads, entries)))
                ids = [report.object_id for report, _ in found]
                kept = [(report, fates) for report, fates in found if fates is not None]
                objects = [_object_entry(raws[one.object_id], batch, one, fates) for one, fates in kept]
                events = [(report.object_id, *fate) for report, fates in kept for fate in fates]
                self._replace(session, "objects", objects, ids)
                self._replace(session, "object_events", events, ids)
                session.run(self._render("delete_batch", batch_id=batch.batch_id))
                session.run(self._render("insert_batch", entry=done))
                session.commit()
            gone = [raws[report.object_id].url for report, fates in found if fates is None]
            return gone, [] if batch.reload else _fresh(batch, kept, loads, entries)

        reopened, fresh = past_conflicts(transaction)
        for url in reopened:
            log.warning("%s: its record does not fit what was split now and is removed: pending again", url)
        return len(reopened), fresh

    def _entries(
        self, session: Session, catalog: Catalog, reports: Sequence[ObjectReport], loads: Loads
    ) -> Entries:
        """Return what the ledgers say of events of which earlier batches have loaded some rows; commit."""
        found: dict[tuple[str, str], LedgerEntry] = {}
        asked = [event for event, loaded_at in loads.items() if loaded_at is None]
        for event in asked:
            ledger = Ledger(session, self.statements, self.ledger_schema, ledger_of(catalog.event(event)))
            ids = [report.object_id for report in reports if report.rows[event]]
            found |= {(entry.object_id, event): entry for entry in ledger.entries("object_id", ids)}
        if asked:
            # Before the record is locked: a ledger is waited for as long as a load has it.
            session.commit()
        return found

    def _found(
        self,
        session: Session,
        batch: Batch,
        catalog: Catalog,
        reports: Sequence[ObjectReport],
        loaded_at: Callable[[str, str | None], datetime | None],
    ) -> Iterator[tuple[ObjectReport, list[Fate] | None]]:
        """Yield each report with what is to be recorded of it; None where there must be no record."""
        filtered = batch.filtered(catalog)
        before = self._before(session, reports) if filtered else {}
        lane = _lane(batch)
        for report in reports:
            now = dated(fates_of(report, catalog), lane, partial(loaded_at, report.object_id))
            if not filtered:
                yield report, now
            elif report.object_id in before:
                yield report, joined(report, now, before[report.object_id], filtered)
        if filtered and len(before) < len(reports):
            missing = len(reports) - len(before)
            log.info("%d raw objects have no record: they stay pending for a run of all events", missing)

    def _before(self, session: Session, reports: Sequence[ObjectReport]) -> dict[str, list[Fate]]:
        """Return what is recorded of raw objects; those without a record are missing."""
        found: dict[str, list[Fate]] = {}
        for some in slices([report.object_id for report in reports]):
            which = {"column": "object_id", "values": some}
            recorded = session.fetch(self._render("settled_with", **which))
            found |= {object_id: [] for object_id, *_ in recorded}
            fates = session.fetch(self._render("events_of_objects", object_ids=some))
            for object_id, *counts, loaded_at, lane in fates:
                at = None if loaded_at is None else moment(loaded_at)
                found[object_id].append(Fate(*counts)._replace(loaded_at=at, lane=lane))
        return found

    def _replace(
        self, session: Session, table: str, entries: Sequence[Entry], object_ids: Sequence[str]
    ) -> None:
        for some in slices(object_ids):
            session.run(self._render(f"delete_{table}", object_ids=some))
        for these in slices(entries):
            session.run(self._render(f"insert_{table}", entries=these))

    def _render(self, name: str, **values: object) -> str:
        return self.statements.render(name, schema=self.ledger_schema, **values)


def _by_completeness(
    batch: Batch, catalog: Catalog, reports: Sequence[ChunkReport], loaded_events: AbstractSet[str]
) -> tuple[list[ObjectReport], list[ObjectReport]]:
    """Return the reports of raw objects of which all rows are loaded, and those of the others."""
    named = batch.named(catalog)
    parted: tuple[list[ObjectReport], list[ObjectReport]] = ([], [])
    for chunk in reports:
        for report in chunk.objects:
            parted[not report.rows.keys() | named <= loaded_events].append(report)
    return parted


def _times(loads: Loads, entries: Entries) -> Callable[[str, str | None], datetime | None]:
    """Return what tells when the rows of an event were loaded of a raw object."""

    def loaded_at(object_id: str, event: str | None) -> datetime | None:
        entry = entries.get((object_id, event or ""))
        if entry is None or entry.loaded_at is None:
            return loads.get(event or "")
        return moment(entry.loaded_at)

    return loaded_at


def _fresh(
    batch: Batch, recorded: Sequence[tuple[ObjectReport, Sequence[Fate]]], loads: Loads, entries: Entries
) -> list[Freshness]:
    """Return how fresh that is what this batch has loaded; what batches before it have was theirs to tell."""
    raws = {raw.object_id: raw for raw in batch.objects}
    theirs = {key for key, entry in entries.items() if entry.batch_id != batch.batch_id}
    return freshness(
        (raws[report.object_id], fate)
        for report, fates in recorded
        for fate in fates
        if fate.event in loads and (report.object_id, fate.event) not in theirs
    )


def unfinished(
    batch: Batch, catalog: Catalog, reports: Mapping[int, ChunkReport], loaded_events: AbstractSet[str]
) -> list[str]:
    """Return one line for each thing that keeps raw objects from being settled, the widest first."""
    problems = [
        f"chunk {chunk} of the batch was not split ({len(raws)} raw objects): see the log of split "
        f"[chunk {chunk} {batch.label}]"
        for chunk, raws in enumerate(batch.chunks)
        if chunk not in reports
    ]
    found = [raw for report in reports.values() for raw in report.objects]
    events = batch.named(catalog) if found else frozenset()
    events = events.union(*(raw.rows for raw in found))
    problems += [
        f"event {event} was not loaded: see the log of load.copy [{event} {batch.label}]"
        for event in sorted(events - loaded_events)
    ]
    # A key may hold line feeds.
    problems += [
        broken.detail.replace("\n", "\\n") for report in reports.values() for broken in report.broken
    ]
    return problems


def findings(
    batch: Batch, settlement: Settlement, pending: Sequence[str], too_many: Sequence[str], again: str
) -> str:
    """Return what the end of a run must say to a person: one line each, what is not loaded first, with the remedies.

    `pending` is what `unfinished` found, `too_many` which thresholds of quarantined lines are exceeded, and `again` the
    command that runs the same again.
    """
    incomplete = f"{settlement.incomplete_objects} of {len(batch.objects)} raw objects are not loaded whole; "
    lines = [
        f"{batch.batch_id}: {incomplete if pending else ''}all that could be loaded is loaded and recorded:"
    ]
    if pending:
        lines += [*pending, f"after these remedies run: {again}"]
    if settlement.reopened:
        lines.append(
            f"{settlement.reopened} raw objects, named above in this log, are pending again: what was recorded of the "
            "events that this run left alone does not fit their lines any more; run their hours: airflow dags trigger "
            f"""{HOURLY_DAG} --conf '{{"hour": "<hour>", "mode": "reload"}}'"""
        )
    return "\n".join([*lines, *too_many])


def _lane(batch: Batch) -> str:
    return "reload" if batch.reload else batch.lane


def _batch_entry(batch: Batch, complete: Sequence[ObjectReport], work: Work) -> Entry:
    return (
        *(batch.batch_id, batch.label, _lane(batch), len(complete), len(batch.objects) - len(complete)),
        *(work.size_bytes, sum(report.lines for report in complete)),
        sum(report.rows.total() for report in complete),
        *(work.split_tasks, work.split_seconds, work.loads, work.load_seconds, work.planned_at),
    )


def _object_entry(raw: RawObject, batch: Batch, report: ObjectReport, fates: Sequence[Fate]) -> Entry:
    return (
        *(raw.object_id, raw.bucket, raw.key, raw.etag, raw.size, batch.batch_id, report.lines),
        sum(fate.rows for fate in fates),
        sum(fate.quarantined for fate in fates),
        sum(fate.unrouted for fate in fates),
        report.blank,
        raw.written_at,
    )
