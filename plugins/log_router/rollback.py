"""Rows taken back by their lineage: of raw objects, of a batch, or of all that a catalog loaded."""

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import partial

from log_router.core.catalog import Catalog
from log_router.core.errors import NeedsAction
from log_router.core.settings import Settings
from log_router.core.sql import Statements
from log_router.ledgers import LedgerEntry
from log_router.lineage import EventTable, Lineage, SettledObject
from log_router.raw_objects import named
from log_router.store import Store
from log_router.warehouse import Session, Warehouse, past_conflicts, slices

_OBJECT_ID = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True)
class Choice:
    """Ledger entries with one of these values in a column: `object_id`, `batch_id` or `config_hash`."""

    column: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class TakenBack:
    """What was taken back of one event. `with_dropped` are other raw objects that may lack rows for it.

    A row that was dropped as a duplicate of one that is gone now does not come back by itself.
    """

    event: str
    objects: int
    rows: int
    with_dropped: tuple[str, ...] = ()


@dataclass
class Found:
    """What a choice meets: raw objects by id, what is recorded of them, and their batches."""

    object_ids: list[str] = field(default_factory=list)
    recorded: list[SettledObject] = field(default_factory=list)
    batch_ids: set[str] = field(default_factory=set)
    tables: list[EventTable] = field(default_factory=list)


@dataclass(frozen=True)
class Rollback:
    """Takes rows back; with `events`, only theirs, and no quarantined lines.

    The record goes first, in a transaction of its own: from then on the raw objects are pending, whatever
    becomes of the rest. Then each event's rows and ledger entries go together. So it may break off anywhere: run
    again, it finds in the ledgers what is left to do.
    """

    warehouse: Warehouse
    statements: Statements
    settings: Settings
    catalog: Catalog
    events: AbstractSet[str] = frozenset()

    def find(self, choice: Choice) -> Found:
        """Return what a choice meets; changes nothing.

        Raises:
            NeedsAction: an event of `events` has neither a file nor a ledger.
        """
        with self.warehouse.session() as session:
            lineage = self._lineage(session)
            found = Found(tables=self._tables(lineage))
            entries: list[LedgerEntry] = []
            for table in found.tables:
                entries += lineage.entries(table, choice.column, choice.values)
                # Each ledger for a moment only: loads wait for who reads it.
                session.commit()
            ids = {entry.object_id for entry in entries}
            if choice.column == "object_id":
                ids.update(choice.values)
            elif not self.events:
                batches = choice.values if choice.column == "batch_id" else _batches(entries)
                ids.update(each.object_id for each in lineage.objects("batch_id", batches))
            found.object_ids = sorted(ids)
            found.recorded = list(lineage.objects("object_id", found.object_ids))
            found.batch_ids = {*_batches(entries), *(each.batch_id for each in found.recorded)}
            return found

    def count(self, choice: Choice, found: Found) -> list[TakenBack]:
        """Return what `run` would take back."""
        with self.warehouse.session() as session:
            lineage = self._lineage(session)
            counted = []
            for table in found.tables:
                entries, ids = _meant(lineage, table, choice)
                rows = sum(rows for _, rows, _ in lineage.counts(table, sorted(ids)))
                others = tuple(each for each in lineage.with_dropped(table) if rows and each not in ids)
                counted.append(TakenBack(table.event, entries, rows, others))
                session.commit()
            return [one for one in counted if one.objects or one.rows]

    def run(self, choice: Choice, found: Found) -> list[TakenBack]:
        """Take back what a choice meets; return what went, by event.

        Raises:
            Refused, WillPass: see Warehouse; run again, it goes on where it broke off.
        """
        if found.recorded:
            past_conflicts(partial(self._forget, [each.object_id for each in found.recorded]))
        taken = [past_conflicts(partial(self._take_back, table, choice)) for table in found.tables]
        return [one for one in taken if one.objects or one.rows]

    def _tables(self, lineage: Lineage) -> list[EventTable]:
        tables = [table for table in lineage.tables() if table.ledger_there]
        if not self.events:
            return tables
        unknown = sorted(self.events - {table.event for table in tables})
        if unknown:
            raise NeedsAction(
                f"no ledger of {', '.join(unknown)} in {self.settings.ledger_schema}; there are ledgers of "
                f"{', '.join(table.event for table in tables) or 'no event'}"
            )
        return [table for table in tables if table.event in self.events]

    def _forget(self, object_ids: Sequence[str]) -> None:
        with self.warehouse.session() as session:
            session.run(self._render("lock_table", table="objects"))
            for some in slices(object_ids):
                session.run(self._render("delete_objects", object_ids=some))
                session.run(self._render("delete_object_events", object_ids=some))
            session.commit()

    def _take_back(self, table: EventTable, choice: Choice) -> TakenBack:
        with self.warehouse.session() as session:
            # Before anything is read, as a load does: what was loaded until now is seen.
            session.run(self._render("lock_table", table=table.ledger))
            lineage = self._lineage(session)
            entries, ids = _meant(lineage, table, choice)
            rows = 0
            for some in slices(sorted(ids)):
                if table.there:
                    names = {"schema": table.schema, "table": table.table, "spared": ()}
                    rows += session.run(self.statements.render("delete_rows", **names, object_ids=some))
                session.run(self._render("delete_ledger", ledger=table.ledger, object_ids=some))
            others = tuple(lineage.with_dropped(table)) if rows else ()
            session.commit()
            return TakenBack(table.event, entries, rows, others)

    def _lineage(self, session: Session) -> Lineage:
        return Lineage(session, self.statements, self.settings, self.catalog)

    def _render(self, name: str, **values: object) -> str:
        return self.statements.render(name, schema=self.settings.ledger_schema, **values)


def _meant(lineage: Lineage, table: EventTable, choice: Choice) -> tuple[int, set[str]]:
    """Return how many entries of a ledger a choice meets, and the raw objects whose rows it means."""
    entries = list(lineage.entries(table, choice.column, choice.values))
    ids = {entry.object_id for entry in entries}
    # Rows that no ledger knows go as well where their object is named.
    return len(entries), ids | set(choice.values if choice.column == "object_id" else ())


def _batches(entries: Sequence[LedgerEntry]) -> list[str]:
    return sorted({entry.batch_id for entry in entries})


def object_ids(lineage: Lineage, store: Store, texts: Sequence[str]) -> tuple[str, ...]:
    """Return the ids of raw objects given as ids or s3:// URLs: of a URL, each version recorded or there now.

    Raises:
        NeedsAction: a text is neither, or nothing is known below the URL.
    """
    urls = [text for text in texts if not _OBJECT_ID.fullmatch(text)]
    versions = named(lineage, store, urls)
    for url in urls:
        if not url.startswith(f"s3://{lineage.settings.raw_bucket}/"):
            raise NeedsAction(
                f"`{url}` is neither an object id (32 hex digits, the rows' _lr_object) nor a URL that starts "
                f"with s3://{lineage.settings.raw_bucket}/"
            )
        if not versions[url]:
            raise NeedsAction(f"{url}: neither recorded nor in the bucket; name it by its object id")
    ids = ([raw.object_id for raw in versions[text]] if text in versions else [text] for text in texts)
    return tuple(dict.fromkeys(object_id for some in ids for object_id in some))
