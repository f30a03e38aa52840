"""What the commands take: hours, events, raw objects, and whether anything may change."""

import argparse

from log_router.core.errors import WindowError
from log_router.core.windows import Hour, whole_hour


def hour(text: str) -> Hour:
    """Return the hour that starts at a time; argparse says what is wrong with any other text."""
    try:
        return whole_hour("hour", text)
    except WindowError as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix("hour: ")) from error


def positive(text: str) -> int:
    """Return a whole number above 0."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"`{text}` is not 1 or more")
    return number


def add_range(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """Add --from and --to."""
    for name, said in (
        ("--from", "the first hour, such as 2026-01-31T13:00:00Z"),
        ("--to", "the first one after"),
    ):
        parser.add_argument(
            name, dest=f"{name[2:]}_hour", type=hour, required=required, metavar="T", help=f"{said}; UTC"
        )


def add_events(parser: argparse.ArgumentParser, said: str) -> None:
    """Add --event."""
    parser.add_argument("--event", nargs="+", action="extend", default=[], metavar="X", help=said)


def add_consent(parser: argparse.ArgumentParser) -> None:
    """Add --yes and --dry-run, of which one must be given."""
    consent = parser.add_mutually_exclusive_group(required=True)
    consent.add_argument("--yes", action="store_true", help="do it")
    consent.add_argument("--dry-run", action="store_true", help="say what would be done, and change nothing")


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add --json."""
    parser.add_argument("--json", action="store_true", help="print everything as one JSON document")
