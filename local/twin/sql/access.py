"""What a statement does to the tables it names: which it writes to, and whether it reads before it writes."""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING

from local.twin.sql.tokens import Cursor, outside_brackets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.twin.sql.tokens import Token


class Effect(enum.Enum):
    """What a statement does, as far as other transactions are concerned."""

    BEGIN = "begins a transaction"
    READ = "reads, and leaves nothing behind"
    KEEP = "reads, and leaves something behind: CREATE TABLE AS, DECLARE, ANALYZE"
    APPEND = "writes without reading first: INSERT, COPY"
    CHANGE = "reads, then writes: UPDATE, DELETE, MERGE"
    OTHER = "anything else; PostgreSQL's own locks are Redshift's"


@dataclasses.dataclass(frozen=True)
class Access:
    """A statement's effect, and the table that it writes to, or that all of it is about."""

    effect: Effect
    target: tuple[str, ...] = ()


_WITH_TARGET = {
    "insert": (Effect.APPEND, "into"),
    "copy": (Effect.APPEND, ""),
    "update": (Effect.CHANGE, ""),
    "delete": (Effect.CHANGE, "from"),
    "merge": (Effect.CHANGE, "into"),
    # reads a sample, and never waits for a writer
    "analyze": (Effect.KEEP, "verbose"),
}
_OF_FIRST_WORD = {
    "begin": Effect.BEGIN,
    "start": Effect.BEGIN,
    "select": Effect.READ,
    "with": Effect.READ,
    "(": Effect.READ,
    "declare": Effect.KEEP,
}
UNKNOWN = Access(Effect.OTHER)


def access(tokens: Sequence[Token]) -> Access:
    """Return what a statement does to tables."""
    first = tokens[0].value
    if first in _WITH_TARGET:
        return _with_target(tokens, 0)
    if first == "create" and any(token.is_word("table") for token in tokens[1:4]):
        return Access(Effect.KEEP)
    verb = _main_verb(tokens) if first == "with" else 0
    if verb:
        return _with_target(tokens, verb)
    effect = _OF_FIRST_WORD.get(first, Effect.OTHER)
    if effect is Effect.READ and any(token.is_word("into") for token in tokens):
        effect = Effect.KEEP
    return Access(effect)


def _main_verb(tokens: Sequence[Token]) -> int:
    """Return the index of the INSERT, UPDATE, DELETE or MERGE that follows WITH; 0 when SELECT does."""
    verbs = ("select", "insert", "update", "delete", "merge")
    at, verb = next(((at, t) for at, t in outside_brackets(tokens) if t.is_word(*verbs)), (0, tokens[0]))
    return 0 if verb.is_word("select") else at


def _with_target(tokens: Sequence[Token], verb: int) -> Access:
    effect, preposition = _WITH_TARGET[tokens[verb].value]
    cursor = Cursor(tokens)
    cursor.at = verb + 1
    if preposition:
        cursor.words(preposition)
    # what is no name is for the parser of the statement to refuse
    return Access(effect, cursor.qualified_name() if cursor.next.is_name else ())
