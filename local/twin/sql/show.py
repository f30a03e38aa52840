"""SHOW of schemas, tables, columns, databases, grants and definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.twin.errors import TwinError, not_in_twin, syntax_error
from local.twin.sql.changes import regclass
from local.twin.sql.tokens import Cursor, Kind, literal
from local.twin.sql.words import words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from local.twin.sql.tokens import Token

_MOST_ROWS = 10_000
_KIND_OF_VIEW = (
    "CASE WHEN t.table_type = 'TABLE' THEN 'REGULAR TABLE' WHEN EXISTS (SELECT FROM twin.late_view l"
    " WHERE l.relation = c.oid) THEN 'LATE BINDING VIEW' ELSE 'REGULAR VIEW' END"
)
_DISTRIBUTION = (
    "CASE WHEN t.table_type = 'VIEW' THEN NULL ELSE (SELECT CASE k.reldiststyle WHEN 0 THEN 'EVEN' WHEN 1 THEN"
    " 'KEY' WHEN 8 THEN 'ALL' ELSE 'AUTO (ALL)' END FROM twin.pg_class k WHERE k.oid = c.oid) END"
)


def show_objects(tokens: Sequence[Token]) -> str | None:
    """Return PostgreSQL's query for a SHOW of the catalog; None when it is one of a setting."""
    cursor = Cursor(tokens)
    cursor.expect_word("show")
    kind = cursor.next.value
    if kind not in _SHOWN:
        if cursor.next.is_word(*_NOT_HERE):
            raise not_in_twin(f"SHOW {kind.upper()}")
        return None
    cursor.take()
    sql = _SHOWN[kind](cursor)
    cursor.expect_end()
    return sql


_NOT_HERE = words("model procedure external datashares functions parameters constraints policies")


def _filtered(cursor: Cursor, column: str) -> str:
    """Read [LIKE 'pattern'] [LIMIT n]; return the end of the query, ordered by the column."""
    like = f" AND {column} LIKE {literal(cursor.expect_string())}" if cursor.words("like") else ""
    limit = ""
    if cursor.words("limit"):
        token = cursor.take()
        if token.kind is not Kind.NUMBER or not token.value.isdigit():
            raise syntax_error(token.text)
        if int(token.value) > _MOST_ROWS:
            raise TwinError(f"LIMIT of SHOW must be between 0 and {_MOST_ROWS}", code="22023")
        limit = f" LIMIT {token.value}"
    return f"{like} ORDER BY {column}{limit}"


def _in_database(cursor: Cursor, parts: int) -> tuple[str, ...]:
    """Read a qualified name, whose first part may name the database; return its last parts."""
    names = cursor.qualified_name()
    if len(names) not in {parts, parts + 1}:
        raise syntax_error(names[-1])
    return names[-parts:] if len(names) == parts else names


def _matches(column: str, names: tuple[str, ...], parts: int) -> str:
    test = "" if len(names) == parts else f"{column}.database_name = {literal(names[0])} AND "
    return f"{test}{column}.schema_name = {literal(names[-parts])}"


def _databases(cursor: Cursor) -> str:
    if cursor.next.is_word("from"):
        raise not_in_twin("SHOW DATABASES FROM")
    return (
        "SELECT database_name, database_owner, database_type, database_acl, NULL::text AS parameters,"
        f" database_isolation_level FROM svv_redshift_databases WHERE true{_filtered(cursor, 'database_name')}"
    )


def _schemas(cursor: Cursor) -> str:
    cursor.expect_words("from", "database")
    name = literal(cursor.expect_name())
    return f"SELECT * FROM svv_all_schemas WHERE database_name = {name}{_filtered(cursor, 'schema_name')}"


def _tables(cursor: Cursor) -> str:
    cursor.expect_words("from", "schema")
    names = _in_database(cursor, 1)
    return (
        "SELECT t.database_name, t.schema_name, t.table_name, t.table_type, t.table_acl, t.remarks,"
        " t.table_owner AS owner, NULL::timestamp AS last_altered_time, NULL::timestamp AS last_modified_time,"
        f" {_DISTRIBUTION} AS dist_style, {_KIND_OF_VIEW} AS table_subtype FROM svv_redshift_tables t"
        " JOIN pg_class c ON c.oid = format('%I.%I', t.schema_name, t.table_name)::regclass"
        f" WHERE {_matches('t', names, 1)}{_filtered(cursor, 't.table_name')}"
    )


def _columns(cursor: Cursor) -> str:
    cursor.expect_words("from", "table")
    names = _in_database(cursor, 2)
    return (
        "SELECT c.database_name, c.schema_name, c.table_name, c.column_name, c.ordinal_position, c.column_default,"
        " c.is_nullable, c.data_type, c.character_maximum_length, c.numeric_precision, c.numeric_scale, c.remarks,"
        " CASE WHEN c.sortkey = 0 THEN NULL ELSE (SELECT upper(s.sortstyle) FROM twin.table_storage s WHERE"
        f" s.relation = {regclass(names)}) END AS sort_key_type, nullif(abs(c.sortkey), 0) AS sort_key_order,"
        " CASE WHEN c.distkey THEN 1 END AS distribution_key, c.encoding, NULL::text AS collation"
        f" FROM svv_redshift_columns c WHERE {_matches('c', names, 2)} AND c.table_name = {literal(names[-1])}"
        + _filtered(cursor, "c.column_name").replace("ORDER BY c.column_name", "ORDER BY c.ordinal_position")
    )


def _table(cursor: Cursor) -> str:
    rel = regclass(cursor.qualified_name())
    return f'SELECT twin.table_text({rel}) AS "Show Table DDL statement"'


def _view(cursor: Cursor) -> str:
    rel = regclass(cursor.qualified_name())
    return f'SELECT twin.view_text({rel}) AS "Show View DDL statement"'


def _grants(cursor: Cursor) -> str:
    if not cursor.words("on"):
        raise not_in_twin("SHOW GRANTS FOR")
    kind = cursor.expect_word("table", "schema", "database", "function", "procedure").value
    if kind in {"function", "procedure"}:
        raise not_in_twin(f"SHOW GRANTS ON {kind.upper()}")
    names = cursor.qualified_name()
    where = f"g.object_type = '{kind.upper()}' AND g.object_name = {literal(names[-1])}"
    if kind == "table" and len(names) > 1:
        where += f" AND g.schema_name = {literal(names[-2])}"
    if cursor.words("for"):
        role = cursor.words("role")
        where += f" AND twin.identity_name(g.grantee) = {literal(cursor.expect_name())}"
        where += f" AND twin.identity_type(g.grantee) {'=' if role else '<>'} 'role'"
    # a group is shown as a role, with a slash before its name
    return (
        "SELECT current_database() AS database_name, g.schema_name, g.object_name, g.object_type, g.privilege_type,"
        " g.grantee::integer AS identity_id, CASE WHEN twin.identity_type(g.grantee) = 'group' THEN '/' ELSE '' END"
        " || twin.identity_name(g.grantee) AS identity_name, CASE WHEN twin.identity_type(g.grantee) = 'group' THEN"
        " 'role' ELSE twin.identity_type(g.grantee) END AS identity_type, g.is_grantable AS admin_option,"
        " g.object_type AS privilege_scope, twin.identity_name(g.grantor) AS grantor_name"
        f" FROM twin.grants g WHERE {where}{_filtered(cursor, 'g.privilege_type')}"
    )


_SHOWN: dict[str, Callable[[Cursor], str]] = {
    "databases": _databases,
    "schemas": _schemas,
    "tables": _tables,
    "columns": _columns,
    "table": _table,
    "view": _view,
    "grants": _grants,
}
