"""How long raw objects have taken from S3 to Redshift, as the record says."""

from collections.abc import Sequence
from dataclasses import dataclass

from log_router.core.catalog import Catalog
from log_router.core.errors import NeedsAction
from log_router.core.settings import Settings
from log_router.core.sql import Statements
from log_router.tables import RecordTables
from log_router.warehouse import Warehouse, past_conflicts


@dataclass(frozen=True)
class Lag:
    """Seconds from the S3 write of an event's raw objects to the load of their rows, by the runs that loaded them."""

    event: str
    lane: str
    objects: int
    rows: int
    p50: float
    p95: float
    max: float


@dataclass(frozen=True)
class Lags:
    """Asks the record for lags."""

    warehouse: Warehouse
    statements: Statements
    settings: Settings
    catalog: Catalog

    def of_last(self, hours: int, events: Sequence[str] = ()) -> list[Lag]:
        """Return the lags of what was loaded in the last hours, of these events if any are named.

        Raises:
            NeedsAction: one of them has no file.
            Refused, WillPass: see Warehouse.
        """
        names = [event.name for event in self.catalog.events]
        if unknown := sorted(set(events) - set(names)):
            raise NeedsAction(f"there is no event {', '.join(unknown)}; there are {', '.join(names)}")
        return past_conflicts(lambda: self._read(hours, events))

    def _read(self, hours: int, events: Sequence[str]) -> list[Lag]:
        schema = self.settings.ledger_schema
        with self.warehouse.session() as session:
            if not RecordTables(session, self.statements, self.settings.table_schema, schema).there():
                return []
            rows = session.fetch(self.statements.render("lags", schema=schema, hours=hours, events=events))
        return [
            Lag(event, lane, int(objects), int(rows), *map(float, seconds))
            for event, lane, objects, rows, *seconds in rows
        ]
