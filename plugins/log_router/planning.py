"""Which raw objects a run has to load, as a batch."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from log_router.core.batches import Batch, LaneName, RawObject, cut, pack
from log_router.core.catalog import MAX_EVENTS, Catalog
from log_router.core.errors import WindowError
from log_router.core.events import Event
from log_router.core.selections import Selection
from log_router.core.settings import Settings
from log_router.core.sql import Statements
from log_router.core.windows import Hour, by_prefix, label_of
from log_router.lineage import Lineage
from log_router.raw_objects import named
from log_router.store import Store
from log_router.tables import RecordTables
from log_router.warehouse import Session, Warehouse, past_conflicts, slices

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Planner:
    """Plans batches against what the warehouse says is settled; one that is `read_only` makes no tables for that."""

    store: Store
    warehouse: Warehouse
    statements: Statements
    settings: Settings
    catalog: Catalog
    read_only: bool = False

    def plan(
        self,
        run: str,
        label: str,
        found: Sequence[RawObject],
        *,
        reload: bool = False,
        events: Sequence[str] = (),
        lane: LaneName = "hourly",
    ) -> Batch:
        """Return the batch of those raw objects that are not settled yet, in their order; writes nothing to S3.

        A reload takes all of them. Only `events` are loaded; all, where none is named. A raw object is settled when
        each of these events that it holds has been loaded. The schemas and tables this is looked up in are made where
        they are missing, unless the planner is `read_only`: to that nothing is settled without them.
        """
        settled = self.settled([] if reload else [raw.object_id for raw in found], events)
        pending = [raw for raw in found if raw.object_id not in settled]
        log.info("%s: %d raw objects found, %d settled before", label, len(found), len(found) - len(pending))
        chunks = pack(pending, self.settings.chunk_bytes, self.settings.max_chunks)
        return Batch(run, label, self.catalog.config_hash, chunks, reload, tuple(sorted(set(events))), lane)

    def cut(self, batch: Batch) -> tuple[Batch, ...]:
        """Return a batch, or the several that it is too large for."""
        # Each may come to a load of each event, and Airflow maps a task over so many at most.
        most = max(1, MAX_EVENTS // len(self.catalog.events))
        return cut(batch, self.settings.batch_bytes, most)

    def listed(self, hours: Sequence[Hour]) -> dict[RawObject, Hour]:
        """Return the raw objects of some hours, each with its hour, in the order of the hours.

        Raises:
            Refused, WillPass: see Store.
        """
        bucket, template = self.settings.raw_bucket, self.settings.raw_prefix
        hour_of: dict[RawObject, Hour] = {}
        for prefix, its_hours in by_prefix(hours, template):
            below = {hour.prefix(template): hour for hour in its_hours}
            lengths = {len(each) for each in below}
            found = {
                raw: below[raw.key[:length]]
                for raw in self.store.list_raw(prefix)
                for length in lengths
                if raw.key[:length] in below
            }
            count = f"{len(found)} raw objects" if found else "empty: no raw object below the prefix"
            log.info("%s: s3://%s/%s: %s", label_of(its_hours), bucket, prefix, count)
            hour_of |= dict(sorted(found.items(), key=lambda item: item[1].start))
        return hour_of

    def select(self, selection: Selection) -> list[RawObject]:
        """Return the raw objects that a reload is to take, each once, by key.

        Raises:
            WindowError: a raw object that is named is not known; says which ones.
        """
        prefixes = tuple(hour.prefix(self.settings.raw_prefix) for hour in selection.hours)
        with self.warehouse.session() as session:
            lineage = Lineage(session, self.statements, self.settings, self.catalog)
            found = self._named(lineage, selection.objects)
            if selection.quarantined:
                held = [one.raw for one in lineage.with_quarantined(selection.quarantined)]
                found += [raw for raw in held if not prefixes or raw.key.startswith(prefixes)]
        if not selection.quarantined:
            found += self.listed(selection.hours)
        return sorted(set(found), key=lambda raw: (raw.bucket, raw.key, raw.etag))

    def _named(self, lineage: Lineage, names: Sequence[str]) -> list[RawObject]:
        """Return the raw objects of these ids and URLs; of an object that was overwritten the last version."""
        found = named(lineage, self.store, names)
        missing = [name for name, raws in found.items() if not raws]
        if missing:
            raise WindowError(
                f"objects: {len(missing)} of {len(names)} raw objects are neither recorded nor loaded nor in the "
                "bucket; correct their ids or URLs, or name their hours by `from` and `to`:\n"
                + "\n".join(missing)
            )
        return [raws[-1] for raws in found.values()]

    def prepare(self) -> None:
        """Make the schemas and tables that are missing: plans are looked up in them.

        Raises:
            Refused, WillPass: see Warehouse; so it also tells whether a plan could be made.
        """
        self.settled(())

    def settled(self, object_ids: Sequence[str], events: Sequence[str] = ()) -> set[str]:
        """Return those ids whose raw objects are settled for some events, for all where none is named.

        The tables that this is looked up in are made if need be; for who only reads, nothing is settled without them.

        Raises:
            Refused, WillPass: see Warehouse.
        """
        return past_conflicts(partial(self._settled, object_ids, events))

    def _settled(self, object_ids: Sequence[str], events: Sequence[str]) -> set[str]:
        wanted = [event for event in self.catalog.events if not events or event.name in events]
        with self.warehouse.session() as session:
            schemas = (self.settings.table_schema, self.settings.ledger_schema)
            tables = RecordTables(session, self.statements, *schemas)
            if not self.read_only:
                tables.prepare()
            elif not tables.there():
                return set()
            settled = self._recorded(
                session, object_ids, [claim for event in wanted for claim in event.claims]
            )
            if events:
                left = [object_id for object_id in object_ids if object_id not in settled]
                recorded = self._recorded(session, left, ())
                unknown = [object_id for object_id in left if object_id not in recorded]
                settled |= self._in_ledgers(session, unknown, wanted)
            return settled

    def _recorded(self, session: Session, object_ids: Sequence[str], event_types: Sequence[str]) -> set[str]:
        """Return those that have a record, and hold unrouted lines of none of these event types."""
        schema = self.settings.ledger_schema
        return {
            row[0]
            for some in slices(object_ids)
            for row in session.fetch(
                self.statements.render(
                    "settled_objects", schema=schema, object_ids=some, event_types=event_types
                )
            )
        }

    def _in_ledgers(self, session: Session, object_ids: Sequence[str], events: Sequence[Event]) -> set[str]:
        """Return those that the ledger of each of these events has."""
        lineage = Lineage(session, self.statements, self.settings, self.catalog)
        tables = {table.event: table for table in lineage.tables()}
        left = list(object_ids)
        for event in events:
            left = [entry.object_id for entry in lineage.entries(tables[event.name], "object_id", left)]
        return set(left)
