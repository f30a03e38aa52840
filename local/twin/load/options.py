"""What may follow COPY's source: each option's argument, and which options exclude each other, as data."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, NamedTuple

from local.twin.errors import SYNTAX, TwinError, not_in_twin, syntax_error
from local.twin.load.timeformats import check_format
from local.twin.sql.tokens import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.twin.sql.tokens import Cursor

    Reader = Callable[[Cursor, str], object]

MAX_ERRORS = 100_000
_INVALID = "22023"
_ASCII = 128
_ARN = r"arn:aws[\w-]*:iam::\d{12}:role/[\w+=,.@/-]+?"
_ROLES = re.compile(rf"{_ARN}(,{_ARN})*")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_WIDTH = re.compile(r"0*[1-9][0-9]{0,8}")
# More digits than any option's number has.
_LONGEST = 20
_OCTAL = re.compile(r"\\([0-7]{3})")
_ROLE_KEYS = frozenset({"aws_iam_role"})
_KEYS = frozenset({"aws_access_key_id", "aws_secret_access_key"})


class Option(NamedTuple):
    """An option: the field of the command that its value goes to, and what reads its argument.

    Options of one field exclude each other.
    """

    field: str
    read: Reader


@dataclasses.dataclass(frozen=True)
class Clash:
    """An option and those which may not stand beside it, as the documentation says."""

    option: str
    others: tuple[str, ...]


def _flag(_: Cursor, __: str) -> bool:
    return True


def _name(_: Cursor, option: str) -> str:
    return option


def _text(cursor: Cursor, _: str) -> str:
    cursor.words("as")
    return cursor.expect_string()


def _integer(least: int, most: int) -> Reader:
    def integer(cursor: Cursor, option: str) -> int:
        cursor.words("as")
        token = cursor.take()
        if token.kind is not Kind.NUMBER or not token.value.isdigit():
            raise syntax_error(token.text)
        # Python refuses to read very long numbers
        value = int(token.value.lstrip("0")[:_LONGEST] or 0)
        if not least <= value <= most:
            raise TwinError(
                f"{option.upper()} value {token.value} is out of range: it must be between {least} and {most}",
                code=_INVALID,
            )
        return value

    return integer


def _switch(*words: str) -> Reader:
    def switch(cursor: Cursor, _: str) -> str:
        return cursor.take().value if cursor.next.is_word(*words) else "on"

    return switch


def _character(value: str, option: str) -> bytes:
    if len(value) != 1 or not 0 < ord(value) < _ASCII:
        raise TwinError(f"COPY {option} must be a single ASCII character", code=_INVALID)
    return value.encode()


def _quote(cursor: Cursor, _: str) -> bytes:
    return _character(_text(cursor, ""), "quote")


def _delimiter(cursor: Cursor, _: str) -> bytes:
    value = _octal(_text(cursor, ""))
    if not value or "\n" in value or "\r" in value:
        raise TwinError("COPY delimiter must not be empty, newline or carriage return", code=_INVALID)
    return value.encode()


def _null_as(cursor: Cursor, _: str) -> bytes:
    cursor.expect_word("as")
    # as it is written: '\N' means itself here, though a string's backslash would vanish elsewhere
    written = cursor.next.text
    value = cursor.expect_string()
    if written in {r"'\N'", r"'\\N'"}:
        return rb"\N"
    value = _octal(value) if value != "\\0" else "\0"
    if "\n" in value:
        raise TwinError("COPY null representation cannot use newline or carriage return", code=_INVALID)
    return value.encode()


def _octal(value: str) -> str:
    """Return a string whose backslash was doubled with what it stands for."""
    return _OCTAL.sub(lambda found: chr(int(found[1], 8)), value.replace("\\t", "\t"))


def _replacement(cursor: Cursor, _: str) -> bytes:
    cursor.words("as")
    if cursor.next.kind is not Kind.STRING:
        return b"?"
    return _character(cursor.take().value, "ACCEPTINVCHARS replacement")


def _encoding(cursor: Cursor, _: str) -> str:
    cursor.words("as")
    token = cursor.take()
    value = token.value.lower()
    if token.kind not in {Kind.WORD, Kind.STRING} or value not in {"utf8", "utf16", "utf16le", "utf16be"}:
        raise TwinError(f"encoding {token.text} is not valid for COPY", code=_INVALID)
    return value


def _widths(cursor: Cursor, _: str) -> tuple[tuple[str, int], ...]:
    specification = _text(cursor, "")
    pairs = [pair.strip().rpartition(":") for pair in specification.split(",")]
    if not all(label and _WIDTH.fullmatch(width) for label, _, width in pairs):
        raise TwinError(f"Invalid fixedwidth specification: '{specification}'", code=_INVALID)
    return tuple((label.strip(), int(width)) for label, _, width in pairs)


def _time_format(cursor: Cursor, option: str) -> str:
    value = _text(cursor, option)
    check_format(value, option)
    return value


def _region(cursor: Cursor, option: str) -> str:
    value = _text(cursor, option)
    if not _REGION.fullmatch(value):
        raise TwinError(f"Invalid region: '{value}' is not the name of an AWS Region", code=_INVALID)
    return value


def _json(cursor: Cursor, _: str) -> str:
    cursor.words("as")
    if cursor.next.kind is not Kind.STRING:
        return "auto"
    value = cursor.take().value
    folded = value.lower()
    if folded in {"auto", "auto ignorecase", "noshred"}:
        return folded
    if value.startswith("s3://") and value.removeprefix("s3://").partition("/")[2]:
        return value
    raise TwinError(f"Invalid JSON option '{value}': neither auto, noshred nor an s3:// JSONPaths file")


def _role(cursor: Cursor, _: str) -> str:
    if cursor.words("default"):
        return "default"
    role = cursor.expect_string()
    if role != "default" and not _ROLES.fullmatch(role):
        raise TwinError("Invalid IAM_ROLE: not the ARN of a role", detail=f"IAM_ROLE '{role}'")
    return role


def _credentials(cursor: Cursor, _: str) -> str:
    value = _text(cursor, "")
    pairs = [part.partition("=") for part in value.split(";") if part]
    names = {name for name, _, _ in pairs}
    if "master_symmetric_key" in names:
        raise not_in_twin("COPY ... ENCRYPTED with MASTER_SYMMETRIC_KEY")
    named = names in (_ROLE_KEYS, _KEYS, _KEYS | {"token"}) and len(pairs) == len(names)
    if " " in value or not named or not all(given for _, _, given in pairs):
        raise TwinError(
            "Invalid credentials. Must be of the format: credentials 'aws_iam_role=...' or"
            " 'aws_access_key_id=...;aws_secret_access_key=...[;token=...]'"
        )
    if names == _ROLE_KEYS and not _ROLES.fullmatch(pairs[0][2]):
        raise TwinError("Invalid credentials: aws_iam_role is not the ARN of a role")
    return "credentials"


# Options of authorization and of compression change nothing in what is loaded: checked, then left behind.
OPTIONS: dict[str, Option] = {
    "iam_role": Option("iam_role", _role),
    "credentials": Option("credentials", _credentials),
    "access_key_id": Option("access_key_id", _text),
    "secret_access_key": Option("secret_access_key", _text),
    "session_token": Option("session_token", _text),
    "token": Option("session_token", _text),
    "json": Option("json", _json),
    "csv": Option("csv", _flag),
    "fixedwidth": Option("widths", _widths),
    "delimiter": Option("delimiter", _delimiter),
    "quote": Option("quote", _quote),
    "manifest": Option("manifest", _flag),
    "region": Option("region", _region),
    "gzip": Option("compression", _name),
    "zstd": Option("compression", _name),
    "bzip2": Option("compression", _name),
    "acceptanydate": Option("accept_any_date", _flag),
    "acceptinvchars": Option("accept_inv_chars", _replacement),
    "blanksasnull": Option("blanks_as_null", _flag),
    "dateformat": Option("date_format", _time_format),
    "timeformat": Option("time_format", _time_format),
    "emptyasnull": Option("empty_as_null", _flag),
    "encoding": Option("encoding", _encoding),
    "escape": Option("escape", _flag),
    "explicit_ids": Option("explicit_ids", _flag),
    "fillrecord": Option("fill_record", _flag),
    "ignoreblanklines": Option("ignore_blank_lines", _flag),
    "ignoreheader": Option("ignore_header", _integer(0, 2**31 - 1)),
    "null": Option("null_as", _null_as),
    "removequotes": Option("remove_quotes", _flag),
    "roundec": Option("round_dec", _flag),
    "trimblanks": Option("trim_blanks", _flag),
    "truncatecolumns": Option("truncate_columns", _flag),
    "comprows": Option("compression_rows", _integer(1000, 2**31 - 1)),
    "compupdate": Option("compression_update", _switch("on", "true", "off", "false", "preset")),
    "statupdate": Option("statistics_update", _switch("on", "true", "off", "false")),
    "ignoreallerrors": Option("ignore_all_errors", _flag),
    "maxerror": Option("max_errors", _integer(0, MAX_ERRORS)),
    "noload": Option("no_load", _flag),
}
# Formats and options that Redshift has and this twin lacks.
NOT_IN_TWIN = (
    "parquet", "orc", "avro", "shapefile", "lzop", "encrypted", "master_symmetric_key", "ssh",
)  # fmt: skip
# AWS, "Data format parameters", "Data conversion parameters", "Authorization parameters".
CLASHES = (
    Clash("csv", ("json", "fixedwidth", "removequotes", "escape")),
    Clash(
        "json",
        (
            "delimiter",
            "escape",
            "fillrecord",
            "fixedwidth",
            "ignoreblanklines",
            "null",
            "quote",
            "removequotes",
        ),
    ),
    Clash("fixedwidth", ("delimiter", "escape", "removequotes")),
    Clash("ignoreallerrors", ("maxerror",)),
    Clash("iam_role", ("credentials", "access_key_id", "secret_access_key", "session_token", "token")),
    Clash("credentials", ("access_key_id", "secret_access_key", "session_token", "token")),
)


def refuse_clashes(given: frozenset[str]) -> None:
    """Raise for options that may not stand together, or not without another."""
    for clash in CLASHES:
        for other in clash.others:
            if clash.option in given and other in given:
                raise TwinError(f"{clash.option.upper()} is not compatible with {other.upper()}", code=SYNTAX)
    if "quote" in given and "csv" not in given:
        raise TwinError("QUOTE can only be used with CSV", code=SYNTAX)
    keys = given & {"access_key_id", "secret_access_key"}
    if len(keys) == 1 or (given & {"session_token", "token"} and not keys):
        raise TwinError("ACCESS_KEY_ID and SECRET_ACCESS_KEY must be given together", code=SYNTAX)
    if not (keys or given & {"iam_role", "credentials"}):
        raise TwinError("Must specify credentials or an IAM role for COPY from S3", code=SYNTAX)
