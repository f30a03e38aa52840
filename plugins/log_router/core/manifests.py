"""Which parts hold an event's rows, and which raw objects the rows came from."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Self

import orjson

from log_router.core.errors import SPLIT_AGAIN, ConservationError
from log_router.core.reports import ObjectReport

if TYPE_CHECKING:
    from log_router.core.batches import Batch
    from log_router.core.catalog import Catalog


@dataclass(frozen=True)
class Part:
    """One compressed file of one event's rows: its size in stored bytes is checked by COPY."""

    event: str
    url: str
    rows: int
    size: int


@dataclass(frozen=True)
class KeptFile:
    """One compressed file of quarantined or unrouted lines, as `kind` says."""

    kind: str
    url: str
    lines: int


@dataclass(frozen=True)
class BrokenRaw:
    """A raw object that could not be read whole: nothing of it is loaded."""

    object_id: str
    url: str
    reason: str
    detail: str


@dataclass(frozen=True)
class ChunkReport:
    """What one split task made of its chunk; `quarantined` are parts of the table of quarantined lines."""

    objects: tuple[ObjectReport, ...]
    parts: tuple[Part, ...]
    broken: tuple[BrokenRaw, ...]
    kept: tuple[KeptFile, ...] = ()
    quarantined: tuple[Part, ...] = ()

    def to_json(self) -> bytes:
        """Return the report as JSON."""
        return orjson.dumps(
            {
                "objects": [report.to_dict() for report in self.objects],
                "parts": [asdict(part) for part in self.parts],
                "broken": [asdict(broken) for broken in self.broken],
                "kept": [asdict(kept) for kept in self.kept],
                "quarantined": [asdict(part) for part in self.quarantined],
            }
        )

    @classmethod
    def from_json(cls, document: bytes) -> Self:
        """Return the report that `to_json` wrote."""
        given = orjson.loads(document)
        return cls(
            objects=tuple(ObjectReport.from_dict(report) for report in given["objects"]),
            parts=tuple(Part(**part) for part in given["parts"]),
            broken=tuple(BrokenRaw(**broken) for broken in given["broken"]),
            kept=tuple(KeptFile(**kept) for kept in given["kept"]),
            quarantined=tuple(Part(**part) for part in given["quarantined"]),
        )


@dataclass(frozen=True)
class Manifest:
    """Exactly the parts of one event of one batch, and its rows by raw object.

    Rows of raw objects that are not named are not loaded.
    In a `reload` each raw object of the batch is named, with 0 where it holds no rows of the event now. So it is in a
    `complete` one, and the ledger keeps the 0: nobody has to look for the event in the object again. Where COPY has
    refused lines, `isolation` names the parts without them and `refused` counts them by raw object.
    `spared` is for the table of quarantined lines: lines of these events stay in a reload.
    `widest` has the bytes of the longest value of each column that must grow to hold it.
    """

    event: str
    batch_id: str
    config_hash: str
    parts: tuple[Part, ...]
    rows_by_object: dict[str, int]
    reload: bool = False
    isolation: str = ""
    refused: dict[str, int] = field(default_factory=dict)
    spared: tuple[str, ...] = ()
    complete: bool = False
    widest: dict[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many rows a COPY of the manifest must count."""
        return sum(part.rows for part in self.parts)

    def split_of(self, object_id: str) -> int:
        """Return how many rows the split made of a raw object, those included that COPY refused."""
        return self.rows_by_object[object_id] + self.refused.get(object_id, 0)

    def to_json(self) -> bytes:
        """Return the manifest as COPY reads it; keys other than `entries` are ours and ignored by COPY."""
        return orjson.dumps(
            {
                "entries": [
                    {"url": part.url, "mandatory": True, "meta": {"content_length": part.size}}
                    for part in self.parts
                ],
            }
        )

    def to_load(self) -> bytes:
        """Return everything a load needs to know, as JSON."""
        return orjson.dumps(self)

    @classmethod
    def from_load(cls, document: bytes) -> Self:
        """Return the manifest that `to_load` wrote."""
        given: dict[str, Any] = orjson.loads(document)
        parts = tuple(Part(**part) for part in given.pop("parts"))
        return cls(parts=parts, spared=tuple(given.pop("spared")), **given)


def manifests(batch: "Batch", catalog: "Catalog", reports: Iterable[ChunkReport]) -> tuple[Manifest, ...]:
    """Return one manifest for each event that has rows, by event name.

    A reload gets one for each of its other events too: what is loaded of events that the raw objects hold no
    longer must go. So does a batch of some events for each of these: that there is nothing is to be known.

    Raises:
        ConservationError: the parts of an event hold other rows than the reports counted.
    """
    reports = list(reports)
    parts = _parts_by_event(batch, reports)
    rows: dict[str, dict[str, int]] = {}
    empty: dict[str, int] = {}
    for raw in (raw for report in reports for raw in report.objects):
        empty[raw.object_id] = 0
        for event, count in raw.rows.items():
            counted = rows.setdefault(event, {})
            counted[raw.object_id] = counted.get(raw.object_id, 0) + count
    named = batch.named(catalog)
    made = []
    for event in sorted(parts.keys() | rows.keys() | named):
        counts = {**(empty if event in named else {}), **rows.get(event, {})}
        manifest = Manifest(
            *(event, batch.batch_id, batch.config_hash, tuple(parts.get(event, ())), counts),
            reload=batch.reload and event in named,
            complete=bool(batch.events),
            widest=_widest(event, reports),
        )
        split = sum(manifest.rows_by_object.values())
        if split != manifest.rows:
            raise ConservationError(
                f"event {event} of batch {batch.batch_id}: its parts hold {manifest.rows} rows but the raw objects "
                f"gave {split}; nothing is loaded. To mend it: {SPLIT_AGAIN}"
            )
        made.append(manifest)
    return tuple(made)


def _widest(event: str, reports: Iterable[ChunkReport]) -> dict[str, int]:
    widest: dict[str, int] = {}
    for raw in (raw for report in reports for raw in report.objects):
        for (owner, column), size in raw.widest.items():
            if owner == event:
                widest[column] = max(size, widest.get(column, 0))
    return widest


def _parts_by_event(batch: "Batch", reports: Iterable[ChunkReport]) -> dict[str, list[Part]]:
    parts: dict[str, list[Part]] = {}
    seen: set[str] = set()
    for part in (part for report in reports for part in report.parts):
        if part.url in seen:
            raise ConservationError(
                f"part {part.url} of batch {batch.batch_id} is reported twice and would be loaded twice; nothing "
                "is loaded. This is a defect of Log Router: please report it"
            )
        seen.add(part.url)
        parts.setdefault(part.event, []).append(part)
    return parts
