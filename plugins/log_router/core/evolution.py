"""What an event's table lacks to take the event's rows: compared, and said as a person reads it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from log_router.core import column_types
from log_router.core.column_types import ColumnType
from log_router.core.events import LINEAGE_COLUMNS, Column, Event

# Redshift widens no VARCHAR of these (Database Developer Guide, "ALTER TABLE", ALTER COLUMN TYPE).
FIXED_ENCODINGS = ("bytedict", "runlength", "text255", "text32k")
_INTEGERS = ("smallint", "integer", "bigint")
_FLOATS = ("real", "double precision")
# As format_type() names what an event file names otherwise.
_AS_FILED = {
    "character varying": "varchar",
    "character": "char",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
}
_FOUND = re.compile(r"([a-z ]+?)(\(.*\))?")
# Every table of Redshift has three columns more than those it shows (Knowledge Center, "cluster storage").
_HIDDEN_COLUMNS = 3
_BLOCK_BYTES = 1024 * 1024


@dataclass(frozen=True)
class FoundColumn:
    """A column of a table that is there; `type` as the warehouse writes it, `sort_place` from 1, 0 in no sort key."""

    name: str
    type: str
    encoding: str = ""
    dist_key: bool = False
    sort_place: int = 0
    has_default: bool = False


class Kind(StrEnum):
    """What a change is: the sign that stands before it."""

    TABLE = "table"
    ADDED = "added"
    WIDENED = "widened"
    LEFT = "left"
    REFUSED = "refused"


DDL = (Kind.TABLE, Kind.ADDED, Kind.WIDENED)


@dataclass(frozen=True)
class Change:
    """One difference of an event's table; of what is refused, `remedy` says why and what to do.

    A load goes on beside what is refused where the table holds all that the split lets through (`blocks` is false).
    """

    kind: Kind
    column: str = ""
    found: str = ""
    wanted: str = ""
    remedy: str = ""
    blocks: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return asdict(self)


def parsed(found: str) -> ColumnType | None:
    """Return the type that the warehouse names, None where no event file could name it."""
    match = _FOUND.fullmatch(found)
    if match is None:
        return None
    try:
        return column_types.parse(f"{_AS_FILED.get(match[1], match[1])}{match[2] or ''}")
    except ValueError:
        return None


def grown(column: Column, longest: int) -> ColumnType:
    """Return the type with room for a value of so many bytes: its length doubled until it fits, within its limit."""
    length = column.type.length
    if column.type.name != "varchar" or longest <= length:
        return column.type
    while length < longest:
        length *= 2
    most = column.grow_to or column_types.VARCHAR_MAX_BYTES
    return ColumnType("varchar", length=min(length, most))


def changes(
    event: Event, found: Mapping[str, FoundColumn], widest: Mapping[str, int] | None = None
) -> tuple[Change, ...]:
    """Return what the table needs, and what it can't be given; of a table without columns, which is not there, all.

    `widest` has the bytes of the longest value that waits for a column, where it may grow.
    """
    longest = widest or {}
    if not found:
        return (Change(Kind.TABLE, wanted=event.table),)
    made = []
    for column in event.table_columns:
        there, wanted = found.get(column.name), grown(column, longest.get(column.name, 0))
        if there is None:
            made.append(Change(Kind.ADDED, column.name, wanted=wanted.ddl))
        elif change := _change(column, wanted, there):
            made.append(change)
    named = {column.name for column in event.table_columns} | {*LINEAGE_COLUMNS}
    made.extend(
        Change(Kind.LEFT, one.name, _shown(one.type)) for one in found.values() if one.name not in named
    )
    return (*made, *_key_changes(event, found))


def _shown(found: str) -> str:
    known = parsed(found)
    return known.ddl if known else found


def _change(column: Column, wanted: ColumnType, there: FoundColumn) -> Change | None:
    has = parsed(there.type)
    if has == wanted:
        return None
    what = (column.name, _shown(there.type), wanted.ddl)
    if has is None or not _same_kind(has, wanted):
        remedy = "Redshift changes no type: give the new values a column of another name, or the event another `table`"
        return Change(Kind.REFUSED, *what, remedy, blocks=True)
    if _holds(has, wanted):
        most = column.grow_to
        if most and has.length <= most:
            return None
        remedy = f"no column is narrowed: write `{has.ddl}` in the event file; loads go on"
        return Change(Kind.REFUSED, *what, remedy)
    return _widening(what, wanted, there)


def _widening(what: tuple[str, str, str], wanted: ColumnType, there: FoundColumn) -> Change:
    if wanted.name != "varchar":
        remedy = (
            f"Redshift widens varchar only: write `{what[1]}`, or give the values a column of another name"
        )
        return Change(Kind.REFUSED, *what, remedy, blocks=True)
    if there.encoding in FIXED_ENCODINGS or there.has_default:
        why = "DEFAULT" if there.has_default else f"encoding {there.encoding.upper()}"
        remedy = f"Redshift widens no column with {why}: give the values a column of another name, or " + (
            "make the table anew" if there.has_default else "ALTER COLUMN ... ENCODE ZSTD first"
        )
        return Change(Kind.REFUSED, *what, remedy, blocks=True)
    return Change(Kind.WIDENED, *what)


def _same_kind(has: ColumnType, wanted: ColumnType) -> bool:
    return has.name == wanted.name or any({has.name, wanted.name} <= {*some} for some in (_INTEGERS, _FLOATS))


def _holds(has: ColumnType, wanted: ColumnType) -> bool:
    """Tell whether a column holds each value of another type of its kind, as it is."""
    for some in (_INTEGERS, _FLOATS):
        if has.name in some:
            return some.index(has.name) >= some.index(wanted.name)
    if has.name == "numeric":
        return has.scale == wanted.scale and has.precision >= wanted.precision
    return has.length >= wanted.length


def _key_changes(event: Event, found: Mapping[str, FoundColumn]) -> Iterable[Change]:
    sorted_by = sorted((abs(one.sort_place), one.name) for one in found.values() if one.sort_place)
    keys = (
        ("sort_key", [name for _, name in sorted_by], list(event.sort_key)),
        ("dist_key", [one.name for one in found.values() if one.dist_key], [event.dist_key or ""]),
    )
    for key, has, given in keys:
        wanted = [name for name in given if name]
        if has == wanted:
            continue
        shown = (", ".join(has) or "none", ", ".join(wanted) or "none")
        if key == "sort_key" and not wanted:
            # Redshift may have chosen it by itself, and it does no harm.
            yield Change(Kind.LEFT, key, shown[0])
            continue
        remedy = (
            f"the key of a table that is there is not changed: write it as it is, ALTER {key.replace('_', '').upper()} "
            "by hand, or give the event another `table`; loads go on"
        )
        yield Change(Kind.REFUSED, key, *shown, remedy)


def floor_bytes(event: Event, slices: int) -> int:
    """Return how much the event's table takes on disk as soon as every slice has a row of it."""
    columns = len(event.table_columns) + len(LINEAGE_COLUMNS) + _HIDDEN_COLUMNS
    return _BLOCK_BYTES * columns * slices * (2 if event.sort_key else 1)
