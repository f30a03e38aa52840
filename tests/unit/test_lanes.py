"""Which pools there are, and which tasks go to the lane of backfills."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from log_router.core.catalog import load_settings
from log_router.lanes import BACKFILL, HOURLY, RELOAD, STREAM, pools, task_instance_mutation_hook

ROOT = Path(__file__).resolve().parents[2]


def moved(
    task_id: str, *, run_type: str = "backfill", age: int = 0, dag_id: str = "log_router_hourly"
) -> dict[str, Any]:
    """Return what the hook makes of a task, called twice as Airflow does."""
    task: Any = SimpleNamespace(
        dag_id=dag_id, task_id=task_id, pool=f"log_router_{task_id}", priority_weight=HOURLY.weight
    )
    run: Any = SimpleNamespace(run_type=run_type, run_after=datetime.now(UTC) - timedelta(hours=age))
    for dag_run in (None, run, run):
        task_instance_mutation_hook(task, dag_run)
    return {"pool": task.pool, "weight": task.priority_weight}


def test_fresh_data_goes_first() -> None:
    """The stream before an hour, an hour before what somebody loads anew, and that before a backfill."""
    assert STREAM.weight > HOURLY.weight > RELOAD.weight > BACKFILL.weight


@pytest.mark.parametrize(
    ("hourly", "stream"),
    [("log_router_split", "log_router_stream_split"), ("cpu", "stream_cpu"), ("a_stream_b", "a_stream_b")],
)
def test_pools_are_named_after_the_hourly_ones(hourly: str, stream: str) -> None:
    """A lane's word stands before the last word, once."""
    assert STREAM.pool(hourly) == STREAM.pool(stream) == stream
    assert HOURLY.pool(hourly) == hourly


def test_the_pools_to_import_are_those_of_the_lanes() -> None:
    """include/pools.json makes every pool that tasks stand in, and no other."""
    wanted = pools(load_settings(ROOT / "include", {}))
    assert list(json.loads((ROOT / "include" / "pools.json").read_text())) == list(wanted)


def test_one_pool_for_both_is_asked_for_once() -> None:
    """Where split and load tasks share a pool, each lane has one."""
    settings = load_settings(ROOT / "include", {"split_pool": "etl", "copy_pool": "etl"})
    assert pools(settings) == ("stream_etl", "etl", "backfill_etl")


def test_tasks_of_a_backfill_change_lanes() -> None:
    """Split tasks take their pool there; others, which have none of ours, only the weight."""
    assert moved("split") == {"pool": "log_router_backfill_split", "weight": BACKFILL.weight}
    assert moved("settle") == {"pool": "log_router_settle", "weight": BACKFILL.weight}


@pytest.mark.parametrize("run_type", ["scheduled", "manual"])
def test_other_runs_stay_until_they_are_old(run_type: str) -> None:
    """A run of the schedule that a backfill runs again is still called scheduled, so its age tells it."""
    assert moved("split", run_type=run_type, age=23)["pool"] == "log_router_split"
    assert moved("split", run_type=run_type, age=25)["pool"] == "log_router_backfill_split"


def test_tasks_of_other_dags_stay_as_they_are() -> None:
    """Whatever they are called."""
    assert moved("split", dag_id="another") == {"pool": "log_router_split", "weight": HOURLY.weight}
