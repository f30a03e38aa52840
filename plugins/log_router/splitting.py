"""One chunk of a batch: its raw objects read, split and written as parts, with a report."""

import logging
from collections.abc import Iterable
from dataclasses import replace

from log_router.core.batches import Batch, RawObject
from log_router.core.catalog import Catalog
from log_router.core.errors import BrokenObject
from log_router.core.lines import line_blocks
from log_router.core.manifests import BrokenRaw, ChunkReport
from log_router.core.split import Splitter
from log_router.parts import PartSink
from log_router.store import Store

log = logging.getLogger(__name__)


def split_chunk(store: Store, batch: Batch, catalog: Catalog, chunk: int, secret: bytes = b"") -> ChunkReport:
    """Write the parts of one chunk and return its report.

    Nothing of a raw object that can't be read whole is in the parts: once one breaks, all others are checked
    to their end and the chunk is split again without the broken ones, over the same keys.
    `secret` is the key of masks that hash.

    Raises:
        WillPass: S3 can't be reached or throttles; nothing of this chunk counts until a retry succeeds.
    """
    good = batch.chunks[chunk]
    splitter = Splitter(catalog, batch.batch_id, batch.events, secret)
    broken: list[BrokenRaw] = []
    while True:
        attempt = _attempt(store, batch, splitter, chunk, good)
        if isinstance(attempt, ChunkReport):
            return replace(attempt, broken=tuple(broken))
        broken.append(attempt)
        broken.extend(_broken(store, (raw for raw in good if raw.object_id != attempt.object_id)))
        gone = {one.object_id for one in broken}
        good = tuple(raw for raw in good if raw.object_id not in gone)


def _attempt(
    store: Store, batch: Batch, splitter: Splitter, chunk: int, objects: Iterable[RawObject]
) -> ChunkReport | BrokenRaw:
    reports = []
    with PartSink(store, batch.batch_id, f"{chunk:05d}") as sink:
        for raw in objects:
            lines = line_blocks(store.read_raw(raw), store.settings.max_line_bytes)
            try:
                reports.append(splitter.split(raw.object_id, lines, sink))
            except BrokenObject as error:
                return _noted(raw, error)
        return sink.finish(reports)


def _broken(store: Store, objects: Iterable[RawObject]) -> Iterable[BrokenRaw]:
    for raw in objects:
        try:
            for _ in store.read_raw(raw):
                pass
        except BrokenObject as error:
            yield _noted(raw, error)


def _noted(raw: RawObject, error: BrokenObject) -> BrokenRaw:
    log.warning("raw object left out: %s", error)
    return BrokenRaw(raw.object_id, raw.url, error.reason, str(error))
