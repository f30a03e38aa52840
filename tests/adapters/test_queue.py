"""The queue: each message is received, held and acknowledged as asked, and what goes wrong is told apart."""

import threading
import uuid
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local import notices, s3
from local.stack import Stack
from log_router.core.errors import Refused, WillPass
from log_router.core.notices import read
from log_router.queue import SYSTEM_ATTRIBUTES, Message, Queue, Tally, region_of

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

HOLD = 600


@pytest.fixture
def queue(storage: Stack) -> Queue:
    """Give a queue of a test's own, through the front as Airflow reaches it."""
    client = s3.sqs_client(storage.ports.s3_front)
    return Queue(client, client.create_queue(QueueName=f"queue-{uuid.uuid4().hex[:12]}")["QueueUrl"])


def filled(queue: Queue, count: int) -> list[str]:
    """Send messages; return their bodies."""
    bodies = [f"body {number}" for number in range(count)]
    for body in bodies:
        queue.send(body)
    return bodies


def receipts(messages: Sequence[Message]) -> list[str]:
    """Return what messages are held and acknowledged by."""
    return [message.receipt for message in messages]


def sizes(queue: Queue) -> tuple[int, int]:
    """Return how many messages can be received and how many are held."""
    facts = queue.facts()
    return facts.depth, facts.in_flight


def test_a_message_comes_as_it_was_sent_with_what_sqs_knows_of_it(queue: Queue) -> None:
    """Body, id, when it was sent, and how often it was received: a message that comes again says so."""
    queue.send('{"a": "ü 日本"}')
    (first,) = queue.receive(10, 0, 0)
    (second,) = queue.receive(1, 0, HOLD)
    assert (first.body, first.received) == ('{"a": "ü 日本"}', 1)
    assert (second.message_id, second.received) == (first.message_id, 2)
    assert first.receipt != second.receipt
    assert first.sent_at == second.sent_at
    assert first.sent_at.utcoffset() is not None
    assert queue.receive(10, 0, HOLD) == []


def test_a_message_received_elsewhere_is_read_alike(queue: Queue) -> None:
    """A trigger that asked for the same attributes hands on what SQS answered."""
    queue.send("body")
    answer = queue.client.receive_message(
        QueueUrl=queue.url, MessageSystemAttributeNames=SYSTEM_ATTRIBUTES, VisibilityTimeout=0
    )
    (found,) = answer["Messages"]
    (message,) = queue.receive(1, 0, HOLD)
    handed = Message.from_answer(found)
    assert (handed.message_id, handed.body, handed.sent_at) == (
        message.message_id,
        message.body,
        message.sent_at,
    )


def test_receiving_waits_for_a_message(queue: Queue) -> None:
    """What arrives meanwhile is given, without asking again."""
    sender = threading.Timer(0.5, queue.send, ["late"])
    sender.start()
    (message,) = queue.receive(1, 20, HOLD)
    assert message.body == "late"
    sender.join()


def test_a_queue_is_drained_of_all_it_has(queue: Queue) -> None:
    """Over ten, which SQS gives at most; each once, and all held."""
    bodies = filled(queue, 25)
    assert sorted(message.body for message in queue.drain(1000, 60, HOLD)) == sorted(bodies)
    assert sizes(queue) == (0, 25)


def test_draining_ends_at_the_most_that_was_asked_for(queue: Queue) -> None:
    """What is beyond it stays to be received."""
    filled(queue, 25)
    assert len(queue.drain(12, 60, HOLD)) == 12
    assert sizes(queue) == (13, 12)


def test_draining_ends_when_its_time_is_over(queue: Queue) -> None:
    """Having received once at least."""
    filled(queue, 25)
    assert len(queue.drain(1000, 0, HOLD)) == 10
    assert sizes(queue) == (15, 10)


def test_a_message_that_comes_twice_is_drained_once(queue: Queue) -> None:
    """With the receipt of the last time: the one before is good no more."""
    filled(queue, 1)
    (message,) = queue.drain(2, 0.5, 0)
    assert message.received > 1
    assert queue.acknowledge([message.receipt]) == Tally(done=1)


def test_messages_are_held_and_given_back(queue: Queue) -> None:
    """However many; those that are gone are counted."""
    filled(queue, 12)
    held = receipts(queue.drain(12, 60, 1))
    assert queue.hold([*held, "none"], HOLD) == Tally(done=12, gone=1)
    assert sizes(queue) == (0, 12)
    assert queue.hold(held, 0) == Tally(done=12)
    assert sizes(queue) == (12, 0)


def test_acknowledged_messages_are_gone_and_again_is_harmless(queue: Queue) -> None:
    """Only those; and the second time, which comes of a retry, each is counted as gone."""
    filled(queue, 25)
    messages = receipts(queue.drain(25, 60, HOLD))
    assert queue.acknowledge(messages[:23]) == Tally(done=23)
    assert queue.acknowledge(messages[:23]) == Tally(gone=23)
    assert queue.acknowledge([]) == Tally()
    assert sizes(queue) == (0, 2)


def test_an_expired_receipt_takes_nothing_from_who_has_the_message_now(queue: Queue) -> None:
    """A worker that was too slow neither deletes nor holds what another works on."""
    filled(queue, 1)
    old = receipts(queue.receive(1, 0, 0))
    (now,) = queue.receive(1, 0, HOLD)
    assert queue.acknowledge(old) == Tally(gone=1)
    assert queue.hold(old, 0) == Tally(gone=1)
    assert sizes(queue) == (0, 1)
    assert queue.acknowledge([now.receipt]) == Tally(done=1)


def test_an_acknowledgement_whose_answer_is_lost_is_counted_as_gone(storage: Stack, queue: Queue) -> None:
    """It was done, and it is asked for again."""
    filled(queue, 3)
    messages = receipts(queue.drain(3, 60, HOLD))
    storage.s3_faults.clear()
    storage.s3_faults.arm(at="answer", does="close", operation="DeleteMessageBatch")
    assert queue.acknowledge(messages) == Tally(gone=3)
    assert storage.s3_faults.hits() == [1]
    storage.s3_faults.clear()
    assert sizes(queue) == (0, 0)


class Stumbling:
    """SQS as it is, but the first message of a batch fails for the next `times`."""

    def __init__(self, client: "SQSClient", code: str, times: int) -> None:
        self.client = client
        self.code = code
        self.times = times

    def delete_message_batch(self, QueueUrl: str, Entries: Any) -> Any:  # noqa: N803 - boto3's own
        """Delete all but the first."""
        if not self.times:
            return self.client.delete_message_batch(QueueUrl=QueueUrl, Entries=Entries)
        self.times -= 1
        if Entries[1:]:
            self.client.delete_message_batch(QueueUrl=QueueUrl, Entries=Entries[1:])
        return {"Failed": [{"Id": Entries[0]["Id"], "Code": self.code, "SenderFault": False}]}


@pytest.mark.parametrize(
    ("code", "times", "tally"),
    [
        ("InternalError", 2, Tally(done=12)),
        ("RequestThrottled", 1, Tally(done=12)),
        ("InternalError", 1000, Tally(done=10, left={"InternalError": 2})),
        ("InvalidParameterValue", 1, Tally(done=11, gone=1)),
    ],
)
def test_what_fails_of_a_batch_is_asked_for_again(queue: Queue, code: str, times: int, tally: Tally) -> None:
    """The rest is done; what can't be done stays in the queue and is told; an expired receipt is not asked again."""
    filled(queue, 12)
    messages = receipts(queue.drain(12, 60, HOLD))
    client = cast("SQSClient", Stumbling(queue.client, code, times))
    assert Queue(client, queue.url).acknowledge(messages) == tally
    assert sizes(queue) == (0, 12 - tally.done)


@pytest.fixture
def notified(storage: Stack) -> tuple[str, Queue]:
    """Give a bucket, and the queue that is told of its new objects."""
    bucket, name = f"raw-{uuid.uuid4().hex[:12]}", f"queue-{uuid.uuid4().hex[:12]}"
    storage.s3().create_bucket(Bucket=bucket)
    notices.connect(storage.s3(), storage.sqs(), bucket, "raw/", name)
    return bucket, Queue(storage.sqs(), notices.url_of(storage.ports.s3, name))


def test_what_s3_tells_of_new_objects_is_read(storage: Stack, notified: tuple[str, Queue]) -> None:
    """However they are made, with the keys and sizes that a listing gives; what is deleted is not told."""
    bucket, queue = notified
    client = storage.s3()
    client.put_object(Bucket=bucket, Key="raw/a b+c%20=ü:/日.json", Body=b"12")
    client.copy_object(
        Bucket=bucket, Key="raw/copy", CopySource={"Bucket": bucket, "Key": "raw/a b+c%20=ü:/日.json"}
    )
    upload = client.create_multipart_upload(Bucket=bucket, Key="raw/parts")["UploadId"]
    of: Any = {"Bucket": bucket, "Key": "raw/parts", "UploadId": upload}
    part = client.upload_part(**of, PartNumber=1, Body=b"123")["ETag"]
    client.complete_multipart_upload(**of, MultipartUpload={"Parts": [{"ETag": part, "PartNumber": 1}]})
    client.put_object(Bucket=bucket, Key="elsewhere/a", Body=b"")
    client.delete_object(Bucket=bucket, Key="elsewhere/a")
    listed = {entry["Key"]: entry["Size"] for entry in client.list_objects_v2(Bucket=bucket)["Contents"]}
    created = [notice for message in queue.drain(4, 20, HOLD) for notice in read(message.body).created]
    assert {notice.key: notice.size for notice in created} == listed
    assert sizes(queue) == (0, 4)


def test_a_queue_tells_how_it_is_set_up(storage: Stack, notified: tuple[str, Queue]) -> None:
    """Nothing to complain of where it is as the embedded stack sets it up; its dead-letter queue can be asked too."""
    bucket, queue = notified
    facts = queue.facts()
    assert (facts.visibility_seconds, facts.retention_seconds, facts.max_receive_count) == (600, 345_600, 5)
    assert f"arn:aws:s3:::{bucket}" in facts.policy
    assert (facts.depth, facts.delayed) == (1, 0)  # what S3 says of the set-up
    assert facts.problems(HOLD) == ()
    assert facts.dead_letter_url is not None
    behind = Queue(storage.sqs(), facts.dead_letter_url).facts()
    assert (behind.retention_seconds, behind.depth) == (14 * 24 * 3600, 0)


def test_a_queue_that_will_cause_trouble_says_how_to_mend_it(queue: Queue) -> None:
    """One line each: a visibility shorter than the work, no redrive policy, or one that gives up too soon."""
    shown = queue.facts().problems(HOLD)
    assert [problem.partition(",")[0] for problem in shown] == [
        "its visibility timeout is 30 s",
        "it has no redrive policy",
    ]
    assert "600 s, or more" in shown[0]
    policy = f'{{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:{queue.url.rpartition("/")[2]}",'
    queue.client.set_queue_attributes(
        QueueUrl=queue.url,
        Attributes={"VisibilityTimeout": "600", "RedrivePolicy": policy + '"maxReceiveCount":2}'},
    )
    (problem,) = queue.facts().problems(HOLD)
    assert "its maxReceiveCount is 2, " in problem
    assert problem.endswith("set it to 5")


def asking(queue: Queue) -> Iterator[Any]:
    """Yield each thing that a queue can be asked for."""
    yield lambda: queue.receive(1, 0, HOLD)
    yield lambda: queue.drain(1, 0, HOLD)
    yield lambda: queue.hold(["receipt"], HOLD)
    yield lambda: queue.acknowledge(["receipt"])
    yield lambda: queue.send("body")
    yield queue.facts


def test_a_queue_that_is_not_there_is_refused_with_the_remedy(queue: Queue) -> None:
    """Whatever is asked of it."""
    for ask in asking(Queue(queue.client, queue.url + "-none")):
        with pytest.raises(Refused, match=r"-none: SQS answered .*create the queue, or correct queue_url"):
            ask()


def test_a_server_that_is_not_there_passes(queue: Queue) -> None:
    """As an outage of the network does."""
    once = Config(retries={"total_max_attempts": 1}, proxies={})
    session = boto3.session.Session("test", "test", region_name="us-east-1")
    nowhere = session.client("sqs", endpoint_url="http://127.0.0.1:1", config=once)
    for ask in asking(Queue(nowhere, queue.url)):
        with pytest.raises(WillPass, match=r"SQS can't be reached: .*check the network and the endpoint"):
            ask()


@pytest.mark.parametrize(
    ("code", "kind", "remedy"),
    [
        ("QueueDoesNotExist", Refused, "create the queue, or correct queue_url"),
        ("AccessDenied", Refused, "grant sqs:GetQueueAttributes on it"),
        ("AccessDeniedException", Refused, "grant sqs:GetQueueAttributes on it"),
        ("KmsAccessDenied", Refused, "kms:Decrypt"),
        ("InvalidAddress", Refused, "endpoint or region is not the queue's"),
        ("InvalidClientTokenId", Refused, "check the AWS connection's credentials"),
        ("ExpiredToken", Refused, "check the AWS connection's credentials"),
        ("UnsupportedOperation", Refused, "check queue_url and the AWS connection"),
        ("RequestThrottled", WillPass, "SQS answered RequestThrottled"),
        ("ThrottlingException", WillPass, "SQS answered ThrottlingException"),
        ("KmsThrottled", WillPass, "SQS answered KmsThrottled"),
        ("OverLimit", WillPass, "SQS answered OverLimit"),
        ("ServiceUnavailable", WillPass, "SQS answered ServiceUnavailable"),
        ("503", WillPass, "SQS answered 503"),
    ],
)
def test_what_sqs_answers_says_whether_it_will_pass(code: str, kind: type[Exception], remedy: str) -> None:
    """And otherwise what a person must do."""

    class Answering:
        def get_queue_attributes(self, **_: object) -> None:
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, "GetQueueAttributes")

    with pytest.raises(kind, match=remedy):
        Queue(cast("SQSClient", Answering()), "https://sqs.eu-west-1.amazonaws.com/111122223333/q").facts()


@pytest.mark.parametrize(
    ("url", "region"),
    [
        ("https://sqs.eu-west-1.amazonaws.com/111122223333/q", "eu-west-1"),
        ("https://sqs-fips.us-gov-west-1.amazonaws.com/111122223333/q", "us-gov-west-1"),
        ("https://sqs.cn-north-1.amazonaws.com.cn/111122223333/q", "cn-north-1"),
        ("https://sqs.ap-southeast-2.api.aws/111122223333/q", "ap-southeast-2"),
        ("https://vpce-0a1b-2c3d.sqs.us-east-2.vpce.amazonaws.com/111122223333/q", "us-east-2"),
        ("https://us-west-2.queue.amazonaws.com/111122223333/q", "us-west-2"),
        ("https://queue.amazonaws.com/111122223333/q", "otherwise"),
        ("http://127.0.0.1:4566/000000000000/q", "otherwise"),
    ],
)
def test_the_region_is_the_one_of_the_url(url: str, region: str) -> None:
    """Where the URL names one; so no other is asked."""
    assert region_of(url, "otherwise") == region
