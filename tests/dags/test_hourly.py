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
    "after": {task.task_id: sorted(task.upstream_task_ids) for task in tasks},
    "rules": {task.task_id: task.trigger_rule for task in tasks},
    "leaves": [task.task_id for task in tasks if not task.downstream_task_ids],
    "reload": {
        "schedule": reload.schedule,
        "after": {task.task_id: sorted(task.upstream_task_ids) for task in reload.tasks},
        "params": {name: reload.params.get_param(name).schema for name in reload.params},
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
    """wait, plan, split by chunk, collect, copy by event, settle: in this order."""
    assert hourly["after"] == {
        "wait": [],
        "plan": ["wait"],
        "split": ["plan"],
        "collect": ["plan", "split"],
        "load.copy": ["collect"],
        "settle": ["collect", "load.copy", "plan", "split"],
    }


def test_split_and_copy_have_pools_of_their_own(hourly: dict[str, Any]) -> None:
    """Splitting and loading are tuned apart."""
    assert hourly["tasks"]["split"] == "log_router_split"
    assert hourly["tasks"]["load.copy"] == "log_router_copy"


def test_settle_is_the_only_leaf_and_always_runs(hourly: dict[str, Any]) -> None:
    """A run's state is its leaves' state: settle runs whatever happened, and fails where anything is missing."""
    assert hourly["leaves"] == ["settle"]
    assert hourly["rules"]["settle"] == "all_done"


def test_a_reload_is_the_same_behind_its_plan(hourly: dict[str, Any]) -> None:
    """The DAG of reloads runs when it is triggered, and splits, loads and settles as the hourly one does."""
    after = {name: upstream for name, upstream in hourly["after"].items() if name != "wait"}
    assert hourly["reload"]["after"] == {**after, "plan": []}
    assert hourly["reload"]["schedule"] is None


def test_a_reload_can_be_filled_in(hourly: dict[str, Any]) -> None:
    """Its form has pickers for the hours, the event files to choose from, and a title for each; all may stay empty."""
    params = hourly["reload"]["params"]
    assert list(params) == ["from", "to", "quarantined", "objects", "events"]
    assert {params[name]["format"] for name in ("from", "to")} == {"date-time"}
    events = sorted(file.stem for file in (ROOT / "include" / "events").glob("*.yaml"))
    assert params["quarantined"]["examples"] == params["events"]["examples"] == events
    for schema in params.values():
        assert schema["title"]
        assert schema["section"]
        assert "null" in schema["type"]


def test_parsing_imports_nothing_heavy(hourly: dict[str, Any]) -> None:
    """Each task process parses the DAG file: it must not pay for drivers it may not need."""
    assert hourly["heavy"] == []


def test_pools_follow_the_settings(tmp_path: Path) -> None:
    """The pools of the settings are those of the tasks."""
    tasks = parsed(tmp_path, LOG_ROUTER_SPLIT_POOL="cpu", LOG_ROUTER_COPY_POOL="redshift")["tasks"]
    assert (tasks["split"], tasks["load.copy"]) == ("cpu", "redshift")


def test_a_broken_config_leaves_the_dag_visible(tmp_path: Path) -> None:
    """With settings that can't be read the DAG still stands there; its plan task is what fails."""
    found = parsed(tmp_path, LOG_ROUTER_CONFIG=str(tmp_path / "nowhere"))
    assert found["errors"] == {}
    assert found["tasks"]["split"] == "log_router_split"
