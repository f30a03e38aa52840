"""How fresh rows are: the time from the S3 write of their raw object until the warehouse had loaded them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from log_router.core.batches import RawObject
from log_router.core.records import Fate


@dataclass(frozen=True)
class Freshness:
    """Rows of one event that a batch loaded: how long the freshest and the stalest took, and the newest S3 write.

    S3 tells the time of a write to the second, and by its own clock.
    """

    event: str
    objects: int
    rows: int
    shortest: timedelta
    longest: timedelta
    written_until: datetime

    def __str__(self) -> str:
        """Return it as the log says it."""
        shortest, longest = self.shortest.total_seconds(), self.longest.total_seconds()
        return f"{self.event} {shortest:.0f} to {longest:.0f}"


def freshness(loaded: Iterable[tuple[RawObject, Fate]]) -> list[Freshness]:
    """Return the freshness of what was loaded of raw objects, by event; what has no times is left out."""
    found: dict[str, list[tuple[RawObject, Fate]]] = {}
    for raw, fate in loaded:
        if fate.event is not None and fate.loaded_at is not None and raw.written_at is not None:
            found.setdefault(fate.event, []).append((raw, fate))
    return [_of_event(event, pairs) for event, pairs in sorted(found.items())]


def _of_event(event: str, pairs: list[tuple[RawObject, Fate]]) -> Freshness:
    written = [raw.written_at for raw, _ in pairs if raw.written_at]
    loaded = [fate.loaded_at for _, fate in pairs if fate.loaded_at]
    took = [after - before for before, after in zip(written, loaded, strict=True)]
    rows = sum(fate.rows for _, fate in pairs)
    return Freshness(event, len(pairs), rows, min(took), max(took), max(written))
