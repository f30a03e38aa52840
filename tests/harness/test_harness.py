"""A short run of the fault harness, and that its mutations still fit the product."""

import subprocess
import sys

import pytest

from local.environment import ROOT
from tests.harness.mutations import MUTATIONS, Mutation

SEEDS = 12


def test_nothing_is_lost_and_nothing_doubled() -> None:
    """Under kills and faults, at both isolation levels, the tables end as a plain reference says."""
    command = [
        sys.executable,
        "-m",
        "tests.harness",
        "--seeds",
        str(SEEDS),
        "--isolation",
        "both",
        "--jobs",
        "2",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"serializable: {SEEDS} seeds, green" in done.stdout


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_mutations_fit(mutation: Mutation) -> None:
    """What a mutation replaces stands in the product once."""
    assert (ROOT / mutation.file).read_text().count(mutation.old) == 1
