"""Which raw objects a run has to load, as a batch."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from log_router.core.batches import Batch, LaneName, RawObject, pack
from log_router.core.catalog import Catalog
from log_router.core.errors import WindowError
from log_router.core.selections import Selection
from log_router.core.settings import Settings
from log_router.core.sql import Statements
from log_router.core.windows import Hour
from log_router.lineage import Lineage
from log_router.raw_objects import named
from log_router.store import Store
from log_router.tables import RecordTables
from log_router.warehouse import Warehouse, past_conflicts, slices

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Planner:
    """Plans batches against what the warehouse says is settled."""

    store: Store
    warehouse: Warehouse
    statements: Statements
    settings: Settings
    catalog: Catalog

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
        each event in it that the catalog knows has been loaded. The schemas and tables this is looked up in are made
        where they are missing.
        """
        settled = self.settled([] if reload else [raw.object_id for raw in found])
        pending = [raw for raw in found if raw.object_id not in settled]
        log.info("%s: %d raw objects found, %d settled before", label, len(found), len(found) - len(pending))
        chunks = pack(pending, self.settings.chunk_bytes, self.settings.max_chunks)
        return Batch(run, label, self.catalog.config_hash, chunks, reload, tuple(sorted(set(events))), lane)

    def plan_hours(
        self, run: str, hours: Sequence[Hour], *, reload: bool = False, lane: LaneName = "hourly"
    ) -> tuple[Batch, Counter[Hour]]:
        """Return the batch of some hours, named after the last one, and how many of its raw objects are of which hour.

        Raises:
            Refused, WillPass: see Store and Warehouse.
        """
        bucket, template = self.settings.raw_bucket, self.settings.raw_prefix
        hour_of: dict[RawObject, Hour] = {}
        for hour in hours:
            prefix = hour.prefix(template)
            found = self.store.list_raw(prefix)
            count = (
                f"{len(found)} raw objects" if found else "the hour is empty: no raw object below the prefix"
            )
            log.info("%s: s3://%s/%s: %s", hour, bucket, prefix, count)
            hour_of |= dict.fromkeys(found, hour)
        batch = self.plan(run, hours[-1].label, list(hour_of), reload=reload, lane=lane)
        return batch, Counter(hour_of[raw] for raw in batch.objects)

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
            found += [raw for prefix in prefixes for raw in self.store.list_raw(prefix)]
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

    def settled(self, object_ids: Sequence[str]) -> set[str]:
        """Return those ids whose raw objects are settled; the tables that this is looked up in are made if need be.

        Raises:
            Refused, WillPass: see Warehouse.
        """
        return past_conflicts(partial(self._settled, object_ids))

    def _settled(self, object_ids: Sequence[str]) -> set[str]:
        event_types = [event.event_type for event in self.catalog.events]
        with self.warehouse.session() as session:
            schemas = (self.settings.table_schema, self.settings.ledger_schema)
            RecordTables(session, self.statements, *schemas).prepare()
            return {
                row[0]
                for some in slices(object_ids)
                for row in session.fetch(
                    self.statements.render(
                        "settled_objects",
                        schema=self.settings.ledger_schema,
                        object_ids=some,
                        event_types=event_types,
                    )
                )
            }
