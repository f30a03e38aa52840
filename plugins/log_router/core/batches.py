"""A batch: which raw objects are split together, planned once and then only read."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

import orjson

if TYPE_CHECKING:
    from log_router.core.catalog import Catalog
    from log_router.core.events import Event


# What planned a batch: a run of notices, of an hour, or of Airflow's backfill.
LaneName = Literal["stream", "hourly", "backfill"]


@dataclass(frozen=True, slots=True)
class RawObject:
    """One S3 object of JSON lines. Its ETag belongs to its identity: other content is another object.

    `written_at` is when S3 says that it was written, to the second; None where that is not known any more.
    """

    bucket: str
    key: str
    etag: str
    size: int
    # Not of the identity: who does not know when it was written means the same object.
    written_at: datetime | None = field(default=None, compare=False)

    @property
    def object_id(self) -> str:
        """32 hex digits that stand for the object in every row that came from it."""
        identity = orjson.dumps([self.bucket, self.key, self.etag, self.size])
        return hashlib.blake2b(identity, digest_size=16).hexdigest()

    @property
    def url(self) -> str:
        """The object as s3:// URL."""
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True)
class Batch:
    """Raw objects packed into chunks, and the hash of the catalog that splits them.

    `run` names the run that planned it, so that two runs over the same objects never write the same keys. In a
    `reload`, what is loaded of the objects is replaced. Where `events` are named, only these are loaded. `lane` says
    what kind of run it was.
    """

    run: str
    label: str
    config_hash: str
    chunks: tuple[tuple[RawObject, ...], ...]
    reload: bool = False
    events: tuple[str, ...] = ()
    lane: LaneName = "hourly"

    @cached_property
    def batch_id(self) -> str:
        """Text that sorts by the batch's label and names no other batch."""
        object_ids = [raw.object_id for raw in self.objects]
        identity = orjson.dumps([self.run, self.config_hash, object_ids, self.events])
        return f"{self.label}-{hashlib.blake2b(identity, digest_size=8).hexdigest()}"

    @property
    def objects(self) -> tuple[RawObject, ...]:
        """All raw objects, in the order of their chunks."""
        return tuple(raw for chunk in self.chunks for raw in chunk)

    def filtered(self, catalog: "Catalog") -> tuple["Event", ...]:
        """Return the events of the catalog that this batch leaves alone."""
        return tuple(event for event in catalog.events if self.events and event.name not in self.events)

    def named(self, catalog: "Catalog") -> frozenset[str]:
        """Return the names of the events that this batch loads of every raw object, whether it has rows of them or not.

        A reload replaces what is loaded of them, and a batch of some events notes where none of them is.
        """
        if not (self.reload or self.events):
            return frozenset()
        return frozenset(event.name for event in catalog.events) - {
            event.name for event in self.filtered(catalog)
        }

    def to_json(self) -> bytes:
        """Return the batch as JSON."""
        return orjson.dumps(asdict(self))

    @classmethod
    def from_json(cls, document: bytes) -> Self:
        """Return the batch that `to_json` wrote."""
        given = orjson.loads(document)
        chunks = tuple(tuple(_raw_object(raw) for raw in chunk) for chunk in given.pop("chunks"))
        return cls(chunks=chunks, events=tuple(given.pop("events")), **given)


def _raw_object(given: dict[str, Any]) -> RawObject:
    written = given.pop("written_at", None)
    return RawObject(**given, written_at=datetime.fromisoformat(written) if written else None)


# Opening an object costs about as much time as reading this many bytes of it.
_OPENING_BYTES = 256 * 1024
_Piece = TypeVar("_Piece")


def effort(objects: int, size_bytes: int) -> int:
    """Return how many bytes of one raw object it takes as long to read as so many objects of so many bytes."""
    return size_bytes + objects * _OPENING_BYTES


def _cost(raw: RawObject) -> int:
    return effort(1, raw.size)


def pack(
    objects: Iterable[RawObject], chunk_bytes: int, max_chunks: int
) -> tuple[tuple[RawObject, ...], ...]:
    """Return the objects in their order, cut into at most `max_chunks` chunks of about `chunk_bytes`.

    More bytes than fit `max_chunks` chunks of that size make all chunks larger, never more.
    """
    return tuple(_grouped(tuple(objects), _cost, chunk_bytes, max_chunks))


def cut(batch: Batch, batch_bytes: int, most: int) -> tuple[Batch, ...]:
    """Return a batch as at most `most` of about `batch_bytes`: its chunks in their order, each in one of them.

    Each is loaded by COPYs of its own, and its document, which every task of it reads, stays small. Where there are
    several, their labels are numbered from 1. A batch without raw objects stays as it is.
    """

    def cost(chunk: tuple[RawObject, ...]) -> int:
        return sum(map(_cost, chunk))

    groups = list(_grouped(batch.chunks, cost, batch_bytes, most))
    if len(groups) <= 1:
        return (batch,)
    return tuple(
        replace(batch, label=f"{batch.label}.{number}", chunks=chunks)
        for number, chunks in enumerate(groups, start=1)
    )


def _grouped(
    pieces: tuple[_Piece, ...], cost: Callable[[_Piece], int], limit: int, most: int
) -> Iterator[tuple[_Piece, ...]]:
    """Yield the pieces in their order, in at most `most` groups that cost `limit` or a little more."""
    limit = max(limit, -(-sum(map(cost, pieces)) // most))
    group: list[_Piece] = []
    filled = 0
    for piece in pieces:
        group.append(piece)
        filled += cost(piece)
        # A group is closed once it is full: each but the last holds `limit` or more, so `most` suffice.
        if filled >= limit:
            yield tuple(group)
            group, filled = [], 0
    if group:
        yield tuple(group)
