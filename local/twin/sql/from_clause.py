"""FROM: its tables, subqueries and joins, and SUPER arrays and objects that it unnests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.twin.errors import TwinError, not_in_twin, not_supported, syntax_error
from local.twin.sql.expressions import rewrite_expression
from local.twin.sql.scope import CLOSE, COMMA, DOT, OPEN, chain_at, navigate
from local.twin.sql.tokens import Cursor, closing, name, split_list, word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.twin.sql.scope import Scope, Tokens
    from local.twin.sql.tokens import Token

_JOINS = ("left", "right", "full", "inner", "outer", "cross", "natural", "join")
_ENDS = (*_JOINS, "on", "using", "pivot", "unpivot", "at", "set", "where", "when", "with")


def rewrite_from(tokens: Sequence[Token], scope: Scope) -> Tokens:
    """Return a FROM list in PostgreSQL's words, and put its names into the scope."""
    cursor = Cursor(tokens)
    result = _item(cursor, scope)
    while not cursor.done:
        token = cursor.take()
        result.append(token)
        if token.is_operator(",") or token.is_word("join"):
            result += _item(cursor, scope)
        elif token.is_word("on"):
            result += rewrite_expression(_condition(cursor), scope)
        elif token.is_word("using"):
            result += [OPEN, *cursor.in_brackets(), CLOSE]
        elif token.is_word("pivot", "unpivot"):
            raise not_in_twin(token.value.upper())
        elif not token.is_word(*_JOINS):
            raise syntax_error(token.text)
    return result


def _condition(cursor: Cursor) -> Tokens:
    """Read what follows ON, up to the next join."""
    start, depth = cursor.at, 0
    while not cursor.done:
        token, after = cursor.next, cursor.tokens[cursor.at + 1 : cursor.at + 2]
        call = bool(after) and after[0].is_operator("(")
        if not depth and (token.is_operator(",") or (token.is_word(*_JOINS) and not call)):
            break
        depth += token.is_operator("(", "[") - token.is_operator(")", "]")
        cursor.take()
    return list(cursor.tokens[start : cursor.at])


def _item(cursor: Cursor, scope: Scope) -> Tokens:
    if cursor.next.is_operator("("):
        return _bracketed(cursor, scope)
    if cursor.words("unpivot"):
        return _unpivot(cursor, scope)
    if not cursor.next.is_name or cursor.next.is_word("only", "lateral", "rows"):
        raise syntax_error(cursor.next.text or "end of input")
    chain = chain_at(cursor.tokens, cursor.at)
    first = str(chain.steps[0])
    if scope.holds(first) and (len(chain.steps) > 1 or scope.is_value(first)):
        cursor.at += chain.length
        return _unnest(chain.steps, cursor, scope)
    if any(isinstance(step, int) for step in chain.steps):
        raise TwinError(f'relation "{first}" does not exist', code="42P01")
    end = cursor.at + chain.length
    if end < len(cursor.tokens) and cursor.tokens[end].is_operator("("):
        return _function(cursor, end, scope)
    return _table(tuple(str(step) for step in chain.steps), end, cursor, scope)


def _table(table: tuple[str, ...], end: int, cursor: Cursor, scope: Scope) -> Tokens:
    written = list(cursor.tokens[cursor.at : end])
    cursor.at = end
    alias, renamed = _alias(cursor)
    scope.tables[alias or table[-1]] = (alias,) if alias else table
    scope.statement.tables.add(table)
    common = len(table) == 1 and table[0] in scope.statement.named_queries
    scope.sources.append(None if common else table)
    return written + renamed


def _bracketed(cursor: Cursor, scope: Scope) -> Tokens:
    inner = cursor.in_brackets()
    start = next((token for token in inner if not token.is_operator("(")), None)
    if start is None or not start.is_word("select", "with"):
        return [OPEN, *rewrite_from(inner, scope), CLOSE]
    query = scope.query(inner, scope.sibling())
    scope.sources.append(None)
    alias, renamed = _alias(cursor)
    if alias:
        scope.tables[alias] = (alias,)
    return [OPEN, *query, CLOSE, *renamed]


def _function(cursor: Cursor, opening: int, scope: Scope) -> Tokens:
    end = closing(cursor.tokens, opening) + 1
    call = rewrite_expression(cursor.tokens[cursor.at : end], scope)
    default = cursor.tokens[opening - 1].value
    if default == "unnest":
        raise not_in_twin("UNNEST(...) in FROM (write FROM t, t.items)")
    cursor.at = end
    alias, renamed = _alias(cursor)
    if OPEN in renamed:
        # FROM f() AS t(a int, ...) says its columns
        scope.defined |= {item[0].value for item in split_list(renamed[renamed.index(OPEN) + 1 : -1])}
    else:
        scope.sources.append(None)
    scope.tables[alias or default] = (alias or default,)
    return call + renamed


def _alias(cursor: Cursor) -> tuple[str, Tokens]:
    start = cursor.at
    explicit = cursor.words("as")
    if not cursor.next.is_name or (cursor.next.is_word(*_ENDS) and not explicit):
        return "", []
    alias = cursor.take().value
    if cursor.next.is_operator("("):
        cursor.in_brackets()
    return alias, list(cursor.tokens[start : cursor.at])


def _unnest(steps: Sequence[str | int], cursor: Cursor, scope: Scope) -> Tokens:
    """Return the elements of an array as rows: `t.items AS i AT n`."""
    path, _ = navigate(steps, scope)
    alias, _ = _alias(cursor)
    alias = alias or next(step for step in reversed(steps) if isinstance(step, str))
    place = cursor.expect_name() if cursor.words("at") else ""
    return _rows("elements", path, alias, place, scope)


def _unpivot(cursor: Cursor, scope: Scope) -> Tokens:
    """Return the attributes of an object as rows: `UNPIVOT t.data AS value AT key`."""
    if not cursor.next.is_name:
        raise syntax_error(cursor.next.text or "end of input")
    chain = chain_at(cursor.tokens, cursor.at)
    cursor.at += chain.length
    path, _ = navigate(chain.steps, scope)
    alias, _ = _alias(cursor)
    if not alias:
        raise not_supported("UNPIVOT of an object without AS")
    place = cursor.expect_name() if cursor.words("at") else ""
    return _rows("attributes", path, alias, place, scope)


def _rows(function: str, path: Tokens, alias: str, place: str, scope: Scope) -> Tokens:
    scope.values.add(alias)
    columns = [name(alias), *([COMMA, name(place)] if place else [])]
    function += "_at" if place else ""
    call = [word("twin"), DOT, word(function), OPEN, *path, CLOSE]
    return [*call, word("as"), name(alias), OPEN, *columns, CLOSE]
