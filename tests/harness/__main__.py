"""Seeds of runs and faults: python -m tests.harness --seeds 1000 --isolation both --jobs 2."""

import argparse
import json
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.environment import ROOT, base_environment
from local.processes import Processes
from local.twin.isolation import LEVELS

# Seconds. A seed takes one or two; a task that hangs is given up by the job itself after two minutes.
PATIENCE = 300.0
# Seconds in which a job that was told to stop takes its servers down.
_GRACE = 60.0
# A line of progress after each so many seeds.
_STEP = 50
PLAYED = "PLAYED "


@dataclass
class Job:
    """A process that plays seeds on servers of its own, replaced when it hangs or breaks off."""

    folder: Path
    level: str
    left: list[int]
    options: list[str]
    started: int = 0
    heard: float = 0.0
    state: Path = field(init=False)
    process: "subprocess.Popen[bytes]" = field(init=False)

    def start(self) -> None:
        """Start the process for the seeds that are left."""
        self.started += 1
        self.state = self.folder / f"job-{self.left[0]}-{self.started}"
        environment = base_environment(self.state) | {
            # The code that is tested is the one beside this file, wherever that is.
            "PYTHONPATH": f"{ROOT / 'plugins'}:{ROOT}",
            "AIRFLOW_HOME": str(self.state / "airflow"),
        }
        command = [sys.executable, "-m", "tests.harness.job", str(self.state / "stack"), self.level]
        self.process = subprocess.Popen(
            [*command, *self.options, *map(str, self.left)],
            bufsize=0,  # a line that was read ahead would not wake select
            env=environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        self.heard = time.monotonic()

    def line(self) -> str:
        """Return what the process says next; nothing at its end."""
        assert self.process.stdout is not None
        self.heard = time.monotonic()
        return self.process.stdout.readline().decode(errors="replace")

    def stop(self) -> None:
        """End the process and its servers."""
        self.process.terminate()
        try:
            self.process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        Processes(self.state / "stack").stop()


@dataclass
class Played:
    """The seeds of one isolation level as they are played."""

    level: str
    asked: int
    began: float = field(default_factory=time.monotonic)
    seeds: int = 0
    failed: list[int] = field(default_factory=list)
    wrong: Counter[str] = field(default_factory=Counter)

    def add(self, job: Job, failed: bool, wrong: dict[str, int]) -> None:  # noqa: FBT001 - it is the verdict
        """Count the next seed of a job."""
        seed = job.left.pop(0)
        self.seeds += 1
        self.wrong.update(wrong)
        if failed:
            self.failed.append(seed)
            say(f"FAILED: python -m tests.harness --seed {seed} --isolation {self.level}")
        if not self.seeds % _STEP:
            say(f"{self}, of {self.asked}")

    def __str__(self) -> str:
        """Return how many seeds have been played and how long that took."""
        return f"{self.level}: {self.seeds} seeds, {len(self.failed)} failed, {time.monotonic() - self.began:.0f} s"


def main() -> int:
    """Play seeds in processes of their own, each with its own servers; return 1 where one of them failed."""
    given = _arguments()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    levels = LEVELS if given.isolation == "both" else (given.isolation,)
    seeds = list(range(given.first, given.first + given.seeds)) if given.seed is None else [given.seed]
    options = ["--tell"] if given.seed is not None else []
    red = False
    for level in levels:
        before = _processor_seconds()
        played = Played(level, len(seeds))
        with tempfile.TemporaryDirectory(prefix="harness-") as name:
            folder = Path(name)
            folder.chmod(0o711)  # PostgreSQL runs as an unprivileged user below it
            jobs = [Job(folder, level, seeds[job :: given.jobs], options) for job in range(given.jobs)]
            with _started([job for job in jobs if job.left]) as running:
                _play(running, played, stop=given.stop)
        say(", ".join(f"{count} {what}" for what, count in sorted(played.wrong.items())))
        if played.failed and given.stop:
            say(f"stopped after {played.seeds} seeds")
        used = _processor_seconds() - before
        red = red or bool(played.failed)
        say(f"{played}, {used:.0f} s of processors: {'red' if played.failed else 'green'}")
    return int(red)


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)


def _stop(*_: object) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)  # a second one would cut the stop short
    sys.exit(1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.harness", description=__doc__)
    parser.add_argument("--seed", type=int, help="play this one, and tell what happens in it")
    parser.add_argument("--seeds", type=int, default=30, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--isolation", choices=(*LEVELS, "both"), default="both")
    parser.add_argument("--jobs", type=int, default=1, help="how many processes play them")
    parser.add_argument("--stop", action="store_true", help="stop at the first seed that fails")
    return parser.parse_args()


@contextmanager
def _started(jobs: list[Job]) -> Iterator[list[Job]]:
    running: list[Job] = []
    try:
        for job in jobs:
            job.start()
            running.append(job)
        yield running
    finally:
        for job in running:
            job.process.terminate()
        for job in running:
            job.stop()


def _play(jobs: list[Job], played: Played, *, stop: bool) -> None:
    """Hear the jobs until their seeds are played, or one has failed and that is the end."""
    going = list(jobs)
    while going and not (stop and played.failed):
        pipes: dict[Any, Job] = {job.process.stdout: job for job in going}
        ready, _, _ = select.select(list(pipes), [], [], 1.0)
        for job in (pipes[pipe] for pipe in ready):
            line = job.line()
            if line.startswith(PLAYED):
                played.add(job, **json.loads(line.removeprefix(PLAYED)))
            elif line:
                say(line.rstrip("\n"))
            elif _ended(job, played, "the job broke off: see above"):
                going.remove(job)
        for job in [job for job in going if time.monotonic() - job.heard > PATIENCE]:
            if _ended(job, played, f"HUNG: nothing was heard for {PATIENCE:.0f} s"):
                going.remove(job)


def _ended(job: Job, played: Played, why: str) -> bool:
    """Take note that a job is no more; return whether it was done, else start another for the seeds after this."""
    job.stop()
    if job.left:
        say(f"seed {job.left[0]}: {why}")
        played.add(job, failed=True, wrong={})
    if job.left:
        job.start()
    return not job.left


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
