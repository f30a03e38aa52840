"""DROP, COMMENT, VACUUM, ANALYZE and what else is done to tables and schemas as wholes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.twin.errors import not_in_twin, not_supported, syntax_error
from local.twin.sql.changes import Change, regclass
from local.twin.sql.columns import names_in_brackets, new_name
from local.twin.sql.rights import user
from local.twin.sql.tokens import Cursor, Kind, literal, quoted, render
from local.twin.sql.words import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.twin.sql.tokens import Token

_ELSEWHERE = words("function procedure database library model datashare external materialized")
_VACUUMS = (("full",), ("sort", "only"), ("delete", "only"), ("reindex",), ("recluster",))


def drop(tokens: Sequence[Token]) -> Change:
    """Return the change for DROP TABLE, VIEW or SCHEMA."""
    cursor = Cursor(tokens)
    cursor.take()
    if cursor.next.is_word(*_ELSEWHERE):
        raise not_in_twin(f"DROP {cursor.next.value.upper()}")
    if not cursor.next.is_word("table", "view", "schema"):
        raise not_supported(f"DROP {cursor.next.text.upper()}")
    kind = cursor.take().value
    there = "IF EXISTS " if cursor.words("if", "exists") else ""
    names = cursor.listed(Cursor.qualified_name)
    along = cursor.words("cascade")
    if not along:
        cursor.words("restrict")
    cursor.expect_end()
    # names that aren't there are PostgreSQL's to report
    frees = (
        [f"SELECT twin.free_table(to_regclass({literal(quoted(name))}), {along})" for name in names]
        if kind == "table"
        else []
    )
    dropped = f"DROP {kind.upper()} {there}{', '.join(quoted(name) for name in names)}"
    return Change((*frees, dropped + (" CASCADE" if along else "")), f"DROP {kind.upper()}")


def comment(tokens: Sequence[Token]) -> Change:
    """Return the change for COMMENT ON."""
    cursor = Cursor(tokens)
    cursor.take()
    cursor.expect_word("on")
    if cursor.next.is_word("constraint", *_ELSEWHERE) and not cursor.next.is_word("database"):
        raise not_in_twin(f"COMMENT ON {cursor.next.value.upper()}")
    cursor.expect_word("table", "column", "view", "database", "schema")
    cursor.qualified_name()
    cursor.expect_word("is")
    if not cursor.words("null"):
        cursor.expect_string()
    cursor.expect_end()
    return Change((render(tokens),), "COMMENT")


def create_schema(tokens: Sequence[Token]) -> Change:
    """Return the change for CREATE SCHEMA."""
    cursor = Cursor(tokens)
    cursor.take()
    cursor.expect_word("schema")
    there = "IF NOT EXISTS " if cursor.words("if", "not", "exists") else ""
    name = ""
    if not cursor.next.is_word("authorization"):
        # the database may stand before it
        name = cursor.qualified_name()[-1]
    owner = f" AUTHORIZATION {user(cursor)}" if cursor.words("authorization") else ""
    if cursor.words("quota") and not cursor.words("unlimited"):
        raise not_in_twin("A schema's QUOTA")
    if not cursor.done and cursor.next.is_word("create", "grant"):
        raise not_in_twin("CREATE SCHEMA with elements")
    cursor.expect_end()
    schema = f" {quoted([name])}" if name else ""
    return Change((f"CREATE SCHEMA {there.rstrip()}{schema}{owner}",), "CREATE SCHEMA")


def alter_schema(tokens: Sequence[Token]) -> Change:
    """Return the change for ALTER SCHEMA."""
    cursor = Cursor(tokens)
    cursor.take()
    cursor.expect_word("schema")
    head = f"ALTER SCHEMA {quoted([cursor.expect_name()])}"
    if cursor.words("rename", "to"):
        sql = f"{head} RENAME TO {quoted([new_name(cursor)])}"
    elif cursor.words("owner", "to"):
        sql = f"{head} OWNER TO {user(cursor)}"
    elif cursor.next.is_word("quota"):
        raise not_in_twin("A schema's QUOTA")
    else:
        raise syntax_error(cursor.next.text)
    cursor.expect_end()
    return Change((sql,), "ALTER SCHEMA")


def vacuum(tokens: Sequence[Token]) -> Change:
    """Return the change for VACUUM: nothing here, but the form and the table must be right."""
    cursor = Cursor(tokens)
    cursor.take()
    kind = next((words for words in _VACUUMS if cursor.words(*words)), ("full",))
    checks = []
    if not cursor.done and not cursor.next.is_word("to", "boost"):
        checks.append(f"SELECT twin.refuse_view({regclass(cursor.qualified_name())})")
    elif kind[0] in {"reindex", "recluster"} or not cursor.done:
        # these and both options need a table
        raise syntax_error(cursor.next.text or "end of input")
    if cursor.words("to"):
        number = cursor.take()
        if number.kind is not Kind.NUMBER or not number.value.isdigit() or int(number.value) > 100:  # noqa: PLR2004
            raise syntax_error(number.text)
        cursor.expect_word("percent")
        if kind[0] in {"reindex", "recluster"}:
            raise syntax_error("to")
    if cursor.words("boost") and kind[0] == "reindex":
        raise syntax_error("boost")
    cursor.expect_end()
    return Change(tuple(checks), "VACUUM", alone="VACUUM")


def analyze(tokens: Sequence[Token]) -> Change:
    """Return the change for ANALYZE."""
    cursor = Cursor(tokens)
    cursor.take()
    if cursor.next.is_word("compression"):
        raise not_in_twin("ANALYZE COMPRESSION")
    cursor.words("verbose")
    table = ""
    if not cursor.done and not cursor.next.is_word("predicate", "all"):
        table = f" {quoted(cursor.qualified_name())}"
        if cursor.next.is_operator("("):
            table += f" ({', '.join(quoted([name]) for name in names_in_brackets(cursor))})"
    if cursor.words("predicate") or cursor.words("all"):
        cursor.expect_word("columns")
    cursor.expect_end()
    # Redshift's reads a sample beside the writers; PostgreSQL's would wait for them
    return Change((f"ANALYZE (SKIP_LOCKED){table}",), "ANALYZE")
