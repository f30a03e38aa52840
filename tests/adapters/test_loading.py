"""An event's parts into its table, through the real driver into the Redshift twin."""

import gc
import gzip
import json
import threading
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest
import redshift_connector

from local.stack import Stack
from log_router.core.errors import ConservationError, NeedsAction, Refused, WillPass
from log_router.core.events import Event
from log_router.core.manifests import Manifest, Part
from log_router.loading import Load, Outcome
from log_router.tables import Tables
from log_router.warehouse import CopyRefused, Session, Warehouse
from tests.adapters.place import EVENTS, MakePlace, Place, at_each_level, order

ALL = (
    'SELECT "order", "at", "total", "note", JSON_SERIALIZE("items"), "_lr_line" FROM order_placed ORDER BY 1'
)


def manifest_of(place: Place, *keys: str, event: str = "order_placed", run: str = "run") -> Manifest:
    """Plan nothing, split these objects, return one event's manifest."""
    raws = [raw for raw in place.store.list_raw("raw/") if raw.key in keys]
    batch = place.batch_of(*raws, run=run)
    (manifest,) = [one for one in place.split(batch) if one.event == event]
    return manifest


@pytest.fixture
def ready(place: Place) -> Place:
    """Give a site whose schemas are there, as after a first plan."""
    place.plan()
    return place


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_values_arrive_as_they_were(make_place: MakePlace, compression: str) -> None:
    """Every type's value is in its column, exact, with its lineage."""
    place = make_place(compression=compression)
    place.plan()
    items = [{"sku": "ä|b", "n": 1.10}, None]
    place.upload("raw/a", order(9007199254740993, total=1234567890.125, note='it\'s \\ "q"', items=items))
    outcome = place.load(manifest_of(place, "raw/a"))
    assert outcome == Outcome("order_placed", rows=1, objects=1, already_loaded=0)
    ((number, at, total, note, kept, line),) = place.rows(ALL)
    assert (number, at) == (9007199254740993, datetime(2026, 1, 31, 13))  # noqa: DTZ001 - a Redshift TIMESTAMP
    assert (total, note, line) == (Decimal("1234567890.13"), 'it\'s \\ "q"', 1)
    assert json.loads(str(kept)) == items


def test_a_second_load_changes_nothing(ready: Place) -> None:
    """Loading the same objects again, by whatever run, adds no row and says so."""
    ready.upload("raw/a", order(1) + order(2))
    ready.load(manifest_of(ready, "raw/a"))
    again = ready.load(manifest_of(ready, "raw/a", run="another run"))
    assert again == Outcome("order_placed", rows=0, objects=0, already_loaded=1)
    assert len(ready.rows(ALL)) == 2


def test_only_new_objects_of_a_mixed_batch_are_loaded(ready: Place) -> None:
    """A batch of loaded and new raw objects adds the rows of the new ones only."""
    ready.upload("raw/a", order(1) + order(2))
    ready.load(manifest_of(ready, "raw/a"))
    ready.upload("raw/b", order(3))
    outcome = ready.load(manifest_of(ready, "raw/a", "raw/b", run="later"))
    assert outcome == Outcome("order_placed", rows=1, objects=1, already_loaded=1)
    assert [row[0] for row in ready.rows(ALL)] == [1, 2, 3]


@at_each_level
def test_two_loads_at_the_same_moment_load_once(ready: Place) -> None:
    """Runs that load the same new event at the same moment both succeed; its rows are there once."""
    ready.upload("raw/a", b"".join(order(number) for number in range(500)))
    manifests = [manifest_of(ready, "raw/a", run=f"run {number}") for number in range(6)]
    outcomes: list[Outcome] = []
    threads = [
        threading.Thread(target=lambda one=manifest: outcomes.append(ready.load(one)))
        for manifest in manifests
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcome.rows for outcome in outcomes) == [0, 0, 0, 0, 0, 500]
    assert ready.rows("SELECT COUNT(*) FROM order_placed") == [[500]]


def test_a_count_that_differs_rolls_back(ready: Place) -> None:
    """When Redshift counts other rows than the manifest holds, nothing is committed."""
    ready.upload("raw/a", order(1) + order(2))
    manifest = manifest_of(ready, "raw/a")
    wrong = replace(manifest, parts=tuple(replace(part, rows=part.rows + 1) for part in manifest.parts))
    with pytest.raises(ConservationError, match=r"holds 3 rows, Redshift counted 2.*rolled back"):
        ready.load(wrong)
    assert ready.rows(ALL) == []
    assert ready.load(manifest).rows == 2


def test_a_line_copy_refuses_is_named(ready: Place) -> None:
    """Should COPY refuse a line after all, the error says which part, line, column and why."""
    lineage = b'"_lr_object":"00000000000000000000000000000000","_lr_line":1,"_lr_batch":"batch"'
    manifest = foreign(ready, b'{"order":"1",%b}\n{"order":"x1",%b}\n' % (lineage, lineage))
    with pytest.raises(CopyRefused, match=r"parts/.*bad\.json\.gz line 2, column order") as caught:
        ready.load(manifest)
    assert "1207" in str(caught.value)
    assert ready.rows(ALL) == []


def foreign(place: Place, rows: bytes) -> Manifest:
    """Return the manifest of a part that the split would not have written."""
    body = gzip.compress(rows)
    key = place.store.staging_key("parts", "batch", "order_placed", "bad.json.gz")
    place.store.put(key, body)
    lines = rows.count(b"\n")
    part = Part("order_placed", place.store.staging_url(key), lines, len(body))
    return Manifest("order_placed", "batch", "c" * 16, (part,), {"0" * 32: lines})


def test_a_missing_part_loads_nothing(ready: Place) -> None:
    """A part that is gone fails the load instead of loading less."""
    ready.upload("raw/a", order(1))
    manifest = manifest_of(ready, "raw/a")
    (part,) = manifest.parts
    ready.store.client.delete_object(
        Bucket=ready.settings.staging_bucket, Key=part.url.split("/", maxsplit=3)[3]
    )
    with pytest.raises((Refused, CopyRefused), match="COPY"):
        ready.load(manifest)
    assert ready.rows(ALL) == []


def test_a_new_column_is_added(ready: Place) -> None:
    """A column that the config gained is added to the table; rows of before have NULL there."""
    ready.upload("raw/a", order(1))
    ready.load(manifest_of(ready, "raw/a"))
    given = EVENTS[0].model_dump(mode="json")
    given["columns"].append({"name": "currency", "path": "properties.currency", "type": "char(3)"})
    grown = replace(
        ready, catalog=ready.catalog.model_copy(update={"events": (Event.model_validate(given),)})
    )
    grown.upload("raw/b", order(2, currency="EUR"))
    grown.load(manifest_of(grown, "raw/b"))
    assert grown.rows('SELECT "order", currency FROM order_placed ORDER BY 1') == [[1, None], [2, "EUR"]]


def test_other_rows_than_the_ledger_says_are_told(ready: Place) -> None:
    """An object whose event file has changed since keeps its rows and is named; new objects are loaded."""
    given = EVENTS[0].model_dump(mode="json")
    given["columns"][3]["required"] = True
    strict = replace(
        ready, catalog=ready.catalog.model_copy(update={"events": (Event.model_validate(given),)})
    )
    strict.upload("raw/a", order(1, note="n") + order(2))
    strict.load(manifest_of(strict, "raw/a"))
    ready.upload("raw/b", order(3))
    with pytest.raises(NeedsAction, match=r"was loaded before with 1 rows, now has 2"):
        ready.load(manifest_of(ready, "raw/a", "raw/b", run="later"))
    assert [row[0] for row in ready.rows(ALL)] == [1, 3]


def test_a_dropped_table_is_not_made_anew(ready: Place) -> None:
    """A table that is gone though its ledger names loaded objects is refused: a new one would lack their rows."""
    ready.upload("raw/a", order(1))
    ready.load(manifest_of(ready, "raw/a"))
    with ready.warehouse.session() as session:
        session.run(f'DROP TABLE "{ready.settings.table_schema}".order_placed')
        session.commit()
    ready.upload("raw/b", order(2))
    with pytest.raises(Refused, match=r"order_placed is gone, but 1 raw objects are in its ledger.*Restore"):
        ready.load(manifest_of(ready, "raw/b"))
    with pytest.raises(Refused):
        ready.rows(ALL)


def test_a_dropped_ledger_stops_the_load(ready: Place) -> None:
    """Without its ledger a table is not loaded: nothing would tell what it holds already."""
    ready.upload("raw/a", order(1))
    ready.load(manifest_of(ready, "raw/a"))
    with ready.warehouse.session() as session:
        session.run(f'DROP TABLE "{ready.settings.ledger_schema}".ledger_order_placed')
        session.commit()
    with pytest.raises(Refused, match="a table that was there is gone: restore it"):
        ready.load(manifest_of(ready, "raw/a", run="again"))
    assert len(ready.rows(ALL)) == 1


def test_a_table_of_somebody_else_is_left_alone(ready: Place) -> None:
    """A table of that name that Log Router did not make is refused, with the remedy, and not touched."""
    with ready.warehouse.session() as session:
        session.run(f'CREATE TABLE "{ready.settings.table_schema}".order_placed ("order" BIGINT)')
        session.commit()
    ready.upload("raw/a", order(1))
    with pytest.raises(Refused, match=r"was not made by Log Router.*rename it"):
        ready.load(manifest_of(ready, "raw/a"))
    assert ready.rows("SELECT * FROM order_placed") == []


def test_table_has_its_comments(ready: Place) -> None:
    """Descriptions become comments, whatever signs they hold."""
    ready.upload("raw/a", order(1))
    load = ready.load_of(manifest_of(ready, "raw/a"))
    schemas = (ready.settings.table_schema, ready.settings.ledger_schema)
    with ready.warehouse.session() as session:
        table, column = Tables(session, ready.statements, *schemas, EVENTS[0]).creation()[2:]
    where = f'"{ready.settings.table_schema}"."order_placed"'
    assert table == f"COMMENT ON TABLE {where} IS 'A buyer''s order; it''s placed \\\\o/'"
    assert column == f"COMMENT ON COLUMN {where}.\"at\" IS 'When, in UTC'"
    load.run()
    query = (
        "SELECT d.description FROM pg_description d JOIN pg_class c ON c.oid = d.objoid "
        "JOIN pg_namespace n ON n.oid = c.relnamespace "
        f"WHERE n.nspname = '{ready.settings.table_schema}' AND c.relname = 'order_placed' ORDER BY d.objsubid"
    )
    assert ready.rows(query) == [["A buyer's order; it's placed \\o/"], ["When, in UTC"]]


def test_an_unreachable_warehouse_will_pass() -> None:
    """A warehouse that does not answer is worth a retry, and the message says what to check."""
    nowhere = Warehouse(
        lambda: redshift_connector.connect(
            host="127.0.0.1", port=9, database="dev", user="u", password="p", ssl=False
        ),
        (),
    )
    with (
        pytest.raises(WillPass, match=r"connecting to the warehouse.*check host and port"),
        nowhere.session(),
    ):
        pass


# The driver leaves its socket open when the server refuses the sign-in; it is collected inside this test.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_wrong_password_needs_action(storage: Stack) -> None:
    """A refused sign-in is not retried and names the connection to mend."""
    wrong = {**storage.warehouse, "password": "wrong"}
    closed = Warehouse(lambda: redshift_connector.connect(**wrong), ())
    with pytest.raises(Refused, match="check user and password"), closed.session():
        pass
    gc.collect()


def test_the_transaction_is_lock_look_copy_count_ledger(ready: Place) -> None:
    """The look at the tables is committed, the ledger locked before it is read, and written last."""
    ready.upload("raw/a", order(1))
    load: Load = ready.load_of(manifest_of(ready, "raw/a"))
    load.run()
    said: list[str] = []

    class Recording:
        """The session of the load, with its statements noted down."""

        def run(self, statement: str) -> int:
            said.append(statement.split("\n", maxsplit=1)[0].split(" (", maxsplit=1)[0])
            return 1

        def fetch(self, statement: str) -> list[tuple[object, ...]]:
            said.append(statement.split("\n", maxsplit=1)[0])
            copies = sum("COPY" in text for text in said)
            # As the driver gives it, without a zone.
            now = datetime.fromisoformat("2026-01-31T13:00:00")
            types = {column.name: column.type.ddl for column in load.event.columns}
            columns: list[tuple[object, ...]] = [
                (
                    schema,
                    "order_placed",
                    name,
                    types.get(name, "bigint"),
                    "zstd",
                    name == "order",
                    int(name == "at"),
                )
                for name in load._columns
            ]
            answers: dict[str, list[tuple[object, ...]]] = {
                "pg_attribute": columns,
                "pg_last_copy": [(copies, 1, 7)],
                "GETDATE": [(now,)],
            }
            return next((rows for part, rows in answers.items() if part in statement), [])

        def commit(self) -> None:
            said.append("COMMIT")

    schema, ledger = ready.settings.table_schema, ready.settings.ledger_schema
    recording: Session = Recording()  # type: ignore[assignment]
    assert Tables(recording, ready.statements, schema, ledger, load.event).prepare(needed=True)
    load._load(recording)
    assert said == [
        "SELECT",
        "COMMIT",
        f'LOCK TABLE "{ledger}"."ledger_order_placed"',
        'SELECT "object_id", "batch_id", "rows_loaded", "rows_dropped", "rows_refused", "loaded_at"',
        "SELECT pg_last_copy_id(), pg_last_copy_count(), pg_backend_pid()",
        f'COPY "{schema}"."order_placed"',
        "SELECT pg_last_copy_id(), pg_last_copy_count(), pg_backend_pid()",
        "SELECT GETDATE()",
        f'INSERT INTO "{ledger}"."ledger_order_placed"',
    ]
