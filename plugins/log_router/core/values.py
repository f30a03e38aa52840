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

INTEGER_RANGES = {
    name: (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    for name, bits in (("smallint", 16), ("integer", 32), ("bigint", 64))
}
# Numbers above this lose digits in readers that go through a double; as text they don't.
EXACT_IN_DOUBLE = 2**53
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,6})?", re.ASCII)
_INTEGER_DIGITS = 40
_INTEGER = re.compile(rf"[+-]?0*\d{{1,{_INTEGER_DIGITS}}}", re.ASCII)
_TRUE = frozenset({"true", "t", "yes", "y", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "0"})
# As `finite` for double precision.
_SMALLEST_REAL = 2.0**-126
_SURELY_SMALLEST, _SURELY_LARGEST = 1e-30, 1e30
# Decimal takes no larger ones; see `nearest`.
LARGEST_EXPONENT = 999_999_999_999_999_999
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# With whole seconds, milliseconds and microseconds, and Z.
_USUAL_LENGTHS = frozenset({20, 24, 27})
_USUAL_MARKS = frozenset({"-T::Z", "-T::."})
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
    if name in INTEGER_RANGES:
        return _integer(column.type.ddl, *INTEGER_RANGES[name])
    if name == "numeric":
        return _numeric(column.type.precision, column.type.scale)
    if name == "varchar":
        return _varchar(column.longest)
    if name == "char":
        return _char(column.type.length)
    if name in ("timestamp", "timestamptz", "date"):
        return _time(name, column.time_format)
    return _WITHOUT_LENGTH[name]


def _wrong_type(value: object, wanted: str) -> BadValue:
    kind = {dict: "an object", list: "an array", str: "text", bool: "a boolean"}.get(type(value), "a number")
    return BadValue("wrong_type", f"{kind} where {wanted} is wanted: {shown(value)}")


def cut(value: object, length: int) -> str:
    """Return the text of a scalar without what does not fit `length` bytes of UTF-8, in whole characters.

    Raises:
        BadValue: it is no scalar, or holds U+0000.
    """
    return _text(value, "text").encode()[:length].decode(errors="ignore")


def _integer(ddl: str, low: int, high: int) -> Converter:
    plain_low, plain_high = max(low, -EXACT_IN_DOUBLE), min(high, EXACT_IN_DOUBLE)

    def convert(value: object) -> object:
        # As nearly all are.
        if type(value) is int and plain_low <= value <= plain_high:
            return value
        number = _whole(value)
        if number is None:
            raise _wrong_type(value, ddl)
        if not low <= number <= high:
            raise BadValue("out_of_range", f"{shown(value)} is not between {low} and {high} ({ddl})")
        return number if -EXACT_IN_DOUBLE <= number <= EXACT_IN_DOUBLE else str(number)

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
    limit = 10 ** (precision - scale)
    zeros = "." + "0" * scale if scale else ""

    def convert(value: object) -> object:
        if type(value) is Decimal:
            # As nearly all are: as many decimals as the column has, or one less.
            text = str(value)
            if 1 < scale < len(text) - 1 < precision and "E" not in text:
                if text[-1 - scale] == ".":
                    return text
                if text[-scale] == ".":
                    return text + "0"
        elif type(value) is int and -limit < value < limit:
            return f"{value}{zeros}"
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
    if type(value) is Decimal:
        # As nearly all are.
        number = float(value)
        if _SURELY_SMALLEST < number < _SURELY_LARGEST:
            return number
    return finite(_number(value, "double precision"), "double precision")


def _real(value: object) -> object:
    if type(value) is Decimal:
        # As nearly all are.
        number = float(value)
        if _SURELY_SMALLEST < number < _SURELY_LARGEST:
            return number
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
    if isinstance(value, Decimal) and abs(value.adjusted()) >= LARGEST_EXPONENT:
        raise BadValue(
            "out_of_range", f"a number with an exponent beyond {LARGEST_EXPONENT} can't be kept as text"
        )
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
    usual = name == "timestamp" and time_format == "iso"

    def convert(value: object) -> object:
        if usual and type(value) is str and (text := usual_time(value)):
            return text
        moment = read(value)
        if name == "date":
            return moment.date().isoformat()
        return moment.isoformat(" ") + zone

    return convert


def nearest(number: str) -> Decimal:
    """Return a JSON number as Decimal; with the largest exponent where its own is beyond, which no column takes."""
    try:
        return Decimal(number)
    except ArithmeticError:
        sign, exponent = "-" * number.startswith("-"), re.split("[eE]", number)[1]
        return Decimal(f"{sign}1E{'-' * exponent.startswith('-')}{LARGEST_EXPONENT}")


def usual_time(value: str) -> str | None:
    """Return the text of a time that is written as nearly all are, `2026-01-31T13:00:00.123Z`; None for others."""
    # The characters between days and microseconds: no week of a year, no digits without colons, no offset.
    if value[-1:] == "Z" and value[7:20:3] in _USUAL_MARKS and len(value) in _USUAL_LENGTHS:
        try:
            datetime.fromisoformat(value)
        except ValueError:
            return None
        return value.replace("T", " ", 1)[:-1]
    return None


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
