"""Raw objects to measure with: lines of one generated hour of the marketplace, told again for other hours.

Only the times in them differ, and so does each object's name: generating all of it anew would take longer than loading.
"""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from isal import igzip

from local.generate import hours, rates
from local.generate.__main__ import MEAN_LINE_BYTES
from local.launch import RAW_PREFIX
from local.stack import RAW_BUCKET

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mypy_boto3_s3 import S3Client

# An hour of average traffic, so that objects have as many lines as are asked for.
_HOUR = datetime(2026, 3, 1, 13, tzinfo=UTC)
_STAMP = "%Y-%m-%dT%H:"


def mixed(events: int, lines: int) -> tuple[list[str], bytes]:
    """Return the names of the most frequent events, and an object's bytes with about as many lines of each."""
    by_event: defaultdict[str, list[bytes]] = defaultdict(list)
    for line in b"".join(bodies(1, 20_000 * MEAN_LINE_BYTES)).splitlines():
        by_event[json.loads(line)["event"]].append(line)
    frequent = sorted(by_event, key=lambda event: len(by_event[event]), reverse=True)[:events]
    chosen = [by_event[frequent[number % events]][number // events] for number in range(lines)]
    return frequent, b"\n".join(chosen) + b"\n"


def bodies(count: int, size: int) -> Iterator[bytes]:
    """Yield so many objects of about so many bytes, with events as often as people cause them and no bad line."""
    clean = rates(bad=0, unrouted=0, blank=0, odd=0)
    lines = round(size / MEAN_LINE_BYTES)
    for made in hours(_HOUR, objects_per_hour=count, lines_per_object=lines, compression="none", rates=clean):
        yield b"".join(made.blocks)


def hours_of(first: datetime, days: int) -> list[datetime]:
    """Return the hours of some days."""
    return [first + timedelta(hours=number) for number in range(24 * days)]


def put(s3: S3Client, when: Iterable[datetime], what: Sequence[bytes]) -> int:
    """Put the objects into each of the hours, gzip'd; return their compressed bytes."""
    stored = 0
    for hour in when:
        for number, body in enumerate(what):
            packed = igzip.compress(
                body.replace(f"{_HOUR:{_STAMP}}".encode(), f"{hour:{_STAMP}}".encode()), 1
            )
            s3.put_object(Bucket=RAW_BUCKET, Key=f"{hour:{RAW_PREFIX}}{number:05}.jsonl.gz", Body=packed)
            stored += len(packed)
    return stored
