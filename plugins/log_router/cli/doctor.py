"""`log-router doctor`: whether everything is there that loads need."""

import argparse
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

from log_router.cli import arguments, screen
from log_router.core.amounts import counted
from log_router.core.health import Check, State

if TYPE_CHECKING:
    from log_router.site import Site

_WIDTH = max(map(len, State))
_NOUNS = {State.PROBLEM: "problem", State.WARNING: "warning"}


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "doctor",
        help="try everything that loads need, and name the remedies",
        description="Looks at settings and event files, Airflow's Connections, pools and DAGs, both buckets, Redshift, "
        "and the queue of S3's notices with its dead-letter queue. Writes and deletes one small object below the "
        "staging prefix, and changes nothing else; but a message of the dead-letter queue that is shown counts as "
        "received once more. Exit status: 0 no problem (there may be warnings), 1 problems, 2 it could not be done.",
        epilog="examples:\n  log-router doctor\n  log-router doctor --json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    arguments.add_json(parser)
    parser.set_defaults(run=run)


def run(asked: argparse.Namespace, site: "Site") -> int:
    """Examine the site; return 1 where there are problems."""
    from log_router.examining import examine  # noqa: PLC0415 - wrong usage is told without S3 and Redshift

    found: list[Check] = []
    with screen.progress() as progress:
        for check in examine(site, progress):
            found.append(check)
            if not asked.json:
                progress("")
                _show(check)
    counts = Counter(check.state for check in found)
    if asked.json:
        screen.document(
            {
                "counts": {str(state): counts[state] for state in State},
                "checks": [asdict(check) for check in found],
            }
        )
    else:
        screen.say(", ".join(counted(counts[state], noun) for state, noun in _NOUNS.items()) + ".")
    return int(counts[State.PROBLEM] > 0)


def _show(check: Check) -> None:
    said = " ".join(check.said.split())
    remedy = f"; {check.remedy}" if check.remedy else ""
    head = f"{check.state:<{_WIDTH}}"
    screen.say(f"{head if check.state is State.OK else screen.bold(head)}  {check.subject}: {said}{remedy}")
