"""Which raw objects a reload is asked to take, and of which events it replaces the rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from log_router.core.catalog import Catalog
from log_router.core.errors import WindowError
from log_router.core.windows import HOUR, Hour, past_hours, whole_hour


@dataclass(frozen=True)
class Selection:
    """The raw objects of some hours, and those that are named by id or s3:// URL.

    With an event in `quarantined`, of the hours (of all time where there are none) only those that hold quarantined
    lines of it. Rows of `events` are replaced, of all events where none is named.
    """

    hours: tuple[Hour, ...]
    objects: tuple[str, ...]
    quarantined: str
    events: tuple[str, ...]


def selection_of(params: Mapping[str, Any], catalog: Catalog, now: datetime) -> Selection:
    """Return what the parameters `from`, `to`, `objects`, `quarantined` and `events` of a run select.

    Raises:
        WindowError: they select nothing, no range of whole hours that have begun, or an event that has no file.
    """
    selection = Selection(
        hours=_hours(params.get("from"), params.get("to"), now),
        objects=tuple(params.get("objects") or ()),
        quarantined=params.get("quarantined") or "",
        events=tuple(params.get("events") or ()),
    )
    if not (selection.hours or selection.objects or selection.quarantined):
        raise WindowError(
            "no raw object is selected: give `from` and `to`, such as 2026-01-31T13:00:00Z and 2026-01-31T14:00:00Z, "
            "or `objects`, or `quarantined`"
        )
    catalog.check_events("quarantined", filter(None, [selection.quarantined]))
    catalog.check_events("events", selection.events)
    return selection


def _hours(first: str | None, end: str | None, now: datetime) -> tuple[Hour, ...]:
    if not first and not end:
        return ()
    if not first or not end:
        raise WindowError("`from` and `to` go together: give both, or none")
    # The hour that is not over is taken as well: the stream may have loaded some of it.
    return past_hours(whole_hour("from", first), whole_hour("to", end), now + HOUR)
