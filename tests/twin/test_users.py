"""Users sign in under their own names and with their own rights."""

import os
from collections.abc import Iterator

import psycopg
import pytest

from tests.twin.warehouse import USER, Bucket, Db, Warehouse, copy

SECRET = "Analyst-0ne"


@pytest.fixture
def analyst(db: Db) -> Iterator[str]:
    """A user without any rights but everybody's."""
    name = f"analyst_{os.urandom(4).hex()}"
    db.execute(f"create user {name} password '{SECRET}'".encode())
    yield name
    # as in Redshift, a user that owns something or has rights to it can't be dropped
    db.execute(f"drop user {name}".encode())


def test_everybody_is_called_by_their_own_name(warehouse: Warehouse, db: Db, analyst: str) -> None:
    """The login is the current user, and a superuser only by CREATEUSER."""
    asked = b"select current_user, session_user, usesuper from pg_user where usename = current_user"
    assert db.execute(asked).fetchall() == [(USER, USER, True)]
    with warehouse.connect(user=analyst, password=SECRET) as session:
        assert session.execute(asked).fetchall() == [(analyst, analyst, False)]
        assert session.info.parameter_status("is_superuser") == "off"
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute("create user another password 'Another-0ne'")
    db.execute(f"alter user {analyst} createuser".encode())
    with warehouse.connect(user=analyst, password=SECRET) as session:
        assert session.execute(asked).fetchall() == [(analyst, analyst, True)]


def test_passwords(warehouse: Warehouse, db: Db, analyst: str) -> None:
    """Only the user's present password opens; without one, or after its time, nothing does."""
    md5 = (
        psycopg.pq.PGconn.connect_start(b"")
        .encrypt_password(b"Analyst-Tw0", analyst.encode(), b"md5")
        .decode()
    )
    changes = {
        f"password '{SECRET}'": SECRET,
        f"password '{md5}'": "Analyst-Tw0",
        "password disable": "",
        f"password '{SECRET}' valid until '2001-01-01'": "",
        "valid until 'infinity'": SECRET,
    }
    for change, good in changes.items():
        db.execute(f"alter user {analyst} {change}".encode())
        for password in (SECRET, "Analyst-Tw0", "wrong", md5):
            if password == good:
                warehouse.connect(user=analyst, password=password).close()
            else:
                with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
                    warehouse.connect(user=analyst, password=password)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        warehouse.connect(user="postgres", password=SECRET)


def test_grants_open_what_was_closed(
    warehouse: Warehouse, db: Db, schema: str, analyst: str, bucket: Bucket
) -> None:
    """A table is closed until its schema and itself are granted; INSERT is enough to COPY."""
    db.execute("create table t (a int)")
    db.execute("create group readers")
    db.execute(f"alter group readers add user {analyst}".encode())
    select = f"select count(*) from {schema}.t".encode()
    load = copy(f"{schema}.t", bucket.put("x", b'{"a":1}')).encode()
    with warehouse.connect(user=analyst, password=SECRET) as session:
        with pytest.raises(
            psycopg.errors.InsufficientPrivilege, match=f"permission denied for schema {schema}"
        ):
            session.execute(select)
        db.execute(f"grant usage on schema {schema} to group readers".encode())
        for statement in (select, load):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied for"):
                session.execute(statement)
        db.execute("grant select, insert on t to group readers")
        session.execute(load)
        assert session.execute(select).fetchone() == (1,)
        assert session.execute("select pg_last_copy_count()").fetchone() == (1,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute(f"delete from {schema}.t".encode())
        db.execute(
            f"revoke all on t from group readers; revoke all on schema {schema} from group readers".encode()
        )
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute(select)
    db.execute("drop group readers")


def test_what_a_copy_asks_of_its_user(
    warehouse: Warehouse, db: Db, schema: str, analyst: str, bucket: Bucket
) -> None:
    """INSERT even to load nothing, ownership for statistics; and whose loads and errors a user sees."""
    db.execute(f"create table t (a int); grant usage on schema {schema} to {analyst}".encode())
    load = copy(f"{schema}.t", bucket.put("x", b'{"a":1}\n{"a":"x"}'), "maxerror 5")
    db.execute(load.encode())
    loads = b"select (select count(*) from sys_load_history), (select count(*) from stl_load_errors)"
    with warehouse.connect(user=analyst, password=SECRET) as session:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied for relation t"):
            session.execute(f"{load} noload".encode())
        db.execute(f"grant insert on t to {analyst}".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="must be owner of relation t"):
            session.execute(f"{load} statupdate on".encode())
        assert session.execute(loads).fetchone() == (0, 0)
        session.execute(f"{load} statupdate off".encode())
        assert session.execute(loads).fetchone() == (1, 1)
        seen = session.execute(
            "select count(*) from stl_load_commits l join pg_user u on u.usesysid = l.userid where usename = %s",
            (analyst,),
        )
        assert seen.fetchone() == (1,)
    everything = db.execute(loads).fetchone()
    assert everything is not None
    assert min(everything) > 1
    db.execute(f"revoke all on t from {analyst}; revoke all on schema {schema} from {analyst}".encode())


def test_a_user_has_tables_of_its_own(warehouse: Warehouse, analyst: str, bucket: Bucket) -> None:
    """What the twin remembers of a table, it remembers for everybody's tables."""
    table = f"of_{analyst}"
    bad = bucket.put("bad", b'{"a":"x"}')
    with warehouse.connect(user=analyst, password=SECRET, autocommit=False) as session:
        session.execute(f"create table public.{table} (a int distkey sortkey encode raw)".encode())
        session.execute(copy(f"public.{table}", bucket.put("x", b'{"a":1}')).encode())
        session.commit()
        assert session.execute(
            'select "column", encoding, distkey from pg_table_def where tablename = %s', (table,)
        ).fetchall() == [("a", "none", True)]
        with pytest.raises(psycopg.Error, match="stl_load_errors"):
            session.execute(copy(f"public.{table}", bad).encode())
        session.rollback()
        assert session.execute(
            "select count(*) from stl_load_errors where trim(filename) = %s", (bad,)
        ).fetchone() == (1,)
        session.execute("create temp table mine (a int); drop table mine")
        assert session.execute('select diststyle from svv_table_info where "table" = %s', (table,)).fetchone()
        session.execute(f"drop table public.{table}".encode())
        session.commit()


def test_a_users_settings_await_its_sign_in(warehouse: Warehouse, db: Db, schema: str, analyst: str) -> None:
    """ALTER USER ... SET holds from the next session on; start-up options come after it."""
    db.execute(f"alter user {analyst} set search_path to {schema}, public".encode())
    with warehouse.connect(user=analyst, password=SECRET) as session:
        assert session.execute("show search_path").fetchone() == (f"{schema}, public",)
    options = "-c search_path=public -c statement_timeout=5000"
    with warehouse.connect(user=analyst, password=SECRET, options=options) as session:
        assert session.execute("show search_path").fetchone() == ("public",)
        assert session.execute("show statement_timeout").fetchone() == ("5s",)
    with pytest.raises(psycopg.OperationalError, match='unrecognized configuration parameter "jit"'):
        warehouse.connect(options="-c jit=on")
