"""The pages over HTTP, for those whom Airflow lets read the DAG's XComs: nothing else but logs tells more."""

import base64
import hashlib
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import requires_access_dag
from fastapi import Depends, FastAPI, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from log_router.core.amounts import counted, duration, size
from log_router.core.errors import LogRouterError
from log_router.core.manifests import Manifest
from log_router.core.settings import Settings
from log_router.site import Site
from log_router.web.quarantine import quarantined
from log_router.web.rows import Run, run_of, values_of
from log_router.web.work import Load, Work, work_of

# Of each table; a run may have a thousand batches, events or parts.
_SHOWN = 200
# The theme that is chosen in Airflow's UI, which has its pages in frames.
_SCRIPT = "document.documentElement.style.colorScheme = localStorage.getItem('theme') ?? ''"
_SCRIPT_HASH = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{_SCRIPT_HASH}'; "
    "frame-ancestors 'self'",
}
_NOT_FOUND, _UNAVAILABLE = 404, 503


class NotThere(Exception):  # noqa: N818 - it is an answer
    """What a page was asked for is not there; its text says why."""


app = FastAPI(
    dependencies=[Depends(requires_access_dag("GET", DagAccessEntity.XCOM))],
    docs_url=None,
    redoc_url=None,
    openapi_url=None,
)


def _at(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else ""


_templates = Environment(
    autoescape=True,
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters |= {
    "at": _at,
    "counted": counted,
    "duration": duration,
    "part": lambda text: quote(str(text), safe=""),
    "size": size,
}


def _page(name: str, status: int = 200, **values: Any) -> HTMLResponse:
    text = _templates.get_template(name).render(script=_SCRIPT, shown=_SHOWN, **values)
    return HTMLResponse(text, status, _HEADERS)


@app.exception_handler(NotThere)
def not_there(_request: Request, error: NotThere) -> HTMLResponse:
    """Say that it is not there."""
    return _page("message.html", _NOT_FOUND, title="Not there", text=str(error))


@app.exception_handler(LogRouterError)
def unavailable(_request: Request, error: LogRouterError) -> HTMLResponse:
    """Say why the staging bucket can't be read."""
    return _page("message.html", _UNAVAILABLE, title="It can't be read now", text=str(error))


def run_in_path(dag_id: str, run_id: str, session: SessionDep) -> tuple[Run, Work]:
    """Return the run that the path names, and what it did."""
    run = run_of(session, dag_id, run_id)
    if run is None:
        raise NotThere(f"{dag_id} has no run {run_id}, or it is none of Log Router's DAGs")
    return run, work_of(run.tasks, values_of(session, run))


RunInPath = Annotated[tuple[Run, Work], Depends(run_in_path)]


@app.get("/dags/{dag_id}/runs/{run_id}")
def run_page(found: RunInPath) -> HTMLResponse:
    """Show what a run did."""
    run, work = found
    return _page("run.html", run=run, work=work)


@app.get("/dags/{dag_id}/runs/{run_id}/loads/{index}/manifest")
def manifest_page(found: RunInPath, index: int) -> HTMLResponse:
    """Show which parts a load copies."""
    run, work = found
    load = _load(work, index)
    store = _site(work).store
    manifest = Manifest.from_load(store.get(load.document))
    batch = work.batches[load.batch]
    url = store.manifest_url(manifest)
    return _page("manifest.html", run=run, load=load, batch=batch, manifest=manifest, url=url)


@app.get("/dags/{dag_id}/runs/{run_id}/loads/{index}/quarantined")
def quarantined_of_load(found: RunInPath, index: int) -> HTMLResponse:
    """Show the quarantined lines of a load's event."""
    load = _load(found[1], index)
    return _quarantined(found, load.batch, load.event)


@app.get("/dags/{dag_id}/runs/{run_id}/batches/{number}/quarantined")
def quarantined_of_batch(found: RunInPath, number: int) -> HTMLResponse:
    """Show the quarantined lines of a batch."""
    return _quarantined(found, number, None)


def _quarantined(found: tuple[Run, Work], number: int, event: str | None) -> HTMLResponse:
    run, work = found
    if not 0 <= number < len(work.batches):
        raise NotThere(f"the run has no batch {number}, or is planning anew")
    batch = work.batches[number]
    lines = quarantined(_site(work).store, batch, event)
    return _page("quarantined.html", run=run, batch=batch, event=event, found=lines)


def _load(work: Work, index: int) -> Load:
    for load in work.loads:
        if load.index == index:
            return load
    raise NotThere(
        f"the run has nothing to load in load.copy {index}: it is not collected yet, or planned anew"
    )


def _site(work: Work) -> Site:
    """Return the site with the settings that the run was planned with."""
    settings = work.planned["settings"] if work.planned else {}
    return Site(Settings.model_validate(settings))
