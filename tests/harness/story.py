"""What happens in a seed: which runs, at once or after each other, and what goes wrong in each task."""

import random
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any

from tests.harness.events import CATALOGS

NAMES = [[event["name"] for event in catalog] for catalog in CATALOGS]
(NEW,) = set(NAMES[1]) - set(NAMES[0])
# One event, or two: by what a site knows.
SOME = [[*combinations(names, 1), *combinations(names, 2)] for names in NAMES]
HOURS = ("2026-01-31T13:00:00Z", "2026-01-31T14:00:00Z", "2026-02-01T02:00:00Z")
# From when until when: hours, one whole day, hours of two days, whole days.
WINDOWS = (
    ("2026-01-31T13:00:00Z", "2026-01-31T15:00:00Z"),
    ("2026-01-31T00:00:00Z", "2026-02-01T00:00:00Z"),
    ("2026-01-31T14:00:00Z", "2026-02-01T03:00:00Z"),
    ("2026-01-31T00:00:00Z", "2026-02-02T00:00:00Z"),
)
ALL = WINDOWS[-1]
# Faults pass: from this try of a task on nothing is done to it.
CALM_TRY = 4
# About as many seams as a task of each kind passes when nothing goes wrong.
SEAMS = {"wait": 40, "plan": 60, "split": 16, "collect": 20, "load.copy": 60, "settle": 110}
REQUESTS = {"wait": 2, "plan": 3, "split": 10, "collect": 8, "load.copy": 3, "settle": 6}
# A plan of the stream looks at each key.
LOOKS = 5
# Requests to the queue.
MESSAGES = {"wait": 4, "plan": 1, "settle": 2}
_CREATED = (
    "create schema",
    "create table .*objects",
    "create table .*object_events",
    "create table .*batches",
)
STATEMENTS = {
    "wait": _CREATED,
    "plan": (*_CREATED, "select .object_id"),
    "load.copy": ("pg_attribute", "create table", "lock table", "select .object_id", "copy ",
                  "insert into .*ledger_", "delete from", "insert into .*stage", "pg_last_copy"),
    "settle": ("copy ", "lock table .*ledger_", "lock table .*objects", "delete from .*objects",
               "insert into .*objects", "insert into .*object_events", "insert into .*ledger_",
               "delete from .*batches", "insert into .*batches"),
}  # fmt: skip
_S3_DEEDS = ("503", "500", "reset", "lost", "lost", "twice", "twice", "slow", "short", "short", "swallowed")
_SQS_DEEDS = (
    "503", "500", "denied", "reset", "lost", "part", "part", "killed before", "killed after", "zombie before"
)  # fmt: skip
# How far off the clock is at each time it is read, in seconds.
_CLOCKS = ((7200,), (-7200,), (-200_000, 200_000), (200_000, -200_000), (-1, 1))
STREAM = "stream"
BULK = "bulk"


@dataclass(frozen=True)
class Deeds:
    """What goes wrong in one try of a task.

    Attributes:
        kill_at: the seam at which its process is killed; 0 for none.
        kill_after: seconds after which its process is killed, wherever it is; 0 for never.
        zombie_at: the seam at which its worker is given up for lost, and goes on; 0 for none.
        pause: how long a zombie stops at that seam, in seconds.
        s3: what goes wrong with S3, by the number of the request.
        sqs: what goes wrong with the queue, by the number of the request.
        warehouse: a fault that the twin is armed with.
        clock: by how many seconds the clock is off, one time of reading it after the other, and again.
    """

    kill_at: int = 0
    kill_after: float = 0.0
    zombie_at: int = 0
    pause: float = 0.0
    s3: dict[int, str] = field(default_factory=dict)
    sqs: dict[int, str] = field(default_factory=dict)
    warehouse: dict[str, Any] = field(default_factory=dict)
    clock: tuple[int, ...] = ()


NONE = Deeds()


@dataclass(frozen=True)
class Asked:
    """One run to be made: of what kind, from which hour on, with how many tries a task, and of what name.

    `to` is the first hour that is left out; the one that follows, where none is given.
    """

    kind: str
    hour: str
    run_id: str
    tries: int
    events: tuple[str, ...] = ()
    to: str = ""
    reload: bool = False

    @property
    def params(self) -> dict[str, Any]:
        """What the run's DAG is given."""
        if self.kind == STREAM:
            return {}
        some = {"events": list(self.events)}
        if self.kind == "reload_range":
            return {"from": self.hour, "to": self._end.isoformat(), **some}
        mode = {"mode": "reload" if self.reload else "missing"}
        if self.kind == BULK:
            return {"from": self.hour, "to": self.to, **mode, **some}
        return {"hour": self.hour, **mode, **some}

    def covers(self, hour: str) -> bool:
        """Tell whether the run is for an hour."""
        return datetime.fromisoformat(self.hour) <= datetime.fromisoformat(hour) < self._end

    @property
    def _end(self) -> datetime:
        if self.to:
            return datetime.fromisoformat(self.to)
        return datetime.fromisoformat(self.hour) + timedelta(hours=1)


def deeds(seed: str, asked: Asked, name: str, task_id: str, attempt: int) -> Deeds:
    """Return what goes wrong in a try of a task: the same for the same seed."""
    whole, rng = (_rng(f"{seed} {asked.run_id} {name}{of}") for of in ("", f" {attempt}"))
    made = _deeds(whole, rng, name, task_id, attempt, stream=asked.kind == STREAM)
    if asked.kind == STREAM and rng.random() < 0.15:
        return replace(made, clock=rng.choice(_CLOCKS))
    return made


def _deeds(
    whole: random.Random, rng: random.Random, name: str, task_id: str, attempt: int, *, stream: bool
) -> Deeds:
    cleared = not name.endswith(" 0")
    if task_id == "split" and whole.random() < 0.1:
        return _torn(rng).get(attempt, NONE)
    if task_id == "collect" and attempt == 1 and cleared and rng.random() < 0.5:
        # The manifests stay those of before the run was cleared.
        return Deeds(s3=dict.fromkeys(range(3, 12), "swallowed"))
    return _alone(rng, task_id, stream=stream) if attempt < CALM_TRY and rng.random() < 0.4 else NONE


def _rng(seed: str) -> random.Random:
    return random.Random(seed)  # noqa: S311 - it must be the same each time


def _torn(rng: random.Random) -> dict[int, Deeds]:
    """Return a zombie that has read what its retry is denied, and stores its parts after the retry's."""
    zombie = Deeds(zombie_at=rng.randrange(6, 14), pause=0.3)
    return {1: zombie, 2: Deeds(s3={rng.randrange(3, 7): "denied"})}


def _alone(rng: random.Random, task_id: str, *, stream: bool) -> Deeds:
    kinds = ["kill", "kill", "zombie", "s3", "s3", "warehouse", "warehouse"]
    if stream and task_id in MESSAGES:
        kinds += ["sqs", "sqs", "sqs"]
    kind = rng.choice(kinds)
    seam = rng.randrange(1, SEAMS[task_id] + 1)
    if kind == "kill":
        return Deeds(kill_at=seam) if rng.random() < 0.7 else Deeds(kill_after=rng.uniform(0.001, 0.1))
    if kind == "zombie":
        return Deeds(zombie_at=seam, pause=rng.choice([0.0, 0.02, 0.1]))
    if kind == "sqs":
        return Deeds(sqs={rng.randrange(1, MESSAGES[task_id] + 1): rng.choice(_SQS_DEEDS)})
    if kind == "s3" or task_id not in STATEMENTS:
        count = REQUESTS[task_id] + (LOOKS if stream and task_id == "plan" else 0)
        requests = rng.sample(range(1, count + 1), rng.choice([1, 1, 2]))
        return Deeds(s3={number: rng.choice(_S3_DEEDS) for number in requests})
    return Deeds(warehouse=_warehouse(rng, task_id))


def _warehouse(rng: random.Random, task_id: str) -> dict[str, Any]:
    if task_id != "plan" and rng.random() < 0.1:
        return {"at": "block", "does": "lose", "matching": "copy "}
    at = rng.choice(["statement", "before_commit", "after_commit", "after_commit", "copy"])
    matching = rng.choice(STATEMENTS[task_id])
    does = rng.choice(["drop", "drop", "error", "delay"]) if at != "after_commit" else "drop"
    fault: dict[str, Any] = {"at": at, "does": does, "matching": "copy " if at == "copy" else matching}
    if at == "after_commit" and rng.random() < 0.3:
        fault["does"] = "delay"
    if fault["does"] == "delay":
        fault["seconds"] = rng.choice([0.02, 0.1])
    if does == "error":
        code, message = rng.choice([("XX000", "1023"), ("XX000", "1018"), ("57P01", "shut down")])
        fault |= {"code": code, "message": message}
    return fault


@dataclass(frozen=True)
class Act:
    """Runs that are under way at once.

    `changes` says after how many ended tasks producers do something, `returns` after how many the messages that
    somebody has received come again.
    """

    runs: tuple[Asked, ...]
    changes: tuple[int, ...]
    returns: tuple[int, ...]
    adopts: bool
    watched: bool


_KINDS = (
    ("hourly",), ("hourly", "hourly"), ("reload",), ("reload_range",), ("hourly", "reload"),
    ("reload_range", "hourly"), ("backfill",), ("again",), ("again",), (STREAM,), (STREAM, STREAM),
    ("hourly", STREAM), ("hourly", STREAM), ("hourly", STREAM, "reload"), (STREAM, STREAM, "hourly"),
    (BULK,), (BULK,), (BULK, BULK), (BULK, "hourly"), (BULK, STREAM), (BULK, STREAM, "hourly"), (BULK, "reload"),
    ("adoption",), ("adoption", BULK),
)  # fmt: skip


def acts(rng: random.Random, hours: tuple[str, ...]) -> tuple[Act, ...]:
    """Return what happens before the last, quiet runs."""
    made: list[Act] = []
    names: list[Asked] = []
    for number in range(rng.choice([1, 1, 2, 2, 3])):
        kinds = rng.choice(_KINDS)
        runs: list[Asked] = []
        for kind in kinds:
            chosen = hours if kind == "backfill" else (rng.choice(hours),)
            for hour in chosen:
                asked = _asked(rng, kind, hour, f"{kind}-{number}-{len(runs)}")
                if kind == "again" and names:
                    asked = rng.choice(names)
                runs.append(asked)
        names += runs
        changes, returns = (
            tuple(rng.randrange(12) for _ in range(rng.choice([0, 0, 1, 2]))) for _ in ("changes", "returns")
        )
        watched = any(run.reload for run in runs) or rng.random() < 0.1
        adopts = "adoption" in kinds or rng.random() < 0.2
        made.append(Act(tuple(runs), changes, returns, adopts, watched))
    return tuple(made)


def _asked(rng: random.Random, kind: str, hour: str, run_id: str) -> Asked:
    tries = rng.choice([1, 2, 6, 6])
    if kind == "adoption":
        # A new event over hours that may be loaded.
        first, end = rng.choice(WINDOWS)
        return Asked(BULK, first, run_id, tries, (NEW,), end)
    if kind == BULK:
        first, end = rng.choice(WINDOWS)
        return Asked(BULK, first, run_id, tries, _some(rng), end, reload=rng.random() < 0.25)
    reload = kind.startswith("reload")
    some = _some(rng) if kind in ("hourly", "reload_range") and rng.random() < 0.6 else ()
    return Asked(kind, hour, run_id, tries, some, reload=reload)


def _some(rng: random.Random) -> tuple[str, ...]:
    """Return the events that a run is for; all of them where it names none."""
    return rng.choice([(), (), *SOME[0]])
