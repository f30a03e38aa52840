"""A decoded line becomes a row: a flat JSON object of its table's columns."""

from itertools import groupby

import msgspec

from log_router.core import paths
from log_router.core.bad_values import BadValue
from log_router.core.events import Event
from log_router.core.values import Converter, converter

# Redshift's COPY takes a JSON object of 4 MB at most (Database Developer Guide, "COPY from JSON format"),
# and its parser needs a second byte for each `|`.
MAX_ROW_BYTES = 4 * 1024 * 1024
_encode = msgspec.json.Encoder().encode


class Shaper:
    """What one event's lines become. Made once per event and batch, used for each of its lines."""

    def __init__(self, event: Event, batch_id: str) -> None:
        self._batch_id = batch_id
        # Columns one after the other whose values lie in one container: it is looked up once for all of them.
        self._groups: list[tuple[paths.Path, list[tuple[str, str | int, Converter, bool]]]] = [
            (where, [(each.name, each.path[-1], converter(each), each.required) for each in columns])
            for where, columns in groupby(event.columns, key=lambda column: column.path[:-1])
        ]

    def row(self, document: dict[str, object], object_id: str, line_number: int) -> bytes:
        """Return the row as one line of JSON; columns without a value are left out and become NULL.

        Raises:
            BadValue: a column can't take its value, a required value is missing, or the row is too large.
        """
        row: dict[str, object] = {}
        for where, columns in self._groups:
            container = paths.container(document, where)
            for name, key, convert, required in columns:
                value = container.get(key)
                if value is None:
                    if required:
                        path = paths.written((*where, key))
                        raise BadValue("missing_required", f"{name}: there is no value at `{path}`")
                    continue
                try:
                    row[name] = convert(value)
                except BadValue as error:
                    raise BadValue(error.reason, f"{name}: {error.detail}") from error
                except RecursionError as error:
                    # What could just be decoded may need a deeper stack to be written or shown.
                    raise BadValue("too_deep", f"{name}: its value is nested too deeply") from error
        row["_lr_object"] = object_id
        row["_lr_line"] = line_number
        row["_lr_batch"] = self._batch_id
        encoded = _encode(row)
        size = len(encoded) + encoded.count(b"|")
        if size > MAX_ROW_BYTES:
            raise BadValue(
                "row_too_large", f"the row has {size} bytes, each `|` as two; Redshift takes {MAX_ROW_BYTES}"
            )
        return encoded
