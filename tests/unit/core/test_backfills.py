"""What is asked of Airflow: which runs, with which parameters."""

import json
import shlex
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from log_router.core.backfills import Request
from log_router.core.errors import WindowError
from log_router.core.windows import Hour, whole_hour

NOW = datetime(2026, 3, 10, 7, 30, tzinfo=UTC)


def request(first: str, end: str, **more: Any) -> Request:
    """Return a request for a range, by days where nothing else is said."""
    given = {"window_hours": 24, "events": (), "mode": "missing", "newest_first": False, "at_once": 4, **more}
    return Request(
        dag_id="log_router_bulk", first=whole_hour("from", first), end=whole_hour("to", end), **given
    )


@pytest.mark.parametrize(
    ("first", "end", "window", "dates", "conf"),
    [
        ("2026-01-01", "2026-02-01", 24, ("2026-01-01T00", "2026-01-31T00"), {}),
        ("2026-01-01T05:00", "2026-01-01T06:00", 24, ("2026-01-01T00", "2026-01-01T00"), {"05", "06"}),
        ("2026-01-01T00:00", "2026-01-02T06:00", 24, ("2026-01-01T00", "2026-01-02T00"), {"00", "06"}),
        ("2026-01-01T06:00", "2026-01-02T00:00", 6, ("2026-01-01T06", "2026-01-01T18"), {}),
        ("2026-01-01T07:00", "2026-01-02T00:00", 6, ("2026-01-01T06", "2026-01-01T18"), {"07", "00"}),
        ("2026-01-01T23:00", "2026-01-02T02:00", 1, ("2026-01-01T23", "2026-01-02T01"), {}),
    ],
)
def test_a_range_comes_to_the_windows_that_hold_it(
    first: str, end: str, window: int, dates: tuple[str, str], conf: set[str]
) -> None:
    """Both dates are logical dates of runs; where windows are cut, the runs are told so, and none is without hours."""
    asked = request(first, end, window_hours=window)
    assert (f"{asked.from_date:%Y-%m-%dT%H}", f"{asked.to_date:%Y-%m-%dT%H}") == dates
    assert {text[11:13] for key, text in asked.conf.items() if key in ("from", "to")} == set(conf)
    windows = asked.windows()
    assert list(windows) == sorted(windows)
    assert [min(windows), max(windows)] == [asked.from_date, asked.to_date]
    hours = [hour for some in windows.values() for hour in some]
    assert hours[0] == asked.first
    assert Hour(hours[-1].end) == asked.end
    assert all(start <= hour.start < start + asked.window for start, some in windows.items() for hour in some)


def test_airflows_own_command_says_all_of_it() -> None:
    """It can be pasted; runs that are run again get the parameters anew, even where these are few."""
    asked = request("2026-01-01", "2026-01-03", events=("it's",), mode="reload", newest_first=True)
    line = shlex.split(asked.command)
    given = dict(zip(line[3:-1:2], line[4::2], strict=True))
    assert line[:3] == ["airflow", "backfill", "create"]
    assert line[-1] == "--run-backwards"
    assert json.loads(given.pop("--dag-run-conf")) == {"events": ["it's"], "mode": "reload"}
    assert given == {
        "--dag-id": "log_router_bulk",
        "--from-date": "2026-01-01T00:00:00Z",
        "--to-date": "2026-01-02T00:00:00Z",
        "--reprocess-behavior": "completed",
        "--max-active-runs": "4",
    }
    assert replace(asked, events=(), mode="missing").conf == {"mode": "missing"}


@pytest.mark.parametrize(
    ("first", "end", "said"),
    [
        ("2026-03-02", "2026-03-01", "must come after `from`"),
        ("2026-03-02", "2026-03-02", "must come after `from`"),
        (
            "2026-03-02",
            "9999-01-01",
            "to: 9999-01-01T00:00Z has not come yet; write 2026-03-10T07:00:00Z at the latest",
        ),
        (
            "2026-03-09",
            "2026-03-10T07:00",
            "give 2026-03-10T00:00:00Z as `to`, and load the hours of that window",
        ),
        (
            "2026-03-10T05:00",
            "2026-03-10T07:00",
            """'{"from": "2026-03-10T05:00:00Z", "to": "2026-03-10T07:00:00Z",""",
        ),
    ],
)
def test_what_has_no_run_is_refused(first: str, end: str, said: str) -> None:
    """Airflow would leave out a window that is not over, without a word."""
    with pytest.raises(WindowError) as refused:
        request(first, end).check(NOW)
    assert said in str(refused.value)


def test_what_is_over_is_taken() -> None:
    """Up to the last hour that has ended, where windows are hours."""
    request("2026-03-01", "2026-03-10").check(NOW)
    request("2026-03-01", "2026-03-10T07:00", window_hours=1).check(NOW)
