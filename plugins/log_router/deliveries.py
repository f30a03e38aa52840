"""From messages to raw objects and back: what the notices of a run tell of, and which messages are done in the end."""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from log_router.core.batches import RawObject
from log_router.core.deliveries import Deliveries, Delivery
from log_router.core.errors import ForeignBody, Refused
from log_router.core.notices import Notice, read, sort_out

if TYPE_CHECKING:
    from log_router.core.settings import Settings
    from log_router.planning import Planner
    from log_router.queue import Message, Queue
    from log_router.store import Store

log = logging.getLogger(__name__)

# S3 answers a request in some ten milliseconds; a thousand of them one by one would take as long as the load.
_REQUESTS_AT_ONCE = 16

Found = RawObject | Refused | None


@dataclass(frozen=True)
class Looked:
    """What the messages of a run tell of: each message, and the raw objects to plan, each once, by key."""

    deliveries: Deliveries
    raws: tuple[RawObject, ...]


def look(store: "Store", messages: Sequence["Message"], now: datetime | None) -> Looked:
    """Return the raw objects that messages tell of, as a listing would give them now.

    A notice is a hint to look at a key: size and ETag are S3's of this moment, so that the object is the same one to
    every run. Keys of which all notices are older than `stream_max_age_seconds` by `now` are not among those to plan;
    where it is None, they are too.

    Raises:
        WillPass: S3 can't be reached or throttles.
    """
    others: Counter[str] = Counter()
    bodies = [(message, _noticed(message, store.settings, others)) for message in messages]
    told = [notice for _, notices in bodies if not isinstance(notices, ForeignBody) for notice in notices]
    keys = sorted({notice.key for notice in told})
    with ThreadPoolExecutor(_REQUESTS_AT_ONCE) as threads:
        found = dict(zip(keys, threads.map(lambda key: _found(store, key), keys), strict=True))
    age = store.settings.stream_max_age_seconds
    oldest = None if age is None or now is None else now - timedelta(seconds=age)
    fresh = {notice.key for notice in told if oldest is None or notice.at >= oldest}
    entries = tuple(_delivery(message, notices, found, fresh) for message, notices in bodies)
    raws = tuple(raw for key, raw in found.items() if key in fresh and isinstance(raw, RawObject))
    log.info(
        "%d messages tell of %d keys of ours, %d of them too long ago for the stream; not ours: %s",
        *(len(messages), len(keys), len(keys) - len(fresh), dict(others) or "nothing"),
    )
    return Looked(Deliveries(entries), raws)


def _noticed(
    message: "Message", settings: "Settings", others: Counter[str]
) -> tuple[Notice, ...] | ForeignBody:
    """Return the notices of our raw objects in a message; count the others."""
    try:
        reading = read(message.body)
    except ForeignBody as error:
        return error
    found = sort_out(reading.created, settings.raw_bucket, settings.raw_prefix)
    others.update(reading.ignored)
    others.update(found.others)
    return found.ours


def _found(store: "Store", key: str) -> Found:
    try:
        return store.head_raw(key)
    except Refused as error:
        return error


def _delivery(
    message: "Message",
    notices: tuple[Notice, ...] | ForeignBody,
    found: Mapping[str, Found],
    fresh: Iterable[str],
) -> Delivery:
    if isinstance(notices, ForeignBody):
        return Delivery(message.message_id, message.receipt, problems=(str(notices),))
    keys = dict.fromkeys(notice.key for notice in notices)
    raws = [found[key] for key in keys]
    return Delivery(
        message.message_id,
        message.receipt,
        tuple(raw.object_id for raw in raws if isinstance(raw, RawObject)),
        tuple(str(raw) for raw in raws if isinstance(raw, Refused)),
        late=not keys.keys() <= set(fresh),
    )


def acknowledge(queue: "Queue", planner: "Planner", deliveries: Deliveries) -> list[str]:
    """Acknowledge the messages of which every raw object is settled; return what a person must know of the others.

    Whichever run has settled them: it goes by the record. Those that are left come again when their hold ends, and
    after some times go to the dead-letter queue.

    Raises:
        Refused, WillPass: see Queue and Warehouse.
    """
    settled = planner.settled(deliveries.object_ids)
    done = [entry for entry in deliveries.entries if entry.is_done(settled)]
    left = [entry for entry in deliveries.entries if not entry.is_done(settled)]
    tally = queue.acknowledge([entry.receipt for entry in done])
    log.info(
        "%d of %d messages are done and acknowledged (%d of them come again: their receipt was good no more; %s could "
        "not be now); left in the queue: %d, of these %d with notices too old for the stream",
        *(len(done), len(deliveries.entries), tally.gone, dict(tally.left) or "none"),
        *(len(left), sum(entry.late for entry in left)),
    )
    problems = [problem for entry in left for problem in entry.problems]
    if problems:
        again = "their messages come again, and then go to the dead-letter queue: see `log-router doctor`"
        problems.append(again)
    return problems
