"""Where the time of a run of the stream goes, as Airflow's own logs tell it."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

TASKS = ("wait", "plan", "split", "collect", "load.copy", "settle")
_LOG = re.compile(r"attempt=(\d+)\.log")


@dataclasses.dataclass(frozen=True)
class Step:
    """One instance of a task: when its process was there, its own work began and ended; seconds since 1970."""

    started: float
    began: float
    ended: float


@dataclasses.dataclass(frozen=True)
class Stage:
    """Seconds between two moments on an object's way."""

    name: str
    seconds: float


def steps(logs: Path, run_id: str) -> dict[str, Step]:
    """Return the step of each task of a run that has one; of a mapped task the instance that ended last."""
    found = {}
    for task in TASKS:
        folder = logs / f"run_id={run_id}" / f"task_id={task}"
        instances = {file.parent for file in folder.rglob("attempt=*.log")}
        done = [step for instance in instances if (step := _step(_last_log(instance)))]
        if done:
            found[task] = max(done, key=lambda step: step.ended)
    return found


def _last_log(folder: Path) -> Path:
    # a trigger's log stands beside its task's, under a longer name
    attempts = {int(match[1]): file for file in folder.iterdir() if (match := _LOG.fullmatch(file.name))}
    return attempts[max(attempts)]


def _step(log: Path) -> Step | None:
    """Return what a log tells of the last time its task was executed to an end; a deferral is none."""
    started = began = None
    step = None
    for line in log.read_text(errors="replace").splitlines():
        if not line.startswith("{"):
            continue
        entry = json.loads(line)
        if entry["event"] == "::group::Pre Execute":
            started, began = _seconds(entry), None
        elif entry["event"] == "::endgroup::" and began is None:
            began = _seconds(entry)
        elif entry["event"] == "::group::Post Execute" and started and began:
            step = Step(started, began, _seconds(entry))
    return step


def _seconds(entry: Mapping[str, str]) -> float:
    return datetime.fromisoformat(entry["timestamp"]).timestamp()


def stages(written: float, run_started: float, found: Mapping[str, Step], queryable: float) -> list[Stage]:
    """Return the stages of an object's way from its write until its rows could be queried; they add up to it.

    Those of settle come after that: they delay what is written next.
    """
    moments = [
        ("waits for the run before", run_started),
        ("wake-up, until wait is at work", found["wait"].began),
        ("wait: takes the messages", found["wait"].ended),
    ]
    for task in ("plan", "split", "collect"):
        moments += _moments(task, found[task])
    moments += _moments("load.copy", found["load.copy"])[:-1]
    # an object that came while a stage was under way, or whose rows were there earlier, has less of it or none
    moments = [(name, min(at, queryable)) for name, at in moments]
    moments += [("load.copy: works until queryable", queryable), *_moments("settle", found["settle"])]
    ends = list(itertools.accumulate([written, *(at for _, at in moments)], max))
    return [
        Stage(name, end - begin)
        for (name, _), (begin, end) in zip(moments, itertools.pairwise(ends), strict=True)
    ]


def _moments(task: str, step: Step) -> list[tuple[str, float]]:
    return [(f"{task}: queue", step.started), (f"{task}: start", step.began), (f"{task}: works", step.ended)]


def by_stage(ways: Iterable[list[Stage]]) -> dict[str, list[float]]:
    """Return the seconds of each stage, of all objects."""
    found: dict[str, list[float]] = {}
    for way in ways:
        for stage in way:
            found.setdefault(stage.name, []).append(stage.seconds)
    return found
