"""What Log Router adds to Airflow's UI: a page for each of its runs, and links from its load tasks.

The only file here that Airflow executes, in each of its processes: what is heavy is imported when a page is asked for.
"""

from typing import TYPE_CHECKING

from airflow.plugins_manager import AirflowPlugin

from log_router.web.links import MOUNT, RUN_HREF, ManifestLink, QuarantinedLink

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send


async def pages(scope: "Scope", receive: "Receive", send: "Send") -> None:
    """Serve the pages."""
    from log_router.web.app import app  # noqa: PLC0415 - only the API server pays for it

    await app(scope, receive, send)


class LogRouterPlugin(AirflowPlugin):
    """Log Router's pages and links."""

    name = "log_router"
    fastapi_apps = [{"app": pages, "url_prefix": MOUNT, "name": "Log Router"}]
    external_views = [
        {
            "name": "Log Router",
            "href": RUN_HREF,
            "destination": "dag_run",
            "url_route": "log-router",
        }
    ]
    operator_extra_links = [ManifestLink(), QuarantinedLink()]
