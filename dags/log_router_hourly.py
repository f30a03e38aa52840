"""Each hour's raw objects into Redshift, one table per event type."""

from datetime import UTC, datetime

from airflow.sdk import DAG, CronDataIntervalTimetable

from log_router import forms
from log_router.graph import defaults, split_and_load
from log_router.lanes import HOURLY, HOURLY_DAG, SPLIT
from log_router.plans import PlanHourOperator

with DAG(
    dag_id=HOURLY_DAG,
    description="Splits an hour of raw events by type and loads each type into its own table",
    # Scheduled, backfilled and manual runs with a logical date all get the whole hour as their interval.
    schedule=CronDataIntervalTimetable("0 * * * *", timezone="UTC"),
    start_date=datetime(2020, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=8,
    default_args=defaults(HOURLY),
    tags=["log-router"],
    doc_md=__doc__,
    params={**forms.hour(), **forms.what(), **forms.dry_run(of_run=True)},
):
    plan = PlanHourOperator(task_id="plan", split_task_id=SPLIT)
    split_and_load(plan, lane=HOURLY)
