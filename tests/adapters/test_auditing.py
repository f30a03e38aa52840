"""What an audit finds, through the real driver and S3: each thing by its name, and nothing else."""

import threading
import time
from dataclasses import replace

import pytest

from local.stack import Stack
from log_router.core.catalog import Catalog
from log_router.core.errors import NeedsAction
from log_router.core.events import Event
from log_router.core.windows import HOUR, Hour
from tests.adapters.hours import FIRST, HOURS, Found, audit, by_hand, found, key, run
from tests.adapters.place import EVENTS, VIEW, Place, at_each_level, order

OF_ORDERS = "order_placed"
A = order(1) + order(2) + order(3) + VIEW + b"bad\n" + b'{"event":"unknown"}\n\n'


@pytest.fixture
def loaded(place: Place) -> Place:
    """Give a site with an hour of two raw objects that is loaded and settled."""
    place.upload(key("a"), A)
    place.upload(key("b"), order(4))
    run(place, "first")
    return place


def test_what_is_loaded_is_complete(loaded: Place) -> None:
    """An hour that ran, or had no raw object, is complete; each line of it is counted by its fate."""
    audited = audit(loaded)
    assert audited.findings == []
    assert audited.complete_through == HOURS[-1]
    assert audited.empty_hours == HOURS[1:]
    assert audited.totals == {
        "lines": 8,
        "rows": 5,
        "dropped": 0,
        "quarantined": 1,
        "unrouted": 1,
        "blank": 1,
    }
    run(loaded, "second", reload=True)
    assert audit(loaded).findings == []


def test_nothing_was_planned_yet(place: Place) -> None:
    """Before the first run there are no tables: raw objects were never loaded, and the hour before is complete."""
    place.upload(key("a", HOURS[1]), order(1))
    audited = audit(place)
    assert found(audited) == [("never_loaded", "", 0, 0)]
    assert audited.complete_through == HOURS[0]


def test_an_hour_that_is_not_over_is_not_complete(loaded: Place) -> None:
    """Raw objects may still come until the hour's end and the grace have passed."""
    audited = audit(loaded, HOURS[:2], now=HOURS[1].end)
    assert audited.complete_through == HOURS[0]
    assert audited.not_over == [HOURS[1]]


ONE_ORDER = 'DELETE FROM {events}.order_placed WHERE "order" = 1'
DOUBLED = 'INSERT INTO {events}.order_placed SELECT * FROM {events}.order_placed WHERE "order" = 2'
STRANGE = (
    "INSERT INTO {events}.order_placed (_lr_object, _lr_line, _lr_batch) "
    "SELECT _lr_object, 99, 'by hand' FROM {events}.page_viewed"
)
UNROUTED_TWICE = "INSERT INTO {ledger}.object_events SELECT * FROM {ledger}.object_events WHERE unrouted > 0"
BAD_TWICE = "INSERT INTO {ledger}.quarantined_lines SELECT * FROM {ledger}.quarantined_lines"
BAD_COUNTED = "UPDATE {ledger}.object_events SET quarantined = 2 WHERE quarantined = 1"
FORGET = [
    "DELETE FROM {ledger}.objects WHERE object_key LIKE '%/b'",
    "DELETE FROM {ledger}.object_events WHERE object_id NOT IN (SELECT object_id FROM {ledger}.objects)",
]


# What is done by hand, what an audit finds of it, and what must go before a reload mends it.
DAMAGES: list[tuple[list[str], list[Found], list[str]]] = [
    ([ONE_ORDER], [("rows_missing", OF_ORDERS, 3, 2)], []),
    ([DOUBLED], [("rows_doubled", OF_ORDERS, 3, 4)], []),
    ([ONE_ORDER, DOUBLED], [("rows_missing", OF_ORDERS, 3, 2), ("rows_doubled", OF_ORDERS, 2, 3)], []),
    ([STRANGE], [("rows_unknown", OF_ORDERS, 3, 4)], []),
    (
        ["DELETE FROM {ledger}.ledger_page_viewed"],
        [("event_not_loaded", "page_viewed", 1, 0), ("rows_unknown", "page_viewed", 0, 1)],
        [],
    ),
    (FORGET, [("not_recorded", "", 0, 0)], []),
    (
        ["UPDATE {ledger}.ledger_order_placed SET rows_loaded = 2 WHERE rows_loaded = 3", ONE_ORDER],
        [("split_differs", OF_ORDERS, 3, 2)],
        [],
    ),
    (["DELETE FROM {ledger}.quarantined_lines"], [("quarantine_differs", "", 1, 0)], []),
    ([BAD_TWICE], [("quarantine_differs", "", 1, 2)], []),
    (
        [BAD_TWICE, "UPDATE {ledger}.objects SET quarantined = 2, blank = 0 WHERE blank = 1", BAD_COUNTED],
        [("quarantine_differs", "", 2, 1)],
        [],
    ),
    (["UPDATE {ledger}.objects SET blank = 2 WHERE blank = 1"], [("record_differs", "", 7, 8)], []),
    (["DELETE FROM {ledger}.object_events WHERE unrouted > 0"], [("record_differs", "", 7, 6)], []),
    ([UNROUTED_TWICE], [("record_differs", "", 7, 8)], []),
    (
        ["DROP TABLE {events}.page_viewed"],
        [("table_gone", "page_viewed", 1, 0)],
        ["DROP TABLE {ledger}.ledger_page_viewed"],
    ),
    (
        ["DROP TABLE {ledger}.ledger_page_viewed"],
        [("table_gone", "page_viewed", 1, 0)],
        ["DROP TABLE {events}.page_viewed"],
    ),
]


def test_what_was_done_by_hand_is_found(loaded: Place) -> None:
    """Each damage is found by its name, alone, and a reload mends it; hours before are complete, others are not."""
    before = Hour(FIRST.start - HOUR)
    for number, (statements, expected, rest) in enumerate(DAMAGES):
        by_hand(loaded, *statements)
        audited = audit(loaded, [before, FIRST])
        assert found(audited) == expected, statements
        assert audited.complete_through == before, statements
        by_hand(loaded, *rest)
        run(loaded, f"reload {number}", reload=True)
        assert audit(loaded, [FIRST]).findings == [], statements


def test_rows_of_an_object_that_nobody_knows(loaded: Place) -> None:
    """Rows whose raw object no ledger has are found though no hour is known for them; the hours stay complete."""
    strange = "f" * 32
    by_hand(
        loaded,
        'INSERT INTO {events}.order_placed ("order", _lr_object, _lr_line, _lr_batch) '
        f"VALUES (5, '{strange}', 1, 'by hand')",
    )
    audited = audit(loaded)
    assert [(str(one.kind), one.object_id, one.hour, one.found) for one in audited.findings] == [
        ("rows_unknown", strange, None, 1)
    ]
    assert audited.complete_through == HOURS[-1]


def test_an_object_that_was_never_loaded(loaded: Place) -> None:
    """A raw object that came after the run is pending until the hour runs again."""
    raw = loaded.upload(key("late"), order(5))
    (finding,) = audit(loaded).findings
    assert (finding.kind, finding.url, finding.hour) == ("never_loaded", raw.url, FIRST)
    run(loaded, "second")
    assert audit(loaded).findings == []


def test_a_lost_report(place: Place) -> None:
    """What is loaded and not settled is told from what was never loaded; also where it was settled before."""
    place.upload(key("a"), order(1) + order(2, note="n") + VIEW)
    run(place, "first", settled=False)
    assert found(audit(place)) == [("not_recorded", "", 0, 0)]
    run(place, "second")
    time.sleep(1.1)  # the warehouse's clock counts seconds
    run(strict(place), "third", reload=True, settled=False)
    assert found(audit(place)) == [("not_recorded", OF_ORDERS, 2, 1)]
    run(strict(place), "fourth", reload=True)
    assert audit(place).findings == []


def test_an_event_that_failed(place: Place) -> None:
    """An object of which one event is loaded and another is not stays unrecorded."""
    place.upload(key("a"), order(1) + VIEW)
    run(place, "first", failing=[OF_ORDERS])
    assert found(audit(place)) == [("not_recorded", "", 0, 0)]


def test_an_object_that_changed(loaded: Place) -> None:
    """The same key with other bytes is another object: found before and after these are loaded, too."""
    loaded.upload(key("b"), order(4) + order(5))
    assert found(audit(loaded)) == [("changed", "", 0, 0)]
    run(loaded, "second")
    assert found(audit(loaded)) == [("changed", "", 0, 0)]


def test_an_object_that_left_the_bucket(loaded: Place, storage: Stack) -> None:
    """Raw data may expire: what was loaded of it is still audited, and its absence is no failure."""
    storage.s3().delete_object(Bucket=loaded.settings.raw_bucket, Key=key("a"))
    audited = audit(loaded)
    assert [str(one.kind) for one in audited.findings] == ["gone"]
    assert audited.complete_through == HOURS[-1]
    by_hand(loaded, ONE_ORDER)
    assert found(audit(loaded)) == [("rows_missing", OF_ORDERS, 3, 2)]


def test_an_event_that_is_configured_by_now(loaded: Place, storage: Stack) -> None:
    """Unrouted lines of an event that has a file are pending, until their hour ran again or they are gone."""
    new = Event.model_validate(
        {
            "name": "new",
            "event_type": "unknown",
            "table": "new",
            "columns": [{"name": "n", "type": "integer"}],
        }
    )
    grown = replace(loaded, catalog=Catalog(event_key="event", events=(*EVENTS, new)))
    assert found(audit(grown)) == [("pending_event", "new", 1, 0)]
    storage.s3().delete_object(Bucket=loaded.settings.raw_bucket, Key=key("a"))
    assert found(audit(grown)) == []
    loaded.upload(key("a"), A)
    run(grown, "second")
    assert audit(grown).findings == []


def test_an_event_without_a_file_is_still_audited(loaded: Place) -> None:
    """The ledgers are in the warehouse: an event whose file is gone is compared all the same."""
    fewer = replace(loaded, catalog=Catalog(event_key="event", events=(EVENTS[1],)))
    assert audit(fewer).findings == []
    by_hand(loaded, ONE_ORDER)
    assert found(audit(fewer)) == [("rows_missing", OF_ORDERS, 3, 2)]
    assert found(audit(fewer, events=["page_viewed"])) == []


def test_an_event_that_nobody_knows_is_refused(loaded: Place) -> None:
    """No table would be compared, and the audit would be clean."""
    with pytest.raises(NeedsAction, match=r"no event order_plased, .*; there are order_placed, page_viewed"):
        audit(loaded, events=["order_plased"])


def test_dropped_rows_are_accounted_for(loaded: Place) -> None:
    """Rows that were dropped as duplicates were split all the same."""
    by_hand(
        loaded,
        "UPDATE {ledger}.ledger_order_placed SET rows_loaded = 2, rows_dropped = 1 WHERE rows_loaded = 3",
        ONE_ORDER,
    )
    audited = audit(loaded)
    assert (audited.findings, audited.totals["dropped"]) == ([], 1)


def test_a_second_look_clears_what_a_load_between_made_up(loaded: Place, storage: Stack) -> None:
    """The record is read, then a reload replaces rows, then the ledger is read: no finding, because both are right."""
    reading = r"loaded_at.\s+from .*ledger_order_placed"
    storage.faults.arm(at="statement", does="delay", seconds=4, matching=reading)
    audits = []
    thread = threading.Thread(target=lambda: audits.append(audit(loaded)))
    try:
        thread.start()
        while thread.is_alive() and storage.faults.hits() != [1]:
            time.sleep(0.02)
        assert storage.faults.hits() == [1]
        run(strict(loaded), "second", reload=True)
        thread.join()
    finally:
        storage.faults.clear()
    assert loaded.rows("SELECT COUNT(*) FROM order_placed") == [[0]]
    assert audits[0].findings == []


def strict(place: Place) -> Place:
    """Return the place as it is when an order must have a note."""
    columns = tuple(
        column.model_copy(update={"required": True}) if column.name == "note" else column
        for column in EVENTS[0].columns
    )
    orders = EVENTS[0].model_copy(update={"columns": columns})
    return replace(place, catalog=Catalog(event_key="event", events=(orders, EVENTS[1])))


@at_each_level
def test_an_audit_while_loads_run(place: Place) -> None:
    """What is audited while runs and reloads are at work is at most not loaded or not recorded yet, never wrong."""
    for number in range(3):
        place.upload(key(f"{number}"), order(number) + VIEW + b"bad\n")
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            run(place, f"run {number}", reload=bool(number))
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=work, args=[number]) for number in range(2)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert {kind for kind, *_ in found(audit(place))} <= {"never_loaded", "not_recorded"}
    assert failures == []
    assert audit(place).findings == []
