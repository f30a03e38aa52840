"""SQL that Redshift takes works, and SQL that only PostgreSQL takes is refused."""

import psycopg
import pytest

from local.twin.sql.columns import ENCODINGS
from tests.twin.warehouse import Db, Warehouse

pytestmark = pytest.mark.usefixtures("schema")


def test_varchar_counts_bytes_everywhere(db: Db) -> None:
    """INSERT, UPDATE, LIKE and ADD COLUMN respect the limit as COPY does."""
    db.execute("create table t (v varchar(3), c char(3))")
    db.execute("alter table t add column w varchar(2)")
    db.execute("create temp table u (like t including defaults)")
    for sql in (
        "insert into t (v) values ('żó')",
        "insert into u (v) values ('żó')",
        "insert into t (w) values ('żó')",
        "insert into t (v) values ('abcd')",
        "insert into t (c) values ('żó')",
    ):
        with pytest.raises(psycopg.errors.StringDataRightTruncation):
            db.execute(sql.encode())
    db.execute("insert into t values ('żó'::varchar(1), 'abc', 'xy')")


def test_explain_of_a_view(db: Db) -> None:
    """EXPLAIN answers with lines of a plan."""
    db.execute("create table t (data super)")
    db.execute("create view v as select t.data.k::int as k from t")
    assert db.execute("explain select k from v").fetchall()


def test_deep_nesting_is_refused_at_once(db: Db) -> None:
    """Brackets without end neither hang the twin nor end the session."""
    for opening in ("(", "nvl(", "decode(1, ", "cast("):
        with pytest.raises(psycopg.errors.StatementTooComplex):
            db.execute(f"select {opening * 3000}1".encode())
    assert db.execute("select ((((1))))").fetchone() == (1,)


def test_strings_bound_to_super(db: Db) -> None:
    """A bound string is a string, whatever JSON it may look like."""
    db.execute("create table t (s super)")
    db.execute("insert into t select json_parse(%s)", ('{"a": "5"}',))
    assert db.execute("select t.s.a = %s, t.s.a = %s from t", ("5", 5)).fetchone() == (True, False)
    db.execute("insert into t values (%s), (%s)", ("[1]", 2))
    rows = db.execute("select json_typeof(s) from t order by 1").fetchall()
    assert rows == [("number",), ("object",), ("string",)]


def test_what_is_there_or_not_is_remarked(db: Db) -> None:
    """IF [NOT] EXISTS gives Redshift's remarks, at its level."""
    heard: list[tuple[str | None, str | None]] = []
    db.add_notice_handler(lambda notice: heard.append((notice.severity, notice.message_primary)))
    db.execute("create table t (a int)")
    db.execute("create table if not exists t (b int)")
    db.execute("drop table if exists gone")
    assert heard == [
        ("INFO", 'Relation "t" already exists and will be skipped'),
        ("INFO", 'Table "gone" does not exist and will be skipped'),
    ]


def test_temporary_tables_belong_to_their_session(db: Db, warehouse: Warehouse) -> None:
    """Two sessions have tables of one name, and neither sees the other's."""
    with warehouse.connect() as other:
        for session, number in ((db, 1), (other, 2)):
            session.execute("create table #mine (n int)")
            session.execute(f"insert into #mine values ({number})".encode())
        assert db.execute("select n from #mine").fetchall() == [(1,)]
        assert other.execute("select n from #mine").fetchall() == [(2,)]
        tables = "select table_name from information_schema.tables where table_name = '#mine'"
        assert len(db.execute(tables.encode()).fetchall()) == 1


def test_who_may_read_a_late_binding_view(db: Db, schema: str) -> None:
    """The right to the view itself counts."""
    db.execute("create table t (a int)")
    db.execute(f"create view v as select a from {schema}.t with no schema binding".encode())
    db.execute(f"create user reader_{schema} password 'Abcdefgh1'".encode())
    db.execute(f"grant usage on schema {schema} to reader_{schema}".encode())
    db.execute(f"grant select on t to reader_{schema}".encode())
    assert db.execute(
        f"select has_table_privilege('reader_{schema}', 'v', 'select')".encode()
    ).fetchone() == (False,)
    db.execute(f"grant select on v to reader_{schema}".encode())
    assert db.execute(
        f"select has_table_privilege('reader_{schema}', 'v', 'select')".encode()
    ).fetchone() == (True,)


def test_isolation_levels_are_all_the_databases(warehouse: Warehouse) -> None:
    """Naming a weaker level does not give one."""
    with warehouse.connect() as db:
        db.execute("begin isolation level read committed")
        assert db.execute("show transaction_isolation").fetchone() == ("repeatable read",)
        db.execute("rollback")


def encodes(db: Db, sql: str) -> bool:
    """Run a statement that names an encoding; return whether it fits its column."""
    try:
        db.execute(sql.encode())
    except psycopg.errors.InvalidTableDefinition:
        return False
    return True


@pytest.mark.parametrize(
    "kind",
    [
        "smallint", "int", "bigint", "decimal(9,2)", "real", "float", "bool", "date", "timestamp", "timestamptz",
        "time", "timetz", "char(3)", "varchar(9)", "super",
    ],
)  # fmt: skip
def test_create_and_alter_take_the_same_encodings(db: Db, kind: str) -> None:
    """What fits a column's type when it is made, fits it later."""
    db.execute(f"create table made (v {kind} encode raw)".encode())
    for encoding in ENCODINGS.keys() - {"raw"}:
        fits = encodes(db, f"create table of_{encoding} (v {kind} encode {encoding})")
        assert encodes(db, f"alter table made alter column v encode {encoding}") == fits, encoding
