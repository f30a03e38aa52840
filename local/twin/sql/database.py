"""ALTER DATABASE, as far as the twin knows it: the isolation level."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from local.twin.errors import not_in_twin
from local.twin.sql.tokens import Cursor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.twin.sql.tokens import Token


@dataclasses.dataclass(frozen=True)
class SetIsolation:
    """Give a database another isolation level, from the next sessions on."""

    database: str
    level: str


def alter_database(tokens: Sequence[Token]) -> SetIsolation:
    """Return what to do for ALTER DATABASE."""
    cursor = Cursor(tokens)
    cursor.expect_words("alter", "database")
    database = cursor.expect_name()
    if not cursor.words("isolation", "level"):
        raise not_in_twin(f"ALTER DATABASE {cursor.next.text.upper()}")
    level = cursor.expect_word("snapshot", "serializable").value
    cursor.expect_end()
    return SetIsolation(database, level)
