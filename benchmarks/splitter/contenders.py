"""Who splits: each is a command, run as a process of its own on one core."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from isal import igzip

from benchmarks.splitter.folder_store import FolderStore, plan
from local.environment import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.splitter.inputs import Input

PEERS = ROOT / ".local" / "peers" / "splitters" / "bin" / "python"
_PROGRAMS = ROOT / "benchmarks" / "splitter" / "programs"


@dataclass(frozen=True)
class Contender:
    """`command` takes an input, its objects and an empty folder, and returns what is run.

    `main_bytes` are those of the main input that it is given: less where more would take minutes. Those that are not
    `everywhere` get only this input.
    """

    name: str
    what: str
    command: Callable[[Input, list[Path], Path], list[str]]
    main_bytes: int = 100_000_000
    everywhere: bool = False
    missing: str = ""


def contenders(built: Path) -> list[Contender]:
    """Return all of them; `built` is where Go's program is built."""
    go = _built_go(built)
    small = 25_000_000
    return [
        Contender("ours", "all checks, typed columns, lineage", _ours, everywhere=True),
        Contender("limit", "decompress and compress, isal 1", _peer("limit.py"), everywhere=True),
        Contender(
            "Go",
            "standard library: map, route, gzip 1",
            lambda given, objects, out: [
                str(built / "split_in_go"),
                str(out),
                given.event_key,
                *map(str, objects),
            ],
            everywhere=True,
            missing=go,
        ),
        Contender(
            "orjson",
            "orjson, isal's gzip 1",
            _peer("split_in_python.py", "orjson", "isal.igzip"),
            everywhere=True,
        ),
        Contender("json", "Python's json, gzip 1", _peer("split_in_python.py", "json", "gzip")),
        Contender(
            "jq",
            "zcat, jq, awk, gzip -1",
            lambda given, objects, out: [
                "bash",
                str(_PROGRAMS / "split_with_jq.sh"),
                str(out),
                given.event_key,
                *map(str, objects),
            ],
            small,
            missing="" if shutil.which("jq") else "jq is not installed",
        ),
        Contender("DuckDB", "partitioned write of texts", _peer("split_with_duckdb.py")),
        Contender("Polars", "partitioned sink of texts", _peer("split_with_polars.py")),
        Contender("dlt", "extract, normalize to JSON lines", _peer("split_with_dlt.py"), small),
    ]


def lines_written(out: Path) -> int:
    """Return how many lines came out of a contender: rows, and what it kept apart."""
    reports = [json.loads(path.read_bytes()) for path in out.rglob("reports/**/*.json")]
    if reports:
        fates = [each for report in reports for each in report["objects"]]
        kept: int = sum(sum(each["rows"].values()) + sum(each["unrouted"].values()) for each in fates)
        return kept + sum(int(line["lines"]) for each in fates for line in each["quarantined"])
    # dlt makes tables of lists, which have two underscores in their names, and of its own doings.
    files = [
        path for path in (*out.rglob("*.gz"), *out.rglob("*.csv")) if not re.search("__|_dlt_", path.name)
    ]
    return sum(igzip.decompress(path.read_bytes()).count(b"\n") for path in files)  # type: ignore[no-untyped-call]


def _ours(given: Input, objects: list[Path], out: Path) -> list[str]:
    store = FolderStore.at(given.folder / "config", given.folder / "raw", out)
    batch = plan(store, given.folder / "config", [path.name for path in objects])
    folders = (given.folder / "config", given.folder / "raw")
    return [sys.executable, "-m", "benchmarks.splitter.programs.ours", str(out), *map(str, folders), batch]


def _peer(program: str, *arguments: str) -> Callable[[Input, list[Path], Path], list[str]]:
    return lambda given, objects, out: [
        *(str(PEERS), str(_PROGRAMS / program), *arguments, str(out), given.event_key),
        *map(str, objects),
    ]


def _built_go(folder: Path) -> str:
    """Build Go's program; return why it could not be."""
    if not shutil.which("go"):
        return "go is not installed (Debian: apt-get install golang-go)"
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["go", "build", "-o", str(folder / "split_in_go"), str(_PROGRAMS / "split_in_go.go")],
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), "GOCACHE": str(folder / "go")},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr.strip()
