"""The command line: what is asked for, and how it ends."""

import argparse
import os
import sys
from collections.abc import Sequence

from log_router.cli import (
    adopt,
    apply,
    audit,
    backfill,
    check,
    clean,
    doctor,
    lag,
    plan,
    radar,
    redrive,
    reload,
    rollback,
    scaffold,
    screen,
    trace,
)
from log_router.core.errors import LogRouterError
from log_router.site import Site, leave_tasks

_FAILED = 2
_INTERRUPTED = 130
_COMMANDS = (
    radar,
    adopt,
    scaffold,
    check,
    plan,
    apply,
    doctor,
    audit,
    lag,
    backfill,
    reload,
    rollback,
    trace,
    clean,
    redrive,
)


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    made = argparse.ArgumentParser(
        prog="log-router",
        description="Asks and mends what Log Router has loaded. Settings, S3 and Redshift are those of this "
        "machine's Airflow: its Variable, its Connections, include/.",
        epilog="`log-router <command> --help` says more, with examples.",
    )
    made.add_argument(
        "--verbose", action="store_true", help="with the log of Airflow and its clients on stderr"
    )
    commands = made.add_subparsers(required=True, metavar="command")
    for command in _COMMANDS:
        command.add(commands)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status: 0 all is well, 1 it is not, 2 it could not be done."""
    asked = parser().parse_args(arguments)
    if not asked.verbose:
        # What matters is said by the error itself, once and without a traceback.
        os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "CRITICAL"
    leave_tasks()
    try:
        status: int = asked.run(asked, Site())
        sys.stdout.flush()
    except LogRouterError as error:
        screen.note(f"log-router: {error}")
        return _FAILED
    except BrokenPipeError:
        # Who reads has seen enough, as `head` does; nothing is left to be flushed at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED
    return status
