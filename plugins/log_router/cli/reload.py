"""`log-router reload`: raw objects loaded anew, by a run of the DAG that does it."""

import argparse
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from log_router.cli import arguments, screen
from log_router.cli.following import LOOK_SECONDS
from log_router.core.amounts import counted, size
from log_router.core.errors import NeedsAction
from log_router.core.selections import Selection, selection_of
from log_router.lanes import RELOAD_DAG

if TYPE_CHECKING:
    from log_router.site import Site


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "reload",
        help="load raw objects anew, as today's event files say, and replace their rows",
        description=f"Triggers the DAG {RELOAD_DAG}. Readers see the old rows of an event or the new ones. "
        "Exit status: 0 done (triggered; with --wait: the run succeeded), 1 the run failed, 2 it could not be done.",
        epilog="examples:\n"
        "  log-router reload --from 2026-01-31T13:00:00Z --to 2026-01-31T15:00:00Z --event order_placed --wait\n"
        "  log-router reload --object 0123456789abcdef0123456789abcdef\n"
        "  log-router reload --quarantined order_placed",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    arguments.add_range(parser, required=False)
    named = parser.add_mutually_exclusive_group()
    named.add_argument(
        "--object",
        nargs="+",
        action="extend",
        default=[],
        metavar="ID_OR_URL",
        help="raw objects (a row's _lr_object) or s3:// URLs",
    )
    named.add_argument(
        "--quarantined", metavar="EVENT", help="all raw objects that hold quarantined lines of this event"
    )
    arguments.add_events(parser, "replace only these events' rows")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--dry-run", action="store_true", help="say what would be triggered, and trigger nothing"
    )
    instead.add_argument("--wait", action="store_true", help="follow the run to its end")
    parser.set_defaults(run=run)


def run(asked: argparse.Namespace, site: "Site") -> int:
    """Trigger the DAG; with --wait return 1 where the run fails.

    Raises:
        WindowError: nothing is selected, hours to come, or an event that has no file.
    """
    conf = _conf(asked)
    selection = selection_of(conf, site.catalog, datetime.now(UTC))
    screen.say(f"{'Would read' if asked.dry_run else 'Reads'} {_what(selection, site)}.")
    screen.say(f"Replaces the rows of {', '.join(selection.events) or 'all events'}.")
    run_id = "" if asked.dry_run else _trigger(conf)
    if run_id:
        screen.say(f"Triggered: {RELOAD_DAG} {run_id}")
    if _paused():
        screen.note(f"The DAG is paused, so its runs wait: airflow dags unpause {RELOAD_DAG}")
    return _follow(run_id) if run_id and asked.wait else 0


def _conf(asked: argparse.Namespace) -> dict[str, Any]:
    """Return the DAG's parameters, those that are given."""
    conf = {
        "from": asked.from_hour and asked.from_hour.start.isoformat(),
        "to": asked.to_hour and asked.to_hour.start.isoformat(),
        "objects": asked.object,
        "quarantined": asked.quarantined,
        "events": asked.event,
    }
    return {key: value for key, value in conf.items() if value}


def _what(selection: Selection, site: "Site") -> str:
    from log_router.planning import Planner  # noqa: PLC0415 - wrong usage is told without S3 and Redshift

    planner = Planner(site.store, site.warehouse, site.statements, site.settings, site.catalog)
    raws = planner.select(selection)
    return f"{counted(len(raws), 'raw object')}, {size(sum(raw.size for raw in raws))}"


def _trigger(conf: dict[str, Any]) -> str:
    from airflow.api.client import get_current_api_client  # noqa: PLC0415 - seconds of CPU
    from airflow.exceptions import DagNotFound  # noqa: PLC0415 - the same
    from airflow.sdk.exceptions import ParamValidationError  # noqa: PLC0415 - the same

    try:
        made = get_current_api_client().trigger_dag(dag_id=RELOAD_DAG, conf=conf)
    except DagNotFound as error:
        raise NeedsAction(
            f"Airflow does not know the DAG {RELOAD_DAG}: see `airflow dags list-import-errors`"
        ) from error
    except (ParamValidationError, ValueError) as error:
        raise NeedsAction(f"Airflow refused to trigger {RELOAD_DAG}: {error}") from error
    return str((made or {})["dag_run_id"])


def _paused() -> bool:
    from airflow.models import DagModel  # noqa: PLC0415 - seconds of CPU

    dag = DagModel.get_dagmodel(RELOAD_DAG)
    return dag is not None and bool(dag.is_paused)


def _follow(run_id: str) -> int:
    """Return 0 when the run has succeeded, 1 when it has failed."""
    from airflow.models import DagRun  # noqa: PLC0415 - seconds of CPU

    with screen.progress() as progress:
        while True:
            (dag_run,) = DagRun.find(dag_id=RELOAD_DAG, run_id=run_id)
            states = [str(task.state or "waiting") for task in dag_run.get_task_instances()]
            progress(
                f"{dag_run.state}: {', '.join(f'{states.count(one)} {one}' for one in sorted(set(states)))}"
            )
            if dag_run.state in ("success", "failed"):
                break
            time.sleep(LOOK_SECONDS)
    screen.say(f"{run_id}: {dag_run.state}")
    if dag_run.state == "failed":
        screen.note(
            f"The log of its red tasks says why: airflow tasks states-for-dag-run {RELOAD_DAG} {run_id}"
        )
    return int(dag_run.state == "failed")
