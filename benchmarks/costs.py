"""Whose seconds of CPU it were: of each part of a stack, while a block of code runs."""

from __future__ import annotations

import dataclasses
import json
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from local.stack import Stack

_TICKS = os.sysconf("SC_CLK_TCK")
_POLL_SECONDS = 0.1
_POSTGRES = "postgres"


@dataclasses.dataclass(frozen=True)
class _Process:
    """A process: its parent, start in ticks since boot, own seconds of CPU and those of children it has reaped."""

    parent: int
    started: int
    own: float
    reaped: float


class Meter:
    """Seconds of CPU by part, between the block's start and end."""

    def __init__(self, stack: Stack) -> None:
        names = stack.processes.names()
        self._leaders = {name: _leader(stack.state_dir, name) for name in names}
        self._backends: dict[tuple[int, int], tuple[str, float]] = {}
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Self:
        """Begin to count."""
        self._look()
        self._backends_before = dict(self._backends)
        self._before, self._busy_before = self._by_part(), _busy()
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Count."""
        self._over.set()
        self._watch.join()
        self._look()
        after = self._by_part()
        self.seconds = {name: after[name] - self._before[name] for name in after}
        self._part_postgres()
        self.busy = _busy() - self._busy_before

    def _by_part(self) -> dict[str, float]:
        """Return the seconds of each part: its leader, all that descend from it, and all that these have reaped.

        The scheduler's own are a part, and those of the processes that run its tasks another.
        """
        everyone = _everyone()
        found = {}
        for name, leader in self._leaders.items():
            found[name] = sum(everyone[pid].own + everyone[pid].reaped for pid in _family(leader, everyone))
        found["executor"] = found["scheduler"] - everyone[self._leaders["scheduler"]].own
        found["scheduler"] -= found["executor"]
        return found

    def _follow(self) -> None:
        while not self._over.wait(_POLL_SECONDS):
            self._look()

    def _look(self) -> None:
        """Note whose PostgreSQL's backends are: nobody can tell once they have ended."""
        for pid, process in _children(self._leaders[_POSTGRES]).items():
            # Named like this: postgres: user database address(port) state
            words = _command(pid).split()
            database = words[2] if len(words) > 3 and "(" in words[3] else ""  # noqa: PLR2004
            self._backends[pid, process.started] = (database, process.own)

    def _part_postgres(self) -> None:
        whole = self.seconds.pop(_POSTGRES)
        by_database: dict[str, float] = {}
        for key, (database, seconds) in self._backends.items():
            before = self._backends_before.get(key, ("", 0.0))[1]
            by_database[database] = by_database.get(database, 0.0) + seconds - before
        for database in ("airflow", "dev"):
            self.seconds[f"{_POSTGRES} {database}"] = by_database.pop(database, 0.0)
            whole -= self.seconds[f"{_POSTGRES} {database}"]
        # Its own processes, and what backends did before they were first or after they were last seen.
        self.seconds[_POSTGRES] = whole


def _leader(state_dir: Path, name: str) -> int:
    return int(json.loads((state_dir / "run" / f"{name}.pid").read_text())["pid"])


def _everyone() -> dict[int, _Process]:
    numbers = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())
    return {pid: found for pid in numbers if (found := _process(pid))}


def _process(pid: int) -> _Process | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command's name, in parentheses, may itself hold spaces; proc(5) numbers these fields 3 and on.
    fields = text[text.rindex(")") + 2 :].split()
    user, system, reaped_user, reaped_system = map(int, fields[11:15])
    return _Process(
        int(fields[1]), int(fields[19]), (user + system) / _TICKS, (reaped_user + reaped_system) / _TICKS
    )


def _family(leader: int, everyone: dict[int, _Process]) -> set[int]:
    members = {leader}
    while grown := {pid for pid, one in everyone.items() if one.parent in members} - members:
        members |= grown
    return members


def _children(pid: int) -> dict[int, _Process]:
    numbers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(number): found for number in numbers if (found := _process(int(number)))}


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _busy() -> float:
    """Return the seconds of CPU that the machine was at work since it was started, whoever for."""
    fields = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    idle, waiting = fields[3:5]
    return (sum(fields[:8]) - idle - waiting) / _TICKS
