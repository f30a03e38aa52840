"""A decoded line becomes a row: a flat JSON object of its table's columns."""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

import msgspec

from log_router.core import paths
from log_router.core.bad_values import BadValue
from log_router.core.events import Column, Event
from log_router.core.super_values import super_value
from log_router.core.values import Converter, converter, cut

# Redshift's COPY takes a JSON object of 4 MB at most (Database Developer Guide, "COPY from JSON format"),
# and its parser needs a second byte for each `|`.
MAX_ROW_BYTES = 4 * 1024 * 1024
_encode = msgspec.json.Encoder().encode
# Name, key in the container, converter, whether it is required, and what stands in its place where it is missing.
_Field = tuple[str, str | int, Converter, bool, object]


class Shaper:
    """What one event's lines become. Made once per event and batch, used for each of its lines.

    `lenient` counts values by column that were cut or made NULL as the column allows; `widest` has the bytes of the
    longest value by column, where that is more than the column's type says. Whoever reads them clears them.
    `fixed` are the values that are the same in every row.
    """

    def __init__(self, event: Event, batch_id: str, known: Iterable[paths.Path] = ()) -> None:
        self.lenient: Counter[str] = Counter()
        self.widest: dict[str, int] = {}
        self.batch_id = batch_id
        read = [
            column for column in event.table_columns if column.constant is None and column.name != event.extra
        ]
        self.fixed = {
            column.name: converter(column)(column.constant)
            for column in event.table_columns
            if column.constant is not None
        }
        # Columns one after the other whose values lie in one container: it is looked up once for all of them.
        self._groups: list[tuple[paths.Path, list[_Field]]] = [
            (where, [self.field(column) for column in columns])
            for where, columns in groupby(read, key=lambda column: column.path[:-1])
        ]
        self._lenient = {column.name: column for column in read if column.on_error != "quarantine"}
        self._extra = event.extra
        self._named = Named(event, known)

    def row(self, document: dict[str, object], object_id: str, line_number: int) -> bytes:  # noqa: C901 - the hot loop: no calls that can be spared
        """Return the row as one line of JSON; columns without a value are left out and become NULL.

        Raises:
            BadValue: a column can't take its value, a required value is missing, or the row is too large.
        """
        row = self.fixed.copy()
        lenient: list[str] = []
        for where, columns in self._groups:
            container = paths.container(document, where)
            for name, key, convert, required, default in columns:
                value = container.get(key)
                if value is None:
                    if required:
                        path = paths.written((*where, key))
                        raise BadValue("missing_required", f"{name}: there is no value at `{path}`")
                    if default is not None:
                        row[name] = default
                    continue
                try:
                    row[name] = convert(value)
                except BadValue as error:
                    self._forgive(name, value, error, row)
                    lenient.append(name)
                except RecursionError as error:
                    # What could just be decoded may need a deeper stack to be written or shown.
                    raise BadValue("too_deep", f"{name}: its value is nested too deeply") from error
        if self._extra is not None:
            self._keep_others(document, row)
        row["_lr_object"] = object_id
        row["_lr_line"] = line_number
        row["_lr_batch"] = self.batch_id
        encoded = _encode(row)
        size = len(encoded) + encoded.count(b"|")
        if size > MAX_ROW_BYTES:
            raise BadValue(
                "row_too_large", f"the row has {size} bytes, each `|` as two; Redshift takes {MAX_ROW_BYTES}"
            )
        if lenient:
            self.lenient.update(lenient)
        return encoded

    def field(self, column: Column) -> _Field:
        """Return how a column's value is read and converted."""
        convert = converter(column)
        default = None if column.default is None else convert(column.default)
        return (
            *(column.name, column.path[-1]),
            self._growing(column, convert) if column.grow_to else convert,
            *(column.required, default),
        )

    def _growing(self, column: Column, convert: Converter) -> Converter:
        name, length, surely_fits = column.name, column.type.length, column.type.length // 4

        def measured(value: object) -> object:
            text = convert(value)
            if len(text) > surely_fits:  # type: ignore[arg-type]
                size = len(text.encode())  # type: ignore[attr-defined]
                if size > length:
                    self.widest[name] = max(size, self.widest.get(name, 0))
            return text

        return measured

    def _forgive(self, name: str, value: object, error: BadValue, row: dict[str, object]) -> None:
        """Cut the value or leave it out as its column allows.

        Raises:
            BadValue: the column does not allow it.
        """
        column = self._lenient.get(name)
        if column is None or (column.on_error == "truncate" and error.reason != "too_long"):
            raise BadValue(error.reason, f"{name}: {error.detail}") from error
        if column.on_error == "truncate":
            row[name] = cut(value, column.longest)

    def _keep_others(self, document: dict[str, object], row: dict[str, object]) -> None:
        others = self._named.others(document)
        if not others:
            return
        try:
            row[str(self._extra)] = super_value(others)
        except BadValue as error:
            raise BadValue(error.reason, f"{self._extra}: {error.detail}") from error
        except RecursionError as error:
            raise BadValue("too_deep", f"{self._extra}: its value is nested too deeply") from error


class Named:
    """The paths that an event's columns and its condition read, and those of `more`."""

    def __init__(self, event: Event, more: Iterable[paths.Path] = ()) -> None:
        condition = [event.when.path] if event.when else []
        self._tree = _tree([*(column.path for column in event.columns if column.path), *condition, *more])

    def others(self, document: dict[str, object]) -> dict[str, object]:
        """Return what no path names, nested as in the document; an array of which elements are named is whole."""
        return _others(document, self._tree)


def _tree(known: Iterable[paths.Path]) -> dict[str | int, Any]:
    """Return paths as nested keys; None at the end of each."""
    tree: dict[str | int, Any] = {}
    for path in sorted(known, key=len, reverse=True):
        node = tree
        for part in path[:-1]:
            node = node.setdefault(part, {})
        node[path[-1]] = None
    return tree


def _others(value: Mapping[str, object], named: Mapping[str | int, Any]) -> dict[str, object]:
    others: dict[str, object] = {}
    for key, inner in value.items():
        if key not in named:
            others[key] = inner
        elif named[key] is None:
            continue
        elif not isinstance(inner, dict):
            others[key] = inner
        elif left := _others(inner, named[key]):
            others[key] = left
    return others
