"""A real PostgreSQL, a real S3 server over HTTP, and the twin between them, once for all tests."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local import s3
from local.credentials import Credentials
from local.environment import base_environment
from local.ports import Ports
from local.postgres import Postgres
from local.processes import Processes
from local.twin.faults import Faults
from local.twin.protocol.tls import AUTHORITY
from tests.twin.warehouse import USER, Bucket, Db, Warehouse, running_twin

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture(scope="session")
def ports() -> Ports:
    return Ports.free()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, ports: Ports) -> Iterator[Path]:
    """Run PostgreSQL, the S3 server and the twin; yield their state folder."""
    state = tmp_path_factory.mktemp("twin-stack")
    for folder in (state, *state.parents):
        # the unprivileged user that PostgreSQL runs as must reach its data
        if folder.owner() == state.owner() and folder.name.startswith(("pytest-", "twin-")):
            folder.chmod(folder.stat().st_mode | 0o011)
    environment = base_environment(state)
    processes = Processes(state)
    postgres = Postgres(state, ports.postgres, Credentials.kept_in(state), environment)
    try:
        postgres.start(processes)
        s3.start(processes, state, ports.s3, environment)
        tls = ("--tls-dir", f"{environment['HOME']}/tls")
        listens = ("--port", str(ports.warehouse), "--control-port", str(ports.faults))
        with running_twin(postgres.dsn, ports.s3, environment, *listens, *tls) as port:
            assert port == ports.warehouse
            yield state
    finally:
        processes.stop()


@pytest.fixture(scope="session")
def warehouse(stack: Path, ports: Ports) -> Warehouse:
    assert stack.exists()
    return Warehouse(ports.warehouse, stack / "home" / "tls" / AUTHORITY)


@pytest.fixture
def psql(stack: Path, ports: Ports) -> list[str]:
    """The command line client of the PostgreSQL that the project installs, for the twin; it knows no TLS."""
    behind = Postgres(stack, ports.postgres, Credentials.kept_in(stack), base_environment(stack))
    address = f"postgresql://{USER}@127.0.0.1:{ports.warehouse}/dev"
    return [str(behind.binaries / "psql"), "--no-psqlrc", address]


@pytest.fixture
def faults(stack: Path, ports: Ports) -> Iterator[Faults]:
    """What makes the twin fail on demand; all faults are disarmed at the end."""
    assert stack.exists()
    control = Faults(ports.faults)
    yield control
    control.clear()


@pytest.fixture(scope="session")
def s3_client(stack: Path, ports: Ports) -> "S3Client":
    assert stack.exists()
    return s3.s3_client(ports.s3)


@pytest.fixture
def bucket(s3_client: "S3Client") -> Bucket:
    name = "twin-tests"
    s3.make_bucket(s3_client, name)
    return Bucket(s3_client, name, f"{os.urandom(6).hex()}/")


@pytest.fixture
def db(warehouse: Warehouse) -> Iterator[Db]:
    """A psycopg connection in autocommit mode."""
    with warehouse.connect() as connection:
        yield connection


@pytest.fixture
def schema(db: Db) -> Iterator[str]:
    """A schema of the test's own, on the connection's search path."""
    name = f"t_{os.urandom(4).hex()}"
    db.execute(f"create schema {name}".encode())
    db.execute(f"set search_path to {name}".encode())
    yield name
    db.execute(f"drop schema {name} cascade".encode())


@pytest.fixture
def table(db: Db, schema: str) -> str:
    """The name of an empty table with one column, `a`."""
    db.execute("create table t (a int)")
    return f"{schema}.t"
