"""Whether a site can work: each thing that it needs, tried by itself."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from log_router.checks import buckets, configuration, loader, queues, scheduling
from log_router.core.errors import ConfigError, LogRouterError
from log_router.core.health import Check, State, ok, problem, warning

if TYPE_CHECKING:
    from log_router.site import Site

Examination = Callable[["Site"], Iterator[Check]]

# By what a person calls it, where it ends before it has said what it looked at.
_EXAMINATIONS: Sequence[tuple[str, Examination]] = (
    ("events", configuration.events),
    ("Connections", scheduling.connections),
    ("raw bucket", buckets.raw),
    ("staging bucket", buckets.staging),
    ("Redshift", loader.answers),
    ("COPY", loader.copies),
    ("pools", scheduling.pools),
    ("lanes", scheduling.hook),
    ("DAGs", scheduling.dags),
    ("Airflow's processes", scheduling.processes),
)
_STREAM: Sequence[tuple[str, Examination]] = (
    ("queue", queues.queue),
    ("dead-letter queue", queues.dead_letters),
)


def examine(site: "Site", progress: Callable[[str], None]) -> Iterator[Check]:
    """Yield what is found of each thing; one that is broken never hides the others."""
    found = list(_of("settings", configuration.settings, site))
    yield from found
    if found[-1].state is State.PROBLEM:
        yield warning("all else", "not looked at: the settings say where it is")
        return
    queue_url = site.settings.queue_url
    for subject, examination in (*_EXAMINATIONS, *(_STREAM if queue_url else ())):
        progress(f"looking at: {subject}")
        yield from _of(subject, examination, site)
    if not queue_url:
        yield ok("stream", "not used: queue_url is not set")


def _of(subject: str, examination: Examination, site: "Site") -> Iterator[Check]:
    """Yield what an examination finds, and at last what it broke off with."""
    try:
        yield from examination(site)
    except ConfigError as error:
        yield from (problem(subject, each) for each in error.problems)
    except LogRouterError as error:
        yield problem(subject, str(error))
    except Exception as error:  # noqa: BLE001 - whatever a client raises is one more finding
        yield problem(subject, f"could not be looked at: {type(error).__name__}: {error}")
