"""What the warehouse records: what became of a raw object's lines, by event or unrouted type, and of a batch."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Self

from log_router.core.catalog import Catalog
from log_router.core.events import Event
from log_router.core.reports import ObjectReport


class Fate(NamedTuple):
    """Lines of one raw object: of an event, without an event (`event_type` is None too), or of an unrouted type.

    Of rows, `loaded_at` is when the warehouse loaded them and `lane` the kind of run that recorded it.
    """

    event: str | None
    event_type: str | None
    rows: int
    quarantined: int
    unrouted: int
    loaded_at: datetime | None = None
    lane: str | None = None

    @property
    def lines(self) -> int:
        """How many lines these are."""
        return self.rows + self.quarantined + self.unrouted


@dataclass(frozen=True)
class Work:
    """What the tasks of a batch did since it was planned.

    Split tasks have read `size_bytes` of raw objects; `loads` are the load tasks that had rows to load. The seconds of
    tasks are added up: of two at one time both count.
    """

    planned_at: datetime
    size_bytes: int = 0
    split_tasks: int = 0
    split_seconds: float = 0.0
    loads: int = 0
    load_seconds: float = 0.0

    @classmethod
    def of(
        cls, planned_at: datetime, split: Sequence[Mapping[str, Any]], loads: Iterable[Mapping[str, Any]]
    ) -> Self:
        """Return the work of a batch by what its split and load tasks have returned."""
        # One without a COPY takes no time to speak of: no measure of those with one.
        loaded = [one["seconds"] for one in loads if one["rows"] or one["dropped"]]
        return cls(
            planned_at,
            size_bytes=sum(counts["bytes"] for counts in split),
            split_tasks=len(split),
            split_seconds=round(sum(counts["seconds"] for counts in split), 3),
            loads=len(loaded),
            load_seconds=round(sum(loaded), 3),
        )


def fates_of(report: ObjectReport, catalog: Catalog) -> list[Fate]:
    """Return the fates that a report counts."""
    types = {event.name: event.event_types[0] for event in catalog.events}
    quarantined: Counter[str] = Counter()
    for (event, _), lines in report.quarantined.items():
        quarantined[event] += lines
    events = sorted(report.rows.keys() | quarantined.keys())
    return [
        *(
            Fate(event or None, types.get(event), report.rows[event], quarantined[event], 0)
            for event in events
        ),
        *(Fate(None, event_type, 0, 0, lines) for event_type, lines in sorted(report.unrouted.items())),
    ]


def dated(fates: Iterable[Fate], lane: str, loaded_at: Callable[[str | None], datetime | None]) -> list[Fate]:
    """Return fates of which those with rows say when these were loaded, and by which kind of run."""
    return [
        fate._replace(loaded_at=loaded_at(fate.event), lane=lane) if fate.rows else fate for fate in fates
    ]


def joined(
    report: ObjectReport, now: Iterable[Fate], before: Iterable[Fate], filtered: Sequence[Event]
) -> list[Fate] | None:
    """Return the fates of a raw object of which only some events were split anew.

    Those of the `filtered` events stay as they were before; None where they are not the lines that the report has
    filtered, as when the event key or an event's type has changed meanwhile.
    """
    types = {event.name: event.event_types for event in filtered}
    claims = {claim for event in filtered for claim in event.claims}
    kept = [
        fate for fate in before if fate.event in types or (fate.event is None and fate.event_type in claims)
    ]
    fits = all(fate.event is None or fate.event_type in types[fate.event] for fate in kept)
    if not fits or sum(fate.lines for fate in kept) != report.filtered:
        return None
    return [*kept, *now]
