"""What each task costs between the moments at which Airflow hands over to it and gets it back, noted by the task."""

from __future__ import annotations

import dataclasses
import json
import os
import resource
import runpy
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.environment import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow.sdk import BaseOperator, Context

# Where tasks of a stack write their notes, one JSON object a line.
VARIABLE = "BENCHMARK_NOTES"


@dataclasses.dataclass(frozen=True)
class Note:
    """One try of a task: seconds of CPU before and in its own work, seconds of it, most memory of its process in MB.

    A task's process is a fork of Airflow's executor: `shared_mb` is what it had from that at first, as far as it has
    touched it.
    """

    dag: str
    run: str
    task: str
    began: float
    start_cpu: float
    cpu: float
    seconds: float
    shared_mb: float
    peak_mb: float


def measured(dag_id: str) -> None:
    """Make one of the product's DAGs, whose tasks note what they cost."""
    from log_router.operators import LogRouterOperator  # noqa: PLC0415 - Airflow alone has it on its path

    LogRouterOperator.execute = _noting(LogRouterOperator.execute)  # type: ignore[method-assign]
    runpy.run_path(str(ROOT / "dags" / f"{dag_id}.py"))


def _noting(execute: Callable[..., Any]) -> Callable[..., Any]:
    def noting(self: BaseOperator, context: Context, **kwargs: Any) -> Any:
        began, before = time.time(), resource.getrusage(resource.RUSAGE_SELF)
        try:
            return execute(self, context, **kwargs)
        finally:
            after = resource.getrusage(resource.RUSAGE_SELF)
            note = Note(
                *(self.dag_id, str(context["run_id"]), self.task_id, began),
                *(_cpu(before), _cpu(after) - _cpu(before), time.time() - began),
                *(before.ru_maxrss / 1024, after.ru_maxrss / 1024),
            )
            # One write: tasks that end at one moment don't mix their lines.
            with Path(os.environ[VARIABLE]).open("ab", buffering=0) as file:
                file.write(json.dumps(dataclasses.asdict(note)).encode() + b"\n")

    return noting


def _cpu(usage: resource.struct_rusage) -> float:
    return usage.ru_utime + usage.ru_stime


def notes(path: Path, since: float) -> Iterator[Note]:
    """Yield the notes of tasks that began their work after a time, in seconds since 1970."""
    if path.exists():
        found = (Note(**json.loads(line)) for line in path.read_text().splitlines())
        yield from (note for note in found if note.began >= since)
