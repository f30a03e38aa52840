"""Raw objects loaded anew: what is loaded of them is replaced, in one transaction an event."""

import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from log_router.core.catalog import Catalog
from log_router.core.errors import WindowError
from log_router.core.manifests import Manifest
from log_router.core.selections import selection_of
from log_router.loading import Outcome
from log_router.settling import unfinished
from tests.adapters.place import EVENTS, VIEW, Place, at_each_level, order

NOW = datetime(2026, 2, 1, tzinfo=UTC)


def run(place: Place, name: str, *, reload: bool = False) -> list[Outcome]:
    """Plan, split, load and settle; return what the loads found."""
    ran = place.run(name, reload=reload)
    assert ran.settlement.incomplete_objects == 0
    loaded = {outcome.event for outcome in ran.outcomes}
    assert unfinished(ran.batch, place.catalog, ran.reports, loaded) == []
    return ran.outcomes


def strict(place: Place) -> Place:
    """Return the place as it was before `note` became wide enough."""
    orders = EVENTS[0].model_copy(
        update={
            "columns": tuple(
                column.model_copy(update={"required": True}) if column.name == "note" else column
                for column in EVENTS[0].columns
            )
        }
    )
    return replace(place, catalog=Catalog(event_key="event", events=(orders, EVENTS[1])))


def test_rows_follow_todays_event_file(place: Place) -> None:
    """Lines that were quarantined become rows, rows of other objects stay, and a second reload changes nothing."""
    place.upload("raw/a", order(1, note="n") + order(2) + VIEW)
    place.upload("raw/b", order(3, note="n"))
    run(strict(place), "first")
    assert place.rows('SELECT "order" FROM order_placed ORDER BY 1') == [[1], [3]]
    expected = [[1], [2], [3]]
    assert run(place, "second", reload=True) == [
        Outcome("order_placed", rows=3, objects=2, already_loaded=0, taken_back=2),
        Outcome("page_viewed", rows=1, objects=1, already_loaded=0, taken_back=1),
    ]
    assert place.rows('SELECT "order" FROM order_placed ORDER BY 1') == expected
    run(place, "third", reload=True)
    assert place.rows('SELECT "order" FROM order_placed ORDER BY 1') == expected
    ledger = place.settings.ledger_schema
    assert place.rows(f"SELECT SUM(rows_split), SUM(quarantined) FROM {ledger}.objects") == [[4, 0]]
    assert place.rows(f"SELECT COUNT(*), SUM(rows_loaded) FROM {ledger}.ledger_order_placed") == [[2, 3]]


def test_rows_of_an_event_that_lines_left_go(place: Place) -> None:
    """Lines that another event takes by today's file leave the table they were in; no table is made for nothing."""
    place.upload("raw/a", order(1) + VIEW)
    run(place, "first")
    moved = EVENTS[1].model_copy(update={"event_type": "order_placed"})
    unused = EVENTS[0].model_copy(update={"event_type": "unused"})
    never = EVENTS[0].model_copy(update={"name": "never", "event_type": "never", "table": "never"})
    changed = replace(place, catalog=Catalog(event_key="event", events=(never, unused, moved)))
    run(changed, "second", reload=True)
    assert place.rows("SELECT COUNT(*) FROM order_placed") == [[0]]
    assert place.rows("SELECT url, _lr_line FROM page_viewed") == [[None, 1]]
    assert place.rows(f"SELECT COUNT(*) FROM {place.settings.ledger_schema}.ledger_order_placed") == [[0]]
    assert place.rows("SELECT COUNT(*) FROM svv_tables WHERE table_name = 'never'") == [[0]]


def test_rows_changed_by_hand_are_put_right(place: Place) -> None:
    """Whatever stands in the table of these objects, deleted or doubled, a reload leaves each row once."""
    place.upload("raw/a", order(1) + order(2))
    run(place, "first")
    with place.warehouse.session() as session:
        table = f'"{place.settings.table_schema}".order_placed'
        session.run(f'DELETE FROM {table} WHERE "order" = 1')
        session.run(f"INSERT INTO {table} SELECT * FROM {table}")
        session.commit()
    run(place, "second", reload=True)
    assert place.rows('SELECT "order" FROM order_placed ORDER BY 1') == [[1], [2]]


def test_a_reload_that_fails_leaves_what_was_there(place: Place) -> None:
    """The old rows are deleted in the transaction that loads the new ones: both or neither."""
    place.upload("raw/a", order(1))
    run(place, "first")
    batch = place.plan("second", reload=True)
    (orders, _) = place.split(batch)
    (part,) = orders.parts
    place.store.put(
        part.url.partition("/log-router/")[2].join(("log-router/", "")), b"no gzip" + bytes(part.size - 7)
    )
    with pytest.raises(Exception, match="COPY"):
        place.load(orders)
    assert place.rows('SELECT "order" FROM order_placed') == [[1]]


@at_each_level
def test_a_reload_and_a_load_at_once(place: Place) -> None:
    """Both wait for the ledger: whichever comes first, each row is there once."""
    place.upload("raw/a", order(1) + order(2))
    run(place, "first")
    place.upload("raw/b", order(3))
    manifests: list[Manifest] = [
        place.split(place.plan(name, reload=reload))[0]
        for name, reload in (("load", False), ("reload", True))
    ]
    threads = [threading.Thread(target=place.load, args=[manifest]) for manifest in manifests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert place.rows('SELECT "order" FROM order_placed ORDER BY 1') == [[1], [2], [3]]


def selected(place: Place, **params: object) -> list[str]:
    """Return the keys of the raw objects that a reload with these parameters takes."""
    return [raw.key for raw in place.planner.select(selection_of(params, place.catalog, NOW))]


def test_a_reload_finds_what_its_parameters_select(place: Place) -> None:
    """Hours from a first one until before another, named objects, those with bad lines of an event; each once."""
    bodies = {"12/a": VIEW, "13/b": order("x"), "13/c": b"bad\n", "14/d": order("x"), "15/e": VIEW}
    raws = {key: place.upload(f"raw/2026/01/31/{key}", body) for key, body in bodies.items()}
    run(place, "first")
    place.upload("raw/2026/01/31/13/late", VIEW)
    day = "raw/2026/01/31/"
    hours = {"from": "2026-01-31T13:00:00Z", "to": "2026-01-31T15:00:00+00:00"}
    assert selected(place, **hours) == [day + key for key in ("13/b", "13/c", "13/late", "14/d")]
    named = [raws["15/e"].object_id, raws["12/a"].url, raws["12/a"].object_id]
    assert selected(place, objects=named) == [day + "12/a", day + "15/e"]
    assert selected(place, objects=[raws["13/b"].url], **hours)[0] == day + "13/b"
    assert len(selected(place, objects=[raws["13/b"].url], **hours)) == 4
    assert selected(place, quarantined="order_placed") == [day + "13/b", day + "14/d"]
    until = {"from": hours["from"], "to": "2026-01-31T14:00:00Z"}
    assert selected(place, quarantined="order_placed", **until) == [day + "13/b"]
    assert selected(place, quarantined="page_viewed") == []
    assert selected(place, **{"from": "2025-01-01T00:00:00Z", "to": "2025-01-01T01:00:00Z"}) == []


def test_a_raw_object_without_a_record_is_found_by_name(place: Place) -> None:
    """By its URL while it is in the bucket; by its id as soon as one of its events is loaded."""
    raw = place.upload("raw/2026/01/31/13/a", VIEW)
    assert selected(place, objects=[raw.url]) == [raw.key]
    with pytest.raises(WindowError, match=raw.object_id):
        selected(place, objects=[raw.object_id])
    batch = place.plan()
    place.store.put_batch(batch, place.catalog)
    place.load(place.split(batch)[0])
    assert selected(place, objects=[raw.object_id]) == [raw.key]


def test_a_raw_object_that_nobody_knows_is_refused_by_name(place: Place) -> None:
    """Nothing is planned when one of the names is wrong, also at a site that never ran; all wrong ones are told."""
    names = ["f" * 32, f"s3://{place.settings.raw_bucket}/it's"]
    with pytest.raises(WindowError, match="2 of 2 raw objects") as refusal:
        selected(place, objects=names)
    assert str(refusal.value).splitlines()[1:] == names


def test_of_an_overwritten_object_the_url_is_the_last_version(place: Place) -> None:
    """Its earlier version can't be read any more; its id still names it."""
    first = place.upload("raw/a", VIEW)
    run(place, "first")
    with place.warehouse.session() as session:
        session.run(
            f'UPDATE "{place.settings.ledger_schema}".objects SET settled_at = DATEADD(hour, -1, settled_at)'
        )
        session.commit()
    second = place.upload("raw/a", VIEW * 2)
    run(place, "second")
    assert place.planner.select(selection_of({"objects": [first.url]}, place.catalog, NOW)) == [second]
    assert place.planner.select(selection_of({"objects": [first.object_id]}, place.catalog, NOW)) == [first]
