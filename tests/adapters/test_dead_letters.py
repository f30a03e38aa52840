"""The dead-letter queue: what its messages are, and which of them are moved back."""

import json
import uuid
from dataclasses import dataclass

import pytest
import redshift_connector

from local import notices
from local.environment import REGION
from local.stack import Stack
from log_router.checks import queues
from log_router.cli import redrive
from log_router.cli.main import parser
from log_router.core.errors import NeedsAction, Refused
from log_router.queue import Message, Queue
from log_router.redriving import Redriver
from log_router.site import Site
from log_router.warehouse import Warehouse
from tests.adapters.hours import key, run
from tests.adapters.place import VIEW, Place
from tests.adapters.test_examining import lines, site_of

FOREIGN = "what is this?"
TEST_EVENT = '{"Service":"Amazon S3","Event":"s3:TestEvent"}'


@dataclass(frozen=True)
class Queues:
    """A queue that a raw bucket notifies, and its dead-letter queue."""

    place: Place
    queue: Queue
    dead: Queue

    @property
    def site(self) -> Site:
        """What the command line has."""
        site = site_of(self.place)
        site.settings = self.place.settings.model_copy(update={"queue_url": self.queue.url})
        site.queue = self.queue
        return site

    @property
    def redriver(self) -> Redriver:
        """What moves messages back."""
        return Redriver(self.place.store, self.dead, self.queue)

    def die(self, number: int) -> None:
        """Receive the messages of the queue too often, and leave it to the queue to move them."""
        while self.dead.facts().depth < number:
            self.queue.receive(10, 0, 0)

    def bodies(self, queue: Queue) -> list[str]:
        """Return the bodies of all messages that can be received from a queue, and leave them there."""
        found: list[Message] = []
        while came := queue.receive(10, 0, 30):
            found += came
        queue.hold([message.receipt for message in found], 0)
        return sorted(message.body for message in found)


@pytest.fixture
def queues_of(storage: Stack, place: Place) -> Queues:
    """Give the queues of a place; a message that was received once and not acknowledged is dead."""
    client, name = storage.sqs(), uuid.uuid4().hex
    notices.connect(place.producer, client, place.settings.raw_bucket, name=name)
    queue, dead = (Queue(client, notices.url_of(storage.ports.s3, each)) for each in (name, f"{name}-dead"))
    few = {
        "deadLetterTargetArn": f"arn:aws:sqs:{REGION}:000000000000:{name}-dead",
        "maxReceiveCount": "1",
    }
    client.set_queue_attributes(QueueUrl=queue.url, Attributes={"RedrivePolicy": json.dumps(few)})
    # S3 says at once that it may send.
    client.purge_queue(QueueUrl=queue.url)
    return Queues(place, queue, dead)


def test_notices_go_back_and_what_would_only_return_stays(queues_of: Queues) -> None:
    """Foreign bodies and notices of objects that are gone stay, said by name, until they can be of use."""
    place, bucket = queues_of.place, queues_of.place.settings.raw_bucket
    for name in ("a", "b", "gone"):
        place.upload(key(name), VIEW)
    notices = queues_of.bodies(queues_of.queue)
    queues_of.queue.send(FOREIGN)
    place.producer.delete_object(Bucket=bucket, Key=key("gone"))
    queues_of.die(4)
    would = queues_of.redriver.redrive(None, done=False)
    assert would.moved == 2
    foreign, gone = sorted(problem for one in would.left for problem in one.problems)
    assert foreign.startswith(f"a message that begins {FOREIGN!r} is no notice of S3")
    assert gone.startswith(f"s3://{bucket}/{key('gone')}: S3 answered 404")
    assert queues_of.bodies(queues_of.dead) == sorted([*notices, FOREIGN])
    done = queues_of.redriver.redrive(None, done=True)
    assert (done.moved, done.doubled, len(done.left)) == (2, 0, 2)
    facts = queues_of.dead.facts()
    assert (facts.depth, facts.in_flight) == (2, 0)
    assert queues_of.bodies(queues_of.queue) == [body for body in notices if "gone" not in body]
    assert len(queues_of.bodies(queues_of.dead)) == 2
    place.upload(key("gone"), VIEW)
    assert queues_of.redriver.redrive(None, done=True).moved == 1
    assert queues_of.bodies(queues_of.dead) == [FOREIGN]
    all_of_it = Redriver(place.store, queues_of.dead, queues_of.queue, everything=True)
    assert all_of_it.redrive(None, done=True).moved == 1
    assert queues_of.bodies(queues_of.dead) == []


def test_a_redrive_says_what_it_left(queues_of: Queues, capsys: pytest.CaptureFixture[str]) -> None:
    """What would come back as it is stays, and the exit status says so; the document holds what the screen shows."""

    def said(*arguments: str) -> tuple[int, str]:
        status = redrive.run(parser().parse_args(["redrive", *arguments]), queues_of.site)
        return status, capsys.readouterr().out

    for body in (FOREIGN, TEST_EVENT):
        queues_of.dead.send(body)
    foreign = f"a message that begins {FOREIGN!r} is no notice of S3: "
    status, text = said("--yes")
    moved, left, why = text.splitlines()
    assert (status, moved, left) == (1, "Moved: 1 message.", "Left: 1 message:")
    assert why.startswith(f"  {foreign}")
    assert queues_of.bodies(queues_of.queue) == [TEST_EVENT]
    status, text = said("--dry-run", "--json")
    document = json.loads(text)
    assert (status, document["done"], document["moved"]) == (1, False, 0)
    assert document["left"][0]["problems"][0].startswith(foreign)
    assert said("--all", "--dry-run") == (0, "Would be moved: 1 message.\n")


def test_a_redrive_that_is_broken_off_goes_on_where_it_was(queues_of: Queues) -> None:
    """Every message is moved once, whether it was interrupted or told how many."""
    for number in range(25):
        queues_of.queue.send(f'{{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"{number:02d}"}}')
    sent = queues_of.bodies(queues_of.queue)
    queues_of.die(25)

    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        queues_of.redriver.redrive(None, done=True, progress=interrupt)
    moved = queues_of.queue.facts().depth
    assert 0 < moved <= 10
    assert queues_of.redriver.redrive(12, done=True).moved == 12
    assert queues_of.redriver.redrive(None, done=True).moved == 25 - 12 - moved
    assert queues_of.bodies(queues_of.queue) == sent
    assert queues_of.bodies(queues_of.dead) == []


def test_a_redrive_that_can_not_send_leaves_every_message(queues_of: Queues) -> None:
    """Sent first, deleted after: nothing is lost, and all can be received again at once."""
    queues_of.queue.send(TEST_EVENT)
    queues_of.die(1)
    nowhere = Queue(queues_of.queue.client, f"{queues_of.queue.url}-nowhere")
    with pytest.raises(Refused, match="nowhere"):
        Redriver(queues_of.place.store, queues_of.dead, nowhere).redrive(None, done=True)
    assert len(queues_of.bodies(queues_of.dead)) == 1


def test_a_queue_without_a_dead_letter_queue_has_nothing_to_move(queues_of: Queues) -> None:
    """The remedy is named in place of a failure of SQS."""
    queues_of.queue.client.set_queue_attributes(
        QueueUrl=queues_of.queue.url, Attributes={"RedrivePolicy": ""}
    )
    asked = parser().parse_args(["redrive", "--yes"])
    with pytest.raises(NeedsAction, match="has no dead-letter queue: give it a redrive policy"):
        redrive.run(asked, queues_of.site)
    assert list(queues.dead_letters(queues_of.site)) == []


def test_doctor_tells_what_the_dead_letters_are_and_leaves_them(queues_of: Queues) -> None:
    """How many, how old, and of some of them a word each; they stay visible."""
    place = queues_of.place
    place.upload(key("loaded"), VIEW)
    run(place, "one")
    for name in ("pending", "gone"):
        place.upload(key(name), VIEW)
    queues_of.queue.send(FOREIGN)
    queues_of.queue.send(TEST_EVENT)
    place.producer.delete_object(Bucket=place.settings.raw_bucket, Key=key("gone"))
    queues_of.die(5)
    (head, *letters) = lines(queues.dead_letters(queues_of.site))
    assert head.startswith("warning dead-letter queue")
    assert "5 waiting, 0 in flight" in head
    assert "the oldest of the 5 looked at was sent 0:00:" in head
    assert "counts as received once more" in head
    bucket = place.settings.raw_bucket
    for what in (
        f"ago: loaded by now: s3://{bucket}/{key('loaded')};",
        f"ago: not loaded: s3://{bucket}/{key('pending')};",
        f"ago: s3://{bucket}/{key('gone')}: S3 answered 404",
        f"ago: a message that begins {FOREIGN!r} is no notice of S3",
        "ago: nothing of ours in it",
    ):
        assert len([line for line in letters if what in line]) == 1
    assert len(queues_of.bodies(queues_of.dead)) == 5


def test_heads_are_shown_where_nothing_can_tell_what_they_are(queues_of: Queues) -> None:
    """A warehouse that can't be asked hides no message."""
    queues_of.place.upload(key("a"), VIEW)
    queues_of.die(1)
    site = queues_of.site
    site.warehouse = Warehouse(lambda: redshift_connector.connect(host="127.0.0.1", port=1), ())
    (head, problem, letter) = lines(queues.dead_letters(site))
    assert "1 waiting" in head
    assert problem.startswith("problem dead-letter queue: what they are can't be told: ")
    assert 'ago: \'{"Records"' in letter


def test_doctor_tells_what_is_wrong_with_a_queue(queues_of: Queues) -> None:
    """A short visibility, too few receives, nobody who may send; a queue that is not there is a problem."""
    client, url = queues_of.queue.client, queues_of.queue.url
    (_, few_receives, rights) = lines(queues.queue(queues_of.site))
    assert "its maxReceiveCount is 1" in few_receives
    assert rights.startswith("ok")
    client.set_queue_attributes(QueueUrl=url, Attributes={"Policy": "", "VisibilityTimeout": "30"})
    said = "\n".join(lines(queues.queue(queues_of.site)))
    assert "0 waiting, 0 in flight, 0 delayed; visibility 30 s, kept for 4 days" in said
    assert "set it to stream_hold_seconds, 600 s" in said
    assert "its policy lets none of s3.amazonaws.com" in said
    client.set_queue_attributes(
        QueueUrl=queues_of.dead.url, Attributes={"MessageRetentionPeriod": str(4 * 24 * 3600)}
    )
    (short, _) = lines(queues.dead_letters(queues_of.site))
    assert "no longer than the queue does" in short
    assert short.endswith("; set its retention period to 14 days")
    client.delete_queue(QueueUrl=url)
    with pytest.raises(Refused, match=url):
        list(queues.queue(queues_of.site))
