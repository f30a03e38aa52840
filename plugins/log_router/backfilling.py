"""Backfills as Airflow keeps them, in its metadata database: made, watched, cancelled."""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from log_router.core.backfills import REPROCESS, Request
from log_router.core.errors import NeedsAction, WillPass
from log_router.lanes import LOAD

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_UNENDED = ("queued", "running")


@dataclass(frozen=True)
class Dag:
    """What Airflow knows of a DAG."""

    is_paused: bool
    max_active_runs: int


@dataclass(frozen=True)
class Run:
    """A run at a logical date that a backfill wants; `fits` says that its data interval is the window meant.

    One that was triggered with a logical date, or when windows were of another length, keeps its own interval when it
    is run again.
    """

    run_id: str
    at_work: bool
    fits: bool


@dataclass(frozen=True)
class Standing:
    """How far a backfill is: its runs and their tasks by state; `left` are the windows left to runs at work.

    `seconds` have passed since it was made, or did until its last run ended. `closed` says that Airflow has noted its
    end: it takes another backfill of the DAG only then.
    """

    backfill_id: int
    dag_id: str
    seconds: float
    closed: bool
    is_paused: bool
    runs: Counter[str]
    tasks: Counter[str]
    left: tuple[datetime, ...]

    @property
    def ended(self) -> int:
        """The runs that have ended."""
        return self.runs.total() - self.unended

    @property
    def unended(self) -> int:
        """The runs that have not."""
        return sum(self.runs[state] for state in _UNENDED)


@contextmanager
def _database() -> Iterator["Session"]:
    """Give a session of Airflow's metadata database.

    Raises:
        WillPass: it can't be reached, or is not of this Airflow.
    """
    from airflow.utils.session import create_session  # noqa: PLC0415 - seconds of CPU
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 - the same

    try:
        with create_session() as session:
            yield session
    except SQLAlchemyError as error:
        reason = str(error).split("\n", maxsplit=1)[0]
        raise WillPass(f"Airflow's metadata database can't be asked for backfills: {reason}") from error


def dag(dag_id: str) -> Dag:
    """Return what Airflow knows of a DAG.

    Raises:
        NeedsAction: nothing.
    """
    from airflow.models import DagModel  # noqa: PLC0415 - seconds of CPU

    with _database() as session:
        found = session.get(DagModel, dag_id)
        if found is None:
            raise NeedsAction(
                f"Airflow does not know the DAG {dag_id}: see `airflow dags list-import-errors`"
            )
        # It is null only before Airflow has read the DAG.
        return Dag(bool(found.is_paused), found.max_active_runs or 1)


def slots(pool: str) -> int:
    """Return how many tasks a pool lets work at once: none where there is no such pool, no limit where it has none."""
    from airflow.models.pool import Pool  # noqa: PLC0415 - seconds of CPU
    from sqlalchemy import select  # noqa: PLC0415 - the same

    with _database() as session:
        found = session.scalar(select(Pool.slots).where(Pool.pool == pool))
    return 0 if found is None else found if found >= 0 else sys.maxsize


def last(dag_id: str) -> Standing | None:
    """Return how far the last backfill of a DAG is; None where there was none."""
    from airflow.models.backfill import Backfill  # noqa: PLC0415 - seconds of CPU
    from sqlalchemy import select  # noqa: PLC0415 - the same

    with _database() as session:
        newest = select(Backfill.id).where(Backfill.dag_id == dag_id).order_by(Backfill.id.desc())
        found = session.scalar(newest.limit(1))
    return None if found is None else standing(found)


def standing(backfill_id: int) -> Standing:
    """Return how far a backfill is."""
    from airflow.models import DagRun, TaskInstance  # noqa: PLC0415 - seconds of CPU
    from airflow.models.backfill import Backfill, BackfillDagRun  # noqa: PLC0415 - the same
    from sqlalchemy import func, select  # noqa: PLC0415 - the same

    mine = DagRun.backfill_id == backfill_id
    runs = select(DagRun.state, func.count(), func.max(DagRun.end_date)).where(mine).group_by(DagRun.state)
    tasks = (
        select(TaskInstance.state, func.count())
        .join(DagRun, (DagRun.dag_id == TaskInstance.dag_id) & (DagRun.run_id == TaskInstance.run_id))
        .where(mine)
        .group_by(TaskInstance.state)
    )
    left = select(BackfillDagRun.logical_date).where(
        BackfillDagRun.backfill_id == backfill_id, BackfillDagRun.exception_reason.is_not(None)
    )
    with _database() as session:
        made = session.get_one(Backfill, backfill_id)
        by_state = {str(state): (count, end) for state, count, end in session.execute(runs)}
        unended = any(state in by_state for state in _UNENDED)
        ends = [end for _, end in by_state.values() if end is not None]
        end = datetime.now(UTC) if unended or not ends else max(ends)
        return Standing(
            backfill_id,
            made.dag_id,
            (end - made.created_at).total_seconds(),
            made.completed_at is not None,
            bool(made.is_paused),
            Counter({state: count for state, (count, _) in by_state.items()}),
            Counter({str(state): count for state, count in session.execute(tasks)}),
            tuple(session.scalars(left.order_by(BackfillDagRun.logical_date))),
        )


def there(request: Request) -> list[Run]:
    """Return the runs that Airflow has at the logical dates of a request, oldest first."""
    from airflow.models import DagRun  # noqa: PLC0415 - seconds of CPU
    from sqlalchemy import select  # noqa: PLC0415 - the same

    starts = request.windows()
    query = select(DagRun).where(
        DagRun.dag_id == request.dag_id, DagRun.logical_date.between(request.from_date, request.to_date)
    )
    with _database() as session:
        return [
            Run(
                run.run_id,
                run.state in _UNENDED,
                (run.data_interval_start, run.data_interval_end) == (start, start + request.window),
            )
            for run in session.scalars(query.order_by(DagRun.logical_date))
            if (start := run.logical_date) in starts
        ]


def failed(backfill_id: int) -> list[str]:
    """Return the runs of a backfill that have begun and failed, oldest first."""
    from airflow.models import DagRun  # noqa: PLC0415 - seconds of CPU
    from sqlalchemy import select  # noqa: PLC0415 - the same

    query = select(DagRun.run_id).where(
        DagRun.backfill_id == backfill_id, DagRun.state == "failed", DagRun.start_date.is_not(None)
    )
    with _database() as session:
        return list(session.scalars(query.order_by(DagRun.logical_date)))


def loaded(backfill_id: int) -> Counter[str]:
    """Return the rows that the runs of a backfill have loaded, by event: what their loads returned."""
    from airflow.models import DagRun, TaskInstance  # noqa: PLC0415 - seconds of CPU
    from airflow.models.xcom import XComModel  # noqa: PLC0415 - the same
    from sqlalchemy import and_, select  # noqa: PLC0415 - the same

    # What an instance returned in an earlier try of the run is still there where it was skipped in this one.
    instance = (TaskInstance.dag_id, TaskInstance.run_id, TaskInstance.task_id, TaskInstance.map_index)
    value = (XComModel.dag_id, XComModel.run_id, XComModel.task_id, XComModel.map_index)
    same = [one == other for one, other in zip(instance, value, strict=True)]
    query = (
        select(XComModel.value)
        .join(DagRun, DagRun.id == XComModel.dag_run_id)
        .join(TaskInstance, and_(*same))
        .where(DagRun.backfill_id == backfill_id, XComModel.task_id == LOAD, XComModel.key == "return_value")
        .where(TaskInstance.state == "success")
    )
    rows: Counter[str] = Counter()
    with _database() as session:
        for outcome in session.scalars(query):
            rows[outcome["event"]] += outcome["rows"]
    return rows


def create(request: Request) -> Standing:
    """Make a backfill, with all its runs; return how far it is.

    Raises:
        NeedsAction: Airflow refuses it.
        WillPass: its database can't be reached, or is locked.
    """
    from airflow.models.backfill import ReprocessBehavior, _create_backfill  # noqa: PLC0415 - the same
    from airflow.sdk.exceptions import AirflowException  # noqa: PLC0415 - seconds of CPU

    with _database():
        try:
            made = _create_backfill(
                dag_id=request.dag_id,
                from_date=request.from_date,
                to_date=request.to_date,
                max_active_runs=request.at_once,
                reverse=request.newest_first,
                dag_run_conf=request.conf,
                triggering_user_name=os.environ.get("USER"),
                reprocess_behavior=ReprocessBehavior(REPROCESS),
                run_on_latest_version=True,
            )
        except (AirflowException, ValueError) as error:
            # The schema of a parameter that it refuses, which says more, fills a screen.
            reason = str(error).partition("\n")[0]
            if "param events" in reason:
                reason += "; Airflow may not have read the event files yet: airflow dags reserialize"
            raise NeedsAction(f"Airflow refused the backfill: {reason}") from error
    return standing(made.id)


def cancel(backfill_id: int) -> None:
    """End a backfill as Airflow's UI does: its runs that wait fail, those at work go on to their end."""
    from airflow.api_fastapi.core_api.routes.public.backfills import cancel_backfill  # noqa: PLC0415 - seconds of CPU

    with _database() as session:
        cancel_backfill(backfill_id, session)
