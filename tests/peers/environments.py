"""The environments that `make peers` installs: other projects as their users have them, apart from ours."""

import hashlib
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from local.environment import ROOT

HERE = Path(__file__).parent


def binaries(peer: str) -> Path:
    """Return the folder of a peer's programs; skips the test where its environment is not as its lock wants."""
    environment = ROOT / ".local" / "peers" / peer
    stamp = environment / ".installed"
    lock = HERE / f"requirements-{peer}.txt"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if not stamp.exists() or not stamp.read_text().startswith(wanted):
        pytest.skip(f"{peer} is not installed as {lock.name} says: run `make peers`")
    return environment / "bin"


def said(command: list[str | Path], environment: Mapping[str, str], folder: Path) -> str:
    """Return what a program prints; fails the test with all of it when the program fails."""
    done = subprocess.run(
        command, env=dict(environment), cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout
