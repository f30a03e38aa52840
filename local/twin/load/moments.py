"""Dates and times that TIMEFORMAT 'auto' and DATEFORMAT 'auto' recognise."""

from __future__ import annotations

import datetime as dt
import re

_ISO = re.compile(
    rb"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?: ?(?:Z|[+-]\d\d(?::?\d\d)?))?)?"
)
# A zone by its numeric offset or UTC; others are names which this twin does not look up.
_ZONE = re.compile(rb"\s*(?:(Z|UTC|GMT)|([+-]\d\d)(?::?(\d\d))?)$")
_TIME = re.compile(rb"[ T](\d{1,2}):(\d\d)(?::(\d\d)(\.\d{1,6})?)?\s*([AaPp][Mm])?$")
_COMPACT_TIME = re.compile(rb" (\d\d)(\d\d)(\d\d)()()$")
# AWS, "Using automatic recognition with DATEFORMAT and TIMEFORMAT".
_DATES = (
    "%Y-%m-%d", "%Y/%m/%d", "%m/%d/%Y", "%Y%m%d", "%d-%m-%Y", "%d.%m.%Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y",
    "%b-%d-%Y", "%d-%b-%Y", "%d %b %Y", "%Y-%b-%d", "%B %d %Y", "%d %B %Y", "%Y-%j",
)  # fmt: skip


def parse(text: bytes) -> dt.datetime | None:
    """Return the moment a text names, with its zone if it has one; None when it is not recognised."""
    if _ISO.fullmatch(text):
        try:
            return dt.datetime.fromisoformat(text.decode().replace(" +", "+").replace(" Z", "Z"))
        except ValueError:
            return None
    return _parse_slowly(text.strip())


def _parse_slowly(text: bytes) -> dt.datetime | None:
    zone: dt.tzinfo | None = None
    clock = dt.time()
    rest = text
    found = _ZONE.search(rest)
    if found and b":" in rest[: found.start()]:
        zone = _offset(found)
        rest = rest[: found.start()]
    found = _TIME.search(rest) or _COMPACT_TIME.search(rest)
    if found:
        rest = rest[: found.start()]
    try:
        clock = _clock(found) if found else clock
        day = _day(rest.decode())
    except ValueError:
        return None
    return None if day is None else dt.datetime.combine(day, clock, zone)


def _offset(found: re.Match[bytes]) -> dt.tzinfo:
    if found[1]:
        return dt.UTC
    minutes = int(found[2]) * 60
    minutes += int(found[3] or 0) * (-1 if found[2].startswith(b"-") else 1)
    return dt.timezone(dt.timedelta(minutes=minutes))


def _clock(found: re.Match[bytes]) -> dt.time:
    hour = int(found[1])
    half = found[5].lower()[:1] if found[5] else b""
    if half:
        if not 1 <= hour <= 12:  # noqa: PLR2004 - a clock with AM and PM
            raise ValueError(hour)
        hour = hour % 12 + (12 if half == b"p" else 0)
    micros = int(found[4][1:].ljust(6, b"0")) if found[4] else 0
    return dt.time(hour, int(found[2]), int(found[3] or 0), micros)


def _day(text: str) -> dt.date | None:
    for form in _DATES:
        try:
            return dt.datetime.strptime(text, form).date()  # noqa: DTZ007 - only the day is taken
        except ValueError:
            continue
    return None
