"""From the messages of a real queue to rows and acknowledgement, as the tasks of a stream run do it."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from local import notices
from local.s3 import sqs_client
from local.stack import Stack
from log_router import keeping, receiving
from log_router.core.deliveries import Deliveries, Delivery
from log_router.core.notices import read
from log_router.deliveries import Looked, acknowledge, look
from log_router.queue import Queue
from log_router.receiving import Received
from log_router.site import Site
from tests.adapters.place import VIEW, MakePlace, Place, order
from tests.e2e.airflow import until

HOUR = "raw/2026/01/31/13/"
NOW = datetime(2026, 1, 31, 14, tzinfo=UTC)
FOREIGN = '{"Records": "none"}'


@dataclass(frozen=True)
class Stream:
    """A site with a queue of its own, to which its raw bucket sends notices."""

    place: Place
    queue: Queue
    site: Site

    def receive(self) -> Received:
        """Take what is in the queue and write it down; return what the next task reads."""
        key = receiving.write_down(self.place.store, receiving.receive(self.site, []))
        return Received.from_json(self.place.store.get(key))

    def look(self, now: datetime = NOW) -> Looked:
        """Take what is in the queue and see what it tells of."""
        return look(self.place.store, self.receive().messages, now)

    def acknowledge(self, deliveries: Deliveries) -> list[str]:
        """Acknowledge what is done, as the next task finds it; return what is said of the rest."""
        key = self.place.store.put_deliveries("notices/x.json", deliveries)
        kept = Deliveries.from_json(self.place.store.get(key))
        return acknowledge(self.queue, self.place.planner, kept)

    @property
    def left(self) -> int:
        """How many messages the queue has, received or not."""
        facts = self.queue.facts()
        return facts.depth + facts.in_flight


MakeStream = Callable[..., Stream]


@pytest.fixture
def make_stream(make_place: MakePlace, storage: Stack) -> MakeStream:
    """Give a maker of sites with a queue, with settings as asked for."""

    def make(**settings: object) -> Stream:
        place = make_place(**settings)
        name = f"notices-{place.settings.raw_bucket}"
        notices.connect(storage.s3(), storage.sqs(), place.settings.raw_bucket, name=name)
        queue = Queue(sqs_client(storage.ports.s3_front), notices.url_of(storage.ports.s3, name))
        (test_event,) = queue.drain(1, 5, 600)
        assert read(test_event.body).ignored == {"s3:TestEvent": 1}
        queue.acknowledge([test_event.receipt])
        place.planner.prepare()
        site = Site(place.settings)
        site.store, site.queue, site.warehouse = place.store, queue, place.warehouse
        site.statements, site.catalog = place.statements, place.catalog
        return Stream(place, queue, site)

    return make


@pytest.fixture
def stream(make_stream: MakeStream) -> Stream:
    """Give a site with a queue."""
    return make_stream()


def test_a_noticed_object_is_the_listed_one(stream: Stream) -> None:
    """Whatever its key, an object found by its notice is the same as the one a listing gives; twice noticed, once."""
    for name in ("a b+c.json", "é/%41?.json", "a.json", "a.json"):
        stream.place.upload(HOUR + name, VIEW)
    looked = stream.look()
    assert looked.raws == stream.place.store.list_raw("raw/")
    assert len(looked.raws) == 3
    assert len(looked.deliveries.entries) == 4


def test_what_is_not_ours_is_acknowledged(stream: Stream) -> None:
    """A key outside the hours, a folder and a message of AWS's own are done as they are, and plan nothing."""
    bucket = stream.place.settings.raw_bucket
    for key in ("elsewhere/a.json", HOUR):
        stream.place.producer.put_object(Bucket=bucket, Key=key, Body=b"")
    stream.queue.send(json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": bucket}))
    looked = stream.look()
    assert looked.raws == ()
    assert stream.acknowledge(looked.deliveries) == []
    assert stream.left == 0


def test_only_what_is_settled_is_acknowledged(stream: Stream) -> None:
    """Before its record a message stays; after it, it goes, whichever run has loaded its object."""
    stream.place.upload(HOUR + "a", order(1))
    looked = stream.look()
    assert stream.acknowledge(looked.deliveries) == []
    assert stream.left == 1
    stream.place.run("an hourly run")
    assert stream.acknowledge(looked.deliveries) == []
    assert stream.left == 0


def test_an_object_that_is_not_whole_keeps_its_message(stream: Stream) -> None:
    """One of two objects can't be loaded: its message stays, the other's goes."""
    stream.place.upload(HOUR + "a", order(1))
    stream.place.upload(HOUR + "b", VIEW)
    looked = stream.look()
    batch = stream.place.planner.plan("run", "stream", looked.raws)
    stream.place.finish(batch, failing="order_placed")
    assert stream.acknowledge(looked.deliveries) == []
    assert stream.left == 1


def test_an_object_that_was_overwritten_keeps_no_message(stream: Stream) -> None:
    """Both notices of a key that was written twice tell of what it holds now."""
    stream.place.upload(HOUR + "a", order(1))
    stream.place.upload(HOUR + "a", order(2))
    looked = stream.look()
    stream.place.finish(stream.place.planner.plan("run", "stream", looked.raws))
    assert stream.acknowledge(looked.deliveries) == []
    assert stream.left == 0
    assert stream.place.rows('SELECT "order" FROM order_placed') == [[2]]


def test_bad_messages_stay_and_are_named(stream: Stream, storage: Stack) -> None:
    """A message of somebody else, and those of objects that are gone or denied: left to the queue, each named."""
    for name in ("gone", "denied", "good"):
        stream.place.upload(HOUR + name, VIEW)
    stream.place.producer.delete_object(Bucket=stream.place.settings.raw_bucket, Key=HOUR + "gone")
    stream.queue.send(FOREIGN)
    storage.s3_faults.arm(
        at="request", does="error", operation="HeadObject", matching="denied", code="AccessDenied"
    )
    looked = stream.look()
    storage.s3_faults.clear()
    assert [raw.key for raw in looked.raws] == [HOUR + "good"]
    stream.place.finish(stream.place.planner.plan("run", "stream", looked.raws))
    said = "\n".join(stream.acknowledge(looked.deliveries))
    assert f"{HOUR}gone: S3 answered 404; it was deleted" in said
    assert f"{HOUR}denied: S3 answered 403; grant s3:GetObject" in said
    assert '"Records": "none"' in said
    assert stream.left == 3


def test_a_key_that_cannot_be_recorded_holds_up_no_other(stream: Stream) -> None:
    """Whatever characters keys hold, rows come and messages go; but for U+0000, which Redshift takes in no text."""
    odd = (
        "../x",
        "x\ny",
        "\r\n",
        "é\U0001f600",
        "%2B+ &?#'\"\\|<>",
        "\x07\x7f",
        " x ",
        "\ufffe",
        "//x//",
        "z" * 990,
    )
    for name in (*odd, "a\0b"):
        stream.place.upload(HOUR + name, VIEW)
    looked = stream.look()
    ran = stream.place.finish(stream.place.planner.plan("run", "stream", looked.raws))
    assert [broken.reason for broken in ran.reports[0].broken] == ["unrecordable"]
    assert stream.acknowledge(looked.deliveries) == []
    assert stream.left == 1
    recorded = stream.place.ledger_rows('SELECT object_key FROM "{}".objects')
    assert {str(key) for (key,) in recorded} == {HOUR + name for name in odd}
    assert stream.place.rows("SELECT COUNT(*) FROM page_viewed") == [[len(odd)]]


def test_a_notice_that_is_too_old_is_left_to_the_hourly_run(make_stream: MakeStream) -> None:
    """It is not planned, its message stays without an error; once an hourly run has loaded the object, it goes."""
    stream = make_stream(stream_max_age_seconds=3600)
    stream.place.upload(HOUR + "a", VIEW)
    received = stream.receive()
    late = datetime.now(UTC) + timedelta(hours=2)
    assert len(look(stream.place.store, received.messages, datetime.now(UTC)).raws) == 1
    looked = look(stream.place.store, received.messages, late)
    assert looked.raws == ()
    assert stream.acknowledge(looked.deliveries) == []
    assert stream.left == 1
    stream.place.run("hourly")
    assert stream.acknowledge(looked.deliveries) == []
    assert stream.left == 0


def test_the_message_that_woke_a_run_is_its_own(stream: Stream) -> None:
    """It is held with those that came with it; one that was received by somebody else since is left out."""
    for name in ("a", "b"):
        stream.place.upload(HOUR + name, VIEW)
    first, second = stream.queue.receive(1, 1, 60), stream.queue.receive(1, 1, 0)
    (again,) = stream.queue.receive(1, 1, 600)
    assert again.message_id == second[0].message_id
    received = receiving.receive(stream.site, [*first, *second])
    assert [message.receipt for message in received.messages] == [first[0].receipt]


def test_a_run_takes_no_more_than_it_may(make_stream: MakeStream) -> None:
    """The rest stays in the queue for the next run."""
    stream = make_stream(stream_max_messages=12)
    for number in range(15):
        stream.place.upload(f"{HOUR}{number}", VIEW)
    (woken,) = stream.queue.receive(1, 1, 60)
    assert len(receiving.receive(stream.site, [woken]).messages) == 12
    assert stream.queue.facts().depth == 3


def test_a_message_is_received_once_while_others_are_gathered(stream: Stream) -> None:
    """However long that takes and however short messages are held: else good ones end as dead letters."""
    limits = {"stream_hold_seconds": 1, "stream_max_seconds": 3}
    stream.site.settings = stream.place.settings.model_copy(update=limits)
    ended = threading.Event()

    def produce() -> None:
        while not ended.wait(0.2):
            stream.queue.send(FOREIGN)

    producer = threading.Thread(target=produce)
    producer.start()
    try:
        messages = receiving.receive(stream.site, []).messages
    finally:
        ended.set()
        producer.join()
    assert len(messages) > 1
    assert {message.received for message in messages} == {1}


def test_messages_are_held_while_a_task_works(make_stream: MakeStream, storage: Stack) -> None:
    """Messages that anybody could receive are nobody else's once a task is at work, and are held anew again."""
    stream = make_stream(stream_hold_seconds=10)
    stream.place.upload(HOUR + "a", VIEW)
    looked = look(stream.place.store, stream.queue.drain(1, 5, 0), NOW)
    key = stream.place.store.put_deliveries("notices/x.json", looked.deliveries)
    holds = held_so_far(storage)
    with keeping.kept(stream.site, {"deliveries": key, "held_at": NOW.isoformat()}):
        until(lambda: held_so_far(storage) > holds, 30)
        assert stream.queue.receive(1, 1, 0) == []
        until(lambda: held_so_far(storage) > holds + 1, 30)


def test_messages_are_held_anew_after_a_failure(stream: Stream, storage: Stack) -> None:
    """Whatever fails, such as Airflow's server that is asked for the connection: the next third is tried again."""

    class Flaky(Site):
        asked = 0

        @property
        def queue(self) -> Queue:
            self.asked += 1
            if self.asked == 1:
                raise RuntimeError("the API server does not answer")
            return stream.queue

    site = Flaky(stream.place.settings.model_copy(update={"stream_hold_seconds": 1}))
    site.store = stream.place.store
    key = site.store.put_deliveries("notices/x.json", Deliveries((Delivery("id", "receipt"),)))
    holds = held_so_far(storage)
    with keeping.kept(site, {"deliveries": key, "held_at": NOW.isoformat()}):
        until(lambda: held_so_far(storage) > holds, 30)


def held_so_far(storage: Stack) -> int:
    """Return how often messages were held on these servers."""
    return storage.s3_faults.asked("")["ChangeMessageVisibilityBatch"]
