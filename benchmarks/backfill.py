"""How long backfills take and what of it is whose: through a real Airflow, on the embedded stack.

    .venv/bin/python -m benchmarks.backfill month [--days 30] [--objects 2] [--lines 100] [--hourly-days 1]
    .venv/bin/python -m benchmarks.backfill day [--gigabytes 5] [--objects 8]
    .venv/bin/python -m benchmarks.backfill growth [--days 1 2 4 8]

`month` loads small objects of twenty events, so that orchestration is what is measured, then the same again, then other
days hour by hour to compare with. `day` loads gigabytes of raw lines (as they are before they are gzip'd) of one day.
`growth` loads more and more days. Each starts a stack on free ports of loopback in a temporary folder, which needs
up to three times the raw bytes; `--json FILE` keeps the figures. Everything shares the machine, this program included.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import inside, machine, raw_data
from benchmarks.backfill_runs import Bench, Measured
from local.demo import table
from local.environment import ROOT, StackError, forget_foreign_variables
from local.ports import Ports
from local.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BULK, HOURLY = "log_router_bulk", "log_router_hourly"
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
EVENTS = 20
GB, MB = 1e9, 1e6
MOST_TASKS, MOST_SECONDS, MOST_MB, MOST_SHARE = 1000, 900, 300, 0.05
# Whose the parts of a stack are; the executor's processes are Airflow's but for the tasks' own work in them.
_WHOSE = {
    "Airflow": (
        "scheduler", "executor", "api-server", "dag-processor", "triggerer", "log-server", "postgres airflow",
    ),
    "the twin": ("twin", "postgres dev"),
    "S3": ("s3", "s3-front"),
    "PostgreSQL itself": ("postgres",),
}  # fmt: skip


def main() -> None:
    """Measure and print."""
    given = _arguments()
    forget_foreign_variables()
    with _bench() as bench:
        print(machine.facts(bench.stack), flush=True)
        found = {"month": _month, "day": _day, "growth": _growth}[given.what](bench, given)
    if given.json:
        document = {"what": given.what, "given": {**vars(given), "json": None}, "measured": found}
        given.json.write_text(json.dumps(document, default=dataclasses.asdict, indent=1) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backfill")
    what = parser.add_subparsers(dest="what", required=True)
    small = {"--objects": (2, "raw objects an hour"), "--lines": (100, "lines of an object")}
    month = what.add_parser("month")
    month.add_argument("--days", type=int, default=30)
    month.add_argument(
        "--hourly-days", type=int, default=1, help="days that are loaded hour by hour, after these"
    )
    day = what.add_parser("day")
    day.add_argument("--gigabytes", type=float, default=5, help="raw lines, before they are gzip'd")
    day.add_argument("--objects", type=int, default=8, help="raw objects an hour")
    growth = what.add_parser("growth")
    growth.add_argument("--days", type=int, nargs="+", default=[1, 2, 4, 8])
    for one in (month, growth):
        for name, (default, text) in small.items():
            one.add_argument(name, type=int, default=default, help=text)
    for one in (month, day, growth):
        one.add_argument("--json", type=Path, help="write all figures here")
    return parser.parse_args()


@contextlib.contextmanager
def _bench() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="backfill-benchmark-") as folder:
        # The unprivileged user that PostgreSQL runs as must reach its data.
        Path(folder).chmod(0o711)
        notes = Path(folder) / "notes.jsonl"
        stack = Stack(
            Path(folder),
            Ports.free(),
            dags_folder=ROOT / "benchmarks" / "measured_dags",
            environment={inside.VARIABLE: str(notes)},
        )
        with stack:
            for dag in (BULK, HOURLY):
                stack.api.patch(f"/dags/{dag}", {"is_paused": False})
            yield Bench(stack, notes)


def _month(bench: Bench, given: argparse.Namespace) -> dict[str, Any]:
    _, body = raw_data.mixed(EVENTS, given.lines)
    when = raw_data.hours_of(FIRST, given.days + given.hourly_days)
    stored = raw_data.put(bench.stack.s3(), when, [body] * given.objects)
    print(
        f"{len(when)} hours of {given.objects} objects of {given.lines} lines, {stored / MB:,.1f} MB gzip'd"
    )
    found: dict[str, Any] = {"bulk": _shown("bulk, a run a day", bench.backfill(BULK, FIRST, given.days))}
    found |= _again(bench, given.days)
    if given.hourly_days:
        first = FIRST + timedelta(days=given.days)
        found["hourly"] = _shown(
            f"{given.hourly_days} other days hour by hour", bench.backfill(HOURLY, first, given.hourly_days)
        )
        whole = found["hourly"].seconds * given.days / given.hourly_days
        print(
            f"hour by hour {given.days} days would take {whole / 60:,.0f} minutes, from {given.hourly_days} measured"
        )
    bulk = found["bulk"]
    _aim(f"at most {MOST_TASKS:,} task instances", bulk.task_instances, MOST_TASKS)
    _aim(f"at most {MOST_SECONDS / 60:.0f} minutes", bulk.seconds, MOST_SECONDS)
    _aims_again(found, bulk)
    return found


def _day(bench: Bench, given: argparse.Namespace) -> dict[str, Any]:
    what = list(raw_data.bodies(given.objects, round(given.gigabytes * GB / 24 / given.objects)))
    raw = 24 * sum(map(len, what))
    began = time.monotonic()
    stored = raw_data.put(bench.stack.s3(), raw_data.hours_of(FIRST, 1), what)
    took = time.monotonic() - began
    print(
        f"{raw / GB:.2f} GB of raw lines, {stored / GB:.2f} GB gzip'd in {24 * len(what)} objects, put in {took:.0f} s"
    )
    found: dict[str, Any] = {"day": _shown("the day", bench.backfill(BULK, FIRST, 1))}
    first = found["day"]
    print(
        f"end to end {raw / MB / first.seconds:.1f} MB/s of raw lines; by stage, from its first to its last moment:"
    )
    stages = [
        (one.name, round(raw / MB / (one.ended - one.began), 1), round(one.cpu / (one.ended - one.began), 1))
        for one in first.tasks
    ]
    print(table(("", "MB/s", "cores of ours"), stages))
    found |= _again(bench, 1)
    _aim(f"at most {MOST_MB} MB a task", max(one.peak_mb for one in first.tasks), MOST_MB)
    _aims_again(found, first)
    return {**found, "raw_bytes": raw, "stored_bytes": stored}


def _again(bench: Bench, days: int) -> dict[str, Any]:
    """Run a backfill once more: as it is typed, and by Airflow told to run all its runs again."""
    typed = bench.typed(FIRST, days)
    print(f"\nthe same again, by log-router backfill, which finds nothing to make: {typed:.1f} s")
    again = bench.backfill(BULK, FIRST, days, again="completed")
    return {
        "typed": typed,
        "again": _shown("the same runs again, by Airflow (--reprocess-behavior completed)", again),
    }


def _growth(bench: Bench, given: argparse.Namespace) -> dict[str, Measured]:
    _, body = raw_data.mixed(EVENTS, given.lines)
    raw_data.put(bench.stack.s3(), raw_data.hours_of(FIRST, 1 + sum(given.days)), [body] * given.objects)
    # Makes the tables, and is not counted.
    bench.backfill(BULK, FIRST, 1)
    first, found = FIRST + timedelta(days=1), {}
    for days in given.days:
        found[f"{days} days"] = bench.backfill(BULK, first, days)
        first += timedelta(days=days)
    rows = [
        (name, one.task_instances, one.seconds, one.seconds / one.runs, one.busy / one.runs)
        for name, one in found.items()
    ]
    print(table(("", "task instances", "seconds", "a day", "CPU a day"), [_rounded(row) for row in rows]))
    return found


def _shown(name: str, one: Measured) -> Measured:
    """Print a backfill; return it."""
    print(
        f"\n{name}: {one.seconds:.1f} s, {one.runs} runs, {one.task_instances} task instances, {one.copies} COPYs, "
        f"{one.objects} objects, {one.rows:,} rows"
    )
    print(table(("CPU of", "seconds", "%"), [_rounded(row) for row in _shares(one)]))
    columns = (
        "task",
        "processes",
        "from",
        "to",
        "start CPU",
        "own CPU",
        "own seconds",
        "at start MB",
        "peak MB",
    )
    rows = [
        (
            *(each.name, each.processes, each.began, each.ended, each.start_cpu, each.cpu, each.seconds),
            *(round(each.shared_mb), round(each.peak_mb)),
        )
        for each in one.tasks
    ]
    print(table(columns, [_rounded(row) for row in rows]), flush=True)
    return one


def _shares(one: Measured) -> list[tuple[str, float, float]]:
    ours = sum(each.cpu for each in one.tasks)
    spent = {whose: sum(one.cpu[part] for part in parts) for whose, parts in _WHOSE.items()}
    spent["Airflow"] -= ours
    detail = {**one.cpu, "executor": one.cpu["executor"] - ours}
    detail["executor, tasks' start"] = sum(each.start_cpu for each in one.tasks)
    detail["executor"] -= detail["executor, tasks' start"]
    whole = {"ours": ours, **spent, "all else, this program too": one.busy - ours - sum(spent.values())}
    shown = {**whole, **{f"  of it {part}": detail[part] for part in sorted(detail)}}
    return [(whose, seconds, 100 * seconds / one.busy) for whose, seconds in shown.items()]


def _aims_again(found: dict[str, Any], first: Measured) -> None:
    share = f"at most {MOST_SHARE:.0%} of the first time"
    _aim(f"again, as it is typed, {share}", found["typed"] / first.seconds, MOST_SHARE)
    _aim(f"again, all runs, {share}", found["again"].seconds / first.seconds, MOST_SHARE)
    _aim("again, no COPY", found["again"].copies, 0)


def _aim(text: str, value: float, most: float) -> None:
    print(f"aim, {text}: {'reached' if value <= most else 'missed'} ({value:,.4g})")


def _rounded(row: Sequence[Any]) -> list[Any]:
    return [round(value, 1) if isinstance(value, float) else value for value in row]


if __name__ == "__main__":
    try:
        main()
    except StackError as error:
        raise SystemExit(f"error: {error}") from None
