"""Commands as they are typed, on a machine with an Airflow of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
AIRFLOW = (sys.executable, "-m", "airflow")
# Airflow's own commands, one after the other: each process would pay for its imports.
COMMANDS = """
import shlex, sys
from airflow.cli import cli_parser
for command in sys.argv[1:]:
    asked = cli_parser.get_parser().parse_args(shlex.split(command))
    asked.func(asked)
"""
Done = subprocess.CompletedProcess[str]
Command = Callable[..., Done]


def environment(home: Path) -> dict[str, str]:
    """Return what a shell on that machine has in its environment."""
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__FERNET_KEY": "",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}",
        "PYTHONPATH": str(ROOT / "plugins"),
    }


def call(home: Path, *command: str, said: str = "", **more: str) -> Done:
    """Run a command to its end, with more in its environment; it is answered what is `said`, else nothing."""
    return subprocess.run(
        command,
        env={**environment(home), **more},
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
        input=said,
    )


class Prompt:
    """Our command line in one process that stays: the seconds of CPU that it takes to begin are paid once."""

    def __init__(self, home: Path, **more: str) -> None:
        self._notes = home / "notes"
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROMPT, str(self._notes)],
            env={**environment(home), **more},
            cwd=home,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *arguments: str, once: str = "", do: Callable[[], object] = list) -> Done:
        """Run a command of ours to its end; `once` it says that on stderr, `do` something."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._notes.write_text("")
        self._process.stdin.write(json.dumps(arguments) + "\n")
        self._process.stdin.flush()
        while once and once not in self._notes.read_text():
            time.sleep(0.05)
        do()
        status, said = json.loads(self._process.stdout.readline())
        return subprocess.CompletedProcess(arguments, status, said, self._notes.read_text())

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    def close(self) -> None:
        """End it."""
        self._process.communicate()


_PROMPT = """
import contextlib, io, json, signal, sys
from log_router.cli.main import main
# Whoever runs the tests in the background of a shell has it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
answers = sys.stdout
for line in sys.stdin:
    said = io.StringIO()
    with open(sys.argv[1], "a", buffering=1) as notes:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(notes):
            status = main(json.loads(line))
    print(json.dumps([status, said.getvalue()]), file=answers, flush=True)
"""
