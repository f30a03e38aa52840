"""What Airflow imports first of all in each of its processes.

LocalExecutor forks its task processes from the scheduler. What the tasks import is imported there once, so
that not every task pays a second of CPU for it again.
"""

import sys
from importlib import import_module

_USED_BY_TASKS = (
    "airflow.providers.amazon.aws.hooks.redshift_sql",
    "airflow.providers.amazon.aws.hooks.s3",
    "log_router.isolating",
    "log_router.planning",
    "log_router.settling",
    "log_router.splitting",
    "smart_open",
)

if sys.argv[1:2] == ["scheduler"]:
    for module in _USED_BY_TASKS:
        import_module(module)
