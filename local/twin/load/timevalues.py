"""A text as the field of a DATE, TIMESTAMP or TIMESTAMPTZ column, by the COPY's formats."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

from local.twin.load import moments, timeformats
from local.twin.load.fields import BAD_DATE, BAD_TIMESTAMP, NULL, FieldError, Rules

if TYPE_CHECKING:
    from local.twin.load.fields import Converter
    from local.twin.load.timeformats import Parser

DATE, TIMESTAMP, TIMESTAMPTZ = "date", "timestamp without time zone", "timestamp with time zone"
_TIMESTAMP_REASON = "Invalid timestamp format or value [YYYY-MM-DD HH24:MI:SS]"
# What most timestamps look like, by format: read at once.
_USUAL = {
    "": re.compile(rb"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d{1,6})?)"),
    timeformats.AUTO: re.compile(
        rb"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:\.\d{1,6})?)(?:Z|[+-]\d\d(?::?\d\d)?)?"
    ),
}
_NEVER = re.compile(rb"(?!)")
# Timestamps that need no calendar: of days that every month has.
_PLAIN = (
    rb"(?!0000)\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])%b(?:[01]\d|2[0-3])(?::[0-5]\d){2}(?:\.\d{1,6})?"
)


def plain(name: str, rules: Rules) -> bytes:
    """Return the pattern of texts that a column of this type takes as they stand."""
    if name in {TIMESTAMP, TIMESTAMPTZ} and rules.time_format == timeformats.AUTO:
        return _PLAIN % b"[ T]"
    return _PLAIN % b" " if name == TIMESTAMP and not rules.time_format else b"(?!)"


def time_converter(name: str, rules: Rules) -> Converter:
    """Return what makes a field of a text for a column of one of these types."""
    if name == DATE:
        return _date(rules)
    if name == TIMESTAMPTZ:
        return _timestamptz(rules)
    return _timestamp(rules)


def _parser(given: str, default: str, *, offset: bool = False) -> Parser:
    if given == timeformats.AUTO:
        return moments.parse
    return timeformats.parser(given or default, offset=offset and not given)


def _refuse(text: bytes, code: int, reason: str, rules: Rules) -> bytes:
    """Return NULL where ACCEPTANYDATE allows it; raise elsewhere."""
    if rules.accept_any_date:
        return NULL
    raise FieldError(code, reason, text)


def _date(rules: Rules) -> Converter:
    parse = _parser(rules.date_format, timeformats.DATE)
    reason = f"Invalid Date Format - value does not match '{rules.date_format or timeformats.DATE}'"

    def date(text: bytes) -> bytes:
        found = parse(text)
        if found is None:
            return _refuse(text, BAD_DATE, reason, rules)
        return found.date().isoformat().encode()

    return date


def _timestamp(rules: Rules) -> Converter:
    parse = _parser(rules.time_format, timeformats.TIMESTAMP)
    usual = _USUAL.get(rules.time_format, _NEVER).fullmatch

    def timestamp(text: bytes) -> bytes:
        parts = usual(text)
        if parts:
            # AWS, "Datetime types": a TIMESTAMP ignores the zone of what it is given
            moment = parts[1] + b" " + parts[2]
            try:
                dt.datetime.fromisoformat(moment.decode())
            except ValueError:
                return _refuse(text, BAD_TIMESTAMP, _TIMESTAMP_REASON, rules)
            return moment
        found = parse(text)
        if found is None:
            return _refuse(text, BAD_TIMESTAMP, _TIMESTAMP_REASON, rules)
        return found.replace(tzinfo=None).isoformat(" ").encode()

    return timestamp


def _timestamptz(rules: Rules) -> Converter:
    parse = _parser(rules.time_format, timeformats.TIMESTAMP, offset=True)

    def timestamptz(text: bytes) -> bytes:
        found = parse(text)
        try:
            # in UTC: PostgreSQL knows fewer offsets
            moment = found.astimezone(dt.UTC) if found and found.tzinfo else found
        except OverflowError:
            moment = None
        if moment is None:
            return _refuse(text, BAD_TIMESTAMP, _TIMESTAMP_REASON, rules)
        return moment.isoformat(" ").encode()

    return timestamptz
