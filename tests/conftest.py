"""Servers that tests share: real PostgreSQL, S3 and Redshift twin, started once, on free ports."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from local.ports import Ports
from local.stack import Stack

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Give PostgreSQL, S3 and the twin, without Airflow; twin and S3 can be made to fail."""
    state: Path = tmp_path_factory.mktemp("storage")
    with Stack(state, Ports.free(), airflow=False, faults=True, read_only=["raw-*"]) as stack:
        yield stack
        assert stack.s3_faults.violations() == []
