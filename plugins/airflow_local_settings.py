"""What Airflow imports first of all in each of its processes.

LocalExecutor forks its task processes from the scheduler. What the tasks import is imported there once, so
that not every task pays a second of CPU for it again. And Airflow finds the hook here that moves backfills
into a lane of their own.
"""

import sys
from importlib import import_module

from log_router.lanes import task_instance_mutation_hook

__all__ = ["task_instance_mutation_hook"]

_USED_BY_TASKS = (
    "airflow.providers.amazon.aws.hooks.redshift_sql",
    "airflow.providers.amazon.aws.hooks.s3",
    "airflow.providers.amazon.aws.hooks.sqs",
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
