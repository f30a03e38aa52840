"""Names of a query: what FROM puts in reach, and paths into SUPER such as `t.data.user.id`, `t.items[0].price`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Protocol

from local.twin.errors import not_in_twin, syntax_error
from local.twin.sql.tokens import Kind, Token, closing, name, operator, string, word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Tokens = list[Token]
TableName = tuple[str, ...]

OPEN, CLOSE, COMMA, DOT = operator("("), operator(")"), operator(","), operator(".")


def with_commas(parts: Iterable[Sequence[Token]]) -> Tokens:
    """Return the parts one after the other, with commas between them."""
    result: Tokens = []
    for number, part in enumerate(parts):
        result += [COMMA, *part] if number else part
    return result


class Catalog(Protocol):
    """What must be known of the database to put a statement into PostgreSQL's words."""

    def late_views(self, names: Sequence[TableName]) -> dict[TableName, str]:
        """Return the texts of those among the names that are late-binding views the user may read."""

    def columns(self, table: TableName) -> list[tuple[str, bool]]:
        """Return a table's columns in their order, and whether each is a SUPER; none without such a table."""


@dataclasses.dataclass
class Statement:
    """What a whole statement uses that decides on which of Redshift's nodes it can run."""

    catalog: Catalog | None = None
    # reads nothing but the leader node's catalog, which is as loose as PostgreSQL 8
    of_catalog: bool = False
    leader_only: set[str] = dataclasses.field(default_factory=set)
    compute_only: set[str] = dataclasses.field(default_factory=set)
    tables: set[TableName] = dataclasses.field(default_factory=set)
    named_queries: set[str] = dataclasses.field(default_factory=set)


@dataclasses.dataclass
class Scope:
    """What the names of a query stand for; a name that is not here may be the outer query's."""

    query: Callable[[Sequence[Token], Scope], Tokens]
    statement: Statement
    outer: Scope | None = None
    tables: dict[str, TableName] = dataclasses.field(default_factory=dict)
    # the tables in FROM themselves; None is a query or function, whose columns are not known
    sources: list[TableName | None] = dataclasses.field(default_factory=list)
    # what the aggregates that sort their values sort them by
    orders: set[str] = dataclasses.field(default_factory=set)
    # aliases that stand for one SUPER value: `i` of FROM t, t.items i
    values: set[str] = dataclasses.field(default_factory=set)
    # columns that a function's alias defines: `a` of FROM f() AS t(a int)
    defined: set[str] = dataclasses.field(default_factory=set)

    def child(self) -> Scope:
        """Return the scope of a subquery in an expression: it sees the names here."""
        return Scope(self.query, self.statement, self)

    def sibling(self) -> Scope:
        """Return the scope of a subquery in FROM: it sees only what the whole query sees from outside."""
        return Scope(self.query, self.statement, self.outer)

    def lacks_column(self, column: str) -> bool:
        """Return whether it is certain that FROM has no column of this name."""
        if self.statement.catalog is None or None in self.sources or column in self.values | self.defined:
            return False
        tables = [self.statement.catalog.columns(table) for table in self.sources if table]
        return all(known and column not in dict(known) for known in tables)

    def holds(self, alias: str) -> bool:
        """Return whether this query or one around it knows a table or value by this name."""
        here = alias in self.tables or alias in self.values
        return here or (self.outer is not None and self.outer.holds(alias))

    def is_value(self, alias: str) -> bool:
        """Return whether the name stands for a SUPER value that FROM unnests."""
        if alias in self.tables or alias in self.values or self.outer is None:
            return alias in self.values
        return self.outer.is_value(alias)

    def names_table(self, table: Sequence[str | int]) -> bool:
        """Return whether FROM has this table under no alias; either may leave out the database."""
        known = self.tables.get(str(table[-1]), ())
        shared = min(len(known), len(table))
        here = shared > 1 and tuple(table[-shared:]) == known[-shared:]
        return here or (self.outer is not None and self.outer.names_table(table))


@dataclasses.dataclass(frozen=True)
class Chain:
    """Names joined by dots with indexes in brackets, as they stand in a statement."""

    steps: tuple[str | int, ...]
    length: int


def chain_at(tokens: Sequence[Token], at: int, *, indexed: bool = True) -> Chain:
    """Return the chain that begins at this token, which is a name."""
    start = at
    steps: list[str | int] = [tokens[at].value]
    at += 1
    while at + 1 < len(tokens):
        if tokens[at].is_operator(".") and tokens[at + 1].is_name:
            steps.append(tokens[at + 1].value)
            at += 2
        elif indexed and tokens[at].is_operator("["):
            end = closing(tokens, at)
            if any(token.is_operator(":") for token in tokens[at:end]):
                raise syntax_error(":")
            if end != at + 2 or not tokens[at + 1].value.isdecimal():
                raise not_in_twin("An index into SUPER that is no whole number")
            steps.append(int(tokens[at + 1].value))
            at = end + 1
        else:
            break
    return Chain(tuple(steps), at - start)


def navigate(steps: Sequence[str | int], scope: Scope) -> tuple[Tokens, bool]:
    """Return a chain as PostgreSQL's expression, and whether it goes into a SUPER value.

    Which of the names are tables and columns follows from FROM alone; whether the column is a
    SUPER is left to PostgreSQL, which knows a path of nothing else.
    """
    depth = _column_depth(steps, scope)
    column: Tokens = []
    for step in steps[:depth]:
        column += [DOT, name(str(step))] if column else [name(str(step))]
    if depth == 1 and scope.is_value(str(steps[0])):
        column = [*column, DOT, *column]
    for step in steps[depth:]:
        function, key = ("key", string(step)) if isinstance(step, str) else ("element", _number(step))
        column = [word("twin"), DOT, word(function), OPEN, *column, COMMA, key, CLOSE]
    return column, depth < len(steps)


def _number(value: int) -> Token:
    return Token(Kind.NUMBER, str(value), str(value))


def _column_depth(steps: Sequence[str | int], scope: Scope) -> int:
    """Return how many of the steps name the column."""
    for parts in (3, 2):
        # database.schema.table.column and schema.table.column
        if len(steps) > parts and scope.names_table(steps[:parts]):
            return parts + 1
    first = str(steps[0])
    if not scope.is_value(first) and scope.holds(first) and len(steps) > 1 and isinstance(steps[1], str):
        return 2
    return 1
