"""What happens in a seed: which runs, at once or after each other, and what goes wrong in each task."""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.harness.events import CATALOGS

EVENTS = tuple(event["name"] for event in CATALOGS[0])
HOURS = ("2026-01-31T13:00:00Z", "2026-01-31T14:00:00Z")
# Faults pass: from this try of a task on nothing is done to it.
CALM_TRY = 4
# About as many seams as a task of each kind passes when nothing goes wrong.
SEAMS = {"plan": 60, "split": 16, "collect": 20, "load.copy": 60, "settle": 110}
REQUESTS = {"plan": 3, "split": 10, "collect": 8, "load.copy": 3, "settle": 6}
STATEMENTS = {
    "plan": ("create schema", "create table .*objects", "create table .*object_events", "select .object_id"),
    "load.copy": ("svv_columns", "create table", "lock table", "select .object_id", "copy ",
                  "insert into .*ledger_", "delete from", "insert into .*stage", "pg_last_copy"),
    "settle": ("copy ", "lock table .*ledger_", "lock table .*objects", "delete from .*objects",
               "insert into .*objects", "insert into .*object_events", "insert into .*ledger_"),
}  # fmt: skip
_S3_DEEDS = ("503", "500", "reset", "lost", "lost", "twice", "twice", "slow", "short", "short", "swallowed")


@dataclass(frozen=True)
class Deeds:
    """What goes wrong in one try of a task.

    Attributes:
        kill_at: the seam at which its process is killed; 0 for none.
        kill_after: seconds after which its process is killed, wherever it is; 0 for never.
        zombie_at: the seam at which its worker is given up for lost, and goes on; 0 for none.
        pause: how long a zombie stops at that seam, in seconds.
        s3: what goes wrong with S3, by the number of the request.
        warehouse: a fault that the twin is armed with.
    """

    kill_at: int = 0
    kill_after: float = 0.0
    zombie_at: int = 0
    pause: float = 0.0
    s3: dict[int, str] = field(default_factory=dict)
    warehouse: dict[str, Any] = field(default_factory=dict)


NONE = Deeds()


def deeds(seed: int, run: str, name: str, task_id: str, attempt: int) -> Deeds:
    """Return what goes wrong in a try of a task: the same for the same seed."""
    whole, rng = (_rng(f"{seed} {run} {name}{of}") for of in ("", f" {attempt}"))
    cleared = not name.endswith(" 0")
    if task_id == "split" and whole.random() < 0.1:
        return _torn(rng).get(attempt, NONE)
    if task_id == "collect" and attempt == 1 and cleared and rng.random() < 0.5:
        # The manifests stay those of before the run was cleared.
        return Deeds(s3=dict.fromkeys(range(3, 12), "swallowed"))
    return _alone(rng, task_id) if attempt < CALM_TRY and rng.random() < 0.4 else NONE


def _rng(seed: str) -> random.Random:
    return random.Random(seed)  # noqa: S311 - it must be the same each time


def _torn(rng: random.Random) -> dict[int, Deeds]:
    """Return a zombie that has read what its retry is denied, and stores its parts after the retry's."""
    zombie = Deeds(zombie_at=rng.randrange(6, 14), pause=0.3)
    return {1: zombie, 2: Deeds(s3={rng.randrange(3, 7): "denied"})}


def _alone(rng: random.Random, task_id: str) -> Deeds:
    kind = rng.choice(["kill", "kill", "zombie", "s3", "s3", "warehouse", "warehouse"])
    seam = rng.randrange(1, SEAMS[task_id] + 1)
    if kind == "kill":
        return Deeds(kill_at=seam) if rng.random() < 0.7 else Deeds(kill_after=rng.uniform(0.001, 0.1))
    if kind == "zombie":
        return Deeds(zombie_at=seam, pause=rng.choice([0.0, 0.02, 0.1]))
    if kind == "s3" or task_id not in STATEMENTS:
        requests = rng.sample(range(1, REQUESTS[task_id] + 1), rng.choice([1, 1, 2]))
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
class Asked:
    """One run to be made: of what kind, of which hour, with how many tries a task, and of what name."""

    kind: str
    hour: str
    run_id: str
    tries: int
    events: tuple[str, ...] = ()

    @property
    def params(self) -> dict[str, Any]:
        """What the run's DAG is given."""
        if self.kind == "reload_range":
            end = datetime.fromisoformat(self.hour) + timedelta(hours=1)
            return {"from": self.hour, "to": end.isoformat(), "events": list(self.events)}
        return {"hour": self.hour, "mode": "reload" if self.kind == "reload" else "missing"}


@dataclass(frozen=True)
class Act:
    """Runs that are under way at once; `changes` says after how many ended tasks producers do something."""

    runs: tuple[Asked, ...]
    changes: tuple[int, ...]
    adopts: bool
    watched: bool


def acts(rng: random.Random, hours: tuple[str, ...]) -> tuple[Act, ...]:
    """Return what happens before the last, quiet runs."""
    made: list[Act] = []
    names: list[Asked] = []
    for number in range(rng.choice([1, 1, 2, 2, 3])):
        kinds = rng.choice(
            [("hourly",), ("hourly", "hourly"), ("hourly", "notices"), ("notices", "notices"), ("reload",),
             ("reload_range",), ("hourly", "reload"), ("reload_range", "hourly"), ("backfill",), ("again",)]
        )  # fmt: skip
        runs: list[Asked] = []
        for kind in kinds:
            chosen = hours if kind == "backfill" else (rng.choice(hours),)
            for hour in chosen:
                tries = rng.choice([1, 2, 6, 6])
                events = (rng.choice(EVENTS),) if kind == "reload_range" and rng.random() < 0.5 else ()
                asked = Asked(kind, hour, f"{kind}-{number}-{len(runs)}", tries, events)
                if kind == "again" and names:
                    asked = rng.choice(names)
                runs.append(asked)
        names += runs
        reloads = any(kind.startswith("reload") for kind in kinds)
        changes = tuple(rng.randrange(12) for _ in range(rng.choice([0, 0, 1, 2])))
        watched = reloads or rng.random() < 0.1
        made.append(Act(tuple(runs), changes, adopts=rng.random() < 0.2, watched=watched))
    return tuple(made)
