"""The COPY statement: its options, their defaults, and what is refused."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from local.twin.errors import TwinError, not_in_twin, syntax_error
from local.twin.sql.tokens import Cursor, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.twin.sql.tokens import Token

MAX_ERRORS = 100_000
_ROLE = re.compile(
    r"arn:aws[\w-]*:iam::\d{12}:role/[\w+=,.@/-]+(,arn:aws[\w-]*:iam::\d{12}:role/[\w+=,.@/-]+)*"
)
_ON = ("on", "true")
_OFF = ("off", "false")
_NOT_IN_TWIN = (
    "csv", "delimiter", "fixedwidth", "parquet", "orc", "avro", "shapefile", "escape", "removequotes", "quote",
    "ignoreheader", "ignoreblanklines", "fillrecord", "acceptinvchars", "acceptanydate", "blanksasnull",
    "emptyasnull", "null", "truncatecolumns", "trimblanks", "explicit_ids", "roundec", "noload", "lzop",
    "encrypted", "ssh", "encoding", "comprows", "readratio", "filler",
)  # fmt: skip


@dataclasses.dataclass
class CopyCommand:
    """A COPY as its client wrote it."""

    table: tuple[str, ...]
    columns: tuple[str, ...]
    url: str
    shred: bool = True
    manifest: bool = False
    compression: str = ""
    max_errors: int = 0
    region: str = ""


def parse_copy(tokens: Sequence[Token]) -> CopyCommand:
    """Return the command; raises Redshift's kind of error for any option unknown, missing or clashing."""
    cursor = Cursor(tokens)
    cursor.expect_word("copy")
    table = cursor.qualified_name()
    columns = _columns(cursor) if cursor.next.is_operator("(") else ()
    cursor.expect_word("from")
    if cursor.next.is_word("stdin"):
        raise syntax_error("stdin")
    url = cursor.expect_string()
    if not url.startswith("s3://"):
        raise not_in_twin(f"COPY from {url.partition('://')[0]}")
    if not url.removeprefix("s3://").partition("/")[0]:
        raise TwinError(f"The specified S3 path '{url}' has no bucket")
    options = _Options(cursor, CopyCommand(table, columns, url))
    options.read()
    return options.command


def _columns(cursor: Cursor) -> tuple[str, ...]:
    inner = Cursor(cursor.in_brackets())
    names = [inner.expect_name()]
    while inner.operators(","):
        names.append(inner.expect_name())
    if not inner.done:
        raise syntax_error(inner.next.text)
    for name in names:
        if names.count(name) > 1:
            raise TwinError(f'column "{name}" specified more than once', code="42701")
    return tuple(names)


class _Options:
    """Reads what follows the source, each option at most once."""

    def __init__(self, cursor: Cursor, command: CopyCommand) -> None:
        self.cursor = cursor
        self.command = command
        self.seen: set[str] = set()

    def read(self) -> None:
        """Read every option and check that they make a whole."""
        while not self.cursor.done:
            token = self.cursor.next
            if token.kind is not Kind.WORD:
                raise syntax_error(token.text)
            if token.value in _NOT_IN_TWIN:
                raise not_in_twin(f"COPY ... {token.value.upper()}")
            if token.value not in _READERS:
                raise syntax_error(token.text)
            self.cursor.take()
            _READERS[token.value](self, token.value)
        if "credentials" not in self.seen:
            raise TwinError("Must specify credentials or an IAM role for COPY from S3", code="42601")
        if "format" not in self.seen:
            raise not_in_twin("COPY of delimited text (without FORMAT JSON)")

    def once(self, option: str) -> None:
        """Note an option; a second one of its kind is an error."""
        if option in self.seen:
            raise TwinError(f'conflicting or redundant options: "{option}"', code="42601")
        self.seen.add(option)

    def iam_role(self, _: str) -> None:
        """IAM_ROLE { default | 'arn' }."""
        self.once("credentials")
        if self.cursor.words("default"):
            return
        role = self.cursor.expect_string()
        if role != "default" and not _ROLE.fullmatch(role):
            raise TwinError("Invalid IAM_ROLE: not the ARN of a role", detail=f"IAM_ROLE '{role}'")

    def keys(self, option: str) -> None:
        """CREDENTIALS 'aws_iam_role=...' or ACCESS_KEY_ID ... SECRET_ACCESS_KEY ... [SESSION_TOKEN ...]."""
        self.once("credentials")
        self.cursor.words("as")
        value = self.cursor.expect_string()
        if option == "credentials":
            names = {part.partition("=")[0] for part in value.split(";")}
            if not (names == {"aws_iam_role"} or {"aws_access_key_id", "aws_secret_access_key"} <= names):
                raise TwinError("Invalid credentials. Must be of the format: credentials 'aws_iam_role=...'")
            return
        self.cursor.expect_word("secret_access_key")
        self.cursor.expect_string()
        if self.cursor.words("session_token") or self.cursor.words("token"):
            self.cursor.expect_string()

    def format(self, _: str) -> None:
        """FORMAT [AS] JSON ..."""
        self.cursor.words("as")
        token = self.cursor.take()
        if token.is_word(*_NOT_IN_TWIN):
            raise not_in_twin(f"COPY ... FORMAT {token.value.upper()}")
        if not token.is_word("json"):
            raise syntax_error(token.text)
        self.json("json")

    def json(self, _: str) -> None:
        """JSON [AS] { 'auto' | 'noshred' }."""
        self.once("format")
        self.cursor.words("as")
        how = "auto" if self.cursor.next.kind is not Kind.STRING else self.cursor.expect_string()
        if how.lower() not in {"auto", "noshred"}:
            raise not_in_twin(f"COPY ... JSON '{how}'")
        self.command.shred = how.lower() == "auto"

    def manifest(self, _: str) -> None:
        """MANIFEST."""
        self.once("manifest")
        self.command.manifest = True

    def compression(self, option: str) -> None:
        """GZIP, ZSTD or BZIP2."""
        self.once("compression")
        self.command.compression = option

    def max_error(self, _: str) -> None:
        """MAXERROR [AS] n."""
        self.once("maxerror")
        self.cursor.words("as")
        token = self.cursor.take()
        if token.kind is not Kind.NUMBER or not token.value.isdigit():
            raise syntax_error(token.text)
        self.command.max_errors = int(token.value)
        if self.command.max_errors > MAX_ERRORS:
            raise TwinError(f"MAXERROR must be between 0 and {MAX_ERRORS}", code="22023")

    def time_format(self, option: str) -> None:
        """TIMEFORMAT or DATEFORMAT [AS] 'auto'."""
        self.once(option)
        self.cursor.words("as")
        value = self.cursor.expect_string()
        if value.lower() != "auto":
            raise not_in_twin(f"COPY ... {option.upper()} '{value}'")

    def switch(self, option: str) -> None:
        """COMPUPDATE or STATUPDATE [ON | OFF | PRESET]."""
        self.once(option)
        words = (*_ON, *_OFF, "preset") if option == "compupdate" else (*_ON, *_OFF)
        if self.cursor.next.is_word(*words):
            self.cursor.take()

    def region(self, _: str) -> None:
        """REGION [AS] 'name'."""
        self.once("region")
        self.cursor.words("as")
        self.command.region = self.cursor.expect_string()


_READERS = {
    "iam_role": _Options.iam_role,
    "credentials": _Options.keys,
    "access_key_id": _Options.keys,
    "format": _Options.format,
    "json": _Options.json,
    "manifest": _Options.manifest,
    "gzip": _Options.compression,
    "zstd": _Options.compression,
    "bzip2": _Options.compression,
    "maxerror": _Options.max_error,
    "timeformat": _Options.time_format,
    "dateformat": _Options.time_format,
    "compupdate": _Options.switch,
    "statupdate": _Options.switch,
    "region": _Options.region,
}
