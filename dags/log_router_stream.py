"""New raw objects into Redshift as soon as S3's notices tell of them."""

from datetime import UTC, datetime

from airflow.sdk import DAG

from log_router.graph import defaults, split_and_load, stream_dags
from log_router.lanes import SPLIT, STREAM
from log_router.plans import PlanNoticesOperator
from log_router.sensors import NoticesSensor

for name in stream_dags():
    with DAG(
        dag_id=name,
        description="Splits new raw events by type and loads each type into its own table, by notices of an SQS queue",
        schedule="@continuous",
        start_date=datetime(2020, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        default_args=defaults(STREAM),
        tags=["log-router"],
        doc_md=__doc__,
    ):
        wait = NoticesSensor(task_id="wait")
        plan = PlanNoticesOperator(task_id="plan", wait_task_id=wait.task_id, split_task_id=SPLIT)
        wait >> plan
        split_and_load(plan, STREAM)
