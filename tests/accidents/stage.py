"""A long-lived stack on which scenarios are played, and what can be done to its processes."""

import json
import os
import random
import signal
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from local import airflow_services
from local.airflow_api import FINISHED
from local.ports import Ports
from local.processes import Service, _all_seen, _seen
from local.stack import Stack
from tests.accidents import hours
from tests.e2e.airflow import DAG, tasks, trigger, until

_FIRST = datetime(2025, 3, 1, tzinfo=UTC)
_SECONDS = 420.0
# What is dead is noticed soon, so that a scenario does not wait for minutes.
_SOON = {
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "20",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "15",
}


class Stage:
    """The stack, the hour that the scenario plays in, and the runs of that hour."""

    def __init__(self, state_dir: Path) -> None:
        self.stack = Stack(state_dir, Ports.free(), config_dir=hours.CONFIG, environment=_SOON, faults=True)
        self.dice = random.Random()  # noqa: S311 - test data
        self.hour = _FIRST
        self.written: dict[str, hours.Content] = {}
        self.notes: list[str] = []
        self._runs: list[str] = []
        self._killed: list[int] = []

    def set(self, number: int, seed: int) -> None:
        """Begin a scenario: with an hour of its own, and data that follow from the seed."""
        self.dice = random.Random(f"{seed} {number}")  # noqa: S311 - test data
        self.hour = _FIRST + timedelta(hours=number)
        self.notes = []
        self._runs = []
        self.written = hours.write(self.stack, self.hour, self.dice)

    def run(self, hour: datetime | None = None, **conf: str) -> str:
        """Trigger a run of the scenario's hour, or of another."""
        run_id = trigger(self.stack, (hour or self.hour).isoformat(), **conf)
        self._runs.append(run_id)
        return run_id

    def struck(self) -> None:
        """Return once every armed fault of twin and S3 has struck."""
        until(lambda: all(self.stack.faults.hits() + self.stack.s3_faults.hits()), _SECONDS)

    def kill(self, run_id: str, task_id: str, map_index: int = -1) -> None:
        """Kill the process of a task that is at work."""

        def pid() -> int:
            for task in tasks(self.stack, run_id).values():
                if (task["task_id"], task["map_index"], task["state"]) == (task_id, map_index, "running"):
                    return int(task["pid"] or 0)
            return 0

        os.kill(until(pid, _SECONDS), signal.SIGKILL)

    def kill_worker(self, dag: str) -> str:
        """Kill the executor's worker that has a task of a DAG at work, and all below it; return the task's name."""

        def at_work() -> list[tuple[int, str]]:
            running = self.stack.api.pages(
                f"/dags/{dag}/dagRuns/~/taskInstances", "task_instances", state="running"
            )
            return [(worker, task["task_id"]) for task in running if (worker := _worker_of(task["pid"] or 0))]

        worker, task_id = self.dice.choice(until(at_work, _SECONDS))
        for pid in _below(worker):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return task_id

    def reached(self, run_id: str, task_id: str, *states: str) -> None:
        """Return once a task of a run is in one of these states."""
        until(
            lambda: any(
                task["task_id"] == task_id and task["state"] in states
                for task in tasks(self.stack, run_id).values()
            ),
            _SECONDS,
        )

    def kill_service(self, name: str, *, with_children: bool = False) -> None:
        """Kill a process of the stack outright; it was started as the leader of a session of its own."""
        record = json.loads((self.stack.state_dir / "run" / f"{name}.pid").read_text())
        (os.killpg if with_children else os.kill)(record["pid"], signal.SIGKILL)
        until(lambda: not self.stack.processes.is_running(name), 10)
        self._killed.append(record["pid"])

    def start_service(self, name: str) -> None:
        """Start a part of Airflow, the twin or the front before S3 again."""
        if name == "twin":
            self.stack._start_twin(self.stack._postgres())
        elif name == "s3-front":
            self.stack._start_front()
        else:
            began = datetime.now(UTC)
            command = airflow_services._COMMANDS[name]
            self.stack.processes.start(Service(name, command, self.stack.env()))
            api = self.stack.api
            self.stack.processes.wait_until(name, lambda: api.is_healthy(began), 180)

    def calm(self) -> None:
        """Disarm all faults."""
        self.stack.faults.clear()
        self.stack.s3_faults.clear()

    def let_end(self) -> None:
        """Return once the runs have ended."""
        self.notes += [self.stack.wait_for_run(DAG, run_id, _SECONDS) for run_id in self._runs]
        self._runs.clear()

    def end(self) -> list[str]:
        """Let the runs end, run the hour again while one has failed, as a person would; return differences."""
        self.let_end()
        self.calm()
        if self.notes[-1] == "failed":
            self.notes.append(f"again: {self.stack.wait_for_run(DAG, self.run(), _SECONDS)}")
        # what a killed scheduler has left behind, now that its tasks are over
        for pid in self._killed:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        self._killed.clear()
        return hours.differences(self.stack, self.written)

    def until_ended(self, look: Callable[[], list[dict[str, str]]]) -> None:
        """Return once all runs that `look` finds have ended, and there is one."""
        until(lambda: (found := look()) and all(run["state"] in FINISHED for run in found), _SECONDS)


def _worker_of(pid: int) -> int:
    """Return the process of the executor that a task's own process is a child of, or 0 when either is gone."""
    task = _seen(pid)
    if task is None:
        return 0
    title = Path(f"/proc/{task.parent}/cmdline").read_bytes()
    return task.parent if b"LocalExecutor" in title else 0


def _below(pid: int) -> set[int]:
    """Return a process and all its descendants."""
    everyone, found = _all_seen(), {pid}
    while more := {seen.pid for seen in everyone if seen.parent in found} - found:
        found |= more
    return found
