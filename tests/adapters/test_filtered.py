"""Batches of some events only: nothing of the others is touched, and every record still adds up."""

from dataclasses import replace

import pytest

from log_router.core.catalog import Catalog
from log_router.core.events import Event
from log_router.settling import Settlement
from tests.adapters.place import EVENTS, VIEW, Place, at_each_level, order

ORDERS, VIEWS = EVENTS
LONG_VIEW = b'{"event":"page_viewed","url":"' + b"x" * 65 + b'"}\n'
NEW = Event.model_validate(
    {"name": "new", "event_type": "newer", "table": "new", "columns": [{"name": "n", "type": "integer"}]}
)
FORGIVING = ORDERS.model_copy(update={"columns": ORDERS.columns[1:], "dist_key": None})


def run(place: Place, name: str, *events: str, reload: bool = True) -> Settlement:
    """Plan, split, load and settle some events, all where none is named."""
    return place.run(name, reload=reload, events=events).settlement


def knowing(place: Place, *events: Event) -> Place:
    """Return the place with other event files."""
    return replace(place, catalog=Catalog(event_key="event", events=events))


LINES = "SELECT event, reason, _lr_line, _lr_batch FROM {}.quarantined_lines ORDER BY _lr_line"
RECORD = "SELECT lines, rows_split, quarantined, unrouted, blank FROM {}.objects"
FATES = "SELECT event, event_type, rows_split, quarantined, unrouted FROM {}.object_events"


@at_each_level
def test_only_the_events_named_are_replaced(place: Place) -> None:
    """Rows and quarantined lines of other events stay as they are, down to their batch; the totals are of both."""
    place.upload("raw/a", order(1) + order("x") + VIEW + LONG_VIEW + b"bad\n" + b'{"event":"newer"}\n\n')
    run(place, "first", reload=False)
    with place.warehouse.session() as session:
        session.run(f"UPDATE \"{place.settings.table_schema}\".page_viewed SET url = 'by hand'")
        session.commit()
    before = {line[2]: line for line in place.ledger_rows(LINES)}
    settled = run(knowing(place, FORGIVING, VIEWS), "second", "order_placed")
    assert (settled.objects, settled.rows, settled.filtered, settled.reopened) == (1, 2, 2, 0)
    assert place.rows("SELECT COUNT(*) FROM order_placed") == [[2]]
    assert place.rows("SELECT url FROM page_viewed") == [["by hand"]]
    after = {line[2]: line for line in place.ledger_rows(LINES)}
    assert (list(before), list(after)) == ([2, 4, 5], [4, 5])
    assert after[4] == before[4]
    assert (after[5][0], after[5][3] == before[5][3]) == (None, False)
    assert place.ledger_rows(RECORD) == [[7, 3, 2, 1, 1]]
    assert sorted(place.ledger_rows(FATES), key=str) == [
        ["order_placed", "order_placed", 2, 0, 0],
        ["page_viewed", "page_viewed", 1, 1, 0],
        [None, "newer", 0, 0, 1],
        [None, None, 0, 1, 0],
    ]
    assert place.ledger_rows("SELECT rows_loaded FROM {}.ledger_quarantined_lines") == [[2]]
    assert run(place, "third").rows == 2
    assert place.ledger_rows(RECORD) == [[7, 2, 3, 1, 1]]


def test_an_object_without_a_record_gets_none(place: Place) -> None:
    """It stays pending for a run of all events, which then loads what is missing, each row once."""
    place.upload("raw/a", order(1) + VIEW + LONG_VIEW)
    settled = run(place, "first", "order_placed", reload=False)
    assert (settled.objects, settled.rows, settled.filtered) == (1, 1, 2)
    assert place.ledger_rows(RECORD) == []
    assert [raw.key for raw in place.plan("second").objects] == ["raw/a"]
    run(place, "second", reload=False)
    assert place.rows("SELECT COUNT(*) FROM order_placed") == [[1]]
    assert place.rows("SELECT COUNT(*) FROM page_viewed") == [[1]]
    assert place.ledger_rows(RECORD) == [[3, 2, 1, 0, 0]]


def test_an_event_adopted_meanwhile_stays_pending(place: Place) -> None:
    """What was unrouted before its file came is still to be loaded after a reload of another event."""
    place.upload("raw/a", order(1) + b'{"event":"newer","n":1}\n' * 2)
    run(place, "first", reload=False)
    grown = knowing(place, *EVENTS, NEW)
    assert run(grown, "second", "order_placed").filtered == 2
    assert [None, "newer", 0, 0, 2] in grown.ledger_rows(FATES)
    assert [raw.key for raw in grown.plan("third").objects] == ["raw/a"]
    run(grown, "third", reload=False)
    assert grown.rows("SELECT COUNT(*) FROM new") == [[2]]
    assert grown.rows("SELECT COUNT(*) FROM order_placed") == [[1]]


@pytest.mark.parametrize(
    "changed",
    [
        Catalog(event_key="kind", events=EVENTS),
        Catalog(event_key="event", events=(ORDERS, VIEWS.model_copy(update={"event_type": "newer"}))),
        Catalog(event_key="event", events=(ORDERS, VIEWS.model_copy(update={"name": "viewed"}))),
    ],
    ids=["another event key", "another event type", "another name"],
)
def test_a_record_that_fits_no_longer_is_removed(
    place: Place, changed: Catalog, caplog: pytest.LogCaptureFixture
) -> None:
    """Where other lines are left alone now than are recorded, the object is pending again, and that is said."""
    place.upload(
        "raw/a", order(1).replace(b"{", b'{"kind":"page_viewed",', 1) + VIEW * 2 + b'{"event":"newer"}\n'
    )
    run(place, "first", reload=False)
    elsewhere = replace(place, catalog=changed)
    assert run(elsewhere, "second", "order_placed").reopened == 1
    assert place.ledger_rows(RECORD) == place.ledger_rows(FATES) == []
    assert f"s3://{place.settings.raw_bucket}/raw/a: its record does not fit" in caplog.text
    assert [raw.key for raw in elsewhere.plan("third").objects] == ["raw/a"]


def keys(place: Place, name: str, *events: str) -> list[str]:
    """Return the keys of the raw objects that a run of some events would read."""
    return [raw.key for raw in place.plan(name, events=events).objects]


def test_a_new_event_reads_only_what_may_hold_it(place: Place) -> None:
    """Raw objects whose record tells of its lines, and those that nobody has read yet, once, also without rows."""
    place.upload("raw/a", order(1) + b'{"event":"newer","n":1}\n')
    place.upload("raw/b", order(2))
    run(place, "first", reload=False)
    place.upload("raw/c", VIEW)
    place.upload("raw/d", VIEW + b'{"event":"newer","n":2}\n')
    grown = knowing(place, *EVENTS, NEW)
    before = place.rows("SELECT * FROM order_placed ORDER BY 1")
    assert keys(grown, "second", "new") == ["raw/a", "raw/c", "raw/d"]
    run(grown, "second", "new", reload=False)
    assert grown.rows("SELECT n FROM new ORDER BY 1") == [[1], [2]]
    assert place.rows("SELECT * FROM order_placed ORDER BY 1") == before
    made = "SELECT table_name FROM svv_tables WHERE table_schema = '{}' ORDER BY 1"
    assert place.rows(made.format(place.settings.table_schema)) == [["new"], ["order_placed"]]
    assert grown.ledger_rows("SELECT rows_loaded FROM {}.ledger_new ORDER BY 1") == [[0], [1], [1]]
    assert keys(grown, "third", "new") == []
    assert keys(grown, "third", "new", "page_viewed") == ["raw/c", "raw/d"]
    assert keys(grown, "third") == ["raw/c", "raw/d"]
    run(grown, "third", reload=False)
    assert grown.rows("SELECT n FROM new ORDER BY 1") == [[1], [2]]
    assert grown.rows("SELECT COUNT(*) FROM page_viewed") == [[2]]
    assert keys(grown, "fourth") == []


def test_an_object_is_complete_for_some_events_when_each_is_loaded(place: Place) -> None:
    """Also an event that it holds no rows of: where that load fails, the object is looked at again."""
    place.upload("raw/a", order(1))
    place.run("first", events=("order_placed", "page_viewed"), failing="page_viewed")
    assert keys(place, "second", "order_placed") == []
    assert keys(place, "second", "order_placed", "page_viewed") == ["raw/a"]
