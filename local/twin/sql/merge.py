"""MERGE (AWS, "MERGE"): both of its forms, as PostgreSQL can run them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.twin.errors import TwinError, syntax_error
from local.twin.sql.expressions import rewrite_expression
from local.twin.sql.scope import CLOSE, OPEN, Tokens, chain_at, navigate, with_commas
from local.twin.sql.tokens import Cursor, name, quoted, split_list, word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.twin.sql.scope import Scope
    from local.twin.sql.tokens import Token


def merge(tokens: Sequence[Token], scope: Scope) -> Tokens:
    """Return a whole MERGE statement in PostgreSQL's words."""
    cursor = Cursor(tokens)
    cursor.expect_words("merge", "into")
    target = cursor.qualified_name()
    cursor.expect_word("using")
    source = cursor.qualified_name()
    alias = source[-1]
    if cursor.words("as") or not cursor.next.is_word("on"):
        alias = cursor.expect_name()
    if source == target:
        raise TwinError("The source and target tables of MERGE cannot be the same table.", code="0A000")
    scope.tables = {target[-1]: target, alias: source if alias == source[-1] else (alias,)}
    scope.statement.tables.update({target, source})
    cursor.expect_word("on")
    condition = _expression(_until(cursor, "when", "remove"), scope)
    if cursor.words("remove", "duplicates"):
        cursor.expect_end()
        return _without_duplicates(target, source, alias, condition)
    matched = _matched(cursor, scope)
    inserted = _not_matched(cursor, scope)
    cursor.expect_end()
    head = f"MERGE INTO {quoted(target)} USING {quoted(source)} AS {quoted([alias])} ON"
    return [word(head), OPEN, *condition, CLOSE, *matched, *inserted]


def _until(cursor: Cursor, *words: str) -> Tokens:
    start, depth = cursor.at, 0
    while not cursor.done and (depth or not cursor.next.is_word(*words)):
        token = cursor.take()
        # WHEN of a CASE belongs to it
        depth += (
            token.is_operator("(") + token.is_word("case") - token.is_operator(")") - token.is_word("end")
        )
    if start == cursor.at:
        raise syntax_error(cursor.next.text or "end of input")
    return list(cursor.tokens[start : cursor.at])


def _expression(tokens: Sequence[Token], scope: Scope) -> Tokens:
    for at, token in enumerate(tokens):
        before = tokens[at - 1] if at else tokens[0]
        if token.is_name and not before.is_operator(".") and navigate(chain_at(tokens, at).steps, scope)[1]:
            raise TwinError(
                "Partial reference of SUPER column is not supported in MERGE statement.", code="0A000"
            )
    return rewrite_expression(tokens, scope)


def _matched(cursor: Cursor, scope: Scope) -> Tokens:
    cursor.expect_words("when", "matched", "then")
    if cursor.words("delete"):
        return [word("WHEN MATCHED THEN DELETE")]
    cursor.expect_words("update", "set")
    changes = _until(cursor, "when")
    for change in split_list(changes):
        if len(change) < 3 or not change[0].is_name or not change[1].is_operator("="):  # noqa: PLR2004 - a = b
            raise syntax_error(change[1].text if len(change) > 1 else "end of input")
    made = [[*change[:2], *_expression(change[2:], scope)] for change in split_list(changes)]
    return [word("WHEN MATCHED THEN UPDATE SET"), *with_commas(made)]


def _not_matched(cursor: Cursor, scope: Scope) -> Tokens:
    cursor.expect_words("when", "not", "matched", "then", "insert")
    columns: Tokens = []
    if cursor.next.is_operator("("):
        names = [[name(part[0].value)] for part in split_list(cursor.in_brackets()) if part]
        columns = [OPEN, *with_commas(names), CLOSE]
    cursor.expect_word("values")
    values = [_expression(part, scope) for part in split_list(cursor.in_brackets())]
    return [word("WHEN NOT MATCHED THEN INSERT"), *columns, word("VALUES"), OPEN, *with_commas(values), CLOSE]


def _without_duplicates(
    target: tuple[str, ...], source: tuple[str, ...], alias: str, condition: Tokens
) -> Tokens:
    """Return the simplified mode: rows that match are replaced by the source's, however many they were."""
    into, used = quoted(target), f"{quoted(source)} AS {quoted([alias])}"
    row = f"{quoted(target[-1:])}.ctid"
    return [
        word(f"WITH twin_many AS MATERIALIZED (SELECT FROM {into} JOIN {used} ON ("), *condition,
        word(f") GROUP BY {row} HAVING count(*) > 1), twin_gone AS (DELETE FROM {into} USING {used} WHERE ("),
        *condition, word(") AND twin.one_match(NOT EXISTS (SELECT FROM twin_many)))"),
        word(f"INSERT INTO {into} SELECT * FROM {quoted(source)}"),
    ]  # fmt: skip
