"""Write hours of marketplace events: `python -m local.generate --help`."""

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from local.generate import hours, rates, spoil
from local.generate.compress import SUFFIXES
from local.generate.objects import PREFIX, Expectation
from local.generate.store import StoreError, store

MEAN_LINE_BYTES = 550  # measured over a day


def main() -> None:
    """Write the objects that the command line asks for, and what must become of them."""
    parser = _parser()
    args = parser.parse_args()
    lines = args.lines_per_object
    if args.megabytes_per_object:
        lines = round(args.megabytes_per_object * 1_000_000 / MEAN_LINE_BYTES)
    chances = rates(bad=args.bad_rate, unrouted=args.unrouted_rate, blank=args.blank_rate, odd=args.odd_rate)
    target = store("-" if args.stdout else args.out, args.endpoint_url)
    expectations: dict[str, Expectation] = {}
    try:
        for generated in hours(
            args.start,
            args.hours,
            seed=args.seed,
            objects_per_hour=args.objects_per_hour,
            lines_per_object=lines,
            prefix=args.prefix,
            compression=args.compression,
            rates=chances | dict(args.rate),
        ):
            target.put(generated.key, generated.blocks)
            expectations[generated.key] = generated.expectation
            print(f"{generated.key}: {generated.expectation.lines} lines", file=sys.stderr)
    except (ValueError, StoreError) as error:
        parser.error(str(error))
    if args.expect:
        document = {key: expectation.to_dict() for key, expectation in expectations.items()}
        args.expect.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.generate", description=__doc__)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--out", help="a folder, or s3://bucket/prefix")
    where.add_argument("--stdout", action="store_true", help="write all objects to standard output")
    parser.add_argument("--endpoint-url", help="of the S3 server, when it isn't AWS")
    parser.add_argument(
        "--start", type=_hour, default=_hour("2026-03-01T17"), help="first hour, UTC: 2026-03-01T17"
    )
    parser.add_argument("--hours", type=int, default=1)
    parser.add_argument("--objects-per-hour", type=int, default=4)
    size = parser.add_mutually_exclusive_group()
    size.add_argument(
        "--lines-per-object", type=int, default=25_000, help="mean over a day: evenings have more"
    )
    size.add_argument("--megabytes-per-object", type=float, help="the same, about, before compression")
    parser.add_argument("--prefix", default=PREFIX, help="strftime template: raw/%%Y/%%m/%%d/%%H/")
    parser.add_argument("--compression", choices=sorted(SUFFIXES), default="gzip")
    parser.add_argument("--seed", type=int, default=7)
    for group, rate in (("bad", 0.001), ("unrouted", 0.004), ("blank", 0.0005), ("odd", 0.001)):
        parser.add_argument(f"--{group}-rate", type=float, default=rate, help=f"per line, all kinds: {rate}")
    parser.add_argument(
        "--rate",
        type=_kind_and_rate,
        action="append",
        default=[],
        metavar="KIND=RATE",
        help=f"of one kind, over the rate of its group; kinds: {', '.join(spoil.SPOILERS)}",
    )
    parser.add_argument(
        "--expect", type=Path, help="write here what must become of each object's lines, as JSON"
    )
    return parser


def _hour(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H").replace(tzinfo=UTC)


def _kind_and_rate(text: str) -> tuple[str, float]:
    kind, _, rate = text.partition("=")
    return kind, float(rate)


if __name__ == "__main__":
    main()
