"""What PostgreSQL would take and Redshift would not: found among a statement's tokens and refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.twin.errors import TwinError, not_in_twin, not_supported, syntax_error
from local.twin.sql.sources import reads_catalog_only
from local.twin.sql.tokens import Kind, Token, operator, refuse_deep_nesting
from local.twin.sql.types import MAX_CHAR, MAX_PRECISION, MAX_VARCHAR
from local.twin.sql.words import ADDED_RESERVED, CATALOG_TYPES, MISSING_TYPES, TYPES

if TYPE_CHECKING:
    from collections.abc import Sequence

_FOREIGN_OPERATORS = ("->", "->>", "#>", "#>>", "@>", "<@", "?", "?|", "?&", "@@", "@?", "`")

# Pairs of keywords that no statement of Redshift contains, and which of the two its parser stumbles over;
# where it is neither, the parser knows them and the database says that it does not.
_FOREIGN_PAIRS = {
    ("on", "conflict"): 0,
    ("distinct", "on"): None,
    ("with", "ordinality"): 0,
    ("as", "materialized"): 1,
    ("not", "materialized"): 0,
    ("for", "update"): None,
    ("for", "share"): None,
    ("fetch", "first"): 0,
    ("fetch", "next"): 0,
    ("nulls", "not"): 1,
    ("is", "json"): 1,
    ("skip", "locked"): 0,
    ("distinct", "from"): None,
    ("between", "symmetric"): 1,
}
_IN_REDSHIFT_ONLY = ("pivot", "unpivot")
_FOREIGN_WORDS = ("returning", "lateral", "tablesample")
_COLLATIONS = ("case_sensitive", "cs", "case_insensitive", "ci")
_MOST = {
    **dict.fromkeys(("varchar", "varying", "nvarchar"), MAX_VARCHAR),
    **dict.fromkeys(("char", "character", "nchar", "bpchar"), MAX_CHAR),
    **dict.fromkeys(("decimal", "numeric", "dec"), MAX_PRECISION),
}


def refuse_foreign(tokens: Sequence[Token]) -> None:
    """Raise Redshift's refusal of the first thing in the statement that only PostgreSQL knows."""
    refuse_deep_nesting(tokens)
    end = operator("")
    # the leader node's catalog has arrays
    catalog = reads_catalog_only(tokens)
    casts = _Casts()
    for at, token in enumerate(tokens):
        before = tokens[at - 1] if at else end
        after = tokens[at + 1] if at + 1 < len(tokens) else end
        is_type = casts.names_type(token, before)
        if token.kind is Kind.OPERATOR:
            _refuse_operator(token, before, after, catalog=catalog)
        elif token.kind is Kind.WORD and not before.is_operator("."):
            _refuse_pair(token, after, tokens, at)
            _refuse_word(token, before, after, catalog=catalog)
            if is_type:
                _refuse_type(token, after)
        if token.is_name and token.value == "twin" and after.is_operator(".") and not before.is_operator("."):
            raise TwinError('schema "twin" does not exist', code="3F000")


class _Casts:
    """Knows, while a statement is read forward, which words name the type of a cast."""

    def __init__(self) -> None:
        self._open: list[bool] = []

    def names_type(self, token: Token, before: Token) -> bool:
        """Return whether the token names a type; to be asked of each token in turn."""
        if token.is_operator("("):
            self._open.append(before.is_word("cast"))
        elif token.is_operator(")") and self._open:
            self._open.pop()
        return before.is_operator("::") or (before.is_word("as") and bool(self._open) and self._open[-1])


def _refuse_operator(token: Token, before: Token, after: Token, *, catalog: bool) -> None:
    if token.is_operator(*_FOREIGN_OPERATORS):
        raise TwinError(f"operator does not exist: {token.value}", code="42883")
    if token.is_operator("[") and after.is_operator("]") and not catalog:
        raise not_supported(f"An array type ({before.value}[])")


def _refuse_pair(token: Token, after: Token, tokens: Sequence[Token], at: int) -> None:
    if after.kind is not Kind.WORD:
        return
    pair = (token.value, after.value)
    if pair not in _FOREIGN_PAIRS:
        return
    if pair == ("distinct", "on") and not (at + 2 < len(tokens) and tokens[at + 2].is_operator("(")):
        return
    if pair[0] == "fetch" and not at:
        # FETCH NEXT FROM a cursor
        return
    near = _FOREIGN_PAIRS[pair]
    if near is not None:
        raise syntax_error((token, after)[near].text)
    raise not_supported(" ".join(pair).upper())


def _refuse_word(token: Token, before: Token, after: Token, *, catalog: bool) -> None:
    word = token.value
    if word in _FOREIGN_WORDS and not before.is_word("as"):
        raise syntax_error(token.text)
    if word == "filter" and before.is_operator(")") and after.is_operator("("):
        raise syntax_error("(")
    if word == "using" and after.kind is Kind.OPERATOR and not after.is_operator("("):
        # ORDER BY ... USING <
        raise syntax_error(token.text)
    if word == "array" and after.is_operator("[") and not catalog:
        raise not_supported("ARRAY[...]")
    if word == "collate" and after.is_name and not catalog and after.value not in _COLLATIONS:
        raise not_supported("COLLATE of a locale")
    if word in _IN_REDSHIFT_ONLY and after.is_operator("("):
        raise not_in_twin(word.upper())
    if (before.value, word, after.value) == ("group", "by", "all"):
        raise not_in_twin("GROUP BY ALL")
    if word == "set" and after.is_operator("(") and not before.is_operator("."):
        raise syntax_error("(")
    if before.is_word("as") and word in ADDED_RESERVED and _is_alias(after):
        raise syntax_error(token.text)


def _refuse_type(token: Token, after: Token) -> None:
    if token.value in MISSING_TYPES:
        raise not_in_twin(f"The type {token.value.upper()}")
    if token.value not in TYPES | CATALOG_TYPES and not after.is_operator("."):
        raise TwinError(f'type "{token.value}" does not exist', code="42704")


def _is_alias(after: Token) -> bool:
    """Return whether what follows shows that a word after AS is a column's or table's alias.

    CAST(x AS timestamp) ends in a bracket; WITH t AS (...) and CREATE ... AS SELECT go on otherwise.
    """
    return after.is_operator(",", "", ";") or after.is_word(
        "from", "where", "join", "order", "group", "limit"
    )


def refuse_long_types(tokens: Sequence[Token]) -> None:
    """Raise when a cast or a column names a type that is longer than Redshift has it."""
    for at, token in enumerate(tokens[:-2]):
        size = tokens[at + 2]
        if token.value not in _MOST or not token.is_word(*_MOST) or not tokens[at + 1].is_operator("("):
            continue
        most = _MOST[token.value]
        if size.kind is not Kind.NUMBER or not size.value.isdigit() or int(size.value) <= most:
            continue
        if most == MAX_PRECISION:
            raise TwinError(f"NUMERIC precision {size.value} must be between 1 and {most}", code="22023")
        kind = "varchar" if most == MAX_VARCHAR else "char"
        raise TwinError(f"length for type {kind} cannot exceed {most}", code="22023")
