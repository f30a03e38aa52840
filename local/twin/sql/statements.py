"""Statements that read or change rows, in PostgreSQL's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.twin.errors import TwinError, syntax_error
from local.twin.sql.expressions import rewrite_expression
from local.twin.sql.from_clause import rewrite_from
from local.twin.sql.inserts import with_typed_strings
from local.twin.sql.merge import merge
from local.twin.sql.queries import rewrite_query, rewrite_with
from local.twin.sql.scope import Scope, Statement, Tokens
from local.twin.sql.sources import is_system, reads_catalog_only
from local.twin.sql.tokens import Cursor, Token, outside_brackets, word

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from local.twin.sql.scope import Catalog


def rewrite(tokens: Sequence[Token], catalog: Catalog) -> Tokens:
    """Return a query or a change of rows in PostgreSQL's words."""
    if not tokens:
        raise syntax_error("end of input")
    statement = Statement(catalog, reads_catalog_only(tokens))
    scope = Scope(rewrite_query, statement)
    if tokens[0].is_word("insert"):
        tokens = with_typed_strings(tokens, catalog)
    try:
        made = _STATEMENTS.get(tokens[0].value, rewrite_expression)(tokens, scope)
    except RecursionError as deep:
        raise TwinError("stack depth limit exceeded", code="54001") from deep
    _check_nodes(statement)
    return made


def rewrite_value(tokens: Sequence[Token]) -> Tokens:
    """Return an expression outside of any query, such as a column's default, in PostgreSQL's words."""
    return rewrite_expression(tokens, Scope(rewrite_query, Statement()))


def _check_nodes(statement: Statement) -> None:
    """Raise when functions of the leader node meet tables of users, or others meet none."""
    tables = {table for table in statement.tables if table[-1] not in statement.named_queries}
    if statement.leader_only and not all(is_system(table) for table in tables):
        functions = ", ".join(sorted(statement.leader_only))
        raise TwinError(
            "Specified types or functions (one per INFO message) not supported on Redshift tables.",
            code="0A000",
            detail=f"Functions of the leader node alone: {functions}.",
        )
    if statement.compute_only and not tables:
        raise TwinError(
            "One or more of the used functions must be applied on at least one user created tables. "
            "Examples of user table only functions are LISTAGG, MEDIAN, PERCENTILE_CONT, etc",
            code="0A000",
        )


def _insert(tokens: Sequence[Token], scope: Scope) -> Tokens:
    for at, token in outside_brackets(tokens):
        is_query = token.is_word("select", "with") or (
            token.is_operator("(") and tokens[at + 1 : at + 2] and tokens[at + 1].is_word("select", "with")
        )
        if is_query:
            return [*tokens[:at], *rewrite_query(tokens[at:], scope)]
        if token.is_word("values"):
            return [*tokens[: at + 1], *rewrite_expression(tokens[at + 1 :], scope)]
    return list(tokens)


def _target(cursor: Cursor, scope: Scope, ends: Sequence[str]) -> Tokens:
    """Read the table that a statement changes, and put its name into the scope."""
    start = cursor.at
    table = cursor.qualified_name()
    alias = table[-1]
    explicit = cursor.words("as")
    if cursor.next.is_name and (explicit or not cursor.next.is_word(*ends)):
        alias = cursor.take().value
    scope.tables[alias] = table if alias == table[-1] else (alias,)
    scope.statement.tables.add(table)
    return list(cursor.tokens[start : cursor.at])


def _update(tokens: Sequence[Token], scope: Scope) -> Tokens:
    cursor = Cursor(tokens)
    head = [cursor.take(), *_target(cursor, scope, ("set",))]
    clauses = _change_clauses(tokens[cursor.at :], ("set", "from", "where"))
    if "set" not in clauses:
        raise syntax_error(cursor.next.text or "end of input")
    source = rewrite_from(clauses["from"], scope) if "from" in clauses else []
    made = [*head, word("set"), *rewrite_expression(clauses["set"], scope)]
    return made + _changed(clauses, [word("from"), *source] if source else [], scope)


def _delete(tokens: Sequence[Token], scope: Scope) -> Tokens:
    cursor = Cursor(tokens)
    cursor.take()
    cursor.words("from")
    head = [word("delete"), word("from"), *_target(cursor, scope, ("using", "where"))]
    clauses = _change_clauses(tokens[cursor.at :], ("using", "where"))
    source = rewrite_from(clauses["using"], scope) if "using" in clauses else []
    return head + _changed(clauses, [word("using"), *source] if source else [], scope)


def _changed(clauses: dict[str, list[Token]], source: Tokens, scope: Scope) -> Tokens:
    where = [word("where"), *rewrite_expression(clauses["where"], scope)] if "where" in clauses else []
    return source + where


def _change_clauses(tokens: Sequence[Token], keywords: Sequence[str]) -> dict[str, list[Token]]:
    found: dict[str, list[Token]] = {}
    clause, start = "", 0
    for at, token in outside_brackets(tokens):
        if token.is_word(*keywords) and token.value not in found:
            found[clause] = list(tokens[start:at])
            clause, start = token.value, at + 1
            found[clause] = []
    found[clause] = list(tokens[start:])
    if found.pop("", []):
        raise syntax_error(tokens[0].text)
    return found


def _with_statement(tokens: Sequence[Token], scope: Scope) -> Tokens:
    """Return WITH ... before a query, UPDATE or DELETE."""
    for at, token in outside_brackets(tokens):
        if token.is_word("update", "delete", "insert"):
            if token.is_word("insert"):
                raise syntax_error(token.text)
            queries = rewrite_with(Cursor(tokens[:at]), scope)
            return queries + _STATEMENTS[token.value](tokens[at:], scope)
        if token.is_word("select"):
            break
    return rewrite_query(tokens, scope)


def _explain(tokens: Sequence[Token], scope: Scope) -> Tokens:
    at = 2 if tokens[1:2] and tokens[1].is_word("verbose") else 1
    if at >= len(tokens) or tokens[at].is_word("analyze") or tokens[at].value not in _STATEMENTS:
        raise syntax_error(tokens[at].text if at < len(tokens) else "end of input")
    return [*tokens[:at], *_STATEMENTS[tokens[at].value](tokens[at:], scope)]


def _after(keyword: str) -> Callable[[Sequence[Token], Scope], Tokens]:
    """Return what rewrites only the query that follows this keyword."""

    def made(tokens: Sequence[Token], scope: Scope) -> Tokens:
        at = next((at for at, token in outside_brackets(tokens) if token.is_word(keyword)), None)
        if at is None or at + 1 >= len(tokens):
            raise syntax_error("end of input")
        return [*tokens[: at + 1], *rewrite_query(tokens[at + 1 :], scope)]

    return made


_STATEMENTS: dict[str, Callable[[Sequence[Token], Scope], Tokens]] = {
    "select": rewrite_query,
    "(": rewrite_query,
    "with": _with_statement,
    "insert": _insert,
    "update": _update,
    "delete": _delete,
    "merge": merge,
    "explain": _explain,
    "declare": _after("for"),
}
