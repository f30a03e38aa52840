"""Rows taken back by lineage, broken off at each statement: run again it ends right, and a run loads all anew."""

from dataclasses import replace
from typing import Any

import pytest

from local.stack import Stack
from log_router.core.catalog import Catalog
from log_router.core.errors import NeedsAction, WillPass
from log_router.lineage import Lineage
from log_router.rollback import Choice, Rollback, TakenBack, object_ids
from tests.adapters.hours import audit, by_hand, found, key, run
from tests.adapters.place import EVENTS, VIEW, Place, at_each_level, order


def rollback_of(place: Place, *events: str) -> Rollback:
    """Return what takes rows back."""
    return Rollback(place.warehouse, place.statements, place.settings, place.catalog, frozenset(events))


def take_back(place: Place, choice: Choice, *events: str) -> list[TakenBack]:
    """Take back what a choice meets."""
    rollback = rollback_of(place, *events)
    return rollback.run(choice, rollback.find(choice))


def counts(place: Place) -> list[object]:
    """Return how many rows, ledger entries, records and quarantined lines there are."""
    ledger = place.settings.ledger_schema
    tables = (
        "order_placed",
        "page_viewed",
        *(f"{ledger}.{name}" for name in ("ledger_order_placed", "objects")),
    )
    tables += (f"{ledger}.quarantined_lines",)
    return [row[0] for table in tables for row in place.rows(f"SELECT COUNT(*) FROM {table}")]


@pytest.fixture
def loaded(place: Place) -> Place:
    """Give a site with two batches of one raw object each."""
    place.upload(key("a"), order(1) + order(2) + VIEW + b"bad\n")
    run(place, "first")
    place.upload(key("b"), order(3) + VIEW + b"bad\n")
    run(place, "second")
    return place


def batch_of(place: Place, name: str) -> str:
    """Return the batch that loaded a raw object."""
    query = f"SELECT batch_id FROM {place.settings.ledger_schema}.objects WHERE object_key LIKE '%/{name}'"
    ((batch,),) = place.rows(query)
    return str(batch)


def test_a_batch_is_taken_back_and_loaded_again(loaded: Place) -> None:
    """What a batch loaded goes with ledger, record and quarantined lines; the rest stays; a run brings it back."""
    choice = Choice("batch_id", (batch_of(loaded, "a"),))
    expected = [
        TakenBack("order_placed", objects=1, rows=2),
        TakenBack("page_viewed", objects=1, rows=1),
        TakenBack("quarantined_lines", objects=1, rows=1),
    ]
    rollback = rollback_of(loaded)
    assert rollback.count(choice, rollback.find(choice)) == expected
    assert counts(loaded) == [3, 2, 2, 2, 2]
    assert take_back(loaded, choice) == expected
    assert counts(loaded) == [1, 1, 1, 1, 1]
    assert found(audit(loaded)) == [("never_loaded", "", 0, 0)]
    assert take_back(loaded, choice) == []
    run(loaded, "third")
    assert counts(loaded) == [3, 2, 2, 2, 2]
    assert audit(loaded).findings == []


def test_what_a_catalog_loaded_is_taken_back(loaded: Place) -> None:
    """All batches of one hash go, whichever their hours; those of another hash stay."""
    other = replace(loaded, catalog=Catalog(event_key="event", events=(EVENTS[0],)))
    other.upload(key("c"), order(4))
    run(other, "third")
    taken = take_back(loaded, Choice("config_hash", (loaded.catalog.config_hash,)))
    assert {one.event: one.rows for one in taken} == {
        "order_placed": 3,
        "page_viewed": 2,
        "quarantined_lines": 2,
    }
    assert loaded.rows('SELECT "order" FROM order_placed') == [[4]]


def test_one_event_of_an_object_is_taken_back(loaded: Place) -> None:
    """The object is pending then, and a run loads this event's rows again and no other's."""
    (object_id,) = _ids(loaded, f"s3://{loaded.settings.raw_bucket}/{key('a')}")
    assert take_back(loaded, Choice("object_id", (object_id,)), "order_placed") == [
        TakenBack("order_placed", objects=1, rows=2)
    ]
    assert counts(loaded) == [1, 2, 1, 1, 2]
    run(loaded, "third")
    assert counts(loaded) == [3, 2, 2, 2, 2]
    assert audit(loaded).findings == []


def test_rows_that_no_ledger_knows_go_with_their_object(loaded: Place) -> None:
    """An object that is named is taken back whole, also from tables whose event has no file any more."""
    strange = "e" * 32
    by_hand(
        loaded,
        f"INSERT INTO {{events}}.page_viewed (_lr_object, _lr_line, _lr_batch) VALUES ('{strange}', 1, 'x')",
    )
    fewer = replace(loaded, catalog=Catalog(event_key="event", events=(EVENTS[0],)))
    assert take_back(fewer, Choice("object_id", (strange,))) == [TakenBack("page_viewed", objects=0, rows=1)]
    assert audit(loaded).findings == []


def test_ledger_entries_of_a_table_that_is_gone(loaded: Place) -> None:
    """They can be taken back, too, so that the event can be loaded anew."""
    by_hand(loaded, "DROP TABLE {events}.page_viewed")
    taken = take_back(loaded, Choice("batch_id", (batch_of(loaded, "a"), batch_of(loaded, "b"))))
    assert TakenBack("page_viewed", objects=2, rows=0) in taken
    run(loaded, "third")
    assert counts(loaded) == [3, 2, 2, 2, 2]
    assert audit(loaded).findings == []


def test_objects_with_dropped_rows_are_named(loaded: Place) -> None:
    """Rows dropped as duplicates of those that go do not come back by themselves: their objects are named."""
    (other,) = _ids(loaded, f"s3://{loaded.settings.raw_bucket}/{key('b')}")
    by_hand(loaded, f"UPDATE {{ledger}}.ledger_order_placed SET rows_dropped = 1 WHERE object_id = '{other}'")
    taken = take_back(loaded, Choice("batch_id", (batch_of(loaded, "a"),)))
    assert {one.event: one.with_dropped for one in taken if one.with_dropped} == {"order_placed": (other,)}


def test_what_is_not_known_is_refused(loaded: Place) -> None:
    """An event without a ledger, a URL of nothing, and what is no object at all are refused by name."""
    with pytest.raises(NeedsAction, match="no ledger of order_plased"):
        take_back(loaded, Choice("batch_id", ("x",)), "order_plased")
    bucket = loaded.settings.raw_bucket
    for text, said in (
        (f"s3://{bucket}/nothing", "neither recorded nor in the bucket"),
        ("abc", "neither an object id"),
    ):
        with pytest.raises(NeedsAction, match=said):
            _ids(loaded, text)


def _ids(place: Place, *texts: str) -> tuple[str, ...]:
    with place.warehouse.session() as session:
        lineage = Lineage(session, place.statements, place.settings, place.catalog)
        return object_ids(lineage, place.store, texts)


# The statements of a rollback in their order, and how its two kinds of transactions end.
BREAKS: list[dict[str, Any]] = [
    {"at": "statement", "matching": matching}
    for matching in (
        'lock table .*"objects"',
        'delete from .*"objects"',
        'delete from .*"object_events"',
        'lock table .*"ledger_order_placed"',
        'delete from .*"order_placed"',
        'delete from .*"ledger_order_placed"',
        'lock table .*"ledger_page_viewed"',
        'delete from .*"ledger_quarantined_lines"',
    )
] + [
    {"at": at, "matching": matching}
    for at in ("before_commit", "after_commit")
    for matching in (
        'delete from .*"object_events"',
        'delete from .*"ledger_order_placed"',
        "quarantined_lines",
    )
]


@at_each_level
def test_a_rollback_that_breaks_off_is_run_again(storage: Stack, isolation: str, loaded: Place) -> None:
    """Wherever the connection is lost, nothing counts as settled without its rows, and a second run takes the rest."""
    # The levels differ in how transactions end, not in how they are broken off before.
    breaks = BREAKS if isolation == "snapshot" else [what for what in BREAKS if what["at"] != "statement"]
    for number, what in enumerate(breaks):
        choice = Choice("batch_id", (batch_of(loaded, "a"), batch_of(loaded, "b")))
        storage.faults.arm(does="drop", **what)
        try:
            with pytest.raises(WillPass):
                take_back(loaded, choice)
            assert storage.faults.hits() == [1], what
        finally:
            storage.faults.clear()
        kinds = {kind for kind, *_ in found(audit(loaded))}
        assert kinds <= {"never_loaded", "not_recorded"}, what
        take_back(loaded, choice)
        assert counts(loaded) == [0, 0, 0, 0, 0], what
        run(loaded, f"again {number}")
        assert counts(loaded) == [3, 2, 2, 2, 2], what
