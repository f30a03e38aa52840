"""The ledgers: which raw objects are loaded, by event."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from log_router.core.events import Event
from log_router.core.sql import Statements
from log_router.warehouse import Session, slices

PREFIX = "ledger_"


def ledger_of(event: Event) -> str:
    """Return the name of an event's ledger table."""
    return PREFIX + event.table


@dataclass(frozen=True)
class LedgerEntry:
    """What a ledger says of one raw object: which batch loaded it, and what became of the rows split from it.

    They were loaded, dropped as repetitions, or refused by COPY; these are quarantined lines once they are settled.
    """

    object_id: str
    batch_id: str
    loaded: int
    dropped: int
    refused: int
    loaded_at: datetime | None = None

    @property
    def split(self) -> int:
        """The rows that the split made of the object."""
        return self.loaded + self.dropped + self.refused


@dataclass(frozen=True)
class Ledger:
    """One event's ledger, through a session."""

    session: Session
    statements: Statements
    schema: str
    table: str

    def entries(self, column: str, values: Sequence[str]) -> Iterator[LedgerEntry]:
        """Yield the entries that have one of these values in a column."""
        where = {"schema": self.schema, "ledger": self.table, "column": column}
        for some in slices(values):
            for row in self.session.fetch(self.statements.render("ledger_entries", **where, values=some)):
                yield LedgerEntry(*row)
