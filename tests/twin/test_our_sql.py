"""The statements of include/sql do their work on the twin, and one that is broken on purpose is refused."""

import dataclasses
import datetime as dt
import gzip
import json
import os
import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from local.environment import ROOT
from log_router.core.sql import Statements
from tests.twin.warehouse import Bucket, Db

SQL = ROOT / "include" / "sql"
STAGE = "log_router_stage"
AT = dt.datetime(2026, 1, 31, 13, 0, 7, tzinfo=dt.UTC)
LATER = AT + dt.timedelta(seconds=9)
IDS = ["0" * 32, "f" * 32]
OF_IDS: dict[str, Any] = {"column": "object_id", "values": IDS}
COLUMNS = [
    {"name": "order", "ddl": "numeric(12,2)", "encoding": "az64"},
    {"name": "who", "ddl": "varchar(100)", "encoding": "zstd"},
    {"name": "at", "ddl": "timestamp", "encoding": "az64"},
    {"name": "data", "ddl": "super", "encoding": "zstd"},
]
ADDED = {"name": "note", "ddl": "varchar(20)", "encoding": "zstd"}
LOADED = [*(column["name"] for column in COLUMNS), "_lr_object", "_lr_line", "_lr_batch"]
LINES: list[dict[str, Any]] = [
    {"order": "12.50", "who": "É", "at": "2024-01-02T03:04:05Z", "data": {"a": [1]}, "_lr_object": IDS[0]},
    {"order": 3, "who": "x", "at": "2024-01-02 03:04:06", "data": None, "_lr_object": IDS[0]},
    {"order": 4, "who": "y", "at": "2024-01-02 03:04:07", "data": "text", "_lr_object": IDS[1]},
]  # fmt: skip
# These work in the ledger's schema, the others in the event's.
_OF_LEDGER = re.compile("ledger|object|batch|lags|lock(?!_errors)")


@dataclasses.dataclass
class Session:
    """A connection that runs the product's statements by name, and knows which it ran."""

    db: Db
    values: dict[str, Any]
    ran: set[str] = dataclasses.field(default_factory=set)

    def render(self, name: str, **values: Any) -> str:
        """Return a statement as the product would send it."""
        where = {"schema": self.values["ledger_schema"]} if _OF_LEDGER.search(name) else {}
        return Statements(SQL).render(name, **{**self.values, **where, **values})

    def run(self, name: str, **values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a statement, none if it has none."""
        self.ran.add(name)
        cursor = self.db.execute(self.render(name, **values).encode())
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def session(db: Db, bucket: Bucket) -> Iterator[Session]:
    """A session with the values of one event's load; its schemas are dropped afterwards."""
    schemas = [f"events_{os.urandom(4).hex()}", f"ledger_{os.urandom(4).hex()}"]
    values: dict[str, Any] = {
        "schema": schemas[0],
        "ledger_schema": schemas[1],
        "table": "order_placed",
        "tables": ["order_placed"],
        "ledger": "ledger_order_placed",
        "ledgers": ["ledger_order_placed"],
        "stage": STAGE,
        "column": ADDED,
        "columns": COLUMNS,
        "dist_key": "who",
        "sort_key": ["order", "at"],
        "text": "It's net\\gross",
        "manifest": _manifest(bucket),
        "target": [STAGE],
        "iam_role": "arn:aws:iam::123456789012:role/load",
        "region": "us-east-1",
        "compression": "gzip",
        "parts_url": bucket.url("parts/"),
        "object_ids": IDS,
        "entries": [(IDS[0], "batch", "c" * 16, 2, 3, 0, AT), (IDS[1], "batch", "c" * 16, 1, 0, 4, AT)],
        "max_errors": 0,
        "rehearsal": False,
        "key": ["who"],
        "event_time": "at",
        "hours": 1,
        "session_id": 0,
        "event_types": ["order_placed", "it's"],
        "milliseconds": 3_600_000,
    }
    yield Session(db, values)
    db.rollback()
    for schema in schemas:
        db.execute(f"drop schema if exists {schema} cascade".encode())


def _manifest(bucket: Bucket) -> str:
    body = b"".join(
        json.dumps({**line, "_lr_line": n, "_lr_batch": "batch"}).encode() + b"\n"
        for n, line in enumerate(LINES)
    )
    return bucket.manifest({"url": bucket.put("parts/a.jsonl.gz", gzip.compress(body)), "mandatory": True})


def set_up(session: Session) -> None:
    """Make the schemas and tables of an event, as `plan` does."""
    session.run("set_query_group")
    session.run("set_statement_timeout")
    for schema in (session.values["schema"], session.values["ledger_schema"]):
        session.run("create_schema", schema=schema)
    session.run("create_table")
    session.run("create_ledger")
    session.run("create_objects")
    session.run("create_object_events")
    session.run("create_batches")


def test_planning(session: Session) -> None:
    """Schemas and tables are there afterwards, again without harm; a new column and comments are added."""
    set_up(session)
    set_up(session)
    session.run("add_column")
    session.run("comment_table")
    session.run("comment_column", column="order")
    schemas = [session.values["schema"], session.values["ledger_schema"]]
    record = session.run("record_there", schemas=[*schemas, "nowhere"], tables=["objects", "object_events"])
    assert set(record) == {(schemas[0], None), (schemas[1], "objects"), (schemas[1], "object_events")}
    there = {
        name: column for _, table, name, *column in session.run("columns_there") if table == "order_placed"
    }
    assert list(there) == [*LOADED, "note"]
    assert there["order"] == ["numeric(12,2)", "az64", False, 1, False]
    assert there["who"] == ["character varying(100)", "zstd", True, 0, False]
    session.run("widen_column", column="who", ddl="varchar(200)")
    columns = {name: kind for _, _, name, kind, *_ in session.run("columns_there")}
    assert columns["who"] == "character varying(200)"
    assert session.run("count_slices") == [(2,)]
    assert session.run("loaded_by_prefix", schema=session.values["ledger_schema"], length=4) == []


def test_a_load_and_its_settling(session: Session) -> None:
    """Staged rows arrive once, the ledger knows their objects, and settled objects are found again."""
    set_up(session)
    with session.db.transaction():
        session.run("lock_table", table="ledger_order_placed")
        assert session.run("ledger_entries", **OF_IDS) == []
        session.run("create_stage")
        ((before, _, session_id),) = session.run("last_copy")
        session.run("copy", columns=LOADED)
        ((copy_id, count, same),) = session.run("last_copy")
        assert copy_id > before
        assert (count, same) == (len(LINES), session_id)
        session.run("insert_from_stage", columns=LOADED, object_ids=IDS[:1])
        session.run("insert_ledger")
        session.run("drop_stage")
    assert session.db.execute(
        f'select "order"::varchar, who, data from {session.values["schema"]}.order_placed order by 1'.encode()
    ).fetchall() == [("12.50", "É", '{"a":[1]}'), ("3.00", "x", None)]
    entries = sorted(row[:5] for row in session.run("ledger_entries", **OF_IDS))
    assert entries == [(IDS[0], "batch", 2, 3, 0), (IDS[1], "batch", 1, 0, 4)]
    assert session.run("count_ledger") == [(2,)]
    assert session.run("load_errors") == []
    settle(session)
    assert session.run("settled_objects") == [(IDS[0],)]
    assert sorted(session.run("settled_objects", event_types=[])) == [(IDS[0],), (IDS[1],)]
    with session.db.transaction():
        session.run("delete_rows", spared=[])
        session.run("delete_ledger")
    assert session.run("count_ledger") == [(0,)]


def test_repetitions_and_refusals(session: Session) -> None:
    """Staged rows that repeat others go; what a COPY would refuse is noted under the session and the parts."""
    set_up(session)
    session.run("delete_ledger")
    with session.db.transaction():
        for target in (["order_placed"], [STAGE]):
            where = [session.values["schema"]] if target != [STAGE] else []
            if not where:
                session.run("create_stage")
            session.run("copy", columns=LOADED, target=[*where, *target])
        session.run("delete_staged", object_ids=IDS[1:])
        assert session.run("count_staged") == [(IDS[0], 2)]
        session.run("delete_repeated")
        assert session.run("count_staged") == [(IDS[0], 2)]
        session.run("delete_known")
        assert session.run("count_staged") == []
        session.run("drop_stage")
    session.db.execute(f"alter table {session.values['schema']}.order_placed drop column data".encode())
    session.db.execute(
        f"alter table {session.values['schema']}.order_placed add column data integer".encode()
    )
    ((_, _, session_id),) = session.run("last_copy")
    target = [session.values["schema"], "order_placed"]
    for _ in range(2):
        session.run("copy", columns=LOADED, target=target, max_errors=4, rehearsal=True)
    refused = session.run("load_errors", session_id=session_id)
    assert [(line, column.strip()) for _, line, column, _, _ in refused] == [(1, "data"), (3, "data")]
    assert session.run("load_errors", session_id=session_id + 1) == []


def test_what_a_reload_asks(session: Session) -> None:
    """Recorded objects are found by quarantined lines; of these lines some go, and the ledger follows."""
    set_up(session)
    settle(session)
    assert session.run("objects_with_quarantined", event="order_placed") == [(IDS[0],)]
    assert session.run("objects_with_quarantined", event="it's") == []
    lines = {"table": "quarantined_lines", "ledger": "ledger_quarantined_lines"}
    lines["schema"] = session.values["ledger_schema"]
    session.run("create_table", **lines, columns=[ADDED | {"name": "event"}], sort_key=[], dist_key="")
    session.run("create_ledger", **lines)
    for event in ("'it''s'", "'order_placed'", "NULL"):
        values = f"({event}, '{IDS[0]}', 1, 'batch')"
        session.db.execute(f"insert into {lines['schema']}.quarantined_lines values {values}".encode())
    session.run("delete_rows", **lines, spared=["it's", "page_viewed"])
    session.run("recount_ledger", **lines, batch_id="batch", config_hash="c" * 16)
    ((*entry, _),) = session.run("ledger_entries", **OF_IDS, **lines)
    assert entry == [IDS[0], "batch", 1, 0, 0]


def test_what_a_doctor_asks(session: Session) -> None:
    """Who the loader is and what it may do; a probe table takes one row by COPY."""
    set_up(session)
    ((user, database, *rights),) = session.run("loader_rights")
    assert (user, database, rights) == ("awsuser", "dev", [True, True])
    assert session.run("schema_rights") == [(True, True)]
    assert session.run("schema_rights", schema="nowhere") == []
    ((level,),) = session.run("database_isolation", database=database)
    assert level.strip() == "Snapshot Isolation"
    session.run("create_probe", probe="order_probe")
    assert session.db.execute(b"select count(*) from order_probe").fetchall() == [(0,)]


def test_what_an_audit_asks(session: Session) -> None:
    """What is recorded, in the ledgers and in the tables of raw objects is found, and what only a table holds."""
    set_up(session)
    settle(session)
    session.run("delete_rows", spared=[])
    session.run("delete_ledger")
    session.run(
        "insert_ledger",
        entries=[(IDS[0], "batch", "c" * 16, 2, 0, 0, AT), (IDS[1], "batch", "c" * 16, 1, 0, 0, AT)],
    )
    ledger, schema = session.values["ledger_schema"], session.values["schema"]
    for line in (1, 2, 2):
        session.db.execute(
            f"insert into {schema}.order_placed (_lr_object, _lr_line, _lr_batch) "
            f"values ('{IDS[0]}', {line}, 'batch'), ('stray', 1, 'batch')".encode()
        )
    there = session.run("tables_there", schemas=[schema, ledger])
    assert {(schema, "order_placed", "_lr_object"), (ledger, "ledger_order_placed", "object_id")} <= {*there}
    prefixes = ["raw/a", "raw/x "]
    below = session.run("settled_below", schema=ledger, bucket="raw", prefixes=prefixes)
    assert {row[0] for row in below} == {*IDS}
    settled = session.run("settled_with", schema=ledger, column="object_id", values=IDS[:1])
    assert [row[:7] for row in settled] == [(IDS[0], "raw", "raw/x y.gz", "etag", 10, "batch", 6)]
    assert settled[0][-1] == AT.replace(tzinfo=None)
    assert set(session.run("events_of_objects", schema=ledger)) == {
        (IDS[0], "order_placed", "order_placed", 3, 1, 0, LATER.replace(tzinfo=None), "stream"),
        (IDS[1], None, "it's", 0, 0, 2, None, None),
    }
    entries = session.run("ledger_entries", column="batch_id", values=["batch"])
    assert sorted(row[:5] for row in entries) == [(IDS[0], "batch", 2, 0, 0), (IDS[1], "batch", 1, 0, 0)]
    types = [
        (kind, prefix, int(lines), objects, int(size))
        for kind, prefix, lines, objects, size in session.run("unrouted_types", schema=ledger, length=5)
    ]
    assert types == [("it's", "raw/x", 2, 1, 10)]
    newest = {"schema": ledger, "most": 2}
    assert [row[0] for row in session.run("newest_objects", events=[""], event_types=["it's"], **newest)] == [
        IDS[1]
    ]
    assert [
        row[0] for row in session.run("newest_objects", events=["order_placed"], event_types=[""], **newest)
    ] == [IDS[0]]
    assert session.run("objects_with_dropped", schema=ledger) == []
    assert session.run("count_rows") == [(IDS[0], 3, 2)]
    assert session.run("stray_rows") == [("stray".ljust(32), 3)]


def test_what_lag_asks(session: Session) -> None:
    """Of what was loaded in the last hours: objects, rows, seconds, by event and lane; nothing loaded anew."""
    set_up(session)
    ((now,),) = session.run("now")
    now = now.replace(tzinfo=dt.UTC)
    waits = {"stream": (4, 8, 10), "backfill": (7200,), "reload": (9000,)}
    ids = iter(f"{number:032x}" for number in range(1, 9))
    objects: list[tuple[Any, ...]] = []
    events: list[tuple[Any, ...]] = []
    for lane, seconds in waits.items():
        for wait in seconds:
            object_id = next(ids)
            written = now - dt.timedelta(seconds=wait)
            objects.append((object_id, "raw", "raw/x", "etag", 10, "batch", 6, 3, 1, 2, 0, written))
            events.append((object_id, "order_placed", "order_placed", 3, 1, 0, now, lane))
            events.append((object_id, "it's", "it's", 1, 0, 0, now - dt.timedelta(hours=2), lane))
            events.append((object_id, None, None, 0, 1, 0, None, None))
    unknown = next(ids)
    objects.append((unknown, "raw", "raw/x", "etag", 10, "batch", 6, 3, 1, 2, 0, None))
    events.append((unknown, "order_placed", "order_placed", 3, 1, 0, now, "stream"))
    session.run("insert_objects", entries=objects)
    session.run("insert_object_events", entries=events)
    found = [[*row[:4], *map(float, row[4:])] for row in session.run("lags", hours=1, events=[])]
    assert found == [
        ["order_placed", "backfill", 1, 3, 7200.0, 7200.0, 7200.0],
        ["order_placed", "stream", 3, 9, 8.0, 9.8, 10.0],
    ]
    assert [row[0] for row in session.run("lags", hours=3, events=["it's", "none"])] == ["it's"] * 2


def test_what_an_estimate_asks(session: Session) -> None:
    """Of the batches that were settled last, but for the stream's, what they read and how long that took."""
    set_up(session)
    of = ("label", "hourly", 9, 1, 1024, 60, 30)
    for number in range(3):
        entry = (f"batch {number}", *of, number, 12.345, 4, 0.5, LATER)
        session.run("insert_batch", entry=entry)
    session.run("insert_batch", entry=("streamed", "label", "stream", *of[2:], 1, 12.345, 4, 0.5, LATER))
    session.run("delete_batch", batch_id="batch 2")
    ((*found, settled_at),) = session.run("recent_batches", most=9)
    assert found[:-1] == [10, 1024, 1, 12.345, 4, 0.5]
    assert found[-1] == pytest.approx((settled_at - LATER.replace(tzinfo=None)).total_seconds(), abs=1)
    assert session.run("recent_batches", most=0) == []


def settle(session: Session) -> None:
    """Write what became of two objects, the second with lines that no event took, as the product does."""
    with session.db.transaction():
        session.run("lock_table", table="objects")
        for table, entries in {
            "objects": [(each, "raw", "raw/x y.gz", "etag", 10, "batch", 6, 3, 1, 2, 0, AT) for each in IDS],
            "object_events": [
                (IDS[0], "order_placed", "order_placed", 3, 1, 0, LATER, "stream"),
                (IDS[1], None, "it's", 0, 0, 2, None, None),
            ],
        }.items():
            session.run(f"delete_{table}")
            session.run(f"insert_{table}", entries=entries)


def test_every_statement_is_run(session: Session) -> None:
    """No file of include/sql is left out of these tests."""
    test_planning(session)
    test_a_load_and_its_settling(session)
    test_repetitions_and_refusals(session)
    test_what_a_reload_asks(session)
    test_what_an_audit_asks(session)
    test_what_lag_asks(session)
    test_what_an_estimate_asks(session)
    test_what_a_doctor_asks(session)
    assert {file.stem for file in SQL.glob("*.sql")} == session.ran


@dataclasses.dataclass(frozen=True)
class Breakage:
    """A mistake in one statement, and what Redshift says of it: SQLSTATE, if known, and message in any case."""

    mistake: str
    statement: str
    change: tuple[str, str]
    code: str
    message: str


END = r"\Z"
BREAKAGES = [
    Breakage("misspelt option", "copy", ("TIMEFORMAT", "TIMEFROMAT"), "42601", 'at or near "timefromat"'),
    Breakage("misspelt JSON option", "copy", ("JSON 'auto'", "JSON 'auot'"), "", "auot"),
    Breakage("no role", "copy", ("IAM_ROLE '[^']*'", ""), "", "credentials|iam_role"),
    Breakage("a value for MANIFEST", "copy", ("MANIFEST", "MANIFEST 'true'"), "42601", "at or near"),
    Breakage("a negative MAXERROR", "copy", ("MAXERROR 0", "MAXERROR -1"), "", "."),
    Breakage("an unknown column", "copy", ('"who"', '"whom"'), "42703", "whom"),
    Breakage("two compressions", "copy", ("GZIP", "GZIP ZSTD"), "", "."),
    Breakage(
        "two columns at once", "add_column", (END, ', ADD COLUMN "b" INT'), "", "one column|add column|syntax"
    ),
    Breakage("an unknown encoding", "add_column", ("ZSTD", "ZSDT"), "", "zsdt"),
    Breakage("JSONB", "create_table", ("SUPER", "JSONB"), "", "jsonb"),
    Breakage("VARCHAR too long", "create_table", (r"\(100\)", "(65536)"), "22023", "cannot exceed 65535"),
    Breakage(
        "an unquoted reserved word", "create_table", ('"order"', "order"), "42601", 'at or near "order"'
    ),
    Breakage("an unknown style", "create_table", ("DISTSTYLE KEY", "DISTSTYLE HASH"), "", "hash"),
    Breakage("SUPER as a key", "create_table", (r'DISTKEY \("who"\)', 'DISTKEY ("data")'), "", "super|data"),
    Breakage("UUID", "create_ledger", (r"CHAR\(32\)", "UUID"), "", 'type "?uuid"?'),
    Breakage("CHECK", "create_ledger", ("SORTKEY", "CHECK (true) SORTKEY"), "", "."),
    Breakage(
        "a function of PostgreSQL", "create_ledger", ("GETDATE", "CLOCK_TIMESTAMP"), "", "clock_timestamp"
    ),
    Breakage("LIKE with all", "create_stage", ("INCLUDING DEFAULTS", "INCLUDING ALL"), "", "."),
    Breakage("ON CONFLICT", "insert_ledger", (END, " ON CONFLICT DO NOTHING"), "42601", 'at or near "on"'),
    Breakage(
        "RETURNING", "insert_ledger", (END, ' RETURNING "object_id"'), "42601", 'at or near "returning"'
    ),
    Breakage("a missing column", "insert_ledger", ("rows_loaded", "rows_lodaed"), "42703", "rows_lodaed"),
    Breakage("a missing value", "insert_ledger", ("'batch', ", ""), "", "."),
    Breakage("an index", "lock_table", ("LOCK TABLE", "CREATE INDEX i ON"), "", "."),
    Breakage("LOCK with NOWAIT", "lock_table", (END, " NOWAIT"), "42601", "at or near"),
    Breakage("a cast to JSONB", "ledger_entries", ('"rows_loaded"', '"rows_loaded"::jsonb'), "", "jsonb"),
    Breakage("an arrow", "ledger_entries", ('"rows_loaded"', "\"object_id\" ->> 'a'"), "", "."),
    Breakage("an array", "ledger_entries", ("IN (.*)", r"= ANY(ARRAY[\1])"), "", "."),
    Breakage("an unknown function", "load_errors", ("LEFT", "LEFTMOST"), "42883", "leftmost"),
    Breakage("FILTER", "count_ledger", (r"COUNT\(\*\)", "COUNT(*) FILTER (WHERE true)"), "", "."),
    Breakage("an unknown setting", "set_query_group", ("query_group", "query_gruop"), "", "query_gruop"),
]


# what a statement must be given beside the session's values to work once more
OTHER: dict[str, dict[str, Any]] = {
    "copy": {"columns": LOADED},
    "create_table": {"table": "another"},
    "create_ledger": {"ledger": "another"},
    "create_stage": {"stage": "another"},
    "ledger_entries": OF_IDS,
    "lock_table": {"table": "ledger_order_placed"},
}


@pytest.mark.parametrize(
    "breakage", BREAKAGES, ids=lambda breakage: f"{breakage.mistake} in {breakage.statement}"
)
def test_broken_statements_are_refused(session: Session, breakage: Breakage) -> None:
    """A mistake in our SQL comes to light on the twin, by Redshift's words and not by a lack of the twin's."""
    set_up(session)
    session.run("create_stage")
    right = session.render(breakage.statement, **OTHER.get(breakage.statement, {}))
    wrong = re.sub(*breakage.change, right, count=1)
    assert wrong != right
    with session.db.transaction(force_rollback=True):
        session.db.execute(right.encode())
    with pytest.raises(psycopg.Error, match=f"(?i){breakage.message}") as caught:
        session.db.execute(wrong.encode())
    assert breakage.code in {"", caught.value.sqlstate}
    assert "local Redshift twin" not in str(caught.value)
