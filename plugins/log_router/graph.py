"""The tasks between a plan and its settlement, the same for every trigger."""

import os
from datetime import timedelta
from typing import Any

from airflow.sdk import BaseOperator, TriggerRule, task_group

from log_router.core.catalog import load_settings
from log_router.core.errors import ConfigError
from log_router.core.settings import Settings, environment_overrides
from log_router.operators import CollectOperator, LoadOperator, SettleOperator, SplitOperator
from log_router.site import config_folder

SPLIT = "split"
LOAD_GROUP = "load"
COPY = "copy"
LOAD = f"{LOAD_GROUP}.{COPY}"

RETRIES: dict[str, Any] = {
    "retries": 5,
    "retry_delay": timedelta(seconds=10),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
}


def split_and_load(plan: BaseOperator) -> None:
    """Put split, collect, load and settle behind a plan task that returns chunks."""
    split_pool, copy_pool = pools()
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


def pools() -> tuple[str, str]:
    """Return the pools of split and copy tasks: they belong to the DAG's shape, so they are read with it.

    Settings that can't be read give the default pools here, so that the DAG stays visible; its plan task
    then fails with every problem.
    """
    try:
        settings = load_settings(config_folder(), environment_overrides(os.environ))
    except ConfigError:
        fields = Settings.model_fields
        return str(fields["split_pool"].default), str(fields["copy_pool"].default)
    return settings.split_pool, settings.copy_pool


def event_names() -> list[str]:
    """Return the names of the event files, for the choices of a trigger form; the files stay unread."""
    return sorted(file.stem for file in (config_folder() / "events").glob("*.yaml"))
