"""Messages of the queue on their way through a run: what each tells of, and whether it may be acknowledged."""

from dataclasses import dataclass
from typing import Self

import orjson


@dataclass(frozen=True)
class Delivery:
    """One message: the raw objects it tells of, and what forbids to acknowledge it, whatever is loaded.

    A message that tells of nothing of ours has neither. `late` says that a notice in it is too old for the stream.
    """

    message_id: str
    receipt: str
    object_ids: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    late: bool = False

    def is_done(self, settled: set[str]) -> bool:
        """Tell whether it may be acknowledged: each of its raw objects is settled."""
        return not self.problems and settled.issuperset(self.object_ids)


@dataclass(frozen=True)
class Deliveries:
    """The messages of a run, each once."""

    entries: tuple[Delivery, ...]

    @property
    def receipts(self) -> list[str]:
        """What the queue knows these messages by."""
        return [entry.receipt for entry in self.entries]

    @property
    def object_ids(self) -> list[str]:
        """The raw objects that they tell of, each once."""
        return sorted({object_id for entry in self.entries for object_id in entry.object_ids})

    def to_json(self) -> bytes:
        """Return them as JSON."""
        return orjson.dumps(self.entries)

    @classmethod
    def from_json(cls, document: bytes) -> Self:
        """Return what `to_json` wrote."""
        given = orjson.loads(document)
        return cls(
            tuple(
                Delivery(object_ids=tuple(one.pop("object_ids")), problems=tuple(one.pop("problems")), **one)
                for one in given
            )
        )
