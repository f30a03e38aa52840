"""The way of S3's notices to the queue of a seed, on which they are lost, doubled, held up and mixed."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from log_router.queue import SYSTEM_ATTRIBUTES, Queue
from log_router.redriving import Redriver
from log_router.store import Store
from tests.harness import notices
from tests.harness.journal import Journal
from tests.harness.notices import Put
from tests.harness.world import Version

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_BATCH = 10
# As the triggerer holds the message that wakes a run.
_WOKEN_SECONDS = 60
# So old are some notices.
_OLD = timedelta(days=2)


_BODY = "harness_body"


@dataclass(frozen=True)
class Letter:
    """A message that was sent: what it tells of; nothing where it is not ours, or `foreign`, as nothing of S3's is."""

    body: str
    puts: tuple[Put, ...] = ()
    foreign: bool = False


@dataclass
class _Due:
    put: Put
    rounds: int


@dataclass
class Post:
    """A queue, its dead-letter queue, and all messages that were ever sent, by their ids."""

    client: "SQSClient"
    name: str
    rng: random.Random
    journal: Journal
    max_receives: int
    puts: list[Put] = field(default_factory=list)
    letters: dict[str, Letter] = field(default_factory=dict)
    forwarded: set[str] = field(default_factory=set)
    due: list[_Due] = field(default_factory=list)
    url: str = ""
    dead_url: str = ""

    def begin(self) -> str:
        """Make the queues; return the URL of the one that is notified."""
        self.dead_url = self.client.create_queue(QueueName=f"{self.name}-dead")["QueueUrl"]
        arn = f"arn:aws:sqs:us-east-1:000000000000:{self.name}-dead"
        redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": self.max_receives})
        attributes: Any = {"RedrivePolicy": redrive, "VisibilityTimeout": "600"}
        self.url = self.client.create_queue(QueueName=self.name, Attributes=attributes)["QueueUrl"]
        events = self.client.meta.events
        events.register("before-parameter-build.sqs.ReceiveMessage", _at_once)
        events.register("before-parameter-build.sqs.SendMessage", _remembered)
        events.register("after-call.sqs.SendMessage", self._forwarded)
        return self.url

    def end(self) -> None:
        """Delete the queues."""
        for url in (self.url, self.dead_url):
            self.client.delete_queue(QueueUrl=url)

    def put(self, version: Version) -> None:
        """Note that an object is about to be written; its notices are sent with later deliveries, or never."""
        old = self.rng.random() < 0.2
        put = Put(version, len(self.puts), datetime.now(UTC) - (_OLD if old else timedelta()), old)
        self.puts.append(put)
        self.journal.note(put=put.number)
        fate = self.rng.random()
        if fate < 0.15:
            return
        self.due.append(_Due(put, self.rng.randrange(1, 4) if fate < 0.3 else 0))
        if fate > 0.85:
            self.due.append(_Due(put, self.rng.choice([0, 0, 1, 2])))

    def deliver(self, *, everything: bool = False) -> None:
        """Send the notices that are due, in any order, one or several in a message; now and then something else."""
        now = [one.put for one in self.due if everything or not one.rounds]
        self.due = [_Due(one.put, one.rounds - 1) for one in self.due if one.rounds and not everything]
        self.rng.shuffle(now)
        self._send([*self._told(now), *self._others()])

    def expire(self) -> int:
        """Have the visibility of all messages end that somebody has; return how many."""
        receipts = [receipt for message_id, receipt in self._receipts().items() if message_id in self.letters]
        ended = 0
        for start in range(0, len(receipts), _BATCH):
            entries: Any = [
                {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
                for number, receipt in enumerate(receipts[start : start + _BATCH])
            ]
            answer = self.client.change_message_visibility_batch(QueueUrl=self.url, Entries=entries)
            # The others were acknowledged, or received again meanwhile.
            ended += len(answer.get("Successful", []))
        return ended

    def wake(self) -> list[Any]:
        """Return the message that the triggerer hands to a sensor that has waited, or none."""
        found = self._receive(self.url, 1)
        return json.loads(json.dumps(found))  # type: ignore[no-any-return]

    def redrive(self, store: Store) -> int:
        """Have the product move back from the dead-letter queue what can be loaded; return how many messages."""
        if not self._count(self.dead_url, "ApproximateNumberOfMessages"):
            return 0
        queues = Queue(self.client, self.dead_url), Queue(self.client, self.url)
        return Redriver(store, *queues).redrive(None, done=True).moved

    def left(self) -> tuple[set[str], set[str]]:
        """Take what is in the queue, then what is in the dead-letter queue; return the ids."""
        self.expire()
        # In this order: with a receive SQS moves what was received too often.
        return self._all(self.url), self._all(self.dead_url)

    def hidden(self) -> int:
        """Return how many messages of the queue somebody has."""
        return self._count(self.url, "ApproximateNumberOfMessagesNotVisible")

    def _count(self, url: str, name: Any) -> int:
        answer = self.client.get_queue_attributes(QueueUrl=url, AttributeNames=[name])
        return int(answer["Attributes"][name])

    def _forwarded(self, parsed: Any, context: Any, **_: object) -> None:
        """Know a message that was sent once more by what it says."""
        found = (letter for letter in self.letters.values() if letter.body == context[_BODY])
        self.letters[parsed["MessageId"]] = next(found)
        self.forwarded.add(parsed["MessageId"])

    def _told(self, puts: list[Put]) -> Iterator[Letter]:
        while puts:
            some = tuple(puts.pop() for _ in range(min(len(puts), self.rng.choice([1, 1, 1, 2, 4]))))
            yield Letter(notices.told(some, self.rng), some)

    def _others(self) -> Iterator[Letter]:
        if self.puts and self.rng.random() < 0.25:
            yield Letter(notices.stray(self.rng.choice(self.puts), self.rng))
        if self.puts and self.rng.random() < 0.1:
            yield Letter(notices.foreign(self.rng.choice(self.puts), self.rng), foreign=True)

    def _send(self, letters: list[Letter]) -> None:
        for start in range(0, len(letters), _BATCH):
            some = dict(enumerate(letters[start : start + _BATCH]))
            entries: Any = [{"Id": str(number), "MessageBody": one.body} for number, one in some.items()]
            answer = self.client.send_message_batch(QueueUrl=self.url, Entries=entries)
            for sent in answer["Successful"]:
                self.letters[sent["MessageId"]] = some[int(sent["Id"])]

    def _receipts(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for entry in self.journal.entries():
            found.update(entry.get("received", {}))
        return found

    def _receive(self, url: str, most: int) -> Any:
        answer = self.client.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=most,
            WaitTimeSeconds=0,
            VisibilityTimeout=_WOKEN_SECONDS,
            MessageSystemAttributeNames=SYSTEM_ATTRIBUTES,
        )
        found = answer.get("Messages", [])
        if found:
            self.journal.note(received={one["MessageId"]: one["ReceiptHandle"] for one in found})
        return found

    def _all(self, url: str) -> set[str]:
        found: set[str] = set()
        while some := self._receive(url, _BATCH):
            found |= {one["MessageId"] for one in some}
        return found


def _at_once(params: Any, **_: object) -> None:
    params["WaitTimeSeconds"] = 0


def _remembered(params: Any, context: Any, **_: object) -> None:
    context[_BODY] = params["MessageBody"]
