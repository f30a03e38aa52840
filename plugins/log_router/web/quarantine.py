"""The quarantined lines of a batch, as far as a page shows them, from what its splits and loads have kept."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from log_router.isolating import isolated_key

if TYPE_CHECKING:
    from log_router.store import Store
    from log_router.web.work import BatchWork

SHOWN = 200
# Lines of other events stand between those of one: so many are read at most.
_READ = 50_000


@dataclass(frozen=True)
class Quarantined:
    """Some lines, as rows of the table of quarantined lines; `rest` says what is not shown."""

    lines: Sequence[dict[str, Any]]
    rest: str


def quarantined(store: "Store", batch: "BatchWork", event: str | None) -> Quarantined:
    """Return quarantined lines of a batch: of one event, or of all.

    Raises:
        Refused, WillPass: see Store.
    """
    lines: list[dict[str, Any]] = []
    reading = _rows(store, batch)
    for number, row in enumerate(reading):
        if number == _READ:
            return Quarantined(
                lines, f"Only the batch's first {_READ:,} quarantined lines were looked through."
            )
        if event is None or row.get("event") == event:
            if len(lines) == SHOWN:
                return Quarantined(lines, f"There are more: the first {SHOWN} are shown.")
            lines.append(row)
    return Quarantined(lines, "")


def _rows(store: "Store", batch: "BatchWork") -> Iterator[dict[str, Any]]:
    """Yield the lines that COPY refused, then those that the splits quarantined."""
    for load in batch.loads:
        if batch.batch_id in load.outcome.get("isolated_by", ()):
            key = isolated_key(store, batch.batch_id, load.event)
            yield from map(orjson.loads, store.get(key).splitlines())
    for key, count in batch.reports:
        if count:
            for part in store.get_report(key).quarantined:
                yield from (orjson.loads(row) for row in store.rows_of(part) if row)
