"""The wire protocol: what Redshift's clients may say, and what no client should."""

import contextlib
import os
import socket
import struct
from collections.abc import Iterator

import pytest

from tests.twin.raw import (
    SYNC,
    Raw,
    bind,
    describe,
    errors,
    execute,
    kinds,
    message,
    parse,
    query,
    run,
    startup,
)
from tests.twin.warehouse import Bucket, Db, Warehouse, copy, wait_for_waiter, waits


@pytest.fixture
def raw(warehouse: Warehouse) -> Iterator[Raw]:
    with Raw(warehouse.port) as connection:
        yield connection.sign_in()


def count(db: Db) -> int:
    row = db.execute("select count(*) from t").fetchone()
    assert row is not None
    return int(row[0])


# -- several statements in one message ----------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "answer", "rows"),
    [
        ("insert into {t} values (1); insert into {t} values (2)", "CCZ", 2),
        ("insert into {t} values (1); select 1/0; insert into {t} values (2)", "CEZ", 0),
        ("insert into {t} values (1); select nonsense from; insert into {t} values (2)", "CEZ", 0),
        ("insert into {t} values (1); create table {t}2 (a int); select 1/0", "CCEZ", 0),
        ("insert into {t} values (1); commit; insert into {t} values (2); select 1/0", "CNCCEZ", 1),
        ("insert into {t} values (1); begin; insert into {t} values (2); commit", "CCCCZ", 2),
        ("insert into {t} values (1); begin; insert into {t} values (2); rollback", "CCCCZ", 0),
        ("begin; insert into {t} values (1); commit; insert into {t} values (2); select 1/0", "CCCCEZ", 1),
        ("begin; insert into {t} values (1); select 1/0; commit", "CCEZ", 0),
        ("insert into {t} values (1); truncate {t}; insert into {t} values (2); select 1/0", "CCCEZ", 0),
    ],
)
def test_statements_of_one_message_are_one_transaction(
    raw: Raw, db: Db, table: str, sql: str, answer: str, *, rows: int
) -> None:
    """What one of them breaks is undone with it, back to where they end a transaction themselves."""
    assert kinds([m for m in raw.ask(query(sql.format(t=table))) if m[0] not in b"TD"]) == answer
    raw.ask(query("rollback"))
    assert count(db) == rows


def test_a_failed_block_of_one_message_stays_open(raw: Raw) -> None:
    """With a BEGIN of its own a script's failed transaction waits for the client's ROLLBACK."""
    assert raw.ask(query("begin; select 1/0; commit"))[-1] == (b"Z", b"E")
    assert errors(raw.ask(query("select 1"))) == [
        ("25P02", "current transaction is aborted, commands ignored until end of transaction block")
    ]
    assert raw.ask(query("commit")) == [(b"C", b"ROLLBACK\0"), (b"Z", b"I")]


@pytest.mark.parametrize(
    "sql", ["vacuum; select 1", "select 1; alter table {t} alter column s type varchar(9)"]
)
def test_some_statements_must_be_alone_in_their_message(raw: Raw, db: Db, table: str, sql: str) -> None:
    """What can't run in a transaction can't run among others."""
    db.execute("alter table t add column s varchar(5)")
    ((code, text),) = errors(raw.ask(query(sql.format(t=table))))
    assert code == "25001"
    assert text.endswith("cannot run inside a multiple commands statement")


# -- the extended protocol ------------------------------------------------------------------------


def test_a_pipeline_is_one_transaction(raw: Raw, db: Db, table: str, bucket: Bucket) -> None:
    """Statements up to a Sync are undone together, those that the twin runs itself, too."""
    db.execute("alter table t add column s super")
    load = copy(table, bucket.put("x", b'{"a":1}'))
    # what is a path into a SUPER value must be looked up
    lookup = f"select t.s.of.value from {table} t"
    for sql in (load, lookup, f"create table {table}2 (a int)"):
        insert = run(f"insert into {table} (a) values (1)")
        found = raw.ask(insert, run(sql), insert, run("select 1/0"), insert, SYNC)
        assert errors(found) == [("22012", "division by zero")]
        assert found[-1] == (b"Z", b"I")
        assert count(db) == 0
    raw.ask(insert, run(load), run(lookup), SYNC)
    assert count(db) == 2


def test_a_refused_statement_undoes_its_pipeline(raw: Raw, db: Db, table: str) -> None:
    """What the twin refuses rolls back as what PostgreSQL refuses; the rest is skipped up to the Sync."""
    insert = run(f"insert into {table} values (1)")
    found = raw.ask(insert, parse("create index i on t (a)"), insert, SYNC)
    assert kinds(found) == "12CEZ"
    assert count(db) == 0


def test_an_error_is_heard_before_the_sync(raw: Raw) -> None:
    """Flush lets the client hear the error for which everything up to the Sync is skipped."""
    raw.send(parse("create index i on t (a)") + message(b"H"))
    assert raw.receive() is not None
    assert kinds(raw.ask(run("select 1"), SYNC)) == "Z"


def test_a_pipeline_with_a_transaction_of_its_own(raw: Raw, db: Db, table: str, bucket: Bucket) -> None:
    """BEGIN within a pipeline leaves the transaction open after the Sync."""
    load = copy(table, bucket.put("x", b'{"a":1}'))
    assert raw.ask(run("begin"), run(load), SYNC)[-1] == (b"Z", b"T")
    assert count(db) == 0
    assert raw.ask(run("commit"), run(load), SYNC)[-1] == (b"Z", b"I")
    assert count(db) == 2


def test_a_portal_is_read_in_parts(raw: Raw) -> None:
    """A limit of rows suspends the portal, and Execute goes on from there."""
    raw.ask(query("begin"))
    opened = raw.ask(
        parse("select 1 union all select 2 union all select 3"), bind(portal="p"), execute("p", 2), SYNC
    )
    assert kinds(opened) == "12DDsZ"
    assert kinds(raw.ask(execute("p", 2), SYNC)) == "DCZ"
    raw.ask(query("commit"))
    assert errors(raw.ask(execute("p"), SYNC)) == [("34000", 'portal "p" does not exist')]


def test_statements_of_the_twins_own_are_prepared_as_any(
    raw: Raw, db: Db, table: str, bucket: Bucket
) -> None:
    """A named COPY is described as without rows and runs at each Bind and Execute, until it is closed."""
    load = copy(table, bucket.put("x", b'{"a":1}'))
    assert kinds(raw.ask(parse(load, "load"), describe(b"S", "load"), SYNC)) == "1tnZ"
    for _ in range(2):
        assert kinds(raw.ask(bind("load"), describe(b"P"), execute(), SYNC)) == "2nNCZ"
    assert errors(raw.ask(parse("select 1", "load"), SYNC)) == [
        ("42P05", 'prepared statement "load" already exists')
    ]
    assert errors(raw.ask(bind("load", "", "1"), SYNC))[0][0] == "08P01"
    assert errors(raw.ask(execute(), SYNC))[0][0] == "34000"
    raw.ask(message(b"C", b"Sload\0"), SYNC)
    assert errors(raw.ask(bind("load"), SYNC))[0][0] == "26000"
    raw.ask(parse(load, "load"), SYNC, query("deallocate load"))
    assert count(db) == 2


def test_an_untyped_value_finds_its_type(raw: Raw, db: Db, table: str) -> None:
    """A value without a type is read as what the column needs."""
    insert = parse(f"insert into {table} values ($1)")
    assert kinds(raw.ask(insert, describe(b"S"), bind("", "", "41"), execute(), SYNC)) == "1tn2CZ"
    assert errors(raw.ask(insert, bind("", "", "x"), SYNC))[0][0] == "22P02"
    assert db.execute("select a from t").fetchall() == [(41,)]


def test_tags_are_redshifts(raw: Raw) -> None:
    """SELECT and FETCH don't count their rows."""
    found = raw.ask(query("begin; declare c cursor for select 1; fetch next from c; select 1; end"))
    assert [body for kind, body in found if kind == b"C"] == [
        b"BEGIN\0", b"DECLARE CURSOR\0", b"FETCH\0", b"SELECT\0", b"COMMIT\0",
    ]  # fmt: skip


# -- cancel -------------------------------------------------------------------------------------


def test_only_the_right_secret_cancels(raw: Raw, db: Db, table: str, warehouse: Warehouse) -> None:
    """A request with another's secret is ignored; with the right one the statement ends."""
    with warehouse.connect(autocommit=False) as holder:
        holder.execute(f"lock table {table}".encode())
        raw.send(query(f"select * from {table}"))
        wait_for_waiter(db)
        cancel(warehouse, raw.pid, bytes(4))
        cancel(warehouse, raw.pid + 1, raw.secret)
        assert waits(db)
        cancel(warehouse, raw.pid, raw.secret)
        ((code, _),) = errors(raw.until_ready())
    assert code == "57014"


def cancel(warehouse: Warehouse, pid: int, secret: bytes) -> None:
    """Send a cancel request and wait until it is done."""
    with Raw(warehouse.port) as other:
        other.send(struct.pack("!IIi4s", 16, 80877102, pid, secret))
        assert other.receive() is None


# -- what no client should say ------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
        struct.pack("!II", 4, 196608),
        struct.pack("!II", 0xFFFFFFFF, 196608),
        struct.pack("!II", 8, 80877102),
        struct.pack("!III", 12, 80877102, 1),
        struct.pack("!II", 8, 131072),
        startup(),
        startup(user="awsuser")[:-9],
        startup(user="\ufffd" * 50) + message(b"p", b"md5no end"),
        startup(user="awsuser") + message(b"p", b"\xff\xfe\0"),
        startup(user="awsuser") + query("select 1"),
        startup(user="awsuser") + b"p\xff\xff\xff\xff",
        struct.pack("!II", 8, 80877103) + startup(user="awsuser"),
        os.urandom(300),
    ],
)
def test_a_nonsensical_start_ends_that_connection_alone(warehouse: Warehouse, db: Db, data: bytes) -> None:
    """Whatever comes before the sign-in, the twin lets go of that client and serves the others."""
    with Raw(warehouse.port) as stranger:
        stranger.send(data)
        with contextlib.suppress(OSError):  # the twin may have hung up already
            stranger.socket.shutdown(socket.SHUT_WR)
        while stranger.receive() is not None:
            pass
    assert db.execute("select 1").fetchone() == (1,)


@pytest.mark.parametrize(
    "data",
    [
        b"Q\0\0\0\x03",
        b"Q\xff\xff\xff\xff",
        b"Q\x7f\xff\xff\xff",
        b"\0\0\0\0\x04",
        b"y\0\0\0\x04",
        b"p\0\0\0\x05x",
    ],
)
def test_a_client_out_of_step_is_let_go(raw: Raw, db: Db, data: bytes) -> None:
    """Wrong lengths and unknown messages are FATAL: nothing after them can be understood."""
    raw.send(data)
    found = raw.until_ready()
    assert errors(found)[0][0] == "08P01"
    assert raw.receive() is None
    assert db.execute("select 1").fetchone() == (1,)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (message(b"Q", b"select 1"), "08P01"),
        (message(b"Q", b""), "08P01"),
        (message(b"Q", b"select 1\0select 2\0"), "08P01"),
        (message(b"Q", b"select '\xff\xfe'\0"), "22021"),
        (message(b"Q", b"select '\xed\xa0\x80'\0"), "22021"),
        (message(b"F", bytes(8)), "0A000"),
        (message(b"P", b"") + SYNC, "08P01"),
        (message(b"P", b"\0select 1\0") + SYNC, "08P01"),
        (message(b"P", b"\0select '\xff'\0\0\0") + SYNC, "22021"),
        (parse("select 1; select 2") + SYNC, "42601"),
        (message(b"B", b"") + SYNC, "08P01"),
        (message(b"B", b"\0\0\0\x05") + SYNC, "26000"),
        (bind("nobody") + SYNC, "26000"),
        (message(b"D", b"") + SYNC, "08P01"),
        (describe(b"X") + SYNC, "08P01"),
        (describe(b"S", "nobody") + SYNC, "26000"),
        (execute("nobody") + SYNC, "34000"),
        (message(b"E", b"\0") + SYNC, "08P01"),
        (message(b"C", b"") + SYNC, "08P01"),
        (parse("vacuum") + message(b"B", b"\0\0\0") + SYNC, "08P01"),
        (query("select '" + "x" * (16 << 20) + "'"), "42601"),
    ],
)
def test_a_malformed_message_is_one_error(raw: Raw, said: bytes, code: str) -> None:
    """The session hears what is wrong and goes on."""
    found = raw.ask(said)
    assert [sqlstate for sqlstate, _ in errors(found)] == [code]
    assert found[-1] == (b"Z", b"I")
    assert kinds(raw.ask(query("select 1"))) == "TDCZ"


def test_data_outside_a_copy_is_ignored(raw: Raw) -> None:
    """What a client still sends of a COPY FROM STDIN that was refused says nothing."""
    found = raw.ask(query("copy t from stdin"), message(b"d", b"1\n"), message(b"c"))
    assert kinds(found) == "EZ"
    assert kinds(raw.ask(query("select 1"))) == "TDCZ"


def test_half_a_message_frees_what_the_session_held(raw: Raw, db: Db, table: str) -> None:
    """A client that breaks off in the middle of a message leaves no lock behind."""
    raw.ask(query(f"begin; insert into {table} values (1)"))
    raw.send(query("commit")[:-3])
    raw.socket.shutdown(socket.SHUT_RDWR)
    # waits for the session's lock on the table
    db.execute("alter table t add column b int")
    assert count(db) == 0
