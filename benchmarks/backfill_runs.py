"""One backfill by a real Airflow, measured: time, task instances, COPYs, and whose seconds of CPU it took."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import time
from collections import defaultdict
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from benchmarks.costs import Meter
from benchmarks.inside import Note, notes
from local.airflow_api import ApiError
from local.environment import ROOT, StackError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.stack import Stack

_POLL_SECONDS = 0.5
_LIMIT_SECONDS = 5400.0
_RUNS = "FROM dag_run WHERE dag_id = %s AND logical_date BETWEEN %s AND %s"
# Of backfilled runs, which hold what was skipped as well. A task that was never queued has no process.
_TASKS = f"SELECT count(*) FROM task_instance WHERE dag_id = %s AND run_id IN (SELECT run_id {_RUNS})"
_ENDED = f"SELECT state, count(*) {_RUNS} GROUP BY state"
# Airflow notes within half a minute that the runs of a backfill have ended.
_OPEN = "SELECT id FROM backfill WHERE completed_at IS NULL"
_COPIES = "SELECT count(*) FROM twin.copy"
_LOADED = "SELECT count(*), coalesce(sum(rows_split), 0) FROM log_router.objects"


@dataclasses.dataclass(frozen=True)
class Task:
    """All instances of one task of a backfill: when the first began and the last ended, in seconds of the backfill."""

    name: str
    processes: int
    began: float
    ended: float
    cpu: float
    start_cpu: float
    seconds: float
    shared_mb: float
    peak_mb: float


@dataclasses.dataclass(frozen=True)
class Measured:
    """A backfill: how long it took, what it was made of, and seconds of CPU by part of the stack."""

    dag: str
    seconds: float
    runs: int
    task_instances: int
    copies: int
    objects: int
    rows: int
    busy: float
    cpu: dict[str, float]
    tasks: tuple[Task, ...]


@dataclasses.dataclass(frozen=True)
class Bench:
    """A stack whose tasks note what they cost, in a file."""

    stack: Stack
    notes: Path

    def backfill(self, dag: str, first: datetime, days: int, *, again: str = "none") -> Measured:
        """Have Airflow backfill some days; `again` is what it does with runs that are there, in its own words.

        Raises:
            StackError: a run failed, or not all ended in time.
        """
        last = first + timedelta(days=days) - timedelta(hours=1)
        bounds = (dag, first, last)
        before = self._loaded()
        with Meter(self.stack) as meter:
            began = time.time()
            began = self._create(dag, first, last, again, began)
            runs = self._ended(bounds)
            seconds = time.time() - began
        copies, objects, rows = (now - then for now, then in zip(self._loaded(), before, strict=True))
        return Measured(
            dag=dag,
            seconds=seconds,
            runs=runs,
            task_instances=self._airflow(_TASKS, (dag, *bounds))[0][0],
            copies=copies,
            objects=objects,
            rows=rows,
            busy=meter.busy,
            cpu=meter.seconds,
            tasks=_tasks(
                [
                    note
                    for note in notes(self.notes, began)
                    if note.dag == dag and note.run.startswith("backfill")
                ],
                began,
            ),
        )

    def typed(self, first: datetime, days: int) -> float:
        """Return the seconds of `log-router backfill` for days that are loaded: it makes nothing.

        Raises:
            StackError: it failed, or made runs.
        """
        while self._airflow(_OPEN, ()):
            time.sleep(_POLL_SECONDS)
        began = time.monotonic()
        done = subprocess.run(
            [ROOT / "bin" / "log-router", "backfill", f"--from={first:%Y-%m-%dT%H:%M}Z",
             f"--to={first + timedelta(days=days):%Y-%m-%dT%H:%M}Z"],
            env={**self.stack.env(), "PATH": f"{Path(sys.executable).parent}:{self.stack.env()['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        if done.returncode or "there is nothing to make" not in done.stdout:
            raise StackError(f"log-router backfill: {done.stdout}{done.stderr}")
        return time.monotonic() - began

    def _create(self, dag: str, first: datetime, last: datetime, again: str, began: float) -> float:
        """Create the backfill; return when."""
        wanted = {
            "dag_id": dag,
            "from_date": first.isoformat(),
            "to_date": last.isoformat(),
            # As many as `airflow backfill create` lets run at once, if not told otherwise.
            "max_active_runs": 10,
            "reprocess_behavior": again,
        }
        while True:
            try:
                self.stack.api.post("/backfills", wanted)
            except ApiError as error:
                # Airflow allows one at a time and notices the end of the last one within half a minute.
                if error.status != HTTPStatus.CONFLICT:
                    raise
                time.sleep(_POLL_SECONDS)
                began = time.time()
            else:
                return began

    def _ended(self, bounds: tuple[str, datetime, datetime]) -> int:
        """Return how many runs there are, when all have ended."""
        deadline = time.monotonic() + _LIMIT_SECONDS
        while True:
            states = dict(self._airflow(_ENDED, bounds))
            if states and states.keys() <= {"success", "failed"}:
                break
            if time.monotonic() > deadline:
                raise StackError(f"{bounds[0]}: not done within {_LIMIT_SECONDS:.0f} s: {states}")
            time.sleep(_POLL_SECONDS)
        if "failed" in states:
            raise StackError(
                f"{bounds[0]}: {states['failed']} runs failed: see {self.stack.state_dir}/airflow/logs"
            )
        return int(states["success"])

    def _loaded(self) -> tuple[int, int, int]:
        """Return the number of COPYs that there were, and of objects and rows that are recorded."""
        with psycopg.connect(self.stack.postgres_dsn) as connection:
            copies = connection.execute(_COPIES).fetchall()[0][0]
            recorded = connection.execute("SELECT to_regclass('log_router.objects')").fetchall()[0][0]
            objects, rows = connection.execute(_LOADED).fetchall()[0] if recorded else (0, 0)
        return int(copies), int(objects), int(rows)

    def _airflow(self, query: str, values: Sequence[object]) -> list[Any]:
        # Not by the API, whose answers would be measured too.
        with psycopg.connect(self.stack.postgres_dsn, dbname="airflow") as connection:
            return connection.execute(query.encode(), values).fetchall()


def _tasks(found: Sequence[Note], began: float) -> tuple[Task, ...]:
    by_name: defaultdict[str, list[Note]] = defaultdict(list)
    for note in found:
        by_name[note.task].append(note)
    tasks = [
        Task(
            name,
            len(some),
            min(note.began for note in some) - began,
            max(note.began + note.seconds for note in some) - began,
            *(sum(getattr(note, field) for note in some) for field in ("cpu", "start_cpu", "seconds")),
            *(max(getattr(note, field) for note in some) for field in ("shared_mb", "peak_mb")),
        )
        for name, some in by_name.items()
    ]
    return tuple(sorted(tasks, key=lambda task: task.began))
