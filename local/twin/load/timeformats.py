"""Dates and times by the formats that TIMEFORMAT and DATEFORMAT spell out, and the epochs."""

from __future__ import annotations

import datetime as dt
import functools
import re
from typing import TYPE_CHECKING

from local.twin.errors import TwinError

if TYPE_CHECKING:
    from collections.abc import Callable

    Parser = Callable[[bytes], dt.datetime | None]

AUTO = "auto"
EPOCHS = {"epochsecs": 1_000_000, "epochmillisecs": 1000}
# What COPY expects where no format is given.
DATE = "YYYY-MM-DD"
TIMESTAMP = "YYYY-MM-DD HH:MI:SS"
_OFFSET = rb"(?: ?(?P<offset>Z|[+-]\d\d(?::?\d\d)?))?"

_PART = re.compile(r"YYYY|YY|MM|MON|DD|HH24|HH12|HH|MI|SS|AM|PM|T(?=HH)|[^A-Z0-9]", re.IGNORECASE)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONG_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_CENTURY = 70
_PATTERNS = {
    "YYYY": r"(?P<year>\d{4})",
    "YY": r"(?P<short>\d\d)",
    "MM": r"(?P<month>\d{1,2})",
    "MON": f"(?P<name>{'|'.join((*_LONG_MONTHS, *_MONTHS))})",
    "DD": r"(?P<day>\d{1,2})",
    "HH24": r"(?P<hour>\d{1,2})",
    "HH": r"(?P<hour>\d{1,2})",
    "HH12": r"(?P<half>\d{1,2})",
    "MI": r"(?P<minute>\d{1,2})",
    "SS": r"(?P<second>\d{1,2})(?:\.(?P<fraction>\d{1,6}))?",
    "AM": "(?P<meridian>[AP]M)",
    "PM": "(?P<meridian>[AP]M)",
}
_EPOCH = re.compile(rb"[+-]?\d{1,16}")
_START = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - columns without a zone hold UTC


def check_format(text: str, option: str) -> None:
    """Raise when COPY knows no such format for this option (timeformat or dateformat)."""
    if text == AUTO or (text in EPOCHS and option == "timeformat"):
        return
    if _regex(text) is None:
        raise TwinError(
            f"Invalid {option.upper()} '{text}'",
            code="22023",
            detail="It takes YYYY, YY, MM, MON, DD, HH, HH24, HH12, MI, SS, AM, PM, separators, or 'auto'"
            " in lower case; a time zone can't be named.",
        )


def parser(text: str, *, offset: bool = False) -> Parser:
    """Return what reads values of a checked format; with `offset` one may follow the value."""
    if text in EPOCHS:
        return functools.partial(_epoch, EPOCHS[text])
    regex = _regex(text)
    if regex is None:
        raise AssertionError(text)
    if offset:
        regex = re.compile(regex.pattern + _OFFSET, re.IGNORECASE)
    return functools.partial(_moment, regex)


@functools.cache
def _regex(text: str) -> re.Pattern[bytes] | None:
    """Return the pattern of a format's values; None for what is no format."""
    at, parts = 0, []
    while at < len(text):
        found = _PART.match(text, at)
        if found is None:
            return None
        parts.append(found[0].upper())
        at = found.end()
    known = [part for part in parts if part in _PATTERNS]
    pattern = "".join(_exact(parts, at) for at in range(len(parts)))
    try:
        return re.compile(pattern.encode(), re.IGNORECASE) if known else None
    except re.error:
        # a part that stands twice
        return None


def _exact(parts: list[str], at: int) -> str:
    """Return one part's pattern; two digits are needed where nothing separates it from the next."""
    if parts[at] not in _PATTERNS:
        return re.escape(parts[at])
    pattern = _PATTERNS[parts[at]]
    near = parts[max(at - 1, 0) : at] + parts[at + 1 : at + 2]
    touches = any(part in _PATTERNS and part not in {"MON", "AM", "PM"} for part in near)
    return pattern.replace(r"\d{1,2}", r"\d\d") if touches else pattern


def _moment(regex: re.Pattern[bytes], text: bytes) -> dt.datetime | None:
    found = regex.fullmatch(text)
    if found is None:
        return None
    parts = {name: value.decode() for name, value in found.groupdict().items() if value is not None}
    try:
        moment = dt.datetime.combine(_day(parts), _clock(parts))
        return moment.replace(tzinfo=_zone(parts["offset"])) if "offset" in parts else moment
    except ValueError:
        return None


def _day(parts: dict[str, str]) -> dt.date:
    short = int(parts.get("short", _CENTURY))
    year = int(parts.get("year", short + (1900 if short >= _CENTURY else 2000)))
    month = parts["name"][:3].lower() if "name" in parts else ""
    number = _MONTHS.index(month) + 1 if month else int(parts.get("month", 1))
    return dt.date(year, number, int(parts.get("day", 1)))


def _clock(parts: dict[str, str]) -> dt.time:
    hour = int(parts.get("hour", 0))
    if "half" in parts:
        hour = int(parts["half"])
        if not 1 <= hour <= 12:  # noqa: PLR2004 - the hours of a clock's face
            raise ValueError(hour)
        hour %= 12
    if "meridian" in parts and parts["meridian"].lower() == "pm" and hour < 12:  # noqa: PLR2004 - the same
        hour += 12
    micros = int(parts.get("fraction", "0").ljust(6, "0"))
    return dt.time(hour, int(parts.get("minute", 0)), int(parts.get("second", 0)), micros)


def _zone(text: str) -> dt.tzinfo:
    if text.upper() == "Z":
        return dt.UTC
    minutes = int(text[1:3]) * 60 + int(text[3:].lstrip(":") or 0)
    return dt.timezone(dt.timedelta(minutes=-minutes if text[0] == "-" else minutes))


def _epoch(micros: int, text: bytes) -> dt.datetime | None:
    if not _EPOCH.fullmatch(text):
        return None
    try:
        return _START + dt.timedelta(microseconds=int(text) * micros)
    except OverflowError:
        return None
