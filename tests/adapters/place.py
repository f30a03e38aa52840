"""One site of a test, and the two events it knows."""

import json
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import redshift_connector

from local.stack import Stack
from log_router.core import quarantine
from log_router.core.batches import Batch, RawObject, pack
from log_router.core.catalog import Catalog
from log_router.core.events import Event
from log_router.core.manifests import ChunkReport, Manifest, manifests
from log_router.core.masks import Masks
from log_router.core.records import Work
from log_router.core.settings import MIB, Settings
from log_router.core.sql import Statements
from log_router.isolating import Isolations, load_isolating
from log_router.loading import Load, Outcome
from log_router.planning import Planner
from log_router.settling import Loads, Settlement, Settler
from log_router.splitting import split_chunk
from log_router.store import Store
from log_router.warehouse import Warehouse

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SQL = Path(__file__).resolve().parents[2] / "include" / "sql"


# Not a parameter of `storage` itself: its servers would be started anew for each test.
at_each_level = pytest.mark.parametrize("isolation", ["snapshot", "serializable"], indirect=True)


# What settle is told of a batch's tasks where nothing hangs on it.
WORK = Work(datetime(2026, 1, 31, 14, 5, tzinfo=UTC), 2048, 1, 2.5, 2, 1.5)


# The key of hashes in masked columns.
SECRET = b"a secret of these tests"


@dataclass(frozen=True)
class Ran:
    """What a run came to; `outcomes` are of its loads."""

    batch: Batch
    reports: dict[int, ChunkReport]
    outcomes: list[Outcome]
    settlement: Settlement


@dataclass(frozen=True)
class Place:
    """One site: what the tasks of a run would be given, and the client of a producer of raw objects."""

    producer: "S3Client"
    store: Store
    warehouse: Warehouse
    statements: Statements
    settings: Settings
    catalog: Catalog

    def upload(self, key: str, body: bytes) -> RawObject:
        """Put a raw object where a producer would."""
        bucket = self.settings.raw_bucket
        self.producer.put_object(Bucket=bucket, Key=key, Body=body)
        (found,) = [raw for raw in self.store.list_raw(key) if raw.key == key]
        return found

    @property
    def planner(self) -> Planner:
        """What plans the batches."""
        return Planner(self.store, self.warehouse, self.statements, self.settings, self.catalog)

    def plan(
        self, run: str = "run", prefix: str = "raw/", *, reload: bool = False, events: tuple[str, ...] = ()
    ) -> Batch:
        """Plan what is below a prefix."""
        return self.planner.plan(run, "label", self.store.list_raw(prefix), reload=reload, events=events)

    def run(self, name: str, *, reload: bool = False, events: tuple[str, ...] = (), failing: str = "") -> Ran:
        """Plan, split, load and settle all there is; the load of the `failing` event does not happen."""
        return self.finish(self.plan(name, reload=reload, events=events), failing)

    def finish(self, batch: Batch, failing: str = "") -> Ran:
        """Split, load and settle a batch."""
        reports = self.reports(batch)
        made = [one for one in self.manifests(batch, reports.values()) if one.event != failing]
        outcomes = [self.load(manifest) for manifest in made]
        return Ran(batch, reports, outcomes, self.settle(batch, list(reports.values()), loads(outcomes)))

    def split(self, batch: Batch) -> tuple[Manifest, ...]:
        """Split all chunks of a batch; return its manifests."""
        return self.manifests(batch, self.reports(batch).values())

    def reports(self, batch: Batch) -> dict[int, ChunkReport]:
        """Split all chunks of a batch; return the report of each."""
        return {
            chunk: split_chunk(self.store, batch, self.catalog, chunk, SECRET)
            for chunk in range(len(batch.chunks))
        }

    def manifests(self, batch: Batch, reports: Iterable[ChunkReport]) -> tuple[Manifest, ...]:
        """Return the manifests of a batch that is split."""
        return manifests(batch, self.catalog, reports)

    def batch_of(self, *raws: RawObject, run: str = "run") -> Batch:
        """Return a batch of these raw objects, whatever is loaded already."""
        return Batch(run, "label", self.catalog.config_hash, pack(raws, 64 * MIB, 8))

    def load(self, manifest: Manifest) -> Outcome:
        """Load one event."""
        self.store.put_manifest(manifest)
        return self.load_of(manifest).run()

    def load_of(self, manifest: Manifest) -> Load:
        """Return the load of one event, its manifest written."""
        self.store.put_manifest(manifest)
        own = manifest.event == quarantine.TABLE.name
        event = quarantine.TABLE if own else self.catalog.event(manifest.event)
        return Load(
            warehouse=self.warehouse,
            statements=self.statements,
            settings=self.settings,
            schema=self.settings.ledger_schema if event is quarantine.TABLE else self.settings.table_schema,
            event=event,
            manifest=manifest,
            manifest_url=self.store.manifest_url(manifest),
            parts_url=self.store.parts_url(manifest),
        )

    def load_isolating(self, batch: Batch, manifest: Manifest) -> Outcome:
        """Load one event, lines that COPY refuses left out."""
        return load_isolating(self.load_of(manifest), self.store, batch, Masks(self.catalog, SECRET))

    def settle(
        self,
        batch: Batch,
        reports: Sequence[ChunkReport],
        loaded: Loads,
        isolated: Sequence[str] = (),
    ) -> Settlement:
        """Load the quarantined lines of a batch, those of `isolated` events too, and record what became of it."""
        isolations = Isolations(self.store, self.warehouse, self.statements, self.settings.ledger_schema)
        numbered = dict(enumerate(reports))
        reports = list(isolations.corrected(batch, self.catalog, numbered, isolated).values())
        settler = Settler(self.warehouse, self.statements, self.settings.ledger_schema)
        left_alone = settler.left_alone(batch, self.catalog, reports, loaded.keys())
        self.load(quarantine.manifest(batch, self.catalog, reports, left_alone))
        return settler.settle(batch, self.catalog, reports, loaded, WORK)

    def rows(self, query: str) -> list[list[object]]:
        """Return the rows of a query in the schema of the event tables."""
        with self.warehouse.session() as session:
            session.run(f'SET search_path TO "{self.settings.table_schema}"')
            return [list(row) for row in session.fetch(query)]

    def ledger_rows(self, query: str) -> list[list[object]]:
        """Return the rows of a query; `{}` in it is the ledger's schema."""
        return self.rows(query.format(self.settings.ledger_schema))


def loads(outcomes: Iterable[Outcome]) -> Loads:
    """Return what settle is told of loads, as the operator does."""
    return {one.event: None if one.already_loaded else one.loaded_at for one in outcomes}


MakePlace = Callable[..., Place]


def place_at(storage: Stack, events: tuple[Event, ...], **settings: object) -> Place:
    """Return a new site on these servers, with buckets and schemas of its own."""
    name = uuid.uuid4().hex[:12]
    chosen = Settings.model_validate(
        {
            "raw_bucket": f"raw-{name}",
            "raw_prefix": "raw/%Y/%m/%d/%H/",
            "event_key": "event",
            "staging_bucket": f"staging-{name}",
            "schema": f"events_{name}",
            "ledger_schema": f"ledger_{name}",
            **settings,
        }
    )
    statements = Statements(SQL)
    producer = storage.s3()
    for bucket in (chosen.raw_bucket, chosen.staging_bucket):
        producer.create_bucket(Bucket=bucket)
    return Place(
        producer=producer,
        store=Store(storage.s3_as_product(), chosen),
        warehouse=Warehouse(
            lambda: redshift_connector.connect(**storage.warehouse),
            (
                statements.render("set_query_group"),
                statements.render("set_statement_timeout", milliseconds=60_000),
            ),
        ),
        statements=statements,
        settings=chosen,
        catalog=Catalog(event_key=chosen.event_key, events=events),
    )


EVENTS = (
    Event.model_validate(
        {
            "name": "order_placed",
            "event_type": "order_placed",
            "table": "order_placed",
            "description": "A buyer's order; it's placed \\o/",
            "event_time": "at",
            "sort_key": ["at"],
            "dist_key": "order",
            "columns": [
                {"name": "order", "path": "properties.id", "type": "bigint", "required": True},
                {"name": "at", "type": "timestamp", "description": "When, in UTC"},
                {"name": "total", "path": "properties.total", "type": "numeric(12,2)"},
                {"name": "note", "path": "properties.note", "type": "varchar(32)"},
                {"name": "items", "path": "properties.items", "type": "super"},
            ],
        }
    ),
    Event.model_validate(
        {
            "name": "page_viewed",
            "event_type": "page_viewed",
            "table": "page_viewed",
            "columns": [{"name": "url", "type": "varchar(64)"}],
        }
    ),
)


VIEW = b'{"event":"page_viewed","url":"/"}\n'


def order(number: object, **properties: object) -> bytes:
    """Return a line of one placed order."""
    document = {
        "event": "order_placed",
        "at": "2026-01-31T13:00:00Z",
        "properties": {"id": number, "total": 9.99, **properties},
    }
    return json.dumps(document).encode() + b"\n"
