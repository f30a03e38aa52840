"""Paths into SUPER columns: `t.data.user.id`, `t.items[0].price`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Protocol

from local.twin.errors import not_in_twin
from local.twin.sql.tokens import Kind, Token, closing, in_cast, name, operator, string, word

if TYPE_CHECKING:
    from collections.abc import Sequence

Tokens = list[Token]
TableName = tuple[str, ...]

_COMPARISONS = ("=", "<>", "!=", "<", "<=", ">", ">=")
_ENDS_OF_FROM = (
    "where", "group", "order", "having", "limit", "union", "intersect", "except", "minus", "select", "set", "on",
    "using", "window", "offset",
)  # fmt: skip
_NOT_AN_ALIAS = (
    *_ENDS_OF_FROM,
    "join",
    "left",
    "right",
    "full",
    "inner",
    "cross",
    "natural",
    "values",
    "when",
)


class Catalog(Protocol):
    """What must be known of tables to tell a path from a column."""

    def super_columns(self, table: TableName) -> frozenset[str]:
        """Return the names of a table's SUPER columns; none when there is no such table."""


@dataclasses.dataclass(frozen=True)
class Chain:
    """Names joined by dots with indexes in brackets, as they stand in a statement."""

    steps: tuple[str | int, ...]
    tokens: tuple[Token, ...]


def rewrite_navigation(tokens: Sequence[Token], catalog: Catalog) -> Tokens:
    """Return the statement with every path into a SUPER column as PostgreSQL's operator."""
    tables = _tables(tokens)
    known: dict[TableName, frozenset[str]] = {}
    result: Tokens = []
    at = 0
    while at < len(tokens):
        chain = _chain(tokens, at)
        at += max(len(chain.tokens), 1)
        if not chain.tokens:
            result.append(tokens[at - 1])
            continue
        depth = _column_depth(chain, tables, known, catalog) if _may_navigate(chain, tables) else 0
        if not depth or depth >= len(chain.steps):
            result += chain.tokens
            continue
        after = tokens[at] if at < len(tokens) else operator("")
        cast = after.is_operator("::") or (after.is_word("as") and in_cast(tokens, at))
        result += _path(chain, depth, as_text=cast)
        if not cast:
            _compare_as_json(result, tokens, at)
    return result


def _chain(tokens: Sequence[Token], at: int) -> Chain:
    start = at
    previous = tokens[at - 1] if at else operator("")
    if not tokens[at].is_name or previous.is_operator(".") or tokens[at].is_word("array"):
        return Chain((), ())
    steps: list[str | int] = [tokens[at].value]
    at += 1
    while at + 1 < len(tokens):
        if tokens[at].is_operator(".") and tokens[at + 1].is_name:
            steps.append(tokens[at + 1].value)
            at += 2
        elif tokens[at].is_operator("[") and tokens[at + 1].kind is Kind.NUMBER:
            steps.append(int(tokens[at + 1].value))
            at = closing(tokens, at) + 1
        else:
            break
    is_call = at < len(tokens) and tokens[at].is_operator("(")
    return Chain((), ()) if is_call else Chain(tuple(steps), tuple(tokens[start:at]))


def _may_navigate(chain: Chain, tables: dict[str, TableName]) -> bool:
    if len(chain.steps) < 2:  # noqa: PLR2004 - a path has a column and a key
        return False
    return len(chain.steps) > 2 or isinstance(chain.steps[1], int) or chain.steps[0] not in tables  # noqa: PLR2004


def _tables(tokens: Sequence[Token]) -> dict[str, TableName]:
    """Return the tables which the statement reads, by the name under which it knows them."""
    found: dict[str, TableName] = {}
    in_from = [False]
    for at, token in enumerate(tokens):
        if token.is_operator("("):
            in_from.append(False)
        elif token.is_operator(")") and len(in_from) > 1:
            in_from.pop()
        elif token.is_word(*_ENDS_OF_FROM):
            in_from[-1] = False
        starts = token.is_word("from", "join", "into", "update") or (token.is_operator(",") and in_from[-1])
        if not starts or at + 1 >= len(tokens) or not tokens[at + 1].is_name:
            continue
        in_from[-1] = token.is_operator(",") or token.is_word("from", "join")
        table = _chain(tokens, at + 1)
        names = tuple(str(step) for step in table.steps)
        if token.is_operator(",") and len(names) > 1 and names[0] in found:
            raise not_in_twin("Unnesting a SUPER array in FROM")
        if names:
            found[_alias(tokens, at + 1 + len(table.tokens), names[-1])] = names
    return found


def _alias(tokens: Sequence[Token], at: int, default: str) -> str:
    if at < len(tokens) and tokens[at].is_word("as"):
        at += 1
    if at < len(tokens) and tokens[at].is_name and not tokens[at].is_word(*_NOT_AN_ALIAS):
        return tokens[at].value
    return default


def _column_depth(
    chain: Chain,
    tables: dict[str, TableName],
    known: dict[TableName, frozenset[str]],
    catalog: Catalog,
) -> int:
    """Return how many steps of the chain name the SUPER column; 0 when it names none."""

    def supers(table: TableName) -> frozenset[str]:
        if table not in known:
            known[table] = catalog.super_columns(table)
        return known[table]

    first, second = chain.steps[0], chain.steps[1]
    if first in tables and second in supers(tables[str(first)]):
        return 2
    third = chain.steps[2] if len(chain.steps) > 2 else None  # noqa: PLR2004 - schema.table.column
    whole = (str(first), str(second))
    if whole in tables.values() and third in supers(whole):
        return 3
    if first not in tables and any(first in supers(table) for table in tables.values()):
        return 1
    return 0


def _path(chain: Chain, depth: int, *, as_text: bool) -> Tokens:
    column: Tokens = []
    for step in chain.steps[:depth]:
        column += [operator("."), name(str(step))] if column else [name(str(step))]
    keys: Tokens = []
    for step in chain.steps[depth:]:
        keys += [operator(","), string(str(step))] if keys else [string(str(step))]
    path = [
        word("array"),
        operator("["),
        *keys,
        operator("]"),
        operator("::"),
        word("text"),
        operator("["),
        operator("]"),
    ]
    if as_text:
        # a cast of a SUPER scalar gives its value, without JSON's quotes
        inner = [operator("("), *column, operator("#>"), *path, operator(")")]
        return [word("twin"), operator("."), word("as_text"), *inner]
    inner = [operator("("), *column, operator("#>"), *path, operator(",")]
    # a JSON null found by a path is NULL
    return [word("nullif"), *inner, string("null"), operator(")"), operator("::"), word("super")]


def _compare_as_json(result: Tokens, tokens: Sequence[Token], at: int) -> None:
    """Refuse a comparison of an uncast path: PostgreSQL would read the other side as JSON text."""
    after = tokens[at] if at < len(tokens) else operator("")
    if after.is_operator(*_COMPARISONS) or after.is_word("in", "like", "ilike", "between"):
        raise not_in_twin("Comparing a SUPER path without a cast (write path::varchar = ...)")
    start = len(result)
    depth = 0
    # the path just written is nullif ( ... ) :: super
    for position in range(start - 1, -1, -1):
        depth += result[position].is_operator(")") - result[position].is_operator("(")
        if not depth and result[position].is_word("nullif"):
            start = position
            break
    if start and result[start - 1].is_operator(*_COMPARISONS):
        raise not_in_twin("Comparing a SUPER path without a cast (write path::varchar = ...)")
