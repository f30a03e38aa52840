"""The tutorial, typed as it stands: an event is added to a running site, and its past appears."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local.environment import ROOT
from local.generate import hours, rates
from local.launch import shell_environment
from local.stack import RAW_BUCKET, Stack
from log_router.site import CONFIG_VARIABLE
from tests.e2e.airflow import DAG, catalog, trigger

TEXT = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
# Files and commands, in their order.
STEPS = re.findall(r"```(yaml|sh)\n(?:# (events/\S+)\n)?(.*?)```", TEXT, re.DOTALL)
HOUR = datetime(2025, 6, 12, 17, tzinfo=UTC)

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module", autouse=True)
def config(stack: Stack) -> Iterator[Path]:
    """Have Airflow know the demo's events, with the two DAGs on that the commands run."""
    with catalog(stack, ROOT / "include", max_quarantined_share=1, schema="marketplace") as config:
        for dag in ("log_router_bulk", "log_router_reload"):
            stack.api.patch(f"/dags/{dag}", {"is_paused": False})
        yield config


def test_the_tutorial_does_what_it_says(stack: Stack, config: Path) -> None:
    """Each command succeeds, but `radar`, which has found something; the table holds what the lines say."""
    variants = loaded_hour(stack)
    said = ""
    for kind, file, text in STEPS:
        if kind == "yaml":
            (config / file).parent.mkdir(exist_ok=True)
            (config / file).write_text(text)
            continue
        for command in text.splitlines():
            done = typed(stack, command)
            assert done.returncode == (1 if command == "log-router radar" else 0), done.stdout + done.stderr
            said += f"$ {command}\n{done.stdout}"
    # The record also knows of lines that other tests have left.
    assert re.search(r"\n  ab_test_assigned: \d+ lines in", said)
    assert "with 269 columns and 6 samples: all is well" in said
    for (experiment, variant), count in variants.items():
        assert re.search(rf"{experiment} +\| {variant} +\| +{count}\n", said)
    assert 'ADD COLUMN "bucket" SMALLINT' in said
    assert re.search(rf"\d+ \| +\d+ \| +{variants.total()}\n", said.rpartition("MIN(bucket)")[2])


def loaded_hour(stack: Stack) -> Counter[tuple[str, str]]:
    """Load an hour by the files of the demo; return how many lines of the other event there are, by what they say."""
    variants: Counter[tuple[str, str]] = Counter()
    shape: dict[str, Any] = {
        "seed": 5,
        "objects_per_hour": 1,
        "lines_per_object": 2000,
        "compression": "none",
    }
    for made in hours(HOUR, 1, prefix="raw/%Y/%m/%d/%H/", rates=rates(unrouted=0.05), **shape):
        body = b"".join(made.blocks)
        stack.s3().put_object(Bucket=RAW_BUCKET, Key=made.key, Body=body)
        for line in body.splitlines():
            if line.startswith(b'{"event":"ab_test_assigned"'):
                found = json.loads(line)["properties"]
                variants[found["experiment"], found["variant"]] += 1
    assert stack.wait_for_run(DAG, trigger(stack, HOUR.isoformat())) == "success"
    return variants


def typed(stack: Stack, command: str) -> subprocess.CompletedProcess[str]:
    """Type a command in a shell at the stack."""
    env = shell_environment(stack)
    path = (str(ROOT / "bin"), str(Path(sys.executable).parent), env["PATH"])
    return subprocess.run(
        ["bash", "-c", command],
        env={**env, CONFIG_VARIABLE: stack.env()[CONFIG_VARIABLE], "PATH": os.pathsep.join(path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
