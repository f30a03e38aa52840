"""Airflow has the Connections, pools and DAGs that the settings ask for."""

from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from log_router import lanes
from log_router.core.health import Check, ok, problem, warning

if TYPE_CHECKING:
    from log_router.site import Site

_PROCESSES = {
    "scheduler": "no task starts",
    "dag-processor": "changed DAGs are not seen",
    "triggerer": "whatever waits goes on waiting, the stream and hours that are not over",
}


def connections(site: "Site") -> Iterator[Check]:
    """Look for the Connections; AWS's provider does without, by what boto3 finds on the machine."""
    aws, redshift = site.settings.aws_conn_id, site.settings.redshift_conn_id
    for name, missing in (
        (
            aws,
            warning(
                f"Connection {aws}",
                "there is none: credentials and region are those of the machine",
                "nothing to do where that is meant; else `airflow connections add`",
            ),
        ),
        (
            redshift,
            problem(
                f"Connection {redshift}",
                "there is none",
                "`airflow connections add`, or name another as redshift_conn_id",
            ),
        ),
    ):
        kind = _kind_of_connection(name)
        yield ok(f"Connection {name}", f"there, of type {kind}") if kind else missing


def _kind_of_connection(name: str) -> str | None:
    from airflow.sdk import Connection  # noqa: PLC0415 - half a second of CPU
    from airflow.sdk.exceptions import AirflowNotFoundException  # noqa: PLC0415 - the same

    try:
        return str(Connection.get(name).conn_type)
    except AirflowNotFoundException:
        return None


def pools(site: "Site") -> Iterator[Check]:
    """Compare the pools that the DAGs name with those that Airflow has."""
    from airflow.models.pool import Pool  # noqa: PLC0415 - seconds of CPU

    slots = {pool.pool: pool.slots for pool in Pool.get_pools()}
    for name in lanes.pools(site.settings):
        if name not in slots:
            yield problem(
                f"pool {name}",
                "there is none: its tasks never start",
                "`airflow pools import include/pools.json`; where the settings name pools of their own, "
                f'`airflow pools set {name} SLOTS "..."`',
            )
        elif slots[name] == 0:
            yield problem(f"pool {name}", "has no slots: its tasks never start", "give it some: Admin, Pools")
        else:
            yield ok(f"pool {name}", f"{'no limit' if slots[name] < 0 else slots[name]} slots")


def hook(site: "Site") -> Iterator[Check]:
    """Have Airflow move a task of a backfill into its lane, as it does with every task."""
    from airflow.settings import task_instance_mutation_hook  # noqa: PLC0415 - seconds of CPU

    hourly = site.settings.split_pool
    task: Any = SimpleNamespace(
        dag_id=lanes.HOURLY_DAG, task_id=lanes.SPLIT, pool=hourly, priority_weight=lanes.HOURLY.weight
    )
    run: Any = SimpleNamespace(run_type="backfill", run_after=datetime.now(UTC))
    task_instance_mutation_hook(task, run)
    if task.priority_weight == lanes.BACKFILL.weight:
        yield ok("lanes", f"Airflow moves tasks of backfills into {task.pool}")
    else:
        yield warning(
            "lanes",
            "Airflow does not call our hook, so backfills take the slots of the hourly runs",
            "call ours from an airflow_local_settings.py of your own: docs/operations.md, Pools and retries",
        )


def dags(site: "Site") -> Iterator[Check]:
    """Tell which of our DAGs Airflow has, and whether they are paused."""
    from airflow.models import DagModel  # noqa: PLC0415 - seconds of CPU

    streams = lanes.stream_dags(site.settings) if site.settings.queue_url else ()
    for name in (lanes.HOURLY_DAG, lanes.BULK_DAG, lanes.RELOAD_DAG, *streams):
        dag = DagModel.get_dagmodel(name)
        if dag is None or dag.is_stale:
            yield problem(
                f"DAG {name}",
                "Airflow does not have it",
                "`airflow dags list-import-errors`; are dags/ and plugins/ there?",
            )
        elif dag.has_import_errors:
            yield problem(f"DAG {name}", "its file can't be imported", "`airflow dags list-import-errors`")
        elif dag.is_paused:
            yield warning(f"DAG {name}", "is paused: its runs wait", f"`airflow dags unpause {name}`")
        elif red := _last_red(name):
            yield warning(
                f"DAG {name}", f"there, not paused; its last run is red: {red}", "see its red tasks' logs"
            )
        else:
            yield ok(f"DAG {name}", "there, not paused")


def _last_red(dag_id: str) -> str | None:
    """Return the run of a DAG that ended last, if it failed."""
    from airflow.models import DagRun  # noqa: PLC0415 - seconds of CPU
    from airflow.utils.session import create_session  # noqa: PLC0415 - the same
    from sqlalchemy import select  # noqa: PLC0415 - the same

    ended = select(DagRun.run_id, DagRun.state).where(DagRun.dag_id == dag_id, DagRun.end_date.is_not(None))
    with create_session() as session:
        last = session.execute(ended.order_by(DagRun.end_date.desc()).limit(1)).first()
    return str(last.run_id) if last is not None and last.state == "failed" else None


def processes(_: "Site") -> Iterator[Check]:
    """Tell which of Airflow's processes that runs depend on have reported in lately; one of each kind is enough."""
    from airflow.jobs.job import most_recent_job  # noqa: PLC0415 - seconds of CPU

    for kind, use in _PROCESSES.items():
        job = most_recent_job(f"{kind.title().replace('-', '')}Job")
        if job is not None and job.is_alive():
            yield ok(f"Airflow's {kind}", "runs")
        else:
            yield problem(f"Airflow's {kind}", f"has not reported in: {use}", f"`airflow {kind}`")
