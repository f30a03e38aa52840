"""A short run of the fault harness, and that its mutations still fit the product."""

import subprocess
import sys

import pytest

from local.environment import ROOT
from local.twin.isolation import LEVELS
from tests.harness.mutation import Mutation
from tests.harness.mutations import MUTATIONS

SEEDS = 5


def test_nothing_is_lost_and_nothing_doubled() -> None:
    """Under kills and faults, at both isolation levels, the tables end as a plain reference says."""
    command = [sys.executable, "-m", "tests.harness", "--seeds", str(SEEDS), "--isolation"]
    playing = {
        level: subprocess.Popen([*command, level], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for level in LEVELS
    }
    said = {level: process.communicate()[0] for level, process in playing.items()}
    for level, process in playing.items():
        assert process.returncode == 0, said[level]
        assert f"{level}: {SEEDS} seeds, 0 failed" in said[level]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_mutations_fit(mutation: Mutation) -> None:
    """What a mutation replaces stands there once."""
    assert [(ROOT / file).read_text().count(old) for file, old, _ in mutation.changes] == [1] * len(
        mutation.changes
    )
