"""Columns for what a profile found: types that take every value that was seen, and room to grow."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from log_router.core import column_types, paths
from log_router.core.events import LINEAGE_COLUMNS, MAX_COLUMNS
from log_router.core.naming import column_names
from log_router.core.profiling import Field, Profile

DEPTH = 3
_MOST = MAX_COLUMNS - len(LINEAGE_COLUMNS) - 1
_INTEGER = 10**8
_BIGINT = 2**63 - 1
_MAP_KEYS = 50
_MAP_SHARE = 0.2
_MONEY = re.compile(r"amount|price|total|cost|fee|tax|balance|revenue", re.IGNORECASE)
_MONEY_DIGITS, _MONEY_SCALE = 14, 4
_TIME_NAME = re.compile(
    r"(^|_|\.)(ts|time|timestamp|date|epoch)$|time$|timestamp$|_at$|At$|date$", re.IGNORECASE
)
_ID_NAME = re.compile(r"id$", re.IGNORECASE)
# The years 2001 to 2096, by unit.
_EPOCHS = {
    "epoch_seconds": (Decimal(10**9), Decimal(4 * 10**9)),
    "epoch_milliseconds": (Decimal(10**12), Decimal(4 * 10**12)),
    "epoch_microseconds": (Decimal(10**15), Decimal(4 * 10**15)),
}
_KEY_OF_A_MAP = re.compile(r"\d+|[0-9a-f]{8,}(-[0-9a-f]+)*", re.IGNORECASE)
_VARCHAR_ROOM = 4
_SMALLEST_VARCHAR = 16


@dataclass(frozen=True)
class Inferred:
    """A column for the values at a path. `share` of the documents have one; `remark` says what a person should know."""

    name: str
    path: paths.Path
    type: str
    time_format: str
    share: float
    examples: tuple[str, ...]
    remark: str

    @property
    def is_time(self) -> bool:
        """Whether it can be the event's time: in every document, a moment or a day."""
        return self.share == 1 and self.type in column_types.TIME_TYPES


def columns(profile: Profile, depth: int = DEPTH, taken: Iterable[str] = ()) -> list[Inferred]:
    """Return the columns for a profile, in the order in which the fields were met; objects flattened to `depth`.

    Where these are more than a table takes, deep objects are kept whole, and then the most frequent fields stay.
    No column gets a name that is `taken`.
    """
    leaves = list(_leaves(profile.root, profile.documents, depth))
    while len(leaves) > _MOST and depth > 1:
        depth -= 1
        leaves = list(_leaves(profile.root, profile.documents, depth))
    if len(leaves) > _MOST:
        often = sorted(leaves, key=lambda leaf: (-leaf[0].values, paths.written(leaf[0].path)))[:_MOST]
        kept = {leaf.path for leaf, *_ in often}
        leaves = [leaf for leaf in leaves if leaf[0].path in kept]
    names = column_names((leaf.path for leaf, *_ in leaves), taken)
    return [
        Inferred(
            *(names[leaf.path], leaf.path, type_, time_format),
            leaf.values / profile.documents,
            tuple(leaf.examples),
            remark,
        )
        for leaf, type_, time_format, remark in leaves
    ]


def left_out(profile: Profile, inferred: list[Inferred]) -> list[str]:
    """Return the top-level keys that have no column: those that can't be named by a path, and always null ones."""
    named = {column.path[0] for column in inferred}
    return [key for key in profile.root.inside if key not in named]


def _leaves(holder: Field, documents: int, depth: int) -> Iterator[tuple[Field, str, str, str]]:
    for key, found in holder.inside.items():
        # No path can name an empty key, and no text of Redshift holds U+0000.
        if not key or "\0" in key or not found.values:
            continue
        if _is_flattened(found, depth):
            yield from _leaves(found, documents, depth - 1)
        else:
            yield (found, *_type(found))


def _is_flattened(found: Field, depth: int) -> bool:
    if set(found.kinds) != {"object"} or depth <= 1 or not found.inside or found.narrowed:
        return False
    if any(not key or "\0" in key for key in found.inside) or not any(
        one.values for one in found.inside.values()
    ):
        return False
    return not _is_map(found)


def _is_map(found: Field) -> bool:
    """Tell an object whose keys are data, such as ids: nearly every document brings other ones."""
    keys = found.inside
    if len(keys) > 1 and all(_KEY_OF_A_MAP.fullmatch(key) for key in keys):
        return True
    shares = sum(one.values + one.nulls for one in keys.values()) / (len(keys) * found.values)
    return len(keys) > _MAP_KEYS and shares < _MAP_SHARE


def _type(found: Field) -> tuple[str, str, str]:
    """Return type, time format and remark."""
    kinds = set(found.kinds)
    if kinds & {"object", "array"}:
        remark = "" if len(kinds) == 1 else f"{_list(found)}: super takes all of them"
        return "super", "iso", remark
    if kinds == {"boolean"}:
        return "boolean", "iso", ""
    if kinds <= {"integer", "number"}:
        return _number(found)
    if kinds == {"text"}:
        return _text(found)
    return _varchar(found), "iso", f"{_list(found)}: varchar takes all of them"


def _list(found: Field) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(found.kinds.items()))


def _number(found: Field) -> tuple[str, str, str]:
    low, high = found.numbers or (Decimal(0), Decimal(0))
    name = str(found.path[-1])
    if _TIME_NAME.search(name):
        for time_format, (first, last) in _EPOCHS.items():
            if first <= low and high <= last:
                return "timestamp", time_format, ""
    if found.kinds["number"]:
        return _decimal(found, name)
    if found.digits > column_types.NUMERIC_MAX_PRECISION:
        return _varchar(found), "iso", "integers too long for any number of Redshift"
    if low < -_BIGINT or high > _BIGINT:
        return f"numeric({column_types.NUMERIC_MAX_PRECISION},0)", "iso", ""
    wide = low <= -_INTEGER or high >= _INTEGER or _ID_NAME.search(name)
    return ("bigint" if wide else "integer"), "iso", ""


def _decimal(found: Field, name: str) -> tuple[str, str, str]:
    if _MONEY.search(name) and found.scale <= _MONEY_SCALE and found.digits <= _MONEY_DIGITS:
        return f"numeric(18,{max(2, found.scale)})", "iso", ""
    if found.exact:
        return "double precision", "iso", ""
    digits, scale = column_types.NUMERIC_MAX_PRECISION, found.scale
    if found.digits + scale <= digits and scale <= column_types.NUMERIC_MAX_SCALE:
        return f"numeric({digits},{scale})", "iso", "doubles would round some of them"
    return _varchar(found), "iso", "numbers that no number of Redshift holds digit for digit"


def _text(found: Field) -> tuple[str, str, str]:
    texts = found.kinds["text"]
    if found.dates == texts and found.valid_times:
        return "date", "iso", ""
    if found.dates + found.times == texts and found.times and found.valid_times:
        return "timestamp", "iso", ""
    remark = "some texts hold U+0000: their lines are quarantined" if found.nul else ""
    if found.longest > column_types.VARCHAR_MAX_BYTES:
        remark = f"up to {found.longest} bytes, more than Redshift takes: their lines are quarantined"
    return _varchar(found), "iso", remark


def _varchar(found: Field) -> str:
    length = _SMALLEST_VARCHAR
    while length < found.longest * _VARCHAR_ROOM:
        length *= 2
    return f"varchar({min(length, column_types.VARCHAR_MAX_BYTES)})"
