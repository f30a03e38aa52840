"""Raw objects loaded anew: by range, by name, or all that hold quarantined lines of an event."""

from airflow.sdk import DAG

from log_router import forms
from log_router.graph import defaults, split_and_load
from log_router.lanes import RELOAD, RELOAD_DAG, SPLIT
from log_router.plans import PlanReloadOperator

with DAG(
    dag_id=RELOAD_DAG,
    description="Loads raw objects anew, as today's event files say, and replaces their rows",
    schedule=None,
    default_args=defaults(RELOAD),
    tags=["log-router"],
    doc_md=__doc__,
    params={**forms.selection(), **forms.dry_run(of_run=False)},
):
    split_and_load(PlanReloadOperator(task_id="plan", split_task_id=SPLIT), lane=RELOAD)
