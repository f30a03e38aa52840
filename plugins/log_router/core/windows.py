"""Which hour a run is for, and where its raw objects are."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache

from log_router.core.errors import WindowError

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Hour:
    """One partition: [start, start + 1 hour) in UTC."""

    start: datetime

    @property
    def end(self) -> datetime:
        """The first moment after the hour."""
        return self.start + HOUR

    def prefix(self, template: str) -> str:
        """Return the key prefix of the hour's raw objects from a strftime template."""
        return self.start.strftime(template)

    @property
    def label(self) -> str:
        """The hour as part of an S3 key: 20260131T13."""
        return self.start.strftime("%Y%m%dT%H")

    def __str__(self) -> str:
        return self.start.strftime("%Y-%m-%dT%H:00Z")


def hour_of_run(
    asked: str | None, logical_date: datetime | None, interval: tuple[datetime | None, datetime | None]
) -> Hour:
    """Return the hour a run is for: the one asked for, else its data interval.

    Args:
        asked: ISO 8601 time of the hour's start, as typed into the trigger form; UTC where it has no offset.
        logical_date: of the run. Airflow gives a scheduled and a backfilled run the interval that starts
            there, but a run triggered by hand the last whole hour before it, or before now.
        interval: start and end of the run's data interval, None where it has none.

    Raises:
        WindowError: neither is there, or what is there is not one whole hour.
    """
    if asked:
        return whole_hour("hour", asked)
    start, end = interval
    if start is None or end is None:
        raise WindowError(
            "this run has no data interval, so it does not say which hour to load; "
            "trigger it with the parameter `hour`, such as 2026-01-31T13:00:00Z"
        )
    if logical_date is not None and logical_date != start:
        raise WindowError(
            f"the run's logical date is {logical_date.isoformat()} but its data interval starts at "
            f"{start.isoformat()}, so it is not clear which hour is meant; "
            "trigger it with the parameter `hour`, such as 2026-01-31T13:00:00Z"
        )
    # A plain datetime: pendulum's, which Airflow hands in, loses its zone when an hour is added to it in UTC.
    start = datetime.fromtimestamp(start.timestamp(), UTC)
    if end - start != HOUR or _cut(start) != start:
        raise WindowError(
            f"the run's data interval {start.isoformat()} to {end.isoformat()} is not one whole hour; "
            "trigger it with the parameter `hour`"
        )
    return Hour(start)


def whole_hour(key: str, text: str) -> Hour:
    """Return the hour that starts at an ISO 8601 time, UTC where it has no offset; `key` is the parameter's name.

    Raises:
        WindowError: it is no time, or not that of a whole hour.
    """
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise WindowError(f"{key}: `{text}` is not a time; write one such as 2026-01-31T13:00:00Z") from error
    if _cut(moment) != moment:
        raise WindowError(f"{key}: `{text}` is not a whole hour; write {_cut(moment).isoformat()}")
    return Hour(moment)


def hours_between(first: Hour, end: Hour) -> tuple[Hour, ...]:
    """Return the hours from `first` to before `end`.

    Raises:
        WindowError: there are none.
    """
    if end.start <= first.start:
        raise WindowError(
            f"`to`, {end}, must come after `from`, {first}: it is the first hour that is left out"
        )
    return tuple(Hour(first.start + number * HOUR) for number in range((end.start - first.start) // HOUR))


def is_in_an_hour(key: str, template: str) -> bool:
    """Tell whether a key lies below the prefix of some hour of this century, from a strftime template."""
    if not any(shape == _shape(key[: len(shape)]) for shape in _shapes(template)):
        return False
    return any(
        key[:length] in prefixes
        for year in _years_in(key, template)
        for length, prefixes in _prefixes(template, year).items()
    )


def _shape(text: str) -> str:
    return re.sub("[0-9]", "0", text)


@cache
def _shapes(template: str) -> frozenset[str]:
    """Return the prefixes of all hours with each digit a zero: one, as a rule, whatever the year.

    They tell keys of something else in no time, however many digits these have that could be years.
    """
    return frozenset(_shape(prefix) for prefixes in _prefixes(template, 2026).values() for prefix in prefixes)


def _years_in(key: str, template: str) -> Iterable[int]:
    """Return the years that a key may name, in its order: four digits, or any two where a prefix has no more."""
    with_century = all(
        str(year) in datetime(year, 6, 15, tzinfo=UTC).strftime(template) for year in (2026, 2031)
    )
    digits = r"(?=20(\d\d))" if with_century else r"(?=(\d\d))"
    return dict.fromkeys(2000 + int(found) for found in re.findall(digits, key, re.ASCII))


@lru_cache(maxsize=32)  # ten milliseconds and a megabyte; thousands of keys are of one year or two
def _prefixes(template: str, year: int) -> dict[int, set[str]]:
    """Return the prefixes of a year's hours, by length."""
    found: dict[int, set[str]] = {}
    # A week more on either side: the year of a week, %G, is not always the day's.
    first = Hour(datetime(year, 1, 1, tzinfo=UTC) - timedelta(days=7))
    for hour in hours_between(first, Hour(datetime(year + 1, 1, 8, tzinfo=UTC))):
        prefix = hour.prefix(template)
        found.setdefault(len(prefix), set()).add(prefix)
    return found


def _cut(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
