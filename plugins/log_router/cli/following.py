"""A backfill that is there: followed to its end, or cancelled."""

import time

from log_router import backfilling
from log_router.backfilling import Standing
from log_router.cli import screen
from log_router.core.amounts import counted, duration
from log_router.core.errors import NeedsAction
from log_router.lanes import HOURLY_DAG

# How often Airflow is asked how far runs are.
LOOK_SECONDS = 2.0


def ways(dag_id: str) -> str:
    """Return the commands for a DAG's backfill that is at work."""
    hourly = " --hourly" if dag_id == HOURLY_DAG else ""
    return (
        f"To follow it: log-router backfill --wait{hourly}; to end it: log-router backfill --cancel{hourly}"
    )


def last(dag_id: str) -> Standing:
    """Return how far a DAG's last backfill is.

    Raises:
        NeedsAction: there is none.
    """
    found = backfilling.last(dag_id)
    if found is None:
        raise NeedsAction(f"there is no backfill of {dag_id}: see `log-router backfill --help`")
    return found


def cancel(made: Standing) -> int:
    """End a backfill.

    Raises:
        NeedsAction: it has ended.
    """
    name = f"backfill {made.backfill_id} of {made.dag_id}"
    if made.closed:
        raise NeedsAction(f"{name} has ended already")
    backfilling.cancel(made.backfill_id)
    screen.say(
        f"Cancelled: {name}. Of its runs, {made.runs['queued']:,} that waited have failed unbegun, "
        f"{made.runs['running']:,} at work go on to their end."
    )
    return 0


def follow(begun: Standing) -> int:
    """Show how far a backfill is until it has ended; return 1 where a run has failed."""
    started, now = time.monotonic(), begun
    try:
        with screen.progress() as progress:
            while now.unended:
                progress(_how_far(now, begun, time.monotonic() - started))
                time.sleep(LOOK_SECONDS)
                now = backfilling.standing(begun.backfill_id)
    except KeyboardInterrupt:
        screen.note(f"The backfill goes on. {ways(begun.dag_id)}")
        raise
    return _conclude(now)


def _how_far(now: Standing, begun: Standing, seconds: float) -> str:
    said = [
        f"{now.ended:,} of {counted(now.runs.total(), 'run')}, {now.runs['running']:,} at work",
        f"{counted(now.tasks['running'], 'task')} at work",
    ]
    if now.tasks["up_for_retry"]:
        said.append(f"{now.tasks['up_for_retry']:,} to be tried again")
    if now.is_paused:
        # What is cancelled Airflow closes, and pauses as well.
        said.append("cancelled: these go on to their end" if now.closed else "paused in the UI")
    if done := now.ended - begun.ended:
        said.append(f"some {duration(seconds / done * now.unended)} left")
    return "; ".join(said)


def _conclude(ended: Standing) -> int:
    """Say what a backfill has come to; return 1 where a run has failed."""
    failed = backfilling.failed(ended.backfill_id)
    runs = counted(ended.runs["success"], "run")
    screen.say(
        f"Backfill {ended.backfill_id} of {ended.dag_id}: {runs} succeeded, {ended.runs['failed']:,} failed, "
        f"in {duration(ended.seconds)}."
    )
    for event, rows in sorted(backfilling.loaded(ended.backfill_id).items()):
        screen.say(f"  {event}: {counted(rows, 'row')}")
    if ended.closed and ended.is_paused:
        screen.note(
            "It was cancelled: runs that had not begun count as failed. Type the same again to go on."
        )
    if ended.left:
        screen.note(
            f"Left out, as runs were at work there: {screen.some([f'{one:%Y-%m-%dT%H:%MZ}' for one in ended.left])}. "
            "Type the same again."
        )
    if failed:
        screen.note(
            "The log of their red tasks says why; then type the same again, which loads what is missing:"
        )
        for run_id in failed[: screen.SHOWN]:
            screen.note(f"  airflow tasks states-for-dag-run {ended.dag_id} {run_id}")
        if len(failed) > screen.SHOWN:
            screen.note(f"  and more: airflow dags list-runs {ended.dag_id} --state failed")
    return int(ended.runs["failed"] > 0)
