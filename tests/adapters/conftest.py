"""A site of its own for each test: fresh buckets and schemas on the shared servers."""

import uuid
from collections.abc import Iterator

import pytest
import redshift_connector

from local.ports import Ports
from local.stack import Stack
from log_router.core.catalog import Catalog
from log_router.core.events import Event
from log_router.core.settings import Settings
from log_router.core.sql import Statements
from log_router.store import Store
from log_router.warehouse import Warehouse
from tests.adapters.place import EVENTS, SQL, MakePlace, Place


@pytest.fixture(scope="session")
def serializable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Give servers of their own, with a warehouse as it was made before snapshot isolation became the default."""
    state = tmp_path_factory.mktemp("serializable")
    with Stack(state, Ports.free(), airflow=False, faults=True, isolation="serializable") as stack:
        yield stack


@pytest.fixture
def storage(request: pytest.FixtureRequest, storage: Stack) -> Stack:
    """Give the servers of a test: the shared ones, or those of the isolation level it is run at."""
    if getattr(request, "param", "snapshot") == "snapshot":
        return storage
    found: Stack = request.getfixturevalue("serializable")
    return found


@pytest.fixture
def make_place(storage: Stack) -> MakePlace:
    """Give a maker of sites, with settings and events as asked for."""

    def make(*, events: tuple[Event, ...] = EVENTS, **settings: object) -> Place:
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
        client = storage.s3()
        for bucket in (chosen.raw_bucket, chosen.staging_bucket):
            client.create_bucket(Bucket=bucket)
        return Place(
            store=Store(client, chosen),
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

    return make


@pytest.fixture
def place(make_place: MakePlace) -> Place:
    """Give a site with two small events."""
    return make_place()
