"""The clients that our users have, as they are installed, with TLS and without."""

import json
import ssl
import subprocess
import sys
import threading
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import psycopg2  # type: ignore[import-untyped]
import pytest
import sqlalchemy

from local.environment import base_environment
from local.twin.protocol.tls import AUTHORITY, server_context
from tests.twin.warehouse import PASSWORD, USER, Bucket, Db, Warehouse, copy, wait_for_waiter

# redshift_connector makes its context in a way that Python would rather not see
pytestmark = pytest.mark.filterwarnings("ignore:ssl.*deprecated:DeprecationWarning")


# -- TLS ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
def test_amazons_driver_verifies_the_certificate(
    warehouse: Warehouse, mode: str, monkeypatch: pytest.MonkeyPatch, bucket: Bucket
) -> None:
    """It trusts what SSL_CERT_FILE names besides Amazon's own authorities, and nothing else."""
    monkeypatch.setenv("SSL_CERT_FILE", str(warehouse.authority))
    with warehouse.redshift(ssl=True, sslmode=mode) as connection, connection.cursor() as cursor:
        assert isinstance(connection._usock, ssl.SSLSocket)
        cursor.execute("create temp table t (a int)")
        cursor.execute(copy("t", bucket.put("x", b'{"a":1}\n' * 5000)))
        cursor.execute("select count(*), sum(a) from t")
        assert cursor.fetchone() == [5000, 5000]


@pytest.mark.parametrize("mode", ["require", "verify-full"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_libpq_verifies_the_certificate(warehouse: Warehouse, mode: str, host: str) -> None:
    """Both of libpq's drivers verify with `sslrootcert`."""
    address = (
        f"host={host} hostaddr=127.0.0.1 port={warehouse.port} user={USER} password={PASSWORD} dbname=dev"
        f" sslmode={mode} sslrootcert={warehouse.authority}"
    )
    with psycopg.connect(address) as connection:
        assert connection.pgconn.ssl_in_use
    old = psycopg2.connect(address)
    assert old.info.ssl_in_use
    old.close()


def test_a_strangers_certificate_is_not_believed(warehouse: Warehouse, tmp_path: Path) -> None:
    """Without the twin's authority verification fails; the twin goes on."""
    server_context(tmp_path)
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        warehouse.connect(sslmode="verify-full", sslrootcert=str(tmp_path / AUTHORITY))
    with warehouse.connect(sslmode="disable") as db:
        assert not db.pgconn.ssl_in_use


def test_a_cancel_request_may_be_encrypted(warehouse: Warehouse) -> None:
    """A client under TLS cancels under TLS."""
    with warehouse.connect(sslmode="require") as db, warehouse.connect(autocommit=False) as holder:
        holder.execute("create table public.contended (a int)")
        holder.commit()
        holder.execute("lock table public.contended")
        db.execute("begin")
        said: list[str | None] = []
        waiter = threading.Thread(target=hear, args=(db, said))
        waiter.start()
        wait_for_waiter(holder)
        db.cancel_safe(timeout=10)
        waiter.join(timeout=20)
        holder.execute("drop table public.contended")
        holder.commit()
    assert said == ["57014"]


def hear(db: Db, said: list[str | None]) -> None:
    """Wait for a lock, and note the error that ends the waiting."""
    try:
        db.execute("lock table public.contended")
    except psycopg.Error as error:
        said.append(error.sqlstate)


# -- Airflow --------------------------------------------------------------------------------------


def test_airflows_hooks_reach_the_twin(warehouse: Warehouse, tmp_path: Path) -> None:
    """RedshiftSQLHook and PostgresHook find their connections in the environment, as a task does."""
    program = (
        "import warnings; warnings.simplefilter('ignore')\n"
        "from airflow.providers.amazon.aws.hooks.redshift_sql import RedshiftSQLHook\n"
        "from airflow.providers.postgres.hooks import postgres\n"
        "hooks = [RedshiftSQLHook('rs_plain'), RedshiftSQLHook('rs_tls')]\n"
        "for driver in (True, False):\n"
        "    postgres.USE_PSYCOPG3 = driver\n"
        "    hooks = [*hooks, postgres.PostgresHook('pg_plain'), postgres.PostgresHook('pg_tls')]\n"
        "    for hook in hooks:\n"
        "        hook.run(['create temp table h (n int)', 'insert into h values (1), (2)'])\n"
        "        hook.insert_rows('public.hooked', [(1, 'it''s'), (2, None)], ['n', 's'])\n"
        "        print(type(hook).__name__, [*hook.get_first('select current_database(), 1 + 1')])\n"
        "    hooks = []\n"
    )
    rs_tls = {"sslmode": "verify-full"}
    pg_tls = {"sslmode": "verify-full", "sslrootcert": str(warehouse.authority)}
    environment = {
        **base_environment(tmp_path),
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "SSL_CERT_FILE": str(warehouse.authority),
        "AIRFLOW_CONN_RS_PLAIN": connection(warehouse, "redshift", {"ssl": False}),
        "AIRFLOW_CONN_RS_TLS": connection(warehouse, "redshift", rs_tls),
        "AIRFLOW_CONN_PG_PLAIN": connection(warehouse, "postgres", {"sslmode": "disable"}),
        "AIRFLOW_CONN_PG_TLS": connection(warehouse, "postgres", pg_tls),
    }
    with warehouse.connect() as db:
        db.execute("create table public.hooked (n int, s varchar(9))")
        try:
            said = subprocess.run(
                [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
            )
            rows = db.execute("select count(*), count(s) from public.hooked").fetchone()
        finally:
            db.execute("drop table public.hooked")
    assert said.returncode == 0, said.stderr
    assert said.stdout.count("RedshiftSQLHook ['dev', 2]") == 2
    assert said.stdout.count("PostgresHook ['dev', 2]") == 4
    assert rows == (12, 6)


def connection(warehouse: Warehouse, kind: str, extra: Mapping[str, object]) -> str:
    return json.dumps(
        {
            "conn_type": kind,
            "host": "127.0.0.1",
            "port": warehouse.port,
            "login": USER,
            "password": PASSWORD,
            "schema": "dev",
            "extra": extra,
        }
    )


# -- psycopg --------------------------------------------------------------------------------------


def test_psycopg_pipelines_and_prepares(warehouse: Warehouse, bucket: Bucket) -> None:
    """A pipeline's statements, COPY among them, and prepared statements executed again."""
    load = copy("t", bucket.put("x", b'{"a":1}')).encode()
    with warehouse.connect() as db:
        db.execute("create temp table t (a int)")
        with db.pipeline():
            first = db.execute("select 1")
            db.execute("insert into t values (%s)", (5,))
            db.execute(load)
            rows = db.execute("select sum(a) from t")
        assert (first.fetchone(), rows.fetchone()) == ((1,), (6,))
        for n in range(3):
            assert db.execute("select a + %s from t where a = 5", (n,), prepare=True).fetchone() == (5 + n,)
            db.execute(load, prepare=True)
        assert db.execute("select count(*) from t").fetchone() == (5,)
        db.execute("deallocate all")
        db.execute(load, prepare=False)


def test_a_pipelines_error_undoes_it(warehouse: Warehouse, bucket: Bucket) -> None:
    """The statements before the error in a pipeline are undone with it, and those after it not run."""
    load = copy("t", bucket.put("x", b'{"a":1}')).encode()
    with warehouse.connect() as db:
        db.execute("create temp table t (a int)")
        with pytest.raises(psycopg.errors.UndefinedTable), db.pipeline():  # noqa: PT012 - a pipeline fails late
            db.execute("insert into t values (2)")
            db.execute(load)
            db.execute("select * from no_such_table")
            db.execute(load)
        assert db.execute("select count(*) from t").fetchone() == (0,)


def test_results_may_be_binary(warehouse: Warehouse) -> None:
    """Values arrive in binary form where a client asks for it; SUPER is text in both."""
    with warehouse.connect() as db:
        db.execute("create temp table t (n bigint, s varchar(9), d decimal(9,2), at timestamp, j super)")
        db.execute("insert into t select 1, 'a', 1.5, '2024-01-02 03:04:05', json_parse('{\"a\": 1}')")
        text = db.execute("select n, s, d, at from t").fetchone()
        assert db.execute("select n, s, d, at from t", binary=True).fetchone() == text
        assert db.execute("select j from t").fetchone() == ('{"a":1}',)
        assert db.execute("select j from t", binary=True).fetchone() == (b'{"a":1}',)


@pytest.fixture
def old(warehouse: Warehouse) -> Iterator[Any]:
    """A session through psycopg2."""
    connection = psycopg2.connect(
        host="127.0.0.1", port=warehouse.port, user=USER, password=PASSWORD, dbname="dev"
    )
    yield connection
    connection.close()


def test_cursors_go_forward(warehouse: Warehouse, old: Any) -> None:
    """Server-side cursors of both drivers read on; SCROLL and HOLD are no words of Redshift's DECLARE."""
    numbers = "select 1 as n union all select 2 union all select 3 order by 1"
    with warehouse.connect(autocommit=False) as db, db.cursor("forward") as cursor:
        cursor.itersize = 2
        cursor.execute(numbers)
        assert [row[0] for row in cursor] == [1, 2, 3]
    named = old.cursor("forward")
    named.itersize = 2
    named.execute(numbers)
    assert [row[0] for row in named] == [1, 2, 3]
    for refused in ({"scrollable": True}, {"withhold": True}):
        with (
            warehouse.connect(autocommit=False) as db,
            db.cursor("more", **refused) as cursor,
            pytest.raises(psycopg.errors.SyntaxError),
        ):
            cursor.execute(numbers)


def test_psycopg2_quotes_values_into_its_statements(old: Any) -> None:
    """It speaks the simple protocol: backslashes in its literals are meant."""
    with old.cursor() as cursor:
        cursor.execute("select %s, %s, %s", ("it's", "back\\slash", 1))
        assert cursor.fetchall() == [("it's", "back\\slash", 1)]
        cursor.execute("create temp table t (a int); insert into t values (1), (2)")
        assert cursor.rowcount == 2


# -- SQLAlchemy -----------------------------------------------------------------------------------


@pytest.mark.parametrize("driver", ["psycopg2", "psycopg"])
def test_sqlalchemys_postgresql_dialect_fails_as_with_redshift(warehouse: Warehouse, driver: str) -> None:
    """It asks for a setting that Redshift does not know: a dialect for Redshift must leave that out."""
    engine = engine_of(warehouse, driver)
    with pytest.raises(sqlalchemy.exc.ProgrammingError, match='"standard_conforming_strings"'):
        engine.connect()
    engine.dialect._set_backslash_escapes = types.MethodType(lambda *_: None, engine.dialect)  # type: ignore[attr-defined]
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("create temp table t (a int, s varchar(9))"))
        rows: list[dict[str, Any]] = [{"a": 1, "s": "it's"}, {"a": 2, "s": None}]
        connection.execute(sqlalchemy.text("insert into t values (:a, :s)"), rows)
        found = connection.execute(sqlalchemy.text("select a, s from t order by a"))
        assert [row._asdict() for row in found] == rows
    engine.dispose()


def engine_of(warehouse: Warehouse, driver: str) -> sqlalchemy.Engine:
    address = f"postgresql+{driver}://{USER}:{PASSWORD}@127.0.0.1:{warehouse.port}/dev"
    # the type hstore is looked for within a savepoint, which Redshift has not
    return sqlalchemy.create_engine(address, **({} if driver == "psycopg2" else {"use_native_hstore": False}))


# -- psql -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("\\dt", "described|table"),
        ("\\dv", "seen|view"),
        ("\\dn", "public|"),
        ("\\conninfo", USER),
    ],
)
def test_psql_describes(warehouse: Warehouse, psql: list[str], command: str, shown: str) -> None:
    """The listings of schemas, relations, users and databases."""
    with warehouse.connect() as db:
        db.execute("create table if not exists public.described (a int)")
        db.execute("create or replace view public.seen as select 1 as a")
    said = subprocess.run(
        [*psql, "-At", "-c", command],
        env={"PGPASSWORD": PASSWORD},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown in said.stdout
    assert not said.stderr


def test_psql_stops_a_script_at_its_error(psql: list[str]) -> None:
    """The client reads Redshift's errors, and a transaction's state for its prompt."""
    script = "begin;\nselect 1/0;\nselect 2;\ncommit;\nselect 'after';\n"
    said = subprocess.run(
        [*psql, "-At"],
        env={"PGPASSWORD": PASSWORD},
        input=script,
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.split("\n") == ["BEGIN", "ROLLBACK", "after", ""]
    assert said.stderr.count("ERROR:") == 2
    assert "current transaction is aborted" in said.stderr
