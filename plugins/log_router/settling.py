"""The end of a batch: what became of each raw object, recorded in the warehouse."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from log_router.core.batches import Batch
from log_router.core.catalog import Catalog
from log_router.core.manifests import ChunkReport
from log_router.core.reports import ObjectReport
from log_router.core.sql import Statements
from log_router.loading import slices
from log_router.warehouse import Session, Warehouse, past_conflicts

log = logging.getLogger(__name__)

Entry = tuple[str | int | None, ...]


@dataclass(frozen=True)
class Settlement:
    """What a batch came to: lines by fate, and the raw objects and events that are not complete."""

    objects: int
    lines: int
    rows: int
    quarantined: int
    unrouted: int
    blank: int
    incomplete_objects: int


@dataclass(frozen=True)
class Settler:
    """Records settled raw objects. Recording a batch twice leaves one record of each object."""

    warehouse: Warehouse
    statements: Statements
    ledger_schema: str

    def settle(
        self, batch: Batch, catalog: Catalog, reports: Sequence[ChunkReport], loaded_events: AbstractSet[str]
    ) -> Settlement:
        """Record every raw object of which all rows are loaded; the others stay pending for a later run."""
        everything = [report for chunk in reports for report in chunk.objects]
        complete = [report for report in everything if _events(batch, catalog, report) <= loaded_events]
        if complete:
            self._record(batch, catalog, complete)
        return Settlement(
            objects=len(complete),
            lines=sum(report.lines for report in complete),
            rows=sum(report.rows.total() for report in complete),
            quarantined=sum(report.quarantined.total() for report in complete),
            unrouted=sum(report.unrouted.total() for report in complete),
            blank=sum(report.blank for report in complete),
            incomplete_objects=len(batch.objects) - len(complete),
        )

    def _record(self, batch: Batch, catalog: Catalog, reports: Sequence[ObjectReport]) -> None:
        types = {event.name: event.event_type for event in catalog.events}
        objects = _object_entries(batch, reports)
        events = [entry for report in reports for entry in _event_entries(report, types)]
        object_ids = [report.object_id for report in reports]

        def transaction() -> None:
            with self.warehouse.session() as session:
                # Locked before the snapshot: parallel runs queue here instead of failing on each other's rows.
                session.run(self._render("lock_table", table="objects"))
                self._replace(session, "objects", objects, object_ids)
                self._replace(session, "object_events", events, object_ids)
                session.commit()

        past_conflicts(transaction)

    def _replace(
        self, session: Session, table: str, entries: Sequence[Entry], object_ids: Sequence[str]
    ) -> None:
        for some in slices(object_ids):
            session.run(self._render(f"delete_{table}", object_ids=some))
        for these in slices(entries):
            session.run(self._render(f"insert_{table}", entries=these))

    def _render(self, name: str, **values: object) -> str:
        return self.statements.render(name, schema=self.ledger_schema, **values)


def _events(batch: Batch, catalog: Catalog, report: ObjectReport) -> AbstractSet[str]:
    """Return the events whose loads must have succeeded before a raw object is settled."""
    return report.rows.keys() | ({event.name for event in catalog.events} if batch.reload else set())


def unfinished(
    batch: Batch, catalog: Catalog, reports: Mapping[int, ChunkReport], loaded_events: AbstractSet[str]
) -> list[str]:
    """Return one line for each thing that keeps raw objects of the batch pending: what, and the remedy."""
    problems = [
        f"chunk {chunk} of the batch was not split ({len(raws)} raw objects): see the log of its split task"
        for chunk, raws in enumerate(batch.chunks)
        if chunk not in reports
    ]
    problems += [broken.detail for report in reports.values() for broken in report.broken]
    events = {
        event
        for report in reports.values()
        for raw in report.objects
        for event in _events(batch, catalog, raw)
    }
    problems += [
        f"event {event} was not loaded: see the log of its copy task"
        for event in sorted(events - loaded_events)
    ]
    return problems


def _object_entries(batch: Batch, reports: Sequence[ObjectReport]) -> list[Entry]:
    raws = {raw.object_id: raw for raw in batch.objects}
    return [
        (
            report.object_id,
            raws[report.object_id].bucket,
            raws[report.object_id].key,
            raws[report.object_id].etag,
            raws[report.object_id].size,
            batch.batch_id,
            report.lines,
            report.rows.total(),
            report.quarantined.total(),
            report.unrouted.total(),
            report.blank,
        )
        for report in reports
    ]


def _event_entries(report: ObjectReport, types: dict[str, str]) -> Iterator[Entry]:
    quarantined: dict[str, int] = {}
    for (event, _), lines in report.quarantined.items():
        quarantined[event] = quarantined.get(event, 0) + lines
    for event in sorted(report.rows.keys() | quarantined.keys()):
        yield (
            report.object_id,
            event or None,
            types.get(event),
            report.rows[event],
            quarantined.get(event, 0),
            0,
        )
    for event_type, lines in sorted(report.unrouted.items()):
        yield (report.object_id, None, event_type, 0, 0, lines)
