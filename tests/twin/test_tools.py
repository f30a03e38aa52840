"""What drivers, SQLAlchemy and BI tools send around the queries that they are used for."""

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tests.twin.warehouse import PASSWORD, USER, Db, Warehouse


def with_options(warehouse: Warehouse, options: str) -> Db:
    """Return a session that was given these options when it signed in."""
    dsn = make_conninfo(
        host="127.0.0.1", port=warehouse.port, user=USER, password=PASSWORD, dbname="dev", options=options
    )
    return psycopg.connect(dsn, autocommit=True)


def setting(db: Db, name: str) -> str:
    row = db.execute(f"show {name}".encode()).fetchone()
    assert row is not None
    return str(row[0])


def test_reset_goes_back_to_the_options_of_sign_in(warehouse: Warehouse) -> None:
    """psycopg2's reset() follows its connect(): the search path given there must stay."""
    options = r'-csearch_path="raw",public -c statement_timeout=7000 --query_group=a\ b'
    with with_options(warehouse, options) as db:
        for _ in range(2):
            assert setting(db, "search_path").replace(" ", "") in {'"raw",public', "raw,public"}
            assert setting(db, "statement_timeout") == "7s"
            assert setting(db, "query_group") == "a b"
            db.execute("set search_path to elsewhere")
            db.execute("set statement_timeout to 1")
            db.execute("set query_group to other")
            db.execute("reset all")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("-c no_such_setting=1", 'unrecognized configuration parameter "no_such_setting"'),
        ("-d 5", "invalid command-line argument for server process: -d"),
        ("-c enable_case_sensitive_identifier=true", "not supported by the local Redshift twin"),
    ],
)
def test_options_that_mean_nothing_here_are_refused(warehouse: Warehouse, options: str, message: str) -> None:
    """A setting that is not applied must not be taken in silence."""
    with pytest.raises(psycopg.OperationalError, match=message):
        with_options(warehouse, options)


def test_the_user_who_signed_in_stays(db: Db) -> None:
    """SET SESSION AUTHORIZATION DEFAULT, the other half of psycopg2's reset(), changes nobody."""
    before = db.execute("select current_user").fetchone()
    db.execute("set session authorization default")
    assert db.execute("select current_user").fetchone() == before


def test_the_isolation_level_is_told_in_words(db: Db) -> None:
    """SQLAlchemy asks in SQL's own words at each connect."""
    told = db.execute("show transaction isolation level").fetchone()
    assert told == db.execute("show transaction_isolation").fetchone()


def test_system_tables_that_the_twin_lacks_are_named_as_its_limit(db: Db) -> None:
    """Redshift has stl_query; saying that it does not exist would be a lie."""
    with pytest.raises(psycopg.errors.FeatureNotSupported, match="The system table stl_query is not supp"):
        db.execute("select query from stl_query")
    with pytest.raises(psycopg.errors.UndefinedTable):
        db.execute("select 1 from no_such_table")
