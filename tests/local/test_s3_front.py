"""The front before the S3 server: what it lets through, what it forbids, what it does wrong on demand."""

import hashlib
import json
import re
import tempfile
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local import s3
from local.s3_front.faults import S3Faults
from local.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BODY = bytes(range(256)) * 4096


@pytest.fixture
def faults(storage: Stack) -> Iterator[S3Faults]:
    """Give what makes S3 fail; all faults are disarmed at the end."""
    yield storage.s3_faults
    storage.s3_faults.clear()


@pytest.fixture
def client(storage: Stack) -> "S3Client":
    """Give a client of the front that tries nothing twice."""
    config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
    return boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{storage.ports.s3_front}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=config,
    )


@pytest.fixture(scope="module")
def bucket(storage: Stack) -> str:
    """Give a bucket that may be written, with an object `whole`."""
    storage.s3().create_bucket(Bucket="front")
    storage.s3().put_object(Bucket="front", Key="whole", Body=BODY)
    return "front"


def get(client: "S3Client", bucket: str, key: str = "whole") -> bytes:
    return client.get_object(Bucket=bucket, Key=key)["Body"].read()


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


@pytest.mark.parametrize(
    "name", ["InternalError", "SlowDown", "NoSuchKey", "PreconditionFailed", "AccessDenied"]
)
def test_an_error_answers_in_the_servers_place(
    client: "S3Client", faults: S3Faults, bucket: str, name: str
) -> None:
    """Two requests pass, the third and fourth are struck, and then all is well."""
    faults.arm(at="request", does="error", code=name, operation="GetObject", matching="^wh", after=2, times=2)
    for _ in range(2):
        assert get(client, bucket) == BODY
    for _ in range(2):
        with pytest.raises(ClientError) as error:
            get(client, bucket)
        assert code(error) == name
    assert get(client, bucket) == BODY
    assert faults.hits() == [2]


@pytest.mark.parametrize("does", ["close", "reset"])
def test_a_lost_answer_to_a_write_that_took_effect(
    client: "S3Client", faults: S3Faults, bucket: str, does: str
) -> None:
    """The client hears nothing, the object is there."""
    faults.arm(at="answer", does=does, operation="PutObject")
    with pytest.raises(BotoCoreError):
        client.put_object(Bucket=bucket, Key=f"lost-{does}", Body=b"x")
    assert get(client, bucket, f"lost-{does}") == b"x"


@pytest.mark.parametrize("does", ["close", "reset"])
def test_a_connection_lost_before_the_request_took_effect(
    client: "S3Client", faults: S3Faults, bucket: str, does: str
) -> None:
    """The client hears nothing, and nothing was done."""
    faults.arm(at="request", does=does, operation="PutObject")
    with pytest.raises(BotoCoreError):
        client.put_object(Bucket=bucket, Key=f"never-{does}", Body=b"x")
    with pytest.raises(ClientError):
        get(client, bucket, f"never-{does}")


@pytest.mark.parametrize("does", ["close", "reset"])
def test_a_body_breaks_off(client: "S3Client", faults: S3Faults, bucket: str, does: str) -> None:
    """Exactly so many bytes come."""
    faults.arm(at="body", does=does, after_bytes=70_000)
    body = client.get_object(Bucket=bucket, Key="whole")["Body"]
    with pytest.raises(BotoCoreError):
        body.read()
    assert faults.hits() == [1]


def test_a_body_is_changed(client: "S3Client", faults: S3Faults, bucket: str) -> None:
    """One bit of one byte."""
    faults.arm(at="body", does="corrupt", operation="GetObject", after_bytes=70_000)
    body = client.get_object(Bucket=bucket, Key="whole", Range="bytes=0-")["Body"].read()
    assert [(one, other) for one, other in zip(BODY, body, strict=True) if one != other] == [(112, 113)]


def test_what_is_slow_is_whole(client: "S3Client", faults: S3Faults, bucket: str) -> None:
    """A delay and a body that trickles change no byte."""
    faults.arm(at="request", does="delay", seconds=0.1)
    faults.arm(at="body", does="slow", rate=4 * len(BODY))
    assert get(client, bucket) == BODY
    assert faults.hits() == [1, 1]


def test_a_listing_in_pages_fails_on_the_second(client: "S3Client", faults: S3Faults, storage: Stack) -> None:
    """Pages can be as small as a test wants, and each can be struck."""
    storage.s3().create_bucket(Bucket="front-pages")
    for key in "abc":
        storage.s3().put_object(Bucket="front-pages", Key=key)
    faults.arm(at="request", does="page", keys=2, operation="ListObjectsV2", times=0)
    faults.arm(at="request", does="error", code="SlowDown", operation="ListObjectsV2", after=1)
    first = client.list_objects_v2(Bucket="front-pages", MaxKeys=3)
    assert ([entry["Key"] for entry in first["Contents"]], first["IsTruncated"]) == (["a", "b"], True)
    with pytest.raises(ClientError) as error:
        client.list_objects_v2(Bucket="front-pages", ContinuationToken=first["NextContinuationToken"])
    assert code(error) == "SlowDown"


@pytest.mark.parametrize(
    "wrong",
    [
        {"at": "never", "does": "close"},
        {"at": "request", "does": "corrupt"},
        {"at": "request", "does": "error", "code": "Teapot"},
        {"at": "body", "does": "slow"},
        {"at": "request", "does": "page"},
        {"at": "request", "does": "close", "times": -1},
        {"at": "request", "does": "close", "matching": "("},
    ],
)
def test_a_fault_that_can_never_strike_is_refused(faults: S3Faults, wrong: dict[str, Any]) -> None:
    """A test that armed it would pass for the wrong reason."""
    with pytest.raises(ValueError, match=r"know|needs|negative|regular expression"):
        faults.arm(**wrong)


WRITES: dict[str, Callable[["S3Client", str], object]] = {
    "PutObject": lambda s3, raw: s3.put_object(Bucket=raw, Key="a", Body=b"x" * 5_000_000),
    "CopyObject": lambda s3, raw: s3.copy_object(Bucket=raw, Key="b", CopySource=f"{raw}/a"),
    "DeleteObject": lambda s3, raw: s3.delete_object(Bucket=raw, Key="a"),
    "DeleteObjects": lambda s3, raw: s3.delete_objects(Bucket=raw, Delete={"Objects": [{"Key": "a"}]}),
    "PutObjectTagging": lambda s3, raw: s3.put_object_tagging(Bucket=raw, Key="a", Tagging={"TagSet": []}),
    "DeleteObjectTagging": lambda s3, raw: s3.delete_object_tagging(Bucket=raw, Key="a"),
    "PutObjectAcl": lambda s3, raw: s3.put_object_acl(Bucket=raw, Key="a", ACL="private"),
    "CreateMultipartUpload": lambda s3, raw: s3.create_multipart_upload(Bucket=raw, Key="a"),
    "UploadPart": lambda s3, raw: s3.upload_part(Bucket=raw, Key="a", UploadId="1", PartNumber=1, Body=b"x"),
    "AbortMultipartUpload": lambda s3, raw: s3.abort_multipart_upload(Bucket=raw, Key="a", UploadId="1"),
    "PutBucketVersioning": lambda s3, raw: s3.put_bucket_versioning(
        Bucket=raw, VersioningConfiguration={"Status": "Enabled"}
    ),
    "CreateBucket": lambda s3, raw: s3.create_bucket(Bucket=raw),
    "DeleteBucket": lambda s3, raw: s3.delete_bucket(Bucket=raw),
    "GetObjectTagging": lambda s3, raw: s3.get_object_tagging(Bucket=raw, Key="a"),
}


def test_a_read_only_bucket_is_only_listed_and_read(
    client: "S3Client", faults: S3Faults, storage: Stack, bucket: str
) -> None:
    """Whatever else is asked of it is denied and told by name; nothing of it changes, and it can be copied from."""
    raw = "raw-front"
    storage.s3().create_bucket(Bucket=raw)
    before = storage.s3().put_object(Bucket=raw, Key="a", Body=b"content")["ETag"]
    for write in WRITES.values():
        with pytest.raises(ClientError) as error:
            write(client, raw)
        assert code(error) == "AccessDenied"
    assert [one.partition(" ")[0] for one in faults.violations()] == list(WRITES)
    assert faults.violations() == []
    assert get(client, raw, "a") == b"content"
    client.head_object(Bucket=raw, Key="a")
    client.head_bucket(Bucket=raw)
    client.get_bucket_location(Bucket=raw)
    assert [entry["Key"] for entry in client.list_objects(Bucket=raw)["Contents"]] == ["a"]
    (listed,) = client.list_objects_v2(Bucket=raw)["Contents"]
    assert listed["ETag"] == before
    client.copy_object(Bucket=bucket, Key="copy", CopySource=f"{raw}/a")
    assert faults.violations() == []
    assert faults.asked(raw)["GetObject"] == 1


def test_a_bucket_that_is_named_by_the_host_is_refused(faults: S3Faults, storage: Stack) -> None:
    """No read-only bucket is written by another address."""
    connection = HTTPConnection("127.0.0.1", storage.ports.s3_front)
    connection.request("PUT", "/key", b"x", {"Host": "raw-front.s3.localhost"})
    assert connection.getresponse().status == 403
    connection.close()
    assert len(faults.violations()) == 1


def test_large_bodies_stream(client: "S3Client", storage: Stack, bucket: str) -> None:
    """Objects larger than the front's memory may ever be pass whole, both ways."""
    size = 100 * 1024 * 1024
    with tempfile.TemporaryFile() as body:
        body.truncate(size)
        client.put_object(Bucket=bucket, Key="large", Body=body)
    digest = hashlib.md5()  # noqa: S324 - S3's ETag is one
    for block in client.get_object(Bucket=bucket, Key="large")["Body"].iter_chunks(1024 * 1024):
        digest.update(block)
    assert client.head_object(Bucket=bucket, Key="large")["ETag"] == f'"{digest.hexdigest()}"'
    record = json.loads((storage.state_dir / "run" / "s3-front.pid").read_text())
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{record['pid']}/status").read_text())
    assert int(peak) < 60_000


def test_bodies_of_unknown_length_pass(client: "S3Client", storage: Stack, bucket: str) -> None:
    """A chunked body with trailers arrives as it was sent, and the connection goes on."""
    connection = HTTPConnection("127.0.0.1", storage.ports.s3_front)
    for key in ("one", "two"):
        connection.request("PUT", f"/{bucket}/{key}", iter([b"a" * 70_000, b"b"]), encode_chunked=True)
        with connection.getresponse() as answer:
            assert (answer.status, answer.read()) == (200, b"")
        assert get(client, bucket, key) == b"a" * 70_000 + b"b"
    connection.close()


def test_queues_pass(storage: Stack) -> None:
    """Messages go through the front unchanged."""
    url = storage.sqs().create_queue(QueueName="front")["QueueUrl"]
    through = s3.sqs_client(storage.ports.s3_front)
    before = storage.s3_faults.asked("")["SendMessage"]
    through.send_message(QueueUrl=url, MessageBody="text")
    (message,) = through.receive_message(QueueUrl=url)["Messages"]
    assert message["Body"] == "text"
    assert storage.s3_faults.asked("")["SendMessage"] == before + 1
