"""What the warehouse says of raw objects: the record, the ledgers, and which tables there are. Only reads."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from log_router.core import quarantine
from log_router.core.batches import RawObject
from log_router.core.catalog import Catalog
from log_router.core.settings import Settings
from log_router.core.sql import Statements
from log_router.ledgers import PREFIX as LEDGER_PREFIX
from log_router.ledgers import Ledger, LedgerEntry
from log_router.warehouse import Rows, Session, moment, slices


@dataclass(frozen=True)
class SettledObject:
    """A raw object as settle recorded it: its lines by fate, and its batch."""

    object_id: str
    raw: RawObject
    batch_id: str
    lines: int
    rows: int
    quarantined: int
    unrouted: int
    blank: int
    settled_at: datetime


@dataclass(frozen=True)
class EventTable:
    """An event's table and ledger: whether they are there. An event that has no file is named by its table."""

    event: str
    schema: str
    table: str
    configured: bool
    there: bool
    ledger_there: bool

    @property
    def ledger(self) -> str:
        """The name of its ledger."""
        return LEDGER_PREFIX + self.table


@dataclass(frozen=True)
class Lineage:
    """The record and the ledgers, through one session."""

    session: Session
    statements: Statements
    settings: Settings
    catalog: Catalog

    @cached_property
    def _columns(self) -> dict[tuple[str, str], set[str]]:
        schemas = [self.settings.table_schema, self.settings.ledger_schema]
        found: dict[tuple[str, str], set[str]] = defaultdict(set)
        for schema, table, column in self.session.fetch(
            self.statements.render("tables_there", schemas=schemas)
        ):
            found[schema, table].add(column)
        return found

    def tables(self) -> list[EventTable]:
        """Return the tables of all events that have a file or a ledger, and that of quarantined lines, by name."""
        schema, ledgers = self.settings.table_schema, self.settings.ledger_schema
        events = {event.table: event.name for event in self.catalog.events}
        own = quarantine.TABLE.table
        left = {
            table.removeprefix(LEDGER_PREFIX)
            for where, table in self._columns
            if where == ledgers and table.startswith(LEDGER_PREFIX)
        }
        return [
            self._table(events.get(table, table), ledgers if table == own else schema, table, table in events)
            for table in sorted(left | events.keys() | {own})
        ]

    def _table(self, event: str, schema: str, table: str, configured: bool) -> EventTable:  # noqa: FBT001 - a column of EventTable
        ledger = self._columns.get((self.settings.ledger_schema, LEDGER_PREFIX + table), set())
        return EventTable(
            event=event,
            schema=schema,
            table=table,
            configured=configured,
            there="_lr_object" in self._columns.get((schema, table), set()),
            ledger_there="object_id" in ledger,
        )

    def below(self, prefixes: Sequence[str]) -> Iterator[SettledObject]:
        """Yield the recorded objects of the raw bucket below any of these prefixes."""
        bucket = self.settings.raw_bucket
        # A long chain of ORs would be refused as too complex.
        for some in slices(prefixes, 100):
            where = {"bucket": bucket, "prefixes": some}
            yield from self._settled(self._fetch_objects("settled_below", **where))

    def objects(self, column: str, values: Sequence[str]) -> Iterator[SettledObject]:
        """Yield the recorded objects that have one of these values in a column."""
        for some in slices(values):
            where = {"column": column, "values": some}
            yield from self._settled(self._fetch_objects("settled_with", **where))

    def events(self, object_ids: Sequence[str]) -> Iterator[Sequence[Any]]:
        """Yield object, event, event type, rows, quarantined, unrouted, load time and lane of recorded objects."""
        for some in slices(object_ids):
            yield from self._fetch_objects("events_of_objects", object_ids=some)

    def with_quarantined(self, event: str) -> Iterator[SettledObject]:
        """Yield the recorded objects that hold quarantined lines of an event."""
        rows = self._fetch_objects("objects_with_quarantined", event=event)
        yield from self.objects("object_id", [object_id for (object_id,) in rows])

    def entries(self, table: EventTable, column: str, values: Sequence[str]) -> Iterator[LedgerEntry]:
        """Yield the entries of an event's ledger that have one of these values in a column."""
        if table.ledger_there:
            schema = self.settings.ledger_schema
            yield from Ledger(self.session, self.statements, schema, table.ledger).entries(column, values)

    def counts(self, table: EventTable, object_ids: Sequence[str]) -> Iterator[Sequence[Any]]:
        """Yield object, rows and different lines of what stands in an event's table of these objects."""
        for some in slices(object_ids if table.there else ()):
            yield from self.session.fetch(
                self.statements.render("count_rows", schema=table.schema, table=table.table, object_ids=some)
            )

    def strays(self, table: EventTable) -> Iterator[Sequence[Any]]:
        """Yield object and rows of what stands in an event's table and its ledger does not know."""
        if table.there and table.ledger_there:
            yield from self.session.fetch(
                self.statements.render(
                    "stray_rows",
                    schema=table.schema,
                    table=table.table,
                    ledger_schema=self.settings.ledger_schema,
                    ledger=table.ledger,
                )
            )

    def with_dropped(self, table: EventTable) -> list[str]:
        """Return the raw objects of which an event's ledger says that rows were dropped as duplicates."""
        if not table.ledger_there:
            return []
        statement = self.statements.render(
            "objects_with_dropped", schema=self.settings.ledger_schema, ledger=table.ledger
        )
        return sorted(object_id for (object_id,) in self.session.fetch(statement))

    def _fetch_objects(self, name: str, **values: object) -> Rows:
        # Nothing was ever planned where the record's tables are not there.
        if (self.settings.ledger_schema, "objects") not in self._columns:
            return ()
        return self.session.fetch(self.statements.render(name, schema=self.settings.ledger_schema, **values))

    @staticmethod
    def _settled(rows: Rows) -> Iterator[SettledObject]:
        for object_id, bucket, key, etag, size, *counts, written_at in rows:
            at = None if written_at is None else moment(written_at)
            yield SettledObject(object_id, RawObject(bucket, key, etag, size, at), *counts)
