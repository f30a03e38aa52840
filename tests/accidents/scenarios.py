"""What is done to Airflow, the warehouse and S3 while an hour is loaded; each scenario's docstring says what."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from local.stack import RAW_BUCKET
from tests.accidents import hours
from tests.accidents.backfill import backfill
from tests.accidents.stage import Stage
from tests.accidents.storm import storm
from tests.e2e.airflow import clear, create, runs
from tests.e2e.test_generated import settings_variable

Scenario = Callable[[Stage], None]
# Long enough that a task that is held at a seam is killed there.
_HELD = 15.0
_COPY = "copy .*page_viewed"
_LEDGER = "insert into .*ledger_page_viewed"


class Seam(NamedTuple):
    """Where a task is killed: the task, and the request to S3 or statement at which it is held."""

    task_id: str
    map_index: int
    server: str
    at: str
    matching: str


def killed(seam: Seam, stage: Stage) -> None:
    """Hold a task at a seam and kill it there."""
    held = {"at": seam.at, "does": "delay", "seconds": _HELD, "matching": seam.matching}
    if seam.server == "s3":
        reads = seam.matching.startswith("raw/")
        stage.stack.s3_faults.arm(operation="GetObject" if reads else "PutObject", **held)
    else:
        stage.stack.faults.arm(**held)
    run_id = stage.run()
    stage.struck()
    stage.kill(run_id, seam.task_id, seam.map_index)
    stage.calm()


KILLED = {
    "plan-killed-after-its-batch": Seam("plan", -1, "s3", "answer", "/batches/"),
    "split-killed-while-it-reads": Seam("split", 0, "s3", "body", "raw/.*/1$"),
    "split-killed-between-parts": Seam("split", 0, "s3", "answer", "/parts/"),
    "split-killed-before-its-report": Seam("split", 0, "s3", "request", "/reports/"),
    "split-killed-after-its-report": Seam("split", 0, "s3", "answer", "/reports/"),
    "collect-killed-between-manifests": Seam("collect", -1, "s3", "answer", "/manifests/"),
    "load-killed-in-its-copy": Seam("load.copy", 1, "twin", "copy", _COPY),
    "load-killed-before-its-commit": Seam("load.copy", 1, "twin", "before_commit", _LEDGER),
    "load-killed-after-its-commit": Seam("load.copy", 1, "twin", "after_commit", _LEDGER),
    "settle-killed-before-its-commit": Seam("settle", -1, "twin", "before_commit", 'insert into .*"objects"'),
    "settle-killed-after-its-commit": Seam("settle", -1, "twin", "after_commit", 'insert into .*"objects"'),
}


def service_killed(name: str, stage: Stage, *, with_children: bool = False) -> None:
    """Kill a part of the stack while a load holds its lock, and start it again."""
    stage.stack.faults.arm(at="copy", does="delay", seconds=_HELD, matching=_COPY)
    stage.run()
    stage.struck()
    stage.kill_service(name, with_children=with_children)
    time.sleep(2)
    stage.start_service(name)
    stage.calm()


def triggerer_killed(stage: Stage) -> None:
    """Kill the triggerer while it waits for an hour to be complete."""
    stage.hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
    stage.written = hours.write(stage.stack, stage.hour, stage.dice)
    over = (datetime.now(UTC) - stage.hour - timedelta(hours=1)).total_seconds()
    with settings_variable(stage.stack, grace_seconds=str(int(over) + 45)):
        run_id = stage.run()
        stage.reached(run_id, "plan", "deferred")
        stage.kill_service("triggerer")
        time.sleep(2)
        stage.start_service("triggerer")
        stage.reached(run_id, "plan", "success")


def s3_gone_for_a_while(stage: Stage) -> None:
    """No S3 from before the plan until a task has given up once."""
    stage.stack.processes.stop(["s3-front"])
    run_id = stage.run()
    stage.reached(run_id, "plan", "up_for_retry")
    stage.start_service("s3-front")


def twin_fault(stage: Stage, **fault: Any) -> None:
    """Let the warehouse fail in one way while it loads."""
    stage.stack.faults.arm(**fault)
    stage.run()
    stage.struck()


def s3_storm(stage: Stage) -> None:
    """Many faults of S3 at once, each of which passes."""
    dice = stage.dice
    for operation, matching in (
        ("GetObject", "raw/"),
        ("PutObject", ""),
        ("GetObject", ""),
        ("ListObjectsV2", ""),
    ):
        what = {"operation": operation, "matching": matching, "after": dice.randrange(2)}
        for does in dice.sample(["close", "reset", "error"], 2):
            moment = dice.choice(["request", "answer"])
            stage.stack.s3_faults.arm(
                at=moment, does=does, code=dice.choice(["InternalError", "SlowDown"]), **what
            )
    for does in ("close", "reset"):
        what = {"operation": "GetObject", "matching": "raw/", "after": dice.randrange(3)}
        stage.stack.s3_faults.arm(at="body", does=does, after_bytes=dice.randrange(4000), **what)
    stage.run()


def answers_to_writes_lost(stage: Stage) -> None:
    """Every kind of document is written, and the answer lost; what is tried again writes it twice."""
    for kind in ("batches", "configs", "parts", "reports", "manifests", "loads"):
        stage.stack.s3_faults.arm(at="answer", does="reset", operation="PutObject", matching=f"/{kind}/")
    stage.run()
    stage.struck()


def two_runs_at_once(stage: Stage) -> None:
    """Trigger the same hour twice."""
    stage.run()
    stage.run()


def cleared_midway(stage: Stage) -> None:
    """Clear all tasks of a run while a load is at work."""
    stage.stack.faults.arm(at="copy", does="delay", seconds=_HELD, matching=_COPY)
    run_id = stage.run()
    stage.struck()
    clear(stage.stack, run_id)
    stage.calm()


def triggered_while_backfilled(stage: Stage) -> None:
    """Trigger an hour by hand while a backfill runs it."""
    bounds = ("--from-date", stage.hour.isoformat(), "--to-date", stage.hour.isoformat())
    create(stage.stack, *bounds)
    stage.run()
    wanted = stage.hour

    def of_the_hour() -> list[dict[str, Any]]:
        return [run for run in runs(stage.stack) if datetime.fromisoformat(run["logical_date"]) == wanted]

    stage.until_ended(of_the_hour)
    assert {run["state"] for run in of_the_hour()} == {"success"}


def late_object_in_a_cleared_run(stage: Stage) -> None:
    """An object comes after the run; the run is killed in its settle, cleared, and takes it."""
    late = max(stage.written)
    body = stage.stack.s3().get_object(Bucket=RAW_BUCKET, Key=late)["Body"].read()
    stage.stack.s3().delete_object(Bucket=RAW_BUCKET, Key=late)
    run_id = stage.run()
    stage.reached(run_id, "settle", "success")
    stage.stack.s3().put_object(Bucket=RAW_BUCKET, Key=late, Body=body)
    clear(stage.stack, run_id)


SCENARIOS: dict[str, Scenario] = {
    **{name: partial(killed, seam) for name, seam in KILLED.items()},
    **{
        f"{name}-killed": partial(service_killed, name)
        for name in ("scheduler", "dag-processor", "api-server", "twin", "s3-front")
    },
    "scheduler-and-its-tasks-killed": partial(service_killed, "scheduler", with_children=True),
    "triggerer-killed": triggerer_killed,
    "s3-gone-for-a-while": s3_gone_for_a_while,
    "s3-storm": s3_storm,
    "answers-to-writes-lost": answers_to_writes_lost,
    "connection-lost-before-commit": partial(twin_fault, at="before_commit", does="drop", matching=_LEDGER),
    "connection-lost-after-commit": partial(twin_fault, at="after_commit", does="drop", matching=_LEDGER),
    "conflicts": partial(twin_fault, at="statement", does="error", message="1023", times=2, matching=_LEDGER),
    "two-runs-at-once": two_runs_at_once,
    "cleared-midway": cleared_midway,
    "triggered-while-backfilled": triggered_while_backfilled,
    "late-object-in-a-cleared-run": late_object_in_a_cleared_run,
    "storm": storm,
    "backfill": backfill,
}
