"""`log-router lag`: how fresh the rows are."""

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from log_router.cli import arguments, screen
from log_router.core.amounts import counted, duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from log_router.lags import Lag
    from log_router.site import Site

_HEADS = ("event", "by", "raw objects", "rows", "p50", "p95", "max")


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "lag",
        help="print how long raw objects took from their S3 write to their load, by event",
        description="Prints by event how long the raw objects that were loaded in the last hours took from their write "
        "to S3 until their rows could be queried: half of them no longer than p50, 19 of 20 no longer than p95. Each "
        "kind of run stands for itself: `stream`, `hourly` and `backfill`, so that old hours spoil nothing. What was "
        "loaded anew is left out, and raw objects that are not settled yet. S3 tells times to the second. "
        "Exit status: 0 done, 1 nothing was loaded in that time, 2 it could not be done.",
        epilog="examples:\n  log-router lag\n  log-router lag --hours 24 --event order_placed --json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--hours", type=arguments.positive, default=1, metavar="N", help="loaded in the last N hours; 1"
    )
    arguments.add_events(parser, "only these events")
    arguments.add_json(parser)
    parser.set_defaults(run=run)


def run(asked: argparse.Namespace, site: "Site") -> int:
    """Print the lags; return 1 where nothing was loaded."""
    from log_router.lags import Lags  # noqa: PLC0415 - wrong usage is told without S3 and Redshift

    lags = Lags(site.warehouse, site.statements, site.settings, site.catalog)
    found = lags.of_last(asked.hours, asked.event)
    if asked.json:
        screen.document({"hours": asked.hours, "lags": [asdict(one) for one in found]})
    elif found:
        _show(found)
    else:
        screen.note(f"Nothing was loaded in the last {counted(asked.hours, 'hour')}.")
    return int(not found)


def _show(found: "Sequence[Lag]") -> None:
    rows = [_HEADS, *map(_cells, found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        # Names stand on the left, numbers on the right.
        cells = [
            cell.ljust(width) if at < 2 else cell.rjust(width)  # noqa: PLR2004 - event and lane are names
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        line = "  ".join(cells)
        screen.say(line if number else screen.bold(line))


def _cells(lag: "Lag") -> tuple[str, ...]:
    times = (duration(seconds) for seconds in (lag.p50, lag.p95, lag.max))
    return (lag.event, lag.lane, f"{lag.objects:,}", f"{lag.rows:,}", *times)
