"""The tasks between a plan and its settlement, the same for every trigger."""

import os
from datetime import timedelta
from typing import Any

from airflow.sdk import BaseOperator, CronDataIntervalTimetable, TriggerRule, WeightRule, task_group

from log_router import lanes
from log_router.core.catalog import load_settings
from log_router.core.errors import ConfigError
from log_router.core.settings import Settings, environment_overrides
from log_router.lanes import COPY, LOAD, LOAD_GROUP, SPLIT, Lane
from log_router.operators import CollectOperator, LoadOperator, SettleOperator, SplitOperator
from log_router.runs import INSTANCE_NAME
from log_router.site import config_folder

RETRIES: dict[str, Any] = {
    "retries": 5,
    "retry_delay": timedelta(seconds=10),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
}


def defaults(lane: Lane) -> dict[str, Any]:
    """Return what all tasks of a DAG have in common: how they are retried, and when it is their turn.

    The weight is the lane's alone, so that the runs of a lane are finished one after the other, the oldest first.
    """
    return {**RETRIES, "priority_weight": lane.weight, "weight_rule": WeightRule.ABSOLUTE}


def split_and_load(plan: BaseOperator, lane: Lane) -> None:
    """Put split, collect, load and settle behind a plan task that returns chunks; the lane says in which pools."""
    settings = _settings()
    splits = _where(lane.pool(settings.split_pool), settings.split_queue)
    copies = _where(lane.pool(settings.copy_pool), settings.copy_queue)
    split = SplitOperator.partial(
        task_id=SPLIT,
        plan_task_id=plan.task_id,
        map_index_template=INSTANCE_NAME,
        **splits,
    ).expand(chunk=plan.output)
    collect = CollectOperator(
        task_id="collect",
        plan_task_id=plan.task_id,
        split_task_id=SPLIT,
        load_task_id=LOAD,
        # A chunk that can't be split holds up its own raw objects only.
        trigger_rule=TriggerRule.ALL_DONE,
    )

    @task_group(group_id=LOAD_GROUP)
    def load(target: dict[str, Any]) -> None:
        LoadOperator(
            task_id=COPY,
            plan_task_id=plan.task_id,
            target=target,
            map_index_template=INSTANCE_NAME,
            **copies,
        )

    settle = SettleOperator(
        task_id="settle",
        plan_task_id=plan.task_id,
        split_task_id=SPLIT,
        load_task_id=LOAD,
        trigger_rule=TriggerRule.ALL_DONE,
    )
    [plan, split] >> collect
    load.expand(target=collect.output) >> settle
    # Settle waits for all of them itself, whatever state the loads are left in by an earlier try of the run.
    [plan, split, collect] >> settle


def _where(pool: str, queue: str | None) -> dict[str, str]:
    """Return a task's pool, and the queue of the workers that take it, unless that is Airflow's default."""
    return {"pool": pool, **({} if queue is None else {"queue": queue})}


def bulk_schedule() -> CronDataIntervalTimetable:
    """Return the schedule by which a run of the bulk DAG gets a window of `bulk_hours`."""
    starts = ",".join(map(str, range(0, 24, _settings().bulk_hours)))
    return CronDataIntervalTimetable(f"0 {starts} * * *", timezone="UTC")


def stream_dags() -> tuple[str, ...]:
    """Return the names of the stream's DAGs."""
    return lanes.stream_dags(_settings())


def _settings() -> Settings:
    """Return the settings for what belongs to the DAG's shape: it is read with it.

    Those that can't be read give the defaults here, so that the DAG stays visible; its first task then fails with
    every problem.
    """
    try:
        return load_settings(config_folder(), environment_overrides(os.environ))
    except ConfigError:
        return Settings.model_construct()
