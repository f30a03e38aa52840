"""What a COPY of JSON must make of a value, worked out from AWS's documentation with plain Python.

Slow, and written apart from the twin: where both agree, a mistake would have to be made twice. Where
the documentation leaves something open, more than one outcome is allowed: `ANY` row, or an error.
"""

import datetime as dt
import decimal
import functools
import json
import math
import re
import struct
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

# any value is allowed: the documentation does not say which
ANY = object()


class Number(str):
    """A number of a JSON document, as it is written there."""

    __slots__ = ()


class Outcome(NamedTuple):
    """The values that are allowed, and the codes of errors that are allowed."""

    values: tuple[Any, ...] = ()
    codes: tuple[int, ...] = ()

    def allows(self, value: Any) -> bool:
        """Return whether a row may hold this value."""
        return any(allowed is ANY or same(allowed, value) for allowed in self.values)


def same(expected: Any, found: Any) -> bool:
    """Return whether two values are the same, also of the same kind."""
    if isinstance(expected, float) and isinstance(found, float):
        return expected == found or (math.isnan(expected) and math.isnan(found))
    return type(expected) is type(found) and bool(expected == found)


OPEN = Outcome((ANY,), (1204, 1205, 1206, 1207, 1208, 1209, 1210))
NULL = Outcome((None,))
_RANGES = {"smallint": 15, "integer": 31, "bigint": 63}


def parse(text: str) -> Any:
    """Return a JSON text as Python values, numbers as they are written; raises `ValueError`."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=refuse)


def outcome(column: str, raw: str) -> Outcome:
    """Return what may become of a value, given as JSON text, in a column of this type."""
    name, _, rest = column.partition("(")
    sizes = [int(size) for size in re.findall(r"\d+", rest)]
    value = parse(raw)
    if value is None or name == "super":
        return NULL if value is None else _super(value)
    text = str(value) if isinstance(value, str) else raw.strip(" \t\r\n")
    if not _storable(text):
        return Outcome(codes=(1220, 1224))
    if name in {"varchar", "char"}:
        return _text(name, sizes[0], text)
    if not text.strip(" \t\n\r\f\v"):
        # blank fields of other types are always NULL
        return NULL
    if text != text.strip():
        return OPEN
    return _BY_NAME[name](text, *sizes)


def required(found: Outcome) -> Outcome:
    """Return what may become of the same value in a NOT NULL column."""
    values = tuple(value for value in found.values if value is not None)
    return found if values == found.values and ANY not in values else Outcome(values, (*found.codes, 1213))


def _storable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _text(name: str, size: int, text: str) -> Outcome:
    if name == "char" and not text.isascii():
        return Outcome(codes=(1215, 1220, 1204))
    if len(text.encode()) > size:
        return Outcome(codes=(1204,))
    return Outcome((text.rstrip(" ") if name == "char" else text,))


def _integer(text: str, name: str) -> Outcome:
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        return Outcome(codes=(1207,))
    limit = 1 << _RANGES[name]
    value = decimal.Decimal(text)
    return Outcome((int(value),)) if -limit <= value < limit else Outcome(codes=(1204, 1207, 1222))


def _numeric(text: str, precision: int, scale: int) -> Outcome:
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text):
        return Outcome(codes=(1207, 1209))
    if re.search(r"[eE]", text):
        return Outcome((ANY,), (1204, 1207, 1209))
    with decimal.localcontext(prec=2 * len(text) + 80):
        # "By default, COPY truncates values when necessary to fit the scale of the column"
        value = decimal.Decimal(text).quantize(decimal.Decimal(1).scaleb(-scale), decimal.ROUND_DOWN)
        if abs(value) >= decimal.Decimal(10) ** (precision - scale):
            return Outcome(codes=(1204, 1207, 1209))
    return Outcome((value or value.copy_abs(),))


def _float(text: str, name: str) -> Outcome:
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text):
        return (
            OPEN if text.lstrip("+-").lower() in {"nan", "inf", "infinity"} else Outcome(codes=(1207, 1208))
        )
    value = float(text)
    if name == "real" and not math.isinf(value):
        try:
            value = struct.unpack("<f", struct.pack("<f", value))[0]
        except OverflowError:
            value = math.inf
    if math.isinf(value):
        return Outcome(codes=(1204, 1208))
    if not value and re.search(r"[1-9]", re.split(r"[eE]", text)[0]):
        return Outcome((0.0,), (1204, 1208))
    return Outcome((value,))


def _boolean(text: str) -> Outcome:
    word = text.lower()
    if word in {"t", "true", "y", "yes", "1"}:
        return Outcome((True,))
    return Outcome((False,)) if word in {"f", "false", "n", "no", "0"} else Outcome(codes=(1210,))


def _date(text: str) -> Outcome:
    found = re.fullmatch(r"([0-9]{4}-[0-9]{2}-[0-9]{2})([ T][0-9]{2}:[0-9]{2}:[0-9]{2})?", text)
    if not found:
        return Outcome(codes=(1205,)) if not re.search(r"\d", text) else OPEN
    try:
        return Outcome((dt.datetime.fromisoformat(text).date(),))
    except ValueError:
        return Outcome(codes=(1205,))


def _timestamp(text: str) -> Outcome:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{6})?", text):
        return Outcome(codes=(1206,)) if not re.search(r"\d", text) else OPEN
    try:
        return Outcome((dt.datetime.fromisoformat(text),))
    except ValueError:
        return Outcome(codes=(1206,))


def _timestamptz(text: str) -> Outcome:
    plain = _timestamp(text.removesuffix("Z"))
    values = tuple(
        value.replace(tzinfo=dt.UTC) if isinstance(value, dt.datetime) else value for value in plain.values
    )
    return Outcome(values, plain.codes)


def _super(value: Any) -> Outcome:
    if not clean(value):
        return Outcome(codes=(1220, 1224))
    if any(isinstance(text, Number) and abs(decimal.Decimal(text).adjusted()) > 30 for text in _texts(value)):
        # numbers beyond DECIMAL are not described
        return Outcome((ANY,), (1204, 1224))
    return Outcome((comparable(value),))


def clean(value: Any) -> bool:
    """Return whether no string of a JSON value holds NUL or half of a surrogate pair."""
    return all(_storable(text) for text in _texts(value))


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value


def comparable(value: Any) -> Any:
    """Return a JSON value so that equal ones are equal: numbers by value, true apart from 1."""
    if isinstance(value, dict):
        return {key: comparable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [comparable(inner) for inner in value]
    if isinstance(value, Number):
        return decimal.Decimal(value).normalize(decimal.Context(prec=100))
    return f"bool {value}" if isinstance(value, bool) else value


_BY_NAME: dict[str, Callable[..., Outcome]] = {
    **{name: functools.partial(_integer, name=name) for name in _RANGES},
    **{name: functools.partial(_float, name=name) for name in ("real", "double precision")},
    "numeric": _numeric,
    "boolean": _boolean,
    "date": _date,
    "timestamp": _timestamp,
    "timestamptz": _timestamptz,
}
