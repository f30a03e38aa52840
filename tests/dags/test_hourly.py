"""The DAGs as Airflow parses them, each time in an interpreter of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

DESCRIBE = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
tasks = bag.dags["log_router_hourly"].tasks
reload = bag.dags["log_router_reload"]
heavy = ("boto3", "redshift_connector", "smart_open", "log_router.store", "log_router.warehouse")
print(json.dumps({
    "errors": bag.import_errors,
    "tasks": {task.task_id: task.pool for task in tasks},
    "queues": {task.task_id: task.queue for task in tasks},
    "turn": {
        dag_id: sorted({(task.priority_weight, task.weight_rule) for task in dag.tasks})
        for dag_id, dag in bag.dags.items()
    },
    "after": {task.task_id: sorted(task.upstream_task_ids) for task in tasks},
    "rules": {task.task_id: task.trigger_rule for task in tasks},
    "leaves": [task.task_id for task in tasks if not task.downstream_task_ids],
    "reload": {
        "schedule": reload.schedule,
        "pools": {task.task_id: task.pool for task in reload.tasks},
        "after": {task.task_id: sorted(task.upstream_task_ids) for task in reload.tasks},
        "params": {name: reload.params.get_param(name).schema for name in reload.params},
    },
    "streams": {
        dag_id: {
            "after": {task.task_id: sorted(task.upstream_task_ids) for task in dag.tasks},
            "runs": (dag.schedule, dag.max_active_runs),
        }
        for dag_id, dag in bag.dags.items() if dag_id.startswith("log_router_stream")
    },
    "heavy": [name for name in heavy if name in sys.modules],
}))
"""


def parsed(home: Path, **environment: str) -> dict[str, Any]:
    """Return what Airflow makes of dags/."""
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "LOG_ROUTER"))
    }
    done = subprocess.run(
        [sys.executable, "-c", DESCRIBE, str(ROOT / "dags")],
        env={
            **clean,
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
            **environment,
        },
        capture_output=True,
        text=True,
        check=True,
    )
    described: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return described


@pytest.fixture(scope="module")
def hourly(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Give the DAG with the settings of include/."""
    return parsed(tmp_path_factory.mktemp("airflow"))


def test_it_parses(hourly: dict[str, Any]) -> None:
    """dags/ has no import error."""
    assert hourly["errors"] == {}


def test_its_shape_is_the_documented_one(hourly: dict[str, Any]) -> None:
    """plan, split by chunk, collect, copy by event, settle: in this order."""
    assert hourly["after"] == {
        "plan": [],
        "split": ["plan"],
        "collect": ["plan", "split"],
        "load.copy": ["collect"],
        "settle": ["collect", "load.copy", "plan", "split"],
    }


def test_split_and_copy_have_pools_of_their_own(hourly: dict[str, Any]) -> None:
    """Splitting and loading are tuned apart, and a reload takes no slot from an hour."""
    assert hourly["tasks"]["split"] == "log_router_split"
    assert hourly["tasks"]["load.copy"] == "log_router_copy"
    assert hourly["reload"]["pools"]["split"] == "log_router_backfill_split"
    assert hourly["reload"]["pools"]["load.copy"] == "log_router_backfill_copy"


def test_each_dag_has_its_turn(hourly: dict[str, Any]) -> None:
    """All tasks of the stream go before all of an hourly run, and these before a reload's, however many follow them."""
    assert hourly["turn"]["log_router_stream"] == [[40, "absolute"]]
    assert hourly["turn"]["log_router_hourly"] == [[30, "absolute"]]
    assert hourly["turn"]["log_router_reload"] == [[20, "absolute"]]


def test_settle_is_the_only_leaf_and_always_runs(hourly: dict[str, Any]) -> None:
    """A run's state is its leaves' state: settle runs whatever happened, and fails where anything is missing."""
    assert hourly["leaves"] == ["settle"]
    assert hourly["rules"]["settle"] == "all_done"


def test_a_reload_is_the_same_behind_its_plan(hourly: dict[str, Any]) -> None:
    """The DAG of reloads runs when it is triggered, and splits, loads and settles as the hourly one does."""
    assert hourly["reload"]["after"] == hourly["after"]
    assert hourly["reload"]["schedule"] is None


def test_a_reload_can_be_filled_in(hourly: dict[str, Any]) -> None:
    """Its form has pickers for whole hours, the event files to choose from, and a title for each; all may stay empty.

    Only what is configured can be chosen.
    """
    params = hourly["reload"]["params"]
    assert params.pop("dry_run")["type"] == "boolean"
    assert list(params) == ["from", "to", "quarantined", "objects", "events"]
    assert {params[name]["format"] for name in ("from", "to")} == {"date-time"}
    events = sorted(file.stem for file in (ROOT / "include" / "events").glob("*.yaml"))
    assert params["quarantined"]["enum"] == [None, *events]
    assert params["events"]["examples"] == params["events"]["items"]["enum"] == events
    for schema in params.values():
        assert schema["title"]
        assert "null" in schema["type"]


def test_the_stream_is_the_same_behind_its_plan(hourly: dict[str, Any]) -> None:
    """It waits, plans, splits, loads and settles as the hourly DAG does, in one run after the other."""
    (stream,) = hourly["streams"].values()
    after = {"wait": [], **hourly["after"], "plan": ["wait"]}
    assert stream == {"after": after, "runs": ["@continuous", 1]}


def test_parsing_imports_nothing_heavy(hourly: dict[str, Any]) -> None:
    """Each task process parses the DAG file: it must not pay for drivers it may not need."""
    assert hourly["heavy"] == []


def test_the_shape_follows_the_settings(tmp_path: Path) -> None:
    """Pools and queues of the settings are those of the tasks, and there are as many stream DAGs as they say."""
    found = parsed(
        tmp_path,
        LOG_ROUTER_SPLIT_POOL="cpu",
        LOG_ROUTER_COPY_POOL="redshift",
        LOG_ROUTER_SPLIT_QUEUE="large",
        LOG_ROUTER_COPY_QUEUE="small",
        LOG_ROUTER_STREAM_DAGS="3",
    )
    assert (found["tasks"]["split"], found["tasks"]["load.copy"]) == ("cpu", "redshift")
    queues = {
        "plan": "default",
        "split": "large",
        "collect": "default",
        "load.copy": "small",
        "settle": "default",
    }
    assert found["queues"] == queues
    assert sorted(found["streams"]) == ["log_router_stream", "log_router_stream_2", "log_router_stream_3"]


def test_a_broken_config_leaves_the_dag_visible(tmp_path: Path) -> None:
    """With settings that can't be read the DAG still stands there; its plan task is what fails."""
    found = parsed(tmp_path, LOG_ROUTER_CONFIG=str(tmp_path / "nowhere"))
    assert found["errors"] == {}
    assert found["tasks"]["split"] == "log_router_split"
