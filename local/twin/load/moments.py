"""Dates and times that TIMEFORMAT 'auto' and DATEFORMAT 'auto' recognise."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo

from local.twin.errors import not_in_twin

_ISO = re.compile(
    rb"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?: ?(?:Z|[+-]\d\d(?::?\d\d)?))?)?"
)
_ZONE = re.compile(
    r"\s*(?:(?P<sign>[+-])(?P<hours>\d\d)(?::?(?P<minutes>\d\d))?|(?P<name>Z|[A-Za-z]{3,4}|[A-Z]\w+(?:/\w+)+))$"
)
_TIME = re.compile(r"(?:^|[ T])(\d{1,2}):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?(?:\s*([AaPp])[Mm])?(?=$| )")
_COMPACT_TIME = re.compile(r"(?<=\d) (\d\d)(\d\d)(\d\d)()()$")
_JULIAN = re.compile(r"J(\d{1,7})")
_BC = re.compile(r"\sBC$", re.IGNORECASE)
# The day before the first of a Python calendar, as a Julian day.
_JULIAN_START = 1_721_425
# AWS, "DATEFORMAT and TIMEFORMAT strings" and "Using automatic recognition with DATEFORMAT and TIMEFORMAT".
_DATES = (
    "%Y-%m-%d", "%Y/%m/%d", "%m/%d/%Y", "%Y%m%d", "%y%m%d", "%d-%m-%Y", "%d.%m.%Y", "%m.%d.%Y", "%b %d, %Y",
    "%B %d, %Y", "%b %d %Y", "%b-%d-%Y", "%d-%b-%Y", "%d %b %Y", "%Y-%b-%d", "%B %d %Y", "%d %B %Y", "%Y-%j",
    "%Y.%j",
)  # fmt: skip
# The abbreviations that PostgreSQL knows by itself and the documentation shows, as hours from UTC.
_ABBREVIATIONS = {
    "z": 0, "utc": 0, "gmt": 0, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8,
    "pdt": -7, "cet": 1, "cest": 2, "bst": 1, "jst": 9,
}  # fmt: skip


def parse(text: bytes) -> dt.datetime | None:
    """Return the moment a text names, with its zone if it has one; None when it is not recognised."""
    if _ISO.fullmatch(text):
        try:
            return dt.datetime.fromisoformat(text.decode().replace(" +", "+").replace(" Z", "Z"))
        except ValueError:
            return None
    try:
        return _parse_slowly(text.decode().strip())
    except ValueError:
        return None


def _parse_slowly(text: str) -> dt.datetime | None:
    if _BC.search(text):
        raise not_in_twin("A date BC")
    zone, rest = None, text
    found = _ZONE.search(text)
    if found and _TIME.search(text[: found.start()]) and (found["name"] or "").lower() not in {"am", "pm"}:
        rest = text[: found.start()]
        zone = found
    clock = dt.time()
    found = _TIME.search(rest) or _COMPACT_TIME.search(rest)
    if found:
        clock = _clock(found)
        rest = f"{rest[: found.start()]} {rest[found.end() :]}".strip()
    day = _day(rest)
    if day is None:
        return None
    moment = dt.datetime.combine(day, clock)
    return moment if zone is None else moment.replace(tzinfo=_zone(zone))


def _zone(found: re.Match[str]) -> dt.tzinfo:
    if found["name"] is None:
        minutes = int(found["hours"]) * 60 + int(found["minutes"] or 0)
        return dt.timezone(dt.timedelta(minutes=-minutes if found["sign"] == "-" else minutes))
    name = found["name"].lower()
    if name in _ABBREVIATIONS:
        return dt.timezone(dt.timedelta(hours=_ABBREVIATIONS[name]))
    try:
        return zoneinfo.ZoneInfo(found["name"])
    except (zoneinfo.ZoneInfoNotFoundError, OSError) as error:
        raise ValueError(name) from error


def _clock(found: re.Match[str]) -> dt.time:
    hour = int(found[1])
    half = (found[5] or "").lower()
    if half:
        if not 1 <= hour <= 12:  # noqa: PLR2004 - a clock with AM and PM
            raise ValueError(hour)
        hour = hour % 12 + (12 if half == "p" else 0)
    return dt.time(hour, int(found[2]), int(found[3] or 0), int((found[4] or "0").ljust(6, "0")))


def _day(text: str) -> dt.date | None:
    julian = _JULIAN.fullmatch(text)
    if julian:
        return dt.date.fromordinal(int(julian[1]) - _JULIAN_START)
    for form in _DATES:
        try:
            return dt.datetime.strptime(text, form).date()  # noqa: DTZ007 - only the day is taken
        except ValueError:
            continue
    return None
