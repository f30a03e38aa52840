"""Servers that tests share: real PostgreSQL, S3 and Redshift twin, started once, on free ports."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from xdist.scheduler import LoadFileScheduling

from local.ports import Ports
from local.stack import Stack

if TYPE_CHECKING:
    from pathlib import Path

END_TO_END = "tests/e2e/"


class _Chains(LoadFileScheduling):  # type: ignore[misc]  # xdist is untyped
    """A file at a time, as `--dist loadfile`; those that share an Airflow one after the other."""

    def _split_scope(self, nodeid: str) -> str:
        return END_TO_END if nodeid.startswith(END_TO_END) else str(super()._split_scope(nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> _Chains | None:
    """Have one worker do all of tests/e2e, where files are what is shared out."""
    return _Chains(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest chain: else all would wait for it at the end."""
    items.sort(key=lambda item: not item.nodeid.startswith(END_TO_END))


@pytest.fixture(scope="session")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Give PostgreSQL, S3 and the twin, without Airflow; twin and S3 can be made to fail."""
    state: Path = tmp_path_factory.mktemp("storage")
    with Stack(state, Ports.free(), airflow=False, faults=True, read_only=["raw-*"]) as stack:
        yield stack
        assert stack.s3_faults.violations() == []
