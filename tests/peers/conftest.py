"""What every peer is given: the twin, an S3 server, and a bucket."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from local import s3
from local.environment import aws_environment, base_environment
from local.stack import Stack

BUCKET = "peers"


@pytest.fixture(scope="session")
def site(storage: Stack) -> Stack:
    """Give a running twin and S3 server with a bucket for the peers."""
    s3.make_bucket(storage.s3(), BUCKET)
    return storage


@pytest.fixture(scope="module")
def environment(site: Stack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Give the variables that a peer's programs start from: nobody's own settings, our S3 server."""
    home: Path = tmp_path_factory.mktemp("peer")
    return {**base_environment(home), **aws_environment(site.s3_endpoint)}


@pytest.fixture(scope="module")
def rows(site: Stack) -> Callable[[str], list[tuple[Any, ...]]]:
    """Give a function that returns a query's rows, by a session of its own."""

    def fetch(query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(site.warehouse_dsn, autocommit=True) as connection:
            return connection.execute(query.encode()).fetchall()

    return fetch
