"""S3 as Log Router uses it, against a server over HTTP."""

import gzip
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest
from botocore.config import Config

from log_router.core.batches import RawObject
from log_router.core.errors import BrokenObject, Refused, WillPass
from log_router.core.manifests import BrokenRaw, ChunkReport
from log_router.core.settings import Settings
from log_router.store import Store
from tests.adapters.place import Place


def test_lists_all_raw_objects_of_an_hour(place: Place) -> None:
    """More objects than one page holds are all found, by key; folder markers and neighbours are not."""
    for number in range(1005):
        place.producer.put_object(
            Bucket=place.settings.raw_bucket, Key=f"raw/13/{number:05d}", Body=b"x" * number
        )
    place.producer.put_object(Bucket=place.settings.raw_bucket, Key="raw/13/", Body=b"")
    place.producer.put_object(Bucket=place.settings.raw_bucket, Key="raw/14/other", Body=b"x")
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
    for key in (
        "raw/a b+c%20d.json",
        "raw/東京/é?#.json",
        "raw/a//b",
        'raw/it\'s "q" \\ .json',
        "raw/a\tb",
        "raw/x?versionId=1",
    ):
        raw = place.upload(key, b"line\n")
        assert b"".join(place.store.read_raw(raw)) == b"line\n"


def test_a_vanished_object_is_broken(place: Place) -> None:
    """An object deleted after it was listed is reported with its URL, not retried for ever."""
    raw = place.upload("raw/gone", b"x\n")
    place.producer.delete_object(Bucket=raw.bucket, Key=raw.key)
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


@pytest.fixture
def denying(place: Place) -> Iterator[Store]:
    """Give a store whose S3 answers every request with AccessDenied, as a policy without the right does."""

    class Deny(BaseHTTPRequestHandler):
        """Answers as S3 does; the embedded server knows no policies."""

        def do_GET(self) -> None:
            body = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
            self.send_response(403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_PUT = do_GET  # noqa: N815 - the name http.server looks for

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Deny) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        client = boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{server.server_port}",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        yield replace(place.store, client=client)
        server.shutdown()


def test_a_missing_right_is_named(denying: Store) -> None:
    """What may not be listed, read or written is refused with the right to grant."""
    with pytest.raises(Refused, match=r"listing s3://.*AccessDenied.*grant s3:ListBucket"):
        denying.list_raw("raw/")
    with pytest.raises(
        Refused, match=r"writing s3://.*AccessDenied.*grant s3:PutObject on the staging prefix"
    ):
        denying.put("key", b"")
    with pytest.raises(
        Refused, match=r"reading s3://.*AccessDenied.*grant s3:GetObject on the staging prefix"
    ):
        denying.get("key")


def test_an_object_that_may_not_be_read_is_broken(denying: Store) -> None:
    """One raw object without the right to read it is reported by name; it does not stop its neighbours."""
    raw = RawObject(denying.settings.raw_bucket, "raw/secret", "etag", 10)
    with pytest.raises(
        BrokenObject, match=r"raw/secret: S3 answered AccessDenied; grant s3:GetObject"
    ) as caught:
        list(denying.read_raw(raw))
    assert caught.value.reason == "access_denied"


def test_a_late_report_replaces_none(place: Place) -> None:
    """What a split's lost try reports when it ends at last is not what the tasks behind have read, and read again."""
    batch = place.batch_of(place.upload("raw/a", b"x\n"))
    broken = (BrokenRaw(batch.objects[0].object_id, batch.objects[0].url, "denied", "may not be read"),)
    key = place.store.put_report(batch, 0, ChunkReport((), (), broken))
    place.store.put_report(batch, 0, ChunkReport((), (), ()))
    assert place.store.get_report(key).broken == broken
