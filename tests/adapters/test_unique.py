"""Events with a `unique` key: of rows that repeat each other the first one is kept, the others are counted."""

import json
import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from log_router.core.batches import RawObject
from log_router.core.catalog import Catalog
from log_router.core.events import Event
from log_router.core.manifests import Manifest
from log_router.loading import Outcome
from tests.adapters.place import MakePlace, Place, at_each_level
from tests.adapters.test_isolating import Narrow, change

HOURS = 2
START = datetime(2026, 1, 31, 12)  # noqa: DTZ001 - a Redshift TIMESTAMP
IN_TABLE = "SELECT id, shop, at, _lr_object, _lr_line FROM paid"


def paid(time_type: str = "timestamp") -> Event:
    """Return an event with a key of two columns and a window."""
    return Event.model_validate(
        {
            "name": "paid",
            "event_type": "paid",
            "table": "paid",
            "event_time": "at",
            "unique": {"columns": ["id", "shop"], "within_hours": HOURS},
            "columns": [
                {"name": "id", "type": "varchar(64)", "required": True},
                {"name": "shop", "type": "bigint", "required": True},
                {"name": "at", "type": time_type, "required": True},
                {"name": "note", "type": "varchar(32)"},
            ],
        }
    )


def line(identity: str, minutes: float = 0, shop: int = 1, **more: str) -> bytes:
    """Return the line of a payment so long after the start."""
    at = (START + timedelta(minutes=minutes)).isoformat()
    return json.dumps({"event": "paid", "id": identity, "shop": shop, "at": at, **more}).encode() + b"\n"


@pytest.fixture
def place(make_place: MakePlace) -> Place:
    """Give a site of that event, its schemas made."""
    made = make_place(events=(paid(),))
    made.plan()
    return made


def manifest(place: Place, *raws: RawObject, run: str = "run", reload: bool = False) -> Manifest:
    """Split these objects; return the manifest."""
    batch = place.batch_of(*raws, run=run)
    (made,) = place.split(type(batch)(batch.run, batch.label, batch.config_hash, batch.chunks, reload))
    return made


def ids(place: Place) -> list[object]:
    """Return the ids in the table."""
    return [row[0] for row in place.rows("SELECT id FROM paid ORDER BY 1")]


def ledger(place: Place) -> list[list[object]]:
    """Return rows loaded and dropped by object, in the order of their sums."""
    return place.rows(
        f"SELECT rows_loaded, rows_dropped FROM {place.settings.ledger_schema}.ledger_paid ORDER BY 1, 2"
    )


def test_repetitions_in_a_batch_are_dropped_and_counted(place: Place) -> None:
    """Within the window, its end included, the first one stays; beyond it, and with another key, both stay."""
    raw = place.upload(
        "raw/a",
        line("same", 7)
        + line("same", 1)
        + line("far", 0)
        + line("far", 60 * HOURS + 1 / 60)
        + line("edge", 0)
        + line("edge", 60 * HOURS)
        + line("shop", 0, shop=1)
        + line("shop", 0, shop=2),
    )
    outcome = place.load(manifest(place, raw))
    assert outcome == Outcome("paid", rows=6, objects=1, already_loaded=0, dropped=2)
    assert ids(place) == ["edge", "far", "far", "same", "shop", "shop"]
    assert place.rows("SELECT _lr_line FROM paid WHERE id = 'same'") == [[2]]
    assert ledger(place) == [[6, 2]]


@at_each_level
def test_repetitions_of_what_the_table_holds_are_dropped(place: Place) -> None:
    """On either side of the row that is there; and a row that is dropped so drops none of its own batch."""
    place.load(manifest(place, place.upload("raw/a", line("x", 0))))
    before, after = -60 * HOURS, 60 * HOURS
    again = place.upload("raw/b", line("x", before) + line("x", after) + line("x", after + 1) + line("y"))
    outcome = place.load(manifest(place, again))
    assert outcome == Outcome("paid", rows=2, objects=1, already_loaded=0, dropped=2)
    assert place.rows(f"SELECT COUNT(*), MAX(_lr_line) FROM ({IN_TABLE}) WHERE id = 'x'") == [[2, 3]]
    assert ledger(place) == [[1, 0], [2, 2]]


def test_an_object_of_which_nothing_is_left_is_loaded(place: Place) -> None:
    """The ledger knows it, with no rows, so that no later run takes it up."""
    first = place.upload("raw/a", line("x"))
    second = place.upload("raw/b", line("x"))
    place.load(manifest(place, first))
    assert place.load(manifest(place, second)) == Outcome("paid", 0, 1, 0, dropped=1)
    both = manifest(place, first, second, run="again")
    assert place.load(both) == Outcome("paid", rows=0, objects=0, already_loaded=2)
    assert ids(place) == ["x"]


def test_objects_that_are_loaded_drop_nothing_new(place: Place) -> None:
    """What a mixed batch holds of objects that are loaded is not compared: only their rows in the table are."""
    old = place.upload("raw/a", line("x", 0) + line("x", 60))
    place.load(manifest(place, old))
    new = place.upload("raw/b", line("x", 60 * HOURS + 30) + line("z"))
    outcome = place.load(manifest(place, old, new, run="mixed"))
    assert outcome == Outcome("paid", rows=2, objects=1, already_loaded=1)
    assert ids(place) == ["x", "x", "z"]


def test_a_reload_is_no_repetition_of_itself(place: Place) -> None:
    """An object's own rows are taken back before its new ones are compared."""
    raw = place.upload("raw/a", line("x") + line("x", 5) + line("y"))
    place.load(manifest(place, raw))
    outcome = place.load(manifest(place, raw, run="reload", reload=True))
    assert outcome == Outcome("paid", 2, 1, 0, taken_back=2, dropped=1)
    assert ids(place) == ["x", "y"]
    assert ledger(place) == [[2, 1]]


def test_a_reload_of_all_brings_back_what_a_first_one_had_dropped(place: Place) -> None:
    """A line that was the first one and is quarantined by a corrected file: its repetition is loaded beside it."""
    raws = (place.upload("raw/a", line("x")), place.upload("raw/b", line("x", 5, note="n")))
    for raw in raws:
        place.load(manifest(place, raw, run=raw.key))
    assert ledger(place) == [[0, 1], [1, 0]]
    columns = tuple(column.model_copy(update={"required": True}) for column in paid().columns)
    strict = replace(
        place, catalog=Catalog(event_key="event", events=(paid().model_copy(update={"columns": columns}),))
    )
    outcome = strict.load(manifest(strict, *raws, run="reload", reload=True))
    assert (outcome.rows, outcome.taken_back, outcome.dropped) == (1, 1, 0)
    assert place.rows("SELECT id, note FROM paid") == [["x", "n"]]


def test_a_reload_names_the_objects_that_may_lack_a_row_now(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    """Of a row that a reload takes away a repetition was dropped elsewhere: the log says what brings it back."""
    first, second = (
        place.upload("raw/a", line("x") + line("y")),
        place.upload("raw/b", line("x", 5, note="n")),
    )
    for raw in (first, second):
        place.load(manifest(place, raw, run=raw.key))
    place.load(manifest(place, second, run="of the second", reload=True))
    assert not [said for said in caplog.messages if "dropped as repetitions" in said]
    place.load(manifest(place, first, run="of the first", reload=True))
    (said,) = [said for said in caplog.messages if "dropped as repetitions" in said]
    assert f"log-router reload --event paid --object {second.object_id}" in said


@pytest.mark.parametrize("time_type", ["date", "timestamptz"])
def test_the_window_is_of_any_kind_of_time(make_place: MakePlace, time_type: str) -> None:
    """Hours count between days and between moments of a zone as well."""
    place = make_place(events=(paid(time_type),))
    place.plan()
    raw = place.upload("raw/a", line("x") + line("x", 60) + line("x", 24 * 60))
    assert place.load(manifest(place, raw)).dropped == 1


def test_a_line_that_copy_refuses_is_no_first_one(place: Place) -> None:
    """A refused line is quarantined, and the row that would have repeated it is loaded; the rows add up."""
    place.load(manifest(place, place.upload("raw/a", line("x"))))
    change(place, "note", "VARCHAR(4)", table="paid")
    narrow = Narrow(**vars(place))
    raw = place.upload("raw/b", line("x", 5) + line("y", note="far too long") + line("y", 5))
    batch = place.batch_of(raw)
    outcome = narrow.load_isolating(batch, manifest(place, raw))
    assert outcome == Outcome("paid", 1, 1, 0, dropped=1, isolated_by=[batch.batch_id])
    assert ids(place) == ["x", "y"]
    assert narrow.load_isolating(batch, manifest(place, raw)).already_loaded == 1


@at_each_level
def test_two_loads_at_once_keep_one(place: Place) -> None:
    """Runs that load the same event from different objects at the same moment see each other's rows."""
    raws = [place.upload(f"raw/{number}", line("x", number) + line(str(number))) for number in range(4)]
    manifests = [manifest(place, raw, run=raw.key) for raw in raws]
    outcomes: list[Outcome] = []
    threads = [threading.Thread(target=lambda one=one: outcomes.append(place.load(one))) for one in manifests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcome.dropped for outcome in outcomes) == [0, 1, 1, 1]
    assert ids(place) == ["0", "1", "2", "3", "x"]


@dataclass(frozen=True)
class Row:
    """A row as plain Python keeps it."""

    at: datetime
    object_id: str
    number: int
    key: tuple[str, int]


def first_ones(table: Sequence[Row], new: Sequence[Row]) -> list[Row]:
    """Return which new rows are loaded: by the table first, then by the row before of the same key."""
    window = timedelta(hours=HOURS)
    unknown = [
        row
        for row in new
        if not any(row.key == other.key and abs(row.at - other.at) <= window for other in table)
    ]
    kept, before = [], dict[tuple[str, int], datetime]()
    for row in sorted(unknown, key=lambda one: (one.at, one.object_id, one.number)):
        if row.key not in before or row.at - before[row.key] > window:
            kept.append(row)
        before[row.key] = row.at
    return kept


lines = st.tuples(st.sampled_from("ab"), st.integers(1, 2), st.integers(-14, 14).map(lambda n: n * 30))
batches = st.lists(
    st.tuples(st.lists(st.lists(lines, min_size=1, max_size=5), min_size=1, max_size=2), st.booleans()),
    min_size=2,
    max_size=3,
)


@settings(
    max_examples=8,
    deadline=None,
    database=None,
    derandomize=True,
    # Each smaller example would be loaded too; these are small.
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(batches)
def test_what_is_kept_is_what_plain_python_keeps(
    place: Place, given_batches: list[tuple[list[list[tuple[str, int, int]]], bool]]
) -> None:
    """Batch by batch, with reloads of all objects so far among them, the table holds the reference's rows."""
    mark = uuid.uuid4().hex
    raws: list[RawObject] = []
    rows: dict[str, list[Row]] = {}
    table: list[Row] = []
    for contents, reload in given_batches:
        for content in contents:
            body = b"".join(line(f"{mark}{name}", minutes, shop) for name, shop, minutes in content)
            raw = place.upload(f"raw/{mark}/{len(raws)}", body)
            raws.append(raw)
            rows[raw.object_id] = [
                Row(START + timedelta(minutes=minutes), raw.object_id, number, (f"{mark}{name}", shop))
                for number, (name, shop, minutes) in enumerate(content, start=1)
            ]
        known = set() if reload else {row.object_id for row in table}
        table = [] if reload else table
        # An object all rows of which were dropped is loaded all the same.
        known |= set() if reload else {raw.object_id for raw in raws[: -len(contents)]}
        new = [row for raw in raws if raw.object_id not in known for row in rows[raw.object_id]]
        table += first_ones(table, new)
        place.load(manifest(place, *raws, run=f"{mark}{len(raws)}", reload=reload))
        found = place.rows(f"{IN_TABLE} WHERE id LIKE '{mark}%'")
        expected = [[*row.key, row.at, row.object_id, row.number] for row in table]
        assert sorted(found) == sorted(expected)
