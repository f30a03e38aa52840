"""Event files that change while data flows: through real loads, and by plan and apply, on the twin."""

import gzip
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from log_router.core.errors import NeedsAction
from log_router.core.events import Event
from log_router.core.evolution import Kind
from log_router.core.manifests import Manifest, Part
from log_router.core.snapshots import Snapshot
from log_router.evolving import EventPlan, Evolution
from tests.adapters.hours import key, run
from tests.adapters.place import EVENTS, MakePlace, Place, at_each_level, order
from tests.adapters.test_loading import manifest_of

CURRENCY = {"name": "currency", "path": "properties.currency", "type": "char(3)"}


def changed(place: Place, change: Callable[[list[Any]], object], **keys: object) -> Place:
    """Return the same site with other columns of the placed orders."""
    given = {**EVENTS[0].model_dump(mode="json"), **keys}
    change(given["columns"])
    events = (Event.model_validate(given), EVENTS[1])
    return replace(place, catalog=place.catalog.model_copy(update={"events": events}))


def note_of(kind: str) -> Callable[[list[Any]], object]:
    """Return a change of the column `note` to another type."""
    return lambda columns: columns[3].update(type=kind)


def evolution_of(place: Place, *only: str) -> Evolution:
    """Return what plans and applies."""
    return Evolution(place.warehouse, place.statements, place.settings, place.catalog, only)


def planned(place: Place, event: str = "order_placed") -> EventPlan:
    """Return the plan of one event."""
    evolution = evolution_of(place, event)
    (plan,) = evolution.plan(evolution.read(lambda _: None))
    return plan


def apply(place: Place, *only: str) -> list[str]:
    """Apply what the plan has."""
    evolution = evolution_of(place, *only)
    return evolution.apply(evolution.plan(evolution.read(lambda _: None)), lambda _: None)


def load(place: Place, name: str, body: bytes) -> None:
    """Upload a raw object and load it."""
    place.upload(name, body)
    place.load(manifest_of(place, name, run=name))


def notes(place: Place) -> list[list[object]]:
    """Return the orders and their notes."""
    return place.rows('SELECT "order", note FROM order_placed ORDER BY 1')


def width(place: Place) -> object:
    """Return the type of the column `note`."""
    snapshot = evolution_of(place).read(lambda _: None)
    return snapshot.tables["order_placed"]["note"].type


@pytest.fixture
def ready(place: Place) -> Place:
    """Give a site with one order loaded."""
    place.plan()
    load(place, key("a"), order(1, note="one"))
    return place


def execute(place: Place, *statements: str) -> None:
    """Run statements in the schema of the event tables."""
    with place.warehouse.session() as session:
        session.run(f'SET search_path TO "{place.settings.table_schema}"')
        for statement in statements:
            session.run(statement)
        session.commit()


def test_a_wider_varchar_is_widened_before_copy(ready: Place) -> None:
    """A value that only the new length holds is loaded; old values stay."""
    load(changed(ready, note_of("varchar(64)")), key("b"), order(2, note="x" * 64))
    assert notes(ready) == [[1, "one"], [2, "x" * 64]]
    assert width(ready) == "character varying(64)"


def test_a_removed_column_gets_null(ready: Place) -> None:
    """It stays in the table with the values that it has."""
    load(changed(ready, lambda columns: columns.pop(3)), key("b"), order(2, note="lost"))
    assert notes(ready) == [[1, "one"], [2, None]]


def test_a_changed_type_is_refused_before_copy(ready: Place) -> None:
    """The error says both types and the remedy; nothing is loaded, and no other column is added."""
    other = changed(ready, lambda columns: columns.extend([{**columns.pop(3), "type": "bigint"}, CURRENCY]))
    other.upload(key("b"), order(2, note="2"))
    with pytest.raises(NeedsAction, match=r"column note is varchar\(32\) .* and bigint .*another name"):
        other.load(manifest_of(other, key("b")))
    assert notes(ready) == [[1, "one"]]
    assert "currency" not in evolution_of(ready).read(lambda _: None).tables["order_placed"]


def test_an_encoding_that_redshift_widens_not_is_refused(ready: Place) -> None:
    """The remedy names the encoding."""
    execute(ready, "ALTER TABLE order_placed ALTER COLUMN note ENCODE bytedict")
    wide = changed(ready, note_of("varchar(64)"))
    wide.upload(key("b"), order(2))
    with pytest.raises(NeedsAction, match="BYTEDICT"):
        wide.load(manifest_of(wide, key("b")))


def test_old_and_new_workers_lose_nothing(ready: Place) -> None:
    """Batches planned before a change load as planned, whoever comes first."""
    ready.upload(key("old"), order(2, note="old"))
    before = manifest_of(ready, key("old"))
    new = changed(
        ready, lambda columns: columns.extend([{**columns.pop(3), "type": "varchar(64)"}, CURRENCY])
    )
    load(new, key("new"), order(3, note="y" * 50, currency="EUR"))
    ready.load(before)
    load(ready, key("late"), order(4, note="late", currency="EUR"))
    query = 'SELECT "order", note, currency FROM order_placed ORDER BY 1'
    assert ready.rows(query) == [[1, "one", None], [2, "old", None], [3, "y" * 50, "EUR"], [4, "late", None]]
    assert width(ready) == "character varying(64)"


def test_a_column_grows_to_the_longest_value(ready: Place) -> None:
    """The load widens it by doubling, and leaves it when it fits; a retry changes nothing."""
    for number, (length, expected) in enumerate([(100, 128), (70, 128), (129, 256)]):
        manifest = long_note(ready, number, length)
        ready.load(manifest)
        ready.load(manifest)
        assert width(ready) == f"character varying({expected})"
    assert [row[0] for row in ready.rows("SELECT LEN(note) FROM order_placed ORDER BY 1")] == [
        3,
        70,
        100,
        129,
    ]


def test_what_the_split_saw_widens_the_table_to_its_limit(ready: Place) -> None:
    """With `grow_to` a longer value is loaded and the column grown for it, and beyond the limit it is quarantined."""
    growing = changed(ready, lambda columns: columns[3].update(grow_to=100))
    for name, length, expected in (("b", 40, 64), ("c", 100, 100), ("d", 50, 100)):
        load(growing, key(name), order(length, note="n" * length))
        assert width(ready) == f"character varying({expected})"
    ready.upload(key("e"), order(7, note="n" * 101))
    (report,) = growing.reports(growing.plan("last", key("e"))).values()
    assert report.objects[0].quarantined.total() == 1
    assert planned(growing).changes == ()
    assert [row[0] for row in notes(ready)] == [1, 40, 50, 100]


def test_a_new_table_has_room_for_the_longest_value(place: Place) -> None:
    """It is made as wide as its first rows need."""
    place.plan()
    place.load(long_note(place, 1, 33))
    assert width(place) == "character varying(64)"


def long_note(place: Place, number: int, length: int) -> Manifest:
    """Return the manifest of a row whose note is longer than declared."""
    object_id = f"{number:032x}"
    row = b'{"order":9,"note":"%b","_lr_object":"%b","_lr_line":1,"_lr_batch":"b"}\n' % (
        b"n" * length,
        object_id.encode(),
    )
    body = gzip.compress(row)
    at = place.store.staging_key("parts", f"b{number}", "order_placed", "p.json.gz")
    place.store.put(at, body)
    part = Part("order_placed", place.store.staging_url(at), 1, len(body))
    return Manifest("order_placed", f"b{number}", "c" * 16, (part,), {object_id: 1}, widest={"note": length})


@at_each_level
def test_loads_and_apply_at_the_same_moment(ready: Place) -> None:
    """All succeed, every row is there once, and the column is as wide as the widest needs."""
    new = changed(
        ready,
        lambda columns: columns.extend([{**columns.pop(3), "type": "varchar(64)", "grow_to": 999}, CURRENCY]),
    )
    ready.upload(key("old"), order(10, note="old"))
    new.upload(key("new"), order(11, note="z" * 64, currency="EUR"))
    old_manifest, new_manifest = manifest_of(ready, key("old")), manifest_of(new, key("new"))
    done: list[object] = []
    work: list[Callable[[], object]] = [
        lambda: ready.load(old_manifest),
        lambda: new.load(new_manifest),
        lambda: apply(new, "order_placed"),
        lambda: new.load(long_note(new, 1, 100)),
    ]
    threads = [threading.Thread(target=lambda one=one: done.append(one())) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == len(work)
    assert [row[0] for row in notes(ready)] == [1, 9, 10, 11]
    assert width(ready) == "character varying(128)"


def test_a_site_may_leave_ddl_to_a_person(make_place: MakePlace) -> None:
    """With `evolve: none` a load that needs DDL says the command; after that it loads."""
    place = make_place(evolve="none")
    place.plan()
    place.upload(key("a"), order(1))
    with pytest.raises(NeedsAction, match="log-router apply --event order_placed --yes"):
        place.load(manifest_of(place, key("a")))
    assert apply(place, "order_placed") == ["order_placed"]
    place.load(manifest_of(place, key("a")))
    assert notes(place) == [[1, None]]
    wide = changed(place, note_of("varchar(64)"))
    with pytest.raises(NeedsAction, match="note widened"):
        load(wide, key("b"), order(2))


def test_a_plan_names_the_loads_that_new_columns_wait_for(place: Place) -> None:
    """It counts raw objects, hours and bytes of the record, and gives the reload's command."""
    raw = place.upload(key("a"), order(1))
    run(place, "first")
    plan = planned(changed(place, lambda columns: columns.extend([CURRENCY])))
    assert [(one.kind, one.column) for one in plan.changes] == [(Kind.ADDED, "currency")]
    assert plan.replay
    assert (plan.replay.objects, plan.replay.hours, plan.replay.size) == (1, 1, raw.size)
    assert plan.replay.command == (
        "log-router reload --from 2026-01-31T13:00:00Z --to 2026-01-31T14:00:00Z --event order_placed"
    )


def test_a_plan_of_nothing_then_of_nothing_to_do(place: Place) -> None:
    """New tables with DDL and floor; applied, and applied again, nothing is left; so says a saved catalog."""
    plan = planned(place)
    assert plan.changes[0].kind is Kind.TABLE
    assert any(statement.startswith("CREATE TABLE") for statement in plan.statements)
    assert plan.floor == (5 + 3 + 3) * 2 * 2 * 1024 * 1024
    assert apply(place) == ["order_placed", "page_viewed"]
    assert apply(place) == []
    evolution = evolution_of(place)
    saved = evolution.read(lambda _: None, whole=True).to_json()
    offline = replace(evolution, warehouse=None).plan(Snapshot.from_json(saved, "saved"))
    assert [one.changes for one in offline] == [(), ()]


def test_nothing_is_applied_where_one_thing_is_refused(ready: Place) -> None:
    """Not even what would be possible, of this event or another."""
    other = changed(ready, lambda columns: columns.extend([{**columns.pop(3), "type": "bigint"}, CURRENCY]))
    with pytest.raises(NeedsAction, match="nothing is applied"):
        apply(other)
    tables = evolution_of(ready).read(lambda _: None).tables
    assert "currency" not in tables["order_placed"]
    assert "page_viewed" not in tables


def test_a_changed_key_is_refused_by_a_plan_and_does_not_hold_up_loads(ready: Place) -> None:
    """The keys of the table are read as they were made."""
    assert planned(ready).changes == ()
    other = changed(ready, lambda _: None, sort_key=["order"], dist_key=None)
    assert [(one.kind, one.column) for one in planned(other).changes] == [
        (Kind.REFUSED, "sort_key"),
        (Kind.REFUSED, "dist_key"),
    ]
    load(other, key("b"), order(2))
    assert len(notes(ready)) == 2


def test_an_event_without_file_is_told_with_the_right_name(place: Place) -> None:
    """A mistyped name suggests one."""
    with pytest.raises(NeedsAction, match="did you mean `order_placed`"):
        planned(place, "order_place")
