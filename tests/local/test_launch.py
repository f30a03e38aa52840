"""`make up` with a catalog and `make shell`, as far as they can be seen without starting anything."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local import launch
from local.environment import ROOT, StackError
from local.ports import Ports
from local.stack import Stack


def test_a_shell_reaches_the_stack_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow, the AWS clients and psql need no option; a person's own settings are left out."""
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("TERM", "xterm")
    ports = Ports(s3=4001, warehouse=4002)
    stack = Stack(tmp_path, ports, config_dir=ROOT / "examples" / "github")
    found = launch.shell_environment(stack)
    assert {name for name, value in stack.env().items() if found[name] != value} == {"PATH"}
    wanted = {
        "LOG_ROUTER_CONFIG": str(ROOT / "examples" / "github"),
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4001",
        "PGHOST": "127.0.0.1",
        "PGPORT": "4002",
        "PGPASSWORD": stack.credentials.warehouse,
        "TERM": "xterm",
    }
    assert wanted.items() <= found.items()
    assert "AWS_PROFILE" not in found
    path = found["PATH"].split(os.pathsep)
    assert path[0] == str(ROOT / ".venv" / "bin")
    assert (Path(path[-1]) / "psql").exists()


def test_a_shell_without_a_stack_says_what_to_do(tmp_path: Path) -> None:
    """One line, and nothing is made."""
    command = "import sys; from pathlib import Path; from local import launch; "
    command += "launch.STATE_DIR = Path(sys.argv[1]); launch.run_command(launch._shell)"
    state = tmp_path / "stack"
    done = subprocess.run(
        [sys.executable, "-c", command, state], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "error: the stack is not up: run `make up` first\n")
    assert not state.exists()


def test_a_catalogs_own_buckets_are_made() -> None:
    """They are those of its settings.yaml."""
    assert launch.buckets_of(ROOT / "examples" / "github") == ["github-events", "log-router-staging"]


@pytest.mark.parametrize("text", [None, "raw_bucket: only-this\n", "- a list\n", "a: [", ""])
def test_a_folder_that_is_no_catalog_is_refused_in_one_line(tmp_path: Path, text: str | None) -> None:
    """Before anything is started."""
    if text is not None:
        (tmp_path / "settings.yaml").write_text(text)
    with pytest.raises(StackError, match=r"LOG_ROUTER_CONFIG: .*settings\.yaml can't be read, or lacks"):
        launch.buckets_of(tmp_path)
