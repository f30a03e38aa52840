"""`log-router radar`: what arrives and is not loaded."""

import argparse
from typing import TYPE_CHECKING

from log_router.cli import arguments, screen
from log_router.core import paths
from log_router.core.amounts import counted
from log_router.core.windows import iso

if TYPE_CHECKING:
    from collections.abc import Sequence

    from log_router.radar import Radar, Unnamed, Unrouted
    from log_router.site import Site


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "radar",
        help="show event types without a file, and fields without a column, with the YAML for them",
        description="Shows the event types without a file, as the record of settled raw objects counts them, and the "
        "fields of configured events that no column reads, in the newest 20 raw objects that hold these events "
        "(or as many as have 200,000 lines); with --event and with --json, the YAML lines for them. "
        "Exit status: 0 all is loaded, 1 something is not, 2 it could not be done.",
        epilog="examples:\n  log-router radar\n  log-router radar --event order_placed --json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    arguments.add_events(parser, "only fields of these events")
    arguments.add_json(parser)
    parser.set_defaults(run=run)


def radar_of(site: "Site") -> "Radar":
    """Return the radar of the site."""
    from log_router.radar import Radar  # noqa: PLC0415 - see rollback

    return Radar(site.store, site.warehouse, site.statements, site.settings, site.catalog)


def run(asked: argparse.Namespace, site: "Site") -> int:
    """Show what is not loaded; return 1 where there is any."""
    from log_router.core.event_files import entry  # noqa: PLC0415 - see rollback

    site.catalog.check_events("--event", asked.event)
    radar = radar_of(site)
    unrouted = [] if asked.event else radar.unrouted()
    with screen.progress() as tell:
        survey, objects = radar.survey(asked.event, tell)
    unnamed = radar.unnamed(survey)
    if asked.json:
        screen.document(
            {
                "unrouted": [
                    {
                        "event_type": one.event_type,
                        "lines": one.lines,
                        "objects": one.objects,
                        "size_bytes": one.size_bytes,
                        "first_hour": one.first and iso(one.first.start),
                        "last_hour": one.last and iso(one.last.start),
                    }
                    for one in unrouted
                ],
                "looked_at": {"objects": objects, "lines": survey.lines},
                "fields": [
                    {
                        "event": one.event,
                        "lines": one.lines,
                        "columns": [{"share": column.share, "yaml": entry(column)} for column in one.fields],
                    }
                    for one in unnamed
                ],
            }
        )
    else:
        _show(unrouted, unnamed, named=bool(asked.event))
        looked_at = f"{counted(survey.lines, 'line')} of the newest {counted(objects, 'raw object')}"
        screen.note(f"Fields: looked at {looked_at}.")
    return int(bool(unrouted or unnamed))


def _show(unrouted: "Sequence[Unrouted]", unnamed: "Sequence[Unnamed]", *, named: bool) -> None:
    if unrouted:
        screen.say(screen.bold("Event types without a file:"))
    for one in unrouted:
        when = f", {iso(one.first.start)} to {iso(one.last.end)}" if one.first and one.last else ""
        screen.say(
            f"  {one.event_type}: {counted(one.lines, 'line')} in {counted(one.objects, 'raw object')}{when}"
        )
    if unrouted:
        screen.say("Make a file and load the past:")
        screen.say(f"  $ log-router adopt '{unrouted[0].event_type}' --yes")
    for event in () if named else unnamed:
        some = screen.some([f"{paths.written(column.path)} {column.share:.0%}" for column in event.fields])
        screen.say(f"{event.event}: no column reads {some}")
    if unnamed and not named:
        screen.say("The YAML for them:")
        screen.say(f"  $ log-router radar --event {unnamed[0].event}")
    for event in unnamed if named else ():
        screen.say(
            screen.bold(
                f"{event.event}: fields without a column in {counted(event.lines, 'line')}, for its `columns`:"
            )
        )
        for line in fields(event):
            screen.say(line)
    if not unrouted and not unnamed:
        screen.say("Every event type has a file and every field a column.")


def fields(event: "Unnamed") -> list[str]:
    """Return the YAML lines for the fields of an event."""
    from log_router.core.event_files import entry, remark  # noqa: PLC0415 - see rollback

    lines = []
    for column in event.fields:
        lines += [f"  # {remark(column)}", f"  - {entry(column)}"]
    return lines
