"""Two and more sessions beside each other: who waits, who fails, at both of Redshift's isolation levels."""

import concurrent.futures
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from psycopg.pq import TransactionStatus

from local.credentials import Credentials
from local.environment import base_environment
from local.ports import Ports
from local.postgres import Postgres
from tests.twin.warehouse import USER, Bucket, Db, Warehouse, copy, running_twin

Case = dict[str, Any]
LEVELS = ("snapshot", "serializable")
CASES: list[Case] = yaml.safe_load((Path(__file__).parent / "isolation.yaml").read_text())
_PATIENCE = 20
_SCENE = """create schema {0}; set search_path to {0}; create table t (n int); create table u (n int);
create table w (n int); insert into t values (0), (1)"""


@pytest.fixture(scope="module")
def strict(stack: Path, ports: Ports) -> Iterator[Warehouse]:
    """Start a twin at the level SERIALIZABLE, over a database of its own."""
    environment = base_environment(stack)
    dsn = Postgres(stack, ports.postgres, Credentials.kept_in(stack), environment).dsn
    with psycopg.connect(dsn, autocommit=True) as server:
        server.execute("create database strict")
    own = psycopg.conninfo.make_conninfo(dsn, dbname="strict")
    with running_twin(own, ports.s3, environment, "--port", "0", "--isolation", "serializable") as port:
        yield Warehouse(port, database="strict")


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Actor:
    """A session that can wait for others while the test goes on."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.db = warehouse.connect()
        self._thread = concurrent.futures.ThreadPoolExecutor(max_workers=1)
        self.sent: concurrent.futures.Future[list[tuple[Any, ...]]] | None = None

    def run(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements that need not wait; return the last one's rows."""
        return [self._run(statement) for statement in statements][-1]

    def start(self, statement: str) -> None:
        """Send a statement."""
        self.sent = self._thread.submit(self._run, statement)

    def finish(self) -> list[tuple[Any, ...]]:
        """Return the rows of the statement that was sent last; raises its error."""
        assert self.sent is not None
        return self.sent.result(_PATIENCE)

    def waits(self, observer: Db) -> bool:
        """Return whether the statement waits for another session, as soon as it does or has ended."""
        assert self.sent is not None
        query = "select count(*) from pg_locks where not granted and pid = %s"
        while not self.sent.done():
            row = observer.execute(query, [self.db.info.backend_pid]).fetchone()
            if row is not None and row[0]:
                return True
        return False

    @property
    def waiting(self) -> bool:
        """Whether a statement has not come to its end."""
        return self.sent is not None and not self.sent.done()

    def end(self) -> None:
        """End the transaction, once what it runs has ended."""
        if self.sent is not None:
            self.sent.exception(_PATIENCE)
        if self.db.info.transaction_status in {TransactionStatus.INTRANS, TransactionStatus.INERROR}:
            self.db.execute("rollback")

    def close(self) -> None:
        """End the session and its thread."""
        self._thread.shutdown()
        self.db.close()

    def _run(self, statement: str) -> list[tuple[Any, ...]]:
        cursor = self.db.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


class Play:
    """Sessions in a schema of their own for each test, with an observer outside of their transactions."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse
        self.observer = warehouse.connect()
        self.actors: dict[str, Actor] = {}
        self._on_stage: set[str] = set()
        self._numbers = itertools.count()
        self.schema = ""

    def open(self) -> None:
        """Make three tables; nobody is on the stage yet."""
        self.schema = f"play_{next(self._numbers)}"
        self.observer.execute(_SCENE.format(self.schema).encode())
        self._on_stage.clear()

    def clear(self) -> None:
        """End what sessions have begun, those that wait last; one that is gone is not used again."""
        for name, actor in sorted(self.actors.items(), key=lambda item: item[1].waiting):
            actor.end()
            if actor.db.closed:
                self.actors.pop(name).close()
        self.observer.execute(f"drop schema {self.schema} cascade".encode())

    def close(self) -> None:
        """End all sessions."""
        for actor in self.actors.values():
            actor.close()
        self.observer.close()

    def actor(self, name: str) -> Actor:
        """Return a session by its name."""
        if name not in self.actors:
            self.actors[name] = Actor(self.warehouse)
        if name not in self._on_stage:
            self._on_stage.add(name)
            self.actors[name].run(f"set search_path to {self.schema}")
        return self.actors[name]

    def oid(self, table: str) -> int:
        """Return a table's id."""
        row = self.observer.execute(f"select '{self.schema}.{table}'::regclass::oid".encode()).fetchone()
        assert row is not None
        return int(row[0])

    def await_waiter(self, sent: concurrent.futures.Future[Any]) -> None:
        """Return once a session of the twin's waits for a lock; fails when the statement ends without."""
        query = "select count(*) from svv_transactions where not granted and relation = %s"
        table = self.oid("t")
        while not sent.done():
            row = self.observer.execute(query, [table]).fetchone()
            if row is not None and row[0]:
                return
        pytest.fail("nobody waits")

    def step(self, step: Case) -> None:
        """Let a session run one statement, and compare what comes of it."""
        (name, statement), *expected = step.items()
        actor = self.actor(name)
        if statement != "ends":
            actor.start(statement)
        if "waits" in step:
            assert actor.waits(self.observer), f"{step} does not wait"
            return
        if "error" in step:
            with pytest.raises(psycopg.Error) as caught:
                actor.finish()
            names = {
                **{n: a.db.info.backend_pid for n, a in self.actors.items()},
                **self._tables(step["error"]),
            }
            pattern = re.sub(r"\{(\w)\}", lambda found: str(names[found[1]]), step["error"])
            diag = caught.value.diag
            assert re.match(pattern, f"{diag.message_primary}: {diag.message_detail}")
            return
        rows = actor.finish()
        if "rows" in step:
            assert [list(row) for row in rows] == step["rows"], step
        assert {key for key, _ in expected} <= {"rows"}, step

    def _tables(self, pattern: str) -> dict[str, int]:
        return {table: self.oid(table) for table in "tuw" if f"{{{table}}}" in pattern}


@pytest.fixture(scope="module")
def plays(warehouse: Warehouse, strict: Warehouse) -> Iterator[dict[str, Play]]:
    stages = {"snapshot": Play(warehouse), "serializable": Play(strict)}
    yield stages
    for stage in stages.values():
        stage.close()


@pytest.fixture
def play(level: str, plays: dict[str, Play]) -> Iterator[Play]:
    """Open the stage at one level."""
    stage = plays[level]
    stage.open()
    yield stage
    stage.clear()


def _played() -> list[Any]:
    return [
        pytest.param(level, case, id=f"{case['name']}-{level}")
        for case in CASES
        for level in case.get("levels", LEVELS)
    ]


@pytest.mark.parametrize(("level", "case"), _played(), indirect=["level"])
def test_case(play: Play, case: Case) -> None:
    """Every case of isolation.yaml comes out as it says."""
    for statement in case.get("setup", ()):
        play.observer.execute(statement.encode())
    for step in case["steps"]:
        play.step(step)


def test_case_names_are_unique() -> None:
    """A case can be told from the others, and says where it is from."""
    assert len({case["name"] for case in CASES}) == len(CASES)
    assert all(case["source"] for case in CASES)


@pytest.mark.parametrize("level", LEVELS, indirect=True)
def test_two_tables_written_in_opposite_order_deadlock(play: Play) -> None:
    """One of two sessions that wait for each other fails, and the other goes on."""
    a, b = play.actor("a"), play.actor("b")
    a.run("begin", "insert into t values (2)")
    b.run("begin", "insert into u values (2)")
    a.start("insert into u values (3)")
    assert a.waits(play.observer)
    b.start("insert into t values (3)")
    assert _one_deadlocks(a, b)


@pytest.mark.parametrize("level", ["snapshot"], indirect=True)
def test_an_insert_shares_its_lock_until_it_writes(play: Play) -> None:
    """A DELETE needs the lock that a waiting INSERT shares, while that waits for the DELETE's transaction."""
    a, b = play.actor("a"), play.actor("b")
    b.run("begin", "insert into t values (2)")
    a.start("insert into t values (3)")
    assert a.waits(play.observer)
    b.start("delete from t where n = 0")
    assert _one_deadlocks(a, b)


def _one_deadlocks(*actors: Actor) -> bool:
    """Return whether one of the sessions fails with a deadlock and all others go on."""
    failed = []
    for future in concurrent.futures.as_completed([actor.sent for actor in actors if actor.sent], _PATIENCE):
        if error := future.exception():
            assert isinstance(error, psycopg.errors.DeadlockDetected)
            assert "blocked by process" in str(error.diag.message_detail)
            failed.append(future)
    return len(failed) == 1


def test_copies_and_inserts_of_one_table_queue(play: Play, bucket: Bucket) -> None:
    """A COPY waits for an INSERT's transaction, and the other way round; both are in the table then."""
    a, b = play.actor("a"), play.actor("b")
    load = copy("t", bucket.put("x", b'{"n":7}'))
    a.run("begin", load)
    b.start("insert into t values (8)")
    assert b.waits(play.observer)
    a.run("end")
    b.finish()
    a.run("begin", "insert into t values (9)")
    b.start(load)
    assert b.waits(play.observer)
    a.run("end")
    b.finish()
    assert a.run("select n from t order by n") == [(0,), (1,), (7,), (7,), (8,), (9,)]


def test_a_copy_in_a_cycle_is_rolled_back(level: str, play: Play, bucket: Bucket) -> None:
    """COPY is a write like others: the one that closes a cycle fails, and what it loaded is gone."""
    a, b = play.actor("a"), play.actor("b")
    a.run("begin", "select count(*) from u")
    b.run("begin", "select count(*) from w", "insert into u values (1)", "end")
    load = copy("w", bucket.put("x", b'{"n":7}'))
    if level == "snapshot":
        a.run(load, "end")
    else:
        with pytest.raises(psycopg.errors.InternalError_, match="1023"):
            a.run(load)
        a.run("rollback")
    assert b.run("select count(*) from w") == [(1 if level == "snapshot" else 0,)]


def test_a_copy_does_not_see_a_table_made_after_its_snapshot(play: Play, bucket: Bucket) -> None:
    """A table that was dropped and made again is another table."""
    a, b = play.actor("a"), play.actor("b")
    a.run("begin", "select count(*) from u")
    b.run("drop table w", "create table w (n int)")
    with pytest.raises(psycopg.errors.InternalError_, match="1018"):
        a.run(copy("w", bucket.put("x", b'{"n":7}')))
    a.run("rollback")
    assert b.run("select count(*) from w") == [(0,)]


def test_a_driver_that_parses_first_waits_before_its_snapshot(play: Play) -> None:
    """Amazon's driver prepares each statement: a first UPDATE that waits sees what it waited for."""
    a = play.actor("a")
    a.run("begin", "update t set n = n + 10")
    seen: list[Any] = []

    def second() -> None:
        with play.warehouse.redshift() as session, session.cursor() as cursor:
            cursor.execute(f"update {play.schema}.t set n = n + %s where n >= %s", (100, 10))
            seen.append(cursor.rowcount)
            session.commit()

    with concurrent.futures.ThreadPoolExecutor(max_workers=1) as pool:
        waiter = pool.submit(second)
        play.await_waiter(waiter)
        a.run("end")
        waiter.result(_PATIENCE)
    assert seen == [2]
    assert a.run("select n from t order by n") == [(110,), (111,)]


def test_an_unnamed_statement_outlives_the_twins_own(play: Play) -> None:
    """A statement parsed in one pipeline is bound in the next, though the twin locked a table between them."""
    connection = play.observer.pgconn
    connection.send_prepare(b"", b"insert into t values ($1)")
    while connection.get_result():
        pass
    connection.send_query_prepared(b"", [b"5"])
    result = connection.get_result()
    assert result is not None
    assert result.command_status == b"INSERT 0 1"
    while connection.get_result():
        pass
    assert play.actor("a").run("select count(*) from t") == [(3,)]


def test_a_prepared_query_of_no_table_takes_no_snapshot(play: Play) -> None:
    """Amazon's driver prepares each statement: what it parses keeps what it has bound before."""
    with play.warehouse.redshift() as session, session.cursor() as cursor:
        cursor.execute("select %s::int", (1,))
        play.observer.execute("insert into t values (2)")
        for _ in range(2):
            cursor.execute(f"select count(*) from {play.schema}.t where n >= %s", (0,))
            assert cursor.fetchone() == [3]
            play.observer.execute("insert into t values (3)")
        session.rollback()


def test_a_pipeline_is_one_transaction(play: Play) -> None:
    """What a pipeline wrote before its failure is gone."""
    a = play.actor("a")
    statements = [b"insert into t values (5)", b"insert into nowhere values (5)"]
    with pytest.raises(psycopg.errors.UndefinedTable), a.db.pipeline():  # noqa: PT012 - the pipeline's end raises
        for statement in statements:
            a.db.execute(statement)
    assert a.run("select count(*) from t") == [(2,)]


@pytest.mark.parametrize("level", ["serializable"], indirect=True)
def test_a_prepared_query_in_a_cycle_fails(play: Play) -> None:
    """A prepared query that closes a cycle fails, and its transaction with it."""
    a, b = play.actor("a"), play.actor("b")
    a.run("begin", "select * from u", "insert into w values (1)")
    b.run("begin", "insert into u values (1)")
    with pytest.raises(psycopg.errors.InternalError_, match="1023"):
        b.db.execute("select * from w where n > %s", [0])
    with pytest.raises(psycopg.errors.InFailedSqlTransaction):
        b.run("select 1")
    b.run("rollback")
    a.run("end")


@pytest.fixture
def quarrel(play: Play) -> tuple[Actor, Actor]:
    """Let one session hold the write lock of t, and another wait for it."""
    holder, waiter = play.actor("a"), play.actor("b")
    holder.run("begin", "insert into t values (2)")
    waiter.start("update t set n = 3")
    assert waiter.waits(play.observer)
    return holder, waiter


def test_who_holds_and_who_awaits_a_lock(play: Play, quarrel: tuple[Actor, Actor]) -> None:
    """svv_transactions and stv_locks tell, by Redshift's names of locks."""
    holder, waiter = (actor.db.info.backend_pid for actor in quarrel)
    locks = play.observer.execute(
        "select pid, granted from svv_transactions where relation = %s and lock_mode = 'ShareRowExclusiveLock'",
        [play.oid("t")],
    ).fetchall()
    assert sorted(locks) == sorted([(holder, True), (waiter, False)])
    held = "select lock_owner_pid, trim(lock_status) from stv_locks where table_id = %s order by 2"
    assert play.observer.execute(held, [play.oid("t")]).fetchall() == [
        (holder, "Holding write lock"),
        (waiter, "Waiting for write lock"),
    ]
    transaction = play.observer.execute(
        "select txn_owner, txn_db, lock_mode, relation, xid > 0, txn_start <= dateadd(minute, 1, getdate())"
        " from svv_transactions where lockable_object_type = 'transactionid' and pid = %s",
        [holder],
    )
    assert transaction.fetchall() == [(USER, play.warehouse.database, "ExclusiveLock", None, True, True)]


def test_an_ended_session_lets_its_locks_go(play: Play, quarrel: tuple[Actor, Actor]) -> None:
    """After pg_terminate_backend the waiter goes on, and stv_sessions shows one session less."""
    holder, waiter = quarrel
    running = "select trim(user_name), trim(status) from stv_recents where pid = %s"
    assert play.observer.execute(running, [waiter.db.info.backend_pid]).fetchone() == (USER, "Running")
    play.observer.execute("select pg_terminate_backend(%s)", [holder.db.info.backend_pid])
    waiter.finish()
    assert waiter.run("select n from t") == [(3,), (3,)]
    with pytest.raises(psycopg.OperationalError):
        holder.run("select 1")
    sessions = {row[0] for row in play.observer.execute("select process from stv_sessions").fetchall()}
    assert waiter.db.info.backend_pid in sessions
    assert holder.db.info.backend_pid not in sessions


def test_conflicts_are_recorded(play: Play) -> None:
    """A lost race is in stl_tr_conflict, with the table, the session and the transaction that failed."""
    a, b = play.actor("a"), play.actor("b")
    b.run("begin", "select count(*) from u")
    a.run("update t set n = 5")
    with pytest.raises(psycopg.errors.InternalError_, match="1023") as caught:
        b.run("update t set n = 6")
    b.run("rollback")
    (xid,) = re.findall(r"(\d+) \(pid", str(caught.value.diag.message_detail))
    assert play.observer.execute(
        "select xact_id, process_id, xact_start_ts <= abort_time from stl_tr_conflict where table_id = %s",
        [play.oid("t")],
    ).fetchall() == [(int(xid), b.db.info.backend_pid, True)]


def test_a_user_who_may_insert_takes_the_lock(play: Play) -> None:
    """The right to write is enough for the write lock, though not for PostgreSQL's LOCK TABLE."""
    user = f"writer_{play.observer.info.backend_pid}"
    for statement in (
        f"create user {user} password 'Only-4-inserts'",
        f"grant usage on schema {play.schema} to {user}",
        f"grant insert on t to {user}",
    ):
        play.observer.execute(statement.encode())
    with play.warehouse.connect(user=user, password="Only-4-inserts") as writer:
        writer.execute(f"insert into {play.schema}.t values (2)".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
            writer.execute(f"delete from {play.schema}.t".encode())


def test_the_level_is_shown(play: Play, level: str) -> None:
    """stv_db_isolation_level and pg_database_info name the database's level."""
    shown = play.observer.execute("select trim(db_name), trim(isolation_level) from stv_db_isolation_level")
    names = {"snapshot": "Snapshot Isolation", "serializable": "Serializable"}
    assert shown.fetchall() == [(play.warehouse.database, names[level])]
    model = play.observer.execute("select datconfig from pg_database_info where datname = current_database()")
    assert model.fetchone() == ([f"concurrency_model={2 if level == 'serializable' else 1}"],)


def test_the_level_is_the_next_sessions(strict: Warehouse, plays: dict[str, Play]) -> None:
    """ALTER DATABASE sets the level where nobody else is connected, outside of a transaction, and not of dev."""
    plays["serializable"].close()
    change = "alter database strict isolation level {}"
    with strict.connect() as db:
        db.execute("begin")
        with pytest.raises(psycopg.errors.ActiveSqlTransaction):
            db.execute(change.format("snapshot").encode())
        db.execute("rollback")
        with strict.connect() as other:
            other.execute("select 1")
            with pytest.raises(psycopg.errors.ObjectInUse, match="accessed by other users"):
                db.execute(change.format("snapshot").encode())
        while db.execute("select count(*) from stv_sessions").fetchone() != (1,):
            # a session that has been closed ends a moment later
            continue
        db.execute(change.format("snapshot").encode())
        assert db.execute("select trim(isolation_level) from stv_db_isolation_level").fetchall() == [
            ("Snapshot Isolation",)
        ]
        db.execute(change.format("serializable").encode())


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("alter database dev isolation level serializable", "cannot alter the isolation level"),
        ("alter database dev isolation level read committed", "syntax error"),
        ("alter database dev isolation level snapshot now", "syntax error"),
        ("alter database dev connection limit 5", "not supported by the local Redshift twin"),
    ],
)
def test_levels_that_cannot_be_set(db: Db, statement: str, message: str) -> None:
    """The database dev keeps its level, and there are no levels but two."""
    with pytest.raises(psycopg.Error, match=message):
        db.execute(statement.encode())
