"""Clients see a Redshift."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from redshift_connector.error import ProgrammingError

from tests.twin.warehouse import PASSWORD, Bucket, Warehouse, copy

Db = psycopg.Connection[Any]


def test_version_is_redshifts(warehouse: Warehouse) -> None:
    """The version text that tools look for names Redshift."""
    with warehouse.connect() as db:
        row = db.execute("select version()").fetchone()
    assert row is not None
    assert row[0].startswith("PostgreSQL 8.0.2 on ")
    assert "Redshift 1.0" in row[0]


def test_wrong_password_is_refused(warehouse: Warehouse) -> None:
    """The password is checked."""
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        warehouse.connect(password="wrong")


def test_redshift_connector_executes_prepared_statements_again(warehouse: Warehouse) -> None:
    """Amazon's driver keeps statements prepared: the second run arrives as Bind and Execute only."""
    with warehouse.redshift() as connection, connection.cursor() as cursor:
        cursor.execute("create temp table twice (n bigint, s varchar(10), d decimal(10,2), t timestamp)")
        for n in range(3):
            cursor.execute("insert into twice values (%s, %s, 1.50, '2024-01-02 03:04:05')", (n, f"row {n}"))
        for _ in range(2):
            cursor.execute("select n, s, d from twice order by n")
            assert [(n, s, str(d)) for n, s, d in cursor.fetchall()] == [
                (0, "row 0", "1.50"),
                (1, "row 1", "1.50"),
                (2, "row 2", "1.50"),
            ]


def test_redshift_connector_hears_errors_as_redshift_says_them(warehouse: Warehouse) -> None:
    """After an error in a transaction everything is refused until the rollback."""
    with warehouse.redshift() as connection, connection.cursor() as cursor:
        with pytest.raises(ProgrammingError, match="no_such_table"):
            cursor.execute("select * from no_such_table")
        with pytest.raises(ProgrammingError, match="current transaction is aborted"):
            cursor.execute("select 1")
        connection.rollback()
        cursor.execute("select 1")
        assert cursor.fetchone() == [1]


def test_psql_connects_and_shows_rows(psql: list[str]) -> None:
    """The command line client speaks the simple protocol."""
    said = subprocess.run(
        [*psql, "-At", "-c", "select 1 as one", "-c", "select 'two;' ; select 3"],
        env={"PGPASSWORD": PASSWORD},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.split("\n") == ["1", "two;", "3", ""]


def test_twenty_sessions_at_once(warehouse: Warehouse, db: Db, schema: str, bucket: Bucket) -> None:
    """Sessions load, write and roll back at once, each on its own: nothing is lost, nothing stays that may not."""
    db.execute("create table t (a int)")
    load = copy(f"{schema}.t", bucket.put("x", b'{"a":1}\n' * 100)).encode()
    insert = f"insert into {schema}.t values (2)".encode()

    def work(number: int) -> int:
        with warehouse.connect(autocommit=False) as session:
            session.execute(load if number % 2 else insert)
            session.execute(f"create temp table own as select {number} as a".encode())
            if number % 4 > 1:
                session.rollback()
                return -1
            session.commit()
            return int((session.execute("select a from own").fetchone() or [0])[0])

    with ThreadPoolExecutor(20) as sessions:
        found = list(sessions.map(work, range(20)))
    assert found == [number if number % 4 < 2 else -1 for number in range(20)]
    assert db.execute("select a, count(*) from t group by a order by a").fetchall() == [(1, 500), (2, 5)]


def test_a_parameter_reaches_its_statement(warehouse: Warehouse) -> None:
    """The extended protocol carries values apart from the text."""
    with warehouse.connect() as db:
        row = db.execute("select %s::varchar || '!', %s::bigint + 1", ("it's", 41)).fetchone()
    assert row == ("it's!", 42)


def test_cancel_stops_a_statement(warehouse: Warehouse) -> None:
    """A cancel request reaches the session that it names."""
    with warehouse.connect(autocommit=False) as holder, warehouse.connect() as waiter:
        holder.execute("create table if not exists cancel_me (n int)")
        holder.commit()
        holder.execute("lock table cancel_me")
        waiter.execute("set statement_timeout to 300")
        with pytest.raises(psycopg.errors.QueryCanceled):
            waiter.execute("select * from cancel_me")
        holder.execute("drop table cancel_me")
        holder.commit()
