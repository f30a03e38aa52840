"""A backfill of days: killed, broken off and made again, while the stream and the hourly DAG load the same hours."""

import time
from collections import Counter
from datetime import timedelta
from typing import Any

from local import notices
from local.airflow_api import FINISHED
from local.stack import RAW_BUCKET
from tests.accidents import hours
from tests.accidents.stage import Stage
from tests.accidents.storm import DAG as STREAM
from tests.accidents.storm import SIDE, notices_held_up, taken
from tests.e2e.airflow import BULK, runs, until, warehouse
from tests.e2e.test_generated import settings_variable

_SECONDS = 600.0
_DAYS = 6
_HOURS = 14
_BY_HAND = 4
# Of a batch that is named after a day: none but the backfill's.
_COPY_OF_A_DAY = "/manifests/[0-9]{8}-"
_HELD = 15.0
# What nobody acknowledges comes again soon; the stream must not be done with all before the backfill has begun.
_SETTINGS = {"stream_hold_seconds": "40", "stream_max_messages": "5"}


def backfill(stage: Stage) -> None:
    """Kill the scheduler with its tasks in a COPY, and once more, then cancel the backfill and make it again."""
    stack, dice = stage.stack, stage.dice
    first = stage.hour.replace(hour=0) + timedelta(days=30)
    written = [first + timedelta(hours=number) for number in sorted(dice.sample(range(24 * _DAYS), _HOURS))]
    bounds = {"from_date": first.isoformat(), "to_date": (first + timedelta(days=_DAYS - 1)).isoformat()}
    with notices_held_up(stack):
        for hour in written:
            stage.written |= hours.write(stack, hour, dice)
        bodies = list(taken(stack, SIDE))
    stack.api.patch(f"/dags/{BULK}", {"is_paused": False})
    with settings_variable(stack, **_SETTINGS):
        stack.faults.arm(at="copy", does="delay", seconds=_HELD, matching=_COPY_OF_A_DAY)
        made = _created(stage, bounds, "none")
        stage.struck()
        _kill(stage)
        for body in dice.sample(bodies, len(bodies) // 2):
            stack.sqs().send_message(QueueUrl=stack.queue_url, MessageBody=body)
        stack.api.patch(f"/dags/{STREAM}", {"is_paused": False})
        for hour in (stage.hour, *dice.sample(written, _BY_HAND)):
            stage.run(hour)
        until(lambda: _at_work(stage), _SECONDS)
        time.sleep(dice.uniform(0, 3))
        _kill(stage, made)
        _until_ended(stage)
        stage.notes.append(f"broken off: {_states(stage)}")
        _created(stage, bounds, "failed")
        _until_ended(stage)
        stage.let_end()
        until(lambda: notices.depth(stack.sqs()) == 0, _SECONDS)
        stack.api.patch(f"/dags/{STREAM}", {"is_paused": True})
    _again(stage, bounds)


def _created(stage: Stage, bounds: dict[str, str], reprocessed: str) -> int:
    """Make a backfill of days, two at a time; return its number."""
    body = {"dag_id": BULK, "max_active_runs": 2, "reprocess_behavior": reprocessed, "dag_run_conf": {}}
    # Airflow closes the one before with half a minute's delay.
    until(lambda: not [one for one in _backfills(stage) if one["completed_at"] is None], _SECONDS)
    return int(stage.stack.api.post("/backfills", {**body, **bounds})["id"])


def _backfills(stage: Stage) -> list[dict[str, Any]]:
    return list(stage.stack.api.pages("/backfills", "backfills", dag_id=BULK))


def _kill(stage: Stage, cancelled: int | None = None) -> None:
    """Kill the scheduler with the tasks at work, cancel a backfill while it is dead, and start it again."""
    stage.kill_service("scheduler", with_children=True)
    if cancelled is not None:
        stage.stack.api.put(f"/backfills/{cancelled}/cancel")
    time.sleep(2)
    stage.start_service("scheduler")
    stage.calm()


def _at_work(stage: Stage) -> bool:
    """Tell whether a task of the backfill is at work."""
    path = f"/dags/{BULK}/dagRuns/~/taskInstances"
    return any(stage.stack.api.pages(path, "task_instances", state="running"))


def _states(stage: Stage) -> dict[str, int]:
    """Return how many runs of the backfill are in each state; the schedule, too, makes one of yesterday."""
    return dict(Counter(run["state"] for run in runs(stage.stack, BULK) if run["run_type"] == "backfill"))


def _until_ended(stage: Stage) -> None:
    until(lambda: _states(stage).keys() <= set(FINISHED), _SECONDS)


def _copies(stage: Stage) -> int:
    """Return how many COPYs have ended in the warehouse."""
    with warehouse(stage.stack) as cursor:
        cursor.execute("SELECT COUNT(*) FROM sys_load_history")
        ((count,),) = cursor.fetchall()
    return int(count)


def _again(stage: Stage, bounds: dict[str, str]) -> None:
    """Make the whole backfill once more: it must be green, read no raw object and copy nothing."""
    read = stage.stack.s3_faults.asked(RAW_BUCKET)["GetObject"]
    copies = _copies(stage)
    _created(stage, bounds, "completed")
    _until_ended(stage)
    assert _states(stage) == {"success": _DAYS}
    assert stage.stack.s3_faults.asked(RAW_BUCKET)["GetObject"] == read, "raw objects were read again"
    assert _copies(stage) == copies, "a second backfill has copied"
    stage.notes.append("again: nothing read, nothing copied: success")
