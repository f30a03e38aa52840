"""One JSON value as a field: its own text is read, so that no digit passes through a float."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from local.twin.load import timeformats
from local.twin.load.characters import bad_utf8, is_utf8
from local.twin.load.fields import BAD_DATE, BAD_TIMESTAMP, NULL, FieldError
from local.twin.load.timevalues import DATE, TIMESTAMP, TIMESTAMPTZ, plain
from local.twin.load.values import (
    MAX_VARCHAR,
    checked_super,
    decode_string,
    quick,
    read_type,
    text_converter,
)

if TYPE_CHECKING:
    from local.twin.load.characters import Replacer
    from local.twin.load.fields import Converter, Rules

_QUOTE = ord('"')
_MOMENTS = {DATE: BAD_DATE, TIMESTAMP: BAD_TIMESTAMP, TIMESTAMPTZ: BAD_TIMESTAMP}


def json_converter(type_name: str, rules: Rules, replace: Replacer | None) -> Converter:
    """Return what makes a field of a JSON value for a column of this type."""
    name, sizes = read_type(type_name)
    if name == "super":
        return _super
    convert = text_converter(type_name, rules, replace)
    if name in {"character varying", "character"}:
        return _text(name, sizes[0] if sizes else MAX_VARCHAR, _other(convert), rules, replace)
    if name in _MOMENTS:
        return _moment(name, convert, rules)
    return quick(name, sizes, _other(convert))


def _other(convert: Converter) -> Converter:
    def other(raw: bytes) -> bytes:
        if raw[0] == _QUOTE:
            return convert(decode_string(raw))
        return NULL if raw == b"null" else convert(raw)

    return other


def _super(raw: bytes) -> bytes:
    if not raw.isascii() and not is_utf8(raw):
        raise bad_utf8(raw)
    return checked_super(raw)


def _text(name: str, size: int, other: Converter, rules: Rules, replace: Replacer | None) -> Converter:
    if replace and name == "character varying":
        # before its escapes are read: a string that is no UTF-8 can't be
        return lambda raw: other(raw if raw.isascii() else replace(raw))
    if not rules.plain_text:
        return other
    longest, wide = size + 2, name == "character varying"

    def text(raw: bytes) -> bytes:
        if raw[0] == _QUOTE and b"\\" not in raw and len(raw) <= longest and (wide or raw.isascii()):
            # a string without escapes needs none in COPY's format either
            return raw[1:-1]
        return other(raw)

    return text


def _moment(name: str, convert: Converter, rules: Rules) -> Converter:
    other = _other(convert)
    code = _MOMENTS[name]
    no_number = (rules.date_format if name == DATE else rules.time_format) == timeformats.AUTO

    def moment(raw: bytes) -> bytes:
        if no_number and raw[0] != _QUOTE and raw != b"null":
            raise FieldError(code, "Invalid format or value: 'auto' knows no epochs", raw)
        return other(raw)

    fits = re.compile(b'"%b"' % plain(name, rules)).fullmatch
    return lambda raw: raw[1:-1] if fits(raw) else moment(raw)
