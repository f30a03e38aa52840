"""Airflow's own operators for Redshift, in a DAG that Airflow runs."""

import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.stack import Stack
from tests.peers.environments import HERE, said

Rows = Callable[[str], list[tuple[Any, ...]]]
EVENTS = (
    b'{"id": 1, "name": "new", "at": "2026-01-02T03:04:05Z", "unknown": [1]}\n',
    b'{"id": 2, "name": "Zo\xc3\xab"}\n',
)


@pytest.fixture(scope="module")
def run(site: Stack, environment: dict[str, str]) -> tuple[dict[str, str], str]:
    """Run the DAG once; give the states of its tasks and what was logged."""
    for number, line in enumerate(EVENTS):
        site.s3().put_object(Bucket="peers", Key=f"airflow/part-{number}.gz", Body=gzip.compress(line))
    home = Path(environment["HOME"])
    variables = {
        **environment,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(HERE / "dags"),
        "AIRFLOW_CONN_AWS_DEFAULT": _connection("aws", login="test", password="test"),
        "AIRFLOW_CONN_REDSHIFT_DEFAULT": _warehouse(site),
    }
    said([sys.executable, "-m", "airflow", "db", "migrate"], variables, home)
    printed = said([sys.executable, HERE / "airflow_run.py", HERE / "dags"], variables, home)
    return json.loads(printed.splitlines()[-1]), printed


def _connection(kind: str, **fields: Any) -> str:
    return json.dumps({"conn_type": kind, **fields})


def _warehouse(site: Stack) -> str:
    reached = site.warehouse
    return _connection(
        "redshift",
        host=reached["host"],
        port=reached["port"],
        login=reached["user"],
        password=reached["password"],
        schema=reached["database"],
        extra={"ssl": False},
    )


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("append", [(1, "new"), (1, "old"), (2, "Zoë"), (9, "stays")]),
        ("replace", [(1, "new"), (2, "Zoë")]),
        ("upsert", [(1, "new"), (2, "Zoë"), (9, "stays")]),
        ("upsert_by_primary_key", [(1, "new"), (2, "Zoë"), (9, "stays")]),
    ],
)
def test_files_are_loaded_by_each_method(
    run: tuple[dict[str, str], str], rows: Rows, table: str, expected: list[tuple[Any, ...]]
) -> None:
    """APPEND adds, REPLACE empties before, UPSERT deletes the rows of the same key through a temporary table."""
    states, log = run
    assert states[f"load_{table}"] == "success", log
    assert rows(f"select id, name from peer_airflow.{table} order by id, name") == expected


@pytest.mark.parametrize("check", ["check", "value", "threshold", "column", "table"])
def test_checks_pass_where_the_rows_are_right(run: tuple[dict[str, str], str], check: str) -> None:
    """Each of the SQL checks finds what it looks for."""
    assert run[0][check] == "success", run[1]


@pytest.mark.parametrize("check", ["wrong_value", "wrong_column"])
def test_checks_fail_where_the_rows_are_wrong(run: tuple[dict[str, str], str], check: str) -> None:
    """A check that could not fail would say nothing."""
    assert run[0][check] == "failed", run[1]


def test_unload_is_refused_as_the_twins_own_limit(run: tuple[dict[str, str], str]) -> None:
    """Nobody is left to believe that Redshift could not unload."""
    assert run[0]["unload"] == "failed"
    assert "UNLOAD is not supported by the local Redshift twin" in run[1]
