"""What `local.processes` starts can be found again and stopped, and nothing else is ever touched."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.environment import StackError
from local.processes import Processes, Service

# sleeps, and leaves a child that sleeps and ignores the polite signal
PARENT = """
import signal, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import signal, time\\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)"], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(600)
"""


def service(name: str, code: str, **options: float) -> Service:
    return Service(name, (sys.executable, "-c", code), dict(os.environ), **options)  # type: ignore[arg-type]


def eventually(true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)
    return true()


def runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    started = Processes(tmp_path)
    yield started
    started.stop()


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A process that nobody of ours started."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        yield process
        process.kill()


def family(processes: Processes, tmp_path: Path) -> tuple[int, int]:
    """Start the parent with its stubborn child; return both numbers."""
    processes.start(service("parent", PARENT, grace_seconds=2))
    log = processes.log_path("parent")
    assert eventually(lambda: log.read_text().endswith("\n"))
    parent = json.loads((tmp_path / "run" / "parent.pid").read_text())["pid"]
    return parent, int(log.read_text())


def test_stop_ends_the_process_and_a_child_that_ignores_the_signal(
    processes: Processes, tmp_path: Path
) -> None:
    """Nothing of a service outlives `stop`, and its pid file is gone."""
    pids = family(processes, tmp_path)
    assert all(map(runs, pids))
    assert processes.stop() == ["parent"]
    assert not any(map(runs, pids))
    assert processes.names() == []


def test_another_launcher_finds_and_stops_what_the_first_one_started(
    processes: Processes, tmp_path: Path
) -> None:
    """The pid files are all that `make down` needs to know."""
    pids = family(processes, tmp_path)
    later = Processes(tmp_path)
    assert later.is_running("parent")
    assert later.stop() == ["parent"]
    assert not any(map(runs, pids))


def test_stop_ends_the_child_of_a_service_that_crashed(processes: Processes, tmp_path: Path) -> None:
    """A crash of the leader leaves no orphan behind."""
    parent, child = family(processes, tmp_path)
    os.kill(parent, signal.SIGKILL)
    assert eventually(lambda: not runs(parent))
    assert not processes.is_running("parent")
    assert runs(child)
    assert processes.stop() == ["parent"]
    assert not runs(child)


def test_a_number_that_was_given_to_somebody_else_is_never_killed(
    processes: Processes, tmp_path: Path, stranger: subprocess.Popen[bytes]
) -> None:
    """A pid file whose number now means another process stops nothing."""
    pid_file = tmp_path / "run" / "parent.pid"
    family(processes, tmp_path)
    record = json.loads(pid_file.read_text())
    processes.stop()
    pid_file.write_text(json.dumps(record | {"pid": stranger.pid, "started": 1}))
    assert not processes.is_running("parent")
    assert processes.stop() == []
    assert stranger.poll() is None
    assert not pid_file.exists()


def test_a_pid_file_from_before_a_reboot_stops_nothing(
    processes: Processes, tmp_path: Path, stranger: subprocess.Popen[bytes]
) -> None:
    """Even the same number and start time mean somebody else after a boot."""
    processes.start(service("sleeper", "import time; time.sleep(600)"))
    pid_file = tmp_path / "run" / "sleeper.pid"
    record = json.loads(pid_file.read_text())
    started = int(Path(f"/proc/{stranger.pid}/stat").read_text().rpartition(")")[2].split()[19])
    processes.stop()
    pid_file.write_text(json.dumps(record | {"pid": stranger.pid, "started": started, "boot": "another"}))
    assert processes.stop() == []
    assert stranger.poll() is None


def test_a_service_that_dies_while_starting_is_reported_with_the_end_of_its_log(
    processes: Processes,
) -> None:
    """The error names the log and shows why."""
    processes.start(service("broken", "raise SystemExit('the disk is full')"))
    with pytest.raises(StackError, match=r"(?s)broken stopped while starting.*broken\.log.*the disk is full"):
        processes.wait_until("broken", lambda: False, 30)


def test_a_service_that_is_never_ready_is_reported(processes: Processes) -> None:
    """A hanging service does not hang the launcher."""
    processes.start(service("slow", "import time; time.sleep(600)"))
    with pytest.raises(StackError, match="slow was not ready within 0 s"):
        processes.wait_until("slow", lambda: False, 0)


def test_run_fails_with_the_status_and_the_log(processes: Processes) -> None:
    """A one-off command that fails says so and leaves no pid file."""
    with pytest.raises(StackError, match=r"(?s)once failed with status 1.*no such table"):
        processes.run(service("once", "raise SystemExit('no such table')"), 30)
    assert processes.names() == []
