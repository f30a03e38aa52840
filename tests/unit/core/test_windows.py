"""Windows: a run is for one whole hour in UTC, or says why not."""

from datetime import UTC, datetime, timedelta, timezone

import pendulum
import pytest

from log_router.core.errors import WindowError
from log_router.core.windows import Hour, by_prefix, hour_of_run, hours_between, hours_of_run, label_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
INDIA = timezone(timedelta(hours=5, minutes=30))
LATER = datetime(2026, 3, 9, 12, 30, tzinfo=UTC)
NONE = (None, None)


@pytest.mark.parametrize(
    "asked",
    [
        "2026-03-01T12:00:00Z",
        "2026-03-01T12:00",
        "2026-03-01 12:00:00",
        "2026-03-01T14:00+02:00",
        "2026-03-01T17:30+05:30",
    ],
)
def test_the_hour_asked_for_comes_first(asked: str) -> None:
    """Any offset becomes UTC, text without one is UTC, and the interval is not looked at."""
    assert hour_of_run(asked, None, NONE, LATER) == Hour(NOON)
    assert hour_of_run(asked, None, (NOON - HOUR, NOON), LATER) == Hour(NOON)


@pytest.mark.parametrize("asked", [None, ""])
def test_else_the_data_interval_is_the_hour(asked: str | None) -> None:
    """The interval's start, in UTC whatever its zone."""
    assert hour_of_run(asked, None, (NOON, NOON + HOUR), LATER) == Hour(NOON)
    local = NOON.astimezone(INDIA)
    hour = hour_of_run(asked, None, (local, local + HOUR), LATER)
    assert hour == Hour(NOON)
    assert (hour.start.tzinfo, hour.end) == (UTC, NOON + HOUR)


@pytest.mark.parametrize(
    "interval",
    [
        (NOON, NOON),
        (NOON, NOON + 2 * HOUR),
        (NOON, NOON + timedelta(minutes=59)),
        (NOON + timedelta(minutes=30), NOON + timedelta(minutes=90)),
        (NOON.replace(tzinfo=INDIA), NOON.replace(tzinfo=INDIA) + HOUR),
    ],
)
def test_an_interval_that_is_no_whole_hour_is_refused(interval: tuple[datetime, datetime]) -> None:
    """A zero-width, longer or shifted interval is not loaded as if it were an hour; whole means in UTC."""
    with pytest.raises(WindowError, match=r"whole hours?; trigger it with the parameter `hour`"):
        hour_of_run(None, None, interval, LATER)


def test_a_run_without_any_window_says_what_to_do() -> None:
    """The message shows the parameter and a value for it."""
    for interval in (NONE, (NOON, None), (None, NOON)):
        with pytest.raises(WindowError, match=r"the parameter `hour`, such as 2026-01-31T13:00:00Z"):
            hour_of_run(None, None, interval, LATER)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("yesterday", r"hour: `yesterday` is not a time; write one such as 2026-01-31T13:00:00Z"),
        ("0001-01-01T00:00:00+05:00", "is not a time"),
        ("2026-03-01T12:30:00Z", r"is not a whole hour; write 2026-03-01T12:00:00\+00:00"),
        ("2026-03-01T12:00+05:30", r"is not a whole hour; write 2026-03-01T06:00:00\+00:00"),
    ],
)
def test_text_that_is_no_hour_is_refused(asked: str, message: str) -> None:
    """The message shows what was typed and what to type."""
    with pytest.raises(WindowError, match=message):
        hour_of_run(asked, None, (NOON, NOON + HOUR), LATER)


def test_the_prefix_follows_the_template() -> None:
    """Any strftime template, in UTC, padded or not."""
    hour = Hour(datetime(2026, 3, 1, 5, tzinfo=UTC))
    assert hour.prefix("raw/%Y/%m/%d/%H/") == "raw/2026/03/01/05/"
    assert hour.prefix("gharchive/%Y-%m-%d-%-H.json") == "gharchive/2026-03-01-5.json"
    assert str(hour) == "2026-03-01T05:00Z"
    assert hour.label == "20260301T05"


def test_the_schedulers_own_datetimes_become_plain_ones() -> None:
    """Airflow hands in pendulum's, in any zone: the hour's start and end are in UTC and stay so."""
    local = pendulum.datetime(2026, 3, 1, 13, tz="Europe/Berlin")
    hour = hour_of_run(None, None, (local, local + HOUR), LATER)
    assert (hour.start, hour.end) == (NOON, NOON + HOUR)
    assert (hour.start.utcoffset(), hour.end.utcoffset()) == (timedelta(0), timedelta(0))
    assert type(hour.start) is datetime


def test_a_logical_date_that_starts_the_interval_is_its_hour() -> None:
    """Scheduled and backfilled runs have a logical date at the start of their interval."""
    assert hour_of_run(None, NOON, (NOON, NOON + HOUR), LATER) == Hour(NOON)


@pytest.mark.parametrize("off", [HOUR, -HOUR, HOUR / 2])
def test_a_logical_date_by_hand_is_refused(off: timedelta) -> None:
    """Airflow gives a run triggered by hand some hour before its logical date: neither is guessed to be meant."""
    with pytest.raises(
        WindowError, match="not clear which hours are meant; trigger it with the parameter `hour`"
    ):
        hour_of_run(None, NOON + off, (NOON, NOON + HOUR), LATER)
    assert hour_of_run("2026-01-31T13:00:00Z", NOON + off, (NOON, NOON + HOUR), LATER).start.hour == 13


def test_an_hour_that_has_not_begun_is_refused() -> None:
    """It would be waited for until it is over; the hour that it is now is."""
    now = LATER.replace(minute=0)
    assert hour_of_run("2026-03-09T12:00:00Z", None, NONE, LATER) == Hour(now)
    with pytest.raises(
        WindowError, match=r"hour: 2026-03-09T13:00Z has not begun yet; write 2026-03-09T12:00:00\+00:00"
    ):
        hour_of_run("2026-03-09T13:00:00Z", None, NONE, LATER)


DAY = (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))


def labelled(first: str, end: str, interval: tuple[datetime, datetime] | None) -> str:
    """Return the label of the hours of a bulk run."""
    return label_of(hours_of_run((first, end), interval and interval[0], interval, LATER))


@pytest.mark.parametrize(
    ("first", "end", "label"),
    [
        ("", "", "20260301"),
        ("2026-02-01", "2026-04-01", "20260301"),
        ("2026-03-01T05:00:00Z", "", "20260301T05-20260302T00"),
        ("", "2026-03-01T07:00:00Z", "20260301T00-20260301T07"),
        ("2026-03-01T05:00:00Z", "2026-03-01T06:00:00Z", "20260301T05"),
    ],
)
def test_a_bulk_run_has_the_hours_of_its_interval(first: str, end: str, label: str) -> None:
    """As far as they lie in the range that was asked for, if one was."""
    assert labelled(first, end, DAY) == label


def test_a_bulk_run_outside_of_the_range_has_no_hours() -> None:
    """The first and the last window of a backfill may lie beside it."""
    assert hours_of_run(("2026-03-02", "2026-03-03"), DAY[0], DAY, LATER) == ()


def test_a_bulk_run_by_hand_has_the_range_asked_for() -> None:
    """However long, up to the hour that has begun; its data interval is not looked at."""
    assert labelled("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z", None) == "20260301"
    assert labelled("2025-03-01", "2026-03-09T12:00:00Z", None) == "20250301T00-20260309T12"


@pytest.mark.parametrize(
    ("first", "end", "message"),
    [
        ("", "", "does not say which hours to load; trigger it with the parameters `from` and `to`"),
        ("2026-03-01", "", "does not say which hours to load"),
        ("2026-03-02", "2026-03-01", "must come after `from`"),
        ("2026-03-01", "2026-03-09T13:00:00Z", "to: .* has not come yet; write 2026-03-09T12:00:00Z"),
        (
            "2026-03-09T12:00:00Z",
            "2026-04-01",
            "from: .* has not ended; .* give one before 2026-03-09T12:00:00Z",
        ),
        ("2026-03-01T00:30:00Z", "2026-03-02", "from: .* is not a whole hour"),
    ],
)
def test_a_range_that_is_none_is_refused(first: str, end: str, message: str) -> None:
    """With what to write in its place."""
    with pytest.raises(WindowError, match=message):
        labelled(first, end, None)


@pytest.mark.parametrize("interval", [NONE, (NOON, NOON), (NOON, NOON + timedelta(minutes=90))])
def test_an_interval_that_is_no_whole_hours_is_refused(interval: tuple[datetime, datetime]) -> None:
    """With what to trigger in its place."""
    with pytest.raises(WindowError, match="trigger it with the parameters `from` and `to`"):
        hours_of_run((None, None), interval[0], interval, LATER)


@pytest.mark.parametrize(
    ("template", "prefixes"),
    [
        ("raw/%Y/%m/%d/%H/", ["raw/2026/03/01/23/", "raw/2026/03/02/", "raw/2026/03/03/00/"]),
        ("raw/dt=%Y-%m-%d-%H_", ["raw/dt=2026-03-01-23_", "raw/dt=2026-03-02-", "raw/dt=2026-03-03-00_"]),
    ],
)
def test_whole_days_are_one_prefix(template: str, prefixes: list[str]) -> None:
    """One request in place of twenty-four; hours beside them have their own."""
    hours = hours_between(Hour(DAY[0] + 23 * HOUR), Hour(DAY[1] + 25 * HOUR))
    found = list(by_prefix(hours, template))
    assert [prefix for prefix, _ in found] == prefixes
    assert tuple(hour for _, its in found for hour in its) == hours


@pytest.mark.parametrize(
    "template", ["raw/%H/%Y/%m/%d/", "raw/%m/%d/%H/%Y/", "%H-%d-%m-%Y", "raw/%Y/%m/%H/%d/"]
)
def test_days_that_share_their_prefix_are_listed_by_hours(template: str) -> None:
    """A prefix of a day that is also one of other days, months or years would list all of theirs."""
    hours = hours_between(Hour(DAY[0]), Hour(DAY[1]))
    assert list(by_prefix(hours, template)) == [(hour.prefix(template), (hour,)) for hour in hours]


def test_a_bulk_run_by_hand_that_a_backfill_takes_over_is_refused() -> None:
    """Airflow gave it the window before its logical date: the one the backfill is for would be loaded by nobody."""
    with pytest.raises(WindowError, match="not clear which hours are meant"):
        hours_of_run((None, None), DAY[1], DAY, LATER)
