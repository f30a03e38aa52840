"""The messages of a stream run stay invisible to other receivers for as long as one of its tasks works."""

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from log_router.core.deliveries import Deliveries

if TYPE_CHECKING:
    from log_router.site import Site

log = logging.getLogger(__name__)


@contextmanager
def kept(site: "Site", plan: Mapping[str, str]) -> Iterator[None]:
    """Hold a run's messages anew each third of their hold while the block works; nothing where it has no messages.

    `plan` is what the plan task has noted. Messages that could not be held come again while they are worked on: so
    another run does the same work, which the ledger makes harmless. That is why the block never fails for it.
    """
    if "deliveries" not in plan:
        yield
        return
    ended = threading.Event()
    keeper = threading.Thread(target=_keep, args=(site, plan, ended), name="keeper", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        # Not waited for: one hold too many does no harm.
        ended.set()


def _keep(site: "Site", plan: Mapping[str, str], ended: threading.Event) -> None:
    hold_seconds = site.settings.stream_hold_seconds
    third = hold_seconds / 3
    passed = (datetime.now(UTC) - datetime.fromisoformat(plan["held_at"])).total_seconds()
    # Clocks may be set back.
    wait = min(third, max(0.0, third - passed))
    while not ended.wait(wait):
        wait = third
        try:
            receipts = Deliveries.from_json(site.store.get(plan["deliveries"])).receipts
            tally = site.queue.hold(receipts, hold_seconds)
        except Exception as error:  # noqa: BLE001 - a keeper that ends on what Airflow raises would never hold again
            log.warning("messages are not held, and may come again while they are worked on: %s", error)
        else:
            log.info("messages held for %d s more: %s", hold_seconds, tally)
