"""S3 that fails under a split: what passes goes unnoticed, what stays is reported, nothing is lost or doubled."""

import gzip
from collections.abc import Iterator
from typing import Any

import pytest
from backports import zstd

from local.s3_front.faults import S3Faults
from local.stack import Stack
from log_router.core.errors import Refused, WillPass
from tests.adapters.place import Place, order

LINES = 2000


@pytest.fixture
def s3(storage: Stack) -> Iterator[S3Faults]:
    """Give what makes S3 fail; whatever was armed must have struck."""
    yield storage.s3_faults
    hits = storage.s3_faults.hits()
    storage.s3_faults.clear()
    assert all(hits), f"not every fault struck: {hits}"


def orders(first: int) -> bytes:
    """Return lines of orders with numbers from `first` on."""
    return b"".join(order(number) for number in range(first, first + LINES))


def upload(place: Place) -> None:
    """Put three raw objects with different orders: a plain, b gzip, c zstd."""
    place.upload("raw/a", orders(0))
    place.upload("raw/b", gzip.compress(orders(LINES)))
    place.upload("raw/c", zstd.compress(orders(2 * LINES)))


def assert_loaded(place: Place, *firsts: int) -> None:
    """The table holds the orders that begin with these numbers, each once, and nothing else."""
    wanted = [[number] for first in firsts for number in range(first, first + LINES)]
    assert place.rows('SELECT "order" FROM order_placed ORDER BY 1') == sorted(wanted)


GET = {"operation": "GetObject"}
THROTTLED = {"at": "request", "does": "error", "code": "SlowDown", "times": 0}
PART = {"operation": "PutObject", "matching": "/parts/"}


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param(
            [
                {"at": "body", "does": "close", "after_bytes": 100_000, "matching": "raw/a", **GET},
                {"at": "body", "does": "reset", "after_bytes": 5_000, "matching": "raw/b", **GET},
            ],
            id="short reads",
        ),
        pytest.param(
            [
                {
                    "at": "request",
                    "does": "error",
                    "code": "InternalError",
                    "times": 2,
                    "matching": "raw/a",
                    **GET,
                },
                {
                    "at": "request",
                    "does": "error",
                    "code": "SlowDown",
                    "times": 2,
                    "matching": "raw/b",
                    **GET,
                },
                {"at": "request", "does": "reset", "matching": "raw/c", **GET},
                {"at": "body", "does": "slow", "rate": 100_000, "matching": "raw/c", **GET},
            ],
            id="errors and slowness",
        ),
        pytest.param(
            [
                {"at": "answer", "does": "close", **PART},
                {"at": "answer", "does": "error", "code": "InternalError", **PART},
                {"at": "request", "does": "reset", **PART},
            ],
            id="answers to writes lost",
        ),
    ],
)
def test_what_passes_goes_unnoticed(place: Place, s3: S3Faults, faults: list[dict[str, Any]]) -> None:
    """Faults that an attempt or two later are gone change no row of a split's parts, whatever the compression."""
    upload(place)
    batch = place.plan()
    for fault in faults:
        s3.arm(**fault)
    assert [report.broken for report in place.finish(batch).reports.values()] == [()]
    assert_loaded(place, 0, LINES, 2 * LINES)


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param(
            [
                {"at": "body", "does": "close", "after_bytes": 100_000, "matching": "raw/a", **GET},
                {"after": 1, "matching": "raw/a", **THROTTLED, **GET},
            ],
            id="gone after half an object",
        ),
        pytest.param([{"at": "answer", "does": "close", "times": 0, **PART}], id="no write is answered"),
    ],
)
def test_what_stays_is_retried(place: Place, s3: S3Faults, faults: list[dict[str, Any]]) -> None:
    """A split that S3 leaves alone fails as one to be retried; the retry is exact."""
    upload(place)
    batch = place.plan()
    for fault in faults:
        s3.arm(**fault)
    with pytest.raises(WillPass, match="S3"):
        place.split(batch)
    assert all(s3.hits())
    s3.clear()
    place.finish(batch)
    assert_loaded(place, 0, LINES, 2 * LINES)


def test_broken_objects_hold_up_nobody(place: Place, s3: S3Faults) -> None:
    """Each object that can't be read whole is reported with its reason; the others load, and these after the remedy."""
    upload(place)
    compressed = gzip.compress(orders(3 * LINES))
    place.upload("raw/corrupt", gzip.compress(orders(4 * LINES)))
    place.upload("raw/denied", orders(5 * LINES))
    place.upload("raw/truncated", compressed[:-100])
    place.upload("raw/vanished", orders(6 * LINES))
    batch = place.plan()
    place.producer.delete_object(Bucket=place.settings.raw_bucket, Key="raw/vanished")
    denied = {"does": "error", "code": "AccessDenied", "matching": "raw/denied", "times": 0}
    s3.arm(at="request", **denied, **GET)
    s3.arm(at="body", does="corrupt", matching="raw/corrupt", after_bytes=4_000, times=0, **GET)
    (report,) = place.finish(batch).reports.values()
    assert [(one.url[-9:].rpartition("/")[2], one.reason) for one in report.broken] == [
        ("corrupt", "corrupt"),
        ("denied", "access_denied"),
        ("truncated", "truncated"),
        ("vanished", "vanished"),
    ]
    assert_loaded(place, 0, LINES, 2 * LINES)
    assert all(s3.hits())
    s3.clear()
    place.upload("raw/truncated", compressed)
    place.upload("raw/vanished", orders(6 * LINES))
    again = place.plan("again")
    assert [raw.key for raw in again.objects] == [
        f"raw/{one}" for one in ("corrupt", "denied", "truncated", "vanished")
    ]
    (report,) = place.finish(again).reports.values()
    assert report.broken == ()
    assert_loaded(place, *(number * LINES for number in range(7)))


def test_a_listing_is_whole_or_fails(place: Place, s3: S3Faults) -> None:
    """An error on a later page never gives a shorter list."""
    raws = tuple(place.upload(f"raw/{name}", b"x") for name in "abcde")
    listing = {"operation": "ListObjectsV2", "bucket": place.settings.raw_bucket}
    s3.arm(at="request", does="page", keys=2, times=0, **listing)
    s3.arm(at="request", does="error", code="SlowDown", after=1, times=2, **listing)
    assert place.store.list_raw("raw/") == raws
    s3.arm(at="request", does="error", code="InternalError", after=1, times=0, **listing)
    with pytest.raises(WillPass, match=r"listing .* InternalError"):
        place.store.list_raw("raw/")


def test_a_damaged_answer_from_staging_is_retried(place: Place, s3: S3Faults) -> None:
    """A document that arrives short or changed is never taken for the one that was written."""
    place.store.put("key", b"x" * 1000)
    for does in ("close", "corrupt"):
        s3.arm(at="body", does=does, after_bytes=500, matching="key", **GET)
        with pytest.raises(WillPass, match="reading s3://"):
            place.store.get("key")
    assert place.store.get("key") == b"x" * 1000
    with pytest.raises(Refused, match=r"NoSuchKey.*it was deleted: run the hour again"):
        place.store.get("gone")


def test_the_raw_bucket_is_only_listed_and_read(storage: Stack, place: Place) -> None:
    """A run and a reload of it ask nothing else of it; the front would refuse it, too."""
    upload(place)
    place.run("run")
    place.run("again", reload=True)
    assert set(storage.s3_faults.asked(place.settings.raw_bucket)) == {"ListObjectsV2", "GetObject"}
