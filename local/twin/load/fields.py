"""One field of PostgreSQL's COPY text: how it is written, and what is said when a column does not take it."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.twin.load.command import CopyCommand

    # From a value, as its source writes it, to a field.
    Converter = Callable[[bytes], bytes]

NULL = b"\\N"
# AWS, "Load error reference".
EXTRA_COLUMNS = 1202
TOO_LONG = 1204
BAD_DATE = 1205
BAD_TIMESTAMP = 1206
BAD_DIGIT = 1207
BAD_FLOAT = 1208
BAD_BOOLEAN = 1210
MISSING = 1213
NO_DELIMITER = 1214
BAD_LINE = 1216
BAD_UTF8 = 1220
BAD_SUPER = 1224

_ESCAPED_BYTES = re.compile(rb"[\\\n\r\t]")


@dataclasses.dataclass(frozen=True)
class Column:
    """A column to load into; `identity` is a for ALWAYS, d for BY DEFAULT, else empty."""

    name: str
    type: str
    not_null: bool = False
    has_default: bool = False
    identity: str = ""


class FieldError(Exception):
    """A value that its column does not take."""

    def __init__(self, code: int, reason: str, value: bytes = b"") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.value = value


@dataclasses.dataclass(frozen=True)
class Rules:
    """The options of a COPY that change how values are read."""

    date_format: str = ""
    time_format: str = ""
    accept_any_date: bool = False
    accept_inv_chars: bytes = b""
    blanks_as_null: bool = False
    empty_as_null: bool = False
    round_dec: bool = False
    trim_blanks: bool = False
    truncate_columns: bool = False

    @classmethod
    def of(cls, command: CopyCommand) -> Rules:
        """Return the rules of a command."""
        return cls(**{field.name: getattr(command, field.name) for field in dataclasses.fields(cls)})

    @property
    def plain_text(self) -> bool:
        """Whether a text that fits its column is loaded as it is."""
        return not (self.accept_inv_chars or self.blanks_as_null or self.empty_as_null or self.trim_blanks)


def escape(value: bytes) -> bytes:
    """Return bytes as COPY's text format carries them."""
    if not _ESCAPED_BYTES.search(value):
        return value
    escaped = value.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")
    return escaped.replace(b"\r", b"\\r").replace(b"\t", b"\\t")


def required(convert: Converter) -> Converter:
    """Return the converter of a column that is NOT NULL."""

    def not_null(value: bytes) -> bytes:
        field = convert(value)
        if field == NULL:
            raise FieldError(MISSING, "Missing data for not-null field")
        return field

    return not_null
