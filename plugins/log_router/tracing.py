"""From a row back to its raw line."""

import sys
from collections.abc import Collection, Iterator

from log_router.core.batches import RawObject
from log_router.core.errors import NeedsAction
from log_router.core.lines import LongLine, read_lines
from log_router.lineage import Lineage
from log_router.raw_objects import named
from log_router.store import Store


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


def raw_object(lineage: Lineage, store: Store, event: str, object_id: str) -> RawObject:
    """Return the raw object of an id that a row of an event carries.

    Raises:
        NeedsAction: it is not known; see raw_objects.named.
    """
    for raw in named(lineage, store, [object_id])[object_id]:
        return raw
    events = [table.event for table in lineage.tables()]
    hint = "" if event in events else f"; there is no event {event}, there are {', '.join(events)}"
    raise NeedsAction(
        f"raw object {object_id} is neither recorded nor in a ledger{hint}; is it the _lr_object of a row?"
    )
