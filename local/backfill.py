"""Run the hourly DAG over some hours through Airflow's scheduler, and follow it."""

import dataclasses
import json
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

from local.airflow_api import FINISHED, AirflowApi, ApiError
from local.environment import StackError

_POLL_SECONDS = 1.0
_ENDED = {"success", "failed", "skipped", "upstream_failed", "removed"}


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far the runs are."""

    runs: int
    runs_done: int
    tasks: int = 0
    tasks_done: int = 0
    retrying: int = 0
    waits_for: str = ""


def run_hours(
    api: AirflowApi,
    dag_id: str,
    hours: Sequence[datetime],
    *,
    logs: Path,
    report: Callable[[Progress], None],
    seconds: float,
) -> int:
    """Run `dag_id` for every hour, again where it has run before; return the number of runs.

    `report` hears of the progress about once a second. Raises StackError naming each failed task and
    its log when a run fails, or what is unfinished when `seconds` are over.
    """
    deadline = time.monotonic() + seconds
    api.patch(f"/dags/{dag_id}", {"is_paused": False})
    earlier = Progress(len(hours), 0, waits_for="Airflow to close the backfill before")
    _create(api, dag_id, hours, deadline, lambda: report(earlier))
    while True:
        runs = _entries(api, dag_id, hours, "/dagRuns", "dag_runs", run_type="backfill")
        tasks = _entries(api, dag_id, hours, "/dagRuns/~/taskInstances", "task_instances")
        names = {run["dag_run_id"] for run in runs}
        tasks = [task for task in tasks if task["dag_run_id"] in names]
        ended = [run for run in runs if run["state"] in FINISHED]
        done = sum(task["state"] in _ENDED for task in tasks)
        retrying = sum(task["state"] == "up_for_retry" for task in tasks)
        report(Progress(len(hours), len(ended), len(tasks), done, retrying))
        if len(ended) == len(hours):
            break
        if time.monotonic() > deadline:
            late = ", ".join(sorted(names - {run["dag_run_id"] for run in ended}))
            raise StackError(f"not done within {seconds:.0f} s: {late}; see {api.url}/dags/{dag_id}")
        time.sleep(_POLL_SECONDS)
    if any(run["state"] == "failed" for run in ended):
        raise StackError(_failures(dag_id, tasks, logs))
    return len(ended)


def _create(
    api: AirflowApi, dag_id: str, hours: Sequence[datetime], deadline: float, wait: Callable[[], None]
) -> None:
    wanted = {
        "dag_id": dag_id,
        "from_date": min(hours).isoformat(),
        "to_date": max(hours).isoformat(),
        "max_active_runs": len(hours),
        "reprocess_behavior": "completed",
    }
    while True:
        try:
            api.post("/backfills", wanted)
        except ApiError as error:
            # Airflow allows one at a time and notices the end of the last one within half a minute
            if error.status != HTTPStatus.CONFLICT or time.monotonic() > deadline:
                raise
            wait()
            time.sleep(_POLL_SECONDS)
        else:
            return


def _entries(
    api: AirflowApi, dag_id: str, hours: Sequence[datetime], path: str, key: str, **query: Any
) -> list[dict[str, Any]]:
    bounds = {"logical_date_gte": min(hours).isoformat(), "logical_date_lte": max(hours).isoformat()}
    return list(api.pages(f"/dags/{dag_id}{path}", key, **bounds, **query))


def _failures(dag_id: str, tasks: Sequence[dict[str, Any]], logs: Path) -> str:
    # the first to fail is the cause of the others
    failed = sorted((task for task in tasks if task["state"] == "failed"), key=lambda task: task["end_date"])
    lines = [f"{len(failed)} tasks of {dag_id} failed, the first one first:"]
    for task in failed:
        label = f" [{task['rendered_map_index'] or task['map_index']}]" if task["map_index"] >= 0 else ""
        log = _log(logs, dag_id, task)
        lines.append(f"  {task['task_id']}{label} in {task['dag_run_id']}: {_reason(log)}\n    see {log}")
    return "\n".join(lines)


def _log(logs: Path, dag_id: str, task: dict[str, Any]) -> Path:
    folder = logs / f"dag_id={dag_id}" / f"run_id={task['dag_run_id']}" / f"task_id={task['task_id']}"
    if task["map_index"] >= 0:
        folder /= f"map_index={task['map_index']}"
    return folder / f"attempt={task['try_number']}.log"


def _reason(log: Path) -> str:
    """Return the last exception in a task's log, which is one JSON document a line."""
    if not log.exists():
        return "no log was written"
    for line in reversed(log.read_text(errors="replace").splitlines()):
        details = json.loads(line).get("error_detail") if line.startswith("{") else None
        if details:
            return f"{details[0]['exc_type']}: {details[0]['exc_value']}"
    return "no exception was logged"
