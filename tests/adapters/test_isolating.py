"""Lines that COPY refuses though the split let them through: quarantined after all, the others loaded."""

import gzip
import json
import threading
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from local.stack import Stack
from log_router.core import column_types, quarantine
from log_router.core.batches import Batch, RawObject
from log_router.core.errors import NeedsAction, WillPass
from log_router.core.manifests import Manifest
from log_router.core.masks import Masks
from log_router.isolating import load_isolating
from log_router.loading import Load, Outcome
from log_router.refusals import Refusal
from log_router.settling import Settlement
from log_router.tracing import raw_lines
from log_router.warehouse import CopyRefused
from tests.adapters.place import Place, at_each_level, order

FIRST = order(0, note="-")
ALL = 'SELECT "order" FROM order_placed ORDER BY 1'
REFUSED = """SELECT _lr_line, event, reason, length, head FROM {}.quarantined_lines
    WHERE reason = 'refused_by_copy' ORDER BY _lr_line, length"""
LEDGER = "SELECT rows_loaded, rows_refused FROM {}.ledger_order_placed ORDER BY 1, 2"
FATES = "SELECT lines, rows_split, quarantined FROM {}.objects ORDER BY object_key"


class Narrow(Place):
    """A site whose split lets through what the table can't hold: the loads know of other types than it."""

    types: ClassVar = {"note": "varchar(4)"}

    def load_of(self, manifest: Manifest) -> Load:
        """Return the load of one event, its manifest written."""
        load = super().load_of(manifest)
        if manifest.event == quarantine.TABLE.name:
            return load
        columns = [
            column.model_copy(update={"type": column_types.parse(self.types[column.name])})
            if column.name in self.types
            else column
            for column in load.event.columns
        ]
        return replace(load, event=load.event.model_copy(update={"columns": tuple(columns)}))


class Narrower(Narrow):
    """One where `items` are integers too."""

    types: ClassVar = {"note": "varchar(4)", "items": "integer"}


@pytest.fixture
def narrow(place: Place) -> Place:
    """Give a site whose loads refuse notes of more than four bytes, which its split lets through."""
    place.plan()
    batch = place.batch_of(place.upload("raw/first", FIRST), run="first")
    place.load(manifest_of(place, batch))
    change(place, "note", "VARCHAR(4)")
    return Narrow(**vars(place))


def change(place: Place, column: str, ddl: str, table: str = "order_placed") -> None:
    """Replace a column by one of another type."""
    table = f'"{place.settings.table_schema}".{table}'
    with place.warehouse.session() as session:
        session.run(f'ALTER TABLE {table} DROP COLUMN "{column}"')
        session.run(f'ALTER TABLE {table} ADD COLUMN "{column}" {ddl}')
        session.commit()


def batch_of(place: Place, *raws: RawObject, run: str = "run", reload: bool = False) -> Batch:
    """Return a batch with a chunk, and so a part, for each object."""
    return Batch(run, "label", place.catalog.config_hash, tuple((raw,) for raw in raws), reload)


def manifest_of(place: Place, batch: Batch) -> Manifest:
    """Split a batch; return the manifest of the orders."""
    (made,) = (one for one in place.split(batch) if one.event == "order_placed")
    return made


def settle(place: Place, batch: Batch, outcome: Outcome) -> Settlement:
    """Settle as the task does, after the load of the orders."""
    reports = list(place.reports(batch).values())
    loaded = dict.fromkeys(event.name for event in place.catalog.events)
    return place.settle(batch, reports, loaded, [outcome.event] if outcome.isolated_by else [])


def written(place: Place, batch: Batch) -> Manifest:
    """Return the load document that a task finds when it is cleared."""
    key = place.store.staging_key("loads", batch.batch_id, "order_placed.json")
    return Manifest.from_load(place.store.get(key))


def again(place: Place, batch: Batch) -> Outcome:
    """Load as the task does when it is tried again."""
    return place.load_isolating(batch, written(place, batch))


@at_each_level
def test_refused_lines_are_quarantined_and_the_others_loaded(narrow: Place) -> None:
    """Several lines over several parts and objects, each once: in the tables by fate, and whole in staging."""
    bad = [order(number, note="far too long") for number in (2, 3, 5)]
    batch = batch_of(
        narrow,
        narrow.upload("raw/a", order(1, note="ok") + b"not json\n" + bad[0] + bad[1]),
        narrow.upload("raw/b", order(4)),
        narrow.upload("raw/c", gzip.compress(b"\n" + bad[2])),
    )
    manifest = manifest_of(narrow, batch)
    outcome = narrow.load_isolating(batch, manifest)
    assert outcome == Outcome(
        "order_placed", rows=2, objects=3, already_loaded=0, isolated_by=[batch.batch_id]
    )
    assert narrow.rows(ALL) == [[0], [1], [4]]
    assert narrow.ledger_rows(LEDGER) == [[0, 1], [1, 0], [1, 0], [1, 2]]
    assert settle(narrow, batch, outcome) == Settlement(3, 7, 2, 4, 0, 1, 0)
    assert narrow.ledger_rows(FATES) == [[4, 1, 3], [1, 1, 0], [2, 0, 1]]
    heads = [(2, bad[2]), (3, bad[0]), (4, bad[1])]
    assert narrow.ledger_rows(REFUSED) == [
        [number, "order_placed", "refused_by_copy", len(line) - 1, line.decode().strip()]
        for number, line in heads
    ]
    ((detail,),) = narrow.ledger_rows("SELECT DISTINCT detail FROM {}.quarantined_lines WHERE _lr_line > 2")
    assert str(detail).startswith("column note: 1204 ")
    assert sorted(line["raw"] for line in whole_lines(narrow, batch)) == [
        line.decode().strip() for line in bad
    ]
    # Another task may be copying the parts of before.
    assert [sum(1 for _ in narrow.store.rows_of(part)) for part in manifest.parts] == [3, 1, 1]


def whole_lines(place: Place, batch: Batch) -> list[dict[str, Any]]:
    """Return what the files of lines hold that were isolated in a batch."""
    prefix = place.store.staging_key("quarantine", batch.batch_id, "lines", "isolated-")
    bucket = place.settings.staging_bucket
    found = place.store.client.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]
    bodies = [gzip.decompress(place.store.get(entry["Key"])) for entry in found]
    return [json.loads(line) for body in bodies for line in body.splitlines()]


def test_a_cleared_run_finds_what_was_isolated(narrow: Place) -> None:
    """Loading and settling again, also from manifests that are collected anew, changes nothing."""
    batch = batch_of(narrow, narrow.upload("raw/a", order(1) + order(2, note="far too long")))
    manifest = manifest_of(narrow, batch)
    outcome = narrow.load_isolating(batch, manifest)
    settle(narrow, batch, outcome)
    expected = [narrow.ledger_rows(query) for query in (LEDGER, FATES, REFUSED)]
    for outcome in (again(narrow, batch), narrow.load_isolating(batch, manifest)):
        assert outcome == Outcome("order_placed", 0, 0, 1, isolated_by=[batch.batch_id])
        settle(narrow, batch, outcome)
        assert [narrow.ledger_rows(query) for query in (LEDGER, FATES, REFUSED)] == expected


@at_each_level
def test_a_task_killed_between_isolation_and_load_goes_on(storage: Stack, narrow: Place) -> None:
    """The next try finds the amended manifest and loads it, without looking for bad lines again."""
    batch = batch_of(narrow, narrow.upload("raw/a", order(1) + order(2, note="far too long")))
    storage.faults.arm(at="statement", does="drop", matching="manifests/.*/order_placed/")
    try:
        with pytest.raises(WillPass):
            narrow.load_isolating(batch, manifest_of(narrow, batch))
        assert storage.faults.hits() == [1]
    finally:
        storage.faults.clear()
    assert written(narrow, batch).refused == {batch.objects[0].object_id: 1}
    assert narrow.rows(ALL) == [[0]]
    assert again(narrow, batch).rows == 1
    assert narrow.rows(ALL) == [[0], [1]]


def test_a_second_refusal_stops_the_event(narrow: Place) -> None:
    """Where COPY refuses what was left, nothing is loaded, and trying again does not isolate more."""
    raw = narrow.upload("raw/a", order(1, note="good", items="not a number") + order(2, note="far too long"))
    batch = batch_of(narrow, raw)
    amended = isolated_only(narrow, batch)
    change(narrow, "items", "INTEGER")
    narrower = Narrower(**vars(narrow))
    for _ in range(2):
        with pytest.raises(
            CopyRefused, match=r"(?s)column items.*before.*refuses again.*compare table and event"
        ):
            again(narrower, batch)
    assert written(narrow, batch) == amended
    assert narrow.rows(ALL) == [[0]]


def isolated_only(place: Place, batch: Batch) -> Manifest:
    """Isolate what COPY refuses of a batch, and break off before the load; return the amended manifest."""

    class Broken(Load):
        """A load that fails where it would be tried again."""

        def run(self) -> Outcome:
            if self.manifest.isolation:
                raise WillPass("broken off")
            return super().run()

    load = place.load_of(manifest_of(place, batch))
    with pytest.raises(WillPass):
        load_isolating(Broken(**vars(load)), place.store, batch, Masks(place.catalog, b""))
    return written(place, batch)


def test_many_refused_lines_are_a_wrong_table(narrow: Place) -> None:
    """Beyond half of the rows nothing is quarantined: the table or the file is to be mended."""
    body = b"".join(order(number, note="far too long" if number % 2 else "ok") for number in range(1, 26))
    batch = batch_of(narrow, narrow.upload("raw/a", body))
    manifest = manifest_of(narrow, batch)
    with pytest.raises(
        CopyRefused, match=r"(?s)line 1, column note: 1204.*allows for 12 bad lines among 25 .*Compare table"
    ):
        narrow.load_isolating(batch, manifest)
    assert written(narrow, batch) == manifest
    assert narrow.rows(ALL) == [[0]]


def test_what_a_rehearsal_does_not_find_the_refused_copy_tells(narrow: Place) -> None:
    """Errors that only loading meets are taken from the COPY that failed: one line of it is isolated."""

    class Silent(Load):
        """A load whose rehearsal finds nothing."""

        def rehearse(self, max_errors: int) -> list[Refusal]:
            assert super().rehearse(max_errors)
            return []

    batch = batch_of(narrow, narrow.upload("raw/a", order(1) + order(2, note="far too long")))
    load = narrow.load_of(manifest_of(narrow, batch))
    assert load_isolating(Silent(**vars(load)), narrow.store, batch, Masks(narrow.catalog, b"")).rows == 1
    assert narrow.ledger_rows(LEDGER) == [[1, 0], [1, 1]]


def test_a_refusal_that_names_no_line_stops_the_event(storage: Stack, narrow: Place) -> None:
    """Where the error tables say nothing of our parts, nothing is guessed."""
    batch = batch_of(narrow, narrow.upload("raw/a", order(1)))
    text = "Load into table 'order_placed' failed.  Check 'stl_load_errors' system table for details."
    storage.faults.arm(at="statement", does="error", matching="^copy", message=text)
    try:
        with pytest.raises(CopyRefused, match="say nothing of these parts"):
            narrow.load_isolating(batch, manifest_of(narrow, batch))
    finally:
        storage.faults.clear()
    assert narrow.load_isolating(batch, manifest_of(narrow, batch)).rows == 1


@at_each_level
def test_another_run_settles_what_was_isolated(narrow: Place) -> None:
    """The run that isolated dies before it settles: another one over these objects and more records the same."""
    old = narrow.upload("raw/a", order(1) + order(2, note="far too long"))
    other = narrow.upload("raw/b", order(3) + order(4, note="far too long"))
    first = batch_of(narrow, old, other)
    narrow.load_isolating(first, manifest_of(narrow, first))
    new = narrow.upload("raw/c", order(5) + order(6, note="far too long"))
    second = batch_of(narrow, old, new, run="second")
    outcome = narrow.load_isolating(second, manifest_of(narrow, second))
    assert (outcome.rows, outcome.already_loaded) == (1, 1)
    assert outcome.isolated_by == sorted([first.batch_id, second.batch_id])
    assert settle(narrow, second, outcome) == Settlement(2, 4, 2, 2, 0, 0, 0)
    assert narrow.ledger_rows(FATES) == [[2, 1, 1], [2, 1, 1]]
    assert [row[0] for row in narrow.ledger_rows(REFUSED)] == [2, 2]


@at_each_level
def test_runs_that_isolate_at_once(narrow: Place) -> None:
    """Each finds the same lines; one loads, and both say that it is this one's isolation that counts."""
    raw = narrow.upload("raw/a", order(1) + order(2, note="far too long") + order(3))
    batches = [batch_of(narrow, raw, run=f"run {number}") for number in range(3)]
    manifests = [manifest_of(narrow, batch) for batch in batches]
    outcomes: list[Outcome] = []
    threads = [
        threading.Thread(
            target=lambda at=at: outcomes.append(narrow.load_isolating(batches[at], manifests[at]))
        )
        for at in range(len(batches))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = (outcome for outcome in outcomes if outcome.objects)
    assert sorted(outcome.rows for outcome in outcomes) == [0, 0, 2]
    assert {tuple(outcome.isolated_by) for outcome in outcomes} == {tuple(winner.isolated_by)}
    for batch, outcome in zip(batches, [winner] * 3, strict=True):
        settle(narrow, batch, outcome)
    assert narrow.ledger_rows(LEDGER) == [[1, 0], [2, 1]]
    assert narrow.ledger_rows(FATES) == [[3, 2, 1]]
    assert len(narrow.ledger_rows(REFUSED)) == 1


def test_a_lost_record_of_isolated_lines_needs_a_person(narrow: Place) -> None:
    """Without the document nobody could say which lines are missing: the event is held up, with the remedy."""
    batch = batch_of(narrow, narrow.upload("raw/a", order(1) + order(2, note="far too long")))
    narrow.load_isolating(batch, manifest_of(narrow, batch))
    key = narrow.store.staging_key("quarantine", batch.batch_id, "isolated", "order_placed.json")
    document = narrow.store.get(key)
    narrow.store.client.delete_object(Bucket=narrow.settings.staging_bucket, Key=key)
    later = batch_of(narrow, *batch.objects, run="later")
    with pytest.raises(NeedsAction, match=r"isolated/order_placed.json.*NoSuchKey.*mode=reload"):
        narrow.load_isolating(later, manifest_of(narrow, later))
    narrow.store.put(key, document + b"\n" + document)
    outcome = narrow.load_isolating(later, manifest_of(narrow, later))
    with pytest.raises(
        NeedsAction, match=r"1 of its lines were refused, batch .* has kept 2.*log-router reload --object"
    ):
        settle(narrow, later, outcome)


def test_a_reload_brings_back_what_fits_now(narrow: Place) -> None:
    """Isolated lines stay quarantined when their hour is run again, and are rows after a reload of a mended table."""
    raw = narrow.upload("raw/a", order(1) + order(2, note="far too long"))
    batch = batch_of(narrow, raw)
    settle(narrow, batch, narrow.load_isolating(batch, manifest_of(narrow, batch)))
    change(narrow, "note", "VARCHAR(32)")
    later = batch_of(narrow, raw, run="later")
    settle(narrow, later, narrow.load_isolating(later, manifest_of(narrow, later)))
    assert narrow.ledger_rows(FATES) == [[2, 1, 1]]
    reloaded = batch_of(narrow, raw, run="reload", reload=True)
    outcome = narrow.load_isolating(reloaded, manifest_of(narrow, reloaded))
    assert outcome == Outcome("order_placed", 2, 1, 0, taken_back=1)
    settle(narrow, reloaded, outcome)
    assert narrow.ledger_rows(FATES) == [[2, 2, 0]]
    assert narrow.ledger_rows(REFUSED) == []


@at_each_level
def test_a_reload_that_copy_refuses_isolates_too(narrow: Place) -> None:
    """The old rows go and the new ones come in one transaction, without the refused line."""
    change(narrow, "note", "VARCHAR(32)")
    raw = narrow.upload("raw/a", order(1) + order(2, note="far too long"))
    batch = batch_of(narrow, raw)
    narrow.load_isolating(batch, manifest_of(narrow, batch))
    change(narrow, "note", "VARCHAR(4)")
    reloaded = batch_of(narrow, raw, run="reload", reload=True)
    outcome = narrow.load_isolating(reloaded, manifest_of(narrow, reloaded))
    assert outcome == Outcome("order_placed", 1, 1, 0, taken_back=2, isolated_by=[reloaded.batch_id])
    assert narrow.rows(ALL) == [[0], [1]]


def test_refused_lines_of_objects_that_are_loaded_are_not_counted_again(narrow: Place) -> None:
    """In a mixed batch COPY reads them too, and refuses what was loaded before the table changed."""
    change(narrow, "note", "VARCHAR(32)")
    old = narrow.upload("raw/a", order(1) + order(2, note="far too long"))
    first = batch_of(narrow, old)
    settle(narrow, first, narrow.load(manifest_of(narrow, first)))
    change(narrow, "note", "VARCHAR(4)")
    mixed = batch_of(
        narrow, old, narrow.upload("raw/b", order(3) + order(4, note="long as well")), run="mixed"
    )
    outcome = narrow.load_isolating(mixed, manifest_of(narrow, mixed))
    assert outcome == Outcome("order_placed", 1, 1, 1, isolated_by=[mixed.batch_id])
    settle(narrow, mixed, outcome)
    assert narrow.ledger_rows(FATES) == [[2, 2, 0], [2, 1, 1]]
    assert narrow.ledger_rows(LEDGER) == [[1, 0], [1, 1], [2, 0]]


def test_a_part_that_changed_meanwhile_is_not_rewritten(narrow: Place) -> None:
    """The parts without the refused lines must hold the rows that are left; else nothing is loaded."""
    batch = batch_of(narrow, narrow.upload("raw/a", order(1) + order(2, note="far too long")))
    manifest = manifest_of(narrow, batch)
    wrong = replace(
        manifest,
        parts=tuple(replace(part, rows=part.rows + 1) for part in manifest.parts),
        rows_by_object={object_id: rows + 1 for object_id, rows in manifest.rows_by_object.items()},
    )
    with pytest.raises(NeedsAction, match="parts hold 1 rows instead of 2; nothing is loaded"):
        narrow.load_isolating(batch, wrong)
    assert narrow.rows(ALL) == [[0]]


def test_raw_lines_are_found_by_number(place: Place) -> None:
    """Lines are counted as the split counts them, blank ones too; one that is not there is told."""
    raw = place.upload("raw/a", gzip.compress(b"\xef\xbb\xbfone\r\n\nthree\nfour"))
    assert dict(raw_lines(place.store, raw, [4, 1])) == {1: b"one", 4: b"four"}
    with pytest.raises(NeedsAction, match=r"raw/a has no line 5, 9; lines count from 1"):
        list(raw_lines(place.store, raw, [9, 3, 5]))
