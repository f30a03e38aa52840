"""Transactions are real: what is rolled back is gone, what waits sees what it waited for."""

import contextlib
import os
import socket
import threading
from typing import Any

import psycopg
import pytest
from redshift_connector.error import ProgrammingError

from tests.twin.warehouse import Bucket, Db, Warehouse, copy, wait_for_waiter, waits


def test_copy_rolls_back_and_its_errors_stay(
    db: Db, schema: str, warehouse: Warehouse, bucket: Bucket
) -> None:
    """Rows of an earlier COPY go with the transaction; the error rows survive it."""
    db.execute("create table t (a int)")
    good, bad = bucket.put("good", b'{"a":1}'), bucket.put("bad", b'{"a":"x"}')
    with warehouse.redshift() as loader, loader.cursor() as cursor:
        cursor.execute(copy(f"{schema}.t", good))
        cursor.execute(f"select count(*) from {schema}.t")
        assert cursor.fetchone() == [1]
        with pytest.raises(ProgrammingError, match="Check 'stl_load_errors'") as caught:
            cursor.execute(copy(f"{schema}.t", bad))
        assert caught.value.args[0]["C"] == "XX000"
        with pytest.raises(ProgrammingError, match="aborted"):
            cursor.execute("select 1")
        loader.rollback()
    assert db.execute("select count(*) from t").fetchone() == (0,)
    assert db.execute(
        "select trim(colname), trim(raw_line) from stl_load_errors where trim(filename) = %s", (bad,)
    ).fetchall() == [("a", '{"a":"x"}')]


def test_a_copy_that_fails_early_aborts_the_transaction(schema: str, warehouse: Warehouse) -> None:
    """A refused statement leaves the transaction failed, as any error does."""
    with warehouse.connect(autocommit=False) as db:
        db.execute(f"create table {schema}.gone (a int)".encode())
        with pytest.raises(psycopg.Error, match="syntax error"):
            db.execute("copy nowhere from 's3://b/k' nonsense")
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            db.execute("select 1")
        db.rollback()
        with pytest.raises(psycopg.errors.UndefinedTable):
            db.execute(f"select * from {schema}.gone".encode())


def test_a_copy_executed_again_loads_again(db: Db, schema: str, warehouse: Warehouse, bucket: Bucket) -> None:
    """The driver sends a known COPY as Bind and Execute only."""
    db.execute("create table t (a int)")
    statement = copy(f"{schema}.t", bucket.put("x", b'{"a":1}'))
    with warehouse.redshift() as loader, loader.cursor() as cursor:
        for _ in range(3):
            cursor.execute(statement)
        loader.commit()
    assert db.execute("select count(*) from t").fetchone() == (3,)


def test_a_lock_comes_before_the_snapshot(db: Db, schema: str, warehouse: Warehouse) -> None:
    """Who waited for LOCK as the first statement sees what the holder committed."""
    db.execute("create table ledger (n int)")
    seen: list[Any] = []

    def second() -> None:
        with warehouse.connect(autocommit=False) as session:
            session.execute(f"lock table {schema}.ledger".encode())
            seen.append(session.execute(f"select count(*) from {schema}.ledger".encode()).fetchone())
            session.commit()

    with warehouse.connect(autocommit=False) as first:
        first.execute(f"lock table {schema}.ledger".encode())
        waiter = threading.Thread(target=second)
        waiter.start()
        wait_for_waiter(db)
        first.execute(f"insert into {schema}.ledger values (1)".encode())
        first.commit()
        waiter.join(timeout=20)
    assert seen == [(1,)]


def test_copies_of_one_table_queue(db: Db, schema: str, warehouse: Warehouse, bucket: Bucket) -> None:
    """The second COPY waits for the first one's transaction; readers don't."""
    db.execute("create table t (a int)")
    statement = copy(f"{schema}.t", bucket.put("x", b'{"a":1}')).encode()

    def second() -> None:
        with warehouse.connect() as session:
            session.execute(statement)

    with warehouse.connect(autocommit=False) as first:
        first.execute(statement)
        waiter = threading.Thread(target=second)
        waiter.start()
        wait_for_waiter(db)
        assert db.execute("select count(*) from t").fetchone() == (0,)
        first.commit()
        waiter.join(timeout=20)
    assert db.execute("select count(*) from t").fetchone() == (2,)


def test_a_snapshot_does_not_move(db: Db, schema: str, warehouse: Warehouse) -> None:
    """A transaction sees the state of its first read throughout."""
    db.execute("create table t (a int)")
    with warehouse.connect(autocommit=False) as reader:
        count = f"select count(*) from {schema}.t".encode()
        assert reader.execute(count).fetchone() == (0,)
        db.execute("insert into t values (1)")
        assert reader.execute(count).fetchone() == (0,)
        reader.commit()
        assert reader.execute(count).fetchone() == (1,)


def test_a_lost_race_is_error_1023(db: Db, schema: str, warehouse: Warehouse) -> None:
    """Two writers of one row: the second hears 1023."""
    db.execute("create table t (a int)")
    db.execute("insert into t values (1)")
    update = f"update {schema}.t set a = a + 1".encode()
    with warehouse.connect(autocommit=False) as loser:
        loser.execute(f"select * from {schema}.t".encode())
        db.execute("update t set a = 5")
        with pytest.raises(psycopg.errors.InternalError_, match="1023") as caught:
            loser.execute(update)
        assert "Serializable isolation violation" in str(caught.value.diag.message_detail)


def test_a_dead_clients_session_rolls_back(db: Db, schema: str, warehouse: Warehouse, bucket: Bucket) -> None:
    """A socket that closes without a word leaves nothing behind, not even a lock."""
    db.execute("create table t (a int)")
    dead = warehouse.redshift()
    cursor = dead.cursor()
    cursor.execute(copy(f"{schema}.t", bucket.put("x", b'{"a":1}')))
    dead._usock.close()
    dead._sock.close()
    # waits for the dead session's lock on the table
    db.execute("alter table t add column b int")
    assert db.execute("select count(*) from t").fetchone() == (0,)


@pytest.mark.parametrize("sslmode", ["disable", "require"])
def test_a_client_that_dies_while_it_waits(db: Db, schema: str, warehouse: Warehouse, sslmode: str) -> None:
    """Its statement is given up at once, not when it would have ended."""
    db.execute("create table t (a int)")
    with warehouse.connect(autocommit=False) as holder:
        holder.execute(f"lock table {schema}.t".encode())
        dying = warehouse.connect(sslmode=sslmode)
        waiter = threading.Thread(target=wait_in_vain, args=(dying, f"select * from {schema}.t"))
        waiter.start()
        wait_for_waiter(db)
        with socket.socket(fileno=os.dup(dying.fileno())) as its_end:
            its_end.shutdown(socket.SHUT_RDWR)
        waiter.join(timeout=20)
        assert any(not waits(db) for _ in range(5000)), "the dead client's statement still waits"


def wait_in_vain(session: Db, sql: str) -> None:
    """Run a statement on a connection that breaks meanwhile."""
    with contextlib.closing(session), pytest.raises(psycopg.OperationalError):
        session.execute(sql.encode())


def test_truncate_commits(db: Db, schema: str, warehouse: Warehouse) -> None:
    """What came before TRUNCATE in the transaction is committed with it."""
    db.execute("create table t (a int)")
    db.execute("create table u (a int)")
    db.execute("insert into t values (1)")
    with warehouse.redshift() as session, session.cursor() as cursor:
        cursor.execute(f"insert into {schema}.u values (1)")
        cursor.execute(f"truncate {schema}.t")
        session.rollback()
    assert db.execute("select (select count(*) from t), (select count(*) from u)").fetchone() == (0, 1)


def test_load_through_a_temporary_table(db: Db, schema: str, warehouse: Warehouse, bucket: Bucket) -> None:
    """A table made like the target takes the COPY with the target's own limits."""
    db.execute("create table t (a varchar(3), _lr_object char(32) not null, x int default 7)")
    url = bucket.put("x", b'{"a":"x","_lr_object":"one"}\n{"a":"y","_lr_object":"two"}\n')
    long = bucket.put("long", '{"a":"żż","_lr_object":"one"}'.encode())
    with warehouse.redshift() as session, session.cursor() as cursor:
        cursor.execute(f'lock table "{schema}"."t"')
        cursor.execute(f'create temp table "stage" (like "{schema}"."t" including defaults)')
        cursor.execute(copy('"stage" ("a", "_lr_object")', url))
        cursor.execute(
            f'insert into "{schema}"."t" ("a", "_lr_object", "x") select "a", "_lr_object", "x" from "stage"'
            " where \"_lr_object\" in ('two', 'three')"
        )
        cursor.execute('drop table "stage"')
        session.commit()
        cursor.execute(f'create temp table "stage" (like "{schema}"."t" including defaults)')
        with pytest.raises(ProgrammingError, match="Check 'stl_load_errors'"):
            cursor.execute(copy('"stage" ("a", "_lr_object")', long))
        session.rollback()
    assert db.execute("select a, trim(_lr_object), x from t").fetchall() == [("y", "two", 7)]


def test_looking_at_the_catalog_reads_no_table(db: Db, schema: str, warehouse: Warehouse) -> None:
    """Another session may put a new table in the place of one that a late-binding view reads."""
    columns = (
        "select col_name, col_type from pg_get_late_binding_view_cols()"
        " cols(view_schema name, view_name name, col_name name, col_type varchar, col_num int)"
        f" where view_schema = '{schema}'"
    ).encode()
    db.execute("create table t (a int)")
    db.execute(f"create view v as select a from {schema}.t with no schema binding".encode())
    with warehouse.connect(autocommit=False) as looking:
        assert looking.execute(columns).fetchall() == [("a", "integer")]
        # not held up: the one who looked keeps no lock
        db.execute("set statement_timeout to 10000")
        db.execute("drop table t")
        db.execute("create table t (a varchar(3))")
        # a snapshot of before the new table does not matter
        assert looking.execute(columns).fetchall() == [("a", "character varying(3)")]
        assert looking.execute(columns).fetchall() == [("a", "character varying(3)")]
