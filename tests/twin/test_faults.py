"""Faults on demand: what a test arms happens then, so often, and to nobody else."""

import json
import socket
import threading
from typing import Any

import psycopg
import pytest
from redshift_connector.error import InterfaceError, ProgrammingError

from local.twin.faults import Faults
from tests.twin.raw import SYNC, Raw, bind, errors, execute, kinds, parse, query, run
from tests.twin.warehouse import Bucket, Db, Warehouse, copy


@pytest.fixture
def load(bucket: Bucket, table: str) -> str:
    """A COPY of two rows."""
    return copy(table, bucket.put("x", b'{"a":1}\n{"a":2}'))


def count(db: Db) -> int:
    """Return the table's rows, once what a session left open there has ended."""
    row = db.execute("alter table t add column b int; alter table t drop column b; select count(*) from t")
    while row.nextset():
        pass
    return int((row.fetchone() or [0])[0])


# -- the moments, by each protocol ----------------------------------------------------------------

SIMPLE = "simple"
EXTENDED = "extended"
AUTOCOMMIT = "insert into {t} values (1)"


def dropped(port: int, protocol: str, *statements: str) -> bool:
    """Return whether the twin hangs up on a session that says this, before the last one's end."""
    with Raw(port) as raw:
        raw.sign_in()
        for statement in statements:
            said = query(statement) if protocol == SIMPLE else run(statement) + SYNC
            found = raw.ask(said)
        return kinds(found)[-1:] != "Z" and raw.receive() is None


@pytest.mark.parametrize("protocol", [SIMPLE, EXTENDED])
@pytest.mark.parametrize("at", ["statement", "copy", "before_commit", "after_commit"])
@pytest.mark.parametrize("own_transaction", [False, True])
def test_a_dropped_connection(
    warehouse: Warehouse, faults: Faults, db: Db, load: str, at: str, *, protocol: str, own_transaction: bool
) -> None:
    """Before the commit nothing stays of the COPY; after it all does, though the client never hears."""
    faults.arm(at=at, does="drop", matching="^copy", table="t")
    said = ["begin", load, "commit"] if own_transaction else [load]
    assert dropped(warehouse.port, protocol, *said)
    assert faults.hits() == [1]
    assert count(db) == (2 if at == "after_commit" else 0)
    assert not dropped(warehouse.port, protocol, *said)


@pytest.mark.parametrize("protocol", [SIMPLE, EXTENDED])
@pytest.mark.parametrize("at", ["before_commit", "after_commit"])
@pytest.mark.parametrize(
    "said",
    [
        [AUTOCOMMIT],
        ["begin", AUTOCOMMIT, "commit"],
        ["create table {t}2 as select 1 as a", AUTOCOMMIT],
        ["begin", AUTOCOMMIT, "truncate {t}2"],
    ],
)
def test_a_commit_that_is_not_heard_of(
    warehouse: Warehouse, faults: Faults, db: Db, table: str, at: str, *, protocol: str, said: list[str]
) -> None:
    """Autocommit, COMMIT and TRUNCATE commit; the faults know them all."""
    db.execute("create table t2 (a int)") if "truncate {t}2" in said else None
    faults.arm(at=at, does="drop", matching="insert into", table=table)
    assert dropped(warehouse.port, protocol, *(statement.format(t=table) for statement in said))
    assert count(db) == (1 if at == "after_commit" else 0)


def test_a_pipelines_commit(warehouse: Warehouse, faults: Faults, db: Db, table: str, load: str) -> None:
    """A pipeline's transaction commits with its Sync."""
    insert = run(AUTOCOMMIT.format(t=table))
    faults.arm(at="before_commit", does="error", matching="insert", code="XX000", message="1018")
    with Raw(warehouse.port) as raw:
        raw.sign_in()
        for _ in range(2):
            found = raw.ask(insert, run(load), insert, SYNC)
        assert kinds(found) == "12C12NC12CZ"
    assert count(db) == 4


# -- errors -----------------------------------------------------------------------------------------


def test_an_error_so_many_times(faults: Faults, db: Db, table: str) -> None:
    """A statement fails with the given error, n times; others don't."""
    faults.arm(
        at="statement",
        does="error",
        matching="^insert",
        table=table,
        times=2,
        message="disk full",
        code="53100",
    )
    statement = AUTOCOMMIT.format(t=table).encode()
    for _ in range(2):
        db.execute(f"select count(*) from {table}".encode())
        with pytest.raises(psycopg.errors.DiskFull, match="disk full"):
            db.execute(statement)
    db.execute(statement)
    assert faults.hits() == [2]
    assert count(db) == 1


@pytest.mark.parametrize("at", ["statement", "copy"])
def test_an_error_fails_the_transaction(
    warehouse: Warehouse, faults: Faults, db: Db, load: str, at: str
) -> None:
    """As after any error, everything is refused until the rollback."""
    faults.arm(
        at=at, does="error", matching="copy", message="1023", detail="Serializable isolation violation"
    )
    with warehouse.redshift() as session, session.cursor() as cursor:
        with pytest.raises(ProgrammingError, match="Serializable isolation violation"):
            cursor.execute(load)
        with pytest.raises(ProgrammingError, match="current transaction is aborted"):
            cursor.execute("select 1")
        session.rollback()
        cursor.execute(load)
        session.commit()
    assert count(db) == 2


@pytest.mark.parametrize(("at", "rows"), [("before_commit", 0), ("after_commit", 2)])
def test_an_error_of_a_commit_ends_the_transaction(
    warehouse: Warehouse, faults: Faults, db: Db, load: str, at: str, *, rows: int
) -> None:
    """A COMMIT that fails has rolled back; one whose success gets lost has not."""
    faults.arm(at=at, does="error", message="1023")
    with warehouse.connect(autocommit=False) as session:
        session.execute(load.encode())
        with pytest.raises(psycopg.errors.InternalError_, match="1023"):
            session.commit()
        assert session.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        session.execute("select 1")
    assert count(db) == rows


def test_autocommit_hears_of_its_failed_commit(
    warehouse: Warehouse, faults: Faults, db: Db, table: str
) -> None:
    """The statement's completion is not said before its commit."""
    faults.arm(at="before_commit", does="error", code="40001", message="1023", table=table)
    statement = AUTOCOMMIT.format(t=table)
    with Raw(warehouse.port) as raw:
        raw.sign_in()
        assert kinds(raw.ask(query(f"{statement};{statement}"))) == "CEZ"
        assert kinds(raw.ask(query(statement))) == "CZ"
        faults.arm(at="before_commit", does="error", code="40001", message="1023", table=table)
        found = raw.ask(parse(statement), bind(), execute(), SYNC)
        assert errors(found) == [("40001", "1023")]
        assert found[-1] == (b"Z", b"I")
    assert count(db) == 1


# -- delays ---------------------------------------------------------------------------------------


def struck(faults: Faults) -> None:
    """Return once the armed fault has struck."""
    assert any(faults.hits() == [1] for _ in range(20_000)), "the fault does not strike"


@pytest.mark.parametrize("at", ["statement", "copy"])
def test_a_delay_ends_with_a_cancel(warehouse: Warehouse, faults: Faults, db: Db, load: str, at: str) -> None:
    """A COPY is cancelled before it begins or in its midst, and leaves nothing."""
    faults.arm(at=at, does="delay", seconds=600, matching="^copy")
    with warehouse.connect() as session:
        said: list[str | None] = []

        def run_load() -> None:
            with pytest.raises(psycopg.Error) as caught:
                session.execute(load.encode())
            said.append(caught.value.sqlstate)

        loader = threading.Thread(target=run_load)
        loader.start()
        struck(faults)
        session.cancel_safe(timeout=10)
        loader.join(timeout=20)
        assert said == ["57014"]
        assert session.execute("select 1").fetchone() == (1,)
    assert count(db) == 0


@pytest.mark.parametrize("own_transaction", [False, True])
def test_a_client_that_dies_in_the_midst_of_a_copy(
    warehouse: Warehouse, faults: Faults, db: Db, load: str, *, own_transaction: bool
) -> None:
    """Its transaction is rolled back and its locks are free, though nobody says a word."""
    faults.arm(at="copy", does="delay", seconds=0.3)
    with Raw(warehouse.port) as raw:
        raw.sign_in()
        if own_transaction:
            raw.ask(query("begin"))
        raw.send(query(load))
        struck(faults)
        raw.socket.shutdown(socket.SHUT_RDWR)
    assert count(db) == 0


def test_a_copy_fails_after_so_many_rows(faults: Faults, db: Db, table: str, bucket: Bucket) -> None:
    """With `after_rows` the rows before have been sent; a smaller COPY is struck at its end."""
    few, many = bucket.put("few", b'{"a":1}\n' * 10), bucket.put("many", b'{"a":1}\n' * 60_000)
    faults.arm(at="copy", does="error", times=2, after_rows=30_000, message="out of order")
    for url in (many, few):
        with pytest.raises(psycopg.errors.InternalError_, match="out of order"):
            db.execute(copy(table, url).encode())
    assert faults.hits() == [2]
    assert count(db) == 0


def test_a_copy_says_success_and_has_lost_a_row(faults: Faults, db: Db, load: str) -> None:
    """The row is not there and not counted, and nothing else tells of it."""
    faults.arm(at="block", does="lose", matching="^copy")
    db.execute(load.encode())
    assert db.execute("select pg_last_copy_count()").fetchone() == (1,)
    assert count(db) == 1


# -- control ----------------------------------------------------------------------------------------


def test_faults_are_cleared(faults: Faults, db: Db) -> None:
    """What is disarmed does not strike."""
    faults.arm(at="statement", does="error", times=0)
    for _ in range(3):
        with pytest.raises(psycopg.errors.InternalError_, match="a fault was asked for"):
            db.execute("select 1")
    assert faults.hits() == [3]
    faults.clear()
    assert faults.hits() == []
    db.execute("select 1")


@pytest.mark.parametrize(
    "fault",
    [
        {"at": "never", "does": "drop"},
        {"at": "copy", "does": "laugh"},
        {"at": "copy", "does": "drop", "matching": "("},
        {"at": "copy", "does": "drop", "times": -1},
        {"at": "copy", "does": "lose"},
        {"at": "block", "does": "drop"},
    ],
)
def test_a_fault_that_can_never_strike_is_refused(faults: Faults, fault: dict[str, Any]) -> None:
    """A mistake in a test is told to it."""
    with pytest.raises(ValueError, match=r"know|regular|negative|is for"):
        faults.arm(**fault)


def test_the_control_port_says_what_it_does_not_understand(faults: Faults) -> None:
    """Nonsense gets an answer, and arms nothing."""
    for line in (
        b"\n",
        b"[]\n",
        b'{"do": "dance"}\n',
        b'{"do": "arm", "fault": {"at": "copy"}}\n',
        b"\xff\n",
    ):
        with socket.create_connection(("127.0.0.1", faults.port), timeout=10) as connection:
            connection.sendall(line)
            assert "error" in json.loads(connection.makefile("rb").readline())
    assert faults.hits() == []


def test_airflows_driver_hears_the_connection_break(warehouse: Warehouse, faults: Faults, load: str) -> None:
    """redshift_connector raises when the twin hangs up on it."""
    faults.arm(at="copy", does="drop")
    session = warehouse.redshift()
    with pytest.raises((InterfaceError, OSError)):
        session.cursor().execute(load)
    session._usock.close()
    session._sock.close()


def test_copy_that_loads_nothing_is_struck_all_the_same(db: Db, load: str, faults: Faults) -> None:
    """NOLOAD reads its files like any other COPY."""
    faults.arm(at="copy", does="error", message="asked for")
    with pytest.raises(psycopg.errors.InternalError_, match="asked for"):
        db.execute(f"{load} noload".encode())
    assert faults.hits() == [1]
