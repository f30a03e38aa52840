"""`make down` stops the stack whatever became of the installation."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

SET_UP = """#!/bin/sh
echo set up
mkdir -p .venv/bin
printf '#!/bin/sh\\necho "$@"\\n' >.venv/bin/python
chmod +x .venv/bin/python
touch .venv/.installed
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a folder with our Makefile, nothing installed, and a set-up that only says that it ran."""
    folder = tmp_path / "a project"
    set_up = folder / "local" / "set_up.sh"
    set_up.parent.mkdir(parents=True)
    set_up.write_text(SET_UP)
    set_up.chmod(0o755)
    shutil.copy(ROOT / "Makefile", folder)
    return folder


def down(project: Path) -> list[str]:
    command = ["make", "--no-print-directory", "-C", str(project), "down"]
    # without what the make that runs the tests hands down
    environment = {"PATH": os.environ["PATH"]}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def started(project: Path) -> None:
    run = project / ".local" / "stack" / "run"
    run.mkdir(parents=True)
    (run / "postgres.pid").write_text("{}")


def test_down_installs_nothing_when_nothing_was_started(project: Path) -> None:
    """An installation that was cut short does not keep `make clean` from its work."""
    assert down(project) == ["Nothing was running."]
    assert not (project / ".venv").exists()


def test_down_makes_good_an_installation_that_was_cut_short(project: Path) -> None:
    """A stack outlives its environment, and is stopped all the same."""
    started(project)
    assert down(project) == ["set up", "-m local.launch down"]


def test_down_changes_nothing_about_a_whole_installation(project: Path) -> None:
    """New lock files don't matter for stopping."""
    started(project)
    down(project)
    assert down(project) == ["-m local.launch down"]
