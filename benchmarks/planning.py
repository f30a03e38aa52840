"""What planning and collecting cost by themselves: `PYTHONPATH=plugins:. .venv/bin/python -m benchmarks.planning`.

A million raw objects are listed from a server on loopback that gives pages as S3 does and is a process of its own, and
packed into chunks; the look at the record is not in it. Ten thousand reports of split tasks are added up, and the
manifests written down as text.
"""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qs, urlsplit

import boto3

from benchmarks.machine import processor
from local.environment import ROOT
from log_router.core.batches import Batch, RawObject, pack
from log_router.core.catalog import Catalog, load_catalog, load_settings
from log_router.core.manifests import ChunkReport, Part, manifests
from log_router.core.reports import ObjectReport
from log_router.core.windows import Hour
from log_router.hooks import quick_times
from log_router.planning import Planner
from log_router.store import Store

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from typing import Any

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 31
OBJECTS = 1_000_000
REPORTS = 10_000
OBJECTS_PER_REPORT = 10
_PAGE = 1000


class _Bucket(BaseHTTPRequestHandler):
    """Answers ListObjectsV2 for keys that follow from their number."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer with a page; the token is the number of its first key within the prefix."""
        asked = parse_qs(urlsplit(self.path).query)
        prefix = asked.get("prefix", [""])[0]
        first = int(asked.get("continuation-token", ["0"])[0])
        # The planner lists whole days.
        count = OBJECTS // DAYS + 1
        entry = (
            "<Contents><Key>{}{:02d}/{:06d}.json.gz</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            "<ETag>&quot;{:032x}&quot;</ETag><Size>1000000</Size><StorageClass>STANDARD</StorageClass></Contents>"
        )
        entries = "".join(
            entry.format(prefix, n * 24 // count, n, n) for n in range(first, min(first + _PAGE, count))
        )
        more = first + _PAGE < count
        token = f"<NextContinuationToken>{first + _PAGE}</NextContinuationToken>" if more else ""
        body = (
            '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{entries}</ListBucketResult>"
        ).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _serve(port: Connection) -> None:
    server = HTTPServer(("127.0.0.1", 0), _Bucket)
    port.send(server.server_port)
    server.serve_forever()


def main() -> None:
    """Measure both, and print seconds of CPU and of the clock, and the most memory so far."""
    print(processor())
    settings = load_settings(ROOT / "include", {})
    catalog = load_catalog(ROOT / "include", settings)
    here, there = multiprocessing.Pipe()
    server = multiprocessing.Process(target=_serve, args=(there,), daemon=True)
    server.start()
    endpoint = f"http://127.0.0.1:{here.recv()}"
    session = boto3.Session("test", "test", region_name="eu-west-1")
    quick_times(session)
    store = Store(session.client("s3", endpoint_url=endpoint), settings)
    nothing: Any = None
    planner = Planner(store, nothing, nothing, settings, catalog)
    with _Clock() as listing:
        found = planner.listed([Hour(FIRST + timedelta(hours=number)) for number in range(DAYS * 24)])
    print(f"listing {len(found):,} raw objects: {listing}")
    with _Clock() as packing:
        chunks = pack(found, settings.chunk_bytes, settings.max_chunks)
        batch = Batch("benchmark", "2026-01", catalog.config_hash, chunks)
        batch_id = batch.batch_id
    print(f"packing them and naming the batch {batch_id}: {packing}")
    server.terminate()
    del found, chunks, batch
    _collect(catalog)


def _collect(catalog: Catalog) -> None:
    batch, documents = _reports(catalog)
    with _Clock() as adding:
        made = manifests(batch, catalog, [ChunkReport.from_json(document) for document in documents])
        size = sum(len(manifest.to_json()) + len(manifest.to_load()) for manifest in made)
    rows = sum(manifest.rows for manifest in made)
    print(
        f"{REPORTS:,} reports of {OBJECTS_PER_REPORT} raw objects and {len(made)} events added up: {adding}"
    )
    print(f"  {rows:,} rows, manifests of {size / 1e6:.0f} MB")


def _reports(catalog: Catalog) -> tuple[Batch, list[bytes]]:
    chunks, documents = [], []
    for number in range(REPORTS):
        key = f"raw/2026/01/31/13/{number:05d}-{{}}.json.gz"
        chunk = tuple(RawObject("raw", key.format(one), "0" * 32, 10**7) for one in range(OBJECTS_PER_REPORT))
        rows = Counter({event.name: 100 for event in catalog.events})
        lines = rows.total()
        objects = tuple(ObjectReport(raw.object_id, lines=lines, rows=Counter(rows)) for raw in chunk)
        parts = tuple(
            Part(event.name, f"s3://staging/parts/{event.name}/{number:05d}.json.gz", 100 * len(chunk), 10**6)
            for event in catalog.events
        )
        chunks.append(chunk)
        documents.append(ChunkReport(objects, parts, ()).to_json())
    return Batch("benchmark", "2026-01", catalog.config_hash, tuple(chunks)), documents


class _Clock:
    def __enter__(self) -> Self:
        self._began = time.monotonic(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        seconds, cpu = time.monotonic() - self._began[0], time.process_time() - self._began[1]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        self._said = f"{seconds:.1f} s, {cpu:.1f} s of CPU; {peak:.0f} MB at most so far"

    def __str__(self) -> str:
        return self._said


if __name__ == "__main__":
    main()
