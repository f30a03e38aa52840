"""One Airflow for all files here, one after the other: a start costs half a minute of CPU, a first run as much."""

import shutil
from collections.abc import Iterator

import pytest

from local.environment import ROOT
from local.ports import Ports
from local.stack import RAW_BUCKET, Stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Give a running stack with Airflow. By which settings and events it loads, a file says by `catalog`."""
    config = tmp_path_factory.mktemp("config") / "include"
    shutil.copytree(ROOT / "include", config)
    state = tmp_path_factory.mktemp("stack")
    read_only = (RAW_BUCKET, "github-events", "raw-*")
    with Stack(state, Ports.free(), config_dir=config, faults=True, read_only=read_only) as stack:
        yield stack
