"""Many hours of raw objects at once into Redshift: a day a run, or whatever range is asked for."""

from datetime import UTC, datetime

from airflow.sdk import DAG

from log_router import forms
from log_router.graph import bulk_schedule, defaults, split_and_load
from log_router.lanes import BACKFILL, BULK_DAG, SPLIT
from log_router.plans import PlanHoursOperator

with DAG(
    dag_id=BULK_DAG,
    description="Splits a day, or any range of hours, of raw events by type and loads each type by one COPY",
    # A scheduled or backfilled run gets a whole window as its interval.
    schedule=bulk_schedule(),
    start_date=datetime(2020, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=4,
    default_args=defaults(BACKFILL),
    tags=["log-router"],
    doc_md=__doc__,
    params={**forms.window(of_run=True), **forms.what(), **forms.dry_run(of_run=True)},
):
    plan = PlanHoursOperator(task_id="plan", split_task_id=SPLIT)
    split_and_load(plan, lane=BACKFILL)
