"""`log-router check`: the configuration, read as a run would read it."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from log_router.cli import arguments, screen
from log_router.core.amounts import counted
from log_router.core.errors import ConfigError

if TYPE_CHECKING:
    from log_router.core.catalog import Catalog
    from log_router.site import Site


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "check",
        help="read settings and event files as a run would, and try the sample lines, without any connection",
        description="Reads settings.yaml, with LOG_ROUTER_* of the environment on top, and all event files; tries the "
        "sample lines of events/tests. Says all mistakes at once, with file, line and remedy. Neither Airflow, S3 nor "
        "Redshift is asked. Exit status: 0 all is well, 1 there are mistakes, 2 it could not be done.",
        epilog="examples:\n  log-router check\n  log-router check /tmp/config --json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        metavar="FOLDER",
        help="of settings.yaml and events/ (by default the site's)",
    )
    arguments.add_json(parser)
    parser.set_defaults(run=run)


def run(asked: argparse.Namespace, site: "Site") -> int:  # noqa: ARG001 - it asks no site
    """Check the folder; return 1 where there are mistakes."""
    from log_router.site import config_folder  # noqa: PLC0415 - see rollback

    folder = asked.folder or config_folder()
    catalog, samples, problems = _checked(folder)
    events = () if catalog is None else catalog.events
    columns = sum(len(event.table_columns) for event in events)
    if asked.json:
        screen.document(
            {
                "folder": str(folder),
                "events": len(events),
                "columns": columns,
                "samples": samples,
                "problems": problems,
            }
        )
        return int(bool(problems))
    for problem in problems:
        screen.say(problem)
    if problems:
        screen.note(
            f"{counted(len(problems), 'mistake')} in {folder}; no run loads anything until all are mended."
        )
        return 1
    screen.say(
        f"{folder}: {counted(len(events), 'event')} with {counted(columns, 'column')} and "
        f"{counted(samples, 'sample')}: all is well"
    )
    return 0


def _checked(folder: Path) -> "tuple[Catalog | None, int, list[str]]":
    """Return the catalog if it can be read, how many samples were tried, and all mistakes."""
    from log_router.core import samples  # noqa: PLC0415 - see rollback
    from log_router.core.catalog import load_catalog, load_settings, read_events  # noqa: PLC0415 - the same
    from log_router.core.settings import environment_overrides  # noqa: PLC0415 - the same

    problems: list[str] = []
    try:
        settings = load_settings(folder, environment_overrides(os.environ))
    except ConfigError as error:
        # The event files can be read without: all mistakes are told at once.
        return None, 0, [*error.problems, *read_events(folder)[1]]
    try:
        catalog = load_catalog(folder, settings)
    except ConfigError as error:
        return None, 0, list(error.problems)
    count, problems = samples.check(folder, catalog)
    return catalog, count, problems
