"""Where the pages are, and the links to them from load tasks.

The addresses are relative: Airflow's UI resolves them by its own base, which may be a path below a host.
"""

from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote

from airflow.sdk import BaseOperator, BaseOperatorLink

from log_router.operators import LoadOperator

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey

MOUNT = "/log-router"
_RUN = MOUNT.removeprefix("/") + "/dags/{dag}/runs/{run}"
# The UI fills in what stands in braces, quoted.
RUN_HREF = _RUN.format(dag="{DAG_ID}", run="{RUN_ID}")


class ManifestLink(BaseOperatorLink):
    """From a load to what it copies."""

    name = "Manifest"
    operators: ClassVar[list[type[BaseOperator]]] = [LoadOperator]

    def get_link(self, operator: BaseOperator, *, ti_key: "TaskInstanceKey") -> str:  # noqa: ARG002 - Airflow's
        """Return the address of the load's manifest page."""
        return _of_load(ti_key, "manifest")


class QuarantinedLink(BaseOperatorLink):
    """From a load to the lines of its event that could not be loaded."""

    name = "Quarantined lines"
    operators: ClassVar[list[type[BaseOperator]]] = [LoadOperator]

    def get_link(self, operator: BaseOperator, *, ti_key: "TaskInstanceKey") -> str:  # noqa: ARG002 - Airflow's
        """Return the address of the page of the load's quarantined lines."""
        return _of_load(ti_key, "quarantined")


def _of_load(ti_key: "TaskInstanceKey", page: str) -> str:
    run = _RUN.format(dag=quote(ti_key.dag_id, safe=""), run=quote(ti_key.run_id, safe=""))
    return f"{run}/loads/{ti_key.map_index}/{page}"
