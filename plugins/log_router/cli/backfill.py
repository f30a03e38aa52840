"""`log-router backfill`: a range of hours, by a backfill of Airflow's."""

import argparse
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from log_router import backfilling
from log_router.cli import arguments, following, screen
from log_router.core.amounts import counted, duration
from log_router.core.backfills import Request
from log_router.core.errors import NeedsAction, WindowError
from log_router.lanes import BACKFILL, BULK_DAG, HOURLY_DAG

if TYPE_CHECKING:
    from log_router.core.estimates import Estimate
    from log_router.site import Site

# Airflow's scheduler notes every 30 seconds which backfills have ended; one that was broken off unmade, after two
# minutes (airflow/jobs/scheduler_job_runner.py, _mark_backfills_complete).
_CLOSING_SECONDS = 180.0


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "backfill",
        help="load a range of hours: days at a time, oldest first",
        description=f"Has Airflow run {BULK_DAG} for a range. What is loaded already is left out. It returns when the "
        "runs are made; Airflow's scheduler works through them. Exit status: 0 done (made; with --wait: all runs "
        "succeeded), 1 a run failed, 2 it could not be done.",
        epilog="examples:\n"
        "  log-router backfill --from 2026-01-01 --to 2026-02-01 --dry-run\n"
        "  log-router backfill --from 2026-01-01 --to 2026-02-01 --newest-first --wait\n"
        "  log-router backfill --from 2026-01-01 --to 2026-02-01 --event order_placed --mode reload\n"
        "  log-router backfill --wait\n"
        "  log-router backfill --cancel\n"
        "The last two are for the backfill that is at work.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    arguments.add_range(parser, required=False)
    arguments.add_events(parser, "load only these events")
    parser.add_argument(
        "--mode",
        choices=("missing", "reload"),
        default="missing",
        help="missing (if not told otherwise): what is not loaded yet; reload: all anew, as today's event files say, "
        "in place of the rows that are there",
    )
    parser.add_argument("--newest-first", action="store_true", help="the newest window first")
    parser.add_argument("--at-once", type=arguments.positive, metavar="N", help="runs at once")
    parser.add_argument(
        "--hourly", action="store_true", help=f"a run an hour, by {HOURLY_DAG}, in place of {BULK_DAG}"
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--wait", action="store_true", help="follow the backfill to its end")
    instead.add_argument("--dry-run", action="store_true", help="say what would be made, and make nothing")
    instead.add_argument(
        "--cancel", action="store_true", help="end the backfill at work; what has begun goes on"
    )
    parser.set_defaults(run=run, refuse=parser.error)


def run(asked: argparse.Namespace, site: "Site") -> int:
    """Make a backfill, follow it, or cancel it.

    Raises:
        NeedsAction: nothing was made; says why.
        WillPass: Airflow's database, S3 or Redshift can't be reached.
    """
    dag_id = HOURLY_DAG if asked.hourly else BULK_DAG
    if asked.cancel or (asked.wait and not (asked.from_hour or asked.to_hour)):
        _check_bare(asked)
        return (following.cancel if asked.cancel else following.follow)(following.last(dag_id))
    dag = backfilling.dag(dag_id)
    request = _request(asked, site, dag.max_active_runs)
    if not asked.dry_run:
        _make_way(dag_id)
    at_work = _at_work(request)
    if not _describe(request, site):
        screen.say("All of it is loaded: there is nothing to make.")
        return 0
    if at_work:
        screen.say(
            f"Left out, as runs are at work there: {screen.some(at_work)}. Type it again when they have ended."
        )
    screen.say(f"The same by Airflow's own command:\n  {request.command}")
    made = None if asked.dry_run else backfilling.create(request)
    if made:
        screen.say(f"Made: backfill {made.backfill_id} of {dag_id}, {counted(made.runs.total(), 'run')}.")
    if dag.is_paused:
        screen.note(f"The DAG is paused, so its runs wait: airflow dags unpause {dag_id}")
    if not made:
        return 0
    if asked.wait:
        return following.follow(made)
    screen.say(following.ways(dag_id))
    return 0


def _check_bare(asked: argparse.Namespace) -> None:
    """Return where nothing is asked for that only a backfill to be made could take; exit else, as argparse does."""
    making = {
        "--from": asked.from_hour,
        "--to": asked.to_hour,
        "--event": asked.event,
        "--mode reload": asked.mode == "reload",
        "--newest-first": asked.newest_first,
        "--at-once": asked.at_once,
    }
    if given := [name for name, value in making.items() if value]:
        instead = "" if asked.cancel else ", or give --from and --to to make one"
        way = "--cancel" if asked.cancel else "--wait alone"
        asked.refuse(f"{way} is for the backfill that is at work: leave out {', '.join(given)}{instead}")


def _request(asked: argparse.Namespace, site: "Site", at_once: int) -> Request:
    """Return what is asked for; `at_once` where that is not.

    Raises:
        WindowError: no range, one that is not over, or an event that has no file.
    """
    if not (asked.from_hour and asked.to_hour):
        raise WindowError("give --from and --to, such as --from 2026-01-01 --to 2026-02-01")
    events = tuple(sorted(set(asked.event)))
    site.catalog.check_events("event", events)
    request = Request(
        dag_id=HOURLY_DAG if asked.hourly else BULK_DAG,
        window_hours=1 if asked.hourly else site.settings.bulk_hours,
        first=asked.from_hour,
        end=asked.to_hour,
        events=events,
        mode=asked.mode,
        newest_first=asked.newest_first,
        at_once=asked.at_once or at_once,
    )
    request.check(datetime.now(UTC))
    return request


def _make_way(dag_id: str) -> None:
    """Return when Airflow takes another backfill of a DAG: once it has noted that the last one has ended.

    Raises:
        NeedsAction: that has not ended, or its end is not noted.
    """
    deadline = 0.0
    while (last := backfilling.last(dag_id)) and not last.closed:
        name = f"backfill {last.backfill_id} of {dag_id}"
        if last.unended:
            done = f"{last.ended} of {counted(last.runs.total(), 'run')}"
            raise NeedsAction(
                f"{name} has not ended, {done} have; Airflow takes one at a time for each DAG. {following.ways(dag_id)}"
            )
        if not deadline:
            screen.note(
                f"All runs of {name} have ended; waiting for Airflow to note it, which takes up to half a minute."
            )
            deadline = time.monotonic() + _CLOSING_SECONDS
        if time.monotonic() > deadline:
            raise NeedsAction(
                f"{name} has ended, but no scheduler notes it: does it run? See `log-router doctor`"
            )
        time.sleep(following.LOOK_SECONDS)


def _at_work(request: Request) -> list[str]:
    """Return the runs of a request's windows that are at work, to which Airflow leaves these windows.

    Raises:
        NeedsAction: a reload would leave them out; or there are runs that would load other hours.
    """
    there = backfilling.there(request)
    misfits = [run.run_id for run in there if not run.fits]
    if misfits:
        raise NeedsAction(
            f"{screen.some(misfits)}: not made for the {request.window_hours} hours from their logical date, and what "
            "is run again keeps its interval; delete them in the UI first"
        )
    at_work = [run.run_id for run in there if run.at_work]
    if at_work and request.mode == "reload":
        raise NeedsAction(
            f"{screen.some(at_work)}: at work, so that Airflow would leave their hours out of the reload; type it "
            "again when they have ended"
        )
    return at_work


def _describe(request: Request, site: "Site") -> int:
    """Say what a request comes to; return how many raw objects it reads.

    Raises:
        WindowError: there are none in the range.
    """
    estimate = _estimate(request, site)
    if not estimate.objects:
        raise WindowError(
            f"there is no raw object in s3://{site.settings.raw_bucket}/ from {request.first} to {request.end}; "
            "correct --from and --to, or raw_bucket and raw_prefix in the settings"
        )
    order = "newest" if request.newest_first else "oldest"
    runs = counted(estimate.runs, "run")
    screen.say(
        f"{request.first} to {request.end}: {runs} of {request.dag_id}, the {order} first, "
        f"{request.at_once:,} at once."
    )
    of = ", ".join(request.events) or "all events"
    screen.say(
        f"Replaces the rows of {of}." if request.mode == "reload" else f"Loads what is missing of {of}."
    )
    for line in estimate.lines():
        screen.say(f"  {line}")
    if estimate.pending_objects:
        _say_how_long(estimate, site, request.at_once)
    return estimate.pending_objects


def _say_how_long(estimate: "Estimate", site: "Site", at_once: int) -> None:
    """Say how long it takes by the clock, if that is known, and which pools keep it from ever ending."""
    pools = [BACKFILL.pool(pool) for pool in (site.settings.split_pool, site.settings.copy_pool)]
    slots = {pool: backfilling.slots(pool) for pool in pools}
    split, load = (slots[pool] for pool in pools)
    seconds = estimate.wall_seconds(split, load, at_once)
    if seconds is not None:
        screen.say(f"  time by the clock: some {duration(seconds)}, if nothing else is at work")
    for pool in [pool for pool, count in slots.items() if not count]:
        screen.note(
            f"There is no pool {pool}, or it has no slots, so tasks wait for ever: see `log-router doctor`"
        )


def _estimate(request: Request, site: "Site") -> "Estimate":
    """Return what all runs would do together; changes nothing."""
    from log_router.core.estimates import total  # noqa: PLC0415 - wrong usage is told without S3 and Redshift
    from log_router.estimating import Estimator  # noqa: PLC0415 - the same
    from log_router.planning import Planner  # noqa: PLC0415 - the same

    estimator = Estimator(Planner(site.store, site.warehouse, site.statements, site.settings, site.catalog))
    reload, found = request.mode == "reload", []
    with screen.progress() as progress:
        for start, hours in request.windows().items():
            progress(f"looking at {start:%Y-%m-%dT%H:%MZ}")
            found.append(estimator.hours(hours, reload=reload, events=request.events))
    return total(found)
