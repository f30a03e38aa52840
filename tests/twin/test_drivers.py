"""Clients see a Redshift."""

import subprocess
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg.types.json import Jsonb
from redshift_connector.error import ProgrammingError

from tests.twin.warehouse import PASSWORD, Bucket, Db, Warehouse, copy


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


@pytest.mark.parametrize(
    ("value", "refusal"),
    [
        (uuid.UUID(int=7), "type with OID 2950 does not exist"),
        (Jsonb({}), "type with OID 3802 does not exist"),
        (b"bytes", "type with OID 17 does not exist"),
        ([1, 2], "A parameter that is an array is not supported by Amazon Redshift"),
    ],
)
def test_parameters_of_postgresqls_own_types_are_refused(db: Db, value: object, refusal: str) -> None:
    """A driver names its parameters' types, and those must be Redshift's as if they stood in the SQL."""
    with pytest.raises(psycopg.Error, match=refusal):
        db.execute("select %s", [value])


def test_two_phase_commit_is_refused(db: Db) -> None:
    """Redshift has no prepared transactions; its own PREPARE is another statement."""
    db.execute("begin")
    with pytest.raises(
        psycopg.errors.FeatureNotSupported, match="PREPARE is not supported by Amazon Redshift"
    ):
        db.execute("prepare transaction 'first phase'")
    db.execute("rollback")


def test_procedures_are_not_listed(warehouse: Warehouse) -> None:
    """What the driver asks for is Redshift's, and the twin says that it lacks it."""
    with (
        warehouse.redshift() as connection,
        connection.cursor() as cursor,
        pytest.raises(ProgrammingError, match="pg_proc_info is not supported by the local Redshift twin"),
    ):
        cursor.get_procedures()


def test_rows_of_a_file_are_inserted(warehouse: Warehouse, schema: str, tmp_path: Path) -> None:
    """Amazon's driver sends a file's rows as one INSERT a batch."""
    (tmp_path / "rows.csv").write_text("a,b\n1,x\n2,y\n3,z\n")
    with warehouse.redshift() as connection, connection.cursor() as cursor:
        table = f"{schema}.bulk"
        cursor.execute(f"create table {table} (a int, b varchar(3))")
        cursor.insert_data_bulk(str(tmp_path / "rows.csv"), table, [0, 1], ["a", "b"], ",", batch_size=2)
        cursor.execute(f"select a, b from {table} order by a")
        assert [tuple(row) for row in cursor.fetchall()] == [(1, "x"), (2, "y"), (3, "z")]
