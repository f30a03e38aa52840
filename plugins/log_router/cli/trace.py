"""`log-router trace`: the raw line of a row."""

import argparse
import sys
from typing import TYPE_CHECKING

from log_router.cli import arguments, screen

if TYPE_CHECKING:
    from log_router.site import Site


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "trace",
        help="print the raw line that a row came from",
        description="Prints exactly the bytes of a raw line to stdout, without its line end, and its place to stderr.",
        epilog="example:\n  log-router trace order_placed 0123456789abcdef0123456789abcdef 17",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("event", metavar="EVENT", help="the event, or quarantined_lines")
    parser.add_argument("object", metavar="OBJECT", help="the row's _lr_object")
    parser.add_argument("line", metavar="LINE", type=arguments.positive, help="the row's _lr_line")
    parser.set_defaults(run=run)


def run(asked: argparse.Namespace, site: "Site") -> int:
    """Print the line."""
    from log_router.lineage import Lineage  # noqa: PLC0415 - wrong usage is told without S3 and Redshift
    from log_router.tracing import raw_line, raw_object  # noqa: PLC0415 - the same

    with site.warehouse.session() as session:
        lineage = Lineage(session, site.statements, site.settings, site.catalog)
        raw = raw_object(lineage, site.store, asked.event, asked.object)
    screen.note(f"{raw.url} line {asked.line}")
    sys.stdout.buffer.write(raw_line(site.store, raw, asked.line))
    if sys.stdout.isatty():
        screen.say()
    return 0
