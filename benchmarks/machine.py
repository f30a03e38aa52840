"""The facts of the machine that a measurement was made on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from local.stack import Stack


def processor() -> str:
    """Return the processor's name."""
    return Path("/proc/cpuinfo").read_text().partition("model name\t: ")[2].partition("\n")[0]


def facts(stack: Stack) -> str:
    """Return processor, memory, versions and load, as lines for a person."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    with psycopg.connect(stack.postgres_dsn) as connection:
        postgres = connection.info.parameter_status("server_version")
    names = ("apache-airflow", "apache-airflow-providers-amazon", "redshift-connector")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    return (
        f"{os.cpu_count()} cores, {processor()}, {memory:.0f} GiB, {platform.system()} {platform.release()}\n"
        f"Python {platform.python_version()}, {versions}, PostgreSQL {postgres}\n"
        f"load average before all: {os.getloadavg()[0]:.1f}"
    )
