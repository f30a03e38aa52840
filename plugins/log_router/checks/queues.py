"""The queue of S3's notices and its dead-letter queue."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from log_router.core.deliveries import Delivery
from log_router.core.errors import LogRouterError
from log_router.core.health import Check, ok, problem, warning
from log_router.core.notices import head
from log_router.core.queue_policy import SENDERS, senders
from log_router.deliveries import look
from log_router.lineage import Lineage
from log_router.queue import Facts, Message, Queue, region_of

if TYPE_CHECKING:
    from log_router.site import Site

_SHOWN = 10
_WAIT_SECONDS = 1


def queue(site: "Site") -> Iterator[Check]:
    """Ask for the queue's attributes, and whether messages may be held and deleted."""
    facts = site.queue.facts()
    bucket, region = site.settings.raw_bucket, region_of(facts.url, site.settings.region)
    set_up = [f"visibility {facts.visibility_seconds} s", _kept(facts)]
    if region:
        set_up.insert(0, region)
    if facts.max_receive_count is not None:
        set_up.append(f"to the dead-letter queue after {facts.max_receive_count} receives")
    yield ok("queue", f"{facts.url}: {_amounts(facts)}; {', '.join(set_up)}")
    for each in facts.problems(site.settings.stream_hold_seconds):
        yield warning("queue", each)
    if not senders(facts.policy, bucket):
        yield warning(
            "queue",
            f"its policy lets none of {', '.join(SENDERS)} send notices of {bucket}",
            f"allow one sqs:SendMessage, such as {SENDERS[0]} with aws:SourceArn arn:aws:s3:::{bucket}",
        )
    site.queue.see_rights()
    yield ok("queue", "messages may be held and deleted; receiving them is not tried, as each time counts")


def dead_letters(site: "Site") -> Iterator[Check]:
    """Tell how many messages are in the dead-letter queue, and what some of them are."""
    facts = site.queue.facts()
    if facts.dead_letter_url is None:
        return
    dead = Queue(site.queue.client, facts.dead_letter_url)
    there = dead.facts()
    subject = "dead-letter queue"
    if there.retention_seconds <= facts.retention_seconds:
        # A message keeps the age it had (Amazon SQS Developer Guide, "Understanding message retention periods").
        yield warning(
            subject,
            f"it keeps messages no longer than the queue does ({_kept(there)}, counted from when they were first sent)",
            "set its retention period to 14 days",
        )
    if not there.depth + there.in_flight:
        yield ok(subject, f"{there.url}: empty; {_kept(there)}")
        return
    messages = dead.receive(_SHOWN, _WAIT_SECONDS, 0)
    yield warning(
        subject,
        f"{there.url}: {_amounts(there)}; {_oldest(messages)}, each of which now counts as received once more",
        "`log-router redrive --dry-run` says which can be moved back",
    )
    try:
        told = _told(site, messages)
    except LogRouterError as error:
        yield problem(subject, f"what they are can't be told: {error}")
        told = [head(message.body) for message in messages]
    for message, what in zip(messages, told, strict=True):
        yield warning("dead letter", f"sent {_age(message)}: {what}")


def _told(site: "Site", messages: Sequence[Message]) -> list[str]:
    """Return what each message is: what forbids to acknowledge it, or how it stands with its raw objects."""
    looked = look(site.store, messages, None)
    loaded = _loaded(site, looked.deliveries.object_ids)
    urls = {raw.object_id: raw.url for raw in looked.raws}
    return [
        "; ".join(entry.problems) or _standing(entry, loaded, urls) for entry in looked.deliveries.entries
    ]


def _standing(entry: Delivery, loaded: set[str], urls: Mapping[str, str]) -> str:
    if not entry.object_ids:
        return "nothing of ours in it"
    said = "loaded by now" if entry.is_done(loaded) else "not loaded"
    return f"{said}: {', '.join(urls[object_id] for object_id in entry.object_ids)}"


def _loaded(site: "Site", ids: Sequence[str]) -> set[str]:
    """Return those ids whose raw objects are recorded as settled."""
    if not ids:
        return set()
    with site.warehouse.session() as session:
        lineage = Lineage(session, site.statements, site.settings, site.catalog)
        return {settled.object_id for settled in lineage.objects("object_id", ids)}


def _amounts(facts: Facts) -> str:
    return f"{facts.depth:,} waiting, {facts.in_flight:,} in flight, {facts.delayed:,} delayed"


def _kept(facts: Facts) -> str:
    return f"kept for {timedelta(seconds=facts.retention_seconds)}"


def _oldest(messages: Sequence[Message]) -> str:
    if not messages:
        return "none could be looked at"
    oldest = min(messages, key=lambda message: message.sent_at)
    return f"the oldest of the {len(messages)} looked at was sent {_age(oldest)}"


def _age(message: Message) -> str:
    passed = datetime.now(UTC) - message.sent_at
    return f"{timedelta(seconds=int(passed.total_seconds()))} ago"
