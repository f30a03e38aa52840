"""How a stream run gets its messages: it sees whether it could load at all, then takes them and writes them down."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

import orjson

from log_router.planning import Planner
from log_router.queue import Message

if TYPE_CHECKING:
    from log_router.site import Site
    from log_router.store import Store

log = logging.getLogger(__name__)

# How long messages are kept for the plan of their run, which holds them on: should their sensor be killed before it
# has handed them over, so late they come again.
_HANDOVER_SECONDS = 60


@dataclass(frozen=True)
class Received:
    """The messages of a run, and when they were taken."""

    taken_at: datetime
    messages: tuple[Message, ...]

    @property
    def label(self) -> str:
        """What the run's batch is named after: the stream, and when."""
        return f"stream-{self.taken_at:%Y%m%dT%H%M%S}"

    def to_json(self) -> bytes:
        """Return them as JSON."""
        return orjson.dumps(self)

    @classmethod
    def from_json(cls, document: bytes) -> Self:
        """Return what `to_json` wrote."""
        given = orjson.loads(document)
        messages = tuple(
            Message(**{**one, "sent_at": datetime.fromisoformat(one["sent_at"])}) for one in given["messages"]
        )
        return cls(datetime.fromisoformat(given["taken_at"]), messages)


def see_queue(site: "Site") -> None:
    """Return when the queue answers; what of its set-up will cause trouble is logged.

    Raises:
        ConfigError: the settings name no queue.
        Refused, WillPass: see Queue.
    """
    for problem in site.queue.facts().problems(site.settings.stream_hold_seconds):
        log.warning("queue %s: %s", site.queue.url, problem)


def see_the_rest(site: "Site") -> None:
    """Return when everything else that a run needs answers.

    To be called before messages are taken: one that is taken in vain comes a step nearer to the dead-letter queue.

    Raises:
        ConfigError: events or settings are wrong.
        Refused, WillPass: see Store and Warehouse.
    """
    site.store.first_raw()
    site.store.see_staging()
    Planner(site.store, site.warehouse, site.statements, site.settings, site.catalog).prepare()


def receive(site: "Site", woken: Sequence[Message]) -> Received:
    """Return the messages that woke the run, as far as they are still ours, and those that come with them."""
    settings, queue = site.settings, site.queue
    taken_at = datetime.now(UTC)
    # However short `stream_hold_seconds` is: a message that comes again while others are gathered uses up its receives.
    hold_seconds = settings.stream_max_seconds + _HANDOVER_SECONDS
    found = {}
    for message in woken:
        if queue.hold([message.receipt], hold_seconds).done:
            found[message.message_id] = message
        else:
            log.info("message %s, which woke this run, was held too long and comes again", message.message_id)
    most = settings.stream_max_messages - len(found)
    for message in queue.drain(most, settings.stream_max_seconds, hold_seconds):
        found[message.message_id] = message
    return Received(taken_at, tuple(found.values()))


def write_down(store: "Store", received: Received) -> str:
    """Write the messages to the staging bucket; return the key."""
    document = received.to_json()
    digest = hashlib.blake2b(document, digest_size=8).hexdigest()
    key = store.staging_key("notices", f"{received.label}-{digest}.json")
    store.put(key, document)
    return key
