"""Quarantined lines as rows: a table beside the ledger, so that they can be asked for in SQL."""

from collections.abc import Iterable

import orjson

from log_router.core.errors import ConservationError
from log_router.core.events import Event
from log_router.core.manifests import ChunkReport, Manifest, Part
from log_router.core.reports import QuarantinedLine

# Of a line that can't be loaded the table holds this many bytes; the files in staging hold all of it.
HEAD_BYTES = 256
_MAX_DETAIL = 1000

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


def manifest(batch_id: str, config_hash: str, reports: Iterable[ChunkReport]) -> Manifest:
    """Return the manifest of a batch's quarantined lines; it replaces what the table holds of the raw objects.

    Raises:
        ConservationError: there are other rows than lines were quarantined.
    """
    parts: list[Part] = []
    counts: dict[str, int] = {}
    for report in reports:
        parts += report.quarantined
        counts |= {raw.object_id: raw.quarantined.total() for raw in report.objects}
    made = Manifest(TABLE.name, batch_id, config_hash, tuple(parts), counts, reload=True)
    if made.rows != sum(counts.values()):
        raise ConservationError(
            f"batch {batch_id}: {sum(counts.values())} lines were quarantined but {made.rows} are kept as rows; "
            "clear the split tasks of this run to split again"
        )
    return made
