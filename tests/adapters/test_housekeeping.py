"""From a row back to its line, and what the staging bucket needs no longer, on real servers."""

import gzip
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from local.stack import Stack
from log_router.cleaning import Cleaner, Cleaning
from log_router.core.batches import RawObject
from log_router.core.catalog import Catalog
from log_router.core.errors import NeedsAction
from log_router.lineage import Lineage
from log_router.tracing import raw_line, raw_object
from tests.adapters.hours import FIRST, HOURS, audit, key, run
from tests.adapters.place import EVENTS, VIEW, Place, order

LINES = [order(1).rstrip(b"\n") + b"\r", b'{"event":"\xff\\u0000"}', order("x" * 70_000).rstrip(b"\n")]


def traced(place: Place, event: str, object_id: object) -> RawObject:
    """Return the raw object that is found by a row's id."""
    with place.warehouse.session() as session:
        lineage = Lineage(session, place.statements, place.settings, place.catalog)
        return raw_object(lineage, place.store, event, str(object_id))


def test_the_line_of_a_row(place: Place) -> None:
    """The very bytes of the line, by the row's own columns, whether its object is recorded yet or not."""
    place.upload(key("a?b c"), gzip.compress(b"\n".join(LINES)))
    run(place, "first", settled=False)
    for _ in range(2):
        ((object_id, line),) = place.rows("SELECT _lr_object, _lr_line FROM order_placed")
        raw = traced(place, "order_placed", object_id)
        assert (raw.key, line) == (key("a?b c"), 1)
        assert [raw_line(place.store, raw, number) for number in (1, 2, 3)] == [
            LINES[0].removesuffix(b"\r"),
            *LINES[1:],
        ]
        run(place, "second")
    with pytest.raises(NeedsAction, match="has no line 4"):
        raw_line(place.store, raw, 4)
    with pytest.raises(NeedsAction, match="there is no event order_plased"):
        traced(place, "order_plased", "0" * 32)


def clean(place: Place, days: int, *, dry: bool = False) -> Cleaning:
    """Clean as if it were so many days later."""
    cleaner = Cleaner(place.store, place.warehouse, place.statements, place.settings, place.catalog)
    found = cleaner.find(datetime.now(UTC) + timedelta(days=days), timedelta(days=14))
    if not dry:
        cleaner.clean(found)
    return found


def staged(place: Place) -> set[str]:
    """Return the kinds of files in staging, with their batches."""
    answer = place.store.client.list_objects_v2(Bucket=place.settings.staging_bucket)
    return {
        "/".join(each["Key"].split("/")[1:3]).removesuffix(".json") for each in answer.get("Contents", [])
    }


def test_messages_of_old_stream_runs_go(place: Place) -> None:
    """What such a run's tasks told each other of its messages is of no use once the run is old, settled or not."""
    for kind in ("notices", "deliveries"):
        place.store.put(place.store.staging_key(kind, "stream-20260131T130000-0.json"), b"[]")
    place.plan()
    assert clean(place, 13).all_files == []
    assert len(clean(place, 15).files) == 2
    assert staged(place) == set()


def test_only_what_is_settled_and_old_goes(place: Place) -> None:
    """Files of settled batches go, quarantined and unrouted lines stay, and so does a batch with anything pending."""
    place.upload(key("a"), order(1) + VIEW + b"bad\n" + b'{"event":"unknown"}\n')
    settled = run(place, "first")
    place.upload(key("b", HOURS[1]), order(2))
    pending = run(place, "second", HOURS[1], failing=["order_placed"])
    everything = staged(place)
    assert clean(place, 13).all_files == []
    assert clean(place, 15, dry=True).kept == {pending.batch_id: 1}
    assert staged(place) == everything
    found = clean(place, 15)
    gone = {f"{kind}/{settled.batch_id}" for kind in ("parts", "manifests", "loads", "reports", "batches")}
    assert everything - staged(place) == gone
    assert (len(found.batches), found.configs, found.kept) == (1, [], {pending.batch_id: 1})
    assert {f"quarantine/{settled.batch_id}", f"unrouted/{settled.batch_id}"} <= staged(place)
    run(place, "third", HOURS[1])
    found = clean(place, 15)
    assert len(found.batches) == 2
    assert [file.name for file in found.configs] == [f"{place.catalog.config_hash}.json"]
    assert {kind.partition("/")[0] for kind in staged(place)} == {"quarantine", "unrouted"}
    assert audit(place).findings == []


def test_a_config_that_a_new_batch_names_stays(place: Place) -> None:
    """The config of a batch planned just now is as old as its last writing; one that nobody names goes."""
    place.upload(key("a"), order(1))
    run(place, "first")
    fewer = replace(place, catalog=Catalog(event_key="event", events=(EVENTS[0],)))
    cleaner = Cleaner(place.store, place.warehouse, place.statements, place.settings, place.catalog)
    found = cleaner.find(datetime.now(UTC) + timedelta(days=15), timedelta(days=14))
    batch = place.plan("second", FIRST.prefix(place.settings.raw_prefix), reload=True)
    place.store.client.delete_object(
        Bucket=place.settings.staging_bucket, Key=f"log-router/configs/{batch.config_hash}.json"
    )
    _later_than(found)
    place.store.put_batch(batch, place.catalog)
    place.store.put_batch(replace(batch, config_hash=fewer.catalog.config_hash), fewer.catalog)
    cleaner.clean(found)
    assert f"configs/{batch.config_hash}" in staged(place)


def _later_than(found: Cleaning) -> None:
    """Wait until the server's clock, which counts seconds, shows another time than the configs have."""
    (config,) = found.configs
    while datetime.now(UTC) - config.modified < timedelta(seconds=1.1):
        pass


def test_uploads_that_were_never_ended_are_aborted(place: Place, storage: Stack) -> None:
    """Those below the staging prefix, once they are older than a day; a young one may still be written."""
    client, bucket = storage.s3(), place.settings.staging_bucket
    for name in ("log-router/parts/x", "elsewhere/x"):
        client.create_multipart_upload(Bucket=bucket, Key=name)
    run(place, "first")
    assert clean(place, 0).uploads == []
    assert [upload.key for upload in clean(place, 2).uploads] == ["log-router/parts/x"]
    left = client.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
    assert [upload["Key"] for upload in left] == ["elsewhere/x"]
