"""A storm over the stream: a thousand objects, and what goes wrong with their notices and with processes meanwhile."""

import gzip
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple
from urllib.parse import quote_plus, unquote_plus

from local import notices
from local.stack import RAW_BUCKET, RAW_FOLDER, Stack
from tests.accidents import hours
from tests.accidents.stage import Stage
from tests.e2e.airflow import until
from tests.e2e.test_generated import settings_variable

DAG = "log_router_stream"
_SECONDS = 300.0
# for a slow machine: nothing is said of how long it takes
_LIMIT_SECONDS = 7200.0
_OBJECTS = 1000
_BROKEN = 3
_MOST_LINES = 20
# S3 encodes them in its notices
_ENDINGS = ("", " a b", "+", "é", "%2B", "=&?;")
_DOUBLED = 0.05
_LATE = 0.2
_LATE_SECONDS = 30.0
SIDE = "storm"
_TEST_EVENT = {
    "Service": "Amazon S3",
    "Event": "s3:TestEvent",
    "Time": "2025-03-01T00:00:00.000Z",
    "Bucket": RAW_BUCKET,
}
_FOREIGN = ("not json", "[]", "{}", '{"Records": "none"}', '{"hello": "world"}', '{"Type": "Notification"}')
# All objects of a run in a chunk or two; what nobody acknowledges comes again soon.
_SETTINGS = {"chunk_bytes": str(128 * 1024 * 1024), "stream_hold_seconds": "40"}
_KILLED = ("worker", "triggerer", "scheduler")


class Put(NamedTuple):
    """An object, and the second of the storm at which it is written; `content` is None where it can't be read."""

    at: float
    key: str
    body: bytes
    content: hours.Content | None


class Sent(NamedTuple):
    """A message that is not S3's, the second at which it is sent, and whether nobody may acknowledge it."""

    at: float
    body: str
    bad: bool


def storm(stage: Stage) -> None:
    """Let objects and messages come, kill processes meanwhile, and wait until every message is where it belongs."""
    stack, dice = stage.stack, stage.dice
    puts = _puts(stage.hour, dice)
    wire = Wire(stack, random.Random(dice.random()), {put.key: put for put in puts})  # noqa: S311 - test data
    began = time.monotonic()
    with settings_variable(stack, **_SETTINGS):
        stack.api.patch(f"/dags/{DAG}", {"is_paused": False})
        _rage(stage, puts, wire)
        bad = wire.bad.total()
        until(lambda: _left(stack) == (0, bad), _LIMIT_SECONDS)
        stack.api.patch(f"/dags/{DAG}", {"is_paused": True})
    dead = Counter(taken(stack, f"{notices.QUEUE}-dead"))
    assert dead == wire.bad, (
        f"in the dead-letter queue lack {wire.bad - dead}, are too many {dead - wire.bad}"
    )
    stage.written |= {put.key: put.content for put in puts if put.content}
    runs = Counter(run["state"] for run in stack.api.pages(f"/dags/{DAG}/dagRuns", "dag_runs"))
    said = [f"{count} runs {state}" for state, count in sorted(runs.items())]
    stage.notes += [f"{len(puts)} objects", *wire.said(), *said]
    stage.notes.append(f"queue empty after {time.monotonic() - began:.0f} s: success")


def _rage(stage: Stage, puts: list[Put], wire: "Wire") -> None:
    """Write the objects, carry the messages and kill processes, all at once."""
    messages = _messages(stage.hour, stage.dice)
    began = time.monotonic()
    with notices_held_up(stage.stack), ThreadPoolExecutor() as hands:
        at_work = [
            hands.submit(_write, stage.stack, puts, began),
            hands.submit(wire.carry, messages, began),
        ]
        _kill(stage, began)
        for work in at_work:
            work.result()


class Wire:
    """Between S3 and the queue: what S3 says comes late, in another order, twice, and among what others say.

    `bad` are the bodies that the stream can't acknowledge, each as often as it was sent.
    """

    def __init__(self, stack: Stack, dice: random.Random, puts: dict[str, Put]) -> None:
        self.bad: Counter[str] = Counter()
        self._stack, self._sqs, self._dice, self._puts = stack, stack.sqs(), dice, puts
        self._counts: Counter[str] = Counter()

    def carry(self, others: list[Sent], began: float) -> None:
        """Send on all that S3 has to say of the objects, and the messages of others."""
        unseen = set(self._puts)
        held = [(began + one.at, one.body) for one in others]
        self.bad.update(one.body for one in others if one.bad)
        self._counts.update("foreign, or of no object" if one.bad else "of others" for one in others)
        while unseen or held:
            for body in taken(self._stack, SIDE):
                keys = {
                    unquote_plus(record["s3"]["object"]["key"])
                    for record in json.loads(body).get("Records", [])
                }
                unseen -= keys
                times = self._times()
                held += [(at, body) for at in times]
                if any(self._puts[key].content is None for key in keys):
                    self.bad[body] += len(times)
            held = self._send(held)
            if time.monotonic() > began + _LIMIT_SECONDS:
                raise TimeoutError(f"S3 said nothing of {len(unseen)} objects")
            time.sleep(0.2)

    def _times(self) -> list[float]:
        """Return when a message is to go on, once or twice."""
        found = []
        for _ in range(1 + (self._dice.random() < _DOUBLED)):
            late = self._dice.random() < _LATE
            found.append(time.monotonic() + self._dice.uniform(0, _LATE_SECONDS if late else 1))
            self._counts["late"] += late
        self._counts["of S3"] += 1
        self._counts["twice"] += len(found) - 1
        return found

    def _send(self, held: list[tuple[float, str]]) -> list[tuple[float, str]]:
        """Send what is due, in any order; return the rest."""
        now = time.monotonic()
        due = [body for at, body in held if at <= now]
        self._dice.shuffle(due)
        for body in due:
            self._sqs.send_message(QueueUrl=self._stack.queue_url, MessageBody=body)
        return [(at, body) for at, body in held if at > now]

    def said(self) -> list[str]:
        """Return what was sent, in words."""
        return [f"{count} messages {what}" for what, count in self._counts.items()]


def _puts(hour: datetime, dice: random.Random) -> list[Put]:
    """Return the objects in the order of their times: half of them in bursts, the others evenly."""
    bursts = [dice.uniform(0, _SECONDS) for _ in range(6)]
    found = []
    for number in range(_OBJECTS + _BROKEN):
        at = dice.choice(bursts) + dice.random() if number % 2 else dice.uniform(0, _SECONDS)
        lines = [hours.line(hour, dice) for _ in range(dice.randint(1, _MOST_LINES))]
        if not dice.randrange(50):
            lines.append(b"not json")
        body = gzip.compress(b"\n".join(lines) + b"\n")
        key = f"raw/{hour:%Y/%m/%d/%H}/storm-{number:04}{dice.choice(_ENDINGS)}"
        broken = number >= _OBJECTS
        found.append(Put(at, key, body[:-9] if broken else body, None if broken else hours.content(lines)))
    return sorted(found)


def _messages(hour: datetime, dice: random.Random) -> list[Sent]:
    """Return messages that S3 sends too but that are not of our objects, and such as can never be acknowledged."""
    key = f"raw/{hour:%Y/%m/%d/%H}/"
    ours = [json.dumps(_TEST_EVENT), _notice(RAW_BUCKET, f"{key}0", "ObjectRemoved:Delete")]
    ours += [_notice("of-another-team", f"{key}0"), _notice(RAW_BUCKET, "elsewhere/0")]
    never = [*_FOREIGN, *(_notice(RAW_BUCKET, f"{key}vanished-{number}") for number in range(3))]
    times = [(body, body in never) for body in (*ours, *never) for _ in range(3)]
    return [Sent(dice.uniform(0, _SECONDS), body, bad) for body, bad in times]


def _notice(bucket: str, key: str, name: str = "ObjectCreated:Put") -> str:
    what = {
        "bucket": {"name": bucket},
        "object": {"key": quote_plus(key, safe="/"), "size": 1, "eTag": "0", "sequencer": "0"},
    }
    record = {"eventSource": "aws:s3", "eventName": name, "eventTime": "2025-03-01T00:00:00.000Z", "s3": what}
    return json.dumps({"Records": [record]})


@contextmanager
def notices_held_up(stack: Stack) -> Iterator[None]:
    """Let S3 send its notices to a queue of the storm's in place of the stream's."""
    notices.connect(stack.s3(), stack.sqs(), RAW_BUCKET, RAW_FOLDER, SIDE)
    yield
    notices.connect(stack.s3(), stack.sqs(), RAW_BUCKET, RAW_FOLDER)


def _write(stack: Stack, puts: list[Put], began: float) -> None:
    client = stack.s3()
    for put in puts:
        time.sleep(max(0.0, began + put.at - time.monotonic()))
        client.put_object(Bucket=RAW_BUCKET, Key=put.key, Body=put.body)


def _kill(stage: Stage, began: float) -> None:
    """Kill processes at random moments, and start them again."""
    dice = stage.dice
    moments = sorted(dice.uniform(20, _SECONDS) for _ in _KILLED)
    for at, name in zip(moments, dice.sample(_KILLED, len(_KILLED)), strict=True):
        time.sleep(max(0.0, began + at - time.monotonic()))
        if name == "worker":
            what = f"worker of {stage.kill_worker(DAG)}"
        else:
            with_children = bool(dice.randrange(2))
            stage.kill_service(name, with_children=with_children)
            what = f"{name}{' and its children' * with_children}"
        print(f"     {time.monotonic() - began:4.0f} s  killed: {what}", flush=True)
        if name != "worker":
            time.sleep(2)
            stage.start_service(name)


def _left(stack: Stack) -> tuple[int, int]:
    """Return how many messages are in the queue, received or not, and in the dead-letter queue."""
    sqs = stack.sqs()
    return notices.depth(sqs), notices.depth(sqs, f"{notices.QUEUE}-dead")


def taken(stack: Stack, name: str) -> Iterator[str]:
    """Yield the bodies of the messages in a queue, and delete them."""
    sqs = stack.sqs()
    url = notices.url_of(stack.ports.s3, name)
    while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            yield message["Body"]
