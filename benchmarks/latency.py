"""How long after its write to S3 an object's rows can be queried: by notice, through a real Airflow.

    .venv/bin/python -m benchmarks.latency [--idle 10] [--seconds 300] [--every 1] [--events 5] [--lines 50]
                                           [--backfill-days 0]

It starts the embedded stack on free ports of loopback in a temporary folder, switches log_router_stream on, and puts
small objects into the raw bucket: `--idle` of them, each when all is at rest, then one `--every` so many seconds for
`--seconds`. An object counts as queryable when a connection like an analyst's, which asks the events' tables over and
over, has seen its rows in all of them. With `--backfill-days` a bulk backfill of other events runs beside the
flow, and one hour is loaded by a run of the hourly DAG in its midst. Everything shares the machine: the stack, Airflow
and this program.
"""

from __future__ import annotations

import argparse
import dataclasses
import gzip
import json
import math
import os
import random
import tempfile
import threading
import time
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from benchmarks.machine import facts
from benchmarks.raw_data import hours_of, mixed, put
from benchmarks.stream_runs import by_stage, stages, steps
from local.demo import table
from local.environment import StackError, forget_foreign_variables
from local.launch import RAW_PREFIX, SCHEMA
from local.ports import Ports
from local.stack import RAW_BUCKET, STAGING_BUCKET, Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DAG, BULK, HOURLY = "log_router_stream", "log_router_bulk", "log_router_hourly"
AIM_SECONDS = 30.0
# The range of the backfill beside the flow: two raw objects an hour, of events that the flow has none of.
FIRST, MOST_EVENTS = datetime(2026, 1, 1, tzinfo=UTC), 20
_POLL_SECONDS = 0.1
_LIMIT_SECONDS = 900.0
# What each object's rows were written and loaded at by the warehouse's own record, and the batch they came with.
_RECORDED = """
SELECT o.object_key, o.object_id, o.batch_id, MAX(EXTRACT(EPOCH FROM e.loaded_at) - EXTRACT(EPOCH FROM o.written_at))
FROM log_router.objects o JOIN log_router.object_events e ON e.object_id = o.object_id
WHERE e.event IS NOT NULL
GROUP BY 1, 2, 3
"""


@dataclasses.dataclass(frozen=True)
class Landed:
    """What became of an object: seconds since 1970 of its write and of its rows being seen; its batch.

    `recorded` is the same time in the warehouse's own record: from S3's time of the write to its last event's load.
    """

    written: float
    seen: float
    recorded: float
    batch_id: str


class Bench:
    """A stack whose stream is on, what is put into it, and an analyst's view of what comes out."""

    def __init__(self, stack: Stack, events: int, lines: int) -> None:
        self.stack = stack
        self.events, body = mixed(events, lines)
        self.body = gzip.compress(body)
        self._s3 = stack.s3()
        self.written: dict[str, float] = {}
        self.over = threading.Event()
        self._seen: defaultdict[str, dict[str, float]] = defaultdict(dict)
        selects = [
            f"""SELECT '{event}', "_lr_object" FROM "{SCHEMA}"."{event}" GROUP BY 2"""
            for event in self.events
        ]
        self._question = " UNION ALL ".join(selects)

    def write(self) -> None:
        """Put one more object; its time is that before the request."""
        at = time.time()
        key = f"{datetime.now(UTC):{RAW_PREFIX}}{len(self.written):05}.jsonl.gz"
        self._s3.put_object(Bucket=RAW_BUCKET, Key=key, Body=self.body)
        self.written[key] = at

    def look(self) -> None:
        """Ask for the rows over and over, until all is over."""
        with psycopg.connect(self.stack.warehouse_dsn, autocommit=True) as connection:
            while not self.over.wait(_POLL_SECONDS):
                try:
                    rows = connection.execute(self._question.encode()).fetchall()
                except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
                    rows = []  # tables are made with their first rows
                at = time.time()
                for event, object_id in rows:
                    self._seen[object_id].setdefault(event, at)

    def all_seen(self) -> bool:
        """Tell whether the rows of every object have been seen in every table."""
        whole = [events for events in list(self._seen.values()) if len(events) == len(self.events)]
        return len(whole) == len(self.written)

    def at_rest(self) -> bool:
        """Tell whether the stream's only run waits for messages."""
        runs = self.stack.api.get(f"/dags/{DAG}/dagRuns", state=["running", "queued"])["dag_runs"]
        if len(runs) != 1:
            return False
        path = f"/dags/{DAG}/dagRuns/{runs[0]['dag_run_id']}/taskInstances"
        states = Counter(task["state"] for task in self.stack.api.pages(path, "task_instances"))
        return states.keys() == {"deferred", None}

    def landed(self) -> list[Landed]:
        """Return what became of each object."""
        with psycopg.connect(self.stack.warehouse_dsn, autocommit=True) as connection:
            rows = connection.execute(_RECORDED.encode()).fetchall()
        return [
            Landed(self.written[key], max(self._seen[object_id].values()), float(recorded), batch_id)
            for key, object_id, batch_id, recorded in rows
            if key in self.written
        ]

    def stages(self, landed: Sequence[Landed]) -> dict[str, list[float]]:
        """Return the seconds of each stage on the objects' ways."""
        started = {
            run["dag_run_id"]: datetime.fromisoformat(run["start_date"]).timestamp()
            for run in self.stack.api.pages(f"/dags/{DAG}/dagRuns", "dag_runs")
        }
        logs = self.stack.state_dir / "airflow" / "logs" / f"dag_id={DAG}"
        runs = {batch_id: self._run_of(batch_id) for batch_id in {one.batch_id for one in landed}}
        found = {run: steps(logs, run) for run in runs.values()}
        return by_stage(
            stages(one.written, started[run], found[run], one.seen)
            for one in landed
            for run in [runs[one.batch_id]]
        )

    def put_past(self, days: int) -> None:
        """Put the raw objects that a backfill is to load, and an hour behind them; their notices are thrown away."""
        _, body = mixed(MOST_EVENTS, 100)
        past = [line for line in body.splitlines() if json.loads(line)["event"] not in self.events]
        hours = [*hours_of(FIRST, days), FIRST + timedelta(days=days)]
        put(self._s3, hours, [b"\n".join(past) + b"\n"] * 2)
        self.stack.sqs().purge_queue(QueueUrl=self.stack.queue_url)

    def backfill(self, days: int) -> None:
        """Have Airflow backfill what `put_past` put, oldest day first, and wait until it has begun."""
        for dag in (BULK, HOURLY):
            self.stack.api.patch(f"/dags/{dag}", {"is_paused": False})
        last = FIRST + timedelta(days=days - 1)
        dates = {"from_date": FIRST.isoformat(), "to_date": last.isoformat()}
        self.stack.api.post("/backfills", {"dag_id": BULK, **dates, "max_active_runs": 10})
        _until(lambda: bool(self.bulk_runs()["running"]))

    def bulk_runs(self) -> Counter[str]:
        """Return how many bulk runs there are by state."""
        return Counter(run["state"] for run in self.stack.api.pages(f"/dags/{BULK}/dagRuns", "dag_runs"))

    def start_hourly(self, days: int) -> str:
        """Start a run of the hourly DAG over the hour behind the backfill's range; return its id."""
        conf = {"hour": f"{FIRST + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"}
        run = self.stack.api.post(f"/dags/{HOURLY}/dagRuns", {"logical_date": None, "conf": conf})
        return str(run["dag_run_id"])

    def _run_of(self, batch_id: str) -> str:
        answer = self._s3.get_object(Bucket=STAGING_BUCKET, Key=f"log-router/batches/{batch_id}.json")
        dag, _, run = str(json.loads(answer["Body"].read())["run"]).partition(" ")
        if dag != DAG:
            raise StackError(f"batch {batch_id} was loaded by {dag}: another run was faster than the stream")
        return run


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency")
    parser.add_argument("--idle", type=int, default=10, help="objects on an idle system")
    parser.add_argument("--seconds", type=float, default=300, help="length of the steady flow")
    parser.add_argument("--every", type=float, default=1, help="seconds between objects of the flow")
    parser.add_argument("--events", type=int, default=5, help="event types in an object, and so tables")
    parser.add_argument("--lines", type=int, default=50, help="lines of an object")
    parser.add_argument(
        "--backfill-days", type=int, default=0, help="days that are backfilled beside the flow: none without"
    )
    given = parser.parse_args()
    forget_foreign_variables()
    with tempfile.TemporaryDirectory(prefix="latency-benchmark-") as folder:
        # the unprivileged user that PostgreSQL runs as must reach its data
        Path(folder).chmod(0o711)
        with Stack(Path(folder), Ports.free()) as stack:
            bench = Bench(stack, given.events, given.lines)
            print(facts(stack))
            print(
                f"objects of {given.lines} lines of {given.events} events, {len(bench.body):,} bytes",
                flush=True,
            )
            analyst = threading.Thread(target=bench.look, daemon=True)
            analyst.start()
            _measure(bench, given)
            bench.over.set()
            analyst.join()


def _measure(bench: Bench, given: argparse.Namespace) -> None:
    days = given.backfill_days
    if days:
        bench.put_past(days)
    bench.stack.api.patch(f"/dags/{DAG}", {"is_paused": False})
    _one_on_idle(bench)  # makes the tables, and is not counted
    for _ in range(given.idle):
        _one_on_idle(bench)
    print(f"load average before the flow: {os.getloadavg()[0]:.1f}", flush=True)
    if days:
        bench.backfill(days)
        hourly = bench.start_hourly(days)
    _flow(bench, given.seconds, given.every)
    print(f"load average after the flow: {os.getloadavg()[0]:.1f}", flush=True)
    if days:
        _print_beside(bench, hourly)
    _until(bench.at_rest)
    landed = sorted(bench.landed(), key=lambda one: one.written)
    idle, flow = landed[1 : given.idle + 1], landed[given.idle + 1 :]
    named = {f"one object, all at rest, {len(idle)} times": idle}
    runs = len({one.batch_id for one in flow})
    named[f"{len(flow)} objects, one every {given.every:g} s, in {runs} runs"] = flow
    print("\nseconds from the write to S3 until the rows could be queried")
    rows = []
    for name, some in named.items():
        rows.append((name, "seen by an analyst", *_spread([one.seen - one.written for one in some])))
        rows.append(("", "recorded by the warehouse", *_spread([one.recorded for one in some])))
    print(table(("", "", "p50", "p95", "max"), rows))
    print(
        "\nwhere the time goes, in seconds; queue: until the task's process runs, start: until its own work begins"
    )
    spent = [bench.stages(some) for some in (idle, flow)]
    by_name = [(name, *_spread(spent[0][name]), *_spread(spent[1][name])) for name in spent[0]]
    print(table(("", "at rest: p50", "p95", "max", "flow: p50", "p95", "max"), by_name))
    for name, some in named.items():
        reached = _percentile([one.seen - one.written for one in some], 95) <= AIM_SECONDS
        print(f"aim, p95 <= {AIM_SECONDS:.0f} s: {'reached' if reached else 'missed'}: {name}")


def _print_beside(bench: Bench, hourly: str) -> None:
    states = ", ".join(f"{count} {state}" for state, count in sorted(bench.bulk_runs().items()))
    print(f"bulk runs when the flow's last row was seen: {states}")
    bench.stack.wait_for_run(HOURLY, hourly)
    run = bench.stack.api.get(f"/dags/{HOURLY}/dagRuns/{hourly}")
    print(f"the hourly run beside them: {run['state']} in {run['duration']:.1f} s", flush=True)


def _one_on_idle(bench: Bench) -> None:
    _until(bench.at_rest)
    # the trigger begins to poll some seconds after the run deferred; and no moment of Airflow's loops is preferred
    time.sleep(random.uniform(7, 10))  # noqa: S311 - chance, not a secret
    bench.write()
    _until(bench.all_seen)


def _flow(bench: Bench, seconds: float, every: float) -> None:
    _until(bench.at_rest)
    began = time.monotonic()
    for number in range(round(seconds / every)):
        time.sleep(max(0.0, began + number * every - time.monotonic()))
        bench.write()
    _until(bench.all_seen)


def _until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _LIMIT_SECONDS
    while not reached():
        if time.monotonic() > deadline:
            raise StackError(f"{reached.__qualname__} has not come true in {_LIMIT_SECONDS:.0f} s")
        time.sleep(_POLL_SECONDS)


def _spread(seconds: Sequence[float]) -> list[float]:
    return [round(_percentile(seconds, percent), 1) for percent in (50, 95, 100)]


def _percentile(values: Sequence[float], percent: int) -> float:
    """Return the smallest value that so many percent of them don't exceed."""
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]


if __name__ == "__main__":
    main()
