"""Start the stack's processes, know them again later, and stop exactly those.

A process is known by its number, its start time and the machine's boot: a number that the system
has given to somebody else since is never signalled. Each one leads a session of its own, so that
what it left behind after a crash is found as well.
"""

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from local.credentials import write_private
from local.environment import StackError

_PROC = Path("/proc")
_POLL_SECONDS = 0.05
_KILL_SECONDS = 5.0


@dataclasses.dataclass(frozen=True)
class Service:
    """A server to run in the background."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    stop_signal: signal.Signals = signal.SIGTERM
    grace_seconds: float = 10.0


@dataclasses.dataclass(frozen=True)
class Seen:
    """A running process as the system shows it."""

    pid: int
    parent: int
    session: int
    started: int


@dataclasses.dataclass(frozen=True)
class Record:
    """What a pid file holds."""

    name: str
    pid: int
    started: int
    boot: str
    stop_signal: int
    grace_seconds: float


class Processes:
    """The background processes of one state folder; others that use the same folder see the same ones."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir.resolve()
        self._run_dir = self._state_dir / "run"
        self._log_dir = self._state_dir / "logs"
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, service: Service) -> None:
        """Start `service` in a session of its own, its output appended to its log."""
        self._run_dir.mkdir(parents=True, exist_ok=True)
        self._log_dir.mkdir(parents=True, exist_ok=True)
        with self.log_path(service.name).open("ab") as log:
            child = subprocess.Popen(
                service.command,
                env=dict(service.environment),
                cwd=self._state_dir,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._children[service.name] = child
        seen = _seen(child.pid)
        record = Record(
            name=service.name,
            pid=child.pid,
            started=seen.started if seen else 0,
            boot=_boot(),
            stop_signal=service.stop_signal,
            grace_seconds=service.grace_seconds,
        )
        write_private(self._pid_path(service.name), json.dumps(dataclasses.asdict(record)) + "\n")

    def run(self, service: Service, seconds: float) -> None:
        """Run `service` to its end; raise StackError with the end of its log if it fails or is late."""
        self.start(service)
        try:
            status = self._children[service.name].wait(seconds)
        except subprocess.TimeoutExpired:
            text = f"{service.name} was not done within {seconds:.0f} s"
            raise StackError(f"{text}; {self.log_end(service.name)}") from None
        finally:
            self.stop([service.name])
        if status:
            raise StackError(f"{service.name} failed with status {status}; {self.log_end(service.name)}")

    def wait_until(self, name: str, ready: Callable[[], bool], seconds: float) -> None:
        """Return once `ready()` is true; raise StackError with the log's end if `name` dies or is late."""
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.is_running(name):
                raise StackError(f"{name} stopped while starting; {self.log_end(name)}")
            if time.monotonic() > deadline:
                raise StackError(f"{name} was not ready within {seconds:.0f} s; {self.log_end(name)}")
            time.sleep(_POLL_SECONDS)

    def is_running(self, name: str) -> bool:
        """Tell whether the process that `name`'s pid file means is still the one that runs."""
        child = self._children.get(name)
        if child is not None:
            child.poll()
        record = self._record(name)
        return record is not None and _leader(record) is not None

    def names(self) -> list[str]:
        """Return the names that have a pid file, the latest started first."""
        paths = sorted(self._run_dir.glob("*.pid"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
        return [path.stem for path in paths]

    def stop(self, names: Iterable[str] | None = None) -> list[str]:
        """Stop the named processes (by default all) and what they started, at once; return those that ran."""
        wanted = self.names() if names is None else list(names)
        records = [record for record in map(self._record, wanted) if record is not None]
        families = {record.name: _family(record, self._state_dir) for record in records}
        for record in records:
            leader = _leader(record)
            if leader is not None:
                _signal(leader, record.stop_signal)
        for record in records:
            self._finish(record, families[record.name])
        # also those that another launcher has stopped
        self._children = {name: child for name, child in self._children.items() if child.poll() is None}
        return [name for name, family in families.items() if family]

    def log_path(self, name: str) -> Path:
        """Return where the output of `name` goes."""
        return self._log_dir / f"{name}.log"

    def log_end(self, name: str, lines: int = 15) -> str:
        """Return the log's name and last lines, to put into an error."""
        path = self.log_path(name)
        text = path.read_text(errors="replace") if path.exists() else ""
        end = "\n".join("    " + line for line in text.splitlines()[-lines:])
        return f"see {path}, which ends with:\n{end}"

    def _pid_path(self, name: str) -> Path:
        return self._run_dir / f"{name}.pid"

    def _record(self, name: str) -> Record | None:
        try:
            return Record(**json.loads(self._pid_path(name).read_text()))
        except FileNotFoundError:
            return None

    def _finish(self, record: Record, family: set[Seen]) -> None:
        """Wait for a process that was told to stop; kill what is left of it and of all it started."""
        leader = _leader(record)
        if leader is not None:
            _wait_gone([leader], record.grace_seconds)
        # a leader may have started more between our look and its end
        family = family | _family(record, self._state_dir)
        for process in _still_running(family):
            _signal(process, signal.SIGKILL)
        _wait_gone(family, _KILL_SECONDS)
        child = self._children.pop(record.name, None)
        if child is not None:
            child.wait()
        self._pid_path(record.name).unlink(missing_ok=True)


def _boot() -> str:
    return (_PROC / "sys/kernel/random/boot_id").read_text().strip()


def _seen(pid: int) -> Seen | None:
    """Return the live process with this number; a dead one that nobody has reaped counts as none."""
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # the command's name, in parentheses, may itself hold spaces and parentheses
    fields = text[text.rindex(")") + 2 :].split()
    if fields[0] in "ZX":
        return None
    return Seen(pid=pid, parent=int(fields[1]), session=int(fields[3]), started=int(fields[19]))


def _all_seen() -> list[Seen]:
    numbers = (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdecimal())
    return [seen for seen in map(_seen, numbers) if seen is not None]


def _leader(record: Record) -> Seen | None:
    seen = _seen(record.pid)
    same = seen is not None and seen.started == record.started and record.boot == _boot()
    return seen if same else None


def _family(record: Record, state_dir: Path) -> set[Seen]:
    """Return the recorded process, its session and all descendants, as far as they are surely ours."""
    if record.boot != _boot():
        return set()
    everyone = _all_seen()
    leader = _leader(record)
    if leader is None and any(seen.pid == record.pid for seen in everyone):
        return set()
    members = {seen for seen in everyone if seen.session == record.pid and seen.started >= record.started}
    if leader is None:
        # without its leader the session's number alone proves too little
        return {seen for seen in members if _works_in(seen, state_dir)}
    members.add(leader)
    while grown := {seen for seen in everyone if seen.parent in {m.pid for m in members}} - members:
        members |= grown
    return members


def _works_in(seen: Seen, folder: Path) -> bool:
    try:
        return (_PROC / str(seen.pid) / "cwd").readlink().is_relative_to(folder)
    except OSError:
        return False


def _still_running(processes: Iterable[Seen]) -> list[Seen]:
    now = ((process, _seen(process.pid)) for process in processes)
    return [process for process, seen in now if seen is not None and seen.started == process.started]


def _signal(process: Seen, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, number)


def _wait_gone(processes: Iterable[Seen], seconds: float) -> None:
    processes = list(processes)
    deadline = time.monotonic() + seconds
    while _still_running(processes) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
