"""A batch: which raw objects are split together, planned once and then only read."""

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Self

import orjson

if TYPE_CHECKING:
    from log_router.core.catalog import Catalog
    from log_router.core.events import Event


# What planned a batch: a run of notices, of an hour, or of Airflow's backfill.
LaneName = Literal["stream", "hourly", "backfill"]


@dataclass(frozen=True)
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

    @property
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

    def reloaded(self, catalog: "Catalog") -> frozenset[str]:
        """Return the names of the events of which this batch replaces what is loaded of its raw objects."""
        if not self.reload:
            return frozenset()
        return frozenset(event.name for event in catalog.events) - {
            event.name for event in self.filtered(catalog)
        }

    def to_json(self) -> bytes:
        """Return the batch as JSON."""
        return orjson.dumps(asdict(self))

    @classmethod
    def from_json(cls, document: bytes) -> Self:
        """Return the batch that `to_json` wrote, also before it knew of `written_at` and `lane`."""
        given = orjson.loads(document)
        chunks = tuple(tuple(_raw_object(raw) for raw in chunk) for chunk in given.pop("chunks"))
        return cls(chunks=chunks, events=tuple(given.pop("events")), **given)


def _raw_object(given: dict[str, Any]) -> RawObject:
    written = given.pop("written_at", None)
    return RawObject(**given, written_at=datetime.fromisoformat(written) if written else None)


# Opening an object costs about as much time as reading this many bytes of it.
_OPENING_BYTES = 256 * 1024


def pack(
    objects: Iterable[RawObject], chunk_bytes: int, max_chunks: int
) -> tuple[tuple[RawObject, ...], ...]:
    """Return the objects in their order, cut into at most `max_chunks` chunks of about `chunk_bytes`.

    More bytes than fit `max_chunks` chunks of that size make all chunks larger, never more.
    """
    pending = tuple(objects)
    total = sum(raw.size + _OPENING_BYTES for raw in pending)
    limit = max(chunk_bytes, -(-total // max_chunks))
    chunks: list[list[RawObject]] = []
    filled = 0
    for raw in pending:
        # A chunk is closed once it is full: each but the last holds `limit` or more, so `max_chunks` suffice.
        if not chunks or filled >= limit:
            chunks.append([])
            filled = 0
        chunks[-1].append(raw)
        filled += raw.size + _OPENING_BYTES
    return tuple(tuple(chunk) for chunk in chunks)
