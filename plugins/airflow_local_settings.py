"""What Airflow imports first of all in each of its processes.

LocalExecutor forks its task processes from the scheduler. What the tasks import is imported there once, so
that not every task pays a second of CPU for it again. And Airflow finds the hook here that moves backfills
into a lane of their own. `airflow dags backfill`, Airflow 2's, is served from here.
"""

import inspect
import os
import sys
from importlib import import_module

from log_router.lanes import task_instance_mutation_hook

__all__ = ["task_instance_mutation_hook"]

_USED_BY_TASKS = (
    "airflow.providers.amazon.aws.hooks.redshift_sql",
    "airflow.providers.amazon.aws.hooks.s3",
    "airflow.providers.amazon.aws.hooks.sqs",
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.task_runner",
    "log_router.deliveries",
    "log_router.graph",
    "log_router.isolating",
    "log_router.keeping",
    "log_router.planning",
    "log_router.plans",
    "log_router.receiving",
    "log_router.sensors",
    "log_router.settling",
    "log_router.splitting",
    "log_router.triggers",
    "smart_open",
)

if sys.argv[1:2] == ["scheduler"]:
    for module in _USED_BY_TASKS:
        import_module(module)
    # The Amazon provider's hook and the Redshift driver look up their caller's name like this. The first time a process
    # does, it takes a tenth of a second of CPU to note the files of all modules; a fork has what its parent noted.
    os.register_at_fork(before=inspect.stack)

if sys.argv[1:3] == ["dags", "backfill"]:
    import_module("log_router.cli.dags_backfill").serve()
