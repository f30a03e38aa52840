"""What S3 says of new objects: the body of one SQS message becomes notices."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated
from urllib.parse import unquote_plus

import msgspec

from log_router.core.errors import ForeignBody
from log_router.core.windows import is_in_an_hour

_HEAD_CHARACTERS = 200
_CREATED = "ObjectCreated:"
_CREATED_DETAIL = "Object Created"
# With an offset: a time without one could be any.
_Moment = Annotated[datetime, msgspec.Meta(tz=True)]


@dataclass(frozen=True)
class Notice:
    """S3 made an object: `key` as it is, decoded, `at` by S3's clock.

    A notice is a hint to look at the key. It comes at least once, in no order, and the object may be another by then.
    """

    bucket: str
    key: str
    at: datetime
    size: int | None = None


@dataclass(frozen=True)
class Reading:
    """What one message says: the objects `created`, and how much was `ignored` by reason."""

    created: tuple[Notice, ...] = ()
    ignored: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Sorted:
    """The notices of our raw objects, and how many are `others`, by reason."""

    ours: tuple[Notice, ...]
    others: Mapping[str, int]


class _Named(msgspec.Struct):
    name: str


class _Object(msgspec.Struct):
    key: str
    size: int | None = None


class _Place(msgspec.Struct):
    bucket: _Named
    object: _Object


class _Record(msgspec.Struct, rename="camel"):
    event_source: str
    event_name: str
    event_time: _Moment
    s3: msgspec.Raw = msgspec.Raw(b"null")


class _Body(msgspec.Struct):
    """The keys by which the bodies are told from each other; each of them has only some."""

    records: list[_Record] = msgspec.field(name="Records", default_factory=list)
    service: str = msgspec.field(name="Service", default="")
    event: str = msgspec.field(name="Event", default="")
    type: str = msgspec.field(name="Type", default="")
    message: str = msgspec.field(name="Message", default="")
    source: str = ""
    detail_type: str = msgspec.field(name="detail-type", default="")
    time: _Moment | None = None
    detail: msgspec.Raw = msgspec.Raw(b"null")


_decode_body = msgspec.json.Decoder(_Body).decode
_decode_place = msgspec.json.Decoder(_Place).decode


def read(body: str) -> Reading:
    """Return what the body of an SQS message says: S3's own, S3's through SNS, or S3's through EventBridge.

    The forms are those of the Amazon S3 User Guide, "Event message structure" and "EventBridge event message
    structure", and of the Amazon SNS Developer Guide, "Amazon SNS message formats" (raw delivery adds nothing).
    Of S3's own the Guide says that keys are URL encoded, "red flower.jpg" as "red+flower.jpg". Of EventBridge's it does
    not, and recorded ones are as they are: `14:03:40.zip`, where S3's own say `14%3A03%3A40.zip`.

    Raises:
        ForeignBody: it is none of them; so is one with a record that is not S3's.
    """
    try:
        return _reading(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ForeignBody(
            f"a message that begins {head(body)} is no notice of S3: {error}; find out who sends it"
        ) from error


def head(body: str) -> str:
    """Return how the body of a message begins, fit to be printed."""
    return repr(body[:_HEAD_CHARACTERS])


def _reading(body: str) -> Reading:
    found = _decode_body(body)
    if found.records:
        return _from_records(found.records)
    if found.source == "aws.s3" and found.detail_type.startswith("Object "):
        return _from_eventbridge(found)
    if found.service == "Amazon S3" and found.event == "s3:TestEvent":
        return Reading(ignored={found.event: 1})
    if found.type == "Notification" and found.message:
        return _reading(found.message)
    raise ValueError("it has none of the keys that S3's notices have")


def _from_records(records: Iterable[_Record]) -> Reading:
    created: list[Notice] = []
    ignored: Counter[str] = Counter()
    for record in records:
        if record.event_source != "aws:s3":
            raise ValueError(f"a record is of {record.event_source}, not of aws:s3")
        if not record.event_name.startswith(_CREATED):
            ignored[record.event_name] += 1
            continue
        place = _decode_place(record.s3)
        key = unquote_plus(place.object.key, errors="strict")
        created.append(Notice(place.bucket.name, key, record.event_time, place.object.size))
    return Reading(tuple(created), dict(ignored))


def _from_eventbridge(found: _Body) -> Reading:
    if found.detail_type != _CREATED_DETAIL:
        return Reading(ignored={found.detail_type: 1})
    if found.time is None:
        raise ValueError("it has no `time`")
    place = _decode_place(found.detail)
    return Reading((Notice(place.bucket.name, place.object.key, found.time, place.object.size),))


def sort_out(notices: Iterable[Notice], raw_bucket: str, raw_prefix: str) -> Sorted:
    """Return the notices of raw objects, those that a listing of some hour would name, and count the others.

    `raw_prefix` is the strftime template of an hour's prefix.
    """
    ours: list[Notice] = []
    others: Counter[str] = Counter()
    for notice in notices:
        if notice.bucket != raw_bucket:
            others["in another bucket"] += 1
        elif not is_in_an_hour(notice.key, raw_prefix):
            others["outside raw_prefix"] += 1
        elif notice.key.endswith("/") and notice.size == 0:
            others["folder"] += 1
        else:
            ours.append(notice)
    return Sorted(tuple(ours), dict(others))
