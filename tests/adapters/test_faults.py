"""A load that the warehouse breaks off, at each moment and at both isolation levels: its retry is exact."""

import contextlib
import threading
from typing import Any

import pytest

from local.stack import Stack
from log_router.core.errors import Refused, WillPass
from log_router.core.manifests import Manifest
from log_router.loading import Outcome
from tests.adapters.place import Place, at_each_level, order

# A load writes its ledger once, just before its commit.
LOAD = {"matching": "insert into .*ledger_order_placed"}
COPY = {"matching": "copy .*order_placed"}
ORDERS = b"".join(order(number) for number in range(200))


@contextlib.contextmanager
def fault(storage: Stack, **what: Any) -> Any:
    """Have the warehouse fail in one way, and make sure that it did."""
    storage.faults.arm(**what)
    try:
        yield
        assert all(storage.faults.hits()), "the fault did not strike"
    finally:
        storage.faults.clear()


def manifest(place: Place, run: str = "run") -> Manifest:
    """Plan and split; return the manifest of the orders."""
    (made,) = place.split(place.plan(run))
    return made


@at_each_level
@pytest.mark.parametrize(
    ("what", "loaded"),
    [
        ({"at": "statement", "does": "drop", "matching": "lock table .*ledger_order_placed"}, 0),
        ({"at": "statement", "does": "drop", **COPY}, 0),
        ({"at": "copy", "does": "drop", **COPY}, 0),
        ({"at": "statement", "does": "drop", **LOAD}, 0),
        ({"at": "before_commit", "does": "drop", **LOAD}, 0),
        ({"at": "after_commit", "does": "drop", **LOAD}, 200),
    ],
)
def test_a_lost_connection_is_made_good(
    storage: Stack, place: Place, what: dict[str, Any], loaded: int
) -> None:
    """Whenever the connection is lost, the retry finds in the ledger what took effect, and loads what did not."""
    place.upload("raw/a", ORDERS)
    orders = manifest(place)
    with fault(storage, **what), pytest.raises(WillPass):
        place.load(orders)
    left = 200 - loaded
    again = Outcome("order_placed", rows=left, objects=left // 200, already_loaded=loaded // 200)
    assert place.load(orders) == again
    assert place.rows('SELECT COUNT(*), COUNT(DISTINCT "order") FROM order_placed') == [[200, 200]]


@at_each_level
@pytest.mark.parametrize(
    ("code", "message"),
    [("XX000", "1023"), ("XX000", "1018"), ("40P01", "deadlock detected")],
)
def test_conflicts_are_begun_anew(storage: Stack, place: Place, code: str, message: str) -> None:
    """A transaction that loses against another is begun anew at once, without a failed task."""
    place.upload("raw/a", ORDERS)
    orders = manifest(place)
    with fault(storage, at="statement", does="error", code=code, message=message, times=2, **LOAD):
        assert place.load(orders).rows == 200
    assert place.rows("SELECT COUNT(*) FROM order_placed") == [[200]]


def test_a_full_disk_needs_a_person(storage: Stack, place: Place) -> None:
    """What no retry mends is not retried, and says what to do; nothing is loaded."""
    place.upload("raw/a", ORDERS)
    orders = manifest(place)
    disk = {"code": "53100", "message": "could not extend relation: disk full"}
    with (
        fault(storage, at="copy", does="error", **disk, **COPY),
        pytest.raises(Refused, match="free space or resize"),
    ):
        place.load(orders)
    assert place.rows("SELECT COUNT(*) FROM order_placed") == [[0]]


@at_each_level
@pytest.mark.parametrize("at", ["before_commit", "after_commit"])
def test_a_settlement_is_recorded_once(storage: Stack, place: Place, at: str) -> None:
    """A settle task whose commit is not heard of is tried again: one record of each object, each bad line once."""
    place.upload("raw/a", ORDERS + b"bad\n")
    batch = place.plan()
    reports = list(place.reports(batch).values())
    for one in place.manifests(batch, reports):
        place.load(one)
    for table in ("ledger_quarantined_lines", "object_events"):
        with fault(storage, at=at, does="drop", matching=f'insert into .*"{table}"'), pytest.raises(WillPass):
            place.settle(batch, reports, {"order_placed": None})
    place.settle(batch, reports, {"order_placed": None})
    ledger = place.settings.ledger_schema
    assert place.rows(f"SELECT rows_split, quarantined FROM {ledger}.objects") == [[200, 1]]
    assert place.rows(f"SELECT COUNT(*) FROM {ledger}.quarantined_lines") == [[1]]


@at_each_level
def test_runs_that_settle_at_once(place: Place) -> None:
    """Runs over the same objects plan, load and settle side by side: none fails, all is there once.

    Each says what it loaded and what it found loaded before.
    """
    place.upload("raw/a", ORDERS)
    place.upload("raw/b", order(200) + b"bad\n")
    planned = threading.Barrier(4)
    failures: list[BaseException] = []
    found: list[Outcome] = []

    def run(number: int) -> None:
        try:
            batch = place.plan(f"run {number}")
            planned.wait(60)
            reports = list(place.reports(batch).values())
            found.extend(place.load(one) for one in place.manifests(batch, reports))
            place.settle(batch, reports, {"order_placed": None})
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=run, args=[number]) for number in range(planned.parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted((one.rows, one.objects, one.already_loaded) for one in found) == [(0, 0, 2)] * 3 + [
        (201, 2, 0)
    ]
    ledger = place.settings.ledger_schema
    assert place.rows('SELECT COUNT(*), COUNT(DISTINCT "order") FROM order_placed') == [[201, 201]]
    assert place.rows(f"SELECT COUNT(*), SUM(quarantined) FROM {ledger}.objects") == [[2, 1]]
    assert place.rows(f"SELECT COUNT(*) FROM {ledger}.quarantined_lines") == [[1]]
