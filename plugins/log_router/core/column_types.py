"""The Redshift column types an event may use.

Limits are those of the Amazon Redshift Database Developer Guide, "Data types" and "Character types".
"""

import difflib
import re
from dataclasses import dataclass

VARCHAR_MAX_BYTES = 65_535
CHAR_MAX_BYTES = 4_096
NUMERIC_MAX_PRECISION = 38
NUMERIC_MAX_SCALE = 37

_PLAIN = (
    "smallint",
    "integer",
    "bigint",
    "real",
    "double precision",
    "boolean",
    "date",
    "timestamp",
    "timestamptz",
    "super",
)
_WITH_LENGTH = {"varchar": VARCHAR_MAX_BYTES, "char": CHAR_MAX_BYTES}
_OTHER_NAMES = {
    "int2": "smallint",
    "int": "integer",
    "int4": "integer",
    "int8": "bigint",
    "float4": "real",
    "float": "double precision",
    "float8": "double precision",
    "double": "double precision",
    "decimal": "numeric(p,s)",
    "number": "numeric(p,s)",
    "bool": "boolean",
    "text": "varchar(n)",
    "string": "varchar(n)",
    "json": "super",
    "jsonb": "super",
    "datetime": "timestamp",
    "timestamp with time zone": "timestamptz",
    "timestamp without time zone": "timestamp",
}
_WRITTEN = re.compile(r"([a-z][a-z0-9 ]*?)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?")
TIME_TYPES = ("date", "timestamp", "timestamptz")


@dataclass(frozen=True)
class ColumnType:
    """A Redshift type: `varchar` has `length` in bytes, `numeric` has `precision` and `scale` in digits."""

    name: str
    length: int = 0
    precision: int = 0
    scale: int = 0

    @property
    def ddl(self) -> str:
        """The type as CREATE TABLE takes it."""
        if self.length:
            return f"{self.name}({self.length})"
        if self.name == "numeric":
            return f"numeric({self.precision},{self.scale})"
        return self.name

    @property
    def encoding(self) -> str:
        """The compression that suits the type, so that COPY never has to analyse it (COMPUPDATE OFF)."""
        if self.name in ("smallint", "integer", "bigint", "numeric", *TIME_TYPES):
            return "az64"
        return "raw" if self.name in ("boolean", "real", "double precision") else "zstd"


def parse(written: str) -> ColumnType:
    """Return the type that a config file names.

    Raises:
        ValueError: it is not a Redshift type that can be loaded, or its length or precision is out of range;
            the text suggests what was probably meant.
    """
    match = _WRITTEN.fullmatch(written.strip().lower())
    if match is None:
        raise ValueError(_unknown(written))
    name, first, second = match[1].strip(), match[2], match[3]
    if name in _PLAIN:
        if first:
            raise ValueError(f"`{name}` takes no length; write `{name}`")
        return ColumnType(name)
    if name in _WITH_LENGTH:
        return _sized(name, first, second)
    if name == "numeric":
        return _numeric(first, second)
    raise ValueError(_unknown(written))


def _sized(name: str, length: str | None, extra: str | None) -> ColumnType:
    limit = _WITH_LENGTH[name]
    if length is None or extra is not None or not 1 <= int(length) <= limit:
        raise ValueError(f"`{name}` takes a length from 1 to {limit} bytes, such as `{name}(64)`")
    return ColumnType(name, length=int(length))


def _numeric(precision: str | None, scale: str | None) -> ColumnType:
    digits, decimals = int(precision or 0), int(scale or 0)
    if not 1 <= digits <= NUMERIC_MAX_PRECISION or decimals > min(digits, NUMERIC_MAX_SCALE):
        raise ValueError(
            f"`numeric` takes a precision from 1 to {NUMERIC_MAX_PRECISION} and a scale from 0 up to it "
            f"({NUMERIC_MAX_SCALE} at most), such as `numeric(12,2)`"
        )
    return ColumnType("numeric", precision=digits, scale=decimals)


def _unknown(written: str) -> str:
    if written.startswith("numeric(") and ")" not in written:
        return f'`{written}` is cut at its comma; inside {{...}} YAML wants it quoted: "numeric(12,2)"'
    name = written.split("(", maxsplit=1)[0].strip().lower()
    known = [*_PLAIN, *_WITH_LENGTH, "numeric"]
    near = difflib.get_close_matches(name, [*known, *_OTHER_NAMES], n=1, cutoff=0.5)
    meant = _OTHER_NAMES.get(name) or (_OTHER_NAMES.get(near[0], near[0]) if near else None)
    hint = f"did you mean `{meant}`?" if meant else f"it is one of {', '.join(known)}"
    return f"`{written}` is not a Redshift column type here; {hint}"
