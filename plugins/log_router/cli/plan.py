"""`log-router plan`: what the event files want of the warehouse."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from log_router.cli import arguments, screen
from log_router.core.amounts import counted, size
from log_router.core.errors import NeedsAction
from log_router.core.evolution import DDL, Change, Kind
from log_router.core.snapshots import Snapshot

if TYPE_CHECKING:
    from log_router.evolving import EventPlan, Evolution
    from log_router.site import Site

_SIGNS = {Kind.TABLE: "+", Kind.ADDED: "+", Kind.WIDENED: "~", Kind.LEFT: "-", Kind.REFUSED: "!"}
_COLOURS = {"+": 32, "~": 33, "-": 36, "!": 31}


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "plan",
        help="compare the event files with the warehouse: the DDL that would run, and what is refused",
        description="Changes nothing. Exit status: 0 nothing to do, or only additions; 1 something is refused; "
        "2 it could not be done.",
        epilog="examples:\n"
        "  log-router plan\n"
        "  log-router plan --event order_placed --json\n"
        "  log-router plan --save-catalog warehouse.json\n"
        "  log-router plan --catalog warehouse.json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    arguments.add_events(parser, "only these events")
    saved = parser.add_mutually_exclusive_group()
    saved.add_argument(
        "--catalog", type=Path, metavar="FILE", help="compare with this saved catalog, offline"
    )
    saved.add_argument(
        "--save-catalog",
        type=Path,
        metavar="FILE",
        help="save what the warehouse holds, to compare with later",
    )
    arguments.add_json(parser)
    parser.set_defaults(run=run)


def run(asked: argparse.Namespace, site: "Site") -> int:
    """Print the comparison; return 1 where something is refused.

    Raises:
        NeedsAction: an event that has no file, or a catalog that is none.
    """
    evolution = evolution_of(asked, site)
    snapshot = _snapshot(asked, evolution)
    plans = evolution.plan(snapshot)
    if asked.json:
        screen.document({"slices": snapshot.slices, "events": [plan.to_dict() for plan in plans]})
    else:
        show(plans, snapshot.slices)
    return int(any(plan.refused for plan in plans))


def evolution_of(asked: argparse.Namespace, site: "Site") -> "Evolution":
    """Return the comparison of the events that are asked for."""
    from log_router.evolving import Evolution  # noqa: PLC0415 - wrong usage is told without Redshift's driver

    offline = getattr(asked, "catalog", None) is not None
    warehouse = None if offline else site.warehouse
    return Evolution(warehouse, site.statements, site.settings, site.catalog, asked.event)


def _snapshot(asked: argparse.Namespace, evolution: "Evolution") -> "Snapshot":
    try:
        if asked.catalog:
            return Snapshot.from_json(asked.catalog.read_bytes(), str(asked.catalog))
        with screen.progress() as progress:
            snapshot = evolution.read(progress, whole=bool(asked.save_catalog))
        if asked.save_catalog:
            asked.save_catalog.write_bytes(snapshot.to_json())
    except OSError as error:
        raise NeedsAction(f"{asked.catalog or asked.save_catalog}: {error.strerror}") from error
    return snapshot


def show(plans: Sequence["EventPlan"], slices: int | None) -> None:
    """Print a diff that a person reads, and what it comes to."""
    for plan in plans:
        if plan.changes:
            _show(plan, slices)
    kinds = [change.kind for plan in plans for change in plan.changes]
    todo = ", ".join(f"{kinds.count(kind)} {kind}" for kind in Kind if kind in kinds)
    screen.say(f"{counted(len(plans), 'event')}: {todo or 'the tables are as the event files say'}.")
    if any(kind in DDL for kind in kinds) and Kind.REFUSED not in kinds:
        screen.say(
            "The next load of an event does this by itself, unless `evolve: none`; now: log-router apply --yes"
        )


def _show(plan: "EventPlan", slices: int | None) -> None:
    screen.say(f"{screen.bold(plan.event.name)} -> {plan.event.table}")
    for change in plan.changes:
        sign = _SIGNS[change.kind]
        screen.say(f"  {screen.coloured(f'{sign} {_said(change)}', _COLOURS[sign])}")
    for statement in plan.statements:
        screen.say("\n".join(f"      {line}" for line in f"{statement};".splitlines()))
    if plan.floor:
        of = f"on {counted(slices, 'slice')}" if slices else "per slice"
        screen.say(f"    storage floor {size(plan.floor)} {of}")
    if plan.replay:
        replay = plan.replay
        in_hours = f" in {counted(replay.hours, 'hour')}" if replay.hours else ""
        screen.say(
            f"    rows that are loaded have NULL there; to fill them, load {counted(replay.objects, 'raw object')}"
            f"{in_hours} anew, {size(replay.size)}:"
        )
        screen.say(
            f"      {replay.command or 'log-router reload --object ...: their keys do not say their hours'}"
        )


def _said(change: Change) -> str:
    if change.kind is Kind.TABLE:
        return f"new table {change.wanted}"
    if change.kind is Kind.ADDED:
        return f"{change.column} {change.wanted}"
    if change.kind is Kind.LEFT:
        return f"{change.column} ({change.found}) is not in the config: it stays" + (
            ", new rows get NULL" if change.column != "sort_key" else ""
        )
    what = f"{change.column} {change.found} -> {change.wanted}" if change.column else "the table"
    return f"{what}: {change.remedy}" if change.remedy else what
