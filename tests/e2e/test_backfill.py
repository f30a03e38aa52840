"""Backfills typed on a machine with a real Airflow, followed to their end."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.stack import RAW_BUCKET, Stack
from tests.e2e.airflow import catalog, contents, until

ROOT = Path(__file__).resolve().parents[2]
BULK = "log_router_bulk"
SETTINGS = {
    "raw_prefix": "backfill/%Y/%m/%d/%H/",
    "schema": "backfill",
    "ledger_schema": "log_router_backfill",
}

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module", autouse=True)
def config(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give Airflow a site with two events."""
    folder = tmp_path_factory.mktemp("backfill") / "include"
    (folder / "events").mkdir(parents=True)
    settings = (ROOT / "include" / "settings.yaml").read_text()
    (folder / "settings.yaml").write_text(settings)
    for event in ("opened", "closed"):
        columns = {"columns": [{"name": "id", "type": "bigint"}]}
        (folder / "events" / f"{event}.yaml").write_text(json.dumps(columns))
    with catalog(stack, folder, **SETTINGS) as config:
        stack.api.patch(f"/dags/{BULK}", {"is_paused": False})
        yield config
        stack.api.patch(f"/dags/{BULK}", {"is_paused": True})


def log_router(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Type `log-router backfill`."""
    command = (sys.executable, "-m", "log_router", "backfill", *arguments)
    environment = {**stack.env(), "PYTHONPATH": str(ROOT / "plugins")}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def loaded(stack: Stack) -> list[int]:
    """Return the ids of all rows, each as often as it stands there."""
    found = contents(stack, SETTINGS["schema"], ["opened", "closed"])
    return sorted(row[0] for rows in found.values() for row in rows)


def test_both_commands_load_a_range(stack: Stack) -> None:
    """Ours keeps to the hours typed and says what it loaded; Airflow 2's takes whole days, and loads what is left."""
    for number, hour in enumerate(("01/19", "01/21", "02/03", "02/04"), start=1):
        lines = [json.dumps({"event": event, "id": number}) for event in ("opened", "closed")]
        key = f"backfill/2025/04/{hour}/a.json"
        stack.s3().put_object(Bucket=RAW_BUCKET, Key=key, Body="\n".join(lines).encode())
    done = log_router(stack, "--from", "2025-04-01T20:00:00Z", "--to", "2025-04-02T04:00:00Z", "--wait")
    assert done.returncode == 0, done.stderr
    assert ": 2 runs succeeded, 0 failed" in done.stdout
    assert done.stdout.endswith("  closed: 2 rows\n  opened: 2 rows\n")
    assert loaded(stack) == [2, 2, 3, 3]

    days = ("-s", "2025-04-01", "-e", "2025-04-02", "-c", '{"mode": "missing"}')
    until(lambda: _made(stack, *days), 120)
    done = log_router(stack, "--wait")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("  closed: 2 rows\n  opened: 2 rows\n")
    assert loaded(stack) == [1, 1, 2, 2, 3, 3, 4, 4]

    done = log_router(stack, "--from", "2025-04-01", "--to", "2025-04-03")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("All of it is loaded: there is nothing to make.\n")


def _made(stack: Stack, *days: str) -> bool:
    """Type Airflow 2's command; False until Airflow has noted the end of the backfill before."""
    try:
        stack.airflow("dags", "backfill", *days, "--reset-dagruns", "--yes", BULK)
    except Exception as error:
        if "AlreadyRunningBackfill" in str(error):
            return False
        raise
    return True
