"""Expressions in PostgreSQL's words: paths, subqueries, and the calls of Redshift's functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.twin.errors import TwinError, not_in_twin, not_supported, syntax_error
from local.twin.sql.aggregates import AGGREGATES, WINDOWS, check_window
from local.twin.sql.calls import CALLS, Call, bracketed, call, sized, typed, typed_for
from local.twin.sql.functions import COMPUTE_ONLY, KNOWN, LEADER_ONLY, NOT_CALLS, NOT_IN_TWIN, OF_CATALOG
from local.twin.sql.scope import CLOSE, DOT, OPEN, chain_at, navigate, with_commas
from local.twin.sql.tokens import (
    MAX_NAME_BYTES,
    Kind,
    Token,
    closing,
    name,
    operator,
    outside_brackets,
    render,
    split_list,
    word,
)
from local.twin.sql.types import MAX_VARCHAR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.twin.sql.scope import Scope, Tokens

_NOTHING = operator("")
_MAX = ["(", "max", ")"]
_CALLS = CALLS | AGGREGATES
_CALLS_BEFORE_OVER = _CALLS | WINDOWS


def rewrite_expression(tokens: Sequence[Token], scope: Scope) -> Tokens:
    """Return an expression, or several with what separates them, in PostgreSQL's words."""
    result: Tokens = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        before = tokens[at - 1] if at else _NOTHING
        after = tokens[at + 1] if at + 1 < len(tokens) else _NOTHING
        if token.is_operator("("):
            made, at = _brackets(tokens, at, scope)
            made = _cast(made) if before.is_word("cast") else made
            _refuse_path(tokens, at, scope)
        elif token.is_word("approximate") and after.is_word("count", "percentile_disc"):
            made, at = [], at + 1
        elif (
            token.is_word("varchar", "nvarchar", "varying")
            and [t.value for t in tokens[at + 1 : at + 4]] == _MAX
        ):
            made, at = [token, OPEN, word(str(MAX_VARCHAR)), CLOSE], at + 4
        elif before.is_operator("::") and not after.is_operator("("):
            made, at = sized([token]), at + 1
        elif token.is_operator("::") and before.kind is Kind.STRING and after.is_word("super"):
            made, at = [token, word("text"), token], at + 1
        elif before.is_operator("::") or not token.is_name:
            made, at = [token], at + 1
        elif after.is_operator("(") and token.kind is Kind.WORD:
            made, at = _called(tokens, at, scope)
            _refuse_path(tokens, at, scope)
        elif after.is_operator(".", "[") and not token.is_word("array"):
            made, at = _chain(tokens, at, scope)
        else:
            made, at = _word(token, before, scope), at + 1
        result += made
    return result


def _refuse_path(tokens: Sequence[Token], at: int, scope: Scope) -> None:
    """Raise for a path that begins with no name, such as json_parse(...).key."""
    if at < len(tokens) and tokens[at].is_operator(".", "[") and not scope.statement.of_catalog:
        raise not_in_twin("A path into anything but a column of SUPER")


def _word(token: Token, before: Token, scope: Scope) -> Tokens:
    starts = before.is_operator("(", ",", "") or before.is_word(
        "select", "distinct", "where", "and", "or", "by", "on"
    )
    if starts and token.value in scope.tables and scope.lacks_column(token.value):
        # PostgreSQL would take the whole row
        raise TwinError(f'column "{token.value}" does not exist', code="42703")
    if scope.is_value(token.value) and not before.is_word("as"):
        return [name(token.value), DOT, name(token.value)]
    if token.is_word("sysdate", "current_user_id") and not before.is_word("as"):
        return call([word("pg_catalog"), DOT, word(token.value)], [])
    if token.is_word("current_timestamp", "current_time", "localtime", "localtimestamp"):
        scope.statement.leader_only.add(token.value)
    return [token]


def _brackets(tokens: Sequence[Token], at: int, scope: Scope) -> tuple[Tokens, int]:
    end = closing(tokens, at)
    inner = tokens[at + 1 : end]
    first = next((token for token in inner if not token.is_operator("(")), _NOTHING)
    made = (
        scope.query(inner, scope.child())
        if first.is_word("select", "with")
        else rewrite_expression(inner, scope)
    )
    return [OPEN, *made, CLOSE], end + 1


def _cast(made: Tokens) -> Tokens:
    """Return the brackets of CAST(value AS type) with Redshift's idea of the type."""
    *value, kind = made[1:-1] or [_NOTHING]
    if not value or not value[-1].is_word("as"):
        return made
    return bracketed([*typed_for([kind], value[:-1]), word("as"), *sized([kind])])


def _chain(tokens: Sequence[Token], at: int, scope: Scope) -> tuple[Tokens, int]:
    """Return a column or a path, with what follows it where that must know of SUPER."""
    if scope.statement.of_catalog and tokens[at + 1].is_operator("["):
        # the catalog has arrays
        return [tokens[at]], at + 1
    chain = chain_at(tokens, at, indexed=not scope.statement.of_catalog)
    end = at + chain.length
    after = tokens[end] if end < len(tokens) else _NOTHING
    if after.is_operator("("):
        return _qualified_call(tokens, at, end, scope)
    if after.is_operator(".") or scope.statement.of_catalog:
        # t.*, or a column of the catalog
        return list(tokens[at:end]), end
    made, inside = navigate(chain.steps, scope)
    start = end + (1 if after.is_word("not") else 0)
    if (
        inside
        and start + 1 < len(tokens)
        and tokens[start].is_word("in")
        and tokens[start + 1].is_operator("(")
    ):
        return _in_list(made, tokens, end, scope)
    return made, end


def _in_list(path: Tokens, tokens: Sequence[Token], at: int, scope: Scope) -> tuple[Tokens, int]:
    """Return path [NOT] IN (...) with its strings typed: PostgreSQL would read them as JSON."""
    opening = at + (2 if tokens[at].is_word("not") else 1)
    end = closing(tokens, opening)
    if tokens[opening + 1].is_word("select", "with"):
        raise not_in_twin("IN of a SUPER path and a subquery (cast the path)")
    parts = [typed(rewrite_expression(part, scope)) for part in split_list(tokens[opening + 1 : end])]
    return [*path, *tokens[at:opening], *bracketed(with_commas(parts))], end + 1


def _qualified_call(tokens: Sequence[Token], at: int, opening: int, scope: Scope) -> tuple[Tokens, int]:
    end = closing(tokens, opening)
    function = tokens[opening - 1].value
    if tokens[at].value == "twin":
        # put there by the twin itself: clients can't name this schema
        inner = rewrite_expression(tokens[opening + 1 : end], scope)
        return [*tokens[at:opening], OPEN, *inner, CLOSE], end + 1
    if [token.value for token in tokens[at:opening]] != ["pg_catalog", ".", function]:
        raise TwinError(f"function {function}(...) does not exist", code="42883")
    inner = rewrite_expression(tokens[opening + 1 : end], scope)
    named = _function(function, scope)
    if len(named) == 1:
        named = list(tokens[at:opening])
    return [*named, OPEN, *inner, CLOSE], end + 1


def _called(tokens: Sequence[Token], at: int, scope: Scope) -> tuple[Tokens, int]:
    """Return a call with its arguments, WITHIN GROUP and OVER; also a keyword before brackets."""
    function = tokens[at].value
    if function in NOT_CALLS:
        return [tokens[at]], at + 1
    named = _function(function, scope)
    end = closing(tokens, at + 1)
    inner = tokens[at + 2 : end]
    _refuse_order(inner)
    found = Call(function, [rewrite_expression(part, scope) for part in split_list(inner)])
    at = end + 1
    if [token.value for token in tokens[at : at + 2]] == ["within", "group"] and at + 2 < len(tokens):
        end = closing(tokens, at + 2)
        found.order = rewrite_expression(tokens[at + 3 : end], scope)
        at = end + 1
    if [token.value for token in tokens[at : at + 2]] in (["ignore", "nulls"], ["respect", "nulls"]):
        found.nulls = tokens[at].value
        at += 2
    if at + 1 < len(tokens) and tokens[at].is_word("over"):
        if not tokens[at + 1].is_operator("("):
            raise not_supported("A named window")
        end = closing(tokens, at + 1)
        found.over = rewrite_expression(tokens[at + 2 : end], scope)
        at = end + 1
    return _made(found, named, scope), at


def _refuse_order(tokens: Sequence[Token]) -> None:
    """Raise for an aggregate's own ORDER BY: Redshift has WITHIN GROUP only."""
    for _, token in outside_brackets(tokens):
        if token.is_word("order"):
            raise syntax_error(token.text)


def _made(found: Call, named: Tokens, scope: Scope) -> Tokens:
    found.take_nulls()
    if found.over is not None:
        check_window(found.function, found.over)
    elif found.function in COMPUTE_ONLY:
        _check_order(found, scope)
    if found.order and found.function not in COMPUTE_ONLY:
        raise syntax_error("within")
    known = _CALLS if found.over is None else _CALLS_BEFORE_OVER
    if found.function in known:
        return known[found.function](found)
    return [*call(named, found.arguments), *found.over_clause()]


def _check_order(found: Call, scope: Scope) -> None:
    """Raise when aggregates that sort do not all sort by the same."""
    by = found.arguments[0] if found.function == "median" and found.arguments else found.order[2:]
    if by:
        scope.orders.add(render(by))
    if len(scope.orders) > 1:
        raise TwinError(
            "within group ORDER BY clauses for aggregate functions must be the same", code="0A000"
        )


def _function(function: str, scope: Scope) -> Tokens:
    """Return a function's name; one that Redshift lacks gets a name that nothing has.

    PostgreSQL then refuses it as Redshift does: with the types of its arguments.
    """
    if function in NOT_IN_TWIN or function.startswith(("st_", "hll_", "h3_")):
        raise not_in_twin(f"The function {function.upper()}")
    if function not in KNOWN and not (scope.statement.of_catalog and function.startswith(OF_CATALOG)):
        return [word("twin"), DOT, name(f"lacking_{function}"[:MAX_NAME_BYTES])]
    if function in LEADER_ONLY:
        scope.statement.leader_only.add(function)
    if function in COMPUTE_ONLY:
        scope.statement.compute_only.add(function)
    return [word(function)]
