"""Which hours a run is for, and where their raw objects are."""

import os.path
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from itertools import groupby

from log_router.core.errors import WindowError

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


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
    asked: str | None,
    logical_date: datetime | None,
    interval: tuple[datetime | None, datetime | None],
    now: datetime,
) -> Hour:
    """Return the hour a run is for: the one asked for, else its data interval.

    Args:
        asked: ISO 8601 time of the hour's start, as typed into the trigger form; UTC where it has no offset.
        logical_date: of the run. Airflow gives a scheduled and a backfilled run the interval that starts
            there, but a run triggered by hand the last whole hour before it, or before now.
        interval: start and end of the run's data interval, None where it has none.
        now: the time; an hour that has begun can be asked for, no later one.

    Raises:
        WindowError: neither is there, or what is there is not one whole hour, or is asked for before it has begun.
    """
    if asked:
        hour = whole_hour("hour", asked)
        if hour.start > now:
            raise WindowError(f"hour: {hour} has not begun yet; write {_cut(now).isoformat()} at the latest")
        return hour
    hours = _hours_of(interval, logical_date, "the parameter `hour`, such as 2026-01-31T13:00:00Z")
    if len(hours) != 1:
        raise WindowError(
            f"the run's data interval, {hours[0]} to {hours[-1].end.isoformat()}, is not one whole hour; "
            "trigger it with the parameter `hour`"
        )
    return hours[0]


def hours_of_run(
    asked: tuple[str | None, str | None],
    logical_date: datetime | None,
    interval: tuple[datetime | None, datetime | None] | None,
    now: datetime,
) -> tuple[Hour, ...]:
    """Return the hours a bulk run is for: those asked for, in a run of an interval as far as they lie in it.

    Args:
        asked: ISO 8601 times of the first hour and of the first that is left out, as typed into the trigger form.
        logical_date: of the run: where its interval starts, unless it was triggered by hand, and a backfill has taken
            it over.
        interval: start and end of the data interval of a scheduled or backfilled run; None for one by hand, whose
            interval means nothing.
        now: the time; by hand no hour can be asked for that has not ended.

    Raises:
        WindowError: they are no range of whole hours, or a run by hand asks for none, or for one that is not past.
    """
    first, end = (text and whole_hour(key, text) for key, text in zip(("from", "to"), asked, strict=True))
    if first and end:
        hours_between(first, end)
    if interval is not None:
        hours = _hours_of(interval, logical_date, "the parameters `from` and `to`")
        return tuple(
            hour
            for hour in hours
            if not (first and hour.start < first.start) and not (end and hour.end > end.start)
        )
    if not (first and end):
        raise WindowError(
            "this run does not say which hours to load; trigger it with the parameters `from` and `to`, such as "
            "2026-01-01T00:00:00Z and 2026-02-01T00:00:00Z (`to` is the first hour that is left out)"
        )
    return past_hours(first, end, now)


def past_hours(first: Hour, end: Hour, now: datetime) -> tuple[Hour, ...]:
    """Return the hours from `first` to before `end`, all of which have ended.

    Raises:
        WindowError: there are none, or some have not ended.
    """
    latest = iso(_cut(now))
    # Before the hours are counted out: a year mistyped has millions of them. hours_between refuses a range without any.
    if first.start < end.start and first.end > now:
        raise WindowError(
            f"from: {first} has not ended; the range lies in the future, give one before {latest}"
        )
    if first.start < end.start and end.start > now:
        raise WindowError(f"to: {end} has not come yet; write {latest} at the latest")
    return hours_between(first, end)


def label_of(hours: Sequence[Hour]) -> str:
    """Return hours that follow each other as part of an S3 key: 20260131T13, 20260131, or 20260131T05-20260203T07."""
    first, last = hours[0], hours[-1]
    if len(hours) == 1:
        return first.label
    if last.end - first.start == DAY and first.start.hour == 0:
        return first.start.strftime("%Y%m%d")
    return f"{first.label}-{Hour(last.end).label}"


def _hours_of(
    interval: tuple[datetime | None, datetime | None], logical_date: datetime | None, by_hand: str
) -> tuple[Hour, ...]:
    """Return the hours of a data interval; `by_hand` says how a run gets them that has none."""
    start, end = interval
    if start is None or end is None:
        raise WindowError(
            f"this run has no data interval, so it does not say which hours to load; trigger it with {by_hand}"
        )
    if logical_date is not None and logical_date != start:
        raise WindowError(
            f"the run's logical date is {logical_date.isoformat()} but its data interval starts at "
            f"{start.isoformat()}, so it is not clear which hours are meant; trigger it with {by_hand}"
        )
    # Plain datetimes: pendulum's, which Airflow hands in, lose their zone when an hour is added to them in UTC.
    first, last = (datetime.fromtimestamp(moment.timestamp(), UTC) for moment in (start, end))
    if last <= first or _cut(first) != first or _cut(last) != last:
        raise WindowError(
            f"the run's data interval {start.isoformat()} to {end.isoformat()} is not made of whole hours; "
            f"trigger it with {by_hand}"
        )
    return hours_between(Hour(first), Hour(last))


def iso(moment: datetime) -> str:
    """Return a time in UTC as it is typed: 2026-01-31T13:00:00Z."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


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


def by_prefix(hours: Iterable[Hour], template: str) -> Iterator[tuple[str, tuple[Hour, ...]]]:
    """Yield the key prefixes below which all raw objects of these hours lie, each with its hours, in order.

    A whole day is one prefix, where the template has one that no other day shares; every other hour is its own.
    """
    for _, group in groupby(dict.fromkeys(hours), key=lambda hour: hour.start.date()):
        day = tuple(group)
        if len(day) == DAY // HOUR and _tells_days_apart(template):
            yield _of_a_day(day[0].start, template), day
        else:
            yield from ((hour.prefix(template), (hour,)) for hour in day)


def _of_a_day(start: datetime, template: str) -> str:
    prefixes = [(start + number * HOUR).strftime(template) for number in range(24)]
    return os.path.commonprefix(prefixes)  # noqa: RUF071 - by character is meant: keys are no paths


@cache
def _tells_days_apart(template: str) -> bool:
    """Tell whether what the prefixes of a day's hours begin with is that of no hour of another day."""
    days = [
        datetime(year, month, day, tzinfo=UTC)
        for year in (2026, 2027)
        for month in (1, 2, 10, 11, 12)
        for day in (1, 2, 3, 10, 11, 12, 13, 20, 21, 22)
    ]
    hours = [(day + number * HOUR).strftime(template) for day in days for number in range(24)]
    prefixes = [_of_a_day(day, template) for day in days]
    return all(sum(hour.startswith(prefix) for hour in hours) == DAY // HOUR for prefix in prefixes)


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
