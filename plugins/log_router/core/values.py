"""One JSON value as its column's type takes it: what Redshift's COPY would refuse is refused here first.

A converter takes a decoded value that is not null (numbers are int or Decimal, never float) and returns what
is written into the part, or raises BadValue. Ranges and forms are those of the Amazon Redshift Database
Developer Guide: "Numeric types", "Character types", "Datetime types", "Boolean type", "SUPER type".
"""

import re
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import TYPE_CHECKING

from log_router.core.bad_values import BadValue, finite, shown
from log_router.core.super_values import super_value

if TYPE_CHECKING:
    from log_router.core.events import Column

Converter = Callable[[object], object]

# Numbers above this lose digits in readers that go through a double; as text they don't.
_EXACT_IN_DOUBLE = 2**53
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,6})?", re.ASCII)
_INTEGER_DIGITS = 40
_INTEGER = re.compile(rf"[+-]?0*\d{{1,{_INTEGER_DIGITS}}}", re.ASCII)
_TRUE = frozenset({"true", "t", "yes", "y", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "0"})
# As `finite` for double precision.
_SMALLEST_REAL = 2.0**-126
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FAR = Decimal(10) ** 18
_EPOCH_UNIT_MICROSECONDS = {
    "epoch_seconds": 1_000_000,
    "epoch_milliseconds": 1_000,
    "epoch_microseconds": 1,
}
_EXACT = Context(prec=200)


def converter(column: "Column") -> Converter:
    """Return the converter for a column's type."""
    name = column.type.name
    if name in _INTEGER_BITS:
        return _integer(column.type.ddl, _INTEGER_BITS[name])
    if name == "numeric":
        return _numeric(column.type.precision, column.type.scale)
    if name == "varchar":
        return _varchar(column.longest)
    if name == "char":
        return _char(column.type.length)
    if name in ("timestamp", "timestamptz", "date"):
        return _time(name, column.time_format)
    return _WITHOUT_LENGTH[name]


_INTEGER_BITS = {"smallint": 16, "integer": 32, "bigint": 64}


def _wrong_type(value: object, wanted: str) -> BadValue:
    kind = {dict: "an object", list: "an array", str: "text", bool: "a boolean"}.get(type(value), "a number")
    return BadValue("wrong_type", f"{kind} where {wanted} is wanted: {shown(value)}")


def cut(value: object, length: int) -> str:
    """Return the text of a scalar without what does not fit `length` bytes of UTF-8, in whole characters.

    Raises:
        BadValue: it is no scalar, or holds U+0000.
    """
    return _text(value, "text").encode()[:length].decode(errors="ignore")


def _integer(ddl: str, bits: int) -> Converter:
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    plain_low, plain_high = max(low, -_EXACT_IN_DOUBLE), min(high, _EXACT_IN_DOUBLE)

    def convert(value: object) -> object:
        # As nearly all are.
        if type(value) is int and plain_low <= value <= plain_high:
            return value
        number = _whole(value)
        if number is None:
            raise _wrong_type(value, ddl)
        if not low <= number <= high:
            raise BadValue("out_of_range", f"{shown(value)} is not between {low} and {high} ({ddl})")
        return number if -_EXACT_IN_DOUBLE <= number <= _EXACT_IN_DOUBLE else str(number)

    return convert


def _whole(value: object) -> int | None:
    if type(value) is int:
        return value
    if isinstance(value, str):
        return int(value) if _INTEGER.fullmatch(value) else None
    # Digits are counted first: 1e999999 must not become an integer of a million digits.
    if isinstance(value, Decimal) and value.adjusted() < _INTEGER_DIGITS:
        whole = int(value)
        return whole if whole == value else None
    return None


def _number(value: object, wanted: str) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if type(value) is int:
        return Decimal(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return Decimal(value)
    raise _wrong_type(value, wanted)


def _numeric(precision: int, scale: int) -> Converter:
    ddl = f"numeric({precision},{scale})"
    step = Decimal(1).scaleb(-scale)
    limit = Decimal(10) ** (precision - scale)

    def convert(value: object) -> object:
        number = _number(value, ddl)
        # copy_abs, because abs() rounds to 28 digits and fails on large exponents.
        if number.copy_abs() >= limit:
            raise BadValue("out_of_range", f"{shown(value)} has too many digits for {ddl}")
        # Half away from zero, as Redshift's casts do; COPY itself would cut digits off.
        try:
            rounded = number.quantize(step, rounding=ROUND_HALF_UP, context=_EXACT)
        except InvalidOperation as error:
            raise BadValue("out_of_range", f"{shown(value)} has too many digits for {ddl}") from error
        if rounded.copy_abs() >= limit:
            raise BadValue("out_of_range", f"{shown(value)} has too many digits for {ddl}")
        return format(rounded, "f")

    return convert


def _double(value: object) -> object:
    return finite(_number(value, "double precision"), "double precision")


def _real(value: object) -> object:
    exact = _number(value, "real")
    number = finite(exact, "real")
    try:
        # With "<": in native order, pack makes an infinity of a number that is too large.
        (single,) = struct.unpack("<f", struct.pack("<f", number))
    except OverflowError as error:
        raise BadValue("out_of_range", f"{shown(value)} is too large for real") from error
    if number and abs(single) < _SMALLEST_REAL:
        raise BadValue("out_of_range", f"{shown(value)} is too small for real")
    return number


def _boolean(value: object) -> object:
    if isinstance(value, bool):
        return value
    text = str(value).lower() if isinstance(value, str | int) else ""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise _wrong_type(value, "boolean")


def _text(value: object, wanted: str) -> str:
    if isinstance(value, str):
        if "\0" in value:
            raise BadValue(
                "nul_character", f"text holds U+0000, which Redshift takes nowhere: {shown(value)}"
            )
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return str(value)
    raise _wrong_type(value, wanted)


def _varchar(length: int) -> Converter:
    ddl = f"varchar({length})"
    surely_fits = length // 4  # a character takes four bytes of UTF-8 at most

    def convert(value: object) -> object:
        # As nearly all are.
        if type(value) is str and len(value) <= surely_fits and "\0" not in value:
            return value
        text = _text(value, ddl)
        if len(text) > surely_fits:
            size = len(text) if text.isascii() else len(text.encode())
            if size > length:
                raise BadValue("too_long", f"{size} bytes do not fit {ddl}: {shown(text)}")
        return text

    return convert


def _char(length: int) -> Converter:
    ddl = f"char({length})"

    def convert(value: object) -> object:
        text = _text(value, ddl)
        if not text.isascii():
            raise BadValue("wrong_type", f"{ddl} takes single-byte characters only: {shown(text)}")
        if len(text) > length:
            raise BadValue("too_long", f"{len(text)} bytes do not fit {ddl}: {shown(text)}")
        return text

    return convert


def _time(name: str, time_format: str) -> Converter:
    read = _iso if time_format == "iso" else _epoch(_EPOCH_UNIT_MICROSECONDS[time_format])
    zone = "+00" if name == "timestamptz" else ""

    def convert(value: object) -> object:
        moment = read(value)
        if name == "date":
            return moment.date().isoformat()
        return moment.isoformat(" ") + zone

    return convert


def _iso(value: object) -> datetime:
    """Return a moment in UTC, without its zone; text without an offset is UTC already."""
    if not isinstance(value, str):
        raise _wrong_type(value, "an ISO 8601 time")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = _slashed(value)
    if moment.tzinfo is None:
        return moment
    try:
        return moment.astimezone(UTC).replace(tzinfo=None)
    except OverflowError as error:
        raise BadValue("out_of_range", f"{shown(value)} is outside the years 1 to 9999 in UTC") from error


def _slashed(value: str) -> datetime:
    try:
        return datetime.strptime(value, "%Y/%m/%d %H:%M:%S %z")
    except ValueError as error:
        raise BadValue("bad_time", f"{shown(value)} is not an ISO 8601 time") from error


def _epoch(unit_microseconds: int) -> Callable[[object], datetime]:
    def read(value: object) -> datetime:
        number = _number(value, "an epoch number")
        try:
            # The bound keeps 1e999999 from becoming an integer of a million digits.
            microseconds = _EXACT.multiply(max(-_FAR, min(number, _FAR)), Decimal(unit_microseconds))
            moment = _EPOCH + timedelta(microseconds=int(microseconds))
        except OverflowError as error:
            raise BadValue("out_of_range", f"{shown(value)} is outside the years 1 to 9999") from error
        return moment.replace(tzinfo=None)

    return read


_WITHOUT_LENGTH: dict[str, Converter] = {
    "double precision": _double,
    "real": _real,
    "boolean": _boolean,
    "super": super_value,
}
