"""Which hours a run looks back over."""

from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from log_router.core.windows import Hour
from log_router.plans import before

HOUR = Hour(datetime(2026, 1, 31, 1, tzinfo=UTC))


@dataclass(frozen=True)
class Runs:
    """Airflow's answer to how many runs there are, where some hours' runs are at work."""

    working: tuple[Hour, ...]

    def get_dr_count(self, dag_id: str, *, logical_dates: list[datetime], states: list[str]) -> int:
        """Count the runs of these hours that are at work."""
        assert (dag_id, states) == ("log_router_hourly", ["queued", "running"])
        return sum(hour.start in logical_dates for hour in self.working)


def labels(run_type: str, count: int, *working: Hour) -> list[str]:
    """Return the hours that a run of 01:00 looks back over."""
    context: Any = {
        "dag": SimpleNamespace(dag_id="log_router_hourly"),
        "dag_run": SimpleNamespace(run_type=run_type),
        "ti": Runs(working),
    }
    return [hour.label for hour in before(context, HOUR, count)]


def test_a_run_of_the_schedule_looks_back() -> None:
    """Over the hours before its own, the oldest first; over none where the setting is zero."""
    assert labels("scheduled", 3) == ["20260130T22", "20260130T23", "20260131T00"]
    assert labels("scheduled", 0) == []


@pytest.mark.parametrize("run_type", ["manual", "backfill"])
def test_other_runs_are_for_their_hour_alone(run_type: str) -> None:
    """What a person or a backfill asks for is the hour that is named."""
    assert labels(run_type, 3) == []


def test_hours_whose_own_run_is_at_work_are_left_to_it() -> None:
    """Else hours that take longer than an hour would be split again by each run that follows."""
    at_work = Hour(datetime(2026, 1, 30, 23, tzinfo=UTC))
    assert labels("scheduled", 3, at_work) == ["20260130T22", "20260131T00"]
