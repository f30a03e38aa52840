"""Lines that COPY refuses though the split let them through: quarantined after all, the rest is loaded."""

import hashlib
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import orjson

from log_router.core import quarantine
from log_router.core.batches import Batch
from log_router.core.catalog import Catalog
from log_router.core.errors import SPLIT_AGAIN, ConservationError, NeedsAction, Refused
from log_router.core.lines import LongLine
from log_router.core.manifests import ChunkReport, Manifest, Part
from log_router.core.masks import Masks
from log_router.core.reports import QuarantinedLine
from log_router.core.sql import Statements
from log_router.ledgers import Ledger, LedgerEntry, ledger_of
from log_router.loading import Load, Outcome
from log_router.parts import PartSink
from log_router.refusals import Refusal
from log_router.store import Store
from log_router.tracing import raw_lines
from log_router.warehouse import CopyRefused, Warehouse

log = logging.getLogger(__name__)

# More refused lines than this, or than half of the rows where these are more than a few, are no bad lines.
_MOST = 1_000
_FEW = 10

Rows = dict[str, list[bytes]]


def load_isolating(load: Load, store: Store, batch: Batch, masks: Masks) -> Outcome:
    """Load; lines that COPY refuses are quarantined and the others loaded, in one further attempt.

    Raises:
        CopyRefused: it refuses so many that the table must be wrong, or refuses again without them.
        NeedsAction: what was isolated of the raw objects by an earlier load is gone.
        BrokenObject, ConservationError, Refused, WillPass: see Load.run and Store.
    """
    try:
        outcome = load.run()
    except CopyRefused as error:
        amended = _isolate(load, store, batch, masks, error)
        outcome = replace(load, manifest=amended, manifest_url=store.manifest_url(amended)).run()
    # Looked for here, because settle needs them and this event alone is held up where one is gone.
    for batch_id in outcome.isolated_by:
        _kept(store, batch_id, load.event.name)
    return outcome


def _isolate(load: Load, store: Store, batch: Batch, masks: Masks, error: CopyRefused) -> Manifest:
    """Return the manifest without the lines that COPY refuses, written, and these lines kept."""
    manifest = load.manifest
    if manifest.isolation:
        raise CopyRefused(
            f"{error}\nCOPY has refused lines of this batch before, which are quarantined, and refuses again: "
            "compare table and event file; then clear the run's collect task with downstream"
        ) from error
    refused = _refused(load, error)
    log.warning("%s\nisolated: %d lines", error, sum(len(lines) for lines in refused.values()))
    identity = orjson.dumps([[part.url, sorted(lines)] for part, lines in refused.items()])
    isolation = hashlib.blake2b(identity, digest_size=8).hexdigest()
    rows: list[bytes] = []
    counts: Counter[str] = Counter()
    with PartSink(store, manifest.batch_id, f"isolated-{isolation}") as sink:
        for line in _lines(load, store, batch, masks, _rewritten(store, sink, refused)):
            sink.quarantined(line)
            rows.append(quarantine.row(line, manifest.batch_id))
            counts[line.object_id] += 1
        written = sink.finish(())
    kept = tuple(part for part in manifest.parts if part not in refused)
    amended = _amended(manifest, isolation, (*kept, *written.parts), counts)
    store.put(isolated_key(store, manifest.batch_id, manifest.event), b"\n".join(rows))
    # Last, and read first by whoever loads this event of the batch again.
    store.put_manifest(amended)
    return amended


def _rewritten(
    store: Store, sink: PartSink, refused: Mapping[Part, Mapping[int, Refusal]]
) -> dict[str, dict[int, Refusal]]:
    """Write the rows of parts without the refused ones; return these by raw object and line there."""
    by_object: dict[str, dict[int, Refusal]] = {}
    for part, refusals in refused.items():
        for number, row in enumerate(store.rows_of(part), start=1):
            if number not in refusals:
                sink.rows(part.event, row + b"\n", 1)
                continue
            lineage = orjson.loads(row)
            by_object.setdefault(lineage["_lr_object"], {})[lineage["_lr_line"]] = refusals[number]
    return by_object


def _refused(load: Load, error: CopyRefused) -> dict[Part, dict[int, Refusal]]:
    """Return the refusals by part and line.

    Raises:
        CopyRefused: there are too many, or they can't be told.
    """
    limit = min(_MOST, max(_FEW, load.manifest.rows // 2))
    try:
        found = load.rehearse(limit + 1)
    except CopyRefused as again:
        raise CopyRefused(
            f"{error}\nA rehearsal that allows for {limit} bad lines among {load.manifest.rows} was refused as well: "
            "it is not lines that are bad. Compare table and event file"
        ) from again
    parts = {part.url: part for part in load.manifest.parts}
    refused: dict[Part, dict[int, Refusal]] = {}
    for refusal in found or load.refusals(error.session_id):
        if refusal.file not in parts:
            raise error
        refused.setdefault(parts[refusal.file], {})[refusal.line] = refusal
    if not refused:
        raise error
    return refused


def _lines(
    load: Load, store: Store, batch: Batch, masks: Masks, refused: Mapping[str, Mapping[int, Refusal]]
) -> Iterator[QuarantinedLine]:
    """Yield the raw lines that were refused, by raw object and line."""
    event, reason = load.event.name, quarantine.REFUSED_BY_COPY
    longest = store.settings.max_line_bytes
    raws = {raw.object_id: raw for raw in batch.objects}
    for object_id, refusals in refused.items():
        for number, line in raw_lines(store, raws[object_id], refusals, longest):
            # A line that was split and is a long one now has changed in the bucket.
            raw = masks.line(event, line.head if isinstance(line, LongLine) else line)
            length = line.length if isinstance(line, LongLine) else len(raw or line)
            yield QuarantinedLine(object_id, number, event, reason, refusals[number].why, raw, length)


def _amended(manifest: Manifest, isolation: str, parts: tuple[Part, ...], refused: Counter[str]) -> Manifest:
    rows = {object_id: rows - refused[object_id] for object_id, rows in manifest.rows_by_object.items()}
    amended = replace(manifest, parts=parts, rows_by_object=rows, isolation=isolation, refused=dict(refused))
    if amended.rows != sum(rows.values()):
        raise ConservationError(
            f"event {manifest.event} of batch {manifest.batch_id}: without {refused.total()} refused lines its "
            f"parts hold {amended.rows} rows instead of {sum(rows.values())}; nothing is loaded. "
            f"To mend it: {SPLIT_AGAIN}"
        )
    return amended


def isolated_key(store: Store, batch_id: str, event: str) -> str:
    """Return the key at which the lines that were isolated in a batch are kept, as rows of `quarantine.TABLE`."""
    return store.staging_key("quarantine", batch_id, "isolated", f"{event}.json")


def _kept(store: Store, batch_id: str, event: str) -> list[bytes]:
    try:
        return store.get(isolated_key(store, batch_id, event)).splitlines()
    except Refused as error:
        raise NeedsAction(
            f"{error}. It says which lines of event {event} COPY refused when batch {batch_id} was loaded; if it is "
            "gone, run the hour with the parameter mode=reload"
        ) from error


@dataclass(frozen=True)
class Isolations:
    """The lines that COPY has refused of raw objects that are loaded: what settling must know of them."""

    store: Store
    warehouse: Warehouse
    statements: Statements
    ledger_schema: str

    def corrected(
        self, batch: Batch, catalog: Catalog, reports: Mapping[int, ChunkReport], events: Iterable[str]
    ) -> dict[int, ChunkReport]:
        """Return the reports with refused lines of these events quarantined, whichever batch isolated them.

        Raises:
            NeedsAction: what was isolated is gone, or is not what the ledger says.
            ConservationError: see quarantine.isolated.
        """
        refused: dict[str, Rows] = {}
        for event in sorted(events):
            for entry in self._entries(ledger_of(catalog.event(event)), reports.values()):
                refused.setdefault(entry.object_id, {})[event] = self._rows(event, entry)
        return {chunk: self._corrected(batch, chunk, report, refused) for chunk, report in reports.items()}

    def _corrected(
        self, batch: Batch, chunk: int, report: ChunkReport, refused: Mapping[str, Rows]
    ) -> ChunkReport:
        here = {raw.object_id: refused[raw.object_id] for raw in report.objects if raw.object_id in refused}
        if not here:
            return report
        with PartSink(self.store, batch.batch_id, f"isolated-{chunk:05d}") as sink:
            for rows in here.values():
                for row in (row for some in rows.values() for row in some):
                    sink.rows(quarantine.TABLE.name, row + b"\n", 1)
            parts = sink.finish(()).quarantined
        counts = {
            object_id: {event: len(some) for event, some in rows.items()} for object_id, rows in here.items()
        }
        return quarantine.isolated(report, counts, parts)

    def _entries(self, ledger: str, reports: Iterable[ChunkReport]) -> list[LedgerEntry]:
        object_ids = [raw.object_id for report in reports for raw in report.objects]
        with self.warehouse.session() as session:
            entries = Ledger(session, self.statements, self.ledger_schema, ledger).entries(
                "object_id", object_ids
            )
            return [entry for entry in entries if entry.refused]

    def _rows(self, event: str, entry: LedgerEntry) -> list[bytes]:
        kept = _kept(self.store, entry.batch_id, event)
        rows = [row for row in kept if orjson.loads(row)["_lr_object"] == entry.object_id]
        if len(rows) != entry.refused:
            raise NeedsAction(
                f"raw object {entry.object_id}: the ledger of event {event} says that {entry.refused} of its lines "
                f"were refused, batch {entry.batch_id} has kept {len(rows)}; load it anew: "
                f"log-router reload --object {entry.object_id}"
            )
        return rows
