"""QUALIFY, which PostgreSQL lacks: the condition becomes a column of a subquery, by which its rows are chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.twin.errors import TwinError, not_in_twin, syntax_error
from local.twin.sql.calls import bracketed
from local.twin.sql.lateral import alias_length
from local.twin.sql.scope import COMMA, DOT
from local.twin.sql.tokens import Kind, Token, name, split_list, word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.twin.sql.scope import Scope, Tokens

_ROWS, _KEPT = name("twin_rows"), name("twin_kept")


def check_qualify(clauses: dict[str, list[Token]]) -> None:
    """Raise when QUALIFY stands where Redshift takes it for an alias, or has no window to go by."""
    if not clauses["qualify"]:
        raise syntax_error("end of input")
    order = list(clauses)
    if order.index("qualify") == order.index("from") + 1:
        last = clauses["from"]
        starts = [at for at, t in enumerate(last) if t.is_operator(",", "(") or t.is_word("join")]
        item = last[starts[-1] + 1 if starts else 0 :]
        if item and all(token.is_name == (at % 2 == 0) for at, token in enumerate(item)) and len(item) % 2:
            # without alias, the relation's alias would be `qualify`
            raise syntax_error(clauses["qualify"][0].text)
    if not any(token.is_word("over") for clause in ("select", "qualify") for token in clauses[clause]):
        raise TwinError(
            "QUALIFY requires a window function in the select list or in its condition", code="42601"
        )


def rewrite_qualify(parts: dict[str, Tokens], scope: Scope) -> Tokens:
    """Return a SELECT with QUALIFY, its clauses already in PostgreSQL's words."""
    lead = parts["select"][:1] if parts["select"][0].is_word("distinct", "all") else []
    if lead and "order" in parts:
        raise not_in_twin("SELECT DISTINCT with QUALIFY and ORDER BY")
    inner: Tokens = []
    outer: Tokens = []
    items = split_list(parts["select"][len(lead) :])
    aliases: dict[str, Tokens] = {}
    for item in items:
        if length := alias_length(item):
            aliases[item[-1].value] = item[:-length]
    for number, item in enumerate(items):
        for column, shown in _columns(item, number, scope):
            inner += [*column, COMMA]
            outer += [COMMA, *shown] if outer else shown
    inner += [*bracketed(_with_aliases(parts["qualify"], aliases)), word("as"), _KEPT]
    clauses = [c for c in ("from", "where", "group", "having", "order") if c in parts]
    body = [word("select"), *inner, *(token for c in clauses for token in (word(c), *parts[c]))]
    ends = [token for c in ("limit", "offset") if c in parts for token in (word(c), *parts[c])]
    into = [word("into"), *parts["into"]] if "into" in parts else []
    source = [word("from"), *bracketed(body), word("as"), _ROWS, word("where"), _KEPT]
    return [word("select"), *lead, *outer, *into, *source, *ends]


def _with_aliases(condition: Sequence[Token], aliases: dict[str, Tokens]) -> Tokens:
    """Return the condition with the select list's windows in place of their aliases."""
    result: Tokens = []
    for at, token in enumerate(condition):
        dotted = any(
            near.is_operator(".") for near in condition[max(at - 1, 0) : at + 2] if near is not token
        )
        value = aliases.get(token.value, []) if token.is_name and not dotted else []
        is_window = any(part.is_word("over") for part in value)
        result += bracketed(value) if is_window else [token]
    return result


def _columns(item: Tokens, number: int, scope: Scope) -> list[tuple[Tokens, Tokens]]:
    """Return what the subquery selects for an item, and how the query around it shows that."""
    if item[-1].is_operator("*") and (len(item) == 1 or item[-2].is_operator(".")):
        if item[0].is_operator("."):
            raise syntax_error(".")
        tables = [item[-3].value] if len(item) > 1 else list(scope.tables)
        if scope.values or not tables:
            raise not_in_twin("QUALIFY with * and an unnested SUPER")
        return [_whole_row(table, f"twin_row_{number}_{at}") for at, table in enumerate(tables)]
    label = _label(item)
    column = name(f"twin_column_{number}")
    if alias_length(item):
        # the condition and the order may use the alias
        return [(item, [_ROWS, DOT, item[-1]])]
    return [([*item, word("as"), column], [_ROWS, DOT, column, word("as"), name(label)])]


def _whole_row(table: str, column: str) -> tuple[Tokens, Tokens]:
    shown = [*bracketed([_ROWS, DOT, name(column)]), DOT, Token(Kind.OPERATOR, "*", "*")]
    return [name(table), word("as"), name(column)], shown


def _label(item: Sequence[Token]) -> str:
    """Return the name which the database gives to a column without alias."""
    if item[-1].is_name and all(token.is_name or token.is_operator(".") for token in item):
        return item[-1].value
    called = item[0].is_name and len(item) > 1 and item[1].is_operator("(")
    return item[0].value if called else "?column?"
