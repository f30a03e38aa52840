"""Aliases of the select list that the list itself or WHERE uses again: `select n * 2 as twice, twice + 1`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.twin.sql.calls import bracketed
from local.twin.sql.scope import Tokens, with_commas
from local.twin.sql.tokens import Kind, operator, split_list
from local.twin.sql.words import RESERVED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from local.twin.sql.scope import Scope
    from local.twin.sql.tokens import Token

# `x::double precision` ends in no alias, nor does `x at time zone y`.
_ENDS_OF_TYPES = ("precision", "varying", "zone")
_WANT_MORE = (
    "all", "and", "at", "between", "by", "case", "collate", "distinct", "else", "escape", "from", "ilike", "in", "is",
    "like", "not", "or", "similar", "then", "to", "when", "zone",
)  # fmt: skip


def with_lateral_aliases(listed: Sequence[Token], clauses: dict[str, list[Token]], scope: Scope) -> Tokens:
    """Return the select list with its own aliases replaced by what they stand for, and change WHERE likewise.

    A column of FROM comes before an alias. Where FROM's columns are not known, the name is left
    to PostgreSQL, which takes the column or refuses the name.
    """
    aliases: dict[str, Tokens] = {}
    items: list[Tokens] = []
    for item in split_list(listed):
        made = _replaced(item, aliases, scope)
        length = alias_length(item)
        if length:
            start = 1 if item[0].is_word("distinct", "all") else 0
            aliases[item[-1].value] = made[start:-length]
        items.append(made)
    if "where" in clauses:
        clauses["where"] = _replaced(clauses["where"], aliases, scope)
    return with_commas(items)


def alias_length(item: Sequence[Token]) -> int:
    """Return how many words at the end of an item name it: AS and a name, a name alone, or none."""
    *value, before, last = item if len(item) > 1 else (operator(""), operator(""))
    if not last.is_name or before.is_operator("."):
        return 0
    if before.is_word("as"):
        return 2 if value else 0
    ends_value = before.kind is not Kind.OPERATOR or before.is_operator(")", "]")
    named = not last.is_word(*RESERVED, *_ENDS_OF_TYPES) and not before.is_word(*_WANT_MORE)
    return 1 if ends_value and named else 0


def _replaced(tokens: Sequence[Token], aliases: Mapping[str, Tokens], scope: Scope) -> Tokens:
    result: Tokens = []
    for at, token in enumerate(tokens):
        before = tokens[at - 1] if at else operator("")
        after = tokens[at + 1] if at + 1 < len(tokens) else operator("")
        alone = (
            not before.is_operator(".", "::")
            and not before.is_word("as")
            and not after.is_operator(".", "(", "[")
        )
        if token.is_name and alone and token.value in aliases and scope.lacks_column(token.value):
            result += bracketed(aliases[token.value])
        else:
            result.append(token)
    return result
