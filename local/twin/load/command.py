"""The COPY statement as its client wrote it."""

from __future__ import annotations

import dataclasses
import math
import re
from typing import TYPE_CHECKING, Any

from local.twin.errors import SYNTAX, TwinError, not_in_twin, syntax_error
from local.twin.load.options import NOT_IN_TWIN, OPTIONS, refuse_clashes
from local.twin.sql.tokens import Cursor, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.twin.sql.tokens import Token

_OTHER_SOURCE = re.compile(r"[a-z0-9]+(?=://)")
_FORMATS = ("json", "csv", "fixedwidth")


@dataclasses.dataclass(frozen=True, kw_only=True)
class CopyCommand:
    """A COPY: where from, where to, and every option that changes what is loaded."""

    table: tuple[str, ...]
    columns: tuple[str, ...]
    url: str
    json: str = ""
    csv: bool = False
    widths: tuple[tuple[str, int], ...] = ()
    delimiter: bytes = b""
    quote: bytes = b'"'
    manifest: bool = False
    compression: str = ""
    region: str = ""
    encoding: str = "utf8"
    accept_any_date: bool = False
    accept_inv_chars: bytes = b""
    blanks_as_null: bool = False
    date_format: str = ""
    time_format: str = ""
    empty_as_null: bool = False
    escape: bool = False
    explicit_ids: bool = False
    fill_record: bool = False
    ignore_blank_lines: bool = False
    ignore_header: int = 0
    null_as: bytes = b"\\N"
    remove_quotes: bool = False
    round_dec: bool = False
    trim_blanks: bool = False
    truncate_columns: bool = False
    max_errors: int = 0
    ignore_all_errors: bool = False
    no_load: bool = False
    statistics_update: str = ""

    @property
    def error_limit(self) -> float:
        """As many refused records make the load fail."""
        return math.inf if self.ignore_all_errors else max(self.max_errors, 1)

    @property
    def format(self) -> str:
        """The format of the source, as sys_load_history names it."""
        if self.json:
            return "json"
        return "csv" if self.csv else "txt"


_FIELDS = frozenset(field.name for field in dataclasses.fields(CopyCommand))


def parse_copy(tokens: Sequence[Token]) -> CopyCommand:
    """Return the command; raises Redshift's kind of error for any option unknown, missing or clashing."""
    cursor = Cursor(tokens)
    cursor.expect_word("copy")
    table = cursor.qualified_name()
    columns = _columns(cursor) if cursor.next.is_operator("(") else ()
    cursor.expect_word("from")
    if cursor.next.is_word("stdin"):
        raise syntax_error("stdin")
    url = _s3_url(cursor.expect_string())
    given = _options(cursor)
    refuse_clashes(frozenset(given))
    values = {OPTIONS[name].field: value for name, value in given.items()}
    # what only the checks need (credentials, compression) stays behind
    fields: dict[str, Any] = {name: value for name, value in values.items() if name in _FIELDS}
    command = CopyCommand(table=table, columns=columns, url=url, **fields)
    if command.json and command.accept_inv_chars == b"\\":
        # it is put in before a string's escapes are read, and would be one
        raise not_in_twin("COPY of JSON with a backslash for ACCEPTINVCHARS")
    if command.csv and command.quote in (command.delimiter or b","):
        raise TwinError("COPY quote must not appear in the delimiter", code="22023")
    if command.widths and command.encoding != "utf8":
        raise TwinError("Fixed-width data files must use UTF8 encoding", code=SYNTAX)
    return command


def _s3_url(url: str) -> str:
    if not url.startswith("s3://"):
        other = _OTHER_SOURCE.match(url)
        if other:
            raise not_in_twin(f"COPY from {other[0]}")
        raise TwinError(f"Invalid COPY source '{url}': not an s3:// address", code=SYNTAX)
    if not url.removeprefix("s3://").partition("/")[0]:
        raise TwinError(f"The specified S3 path '{url}' has no bucket")
    return url


def _columns(cursor: Cursor) -> tuple[str, ...]:
    inner = Cursor(cursor.in_brackets())
    names = inner.listed(Cursor.expect_name)
    inner.expect_end()
    for name in names:
        if names.count(name) > 1:
            raise TwinError(f'column "{name}" specified more than once', code="42701")
    return tuple(names)


def _options(cursor: Cursor) -> dict[str, object]:
    """Return the options that were given, by name, each with its value."""
    given: dict[str, object] = {}
    fields: set[str] = set()
    while not cursor.done:
        name = _option_name(cursor)
        option = OPTIONS[name]
        if option.field in fields:
            raise TwinError(f'conflicting or redundant options: "{name}"', code=SYNTAX)
        fields.add(option.field)
        given[name] = option.read(cursor, name)
    return given


def _option_name(cursor: Cursor) -> str:
    if cursor.words("format"):
        cursor.words("as")
        return _known(cursor, _FORMATS)
    if cursor.words("with"):
        return _known(cursor, ("credentials",))
    if not cursor.words("as"):
        return _known(cursor, tuple(OPTIONS))
    # the word FORMAT may be left out, and its AS kept
    return _known(cursor, _FORMATS)


def _known(cursor: Cursor, names: tuple[str, ...]) -> str:
    token = cursor.take()
    if token.kind is not Kind.WORD:
        raise syntax_error(token.text)
    if token.value in NOT_IN_TWIN:
        raise not_in_twin(f"COPY ... {token.value.upper()}")
    if token.value == "readratio":
        raise TwinError("READRATIO is not supported for COPY from S3", code=SYNTAX)
    if token.value not in names:
        raise syntax_error(token.text)
    return token.value
