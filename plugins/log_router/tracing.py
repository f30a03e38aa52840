"""From a row back to its raw line."""

import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from log_router.core import quarantine
from log_router.core.batches import RawObject
from log_router.core.catalog import Catalog
from log_router.core.errors import NeedsAction
from log_router.core.lines import LongLine, read_lines
from log_router.core.settings import Settings
from log_router.core.sql import Statements
from log_router.lineage import Lineage
from log_router.store import Store
from log_router.warehouse import Warehouse


def raw_lines(
    store: Store, raw: RawObject, numbers: Collection[int], max_bytes: int = sys.maxsize
) -> Iterator[tuple[int, bytes | LongLine]]:
    """Yield lines of a raw object with their numbers, which count from 1, whole, without their line ends.

    Of lines over `max_bytes`, which bound the memory, see read_lines.

    Raises:
        NeedsAction: the object has no such line.
        BrokenObject, WillPass: see Store.read_raw.
    """
    wanted = set(numbers)
    for number, line in enumerate(read_lines(store.read_raw(raw), max_bytes), start=1):
        if number in wanted:
            wanted.remove(number)
            yield number, line
        if not wanted:
            return
    missing = ", ".join(str(number) for number in sorted(wanted))
    raise NeedsAction(f"{raw.url} has no line {missing}; lines count from 1")


def raw_line(store: Store, raw: RawObject, number: int) -> bytes:
    """Return one line of a raw object, whole; see raw_lines."""
    ((_, line),) = raw_lines(store, raw, [number])
    return line.head if isinstance(line, LongLine) else line


@dataclass(frozen=True)
class Tracer:
    """Finds raw objects by the id that rows carry."""

    store: Store
    warehouse: Warehouse
    statements: Statements
    settings: Settings
    catalog: Catalog

    def raw_object(self, event: str, object_id: str) -> RawObject:
        """Return the raw object of an id: as it is recorded, else as the batch names it that loaded it.

        Raises:
            NeedsAction: neither knows it.
        """
        with self.warehouse.session() as session:
            lineage = Lineage(session, self.statements, self.settings, self.catalog)
            for settled in lineage.objects("object_id", [object_id]):
                return settled.raw
            tables = [table for table in lineage.tables() if table.event == event]
            entries = [
                entry for table in tables for entry in lineage.entries(table, "object_id", [object_id])
            ]
        for entry in entries:
            batch, _ = self.store.get_batch(self.store.staging_key("batches", f"{entry.batch_id}.json"))
            for raw in batch.objects:
                if raw.object_id == object_id:
                    return raw
        events = [one.name for one in self.catalog.events] + [quarantine.TABLE.name]
        hint = "" if tables else f"; there is no event {event}, there are {', '.join(events)}"
        raise NeedsAction(
            f"raw object {object_id} is neither recorded nor in the ledger of {event}{hint}; "
            "is it the _lr_object of a row?"
        )
