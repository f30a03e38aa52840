r"""One JSON value as one field of PostgreSQL's COPY text, by the rules of a Redshift column.

A converter takes the value's own JSON text, so that no digit passes through a float. It returns
the field's bytes, `\\N` for NULL, or raises `FieldError` with Redshift's load error code.
"""

from __future__ import annotations

import decimal
import math
import re
import struct
from typing import TYPE_CHECKING

import msgspec

from local.twin.load import moments

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    Converter = Callable[[bytes], bytes]

NULL = b"\\N"
MAX_SUPER_STRING = 65_535
MAX_SUPER = 16 * 1024 * 1024

# AWS, "Load error reference" (1224 is SUPER's, from reports of users).
TOO_LONG = 1204
BAD_DATE = 1205
BAD_TIMESTAMP = 1206
BAD_DIGIT = 1207
BAD_FLOAT = 1208
BAD_BOOLEAN = 1210
MISSING = 1213
BAD_CHAR = 1215
BAD_UTF8 = 1220
BAD_SUPER = 1224

_QUOTE = ord('"')
_INTEGER = re.compile(rb"[+-]?\d+")
_DECIMAL = re.compile(rb"[+-]?(?:\d+(?:\.\d*)?|\.\d+)")
_FLOAT = re.compile(rb"[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|nan|inf(?:inity)?)", re.IGNORECASE)
_EXPONENT = re.compile(rb"[eE]")
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_STRING = re.compile(rb'"((?:[^"\\]|\\.)*)"')
_TRUE = (b"true", b"t", b"yes", b"y", b"1")
_FALSE = (b"false", b"f", b"no", b"n", b"0")
_RANGES = {"smallint": 1 << 15, "integer": 1 << 31, "bigint": 1 << 63}
_NAMES = {"smallint": "Short", "integer": "Integer", "bigint": "Long"}
_DIGITS = decimal.Context(prec=100)
_ESCAPED_BYTES = re.compile(rb"[\\\n\r\t]")
_decode_string = msgspec.json.Decoder(str).decode


class FieldError(Exception):
    """A value that its column does not take."""

    def __init__(self, code: int, reason: str, value: bytes) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.value = value


def converter(type_name: str, *, not_null: bool) -> Converter:
    """Return the converter for a column of this type (as the system tables name it)."""
    name, _, rest = type_name.partition("(")
    sizes = [int(size) for size in re.findall(r"\d+", rest)]
    convert = _by_type(name.strip(), sizes)
    return _required(convert) if not_null else convert


def _by_type(name: str, sizes: list[int]) -> Converter:
    if name == "character varying":
        return _varchar(sizes[0] if sizes else MAX_SUPER_STRING)
    if name == "character":
        return _char(sizes[0])
    if name in _RANGES:
        return _integer(name)
    if name == "numeric":
        return _numeric(*sizes)
    if name in {"real", "double precision"}:
        return _float(name)
    fixed = {
        "boolean": _boolean,
        "super": _super,
        "date": _date,
        "timestamp without time zone": _timestamp,
        "timestamp with time zone": _timestamptz,
    }
    return fixed[name]


def _required(convert: Converter) -> Converter:
    def required(raw: bytes) -> bytes:
        field = convert(raw)
        if field == NULL:
            raise FieldError(MISSING, "Missing data for not-null field", b"")
        return field

    return required


def escape(value: bytes) -> bytes:
    """Return bytes as COPY's text format carries them."""
    if not _ESCAPED_BYTES.search(value):
        return value
    escaped = value.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")
    return escaped.replace(b"\r", b"\\r").replace(b"\t", b"\\t")


def _text_of(raw: bytes) -> bytes:
    """Return a JSON string's text, or any other value's JSON text, as UTF-8."""
    if raw[0] != _QUOTE:
        return raw
    if b"\\" not in raw:
        return raw[1:-1]
    try:
        text = _decode_string(raw).encode()
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise FieldError(BAD_UTF8, "String contains invalid or unsupported UTF8 codepoints", raw) from error
    if b"\0" in text:
        raise FieldError(BAD_UTF8, "String contains invalid or unsupported UTF8 codepoints: 0x00", raw)
    return text


def _varchar(size: int) -> Converter:
    def varchar(raw: bytes) -> bytes:
        if raw[0] == _QUOTE and b"\\" not in raw and len(raw) <= size + 2:
            # a string without escapes needs none in COPY's format either
            return raw[1:-1]
        if raw == b"null":
            return NULL
        text = _text_of(raw)
        if len(text) > size:
            raise FieldError(TOO_LONG, "String length exceeds DDL length", text)
        return escape(text)

    return varchar


def _char(size: int) -> Converter:
    longest = _varchar(size)

    def char(raw: bytes) -> bytes:
        field = longest(raw)
        if not field.isascii():
            raise FieldError(BAD_CHAR, "CHAR column takes single-byte characters only", raw)
        return field

    return char


def _scalar(raw: bytes) -> bytes | None:
    """Return a value's text for a type that is no text; None for NULL and the empty string."""
    if raw[0] == _QUOTE:
        return _text_of(raw) or None
    return None if raw == b"null" else raw


def _bad_digit(text: bytes, kind: str, allowed: re.Pattern[bytes]) -> FieldError:
    start = allowed.match(text)
    at = start.end() if start else 0
    wrong = text[at : at + 1].decode(errors="replace")
    return FieldError(BAD_DIGIT, f"Invalid digit, Value '{wrong}', Pos {at}, Type: {kind}", text)


def _integer(name: str) -> Converter:
    limit, kind = _RANGES[name], _NAMES[name]

    safe = len(str(limit)) - 1

    def integer(raw: bytes) -> bytes:
        if len(raw) <= safe and raw.isdigit():
            return raw
        text = _scalar(raw)
        if text is None:
            return NULL
        if not (text.isdigit() or _INTEGER.fullmatch(text)):
            raise _bad_digit(text, kind, _INTEGER)
        # longer ones are out of range anyway, and Python refuses to read very long ones
        if len(text) > 40 or not -limit <= int(text) < limit:  # noqa: PLR2004
            raise FieldError(TOO_LONG, f"Overflow, Value '{text[:40].decode()}', Type: {kind}", text)
        return text

    return integer


def _numeric(precision: int, scale: int) -> Converter:
    limit = decimal.Decimal(10) ** precision
    step = decimal.Decimal(1).scaleb(-scale)
    fitting = re.compile(rb"-?\d{1,%d}(?:\.\d{1,%d})?" % (max(precision - scale, 1), max(scale, 1)))
    exact = fitting.fullmatch if 0 < scale < precision else re.compile(rb"(?!)").match

    def numeric(raw: bytes) -> bytes:
        text = _scalar(raw)
        if text is None:
            return NULL
        if exact(text):
            return text
        if not _DECIMAL.fullmatch(text):
            raise _bad_digit(text, "Decimal", _DECIMAL)
        overflow = FieldError(TOO_LONG, f"Overflow for NUMERIC({precision},{scale})", text)
        if len(text) > 90:  # noqa: PLR2004 - more digits than any DECIMAL column has, and its rounding needs
            raise overflow
        rounded = decimal.Decimal(text.decode()).quantize(step, decimal.ROUND_HALF_UP, _DIGITS)
        # copy_abs: abs() would round to the 28 digits of the default context
        if rounded.scaleb(scale, _DIGITS).copy_abs() >= limit:
            raise overflow
        return format(rounded, "f").encode()

    return numeric


def _float(name: str) -> Converter:
    kind = "Real" if name == "real" else "Double"
    # with a byte order, because only then does packing refuse what is too large
    width = struct.Struct("<f" if name == "real" else "<d")

    def floating(raw: bytes) -> bytes:
        text = _scalar(raw)
        if text is None:
            return NULL
        if not _FLOAT.fullmatch(text):
            raise FieldError(BAD_FLOAT, f"Invalid value for type {kind}", text)
        if b"n" in text.lower():
            return text
        try:
            stored = width.unpack(width.pack(float(text)))[0]
        except OverflowError:
            stored = math.inf
        vanished = not stored and any(digit in b"123456789" for digit in _EXPONENT.split(text)[0])
        if vanished or math.isinf(stored):
            raise FieldError(TOO_LONG, f"{'Underflow' if vanished else 'Overflow'}, Type: {kind}", text)
        return text

    return floating


def _boolean(raw: bytes) -> bytes:
    text = _scalar(raw)
    if text is None:
        return NULL
    word = text.lower()
    if word in _TRUE:
        return b"t"
    if word in _FALSE:
        return b"f"
    raise FieldError(BAD_BOOLEAN, "Unknown boolean format", text)


def _moment(raw: bytes, code: int, reason: str) -> dt.datetime | None:
    text = _scalar(raw)
    if text is None:
        return None
    # a number is no time: 'auto' knows no epochs
    moment = moments.parse(text) if raw[0] == _QUOTE else None
    if moment is None:
        raise FieldError(code, reason, text)
    return moment


def _date(raw: bytes) -> bytes:
    moment = _moment(raw, BAD_DATE, "Invalid Date Format - not recognized by DATEFORMAT 'auto'")
    return NULL if moment is None else moment.date().isoformat().encode()


_TIMESTAMP_REASON = "Invalid timestamp format or value [YYYY-MM-DD HH24:MI:SS]"


def _timestamp(raw: bytes) -> bytes:
    moment = _moment(raw, BAD_TIMESTAMP, _TIMESTAMP_REASON)
    if moment is None:
        return NULL
    if moment.utcoffset():
        # what Redshift makes of an offset without a zone to keep it is not documented: no guess here
        raise FieldError(BAD_TIMESTAMP, "The twin takes no UTC offset but zero into a TIMESTAMP column", raw)
    return moment.replace(tzinfo=None).isoformat(" ").encode()


def _timestamptz(raw: bytes) -> bytes:
    moment = _moment(raw, BAD_TIMESTAMP, _TIMESTAMP_REASON)
    return NULL if moment is None else moment.isoformat(" ").encode()


def _super(raw: bytes) -> bytes:
    if raw == b"null":
        return NULL
    if len(raw) > MAX_SUPER:
        raise FieldError(BAD_SUPER, f"SUPER value exceeds {MAX_SUPER} bytes", raw)
    if len(raw) > MAX_SUPER_STRING:
        for found in _STRING.finditer(raw):
            if len(found[1]) > MAX_SUPER_STRING and len(_text_of(found[0])) > MAX_SUPER_STRING:
                raise FieldError(BAD_SUPER, f"String in SUPER exceeds {MAX_SUPER_STRING} bytes", raw)
    if b"\\u" in raw:
        if _NUL.search(raw):
            raise FieldError(BAD_SUPER, "SUPER value contains the code point 0x00", raw)
        for found in _STRING.finditer(raw):
            _text_of(found[0])
    return escape(raw)
