"""The compressed files that a split writes: parts by event, quarantined and unrouted lines."""

import sys
import tempfile
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import orjson
from isal import igzip

from log_router.core import quarantine
from log_router.core.manifests import ChunkReport, KeptFile, Part
from log_router.core.reports import ObjectReport, QuarantinedLine, UnroutedLine
from log_router.store import Store

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SUFFIX = {"gzip": "gz", "zstd": "zst"}
# Each open part costs a compressor, a buffer and a file descriptor; beyond this many the largest is finished.
MAX_OPEN = 200
_BUFFER_BYTES = 128 * 1024
_QUARANTINED_ROWS = ("quarantine", "rows")


class PartSink(AbstractContextManager["PartSink"]):
    """Takes the lines of one chunk and writes them as compressed files of bounded size.

    Files are compressed on local disk and stored in one request each, so an error or a kill leaves nothing
    half written in S3. Keys follow from batch, stream, the chunk's name and number: a retry overwrites.
    """

    def __init__(self, store: Store, batch_id: str, chunk: str) -> None:
        self._store = store
        self._batch_id = batch_id
        self._chunk = chunk
        self._open: dict[tuple[str, str], _File] = {}
        self._numbers: dict[tuple[str, str], int] = {}
        self._folder = tempfile.TemporaryDirectory(prefix="log-router-")
        self._parts: list[Part] = []
        self._kept: list[KeptFile] = []

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            for file in self._open.values():
                file.discard()
        finally:
            self._folder.cleanup()

    def rows(self, event: str, rows: bytes, count: int) -> None:
        """Take rows of an event, each with a line end."""
        self._add(("parts", event), rows, count)

    def quarantined(self, line: QuarantinedLine) -> None:
        """Keep a line that can't be loaded, with where it stands and why it can't."""
        document = {
            "object_id": line.object_id,
            "line": line.line_number,
            "event": line.event,
            "reason": line.reason,
            "detail": line.detail,
            "length": line.length,
            **_raw(line.raw),
        }
        self._add(("quarantine", "lines"), orjson.dumps(document) + b"\n")
        self._add(_QUARANTINED_ROWS, quarantine.row(line, self._batch_id) + b"\n")

    def unrouted(self, line: UnroutedLine) -> None:
        """Keep a line whose event type has no config, so that it can be loaded later."""
        document = {
            "object_id": line.object_id,
            "line": line.line_number,
            "event_type": line.event_type,
            **_raw(line.raw),
        }
        self._add(("unrouted", "lines"), orjson.dumps(document) + b"\n")

    def finish(self, reports: Iterable[ObjectReport]) -> ChunkReport:
        """Store what is still open; return the report of a chunk whose raw objects are in these reports."""
        for stream in list(self._open):
            self._store_file(stream)
        parts = tuple(part for part in self._parts if part.event != quarantine.TABLE.name)
        rows = tuple(part for part in self._parts if part.event == quarantine.TABLE.name)
        return ChunkReport(tuple(reports), parts, (), tuple(self._kept), rows)

    def _add(self, stream: tuple[str, str], lines: bytes, count: int = 1) -> None:
        file = self._open.get(stream)
        if file is None:
            if len(self._open) >= MAX_OPEN:
                self._store_file(max(self._open, key=lambda other: self._open[other].size))
            file = self._open[stream] = _File(Path(self._folder.name), self._store.settings.compression)
        file.add(lines, count)
        if file.size >= self._store.settings.part_bytes:
            self._store_file(stream)

    def _store_file(self, stream: tuple[str, str]) -> None:
        kind, name = stream
        file = self._open[stream]
        number = self._numbers.get(stream, 0)
        suffix = SUFFIX[self._store.settings.compression]
        key = self._store.staging_key(kind, self._batch_id, name, f"{self._chunk}-{number:05d}.json.{suffix}")
        with file.finished() as (body, size):
            self._store.put(key, body)
        del self._open[stream]
        self._numbers[stream] = number + 1
        if kind == "parts" or stream == _QUARANTINED_ROWS:
            event = name if kind == "parts" else quarantine.TABLE.name
            self._parts.append(Part(event, self._store.staging_url(key), file.lines, size))
        else:
            self._kept.append(KeptFile(kind, self._store.staging_url(key), file.lines))


def _raw(raw: bytes) -> dict[str, Any]:
    """Return a line's bytes as JSON can hold them: text, or base64 where they are not UTF-8."""
    try:
        return {"raw": raw.decode()}
    except UnicodeDecodeError:
        return {"raw_base64": b64encode(raw).decode()}


class _File:
    """One compressed file on local disk, until it is stored. `size` is in compressed bytes, late by a buffer."""

    def __init__(self, folder: Path, compression: str) -> None:
        self.lines = 0
        self._buffer: list[bytes] = []
        self._buffered = 0
        self._body: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by discard or finished
        self._compressor: Any
        if compression == "gzip":
            # No name and no time in the header: the same lines give the same bytes.
            self._compressor = igzip.IGzipFile("", "wb", 1, self._body, mtime=0)  # type: ignore[no-untyped-call]
        else:
            self._compressor = zstd.ZstdFile(self._body, "wb", level=1)

    @property
    def size(self) -> int:
        return self._body.tell()

    def add(self, lines: bytes, count: int) -> None:
        self.lines += count
        self._buffer.append(lines)
        self._buffered += len(lines)
        if self._buffered >= _BUFFER_BYTES:
            self._flush()

    def _flush(self) -> None:
        self._compressor.write(b"".join(self._buffer))
        self._buffer.clear()
        self._buffered = 0

    @contextmanager
    def finished(self) -> Iterator[tuple[IO[bytes], int]]:
        """Give the whole file from its start and its size, then let it go."""
        if self._buffer:
            self._flush()
        self._compressor.close()
        size = self._body.tell()
        self._body.seek(0)
        try:
            yield self._body, size
        finally:
            self._body.close()

    def discard(self) -> None:
        self._body.close()
