"""How fast the Redshift twin loads: COPY of one gzip'd file of flat JSON, beside PostgreSQL's own COPY.

    .venv/bin/python -m benchmarks.twin_copy [MB of JSON ...]        (default: 100 1000)

It starts PostgreSQL, the S3 server and a new twin for each size, on free ports of loopback, in a
temporary folder. The twin shares the machine with all of them: its seconds of CPU tell more than the
clock. PostgreSQL is handed the same rows as CSV through psycopg, the fastest way in that it has.
"""

from __future__ import annotations

import dataclasses
import gzip
import itertools
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from local import s3
from local.credentials import Credentials
from local.environment import REGION, ROOT, aws_environment, base_environment
from local.ports import Ports
from local.postgres import Postgres
from local.processes import Processes

if TYPE_CHECKING:
    from collections.abc import Iterator

MB = 1_000_000
BLOCK_ROWS = 50_000
BUCKET = "benchmark"
USER, PASSWORD = "awsuser", "benchmark-Passw0rd"
COLUMNS = """
    id bigint, at timestamp, user_id integer, kind varchar(32), country char(2), price decimal(10,2),
    ratio double precision, active boolean, path varchar(200), agent varchar(200)
"""
AGENTS = [
    f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/{n}.36 Chrome/{n}.0 Safari/{n}.36" for n in range(500, 540)
]


@dataclasses.dataclass(frozen=True)
class Block:
    """The rows that a file repeats, in both forms."""

    json: bytes
    csv: bytes


@dataclasses.dataclass(frozen=True)
class File:
    """An object in the bucket, which repeats the block."""

    key: str
    times: int


@dataclasses.dataclass(frozen=True)
class Stack:
    """The servers around the twin."""

    dsn: str
    ports: Ports
    environment: dict[str, str]


@dataclasses.dataclass(frozen=True)
class Measured:
    """What one load took."""

    rows: int
    seconds: float


def main(sizes: list[int]) -> None:
    """Measure each size and print what came of it."""
    print(_machine())
    block = _block()
    packed = gzip.compress(block.json, 6)
    with tempfile.TemporaryDirectory(prefix="twin-benchmark-") as folder:
        state = Path(folder)
        # the unprivileged user that PostgreSQL runs as must reach its data
        state.chmod(0o711)
        environment, ports, processes = base_environment(state), Ports.free(), Processes(state)
        postgres = Postgres(state, ports.postgres, Credentials.kept_in(state), environment)
        try:
            postgres.start(processes)
            s3.start(processes, state, ports.s3, environment)
            s3.make_bucket(s3.s3_client(ports.s3), BUCKET)
            for size in sizes:
                file = File(f"{size}.json.gz", max(1, round(size * MB / len(block.json))))
                # members of gzip in a row are one file
                s3.s3_client(ports.s3).put_object(Bucket=BUCKET, Key=file.key, Body=packed * file.times)
                _measure(file, block, Stack(postgres.dsn, ports, environment))
        finally:
            processes.stop()


def _measure(file: File, block: Block, stack: Stack) -> None:
    json_mb = len(block.json) * file.times / MB
    begun = time.perf_counter()
    twin = _start_twin(stack)
    try:
        with psycopg.connect(_client(stack.ports), autocommit=True) as db:
            db.execute("select 1")
            started = time.perf_counter() - begun
            loaded = _load(db, file)
        cpu, peak = _cost(twin.pid)
    finally:
        twin.terminate()
        twin.wait(timeout=20)
    own = _load_directly(stack.dsn, block.csv, file.times)
    if not loaded.rows == own.rows == BLOCK_ROWS * file.times:
        raise SystemExit(f"rows got lost: {loaded.rows} and {own.rows} of {BLOCK_ROWS * file.times}")
    print(f"\n{json_mb:,.0f} MB of JSON, {loaded.rows:,} rows in one file")
    print(f"  start to first query   {started:.2f} s")
    print(
        f"  COPY through the twin  {_speed(loaded, json_mb)}, {cpu:.1f} s of the twin's CPU, peak {peak:.0f} MB"
    )
    print(f"  PostgreSQL's own COPY  {_speed(own, len(block.csv) * file.times / MB)} of CSV")
    print(f"  the twin takes         {loaded.seconds / own.seconds:.1f} times as long")


def _load(db: psycopg.Connection, file: File) -> Measured:
    db.execute(f"create table flat ({COLUMNS})".encode())
    begun = time.perf_counter()
    db.execute(f"copy flat from 's3://{BUCKET}/{file.key}' iam_role default json 'auto' gzip".encode())
    seconds = time.perf_counter() - begun
    rows = db.execute("select count(*) from flat").fetchone()
    db.execute("drop table flat")
    return Measured(rows[0] if rows else 0, seconds)


def _load_directly(dsn: str, block: bytes, times: int) -> Measured:
    with psycopg.connect(dsn, autocommit=True) as db:
        db.execute(f"create table own ({COLUMNS})".encode())
        begun = time.perf_counter()
        with db.cursor().copy("copy own from stdin (format csv)") as feed:
            for _ in range(times):
                feed.write(block)
        seconds = time.perf_counter() - begun
        rows = db.execute("select count(*) from own").fetchone()
        db.execute("drop table own")
    return Measured(rows[0] if rows else 0, seconds)


def _block() -> Block:
    rows = list(itertools.islice(_rows(random.Random(7)), BLOCK_ROWS))  # noqa: S311 - the same rows in each run
    as_json = "".join(json.dumps(row) + "\n" for row in rows)
    as_csv = "".join(",".join(f'"{value}"' for value in row.values()) + "\n" for row in rows)
    return Block(as_json.encode(), as_csv.encode())


def _rows(chance: random.Random) -> Iterator[dict[str, object]]:
    for number in itertools.count(1):
        yield {
            "id": number,
            "at": f"2024-{chance.randint(1, 12):02}-{chance.randint(1, 28):02} 12:34:{chance.randint(0, 59):02}",
            "user_id": chance.randint(1, 1 << 30),
            "kind": chance.choice(["page_viewed", "item_added", "order_paid", "signed_in"]),
            "country": chance.choice(["DE", "FR", "US", "JP"]),
            "price": chance.randint(0, 99_999_999) / 100,
            "ratio": chance.random(),
            "active": chance.random() < 0.5,  # noqa: PLR2004 - a coin
            "path": f"/shop/{chance.randint(1, 999)}/item/{chance.randint(1, 99_999)}?from=mail",
            "agent": chance.choice(AGENTS),
        }


def _start_twin(stack: Stack) -> subprocess.Popen[bytes]:
    endpoint = f"http://127.0.0.1:{stack.ports.s3}"
    command = [
        sys.executable, "-m", "local.twin", "--port", str(stack.ports.warehouse), "--pg", stack.dsn,
        "--s3-endpoint", endpoint, "--region", REGION, "--user", USER,
    ]  # fmt: skip
    variables = {**stack.environment, **aws_environment(endpoint), "TWIN_PASSWORD": PASSWORD}
    twin = subprocess.Popen(command, cwd=ROOT, env=variables, stdout=subprocess.PIPE)
    if twin.stdout is None or not twin.stdout.readline():
        raise SystemExit("the twin did not start")
    return twin


def _client(ports: Ports) -> str:
    return f"host=127.0.0.1 port={ports.warehouse} user={USER} password={PASSWORD} dbname=dev"


def _cost(pid: int) -> tuple[float, float]:
    """Return a process's seconds of CPU and its peak memory in MB."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    ticks = int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK"), int(status["VmHWM"].split()[0]) / 1024


def _speed(measured: Measured, megabytes: float) -> str:
    rows, mb = measured.rows / measured.seconds, megabytes / measured.seconds
    return f"{measured.seconds:.1f} s: {rows:,.0f} rows/s, {mb:.1f} MB/s"


def _machine() -> str:
    models = [
        line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")
    ]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    model = models[0].partition(": ")[2] if models else platform.machine()
    load = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    return (
        f"{model}, {os.cpu_count()} cores, {memory:.0f} GB, Python {platform.python_version()}, load {load}"
    )


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [100, 1000])
