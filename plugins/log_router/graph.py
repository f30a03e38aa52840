"""The tasks between a plan and its settlement, the same for every trigger."""

import os
from datetime import timedelta
from typing import Any

from airflow.sdk import BaseOperator, TriggerRule, WeightRule, task_group

from log_router import lanes
from log_router.core.catalog import load_settings
from log_router.core.errors import ConfigError
from log_router.core.settings import Settings, environment_overrides
from log_router.lanes import COPY, LOAD, LOAD_GROUP, SPLIT, Lane
from log_router.operators import CollectOperator, LoadOperator, SettleOperator, SplitOperator
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
    split_pool, copy_pool = lane.pool(settings.split_pool), lane.pool(settings.copy_pool)
    split = SplitOperator.partial(
        task_id=SPLIT,
        plan_task_id=plan.task_id,
        pool=split_pool,
        map_index_template="chunk {{ ti.map_index }}",
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
    def load(target: dict[str, str]) -> None:
        LoadOperator(
            task_id=COPY,
            plan_task_id=plan.task_id,
            target=target,
            pool=copy_pool,
            map_index_template="{{ event | default(ti.map_index) }}",
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


def event_names() -> list[str]:
    """Return the names of the event files, for the choices of a trigger form; the files stay unread."""
    return sorted(file.stem for file in (config_folder() / "events").glob("*.yaml"))
