"""A real Airflow over an embedded stack, as a test drives it."""

import contextlib
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import psycopg

from local.stack import Stack

T = TypeVar("T")
DAG = "log_router_hourly"


def backfill(stack: Stack, first: datetime, last: datetime, *options: str, seconds: float = 240) -> list[str]:
    """Run the hourly DAG for the hours from `first` to `last` by `airflow backfill create`; return states."""
    stack.api.patch(f"/dags/{DAG}", {"is_paused": False})
    known = {run["dag_run_id"]: run["start_date"] for run in runs(stack)}
    bounds = ("--from-date", first.isoformat(), "--to-date", last.isoformat())
    until(lambda: created(stack, *bounds, *options), 60)

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


def created(stack: Stack, *arguments: str) -> bool:
    """Create a backfill; False while Airflow has not closed the one before, which takes it half a minute."""
    try:
        stack.airflow("backfill", "create", "--dag-id", DAG, *arguments)
    except Exception as error:
        if "AlreadyRunningBackfill" in str(error) or "already" in str(error).lower():
            return False
        raise
    return True


def runs(stack: Stack) -> list[dict[str, Any]]:
    """Return all runs of the hourly DAG that have a logical date."""
    found = stack.api.pages(f"/dags/{DAG}/dagRuns", "dag_runs")
    return [run for run in found if run["logical_date"]]


def trigger(stack: Stack, hour: str, **conf: str) -> str:
    """Trigger the hourly DAG by hand for an hour, with other parameters; return the run's id."""
    return start(stack, DAG, {"hour": hour, **conf})


def start(stack: Stack, dag: str, conf: dict[str, Any]) -> str:
    """Trigger a DAG with parameters; return the run's id."""
    stack.api.patch(f"/dags/{dag}", {"is_paused": False})
    run = stack.api.post(f"/dags/{dag}/dagRuns", {"logical_date": None, "conf": conf})
    return str(run["dag_run_id"])


def tasks(stack: Stack, run_id: str) -> dict[str, dict[str, Any]]:
    """Return the task instances of a run by task and name in the UI."""
    found = stack.api.pages(f"/dags/{DAG}/dagRuns/{run_id}/taskInstances", "task_instances")
    return {" ".join(filter(None, (task["task_id"], task["rendered_map_index"]))): task for task in found}


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


def until(look: Callable[[], T], seconds: float) -> T:
    """Return what `look` gives as soon as it is true."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing came in {seconds:.0f} s")
        time.sleep(0.1)
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
