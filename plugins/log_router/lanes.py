"""Which runs go first where slots are scarce: the stream before an hour, an hour before a backlog.

Every process of Airflow imports this, so it imports nothing itself.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance

    from log_router.core.settings import Settings

HOURLY_DAG = "log_router_hourly"
RELOAD_DAG = "log_router_reload"
BULK_DAG = "log_router_bulk"
SPLIT = "split"
LOAD_GROUP = "load"
COPY = "copy"
LOAD = f"{LOAD_GROUP}.{COPY}"
# A day after its end an hour is a backlog's, whoever runs it.
_FRESH = timedelta(days=1)


@dataclass(frozen=True)
class Lane:
    """The pools of a run's split and load tasks; among all its tasks and others', the greater weight goes first."""

    word: str
    weight: int

    def pool(self, hourly: str) -> str:
        """Return this lane's pool beside one of the hourly lane: its word stands before the last word of the name.

        So `log_router_split` has `log_router_stream_split` beside it. A pool of this lane is returned as it is.
        """
        *words, last = hourly.split("_")
        if not self.word or words[-1:] == [self.word]:
            return hourly
        return "_".join((*words, self.word, last))


STREAM = Lane("stream", 40)
HOURLY = Lane("", 30)
# What a person asked for goes before the rest of the backlog.
RELOAD = Lane("backfill", 20)
BACKFILL = Lane("backfill", 10)


def pools(settings: "Settings") -> tuple[str, ...]:
    """Return the names of the pools that Airflow must have: where one is missing, its tasks wait for ever."""
    names = (settings.split_pool, settings.copy_pool)
    return tuple(dict.fromkeys(lane.pool(name) for lane in (STREAM, HOURLY, BACKFILL) for name in names))


def stream_dags(settings: "Settings") -> tuple[str, ...]:
    """Return the names of the stream's DAGs: a continuous DAG has one run at a time, so more at a time are more."""
    more = (f"log_router_stream_{number}" for number in range(2, settings.stream_dags + 1))
    return ("log_router_stream", *more)


def is_backlog(run_type: str, due: datetime) -> bool:
    """Tell whether a run is a backfill's, or was due a day ago."""
    return run_type == "backfill" or due < datetime.now(UTC) - _FRESH


def task_instance_mutation_hook(task_instance: "TaskInstance", dag_run: "DagRun | None") -> None:
    """Move a task of an hourly run to the lane of backfills, if a backfill made the run or its hour is a day past.

    Airflow calls this for every task of every DAG, several times for each, and stops scheduling where it raises.
    A run of the schedule that a backfill runs again is told by its age: Airflow calls this before it notes whose run
    it is (airflow/models/backfill.py, _handle_clear_run).
    """
    # Called without a run first; the call with it follows before the task is stored.
    if dag_run is None or task_instance.dag_id != HOURLY_DAG:
        return
    if is_backlog(dag_run.run_type, dag_run.run_after):
        task_instance.priority_weight = BACKFILL.weight
        if task_instance.task_id in (SPLIT, LOAD):
            task_instance.pool = BACKFILL.pool(task_instance.pool)
