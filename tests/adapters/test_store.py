"""S3 as Log Router uses it, against a server over HTTP."""

import gzip
from dataclasses import replace

import boto3
import pytest
from botocore.config import Config

from log_router.core.errors import BrokenObject, Refused, WillPass
from log_router.core.settings import Settings
from log_router.store import Store
from tests.adapters.place import Place


def test_lists_all_raw_objects_of_an_hour(place: Place) -> None:
    """More objects than one page holds are all found, by key; folder markers and neighbours are not."""
    for number in range(1005):
        place.store.client.put_object(
            Bucket=place.settings.raw_bucket, Key=f"raw/13/{number:05d}", Body=b"x" * number
        )
    place.store.client.put_object(Bucket=place.settings.raw_bucket, Key="raw/13/", Body=b"")
    place.store.client.put_object(Bucket=place.settings.raw_bucket, Key="raw/14/other", Body=b"x")
    found = place.store.list_raw("raw/13/")
    assert [raw.key for raw in found] == [f"raw/13/{number:05d}" for number in range(1005)]
    assert [raw.size for raw in found] == list(range(1005))


def test_listing_a_missing_bucket_says_the_remedy(place: Place) -> None:
    """A bucket that does not exist is refused with the bucket's name and what to do."""
    nowhere = Settings.model_validate(
        {**place.settings.model_dump(by_alias=True), "raw_bucket": "no-such-bucket"}
    )
    with pytest.raises(Refused, match=r"s3://no-such-bucket/raw/.*NoSuchBucket.*create the bucket"):
        Store(place.store.client, nowhere).list_raw("raw/")


def test_reads_any_key(place: Place) -> None:
    """Keys with spaces, signs and other scripts are read as they are."""
    for key in ("raw/a b+c%20d.json", "raw/東京/é?#.json", "raw/a//b", 'raw/it\'s "q" \\ .json'):
        raw = place.upload(key, b"line\n")
        assert b"".join(place.store.read_raw(raw)) == b"line\n"


def test_a_vanished_object_is_broken(place: Place) -> None:
    """An object deleted after it was listed is reported with its URL, not retried for ever."""
    raw = place.upload("raw/gone", b"x\n")
    place.store.client.delete_object(Bucket=raw.bucket, Key=raw.key)
    with pytest.raises(BrokenObject, match=f"{raw.url}.*NoSuchKey.*restore") as caught:
        list(place.store.read_raw(raw))
    assert caught.value.reason == "vanished"


def test_an_overwritten_object_is_broken(place: Place) -> None:
    """Only the version that was planned is read: an overwritten object is reported, not loaded in its place."""
    raw = place.upload("raw/changed", b"old\n")
    place.upload("raw/changed", b"new content\n")
    with pytest.raises(BrokenObject, match="overwritten") as caught:
        list(place.store.read_raw(raw))
    assert caught.value.reason == "changed"


def test_a_truncated_gzip_names_its_object(place: Place) -> None:
    """Compressed data that ends too early names the object and the remedy."""
    raw = place.upload("raw/cut.gz", gzip.compress(b"line\n" * 10_000)[:-9])
    with pytest.raises(BrokenObject, match=r"raw/cut\.gz.*ends too early.*write it again") as caught:
        list(place.store.read_raw(raw))
    assert caught.value.reason == "truncated"


def test_an_unreachable_endpoint_will_pass(place: Place) -> None:
    """A server that does not answer is worth a retry, and the message says what to check."""
    client = boto3.client(
        "s3",
        endpoint_url="http://127.0.0.1:9",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 0}, connect_timeout=1),
    )
    store = replace(place.store, client=client)
    with pytest.raises(WillPass, match="can't be reached"):
        store.list_raw("raw/")
    with pytest.raises(WillPass):
        store.put("key", b"")
