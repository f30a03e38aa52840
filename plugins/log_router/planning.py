"""Which raw objects a run has to load, as a batch."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from log_router.core.batches import Batch, RawObject, pack
from log_router.core.catalog import Catalog
from log_router.core.settings import Settings
from log_router.core.sql import Statements
from log_router.loading import slices
from log_router.store import Store
from log_router.warehouse import Warehouse, past_conflicts

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Planner:
    """Plans batches against what the warehouse says is settled."""

    store: Store
    warehouse: Warehouse
    statements: Statements
    settings: Settings
    catalog: Catalog

    def plan(self, run: str, label: str, found: Sequence[RawObject], *, reload: bool = False) -> Batch:
        """Return the batch of those raw objects that are not settled yet, in their order; writes nothing to S3.

        A reload takes all of them. A raw object is settled when each event in it that the catalog knows has been
        loaded. The schemas and tables this is looked up in are made where they are missing.
        """
        self._prepare()
        settled = set() if reload else self._settled([raw.object_id for raw in found])
        pending = [raw for raw in found if raw.object_id not in settled]
        log.info("%s: %d raw objects found, %d settled before", label, len(found), len(found) - len(pending))
        chunks = pack(pending, self.settings.chunk_bytes, self.settings.max_chunks)
        return Batch(run, label, self.catalog.config_hash, chunks, reload)

    def _prepare(self) -> None:
        ledger = self.settings.ledger_schema
        for schema in (self.settings.table_schema, ledger):
            # Looked for first: CREATE SCHEMA needs a right on the database, even where the schema is there.
            past_conflicts(partial(self._create, "create_schema", schema, unless="schema_there"))
        for table in ("create_objects", "create_object_events"):
            past_conflicts(partial(self._create, table, ledger))

    def _create(self, statement: str, schema: str, unless: str = "") -> None:
        with self.warehouse.session() as session:
            if unless and session.fetch(self.statements.render(unless, schema=schema)):
                return
            session.run(self.statements.render(statement, schema=schema))
            session.commit()

    def _settled(self, object_ids: Sequence[str]) -> set[str]:
        event_types = [event.event_type for event in self.catalog.events]
        with self.warehouse.session() as session:
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
