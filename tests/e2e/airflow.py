"""A real Airflow over an embedded stack, as a test drives it."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import yaml

from local.airflow_api import FINISHED
from local.environment import ROOT
from local.stack import Stack
from log_router.site import CONFIG_VARIABLE

T = TypeVar("T")
DAG = "log_router_hourly"
BULK = "log_router_bulk"


@contextlib.contextmanager
def catalog(stack: Stack, folder: Path, **settings: object) -> Iterator[Path]:
    """Have Airflow load by the settings and events of a folder, these settings on top; give the copy that it reads.

    At the end no DAG is on, and no run, message, Variable or fault is left for the next file.
    """
    config = Path(stack.env()[CONFIG_VARIABLE])
    shutil.rmtree(config / "events")
    shutil.copytree(folder / "events", config / "events")
    given = yaml.safe_load((folder / "settings.yaml").read_text())
    (config / "settings.yaml").write_text(yaml.safe_dump({**given, **settings}))
    parse_anew(stack)
    yield config
    for dag in _dags(stack):
        stack.api.patch(f"/dags/{dag['dag_id']}", {"is_paused": True})
    for run in stack.api.pages("/dags/~/dagRuns", "dag_runs"):
        if run["state"] not in FINISHED:
            stack.api.patch(f"/dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}", {"state": "failed"})
    for variable in stack.api.pages("/variables", "variables"):
        stack.api.delete(f"/variables/{variable['key']}")
    for url in (stack.queue_url, f"{stack.queue_url}-dead"):
        stack.sqs().purge_queue(QueueUrl=url)
    stack.faults.clear()
    stack.s3_faults.clear()
    assert stack.s3_faults.violations() == []


def parse_anew(stack: Stack) -> None:
    """Return when Airflow knows the DAGs as today's files make them: their forms list the events."""
    for token in {dag["file_token"] for dag in _dags(stack)}:
        stack.api.put(f"/parseDagFile/{token}")
    events = sorted(file.stem for file in (Path(stack.env()[CONFIG_VARIABLE]) / "events").glob("*.yaml"))
    # The time of the last parsing does not tell: one may have begun before the files were changed.
    until(lambda: all(_listed(stack, dag) == events for dag in (DAG, BULK)), 60)


def _listed(stack: Stack, dag: str) -> list[str]:
    """Return the events that a DAG's form lists."""
    listed: list[str] = stack.api.get(f"/dags/{dag}/details")["params"]["events"]["schema"]["examples"]
    return listed


def _dags(stack: Stack) -> list[dict[str, Any]]:
    return list(stack.api.pages("/dags", "dags"))


def backfill(stack: Stack, first: datetime, last: datetime, *options: str, seconds: float = 240) -> list[str]:
    """Run the hourly DAG for the hours from `first` to `last` by `airflow backfill create`; return states."""
    stack.api.patch(f"/dags/{DAG}", {"is_paused": False})
    known = {run["dag_run_id"]: run["start_date"] for run in runs(stack)}
    bounds = ("--from-date", first.isoformat(), "--to-date", last.isoformat())
    create(stack, *bounds, *options)

    def ended() -> list[str]:
        mine = [
            run
            for run in runs(stack)
            if first <= datetime.fromisoformat(run["logical_date"]) <= last
            and known.get(run["dag_run_id"]) != run["start_date"]
        ]
        wanted = int((last - first).total_seconds() // 3600) + 1
        states = [run["state"] for run in mine]
        return states if len(states) == wanted and set(states) <= {"success", "failed"} else []

    return until(ended, seconds)


def create(stack: Stack, *arguments: str) -> None:
    """Create a backfill of the hourly DAG, once Airflow has closed the one before, which takes it half a minute."""
    until(
        lambda: all(each["completed_at"] for each in stack.api.pages("/backfills", "backfills", dag_id=DAG)),
        60,
    )
    stack.airflow("backfill", "create", "--dag-id", DAG, *arguments)


def runs(stack: Stack, dag: str = DAG) -> list[dict[str, Any]]:
    """Return all runs of a DAG that have a logical date."""
    found = stack.api.pages(f"/dags/{dag}/dagRuns", "dag_runs")
    return [run for run in found if run["logical_date"]]


def trigger(stack: Stack, hour: str, **conf: str) -> str:
    """Trigger the hourly DAG by hand for an hour, with other parameters; return the run's id."""
    return start(stack, DAG, {"hour": hour, **conf})


def start(stack: Stack, dag: str, conf: dict[str, Any]) -> str:
    """Trigger a DAG with parameters; return the run's id."""
    stack.api.patch(f"/dags/{dag}", {"is_paused": False})
    run = stack.api.post(f"/dags/{dag}/dagRuns", {"logical_date": None, "conf": conf})
    return str(run["dag_run_id"])


def tasks(stack: Stack, run_id: str, dag: str = DAG) -> dict[str, dict[str, Any]]:
    """Return the task instances of a run by task and name in the UI, the batch's label left out of it.

    A mapped task has no name but its number until it runs.
    """
    found = stack.api.pages(f"/dags/{dag}/dagRuns/{run_id}/taskInstances", "task_instances")
    named = {}
    for task in found:
        words = (task["rendered_map_index"] or "").split()
        named[" ".join((task["task_id"], *(words[:-1] or words)))] = task
    return named


def log_router(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `log-router` as a person at the stack's Airflow would."""
    return subprocess.run(
        [ROOT / "bin" / "log-router", *arguments],
        env={**stack.env(), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}"},
        capture_output=True,
        text=True,
        check=False,
    )


def clear(stack: Stack, run_id: str) -> None:
    """Run a whole run again, as "Clear" does in the UI."""
    stack.api.post(
        f"/dags/{DAG}/clearTaskInstances",
        {"dag_run_id": run_id, "dry_run": False, "only_failed": False, "reset_dag_runs": True},
    )


def log_of(stack: Stack, run_id: str, task: str, dag: str = DAG) -> str:
    """Return all logs of a task of a run."""
    folder = stack.state_dir / "airflow" / "logs" / f"dag_id={dag}" / f"run_id={run_id}" / f"task_id={task}"
    return "\n".join(file.read_text() for file in sorted(folder.rglob("*.log")))


def until(look: Callable[[], T], seconds: float, pause: float = 0.5) -> T:
    """Return what `look` gives as soon as it is true; it is asked with pauses, since Airflow's answers cost CPU."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing came in {seconds:.0f} s")
        time.sleep(pause)
    return found


@contextlib.contextmanager
def warehouse(stack: Stack) -> Iterator[psycopg.Cursor[Any]]:
    """Give a cursor on the twin."""
    with psycopg.connect(stack.warehouse_dsn, autocommit=True) as connection, connection.cursor() as cursor:
        yield cursor


def contents(stack: Stack, schema: str, tables: list[str]) -> dict[str, list[Any]]:
    """Return all rows of tables, in their raw order."""
    found = {}
    with warehouse(stack) as cursor:
        for table in tables:
            cursor.execute(f'SELECT * FROM "{schema}"."{table}" ORDER BY "_lr_object", "_lr_line"')
            found[table] = cursor.fetchall()
    return found


def gharchive() -> Path:
    """Return the folder of GH Archive hours beside the project, whether it is there or not."""
    return Path(__file__).resolve().parents[3] / "shared" / "data" / "gharchive"
