"""`log-router adopt`: a file for an event type without one, and the command that loads its past."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from log_router.cli import arguments, screen
from log_router.cli.radar import radar_of
from log_router.cli.scaffold import write_all
from log_router.core.amounts import counted
from log_router.core.errors import NeedsAction
from log_router.core.windows import iso

if TYPE_CHECKING:
    from log_router.radar import Unrouted
    from log_router.site import Site


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "adopt",
        help="write the event file for an event type without one, and say how to load its past",
        description="Writes the event file for an event type that was unrouted so far, out of its lines in the newest "
        "20 raw objects that hold it (or as many as have 200,000 lines), and prints the command that loads its past. "
        "No file is overwritten. Exit status: 0 done, 1 the record knows no such event type, 2 it could not be done.",
        epilog="examples:\n  log-router adopt payment_refunded --dry-run\n  log-router adopt payment_refunded --yes",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("event_type", metavar="EVENT_TYPE", help="as `log-router radar` shows it")
    parser.add_argument(
        "--out",
        type=Path,
        default=None,
        metavar="FOLDER",
        help="where to write (by default the site's events/)",
    )
    arguments.add_consent(parser)
    parser.set_defaults(run=run)


def run(asked: argparse.Namespace, site: "Site") -> int:
    """Write the file, or print it; return 1 where no line of it was met."""
    from log_router.core.event_files import event_file  # noqa: PLC0415 - see rollback
    from log_router.core.naming import event_names  # noqa: PLC0415 - the same
    from log_router.site import SCHEMA, config_folder  # noqa: PLC0415 - the same

    radar = radar_of(site)
    event_type, when = radar.origin(asked.event_type)
    found = next((one for one in radar.unrouted() if one.event_type == asked.event_type), None)
    if found is None:
        screen.note(f"The record knows no unrouted event type `{asked.event_type}`; see: log-router radar")
        return 1
    with screen.progress() as tell:
        survey, objects = radar.survey([asked.event_type], tell)
    profile = survey.profiles.get(asked.event_type)
    if profile is None:
        raise NeedsAction(
            f"event type {asked.event_type}: none of the newest raw objects that the record names holds a line of it "
            "any more; were they overwritten? log-router audit tells"
        )
    folder = asked.out or config_folder() / "events"
    taken = [name for event in site.catalog.events for name in (event.name, event.table)]
    name = event_names([asked.event_type], [*taken, "quarantined_lines"])[asked.event_type]
    schema = os.path.relpath(SCHEMA, folder)
    text, inferred = event_file(name, event_type, profile, schema=schema, when=when)
    if asked.yes:
        write_all(folder, {f"{name}.yaml": text})
        screen.say(
            screen.bold(f"Written: {folder / name}.yaml")
            + f", {counted(len(inferred), 'column')} by {counted(profile.documents, 'line')} of "
            f"{counted(objects, 'raw object')}. Read it, then:"
        )
    else:
        screen.say(text)
    _say_next(name, found)
    return 0


def _say_next(name: str, found: "Unrouted") -> None:
    screen.say("  $ log-router check")
    screen.say(f"  $ log-router plan --event {name}")
    screen.say("  $ airflow dags reserialize")
    reads = f"{counted(found.objects, 'raw object')} with {counted(found.lines, 'line')} of it"
    if found.first and found.last:
        window = f"--from {iso(found.first.start)} --to {iso(found.last.end)}"
        screen.say(f"  $ log-router backfill --event {name} {window} --wait")
        screen.say(f"The backfill reads {reads}.")
    else:
        screen.say(
            f"and a backfill of the hours of {reads}: which these are, the keys below `raw_prefix` do not tell"
        )
