"""Redshift's column types and what PostgreSQL must be told to keep their rules."""

from __future__ import annotations

import dataclasses

from local.twin.errors import TwinError, not_in_twin, syntax_error
from local.twin.sql.tokens import Cursor, Kind, split_list

MAX_VARCHAR = 65535
MAX_CHAR = 4096
MAX_PRECISION = 38

_REAL_BITS = 24
_SMALLINT, _INTEGER, _BIGINT = (("smallint", "integer"), ("integer", "integer"), ("bigint", "integer"))
_REAL, _DOUBLE, _BOOLEAN = (("real", "float"), ("double precision", "float"), ("boolean", "boolean"))
# PostgreSQL's name and the family that decides about encodings
_SIMPLE = {
    "smallint": _SMALLINT, "int2": _SMALLINT, "integer": _INTEGER, "int": _INTEGER, "int4": _INTEGER,
    "bigint": _BIGINT, "int8": _BIGINT, "real": _REAL, "float4": _REAL, "float8": _DOUBLE, "float": _DOUBLE,
    "boolean": _BOOLEAN, "bool": _BOOLEAN, "date": ("date", "date"), "timestamptz": ("timestamptz", "moment"),
    "timetz": ("timetz", "moment"), "super": ("pg_catalog.super", "super"),
}  # fmt: skip
_NOT_IN_TWIN = ("varbyte", "varbinary", "geometry", "geography", "hllsketch", "interval")
_VARYING = {"varchar": 256, "nvarchar": 256, "text": 256}
_FIXED = {"char": 1, "character": 1, "nchar": 1, "bpchar": 256}


@dataclasses.dataclass(frozen=True)
class ColumnType:
    """A column's type: its family, and how PostgreSQL declares it.

    `domain` is the domain that counts bytes where Redshift does; it must exist before it is used.
    """

    family: str
    postgres: str
    domain: tuple[str, int] | None = None


def read_type(cursor: Cursor) -> ColumnType:
    """Read a type; raises when Redshift has none of that name or size."""
    word = cursor.expect_name()
    if word in _NOT_IN_TWIN:
        raise not_in_twin(f"The type {word.upper()}")
    if cursor.next.is_operator("["):
        raise TwinError(f'type "{word}[]" does not exist', code="42704")
    if word in {"decimal", "numeric", "dec"}:
        return _decimal(cursor)
    if word in {"timestamp", "time"}:
        return _moment(cursor, word)
    if word in _VARYING or word in _FIXED:
        return _text(cursor, word)
    return _plain(cursor, word)


def _plain(cursor: Cursor, word: str) -> ColumnType:
    if word == "double":
        cursor.expect_word("precision")
        word = "float8"
    if word == "float" and cursor.next.is_operator("("):
        word = "real" if _sizes(cursor)[0] <= _REAL_BITS else "float8"
    if word not in _SIMPLE:
        raise TwinError(f'type "{word}" does not exist', code="42704")
    postgres, family = _SIMPLE[word]
    return ColumnType(family, postgres)


def _sizes(cursor: Cursor, most: int = 1) -> list[int]:
    parts = split_list(cursor.in_brackets())
    for part in parts:
        if len(part) != 1 or part[0].kind is not Kind.NUMBER or not part[0].value.isdecimal():
            raise syntax_error(part[0].text if part else ")")
    if not 1 <= len(parts) <= most:
        raise syntax_error(parts[-1][0].text if parts else ")")
    return [int(part[0].value) for part in parts]


def _decimal(cursor: Cursor) -> ColumnType:
    sizes = _sizes(cursor, 2) if cursor.next.is_operator("(") else [18, 0]
    precision, scale = (*sizes, 0)[:2]
    if not 1 <= precision <= MAX_PRECISION:
        raise TwinError(f"NUMERIC precision {precision} must be between 1 and {MAX_PRECISION}", code="22023")
    if not 0 <= scale <= min(precision, 37):
        raise TwinError(f"NUMERIC scale {scale} must be between 0 and precision {precision}", code="22023")
    return ColumnType("decimal", f"numeric({precision},{scale})")


def _moment(cursor: Cursor, word: str) -> ColumnType:
    if cursor.next.is_operator("("):
        raise syntax_error(cursor.next.text)
    zone = cursor.words("with", "time", "zone")
    if not zone:
        cursor.words("without", "time", "zone")
    return ColumnType("moment", word + ("tz" if zone else ""))


def _text(cursor: Cursor, word: str) -> ColumnType:
    varying = word in _VARYING or cursor.words("varying")
    kind, most = ("varchar", MAX_VARCHAR) if varying else ("char", MAX_CHAR)
    size = _VARYING.get(word, 256) if varying else _FIXED[word]
    if cursor.next.is_operator("("):
        if any(token.is_word("max") for token in cursor.tokens[cursor.at + 1 : cursor.at + 2]):
            cursor.in_brackets()
            size = most
        else:
            size = _sizes(cursor)[0]
    if not 1 <= size <= most:
        raise TwinError(f"length for type {kind} must be between 1 and {most}, not {size}", code="22023")
    return ColumnType(kind, f"twin.{kind}_{size}", (kind, size))


def domain_sql(kind: str, size: int) -> str:
    """Return the statement that makes the domain which counts bytes."""
    if kind == "varchar":
        base, check = f"varchar({size})", f"octet_length(VALUE) <= {size}"
    else:
        base, check = f"char({size})", "octet_length(VALUE::text) = char_length(VALUE::text)"
    return f"CREATE DOMAIN twin.{kind}_{size} AS {base} CHECK ({check})"
