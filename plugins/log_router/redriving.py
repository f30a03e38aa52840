"""Messages of the dead-letter queue moved back to the queue.

By receiving, sending and deleting, not by SQS's own StartMessageMoveTask: that moves all there is, so what no run can
ever acknowledge (foreign bodies, notices of objects that are gone) would only go round once more and turn runs red.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from log_router.core.deliveries import Delivery
from log_router.deliveries import look
from log_router.queue import Message, Queue
from log_router.store import Store

# What is looked at stays with us for that long; a redrive that is killed outright leaves it hidden for the rest of it.
_HOLD_SECONDS = 600
_WAIT_SECONDS = 1
_BATCH = 10


@dataclass
class Redriven:
    """How many messages were moved, and which were left; `doubled` were moved but could not be deleted."""

    moved: int = 0
    doubled: int = 0
    left: list[Delivery] = field(default_factory=list)


@dataclass(frozen=True)
class Redriver:
    """Moves messages from `dead` to `queue`; with `everything` also those that will come back as they are."""

    store: Store
    dead: Queue
    queue: Queue
    everything: bool = False

    def redrive(
        self, most: int | None, *, done: bool, progress: Callable[[str], None] = lambda _: None
    ) -> Redriven:
        """Move up to `most` messages, all if it is None, or only count them where it is not to be `done`.

        Each is sent before it is deleted: broken off between, it is there twice, which the ledger makes harmless.
        Begun anew, it goes on with what is left.

        Raises:
            Refused, WillPass: see Queue and Store; what was moved until then is moved.
        """
        found = Redriven()
        held: dict[str, str] = {}
        if done:
            # Before one is sent that could not be deleted.
            self.dead.see_rights()
        try:
            while most is None or found.moved < most:
                room = _BATCH if most is None else min(_BATCH, most - found.moved)
                came = self.dead.receive(room, _WAIT_SECONDS, _HOLD_SECONDS)
                new = [message for message in came if message.message_id not in held]
                held.update({message.message_id: message.receipt for message in came})
                if not new:
                    # All there is was seen; on long work some come again before the end.
                    break
                moving = self._going(new, found)
                found.moved += len(moving)
                if done:
                    found.doubled += len(moving) - self._move(moving)
                    for message in moving:
                        del held[message.message_id]
                progress(f"{found.moved:,} messages moved, {len(found.left):,} left")
        finally:
            self.dead.hold(list(held.values()), 0)
        return found

    def _going(self, messages: Sequence[Message], found: Redriven) -> Sequence[Message]:
        """Return the messages to move; note those that are left."""
        if self.everything:
            return messages
        entries = look(self.store, messages, None).deliveries.entries
        left = {entry.message_id: entry for entry in entries if entry.problems}
        found.left += left.values()
        return [message for message in messages if message.message_id not in left]

    def _move(self, messages: Sequence[Message]) -> int:
        """Return how many of the messages were deleted when all were sent."""
        sent: list[str] = []
        try:
            for message in messages:
                self.queue.send(message.body)
                sent.append(message.receipt)
        finally:
            # Where one can't be sent, those before it are not left doubled.
            deleted = self.dead.acknowledge(sent).done
        return deleted
