"""Settings and event files."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from log_router.core.health import Check, ok
from log_router.site import config_folder

if TYPE_CHECKING:
    from log_router.site import Site


def settings(site: "Site") -> Iterator[Check]:
    """Read the settings."""
    yield ok("settings", f"{config_folder() / 'settings.yaml'}, raw bucket {site.settings.raw_bucket}")


def events(site: "Site") -> Iterator[Check]:
    """Read the event files."""
    yield ok("events", f"{len(site.catalog.events)} files in {config_folder() / 'events'}")
