"""Measure: `make bench`, or with `--quick` ours against the limit only."""

from __future__ import annotations

import argparse
import cProfile
import json
import platform
import pstats
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.machine import processor
from benchmarks.splitter import inputs
from benchmarks.splitter.contenders import PEERS, Contender, contenders, lines_written
from benchmarks.splitter.folder_store import FolderStore, plan
from local.environment import ROOT
from log_router.splitting import split_chunk

PLACE = ROOT / ".local" / "bench"
HISTORY = ROOT / "benchmarks" / "splitter" / "history.json"
_CORE = 0


@dataclass(frozen=True)
class Cost:
    """What a contender took for an input: the median of its runs' CPU seconds, and the highest peak of memory.

    `stored_mb` are the files that it wrote: what COPY would read.
    """

    input: str
    contender: str
    megabytes: float
    cpu_seconds: float
    spread: float
    peak_mb: float
    stored_mb: float

    @property
    def speed(self) -> float:
        """Raw MB by CPU second."""
        return self.megabytes / self.cpu_seconds


def main() -> None:
    """Measure what is asked for, and print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.splitter", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="only ours and the limit, on 100 MB of the main input"
    )
    parser.add_argument(
        "--profile", action="store_true", help="only where ours spends its time on the main input"
    )
    parser.add_argument("--megabytes", type=int, default=2000, help="of the main input for ours (2000)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each of which the median counts (3)")
    parser.add_argument("--record", metavar="RELEASE", help="add the ratios to the history, under this name")
    asked = parser.parse_args()
    print(facts())
    if asked.profile:
        profile()
        return
    if asked.quick:
        quick(asked.rounds)
        return
    costs = full(asked.megabytes, asked.rounds)
    print(table(costs))
    (PLACE / "splitter.json").write_text(
        json.dumps({"machine": facts(), "costs": [asdict(cost) for cost in costs]}, indent=1)
    )
    if asked.record:
        record(asked.record, costs)


def quick(rounds: int) -> None:
    """Print how near ours is to the limit, by runs one after the other in turn."""
    given = _input("main", 100_000_000)
    both = [one for one in contenders(PLACE / "go") if one.name in ("ours", "limit")]
    ours, limit = measured("main", given, [(one, 100_000_000) for one in both], max(rounds, 5))
    print(
        f"ours {ours.speed:.0f} MB by CPU second (runs within {ours.spread:.0%}), {ours.peak_mb:.0f} MB at most"
    )
    print(f"limit {limit.speed:.0f} MB by CPU second (runs within {limit.spread:.0%})")
    print(f"ours is {ours.speed / limit.speed:.3f} of the limit")


def profile() -> None:
    """Print in which functions ours spends its time, those of C included; profiling itself adds to Python's."""
    given = _input("main", 100_000_000)
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        store = FolderStore.at(given.folder / "config", given.folder / "raw", Path(folder))
        key = plan(store, given.folder / "config", [path.name for path in given.objects(100_000_000)])
        batch, catalog = store.get_batch(key)
        with cProfile.Profile() as taken:
            split_chunk(store, batch, catalog, 0)
    pstats.Stats(taken).sort_stats("tottime").print_stats(16)


def full(megabytes: int, rounds: int) -> list[Cost]:
    """Measure everyone on the main input, and those that go everywhere on the others."""
    known = contenders(PLACE / "go")
    for one in known:
        if one.missing:
            print(f"left out: {one.name}: {one.missing}")
    there = [one for one in known if not one.missing]
    costs = []
    for name in inputs.INPUTS:
        print(f"{name}: {inputs.WHAT[name]}", flush=True)
        size = megabytes * 1_000_000 if name == "main" else 100_000_000
        given = inputs.made(name, PLACE, size)
        if given is None:
            print("  left out: its lines are not on this machine (../shared/data)")
            continue
        taken = [(one, one.main_bytes) for one in there if name == "main" or one.everywhere]
        costs += measured(name, given, taken, rounds)
        if name == "main":
            costs += measured(
                "main, whole", given, [(one, size) for one in there if one.name in ("ours", "limit")], 1
            )
    return costs


def measured(name: str, given: inputs.Input, taken: list[tuple[Contender, int]], rounds: int) -> list[Cost]:
    """Run each contender so many times, in turn, on so many bytes; return what it cost."""
    runs: dict[str, list[dict[str, float]]] = {one.name: [] for one, _ in taken}
    for _ in range(rounds):
        for one, most in taken:
            runs[one.name].append(run(given, one, most))
    costs = []
    for one, most in taken:
        seconds = sorted(run["cpu"] for run in runs[one.name])
        median = statistics.median(seconds)
        spread = (seconds[-1] - seconds[0]) / median
        peak = max(run["peak_mb"] for run in runs[one.name])
        stored = runs[one.name][0]["stored_mb"]
        costs.append(Cost(name, one.name, given.amount(most)[0] / 1e6, median, spread, peak, stored))
        print(f"  {one.name}: {costs[-1].speed:.0f} MB by CPU second, {peak:.0f} MB", flush=True)
    return costs


def run(given: inputs.Input, one: Contender, most: int) -> dict[str, float]:
    """Have a contender split so many bytes of an input; return what that cost.

    Raises:
        SystemExit: it failed, or made other than as many lines as there are.
    """
    objects = given.objects(most)
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        out, report = Path(folder) / "out", Path(folder) / "cost.json"
        out.mkdir()
        clocked = ROOT / "benchmarks" / "splitter" / "programs" / "clocked.py"
        command = [sys.executable, "-S", "-E", str(clocked), str(_CORE), str(report)]
        done = subprocess.run(
            [*command, *one.command(given, objects, out)],
            cwd=ROOT,
            env={
                "PATH": "/usr/local/bin:/usr/bin:/bin",
                "PYTHONPATH": f"{ROOT / 'plugins'}:{ROOT}",
                "HOME": folder,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"{one.name} failed:\n{done.stdout}{done.stderr}")
        written, lines = lines_written(out), given.amount(most)[1]
        if written != lines:
            raise SystemExit(f"{one.name} made {written:,} lines of {lines:,}: it did another work")
        cost: dict[str, float] = json.loads(report.read_text())
        cost["stored_mb"] = sum(path.stat().st_size for path in out.rglob("*.*") if path.is_file()) / 1e6
        return cost


def table(costs: list[Cost]) -> str:
    """Return the costs as a table in Markdown."""
    speeds = {(cost.input, cost.contender): cost.speed for cost in costs}
    rows = [
        "| input | by | raw MB | MB a CPU second | of the limit | ours is times | stored MB | peak MB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for cost in costs:
        limit = f"{cost.speed / speeds[cost.input, 'limit']:.2f}"
        times = (
            "" if cost.contender in ("ours", "limit") else f"{speeds[cost.input, 'ours'] / cost.speed:.1f}"
        )
        given = f"{cost.input} | {cost.contender} | {cost.megabytes:.0f}"
        rows.append(
            f"| {given} | {cost.speed:.1f} | {limit} | {times} | {cost.stored_mb:.0f} | {cost.peak_mb:.0f} |"
        )
    return "\n".join(rows)


def record(release: str, costs: list[Cost]) -> None:
    """Add the ratios of a release to the history."""
    speeds = {(cost.input, cost.contender): cost.speed for cost in costs}
    ratios = {
        f"{given}: ours by {contender}": round(speeds[given, "ours"] / speed, 3)
        for (given, contender), speed in speeds.items()
        if contender != "ours"
    }
    history = json.loads(HISTORY.read_text()) if HISTORY.exists() else []
    entry = {
        "release": release,
        "on": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": processor(),
        "ratios": ratios,
    }
    HISTORY.write_text(json.dumps([*history, entry], indent=1) + "\n")


def facts() -> str:
    """Return machine and versions, as lines for a person."""
    ours = ", ".join(f"{name} {version(name)}" for name in ("msgspec", "isal", "orjson"))
    asked = "import importlib.metadata as m; print(', '.join(f'{n} {m.version(n)}' for n in ('dlt','duckdb','polars')))"
    peers = subprocess.run(
        [str(PEERS), "-c", asked], capture_output=True, text=True, check=False
    ).stdout.strip()
    return f"one core of {processor()}\nPython {platform.python_version()}, {ours}; {peers or 'no peers'}"


def _input(name: str, size: int) -> inputs.Input:
    given = inputs.made(name, PLACE, size)
    if given is None:
        raise SystemExit(f"{name}: its lines are not on this machine")
    return given


if __name__ == "__main__":
    main()
