"""Airflow finds the hook that moves backfills, in our file or in one that a site has already."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ASK = """
from datetime import UTC, datetime
from types import SimpleNamespace
from airflow import settings
task = SimpleNamespace(dag_id="log_router_hourly", task_id="split", pool="log_router_split", priority_weight=30)
run = SimpleNamespace(run_type="backfill", run_after=datetime.now(UTC))
settings.task_instance_mutation_hook(task, dag_run=run)
print(settings.task_instance_mutation_hook.is_noop, task.pool, task.priority_weight)
"""


def documented() -> str:
    """Return the file that operations.md has for a site with its own."""
    (found,) = re.findall(
        r"```python\n(from log_router import lanes\n.*?)```",
        (ROOT / "docs" / "operations.md").read_text(),
        re.DOTALL,
    )
    return str(found)


@pytest.mark.parametrize("theirs", ["", documented()], ids=["ours", "theirs"])
def test_airflow_calls_it(tmp_path: Path, theirs: str) -> None:
    """A task of a backfill changes lanes; a site's own file, which hides ours, calls it as documented."""
    if theirs:
        (tmp_path / "config").mkdir()
        (tmp_path / "config" / "airflow_local_settings.py").write_text(theirs)
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        env={
            "AIRFLOW_HOME": str(tmp_path),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
            "PATH": os.defpath,
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "False log_router_backfill_split 10"
