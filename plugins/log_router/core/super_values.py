"""SUPER: any JSON value, within the limits of the Amazon Redshift Database Developer Guide, "SUPER type"."""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from log_router.core.bad_values import BadValue, finite, shown

MAX_TEXT_BYTES = 65_535
_MAX_DIGITS = 38
# Redshift takes 1,000; Python decodes some 900, fewer the deeper it is called from, so that a line would be a row
# here and quarantined there.
_MAX_NESTING = 500
# Found in few values; only then is a SUPER value walked. NUL, exponents, and 39 digits, point or not.
# Each pass takes away the innermost brackets: far fewer than are nested at most, and of texts that hold some.
_MAX_PASSES = 100
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_E, _BACKSLASH = b"E\\"
_SUSPECTS = (b"\\u0000", b"E+", b"E-")
_DIGITS_AS_ZERO = bytes(ord("0") if byte in b"0123456789." else byte for byte in range(256))
_TOO_MANY_DIGITS = b"0" * (_MAX_DIGITS + 1)
_encode = msgspec.json.Encoder(decimal_format="number").encode


def super_value(value: object) -> object:
    """Return a value encoded as it is written into a row; BadValue where SUPER can't hold it."""
    encoded = _encode(value)
    size = len(encoded)
    if (
        ((_E in encoded or _BACKSLASH in encoded) and any(suspect in encoded for suspect in _SUSPECTS))
        or (size > _MAX_DIGITS and _TOO_MANY_DIGITS in encoded.translate(_DIGITS_AS_ZERO))
        or (size > _MAX_NESTING and may_be_deep(encoded))
        or (size > MAX_TEXT_BYTES and _may_hold_long_text(encoded))
    ):
        _check(value)
    return msgspec.Raw(encoded)


def may_be_deep(encoded: bytes) -> bool:
    """Tell whether JSON may be nested deeper than super takes; brackets in its texts may make it say so."""
    if encoded.count(b"[") + encoded.count(b"{") <= _MAX_NESTING:
        return False
    brackets = encoded.translate(None, _NO_BRACKETS)
    for _ in range(_MAX_PASSES):
        outer = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if len(outer) in (0, len(brackets)):
            return bool(outer)
        brackets = outer
    return True


def _may_hold_long_text(encoded: bytes) -> bool:
    return _BACKSLASH in encoded or max(map(len, encoded.split(b'"'))) > MAX_TEXT_BYTES


def _check(value: object) -> None:
    level, nesting = [value], 0
    while level:
        if nesting == _MAX_NESTING and any(isinstance(item, dict | list) for item in level):
            raise BadValue("too_deep", f"super takes arrays and objects nested {nesting} deep at most")
        level = [inner for item in level for inner in _inside(item)]
        nesting += 1


def _inside(item: object) -> Iterable[object]:
    """Return what an array or object holds; a scalar is checked and holds nothing."""
    if isinstance(item, dict):
        return [*item, *item.values()]
    if isinstance(item, list):
        return item
    if isinstance(item, str):
        _check_text(item)
    elif isinstance(item, int | Decimal):
        _check_number(Decimal(item))
    return ()


def _check_number(number: Decimal) -> None:
    if len(number.as_tuple().digits) > _MAX_DIGITS:
        raise BadValue("out_of_range", f"a number in super has over {_MAX_DIGITS} digits: {shown(number)}")
    if not number and abs(number.adjusted()) >= _MAX_DIGITS:
        raise BadValue(
            "out_of_range", f"a zero in super has an exponent of over {_MAX_DIGITS}: {shown(number)}"
        )
    finite(number, "super")


def _check_text(text: str) -> None:
    if "\0" in text:
        raise BadValue("nul_character", f"text in super holds U+0000: {shown(text)}")
    if len(text) * 4 > MAX_TEXT_BYTES and len(text.encode()) > MAX_TEXT_BYTES:
        raise BadValue("too_long", f"text in super is over {MAX_TEXT_BYTES} bytes: {shown(text)}")
