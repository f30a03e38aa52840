"""Aliases of the select list that the list itself or WHERE uses again: `select n * 2 as twice, twice + 1`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.twin.sql.calls import bracketed
from local.twin.sql.scope import COMMA, Tokens
from local.twin.sql.tokens import operator, split_list

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from local.twin.sql.scope import Scope
    from local.twin.sql.tokens import Token


def with_lateral_aliases(listed: Sequence[Token], clauses: dict[str, list[Token]], scope: Scope) -> Tokens:
    """Return the select list with its own aliases replaced by what they stand for, and change WHERE likewise.

    A column of FROM comes before an alias. Where FROM's columns are not known, the name is left
    to PostgreSQL, which takes the column or refuses the name.
    """
    aliases: dict[str, Tokens] = {}
    result: Tokens = []
    for item in split_list(listed):
        made = _replaced(item, aliases, scope)
        if len(item) > 2 and item[-2].is_word("as") and item[-1].is_name:  # noqa: PLR2004 - a value, AS, a name
            aliases[item[-1].value] = made[:-2]
        result += [COMMA, *made] if result else made
    if "where" in clauses:
        clauses["where"] = _replaced(clauses["where"], aliases, scope)
    return result


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
