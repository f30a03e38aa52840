"""A site of its own for each test: fresh buckets and schemas on the shared servers."""

from collections.abc import Iterator

import pytest

from local.ports import Ports
from local.stack import Stack
from log_router.core.events import Event
from tests.adapters.place import EVENTS, MakePlace, Place, place_at


@pytest.fixture(scope="session")
def serializable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Give servers of their own, with a warehouse as it was made before snapshot isolation became the default."""
    state = tmp_path_factory.mktemp("serializable")
    with Stack(
        state, Ports.free(), airflow=False, faults=True, isolation="serializable", read_only=["raw-*"]
    ) as stack:
        yield stack
        assert stack.s3_faults.violations() == []


@pytest.fixture
def isolation(request: pytest.FixtureRequest) -> str:
    """Give the isolation level that a test is run at."""
    level: str = getattr(request, "param", "snapshot")
    return level


@pytest.fixture
def storage(request: pytest.FixtureRequest, storage: Stack, isolation: str) -> Stack:
    """Give the servers of a test: the shared ones, or those of the isolation level it is run at."""
    if isolation == "snapshot":
        return storage
    found: Stack = request.getfixturevalue("serializable")
    return found


@pytest.fixture
def make_place(storage: Stack) -> MakePlace:
    """Give a maker of sites, with settings and events as asked for."""

    def make(*, events: tuple[Event, ...] = EVENTS, **settings: object) -> Place:
        return place_at(storage, events, **settings)

    return make


@pytest.fixture
def place(make_place: MakePlace) -> Place:
    """Give a site with two small events."""
    return make_place()
