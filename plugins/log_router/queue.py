"""SQS: the messages of one queue, received, held and acknowledged."""

import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, Self

import orjson
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotoConnectionError

from log_router.core.errors import LogRouterError, Refused, WillPass

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# What a message must be received with.
SYSTEM_ATTRIBUTES: list[Literal["ApproximateReceiveCount", "SentTimestamp"]] = [
    "ApproximateReceiveCount",
    "SentTimestamp",
]
# "Amazon Simple Queue Service endpoints and quotas", AWS General Reference; the second is how URLs once were.
_REGION = r"([a-z]+(?:-[a-z]+)+-[0-9]+)"
_URL_REGION = re.compile(rf"[/.]sqs(?:-fips)?\.{_REGION}\.|//{_REGION}\.queue\.amazonaws\.")
# The most messages that SQS takes or gives in one request.
_BATCH = 10
_TRIES = 3
_NO_RECEIPT = "none"
_FEWEST_RECEIVES = 3
# Error codes of the Amazon SQS API Reference, "Common errors" and each action's; two have an older name as well.
_MISSING = {"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"}
_DENIED = {"AccessDenied", "AccessDeniedException", "KmsAccessDenied"}
_CREDENTIALS = {
    *("InvalidClientTokenId", "UnrecognizedClientException", "InvalidSecurity", "MissingAuthenticationToken"),
    *("SignatureDoesNotMatch", "InvalidSignatureException", "ExpiredToken", "ExpiredTokenException"),
}
_PASSING = {
    *("RequestThrottled", "Throttling", "ThrottlingException", "KmsThrottled", "OverLimit"),
    *("InternalError", "InternalFailure", "ServiceUnavailable", "RequestTimeout", "500", "503"),
}
# What one entry of a batch may be answered where its message was received again since, or deleted.
_GONE = {
    *("ReceiptHandleIsInvalid", "InvalidParameterValue"),
    *("MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight"),
}


@dataclass(frozen=True)
class Message:
    """One message as it was received; `receipt` is of this time only, `received` says how many times so far."""

    message_id: str
    receipt: str
    body: str
    received: int
    sent_at: datetime

    @classmethod
    def from_answer(cls, found: Mapping[str, Any]) -> Self:
        """Return a message of what SQS answers, asked for it with `SYSTEM_ATTRIBUTES`."""
        said = found["Attributes"]
        return cls(
            message_id=found["MessageId"],
            receipt=found["ReceiptHandle"],
            body=found["Body"],
            received=int(said["ApproximateReceiveCount"]),
            sent_at=datetime.fromtimestamp(int(said["SentTimestamp"]) / 1000, UTC),
        )


@dataclass(frozen=True)
class Tally:
    """What became of a request for many messages.

    Attributes:
        done: messages for which it was done.
        gone: messages whose receipt is good no more: they were deleted, or come again.
        left: messages for which it could not be done now, by error code.
    """

    done: int = 0
    gone: int = 0
    left: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Facts:
    """How a queue is set up, and about how many messages it has: to be received, received already, or delayed.

    `policy` is the JSON text that says who may use it, empty where there is none.
    """

    url: str
    visibility_seconds: int
    retention_seconds: int
    dead_letter_url: str | None
    max_receive_count: int | None
    policy: str
    depth: int
    in_flight: int
    delayed: int

    def problems(self, hold_seconds: int) -> tuple[str, ...]:
        """Return what of the set-up will cause trouble in runs that hold messages so long; each with its remedy."""
        found = []
        if self.visibility_seconds < hold_seconds:
            found.append(
                f"its visibility timeout is {self.visibility_seconds} s, so messages come again while they are "
                f"worked on; set it to stream_hold_seconds, {hold_seconds} s, or more"
            )
        if self.max_receive_count is None:
            found.append(
                "it has no redrive policy, so a message that can't be read comes again until its retention ends; "
                "give it a dead-letter queue with maxReceiveCount 5"
            )
        elif self.max_receive_count < _FEWEST_RECEIVES:
            found.append(
                f"its maxReceiveCount is {self.max_receive_count}, so one lost worker sends good messages to the "
                "dead-letter queue; set it to 5"
            )
        return tuple(found)


def region_of(url: str, otherwise: str | None) -> str | None:
    """Return the region that a queue's URL names, the only one where SQS answers for it."""
    named = _URL_REGION.search(url)
    return named[1] or named[2] if named else otherwise


@dataclass(frozen=True)
class Queue:
    """One queue.

    Each method raises Refused where the queue does not exist, is not allowed or not where the connection looks for
    it, and WillPass where SQS throttles or can't be reached.
    """

    client: "SQSClient"
    url: str

    def receive(self, most: int, wait_seconds: int, hold_seconds: int) -> list[Message]:
        """Return up to ten messages, as soon as there is one, else after waiting; nobody else gets them meanwhile.

        Args:
            most: how many; SQS gives ten at most.
            wait_seconds: how long to wait for the first, 20 at most. With 0 SQS may overlook messages.
            hold_seconds: how long they are kept from other receivers, and from this one.
        """
        with _sqs_errors(f"receiving from {self.url}", "sqs:ReceiveMessage"):
            answer = self.client.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=min(most, _BATCH),
                WaitTimeSeconds=wait_seconds,
                VisibilityTimeout=hold_seconds,
                MessageSystemAttributeNames=SYSTEM_ATTRIBUTES,
            )
        return [Message.from_answer(found) for found in answer.get("Messages", [])]

    def drain(self, most: int, seconds: float, hold_seconds: int) -> list[Message]:
        """Return messages until there are `most`, or `seconds` have passed, or none came for a second."""
        ends = time.monotonic() + seconds
        # By id: SQS may give a message twice, and then only the latest receipt is sure to be good.
        found: dict[str, Message] = {}
        while len(found) < most:
            came = self.receive(most - len(found), 1, hold_seconds)
            found.update({message.message_id: message for message in came})
            if not came or time.monotonic() >= ends:
                break
        return list(found.values())

    def hold(self, receipts: Sequence[str], seconds: int) -> Tally:
        """Keep messages from all receivers for `seconds` from now."""

        def change(entries: list[Any]) -> Any:
            with _sqs_errors(f"holding messages of {self.url}", "sqs:ChangeMessageVisibility"):
                return self.client.change_message_visibility_batch(QueueUrl=self.url, Entries=entries)

        return _in_batches(change, receipts, {"VisibilityTimeout": seconds})

    def acknowledge(self, receipts: Sequence[str]) -> Tally:
        """Delete messages; nobody will get them again."""

        def delete(entries: list[Any]) -> Any:
            with _sqs_errors(f"acknowledging messages of {self.url}", "sqs:DeleteMessage"):
                return self.client.delete_message_batch(QueueUrl=self.url, Entries=entries)

        return _in_batches(delete, receipts, {})

    def see_rights(self) -> None:
        """Return when messages may be held and deleted; none is touched."""
        # A receipt of no message: SQS looks at the rights first.
        self.hold([_NO_RECEIPT], 0)
        self.acknowledge([_NO_RECEIPT])

    def send(self, body: str) -> None:
        """Add a message."""
        with _sqs_errors(f"sending to {self.url}", "sqs:SendMessage"):
            self.client.send_message(QueueUrl=self.url, MessageBody=body)

    def facts(self) -> Facts:
        """Return how the queue is set up, and about how many messages it has."""
        with _sqs_errors(f"asking for the attributes of {self.url}", "sqs:GetQueueAttributes"):
            answer = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=["All"])
        found: dict[Any, str] = answer["Attributes"]
        redrive = orjson.loads(found["RedrivePolicy"]) if "RedrivePolicy" in found else None
        return Facts(
            url=self.url,
            visibility_seconds=int(found["VisibilityTimeout"]),
            retention_seconds=int(found["MessageRetentionPeriod"]),
            dead_letter_url=redrive and self._beside(redrive["deadLetterTargetArn"]),
            max_receive_count=redrive and int(redrive["maxReceiveCount"]),
            policy=found.get("Policy", ""),
            depth=int(found["ApproximateNumberOfMessages"]),
            in_flight=int(found["ApproximateNumberOfMessagesNotVisible"]),
            delayed=int(found["ApproximateNumberOfMessagesDelayed"]),
        )

    def _beside(self, arn: str) -> str:
        # Of the same account and region: Amazon SQS Developer Guide, "Using dead-letter queues in Amazon SQS".
        return f"{self.url.rpartition('/')[0]}/{arn.rpartition(':')[2]}"


def _in_batches(ask: Callable[[list[Any]], Any], receipts: Sequence[str], more: Mapping[str, int]) -> Tally:
    """Ask for ten messages at a time, and again for those for which it was not done and still can be."""
    gone = 0
    left: Counter[str] = Counter()
    for start in range(0, len(receipts), _BATCH):
        entries = {
            str(number): {"Id": str(number), "ReceiptHandle": receipt, **more}
            for number, receipt in enumerate(receipts[start : start + _BATCH])
        }
        codes: dict[str, str] = {}
        for attempt in range(_TRIES):
            time.sleep(attempt * random.uniform(0, 0.5))  # noqa: S311 - jitter, not a secret
            answer = ask(list(entries.values()))
            codes = {failed["Id"]: failed["Code"] for failed in answer.get("Failed", [])}
            entries = {number: entries[number] for number, code in codes.items() if code not in _GONE}
            gone += len(codes) - len(entries)
            if not entries:
                break
        left.update(codes[number] for number in entries)
    return Tally(len(receipts) - gone - left.total(), gone, dict(left))


@contextmanager
def _sqs_errors(doing: str, right: str) -> Iterator[None]:
    """Turn what SQS answers, or that it can't be reached, into Refused and WillPass."""
    try:
        yield
    except ClientError as error:
        raise _answered(error, doing, right) from error
    except (HTTPClientError, BotoConnectionError) as error:
        raise WillPass(
            f"{doing}: SQS can't be reached: {error}; check the network and the endpoint"
        ) from error
    except BotoCoreError as error:
        raise Refused(f"{doing}: {error}; check the AWS connection") from error


def _answered(error: ClientError, doing: str, right: str) -> LogRouterError:
    code = str(error.response["Error"]["Code"])
    text = f"{doing}: SQS answered {code}: {error}"
    if code in _PASSING:
        return WillPass(text)
    if code in _MISSING:
        remedy = "create the queue, or correct queue_url in the settings"
    elif code in _DENIED:
        remedy = f"grant {right} on it, and kms:Decrypt where it is encrypted with a key of yours"
    elif code in _CREDENTIALS:
        remedy = "check the AWS connection's credentials"
    elif code == "InvalidAddress":
        remedy = "the AWS connection's endpoint or region is not the queue's: correct it, or queue_url"
    else:
        remedy = "check queue_url and the AWS connection"
    return Refused(f"{text}; {remedy}")
