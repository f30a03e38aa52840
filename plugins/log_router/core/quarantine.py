"""Quarantined lines as rows: a table beside the ledger, so that they can be asked for in SQL."""

from collections import Counter
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import TYPE_CHECKING

import orjson

from log_router.core.errors import SPLIT_AGAIN, ConservationError
from log_router.core.events import Event
from log_router.core.manifests import ChunkReport, Manifest, Part
from log_router.core.reports import ObjectReport, QuarantinedLine

if TYPE_CHECKING:
    from log_router.core.batches import Batch
    from log_router.core.catalog import Catalog

# Of a line that can't be loaded the table holds this many bytes; the files in staging hold all of it.
HEAD_BYTES = 256
_MAX_DETAIL = 1000
# The reason of a line that the split let through.
REFUSED_BY_COPY = "refused_by_copy"

TABLE = Event.model_validate(
    {
        "name": "quarantined_lines",
        "event_type": "quarantined_lines",
        "table": "quarantined_lines",
        "description": "Lines that could not be loaded as they are; _lr_object and _lr_line say where they stand",
        "columns": [
            {"name": "event", "type": "varchar(256)", "description": "NULL where the line did not tell"},
            {"name": "reason", "type": "varchar(64)"},
            {"name": "detail", "type": "varchar(4096)"},
            {"name": "length", "type": "bigint", "description": "Bytes of the whole line"},
            # Each byte that is not UTF-8 becomes U+FFFD, of three bytes.
            {"name": "head", "type": f"varchar({3 * HEAD_BYTES})", "description": "The line's first bytes"},
        ],
    }
)


def row(line: QuarantinedLine, batch_id: str) -> bytes:
    """Return a quarantined line as a row of `TABLE`."""
    detail = line.detail if len(line.detail) <= _MAX_DETAIL else f"{line.detail[: _MAX_DETAIL - 3]}..."
    columns = {
        "reason": line.reason,
        "detail": _storable(detail),
        "length": line.length,
        "head": _storable(line.raw[:HEAD_BYTES].decode(errors="replace")),
        "_lr_object": line.object_id,
        "_lr_line": line.line_number,
        "_lr_batch": batch_id,
    }
    return orjson.dumps({"event": line.event, **columns} if line.event else columns)


def _storable(text: str) -> str:
    """Return a text as VARCHAR takes it: without U+0000 and halves of surrogate pairs."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()


def manifest(
    batch: "Batch",
    catalog: "Catalog",
    reports: Iterable[ChunkReport],
    left_alone: AbstractSet[str] = frozenset(),
) -> Manifest:
    """Return the manifest of a batch's quarantined lines; it replaces what the table holds of the raw objects.

    Lines of events that the batch leaves alone stay there, and all of the raw objects in `left_alone`.

    Raises:
        ConservationError: there are other rows than lines were quarantined.
    """
    parts: list[Part] = []
    counts: dict[str, int] = {}
    for report in reports:
        parts += report.quarantined
        counts |= {raw.object_id: raw.quarantined.total() for raw in report.objects}
    made = Manifest(
        *(TABLE.name, batch.batch_id, batch.config_hash, tuple(parts), counts),
        reload=True,
        spared=tuple(event.name for event in batch.filtered(catalog)),
    )
    if made.rows != sum(counts.values()):
        raise ConservationError(
            f"batch {batch.batch_id}: {sum(counts.values())} lines were quarantined but {made.rows} are kept as rows; "
            f"to mend it: {SPLIT_AGAIN}"
        )
    others = {object_id: lines for object_id, lines in counts.items() if object_id not in left_alone}
    return replace(made, rows_by_object=others)


def isolated(
    report: ChunkReport, refused: Mapping[str, Mapping[str, int]], parts: Iterable[Part]
) -> ChunkReport:
    """Return a report in which lines that COPY refused, by raw object and event, are quarantined and no rows.

    `parts` hold them as rows of `TABLE`.

    Raises:
        ConservationError: more lines were refused than rows were split.
    """
    objects = tuple(_without(raw, refused.get(raw.object_id, {})) for raw in report.objects)
    return replace(report, objects=objects, quarantined=(*report.quarantined, *parts))


def _without(raw: ObjectReport, refused: Mapping[str, int]) -> ObjectReport:
    rows, quarantined = Counter(raw.rows), Counter(raw.quarantined)
    for event, lines in refused.items():
        rows[event] -= lines
        quarantined[event, REFUSED_BY_COPY] += lines
        if rows[event] < 0:
            raise ConservationError(
                f"raw object {raw.object_id}: COPY refused {lines} lines of event {event}, but {raw.rows[event]} "
                f"rows were split from it; load it anew: log-router reload --object {raw.object_id}"
            )
    return replace(raw, rows=rows, quarantined=quarantined)
