"""What plan finds and settle records, through the real driver into the Redshift twin."""

from dataclasses import replace
from datetime import UTC, datetime

from log_router.core.batches import Batch
from log_router.core.catalog import Catalog
from log_router.core.events import Event
from log_router.core.thresholds import exceeded
from log_router.settling import Settlement, Settler, findings, unfinished
from log_router.splitting import split_chunk
from tests.adapters.place import EVENTS, VIEW, WORK, Place, loads, order


def test_what_is_settled_is_not_planned_again(place: Place) -> None:
    """After a run its objects are done: the next run plans only what came since."""
    place.upload("raw/a", order(1) + b"bad\n" + b'{"event":"unknown"}\n\n')
    assert place.run("first").settlement == Settlement(1, 4, 1, 1, 1, 1, 0)
    place.upload("raw/b", VIEW)
    assert [raw.key for raw in place.plan("second").objects] == ["raw/b"]


def test_quarantined_lines_can_be_asked_for(place: Place) -> None:
    """Each is a row of a table, with where it stands; what an object holds no longer is gone when it is split anew."""
    place.upload("raw/a", order("x") + b"bad\n" + VIEW)
    place.upload("raw/b", b'{"event":"\xff"}\n')
    table = f"{place.settings.ledger_schema}.quarantined_lines"
    ask = f'SELECT "event", "reason", "_lr_line", "length", "head" FROM {table} ORDER BY "reason"'
    place.run("first", failing="page_viewed")
    bad = len(order("x")) - 1
    assert place.rows(ask) == [
        [None, "invalid_utf8", 1, 13, '{"event":"\ufffd"}'],
        [None, "malformed_json", 2, 3, "bad"],
        ["order_placed", "wrong_type", 1, bad, order("x").decode().strip()],
    ]
    forgiving = EVENTS[0].model_copy(update={"columns": EVENTS[0].columns[1:], "dist_key": None})
    mended = replace(place, catalog=Catalog(event_key="event", events=(forgiving, EVENTS[1])))
    mended.run("second")
    assert [row[1] for row in place.rows(ask)] == ["invalid_utf8", "malformed_json"]


def test_a_record_that_stays_keeps_its_quarantined_lines(place: Place) -> None:
    """Where a reload does not load a settled object whole, the table still holds the lines that the record counts."""
    place.upload("raw/a", order(1) + b"bad\n")
    place.run("first")
    place.upload("raw/b", b"\nworse\n")
    columns = tuple(
        column.model_copy(update={"required": True}) if column.name == "note" else column
        for column in EVENTS[0].columns
    )
    strict = EVENTS[0].model_copy(update={"columns": columns})
    changed = replace(place, catalog=Catalog(event_key="event", events=(strict, EVENTS[1])))
    lines = f'SELECT "head" FROM {place.settings.ledger_schema}.quarantined_lines ORDER BY 1'
    changed.run("second", failing="order_placed", reload=True)
    assert place.rows(lines) == [["bad"], ["worse"]]
    changed.run("third", reload=True)
    assert place.rows(lines) == [["bad"], ["worse"], [order(1).decode().strip()]]


def test_an_event_that_failed_keeps_its_objects_pending(place: Place) -> None:
    """Objects with rows of an event whose load failed stay pending; all others are settled."""
    place.upload("raw/both", order(1) + VIEW)
    place.upload("raw/view", VIEW)
    assert place.run("first", failing="order_placed").settlement.incomplete_objects == 1
    assert [raw.key for raw in place.plan("second").objects] == ["raw/both"]
    place.run("second")
    assert place.rows("SELECT COUNT(*) FROM page_viewed") == [[2]]
    assert place.rows("SELECT COUNT(*) FROM order_placed") == [[1]]
    assert place.plan("third").objects == ()


def test_an_event_added_later_finds_its_past(place: Place) -> None:
    """Objects that hold lines of an event configured since are pending again; their other rows stay once."""
    place.upload("raw/a", VIEW + b'{"event":"it\'s \\u00e9\\\\new","n":1}\n')
    place.upload("raw/b", VIEW)
    place.run("first")
    new = Event.model_validate(
        {
            "name": "new",
            "event_type": "it's é\\new",
            "table": "new",
            "columns": [{"name": "n", "type": "integer"}],
        }
    )
    grown = replace(place, catalog=Catalog(event_key="event", events=(*EVENTS, new)))
    assert [raw.key for raw in grown.plan("second").objects] == ["raw/a"]
    grown.run("second")
    assert grown.rows("SELECT n FROM new") == [[1]]
    assert grown.rows("SELECT COUNT(*) FROM page_viewed") == [[2]]
    assert grown.plan("third").objects == ()


def test_settling_twice_leaves_one_record(place: Place) -> None:
    """A settle task that runs again replaces its records."""
    place.upload("raw/a", order(1) + b'{"event":"unknown"}\nbad\n')
    batch = place.plan("run")
    reports = [split_chunk(place.store, batch, place.catalog, 0)]
    settler = Settler(place.warehouse, place.statements, place.settings.ledger_schema)
    for _ in range(2):
        settler.settle(batch, place.catalog, reports, {"order_placed": datetime.now(UTC)}, WORK)
    ledger = place.settings.ledger_schema
    assert place.rows(f"SELECT lines, rows_split, quarantined, unrouted FROM {ledger}.objects") == [
        [3, 1, 1, 1]
    ]
    assert place.rows(
        "SELECT event, event_type, rows_split, quarantined, unrouted "
        f"FROM {ledger}.object_events ORDER BY 3 DESC, 4 DESC"
    ) == [["order_placed", "order_placed", 1, 0, 0], [None, None, 0, 1, 0], [None, "unknown", 0, 0, 1]]


def test_the_end_of_a_run_says_all_at_once(place: Place) -> None:
    """One line each, what is not loaded first, then the command that runs the same again, then the thresholds."""
    orders = place.upload("raw/a", order(1) + order("x") + VIEW)
    broken = place.upload("raw/broken\n", b"\x1f\x8b\x08 not gzip")
    lost = place.upload("raw/lost", VIEW)
    batch = Batch("run", "label", place.catalog.config_hash, ((orders, broken), (lost,)))
    report = split_chunk(place.store, batch, place.catalog, 0)
    (_, views) = place.manifests(batch, [report])
    place.plan()
    settlement = place.settle(batch, [report], loads([place.load(views)]))
    pending = unfinished(batch, place.catalog, {0: report}, {"page_viewed"})
    too_many = exceeded(batch.batch_id, place.catalog, place.settings, report.objects, "anew")
    said = findings(batch, replace(settlement, reopened=7), pending, too_many, "airflow dags trigger x")
    url = f"s3://{place.settings.raw_bucket}/raw/broken"
    beginnings = [
        f"{batch.batch_id}: 3 of 3 raw objects are not loaded whole; all that could be loaded is loaded",
        "chunk 1 of the batch was not split (1 raw objects): see the log of split [chunk 1 label]",
        "event order_placed was not loaded: see the log of load.copy [order_placed label]",
        f"{url}\\n: its gzip data ends too early; have its producer",
        "after these remedies run: airflow dags trigger x",
        "7 raw objects, named above in this log, are pending again",
        "event order_placed: 1 of 2 lines are quarantined, more than max_quarantined_share 0.01 (settings.yaml",
    ]
    for line, beginning in zip(said.splitlines(), beginnings, strict=True):
        assert line.startswith(beginning)


def test_a_late_event_reads_only_the_objects_that_hold_it(place: Place) -> None:
    """Of many settled objects only those with its lines are opened again, once each."""
    for number in range(6):
        place.upload(f"raw/{number}", VIEW + (b'{"event":"new"}\n' if number % 3 == 0 else b""))
    place.run("first")
    new = EVENTS[1].model_copy(update={"name": "new", "event_type": "new", "table": "new"})
    grown = replace(place, catalog=Catalog(event_key="event", events=(*EVENTS, new)))
    read: list[str] = []
    raw_bucket = place.settings.raw_bucket

    def note(params: dict[str, str], **_: object) -> None:
        if params["Bucket"] == raw_bucket:
            read.append(params["Key"])

    place.store.client.meta.events.register("provide-client-params.s3.GetObject", note)
    grown.run("second")
    assert read == ["raw/0", "raw/3"]
    assert grown.rows("SELECT COUNT(*) FROM new") == [[2]]
