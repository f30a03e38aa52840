"""Folders in place of the two buckets: what the split costs without S3."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Self, cast

from log_router.core.batches import Batch, RawObject
from log_router.core.catalog import load_catalog, load_settings
from log_router.core.decompress import decompress
from log_router.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


@dataclass(frozen=True)
class FolderStore(Store):
    """A Store whose raw objects are files of a folder, and which writes files into another."""

    raw: Path
    staging: Path

    @classmethod
    def at(cls, config: Path, raw: Path, staging: Path) -> Self:
        """Return the store of a configuration's folder, its raw objects and what is written."""
        return cls(cast("Any", None), load_settings(config, {}), raw, staging)

    def read_raw(self, raw: RawObject) -> Iterator[bytes]:
        """Yield the plain bytes of a raw object."""
        with (self.raw / raw.key).open("rb") as stream:
            yield from decompress(stream)

    def put(self, key: str, body: bytes | IO[bytes]) -> None:
        """Write one file."""
        path = self.staging / key
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            if isinstance(body, bytes):
                file.write(body)
            else:
                shutil.copyfileobj(body, file)

    def get(self, key: str) -> bytes:
        """Return what a file holds."""
        return (self.staging / key).read_bytes()


def plan(store: FolderStore, config: Path, names: Iterable[str]) -> str:
    """Write down a batch of one chunk that holds the raw objects; return its key."""
    catalog = load_catalog(config, store.settings)
    chunk = tuple(
        RawObject(store.settings.raw_bucket, name, "0" * 32, (store.raw / name).stat().st_size)
        for name in names
    )
    return store.put_batch(Batch("benchmark", "benchmark", catalog.config_hash, (chunk,)), catalog)
