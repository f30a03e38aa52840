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
# Each open part costs a compressor and a file descriptor; beyond this many the largest is finished.
MAX_OPEN = 200
# Of one file's lines, and of all files' together, before they are compressed.
_BUFFER_BYTES = 128 * 1024
_BUFFERS_BYTES = 64 * 1024 * 1024
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
        self._files: dict[tuple[str, str], _File] = {}
        self._buffered = 0
        self._opened = 0
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
            for file in self._files.values():
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
        # The open ones first: the others are opened one at a time then.
        for stream in sorted(self._files, key=lambda one: not self._files[one].is_open):
            self._store_file(stream)
        parts = tuple(part for part in self._parts if part.event != quarantine.TABLE.name)
        rows = tuple(part for part in self._parts if part.event == quarantine.TABLE.name)
        return ChunkReport(tuple(reports), parts, (), tuple(self._kept), rows)

    def _add(self, stream: tuple[str, str], lines: bytes, count: int = 1) -> None:
        file = self._files.get(stream)
        if file is None:
            file = self._files[stream] = _File(self._store.settings.compression)
        file.add(lines, count)
        self._buffered += len(lines)
        if file.buffered >= _BUFFER_BYTES and (file.is_open or self._opened < MAX_OPEN):
            self._flush(stream)
            if file.size >= self._store.settings.part_bytes:
                self._store_file(stream)
        while self._buffered > _BUFFERS_BYTES:
            self._flush(max(self._files, key=lambda other: self._files[other].buffered))

    def _flush(self, stream: tuple[str, str]) -> None:
        """Compress what a file has in memory; where too many are open, the largest of them is stored first."""
        file = self._files[stream]
        if not file.is_open:
            if self._opened >= MAX_OPEN:
                open_ones = [other for other in self._files if self._files[other].is_open]
                self._store_file(max(open_ones, key=lambda other: self._files[other].size))
            self._opened += 1
        self._buffered -= file.buffered
        file.flush(Path(self._folder.name))

    def _store_file(self, stream: tuple[str, str]) -> None:
        kind, name = stream
        if self._files[stream].buffered:
            self._flush(stream)
        file = self._files[stream]
        number = self._numbers.get(stream, 0)
        suffix = SUFFIX[self._store.settings.compression]
        key = self._store.staging_key(kind, self._batch_id, name, f"{self._chunk}-{number:05d}.json.{suffix}")
        with file.finished() as (body, size):
            self._store.put(key, body)
        del self._files[stream]
        self._opened -= 1
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
    """One compressed file on local disk, until it is stored: none before it is flushed for the first time.

    `size` is in compressed bytes, late by a compressor's own buffer; `buffered` in plain ones.
    """

    def __init__(self, compression: str) -> None:
        self.lines = 0
        self.buffered = 0
        self._compression = compression
        self._buffer: list[bytes] = []
        self._body: IO[bytes] | None = None
        self._compressor: Any = None

    @property
    def is_open(self) -> bool:
        return self._body is not None

    @property
    def size(self) -> int:
        return self._body.tell() if self._body else 0

    def add(self, lines: bytes, count: int) -> None:
        self.lines += count
        self._buffer.append(lines)
        self.buffered += len(lines)

    def flush(self, folder: Path) -> None:
        if self._body is None:
            self._body = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by discard or finished
            if self._compression == "gzip":
                # No name and no time in the header: the same lines give the same bytes.
                self._compressor = igzip.IGzipFile("", "wb", 1, self._body, mtime=0)  # type: ignore[no-untyped-call]
            else:
                self._compressor = zstd.ZstdFile(self._body, "wb", level=1)
        self._compressor.write(b"".join(self._buffer))
        self._buffer.clear()
        self.buffered = 0

    @contextmanager
    def finished(self) -> Iterator[tuple[IO[bytes], int]]:
        """Give the whole file, which is flushed, from its start and its size, then let it go."""
        self._compressor.close()
        body: Any = self._body
        size = body.tell()
        body.seek(0)
        try:
            yield body, size
        finally:
            body.close()

    def discard(self) -> None:
        if self._body is not None:
            self._body.close()
