"""`make demo`: the whole of Log Router on one machine, from raw objects to answers."""

import contextlib
import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from local import notices
from local.backfill import Progress, run_hours
from local.environment import StackError
from local.generate import hours, rates
from local.launch import RAW_PREFIX, SCHEMA, STATE_DIR, describe, exclusive, local_stack, run_command
from local.loaded import Warehouse
from local.ports import Ports
from local.stack import RAW_BUCKET, Stack

DAG_ID = "log_router_hourly"
STREAM_DAG_ID = "log_router_stream"
# They run when a command asks them to.
TOOL_DAG_IDS = ("log_router_bulk", "log_router_reload")
FIRST_HOUR = datetime(2025, 6, 12, 17, tzinfo=UTC)
HOURS = tuple(FIRST_HOUR + timedelta(hours=number) for number in range(3))
SEED = 7
OBJECTS_PER_HOUR = 4
LINES_PER_OBJECT = 10_000
NEW_LINES = 20
_RUN_SECONDS = 900.0
_STREAM_SECONDS = 300.0
_POLL_SECONDS = 0.2
_LINE_SECONDS = 10.0


def main() -> None:
    """Start the stack, write the events, load them, print what came of it; load a new object; leave the stack up."""
    began = time.monotonic()
    with exclusive(STATE_DIR):
        stack = local_stack(Ports.from_environment())
        with _phase("Starting PostgreSQL, S3 and the Redshift twin"):
            stack.start_storage()
        with _events(stack), _phase("Starting Airflow"):
            stack.start_airflow()
        _run(stack)
        for dag_id in (STREAM_DAG_ID, *TOOL_DAG_IDS):
            stack.api.patch(f"/dags/{dag_id}", {"is_paused": False})
        _show(stack)
        _show_stream(stack)
    print(f"\nDone in {time.monotonic() - began:.0f} s. The stack is up; `make down` stops it.")
    print(describe(stack))


@contextlib.contextmanager
def _events(stack: Stack) -> Iterator[None]:
    """Write the hours' events while the block runs; raw objects of an earlier demo are left alone."""
    done = stack.state_dir / "events-written.json"
    arguments = _generator_arguments(stack)
    # without the server's address, which may change
    wanted = " ".join(argument for argument in arguments if not argument.startswith("--endpoint-url"))
    if done.exists() and done.read_text() == wanted:
        yield
        print(f"Events in s3://{RAW_BUCKET} are there already ({_size(stack)})")
        return
    command = [sys.executable, "-m", "local.generate", *arguments]
    log = stack.processes.log_path("generate")
    with log.open("wb") as output:
        writer = subprocess.Popen(
            command,
            env=stack.generator_environment(),
            cwd=stack.state_dir,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield
        with _phase(f"Writing events to s3://{RAW_BUCKET}"):
            status = writer.wait()
    finally:
        writer.kill()
        writer.wait()
    if status:
        raise StackError(
            f"the events' generator failed with status {status}: {stack.processes.log_end('generate')}"
        )
    done.write_text(wanted)
    print(f"  {_size(stack)}")


def _generator_arguments(stack: Stack) -> list[str]:
    return [
        f"--out=s3://{RAW_BUCKET}/",
        f"--endpoint-url={stack.s3_endpoint}",
        f"--prefix={RAW_PREFIX}",
        f"--seed={SEED}",
        f"--start={FIRST_HOUR:%Y-%m-%dT%H}",
        f"--hours={len(HOURS)}",
        f"--objects-per-hour={OBJECTS_PER_HOUR}",
        f"--lines-per-object={LINES_PER_OBJECT}",
    ]


def _size(stack: Stack) -> str:
    pages = stack.s3().get_paginator("list_objects_v2").paginate(Bucket=RAW_BUCKET)
    sizes = [entry["Size"] for page in pages for entry in page.get("Contents", [])]
    return f"{len(sizes)} objects, {sum(sizes) / 1e6:.1f} MB"


def _run(stack: Stack) -> None:
    line = _ProgressLine(f"Running {DAG_ID} for {len(HOURS)} hours")
    try:
        run_hours(
            stack.api,
            DAG_ID,
            HOURS,
            logs=stack.state_dir / "airflow" / "logs",
            report=line.show,
            seconds=_RUN_SECONDS,
        )
    finally:
        line.end()


def _show(stack: Stack) -> None:
    warehouse = Warehouse(stack.warehouse)
    with contextlib.closing(warehouse):
        counts = warehouse.counts(SCHEMA)
        rows = [(c.event, c.loaded, c.quarantined, c.unrouted) for c in counts]
        total = ("all", *(sum(column) for column in zip(*(row[1:] for row in rows), strict=True)))
        print()
        print(table(("event", "rows loaded", "quarantined", "unrouted"), [*rows, total]))
        for answer in warehouse.answers():
            print(f"\n{answer.question}:")
            print(table(answer.columns, answer.rows))


def _show_stream(stack: Stack) -> None:
    """Drop a new object into the bucket and print how long until its rows could be queried."""
    print()
    with _phase(f"Running {STREAM_DAG_ID}: the notices of the hours' objects are acknowledged"):
        sqs = stack.sqs()
        _until(stack, lambda: notices.depth(sqs) == 0)
    now = datetime.now(UTC)
    key = f"{now:{RAW_PREFIX}}demo-{now:%M%S}.jsonl"
    body, event_ids = _new_events(now)
    with contextlib.closing(Warehouse(stack.warehouse)) as warehouse:
        began = time.monotonic()
        stack.s3().put_object(Bucket=RAW_BUCKET, Key=key, Body=body)
        _until(stack, lambda: warehouse.arrived(SCHEMA, event_ids) == sum(map(len, event_ids.values())))
        seconds = time.monotonic() - began
    what = f"{sum(map(len, event_ids.values()))} events of {len(event_ids)} types"
    print(
        f"A new object, s3://{RAW_BUCKET}/{key} with {what}: its rows could be queried after {seconds:.1f} s"
    )


def _new_events(now: datetime) -> tuple[bytes, dict[str, list[str]]]:
    """Return the lines of an object of this hour, and the ids of its events by event."""
    clean = rates(bad=0, unrouted=0, blank=0, odd=0)
    # another seed each time: the ids follow from it
    (made,) = hours(
        now,
        seed=int(now.timestamp()),
        objects_per_hour=1,
        lines_per_object=NEW_LINES,
        compression="none",
        rates=clean,
    )
    body = b"".join(made.blocks)
    event_ids = defaultdict(list)
    for event in map(json.loads, body.splitlines()):
        event_ids[event["event"]].append(event["id"])
    return body, event_ids


def _until(stack: Stack, reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _STREAM_SECONDS
    while not reached():
        if time.monotonic() > deadline:
            where = f"{stack.api.url}/dags/{STREAM_DAG_ID}"
            raise StackError(f"{STREAM_DAG_ID} has not loaded it within {_STREAM_SECONDS:.0f} s; see {where}")
        time.sleep(_POLL_SECONDS)


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return the rows as aligned text below their columns' names, numbers to the right."""
    texts = [[f"{value:,}" if isinstance(value, int) else str(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *texts, strict=True)]
    right = [bool(rows) and not isinstance(value, str) for value in (rows[0] if rows else columns)]

    def line(values: Sequence[str]) -> str:
        cells = zip(values, widths, right, strict=True)
        return "  " + "  ".join(v.rjust(w) if r else v.ljust(w) for v, w, r in cells).rstrip()

    return "\n".join([line(columns), line(["-" * width for width in widths]), *map(line, texts)])


@contextlib.contextmanager
def _phase(text: str) -> Iterator[None]:
    """Print what is being done and, behind it, how long it took."""
    began = time.monotonic()
    print(f"{text} ... ", end="", flush=True)
    try:
        yield
    except BaseException:
        print("failed", flush=True)
        raise
    print(f"{time.monotonic() - began:.0f} s", flush=True)


class _ProgressLine:
    """One line that is drawn anew on a terminal, and now and then a new one elsewhere."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._began = time.monotonic()
        self._printed = float("-inf")
        self._last = ""
        self._terminal = sys.stdout.isatty()

    def show(self, progress: Progress) -> None:
        """Print where the runs are."""
        now = time.monotonic()
        seconds = f"{now - self._began:.0f} s"
        done = f"{progress.runs_done}/{progress.runs} runs, {progress.tasks_done}/{progress.tasks} tasks done"
        done += f", {progress.retrying} to be tried again" if progress.retrying else ""
        state = f"waiting for {progress.waits_for}" if progress.waits_for else done
        self._last = f"{self._text} ... {state}, {seconds}"
        if self._terminal:
            print(f"\r\033[K{self._last}", end="", flush=True)
        elif now - self._printed >= _LINE_SECONDS:
            print(self._last, flush=True)
            self._printed = now

    def end(self) -> None:
        """Leave the last state on a line of its own."""
        print("" if self._terminal else self._last, flush=True)


if __name__ == "__main__":
    run_command(main)
