"""What PostgreSQL would take and Redshift would not: found among a statement's tokens and refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.twin.errors import TwinError, not_in_twin, not_supported, syntax_error
from local.twin.sql.tokens import Kind, Token, in_cast, operator
from local.twin.sql.words import FOREIGN_FUNCTIONS, FOREIGN_TYPES, RESERVED

if TYPE_CHECKING:
    from collections.abc import Sequence

_FOREIGN_OPERATORS = ("->", "->>", "#>", "#>>", "@>", "<@", "?", "?|", "?&", "@@", "@?", "`")

# Pairs of keywords that no statement of Redshift contains.
_FOREIGN_PAIRS = {
    ("on", "conflict"): "ON CONFLICT",
    ("distinct", "on"): "DISTINCT ON",
    ("with", "ordinality"): "WITH ORDINALITY",
    ("as", "materialized"): "AS MATERIALIZED",
    ("not", "materialized"): "NOT MATERIALIZED",
    ("for", "update"): "FOR UPDATE",
    ("for", "share"): "FOR SHARE",
    ("fetch", "first"): "FETCH FIRST",
    ("nulls", "not"): "NULLS NOT DISTINCT",
    ("grouping", "operation"): "GROUPING OPERATION",
    ("is", "json"): "IS JSON",
    ("skip", "locked"): "SKIP LOCKED",
}
_IN_REDSHIFT_ONLY = {"qualify": "QUALIFY", "pivot": "PIVOT", "unpivot": "UNPIVOT", "exclude": "EXCLUDE"}
_FOREIGN_WORDS = ("returning", "lateral", "tablesample")
_MAX_VARCHAR = 65535


def refuse_foreign(tokens: Sequence[Token]) -> None:
    """Raise Redshift's refusal of the first thing in the statement that only PostgreSQL knows."""
    end = operator("")
    for at, token in enumerate(tokens):
        before = tokens[at - 1] if at else end
        after = tokens[at + 1] if at + 1 < len(tokens) else end
        if token.kind is Kind.OPERATOR:
            _refuse_operator(token, before, after)
        elif token.kind is Kind.WORD and not before.is_operator("."):
            _refuse_pair(token, after, tokens, at)
            _refuse_word(token, before, after)
            _refuse_type(token, before, tokens, at)


def _refuse_operator(token: Token, before: Token, after: Token) -> None:
    if token.is_operator(*_FOREIGN_OPERATORS):
        raise TwinError(f"operator does not exist: {token.value}", code="42883")
    if token.is_operator("[") and after.is_operator("]"):
        raise not_supported(f"An array type ({before.value}[])")


def _refuse_pair(token: Token, after: Token, tokens: Sequence[Token], at: int) -> None:
    if after.kind is not Kind.WORD:
        return
    what = _FOREIGN_PAIRS.get((token.value, after.value))
    if what == "DISTINCT ON" and not (at + 2 < len(tokens) and tokens[at + 2].is_operator("(")):
        return
    if what is not None:
        raise not_supported(what)


def _refuse_word(token: Token, before: Token, after: Token) -> None:
    word = token.value
    if word in _FOREIGN_WORDS:
        raise not_supported(word.upper())
    if word == "filter" and before.is_operator(")") and after.is_operator("("):
        raise not_supported("FILTER")
    if word == "array" and after.is_operator("["):
        raise not_supported("ARRAY[...]")
    if word in _IN_REDSHIFT_ONLY and after.is_operator("(") and word != "exclude":
        raise not_in_twin(_IN_REDSHIFT_ONLY[word])
    if word == "qualify" and (before.kind is not Kind.OPERATOR or before.is_operator(")")):
        raise not_in_twin("QUALIFY")
    if word in FOREIGN_FUNCTIONS and after.is_operator("("):
        raise TwinError(f"function {word} does not exist", code="42883")
    if before.is_word("as") and word in RESERVED and _is_alias(after):
        raise syntax_error(token.text)


def _refuse_type(token: Token, before: Token, tokens: Sequence[Token], at: int) -> None:
    # an alias may have a type's name, so only a cast's AS counts
    cast = before.is_operator("::") or (before.is_word("as") and in_cast(tokens, at - 1))
    if cast and token.value in FOREIGN_TYPES:
        raise TwinError(f'type "{token.value}" does not exist', code="42704")


def _is_alias(after: Token) -> bool:
    """Return whether what follows shows that a word after AS is a column's or table's alias.

    CAST(x AS timestamp) ends in a bracket; WITH t AS (...) and CREATE ... AS SELECT go on otherwise.
    """
    return after.is_operator(",", "", ";") or after.is_word(
        "from", "where", "join", "order", "group", "limit"
    )


def refuse_long_varchar(tokens: Sequence[Token]) -> None:
    """Raise when a cast or a column names a VARCHAR longer than Redshift has."""
    for at, token in enumerate(tokens[:-2]):
        if not token.is_word("varchar", "varying", "nvarchar") or not tokens[at + 1].is_operator("("):
            continue
        size = tokens[at + 2]
        if size.kind is Kind.NUMBER and size.value.isdigit() and int(size.value) > _MAX_VARCHAR:
            raise TwinError(f"length for type varchar cannot exceed {_MAX_VARCHAR}", code="22023")
