"""A text as one field of PostgreSQL's COPY text, by the rules of a Redshift column.

The same for every source format: what is quoted or escaped there has been resolved, what is NULL
there does not come here. No digit passes through a float.
"""

from __future__ import annotations

import decimal
import functools
import math
import re
import struct
from typing import TYPE_CHECKING

import msgspec

from local.twin.errors import not_in_twin
from local.twin.load.characters import Replacer, bad_utf8, is_utf8
from local.twin.load.fields import (
    BAD_BOOLEAN,
    BAD_DIGIT,
    BAD_FLOAT,
    BAD_SUPER,
    BAD_UTF8,
    NULL,
    TOO_LONG,
    FieldError,
    Rules,
    escape,
)
from local.twin.load.timevalues import DATE, TIMESTAMP, TIMESTAMPTZ, time_converter

if TYPE_CHECKING:
    from local.twin.load.fields import Converter

MAX_VARCHAR = 65_535
MAX_SUPER_STRING = 65_535
MAX_SUPER = 16 * 1024 * 1024
# More digits than any DECIMAL column has and its rounding needs, than any integer has.
_MAX_DIGITS = 90
_MAX_INTEGER_DIGITS = 40

_INTEGER = re.compile(rb"[+-]?\d+")
_DECIMAL = re.compile(rb"[+-]?(?:\d+(?:\.\d*)?|\.\d+)")
_FLOAT = re.compile(rb"[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|nan|inf(?:inity)?)", re.IGNORECASE)
_EXPONENT = re.compile(rb"[eE]")
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
STRING = re.compile(rb'"((?:[^"\\]|\\.)*)"')
# ASCII that needs no escape in COPY's format.
_PLAIN = re.compile(rb"[^\0\t\n\r\\\x80-\xff]*").fullmatch
_BOOLEANS = {
    **dict.fromkeys((b"true", b"t", b"yes", b"y", b"1"), b"t"),
    **dict.fromkeys((b"false", b"f", b"no", b"n", b"0"), b"f"),
}
_FLOATS = ("real", "double precision")
RANGES = {"smallint": 1 << 15, "integer": 1 << 31, "bigint": 1 << 63}
_NAMES = {"smallint": "Short", "integer": "Integer", "bigint": "Long"}
_DIGITS = decimal.Context(prec=100)
_decode_string = msgspec.json.Decoder(str).decode


def read_type(type_name: str) -> tuple[str, list[int]]:
    """Return a type's name and its sizes, from the name that the system tables give it."""
    name, _, rest = type_name.partition("(")
    return name.strip(), [int(size) for size in re.findall(r"\d+", rest)]


def text_converter(type_name: str, rules: Rules, replace: Replacer | None) -> Converter:
    """Return what makes a field of a text for a column of this type."""
    name, sizes = read_type(type_name)
    if name == "character varying":
        return _varchar(sizes[0] if sizes else MAX_VARCHAR, rules, replace)
    if name == "character":
        return _char(sizes[0], rules)
    if name == "super":
        return super_field
    convert = functools.partial(_or_null, _converter(name, sizes, rules))
    return quick(name, sizes, convert)


def _converter(name: str, sizes: list[int], rules: Rules) -> Converter:
    if name in RANGES:
        return _integer(name)
    if name == "numeric":
        return _numeric(*sizes, rounded=rules.round_dec)
    if name in _FLOATS:
        return _float(name)
    if name == "boolean":
        return _boolean
    if name in {DATE, TIMESTAMP, TIMESTAMPTZ}:
        return time_converter(name, rules)
    raise not_in_twin(f"COPY into a column of type {name.upper()}")


def quick(name: str, sizes: list[int], convert: Converter) -> Converter:
    """Return a converter that lets the usual numbers of a type pass as they stand."""
    if name in RANGES:
        usual = rb"\d{1,%d}" % (len(str(RANGES[name])) - 1)
    elif name == "numeric" and 0 < sizes[1] < sizes[0]:
        usual = rb"-?\d{1,%d}(?:\.\d{1,%d})?" % (sizes[0] - sizes[1], sizes[1])
    elif name in _FLOATS:
        # neither too large nor too small for a REAL
        usual = rb"-?\d{1,30}(?:\.\d{1,30})?"
    else:
        return convert
    fits = re.compile(usual).fullmatch
    return lambda text: text if fits(text) else convert(text)


def _or_null(convert: Converter, text: bytes) -> bytes:
    """Empty and blank fields of types that are no text are NULL, whatever the options."""
    text = text.strip()
    return convert(text) if text else NULL


def decode_string(raw: bytes) -> bytes:
    """Return the text that a JSON string stands for."""
    if b"\\" not in raw:
        return raw[1:-1]
    try:
        text = _decode_string(raw).encode()
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise FieldError(BAD_UTF8, "String contains invalid or unsupported UTF8 codepoints", raw) from error
    if b"\0" in text:
        raise FieldError(BAD_UTF8, "String contains invalid or unsupported UTF8 codepoints: 0x00", raw)
    return text


def _varchar(size: int, rules: Rules, replace: Replacer | None) -> Converter:
    plain = rules.plain_text

    def varchar(text: bytes) -> bytes:
        if plain and len(text) <= size and _PLAIN(text):
            return text
        text = _characters(text, replace)
        if not plain:
            if (rules.blanks_as_null and text.isspace()) or (rules.empty_as_null and not text):
                return NULL
            if rules.trim_blanks:
                text = text.rstrip()
        if len(text) > size:
            if not rules.truncate_columns:
                raise FieldError(TOO_LONG, "String length exceeds DDL length", text)
            # not in the middle of a character
            text = text[:size].decode(errors="ignore").encode()
        return escape(text)

    return varchar


def _characters(text: bytes, replace: Replacer | None) -> bytes:
    """Return text as VARCHAR carries it."""
    if not text.isascii():
        if replace:
            text = replace(text)
        elif not is_utf8(text):
            raise bad_utf8(text)
    if b"\0" in text:
        raise FieldError(BAD_UTF8, "String contains invalid or unsupported UTF8 codepoints: 0x00", text)
    return text


def _char(size: int, rules: Rules) -> Converter:
    def char(text: bytes) -> bytes:
        if not text.isascii() or b"\0" in text:
            wrong = " ".join(f"{byte:02x}" for byte in text if not 0 < byte < 0x80)[:11]  # noqa: PLR2004 - ASCII
            raise FieldError(
                BAD_UTF8,
                f"Multibyte character not supported for CHAR (Hint: try using VARCHAR). Invalid char: {wrong}",
                text,
            )
        if (rules.blanks_as_null and text.isspace()) or (rules.empty_as_null and not text):
            return NULL
        if len(text) > size:
            if not rules.truncate_columns:
                raise FieldError(TOO_LONG, "Char length exceeds DDL length", text)
            text = text[:size]
        return escape(text)

    return char


def _bad_digit(text: bytes, kind: str, allowed: re.Pattern[bytes]) -> FieldError:
    start = allowed.match(text)
    at = start.end() if start else 0
    wrong = text[at : at + 1].decode(errors="replace")
    return FieldError(BAD_DIGIT, f"Invalid digit, Value '{wrong}', Pos {at}, Type: {kind}", text)


def _integer(name: str) -> Converter:
    limit, kind = RANGES[name], _NAMES[name]

    def integer(text: bytes) -> bytes:
        if not (text.isdigit() or _INTEGER.fullmatch(text)):
            raise _bad_digit(text, kind, _INTEGER)
        # longer ones are out of range anyway, and Python refuses to read very long ones
        if len(text) > _MAX_INTEGER_DIGITS or not -limit <= int(text) < limit:
            raise FieldError(TOO_LONG, f"Overflow, Column type: {kind}", text)
        return text

    return integer


def _numeric(precision: int, scale: int, *, rounded: bool) -> Converter:
    limit = decimal.Decimal(10) ** precision
    step = decimal.Decimal(1).scaleb(-scale)
    rounding = decimal.ROUND_HALF_UP if rounded else decimal.ROUND_DOWN

    def numeric(text: bytes) -> bytes:
        if not _DECIMAL.fullmatch(text):
            raise _bad_digit(text, "Decimal", _DECIMAL)
        overflow = FieldError(TOO_LONG, f"Overflow for NUMERIC({precision},{scale})", text)
        if len(text) > _MAX_DIGITS:
            raise overflow
        fitted = decimal.Decimal(text.decode()).quantize(step, rounding, _DIGITS)
        # copy_abs: abs() would round to the 28 digits of the default context
        if fitted.scaleb(scale, _DIGITS).copy_abs() >= limit:
            raise overflow
        return format(fitted, "f").encode()

    return numeric


def _float(name: str) -> Converter:
    kind = "Real" if name == "real" else "Double"
    # with a byte order, because only then does packing refuse what is too large
    width = struct.Struct("<f" if name == "real" else "<d")

    def floating(text: bytes) -> bytes:
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
            raise FieldError(
                TOO_LONG, f"{'Underflow' if vanished else 'Overflow'}, Column type: {kind}", text
            )
        return text

    return floating


def _boolean(text: bytes) -> bytes:
    field = _BOOLEANS.get(text) or _BOOLEANS.get(text.lower())
    if field is None:
        raise FieldError(BAD_BOOLEAN, "Unknown boolean format", text)
    return field


def super_field(text: bytes) -> bytes:
    """Return a JSON text as the field of a SUPER column."""
    try:
        msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise FieldError(BAD_SUPER, f"Invalid JSON format for SUPER: {error}", text) from error
    return checked_super(text)


def checked_super(raw: bytes) -> bytes:
    """Return well-formed JSON as the field of a SUPER column; raises beyond SUPER's limits."""
    if raw == b"null":
        return NULL
    if len(raw) > MAX_SUPER:
        raise FieldError(BAD_SUPER, f"SUPER value exceeds {MAX_SUPER} bytes", raw)
    if len(raw) > MAX_SUPER_STRING:
        for found in STRING.finditer(raw):
            if len(found[1]) > MAX_SUPER_STRING and len(decode_string(found[0])) > MAX_SUPER_STRING:
                raise FieldError(BAD_SUPER, f"String in SUPER exceeds {MAX_SUPER_STRING} bytes", raw)
    if b"\\u" in raw:
        if _NUL.search(raw):
            raise FieldError(BAD_SUPER, "SUPER value contains the code point 0x00", raw)
        for found in STRING.finditer(raw):
            decode_string(found[0])
    return escape(raw)
