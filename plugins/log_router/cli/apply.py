"""`log-router apply`: the DDL of a plan, outside of a load."""

import argparse
from typing import TYPE_CHECKING

from log_router.cli import arguments, screen
from log_router.cli.plan import evolution_of, show
from log_router.core.amounts import counted

if TYPE_CHECKING:
    from log_router.site import Site


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "apply",
        help="make tables, add columns and widen varchars as the event files say",
        description="Does what `log-router plan` shows; nothing at all where something is refused. Safe beside loads, "
        "and to run again. Exit status: 0 done, 1 something is refused, 2 it could not be done.",
        epilog="examples:\n  log-router apply --dry-run\n  log-router apply --event order_placed --yes",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    arguments.add_events(parser, "only these events")
    arguments.add_consent(parser)
    arguments.add_json(parser)
    parser.set_defaults(run=run)


def run(asked: argparse.Namespace, site: "Site") -> int:
    """Apply what the plan has; return 1, and change nothing, where something is refused.

    Raises:
        NeedsAction: an event that has no file, or a table that changed meanwhile.
    """
    evolution = evolution_of(asked, site)
    with screen.progress() as progress:
        snapshot = evolution.read(progress)
        plans = evolution.plan(snapshot)
        refused = any(plan.refused for plan in plans)
        applied = evolution.apply(plans, progress) if asked.yes and not refused else []
    if asked.json:
        screen.document({"applied": applied, "events": [plan.to_dict() for plan in plans]})
        return int(refused)
    if not applied:
        show(plans, snapshot.slices)
    if refused:
        screen.say("Nothing is applied.")
    elif asked.yes:
        screen.say(f"Applied to {counted(len(applied), 'event')}: {', '.join(applied) or 'none needs it'}.")
    return int(refused)
