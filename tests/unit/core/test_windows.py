"""Windows: a run is for one whole hour in UTC, or says why not."""

from datetime import UTC, datetime, timedelta, timezone

import pendulum
import pytest

from log_router.core.errors import WindowError
from log_router.core.windows import Hour, hour_of_run

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
INDIA = timezone(timedelta(hours=5, minutes=30))
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
    assert hour_of_run(asked, None, NONE) == Hour(NOON)
    assert hour_of_run(asked, None, (NOON - HOUR, NOON)) == Hour(NOON)


@pytest.mark.parametrize("asked", [None, ""])
def test_else_the_data_interval_is_the_hour(asked: str | None) -> None:
    """The interval's start, in UTC whatever its zone."""
    assert hour_of_run(asked, None, (NOON, NOON + HOUR)) == Hour(NOON)
    local = NOON.astimezone(INDIA)
    hour = hour_of_run(asked, None, (local, local + HOUR))
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
    with pytest.raises(WindowError, match=r"is not one whole hour; trigger it with the parameter `hour`"):
        hour_of_run(None, None, interval)


def test_a_run_without_any_window_says_what_to_do() -> None:
    """The message shows the parameter and a value for it."""
    for interval in (NONE, (NOON, None), (None, NOON)):
        with pytest.raises(WindowError, match=r"the parameter `hour`, such as 2026-01-31T13:00:00Z"):
            hour_of_run(None, None, interval)


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
        hour_of_run(asked, None, (NOON, NOON + HOUR))


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
    hour = hour_of_run(None, None, (local, local + HOUR))
    assert (hour.start, hour.end) == (NOON, NOON + HOUR)
    assert (hour.start.utcoffset(), hour.end.utcoffset()) == (timedelta(0), timedelta(0))
    assert type(hour.start) is datetime


def test_a_logical_date_that_starts_the_interval_is_its_hour() -> None:
    """Scheduled and backfilled runs have a logical date at the start of their interval."""
    assert hour_of_run(None, NOON, (NOON, NOON + HOUR)) == Hour(NOON)


@pytest.mark.parametrize("off", [HOUR, -HOUR, HOUR / 2])
def test_a_logical_date_by_hand_is_refused(off: timedelta) -> None:
    """Airflow gives a run triggered by hand some hour before its logical date: neither is guessed to be meant."""
    with pytest.raises(
        WindowError, match="not clear which hour is meant; trigger it with the parameter `hour`"
    ):
        hour_of_run(None, NOON + off, (NOON, NOON + HOUR))
    assert hour_of_run("2026-01-31T13:00:00Z", NOON + off, (NOON, NOON + HOUR)).start.hour == 13
