"""A chunk of raw objects becomes parts and a report."""

import bz2
import gzip
import json
import random
from collections import Counter
from collections.abc import Callable

import pytest
from backports import zstd

from log_router import parts
from log_router.core.events import Event
from log_router.core.manifests import ChunkReport, Part
from log_router.core.settings import MIB
from log_router.splitting import split_chunk
from tests.adapters.place import MakePlace, Place, order


def staged(place: Place, kind: str) -> list[dict[str, object]]:
    """Return the documents of all staging files of a kind, by key."""
    bucket = place.settings.staging_bucket
    pages = place.store.client.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=place.store.staging_key(kind, "")
    )
    documents = []
    for page in pages:
        for entry in page.get("Contents", []):
            documents.extend(lines_of(place, entry["Key"]))
    return documents


def lines_of(place: Place, key: str) -> list[dict[str, object]]:
    unpack = gzip.decompress if key.endswith(".gz") else zstd.decompress
    return [json.loads(line) for line in unpack(place.store.get(key)).splitlines()]


def rows_of(place: Place, part: Part) -> list[dict[str, object]]:
    return lines_of(place, part.url.removeprefix(f"s3://{place.settings.staging_bucket}/"))


def split(place: Place) -> ChunkReport:
    batch = place.batch_of(*place.store.list_raw("raw/"))
    assert len(batch.chunks) == 1
    return split_chunk(place.store, batch, place.catalog, 0)


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_each_line_goes_to_its_event(make_place: MakePlace, compression: str) -> None:
    """Rows of all input codecs arrive in their event's part, with the object and line they came from."""
    place = make_place(compression=compression)
    plain = order(1, note="déjà") + b'{"event":"page_viewed","url":"/"}\n'
    packs: dict[str, Callable[[bytes], bytes]] = {
        "plain": bytes,
        "gz": gzip.compress,
        "zst": zstd.compress,
        "bz2": bz2.compress,
    }
    raws = {name: place.upload(f"raw/{name}", pack(plain)) for name, pack in packs.items()}
    report = split(place)
    by_event = {part.event: rows_of(place, part) for part in report.parts}
    assert {part.event: part.rows for part in report.parts} == {"order_placed": 4, "page_viewed": 4}
    assert {row["_lr_object"] for row in by_event["order_placed"]} == {raw.object_id for raw in raws.values()}
    assert {row["_lr_line"] for row in by_event["page_viewed"]} == {2}
    assert {row["note"] for row in by_event["order_placed"]} == {"déjà"}
    assert {row["total"] for row in by_event["order_placed"]} == {"9.99"}


def test_part_sizes_are_those_stored(place: Place) -> None:
    """The size a manifest promises is the stored size, which COPY compares."""
    place.upload("raw/a", order(1) * 1000)
    for part in split(place).parts:
        key = part.url.removeprefix(f"s3://{place.settings.staging_bucket}/")
        assert len(place.store.get(key)) == part.size


def test_parts_are_of_bounded_size(make_place: MakePlace) -> None:
    """An event with more data than a part takes gets several, and no row is lost between them."""
    place = make_place(part_bytes=MIB)
    dice = random.Random(7)  # noqa: S311 - test data
    place.upload(
        "raw/a", b"".join(order(number, items=[dice.random() for _ in range(40)]) for number in range(8000))
    )
    report = split(place)
    assert len(report.parts) > 2
    assert all(part.size < 1.5 * MIB for part in report.parts)
    numbers = [row["order"] for part in report.parts for row in rows_of(place, part)]
    assert numbers == list(range(8000))


def test_more_events_than_open_files(make_place: MakePlace, monkeypatch: pytest.MonkeyPatch) -> None:
    """With more events than may be open at once, or wait in memory, all rows are still in parts, once."""
    monkeypatch.setattr(parts, "MAX_OPEN", 3)
    monkeypatch.setattr(parts, "_BUFFER_BYTES", 100)
    monkeypatch.setattr(parts, "_BUFFERS_BYTES", 1000)
    events = tuple(
        Event.model_validate(
            {"name": name, "event_type": name, "table": name, "columns": [{"name": "n", "type": "integer"}]}
        )
        for name in ("a", "b", "c", "d", "e")
    )
    place = make_place(events=events)
    lines = [f'{{"event":"{"abcde"[number % 5]}","n":{number}}}\n'.encode() for number in range(100)]
    for number in range(20):
        place.upload(f"raw/{number:02d}", b"".join(lines[number * 5 : number * 5 + 5]))
    report = split(place)
    assert len(report.parts) > len(events)
    keys = Counter(part.url for part in report.parts)
    assert max(keys.values()) == 1
    assert sorted(row["n"] for part in report.parts for row in rows_of(place, part)) == list(range(100))  # type: ignore[type-var]


def test_bad_and_unknown_lines_are_kept(place: Place) -> None:
    """Quarantined and unrouted lines are in staging with where they stood, why, and their bytes."""
    raw = place.upload(
        "raw/a",
        b"not json\n" + b'{"event":"x\xff"}\n' + order(1, note="n" * 33) + b'{"event":"new_thing","a":1}\n\n',
    )
    report = split(place)
    kept = staged(place, f"quarantine/{place.batch_of(raw).batch_id}/lines")
    assert [(line["line"], line["event"], line["reason"]) for line in kept] == [
        (1, None, "malformed_json"),
        (2, None, "invalid_utf8"),
        (3, "order_placed", "too_long"),
    ]
    assert kept[0]["raw"] == "not json"
    assert kept[1]["raw_base64"] == "eyJldmVudCI6Inj/In0="
    assert {line["object_id"] for line in kept} == {raw.object_id}
    (unrouted,) = staged(place, "unrouted")
    assert (unrouted["line"], unrouted["event_type"]) == (4, "new_thing")
    assert unrouted["raw"] == '{"event":"new_thing","a":1}'
    assert [(file.kind, file.lines) for file in report.kept] == [("quarantine", 3), ("unrouted", 1)]
    (counts,) = report.objects
    assert (counts.lines, counts.blank, counts.unrouted) == (5, 1, Counter(new_thing=1))


def test_nothing_of_a_broken_object_is_loaded(place: Place) -> None:
    """Objects that break midway leave no row in any part; all others are whole."""
    body = b"".join(order(number) for number in range(20_000))
    good = [place.upload(f"raw/{name}", gzip.compress(body)) for name in ("a", "c", "e")]
    for name in ("b", "d"):
        place.upload(f"raw/{name}", gzip.compress(b"bad\n" + body)[:-1000])
    report = split(place)
    assert [broken.reason for broken in report.broken] == ["truncated", "truncated"]
    assert [broken.url[-1] for broken in report.broken] == ["b", "d"]
    rows = [row for part in report.parts for row in rows_of(place, part)]
    assert Counter(row["_lr_object"] for row in rows) == dict.fromkeys(
        (raw.object_id for raw in good), 20_000
    )
    assert report.kept == ()


def test_a_retry_writes_the_same(place: Place) -> None:
    """Splitting a chunk again gives the same parts under the same keys, byte for byte."""
    place.upload("raw/a", b"".join(order(number) for number in range(5000)))
    first = split(place)
    bodies = [place.store.get(part.url.split("/", 3)[3]) for part in first.parts]
    assert split(place) == first
    assert [place.store.get(part.url.split("/", 3)[3]) for part in first.parts] == bodies


def test_no_upload_stays_open(place: Place) -> None:
    """A split leaves no multipart upload behind."""
    place.upload("raw/a", order(1) * 10)
    split(place)
    uploads = place.store.client.list_multipart_uploads(Bucket=place.settings.staging_bucket)
    assert "Uploads" not in uploads
