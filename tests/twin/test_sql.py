"""SQL that Redshift takes works, and SQL that only PostgreSQL takes is refused."""

from typing import Any

import psycopg
import pytest

from tests.twin.warehouse import Warehouse

Db = psycopg.Connection[Any]
pytestmark = pytest.mark.usefixtures("schema")


@pytest.mark.parametrize(
    "sql",
    [
        "insert into t values (1, 'x', null) on conflict do nothing",
        "insert into t values (1, 'x', null) returning n",
        "delete from t returning *",
        "create table u (n serial)",
        "create table u (n bigserial)",
        "create table u (j jsonb)",
        "create table u (j json)",
        "create table u (j uuid)",
        "create table u (n int[])",
        "create table u (v varchar(65536))",
        "create table u (v varchar(0))",
        "create table u (c char(4097))",
        "create table u (d decimal(39,2))",
        "create table u (n int check (n > 0))",
        "create table u (n int) with (fillfactor = 50)",
        "create table u (n int) partition by range (n)",
        "create table u (n int) inherits (t)",
        "create unlogged table u (n int)",
        "create table u (tag int)",
        "create table u (n int) distkey (m)",
        "create table u (n int) sortkey (m)",
        "create table u (n int) sortkey (n) sortkey (n)",
        "create table u (n int) diststyle key",
        "create table u (n int) diststyle even distkey (n)",
        "create table u (n int) diststyle sometimes",
        "create table u (s super) distkey (s)",
        "create table u (s super) sortkey (s)",
        "create table u (n int encode snappy)",
        "create table u (s varchar(9) encode az64)",
        "create table u (b boolean encode lzo)",
        "create table u (n int, n int)",
        "create index i on t (n)",
        "create unique index i on t (n)",
        "create extension hstore",
        "create type x as (n int)",
        "create domain x as int",
        "create sequence x",
        "create trigger x after insert on t execute function f()",
        "select s ->> 'a' from t",
        "select s -> 'a' from t",
        "select s @> '{}' from t",
        "select distinct on (n) n from t",
        "select count(*) filter (where n > 1) from t",
        "select * from t, lateral (select 1) x",
        "select array[1, 2]",
        "select n::int[] from t",
        "select 'x'::jsonb",
        "select cast('x' as uuid)",
        "select string_agg(v, ',') from t",
        "select array_agg(n) from t",
        "select jsonb_build_object('a', 1)",
        "select gen_random_uuid()",
        "select * from generate_series(1, 3) with ordinality",
        "select * from (values (1)) x",
        "select n from t for update",
        "select n as tag from t",
        "do $$ begin end $$",
        "listen x",
        "notify x",
        "savepoint x",
        "values (1)",
        "lock table t in share mode",
        "set work_mem to '1MB'",
        "set enable_seqscan to off",
        "set enable_case_sensitive_identifier to true",
        "alter table t add column a int, add column b int",
        "alter table t add column if not exists a int",
        "alter table t add column a int not null",
        "alter table t add column a varchar(70000)",
        "alter table t alter column n type bigint",
        "alter table t alter column v type varchar(20), alter column n type bigint",
        "alter table t add column a int unknown",
        "copy t from stdin",
        "copy t to stdout",
        "table t",
        "unload ('select 1') to 's3://b/k' iam_role default",
        "select * from t qualify row_number() over (order by n) = 1",
        "select x.* from t, t.s x",
        "select n from t where t.s.a.b = 'x'",
        "reindex table t",
        "select 'unterminated",
    ],
)
def test_what_redshift_or_the_twin_lacks_is_refused(db: Db, sql: str) -> None:
    """A clear error with a SQLSTATE of its own, and nothing changed."""
    db.execute("create table t (n int, v varchar(10), s super)")
    with pytest.raises(psycopg.Error) as caught:
        db.execute(sql.encode())
    assert caught.value.sqlstate
    assert db.execute("select count(*) from t").fetchone() == (0,)


def test_words_in_strings_names_and_comments_are_no_sql(db: Db) -> None:
    """Only tokens count: a string may hold anything."""
    db.execute('create table t ("returning" varchar(80), "tag" int)')
    db.execute(
        "insert into t values ('ON CONFLICT -> ; returning $$', 1) -- returning ;\n /* lateral /* -> */ */"
    )
    assert db.execute('select "returning", t."tag" from t').fetchall() == [
        ("ON CONFLICT -> ; returning $$", 1)
    ]


def test_an_alias_may_have_a_types_name(db: Db) -> None:
    """Only a cast names a type."""
    assert db.execute(
        "select 1 as line, (select 2 as path), 3 as uuid from (select 1 as json) x"
    ).fetchone() == (1, 2, 3)


def test_a_backslash_escapes_in_a_string(db: Db) -> None:
    r"""Redshift reads '\\' as one backslash and '\\'' as a quote."""
    assert db.execute(r"select 'a\\b', 'it\'s', 'x''y'").fetchone() == ("a\\b", "it's", "x'y")


def test_quoted_names_are_folded(db: Db) -> None:
    """Redshift folds quoted names too, unless told otherwise."""
    db.execute('create table "MiXed" ("CamelCase" int)')
    db.execute("insert into mixed (camelcase) values (1)")
    cursor = db.execute('select "camelCASE" from "MIXED"')
    assert cursor.fetchall() == [(1,)]


def test_names_longer_than_the_twin_carries_are_refused(db: Db) -> None:
    """A name is never cut silently."""
    with pytest.raises(psycopg.Error, match="63") as caught:
        db.execute(f"create table {'x' * 64} (n int)".encode())
    assert caught.value.sqlstate == "42622"


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


def test_keys_are_not_enforced(db: Db) -> None:
    """PRIMARY KEY, UNIQUE and REFERENCES only inform."""
    db.execute("create table p (n int primary key, m int unique, unique (n, m))")
    db.execute("create table f (n int references p (n), foreign key (n) references p (n))")
    db.execute("insert into p values (1, 1), (1, 1)")
    db.execute("insert into f values (7)")
    assert db.execute("select count(*) from p").fetchone() == (2,)


def test_attributes_are_shown_in_the_catalog(db: Db) -> None:
    """Encodings and keys are remembered for pg_table_def and svv_table_info."""
    db.execute(
        'create table if not exists t ("a" varchar(64) not null encode zstd, b bigint encode az64, s super encode zstd,'
        " d timestamp encode raw default getdate(), n numeric(12,2), tz timestamptz, c char(32), x double precision)"
        " diststyle key distkey (a) compound sortkey (d, b)"
    )
    db.execute("alter table t add column late varchar(10) encode lzo")
    rows = db.execute(
        'select "column", type, encoding, distkey, sortkey, "notnull" from pg_table_def where tablename = \'t\''
    ).fetchall()
    assert rows == [
        ("a", "character varying(64)", "zstd", True, 0, True),
        ("b", "bigint", "az64", False, 2, False),
        ("s", "super", "zstd", False, 0, False),
        ("d", "timestamp without time zone", "raw", False, 1, False),
        ("n", "numeric(12,2)", "none", False, 0, False),
        ("tz", "timestamp with time zone", "none", False, 0, False),
        ("c", "character(32)", "none", False, 0, False),
        ("x", "double precision", "none", False, 0, False),
        ("late", "character varying(10)", "lzo", False, 0, False),
    ]
    assert db.execute(
        "select diststyle, sortkey1, sortkey_num from svv_table_info where \"table\" = 't'"
    ).fetchone() == (
        "KEY(a)",
        "d",
        2,
    )


def test_svv_columns_and_tables(db: Db, schema: str) -> None:
    """What our plans read of tables, under Redshift's names of types."""
    db.execute("create table t (a varchar(64) not null, s super, n numeric(12,2), i int)")
    db.execute("comment on table t is 'a table'")
    db.execute("comment on column t.a is 'a column'")
    rows = db.execute(
        "select column_name, data_type, character_maximum_length, numeric_precision, numeric_scale, ordinal_position,"
        " is_nullable, remarks from svv_columns where table_schema = %s and table_name = 't' order by ordinal_position",
        (schema,),
    ).fetchall()
    assert rows == [
        ("a", "character varying", 64, None, None, 1, "NO", "a column"),
        ("s", "super", None, None, None, 2, "YES", None),
        ("n", "numeric", None, 12, 2, 3, "YES", None),
        ("i", "integer", None, 32, 0, 4, "YES", None),
    ]
    assert db.execute(
        "select table_name, table_type, remarks from svv_tables where table_schema = %s", (schema,)
    ).fetchall() == [("t", "BASE TABLE", "a table")]


def test_alter_column_type_only_widens_varchar_outside_a_transaction(
    db: Db, schema: str, warehouse: Warehouse
) -> None:
    """Inside a transaction, with a default, or on some encodings the size can't change."""
    db.execute("create table t (v varchar(3), d varchar(3) default 'x', e varchar(3) encode text255)")
    db.execute("alter table t alter column v type varchar(10)")
    db.execute("insert into t (v) values ('0123456789')")
    for column in ("d", "e"):
        with pytest.raises(psycopg.Error, match="cannot alter type"):
            db.execute(f"alter table t alter column {column} type varchar(10)".encode())
    with warehouse.connect(autocommit=False) as session:
        with pytest.raises(
            psycopg.errors.ActiveSqlTransaction, match="cannot run inside a transaction block"
        ):
            session.execute(f"alter table {schema}.t alter column v type varchar(20)".encode())
        session.rollback()


def test_session_settings(db: Db) -> None:
    """Redshift's settings are kept, and nothing else is known."""
    db.execute("set query_group to 'log_router'")
    assert db.execute("show query_group").fetchone() == ("log_router",)
    db.execute("set statement_timeout to 3600000")
    assert db.execute("show statement_timeout").fetchone() == ("1h",)
    db.execute("reset query_group")
    assert db.execute("show query_group").fetchone() == ("unset",)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("dateadd(day, 3, '2024-02-27'::date)::varchar", "2024-03-01 00:00:00"),
        ("dateadd('month', 1, timestamp '2024-01-31 10:00:00')::varchar", "2024-02-29 10:00:00"),
        ("datediff(day, '2024-01-01 23:59:59'::timestamp, '2024-01-02'::timestamp)", 1),
        ("datediff(hour, '2024-01-01 10:59:00'::timestamp, '2024-01-01 12:01:00'::timestamp)", 2),
        ("datediff(week, '2024-01-06'::date, '2024-01-07'::date)", 1),
        ("datediff(qtr, '2023-12-31'::date, '2024-04-01'::date)", 2),
        ("date_trunc('month', '2024-02-27'::date)::varchar", "2024-02-01 00:00:00"),
        ("getdate() > '2020-01-01' and sysdate > '2020-01-01'", True),
        (
            "convert_timezone('Europe/Paris', '2024-07-01 10:00:00'::timestamp)::varchar",
            "2024-07-01 12:00:00",
        ),
        ("convert_timezone('EST', 'UTC', '2024-07-01 10:00:00'::timestamp)::varchar", "2024-07-01 15:00:00"),
        ("nvl(null, 2)", 2),
        ("nvl2(null, 'a', 'b')", "b"),
        ("decode(null, 1, 'one', null, 'none', 'other')", "none"),
        ("decode(3, 1, 'one', 'other')", "other"),
        ("len('żó')", 2),
        ("convert(integer, '12')", 12),
        ("json_extract_path_text('{\"a\": {\"b\": \"x\"}}', 'a', 'b')", "x"),
        ("json_extract_path_text('nonsense', 'a', true)", None),
        ("is_valid_json('{\"a\": 1}')", True),
        ("is_valid_json('[1]')", False),
        ('json_serialize(json_parse(\'{"a": [1, "x y"]}\'))', '{"a":[1,"x y"]}'),
        ("get_array_length(json_parse('[1, 2]'))", 2),
        ("round(2.345::float, 2)", 2.35),
    ],
)
def test_functions(db: Db, expression: str, value: object) -> None:
    """Redshift's functions under Redshift's names."""
    assert db.execute(f"select {expression}".encode()).fetchone() == (value,)


def test_queries_of_analysts(db: Db) -> None:
    """TOP, LISTAGG, windows, CTEs, MINUS."""
    db.execute("create table t (g varchar(2), n int)")
    db.execute("insert into t values ('a', 2), ('a', 1), ('b', 3), ('b', 3)")
    assert db.execute("select top 1 n from t order by n desc").fetchall() == [(3,)]
    assert db.execute("select * from (select top 2 n from t order by n) x order by n").fetchall() == [
        (1,),
        (2,),
    ]
    assert db.execute(
        "select g, listagg(n, ',') within group (order by n), listagg(distinct n, '|') within group (order by n)"
        " from t group by g order by g"
    ).fetchall() == [("a", "1,2", "1|2"), ("b", "3,3", "3")]
    assert db.execute(
        "with x as (select n, row_number() over (partition by g order by n) r from t)"
        " select count(distinct n), approximate count(distinct r) from x where n <> 7"
    ).fetchone() == (3, 2)
    assert db.execute("select n from t minus select 3 order by n").fetchall() == [(1,), (2,)]


def test_paths_into_super(db: Db, schema: str) -> None:
    """A path finds values, NULL where there is none, and casts give the bare value."""
    document = '{"user": {"id": "u1", "age": 41}, "items": [{"price": 2.50}], "no": null}'
    db.execute("create table t (n int, data super)")
    db.execute("insert into t select 1, json_parse(%s)", (document,))
    row = db.execute(
        f"""
        select t.data.user.id, data.items[0].price, data.user.age::int + 1, cast(t.data.user.id as varchar),
            t.data.nothing.here, t.data.no is null, {schema}.t.data.user.age
        from {schema}.t where t.data.user.id::varchar = 'u1'
        """.encode()
    ).fetchone()
    assert row == ('"u1"', "2.50", 42, "u1", None, True, "41")


def test_views_and_explain(db: Db) -> None:
    """A view may use Redshift's functions and paths."""
    db.execute("create table t (data super, at timestamp)")
    db.execute("create view v as select t.data.k::int as k, datediff(day, at, getdate()) as days from t")
    db.execute("insert into t values (json_parse('{\"k\": 7}'), dateadd(day, -2, getdate()))")
    assert db.execute("select k, days from v").fetchone() == (7, 2)
    assert db.execute("explain select * from v").fetchall()


def test_isolation_levels_are_all_the_databases(warehouse: Warehouse) -> None:
    """Naming a weaker level does not give one."""
    with warehouse.connect() as db:
        db.execute("begin isolation level read committed")
        assert db.execute("show transaction_isolation").fetchone() == ("repeatable read",)
        db.execute("rollback")
