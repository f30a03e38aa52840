"""INSERT: a string for a SUPER column stays a string, where PostgreSQL would read JSON from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.twin.errors import syntax_error
from local.twin.sql.calls import call, twins, typed
from local.twin.sql.scope import CLOSE, OPEN, Tokens, with_commas
from local.twin.sql.tokens import Cursor, Kind, split_list

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.twin.sql.scope import Catalog
    from local.twin.sql.tokens import Token


def with_typed_strings(tokens: Sequence[Token], catalog: Catalog) -> Tokens:
    """Return an INSERT with the bare strings for SUPER columns given their type."""
    cursor = Cursor(tokens)
    cursor.expect_words("insert", "into")
    table = cursor.qualified_name()
    if cursor.next.is_word("as", "overriding"):
        raise syntax_error(cursor.next.text)
    inner = Cursor(cursor.tokens[cursor.at + 1 :]).next
    listed = cursor.next.is_operator("(") and not inner.is_word("select", "with")
    names = [part[0].value if part else "" for part in split_list(cursor.in_brackets())] if listed else []
    rest = tokens[cursor.at :]
    if not any(token.kind is Kind.STRING or token.kind is Kind.PARAMETER for token in rest):
        return list(tokens)
    columns = catalog.columns(table)
    supers = {name for name, is_super in columns if is_super}
    places = {at for at, name in enumerate(names or [name for name, _ in columns]) if name in supers}
    return [*tokens[: cursor.at], *(_typed(rest, places) if places else rest)]


def _typed(tokens: Sequence[Token], places: set[int]) -> Tokens:
    cursor = Cursor(tokens)
    if cursor.next.is_word("select"):
        depth, end = 0, 1
        while end < len(tokens) and (depth or not tokens[end].is_word("from")):
            depth += tokens[end].is_operator("(", "[") - tokens[end].is_operator(")", "]")
            end += 1
        return [tokens[0], *_row(tokens[1:end], places), *tokens[end:]]
    result: Tokens = []
    while not cursor.done:
        if cursor.next.is_operator("("):
            result += [OPEN, *_row(cursor.in_brackets(), places), CLOSE]
        else:
            result.append(cursor.take())
    return result


def _boxed(part: Tokens) -> Tokens:
    """Return a value for a SUPER; what a client binds is a string unless the client says what it is."""
    if len(part) == 1 and part[0].kind is Kind.PARAMETER:
        return call(twins("boxed"), [part])
    return typed(part)


def _row(tokens: Sequence[Token], places: set[int]) -> Tokens:
    parts = [_boxed(part) if at in places else part for at, part in enumerate(split_list(tokens))]
    return with_commas(parts)
