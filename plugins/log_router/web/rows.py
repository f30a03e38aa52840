"""What Airflow's database knows of a run: its own row, the states of its tasks, what these returned."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.sdk.execution_time.xcom import XCom
from sqlalchemy import select, tuple_

from log_router.operators import SettleOperator
from log_router.web.work import KEYS, Task, Values

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Run:
    """A run of one of Log Router's DAGs."""

    dag_id: str
    run_id: str
    kind: str
    state: str
    started: datetime | None
    ended: datetime | None
    conf: dict[str, Any]
    interval: tuple[datetime | None, datetime | None]
    tasks: list[Task]


def run_of(session: "Session", dag_id: str, run_id: str) -> Run | None:
    """Return a run with the states of its tasks; None where it is none of Log Router's, or not there."""
    found = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
    columns = TaskInstance.__table__.c
    instances = session.execute(
        select(
            columns.task_id, columns.map_index, columns.rendered_map_index, columns.state, columns.operator
        )
        .where(columns.dag_id == dag_id, columns.run_id == run_id)
        .order_by(columns.task_id, columns.map_index)
    ).all()
    if found is None or SettleOperator.__name__ not in {one.operator for one in instances}:
        return None
    tasks = [
        Task(one.task_id, one.map_index, one.rendered_map_index or str(one.map_index), one.state or "")
        for one in instances
    ]
    return Run(
        *(dag_id, run_id, str(found.run_type), str(found.state), found.start_date, found.end_date),
        conf=dict(found.conf or {}),
        interval=(found.data_interval_start, found.data_interval_end),
        tasks=tasks,
    )


def values_of(session: "Session", run: Run) -> Values:
    """Return what the tasks of a run returned and noted, of the kinds that a page shows."""
    found = session.execute(
        select(XComModel.task_id, XComModel.map_index, XComModel.key, XComModel.value).where(
            XComModel.dag_id == run.dag_id,
            XComModel.run_id == run.run_id,
            tuple_(XComModel.task_id, XComModel.key).in_(KEYS),
        )
    )
    return {(row.task_id, row.map_index, row.key): XCom.deserialize_value(row) for row in found}
