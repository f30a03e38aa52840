"""A change of the catalog: the statements for PostgreSQL, and what has to be minded when they are run."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from local.twin.sql.tokens import literal, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclasses.dataclass(frozen=True)
class Change:
    """Statements that are run in one transaction, and the tag that the client hears.

    `unless` is an SQL expression for a relation's name: if there is one, only the first statement is run (it has
    IF NOT EXISTS). `alone` names what may not stand in a transaction. `settled` is an expression for the name of
    a table whose strings shall count bytes, whatever types its query gave them.
    """

    statements: tuple[str, ...]
    tag: str
    domains: frozenset[tuple[str, int]] = frozenset()
    unless: str = ""
    alone: str = ""
    settled: str = ""


def regclass(table: Iterable[str]) -> str:
    """Return SQL for a relation that must exist."""
    return f"{literal(quoted(table))}::regclass"


def text_array(names: Iterable[str]) -> str:
    """Return SQL for a list of names."""
    return f"ARRAY[{', '.join(literal(name) for name in names)}]::text[]"
