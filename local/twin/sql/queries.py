"""Queries: their clauses are found, and each is put into PostgreSQL's words.

No parser of all of SQL is needed for that: what stands between Redshift's keywords outside of brackets
is a clause, and PostgreSQL's own parser judges what is in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.twin.errors import not_in_twin, not_supported, syntax_error
from local.twin.sql.calls import bracketed
from local.twin.sql.expressions import rewrite_expression
from local.twin.sql.from_clause import rewrite_from
from local.twin.sql.lateral import with_lateral_aliases
from local.twin.sql.qualify import check_qualify, rewrite_qualify
from local.twin.sql.scope import CLOSE, COMMA, OPEN, Scope, Tokens, chain_at, navigate, with_commas
from local.twin.sql.tokens import (
    Cursor,
    Kind,
    Token,
    closing,
    name,
    operator,
    outside_brackets,
    split_list,
    word,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


_SET_OPERATORS = ("union", "intersect", "except", "minus")
_CLAUSES = (
    "select", "into", "from", "where", "group", "having", "qualify", "window", "order", "limit", "offset",
)  # fmt: skip
_TAIL = ("order", "limit", "offset")
_LABELS = {
    "nvl": "coalesce", "nvl2": "case", "decode": "case", "dateadd": "date_add", "datediff": "date_diff",
    "extract": "date_part", "date_part": "pgdate_part", "char_length": "length", "character_length": "length",
}  # fmt: skip
_UNNAMED = ("cast", "convert", "exists", "not")


def rewrite_query(tokens: Sequence[Token], scope: Scope) -> Tokens:
    """Return a query with its WITH and set operators; `scope` is its own, still empty one."""
    cursor = Cursor(tokens)
    result = rewrite_with(cursor, scope) if cursor.next.is_word("with") else []
    branches, between = _branches(tokens[cursor.at :])
    if len(branches) == 1:
        return result + _branch(branches[0], scope)
    branches[-1], tail = _tail(branches[-1])
    for number, branch in enumerate(branches):
        if tail and [token.value for token in branch[:2]] == ["select", "top"]:
            raise not_in_twin("TOP in a set operation that is ordered or limited itself (use brackets)")
        made = _branch(branch, scope.sibling())
        limited = branch[0].is_word("select") and any(t.is_word("limit") for t in made[-2:])
        result += bracketed(made) if limited else made
        result += between[number] if number < len(between) else []
    return result + rewrite_expression(tail, scope)


def rewrite_with(cursor: Cursor, scope: Scope) -> Tokens:
    """Read WITH and its queries, and return them in PostgreSQL's words."""
    result = [cursor.take()]
    if cursor.next.is_word("recursive"):
        result.append(cursor.take())
    while True:
        scope.statement.named_queries.add(cursor.next.value)
        result.append(name(cursor.expect_name()))
        if cursor.next.is_operator("("):
            result += bracketed(cursor.in_brackets())
        result.append(cursor.expect_word("as"))
        inner = cursor.in_brackets()
        if not inner or (not inner[0].is_word("select", "with") and not inner[0].is_operator("(")):
            raise syntax_error(inner[0].text if inner else ")")
        result += bracketed(rewrite_query(inner, scope.sibling()))
        if not cursor.operators(","):
            return result
        result.append(COMMA)


def _branches(tokens: Sequence[Token]) -> tuple[list[list[Token]], list[Tokens]]:
    """Return the queries which set operators join, and the operators."""
    branches: list[list[Token]] = []
    between: list[Tokens] = []
    start = 0
    for at, token in outside_brackets(tokens):
        if not token.is_word(*_SET_OPERATORS) or (at and tokens[at - 1].is_operator(".")):
            continue
        branches.append(list(tokens[start:at]))
        joined = [word("except") if token.is_word("minus") else token]
        start = at + 1
        if start < len(tokens) and tokens[start].is_word("all", "distinct"):
            if not token.is_word("union"):
                raise not_supported(f"{token.value.upper()} {tokens[start].value.upper()}")
            joined.append(tokens[start])
            start += 1
        between.append(joined)
    branches.append(list(tokens[start:]))
    for branch in branches:
        if not branch:
            raise syntax_error("end of input")
    return branches, between


def _tail(tokens: Sequence[Token]) -> tuple[list[Token], list[Token]]:
    for at, token in outside_brackets(tokens):
        if token.is_word(*_TAIL) and not tokens[at - 1].is_word("group"):
            return list(tokens[:at]), list(tokens[at:])
    return list(tokens), []


def _branch(tokens: Sequence[Token], scope: Scope) -> Tokens:
    if not tokens:
        raise syntax_error("end of input")
    if tokens[0].is_operator("("):
        end = closing(tokens, 0)
        tail = rewrite_expression(tokens[end + 1 :], scope)
        return [OPEN, *rewrite_query(tokens[1:end], scope.sibling()), CLOSE, *tail]
    if not tokens[0].is_word("select"):
        raise syntax_error(tokens[0].text)
    return _select(tokens, scope)


def _clauses(tokens: Sequence[Token]) -> dict[str, list[Token]]:
    """Return a SELECT's clauses by their keyword, the keyword left out, in the order they stand."""
    found: dict[str, list[Token]] = {}
    clause, start = "", 0
    for at, token in outside_brackets(tokens):
        if not token.is_word(*_CLAUSES) or not _opens(tokens, at, found, clause):
            continue
        if token.value in found or token.value == clause:
            raise syntax_error(token.text)
        if clause:
            found[clause] = list(tokens[start:at])
        clause, start = token.value, at + 1
    found[clause] = list(tokens[start:])
    return found


def _opens(tokens: Sequence[Token], at: int, found: dict[str, list[Token]], clause: str) -> bool:
    before = tokens[at - 1] if at else operator("")
    if before.is_operator(".") or before.is_word("as", "within", "distinct"):
        return False
    # these two are no reserved words
    unreserved = tokens[at].is_word("qualify", "window")
    return not unreserved or (("from" in found or clause == "from") and not before.is_operator(","))


def _select(tokens: Sequence[Token], scope: Scope) -> Tokens:
    clauses = _clauses(tokens)
    if "window" in clauses:
        raise not_supported("WINDOW")
    top, listed = _top(clauses)
    source = rewrite_from(clauses["from"], scope) if "from" in clauses else []
    listed = with_lateral_aliases(listed, clauses, scope)
    parts: dict[str, Tokens] = {"select": _select_list(listed, scope)}
    for clause, body in clauses.items():
        if clause == "from":
            parts[clause] = source
        elif clause == "into":
            parts[clause] = list(body)
        elif clause != "select":
            parts[clause] = rewrite_expression(body, scope)
    if top:
        parts["limit"] = top
    if "qualify" in parts:
        check_qualify(clauses)
        return rewrite_qualify(parts, scope)
    return [token for clause, body in parts.items() for token in (word(clause), *body)]


def _top(clauses: dict[str, list[Token]]) -> tuple[Tokens, list[Token]]:
    """Return the number of TOP, and what is selected."""
    listed = clauses["select"]
    first = next((at for at, t in enumerate(listed[:2]) if t.is_word("top")), None)
    if first is None or first + 1 >= len(listed) or listed[first + 1].kind is not Kind.NUMBER:
        return [], listed
    if first == 1 and not listed[0].is_word("distinct", "all"):
        return [], listed
    for clause in ("limit", "offset"):
        if clause in clauses:
            raise syntax_error(clause)
    return [listed[first + 1]], listed[:first] + listed[first + 2 :]


def _select_list(tokens: Sequence[Token], scope: Scope) -> Tokens:
    lead = list(tokens[:1]) if tokens and tokens[0].is_word("distinct", "all") else []
    if len(tokens) == len(lead):
        raise syntax_error("from")
    return lead + with_commas(_selected(item, scope) for item in split_list(tokens[len(lead) :]))


def _selected(item: Sequence[Token], scope: Scope) -> Tokens:
    """Return one item of a select list; a path is named by its last key, as Redshift names it."""
    if not item:
        raise syntax_error(",")
    if any(token.is_word("exclude") for _, token in outside_brackets(item)) and item[0].is_operator("*"):
        raise not_in_twin("SELECT * EXCLUDE")
    made = rewrite_expression(item, scope)
    label = _label(item, scope)
    return [*made, word("as"), name(label)] if label else made


def _label(item: Sequence[Token], scope: Scope) -> str:
    """Return the name which Redshift gives to a call or a path without alias, or nothing."""
    if not item[0].is_name or len(item) == 1:
        return ""
    if item[1].is_operator("("):
        end = closing(item, 1) + 1
        rest = [token for _, token in outside_brackets(item[end:])]
        modifiers = ("within", "group", "over", "ignore", "respect", "nulls")
        called = all(token.is_word(*modifiers) or token.is_operator("(", ")") for token in rest)
        return _LABELS.get(item[0].value, item[0].value) if called and item[0].value not in _UNNAMED else ""
    if not item[1].is_operator(".", "[") or scope.statement.of_catalog:
        return ""
    chain = chain_at(item, 0)
    cast = [token for _, token in outside_brackets(item[chain.length :])]
    plain = not cast or (cast[0].is_operator("::") and not _has_alias(cast[2:]))
    if (item[chain.length : chain.length + 1] and item[chain.length].is_operator(".", "(")) or not plain:
        return ""
    inside = navigate(chain.steps, scope)[1]
    return next(step for step in reversed(chain.steps) if isinstance(step, str)) if inside else ""


def _has_alias(tokens: Sequence[Token]) -> bool:
    """Return whether words after a cast's type name the column."""
    of_types = ("double", "precision", "character", "varying", "with", "without", "time", "zone", "timestamp")
    return any(token.is_name and not token.is_word(*of_types) for token in tokens)
