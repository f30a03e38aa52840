"""Generated events of the marketplace through a real Airflow: what arrives, and what is broken on purpose."""

import contextlib
import gzip
import json
import os
import re
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from local.generate import Expectation, hours, rates
from local.postgres import AIRFLOW_DATABASE
from local.stack import RAW_BUCKET, STAGING_BUCKET, Stack
from tests.e2e import reference
from tests.e2e.airflow import (
    backfill,
    catalog,
    clear,
    contents,
    create,
    log_of,
    runs,
    start,
    tasks,
    trigger,
    until,
    warehouse,
)

ROOT = Path(__file__).resolve().parents[2]
EVENTS = reference.events(ROOT / "include" / "events")
DAY = datetime(2025, 3, 1, tzinfo=UTC)
SCHEMA = "marketplace"
RELOAD = "log_router_reload"
PREFIX = "raw/%Y/%m/%d/%H/"
# Each event of an hour is a task, and so seconds: where the events don't matter, an hour has few lines and so few.
FEW_LINES = 6

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module", autouse=True)
def config(stack: Stack) -> Iterator[Path]:
    """Give the files that Airflow loads by, which a test may spoil; each test has hours of its own."""
    # Small parts: a split stores some before it is done, so that it can be met midway. Of a rare event all lines may
    # be bad ones. The hour before this one is not waited for, whenever the tests begin.
    with catalog(
        stack, ROOT / "include", part_bytes=1024 * 1024, max_quarantined_share=1, grace_seconds=0
    ) as config:
        yield config


def write(stack: Stack, hour: datetime, count: int = 1, **arguments: Any) -> dict[str, Expectation]:
    """Put generated raw objects of some hours into the bucket; return what is in each."""
    chosen = {"seed": 11, "objects_per_hour": 2, "lines_per_object": 2500, "compression": "gzip"}
    chosen["rates"] = rates(bad=0.01)
    expected = {}
    for made in hours(hour, count, prefix=PREFIX, **{**chosen, **arguments}):
        stack.s3().put_object(Bucket=RAW_BUCKET, Key=made.key, Body=b"".join(made.blocks))
        expected[made.key] = made.expectation
    return expected


def good_documents(stack: Stack, key: str, expectation: Expectation) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield line number and document of the lines that must become rows."""
    body = gzip.decompress(stack.s3().get_object(Bucket=RAW_BUCKET, Key=key)["Body"].read())
    bad = {number for numbers in expectation.bad.values() for number in numbers}
    for number, line in enumerate(body.split(b"\n"), start=1):
        if number not in bad and line.strip():
            document = json.loads(line)
            if document["event"] in EVENTS:
                yield number, document


def records(stack: Stack) -> dict[str, dict[str, Any]]:
    """Return what the warehouse has recorded of each raw object, by key."""
    names = ("object_id", "lines", "rows_split", "quarantined", "unrouted", "blank")
    with warehouse(stack) as cursor:
        cursor.execute(f"SELECT object_key, {', '.join(names)} FROM log_router.objects")
        return {key: dict(zip(names, values, strict=True)) for key, *values in cursor.fetchall()}


def counts(stack: Stack, object_ids: list[str]) -> Counter[str]:
    """Return the rows of each event's table that came from these raw objects."""
    found: Counter[str] = Counter()
    with warehouse(stack) as cursor:
        cursor.execute(f"SELECT table_name FROM svv_tables WHERE table_schema = '{SCHEMA}'")
        for (table,) in cursor.fetchall():
            cursor.execute(
                'SELECT COUNT(*), COUNT(DISTINCT "_lr_object" || \':\' || "_lr_line") '
                f'FROM "{SCHEMA}"."{table}" WHERE "_lr_object" IN ({", ".join(map(repr, object_ids))})'
            )
            ((rows, distinct),) = cursor.fetchall()
            assert rows == distinct, f"{table} holds rows twice"
            found[table] += rows
    return +found


def quarantined(stack: Stack) -> set[tuple[str, int]]:
    """Return object and number of each quarantined line that the warehouse tells of."""
    with warehouse(stack) as cursor:
        cursor.execute('SELECT "_lr_object", "_lr_line" FROM log_router.quarantined_lines')
        found = cursor.fetchall()
    assert len(found) == len(set(found)), "a quarantined line stands twice"
    return set(found)


def assert_loaded(stack: Stack, expected: dict[str, Expectation]) -> None:
    """Every line of these objects has the fate that the generator gave it, and each row is there once."""
    recorded = records(stack)
    for key, one in expected.items():
        assert recorded[key] | {"object_id": ""} == {
            "object_id": "",
            "lines": one.lines,
            "rows_split": sum(one.rows.values()),
            "quarantined": sum(map(len, one.bad.values())),
            "unrouted": sum(one.unrouted.values()),
            "blank": one.blank,
        }
    rows = sum((Counter(one.rows) for one in expected.values()), Counter())
    assert counts(stack, [recorded[key]["object_id"] for key in expected]) == rows
    bad = {
        (recorded[key]["object_id"], number)
        for key, one in expected.items()
        for numbers in one.bad.values()
        for number in numbers
    }
    assert bad <= (kept := quarantined(stack))
    assert len([line for line in kept if line[0] in {recorded[key]["object_id"] for key in expected}]) == len(
        bad
    )


def test_generated_hours_arrive_whole(stack: Stack) -> None:
    """Two hours with bad, blank and unknown lines: each row is in its table with the values of plain json.

    The mapped loads are named by event; running an hour again, by hand or cleared, changes no row.
    """
    expected = write(stack, DAY) | write(stack, DAY + timedelta(hours=1), lines_per_object=FEW_LINES)
    assert backfill(stack, DAY, DAY + timedelta(hours=1)) == ["success", "success"]
    assert_loaded(stack, expected)
    recorded = records(stack)
    found = contents(stack, SCHEMA, [event["table"] for event in EVENTS.values()])
    for event_type, event in EVENTS.items():
        wanted = [
            (recorded[key]["object_id"], *row)
            for key, one in expected.items()
            for number, document in good_documents(stack, key, one)
            if document["event"] == event_type
            for row in reference.rows(event, iter([(number, document)]))
        ]
        assert by_column(event, found[event["table"]]) == sorted(wanted, key=lambda row: row[:2])
    run_id = trigger(stack, "2025-03-01T00:00:00Z")
    assert stack.wait_for_run("log_router_hourly", run_id) == "success"
    (run,) = [run["dag_run_id"] for run in runs(stack) if "2025-03-01T02:00" in run["dag_run_id"]]
    assert "load.copy listing_viewed" in tasks(stack, run)
    clear(stack, run)
    until(lambda: tasks(stack, run)["plan"]["try_number"] == 2, 120)
    assert stack.wait_for_run("log_router_hourly", run) == "success"
    assert tasks(stack, run)["settle"]["state"] == "skipped"
    assert contents(stack, SCHEMA, [event["table"] for event in EVENTS.values()]) == found
    # A late object, after a try that had nothing to do: its chunk and its events are run all the same.
    other = write(stack, DAY + timedelta(hours=5), lines_per_object=FEW_LINES)
    late = {key + ".late": one for key, one in other.items()}
    for key in late:
        body = stack.s3().get_object(Bucket=RAW_BUCKET, Key=key.removesuffix(".late"))["Body"].read()
        stack.s3().put_object(Bucket=RAW_BUCKET, Key=late_key(key), Body=body)
    clear(stack, run)
    until(lambda: tasks(stack, run)["plan"]["try_number"] == 3, 120)
    assert stack.wait_for_run("log_router_hourly", run) == "success"
    assert tasks(stack, run)["settle"]["state"] == "success"
    assert_loaded(stack, {late_key(key): one for key, one in late.items()})


def late_key(key: str) -> str:
    """Return a raw object's key moved to the hour that has run already."""
    return key.replace("/05/", "/01/")


def by_column(event: dict[str, Any], rows: list[Any]) -> list[reference.Row]:
    """Return rows of SELECT * as object, line, values; SUPER as canonical JSON, REAL as single precision."""
    width = len(event["columns"])
    kinds = [column["type"] for column in event["columns"]]
    found = []
    for row in rows:
        cells = [
            reference.canonical(json.loads(cell) if isinstance(cell, str) else cell)
            if kind == "super" and cell is not None
            else cell
            for kind, cell in zip(kinds, row[:width], strict=True)
        ]
        found.append((row[width], row[width + 1], *cells))
    return found


def test_a_run_of_the_schedule_takes_what_came_late(stack: Stack) -> None:
    """An object in an hour that was closed long before, and has no run, comes in with the run of the schedule."""
    stack.api.patch("/dags/log_router_hourly", {"is_paused": False})
    (run,) = until(lambda: [run for run in runs(stack) if run["run_type"] == "scheduled"][:1], 60)
    run_id = run["dag_run_id"]
    assert stack.wait_for_run("log_router_hourly", run_id) == "success"
    closed = datetime.fromisoformat(run["logical_date"]) - timedelta(hours=2)
    late = write(stack, closed, objects_per_hour=1, lines_per_object=2)
    clear(stack, run_id)
    until(lambda: tasks(stack, run_id)["plan"]["try_number"] == 2, 120)
    assert stack.wait_for_run("log_router_hourly", run_id) == "success"
    assert "1 raw objects came late" in log_of(stack, run_id, "plan")
    assert records(stack).keys() >= late.keys()


def test_a_backlog_holds_up_nothing_fresh(stack: Stack) -> None:
    """While a backfill has no slot in its own pool, another run loads; tasks of the backfill are the last in turn.

    Neither it nor a run by hand looks back.
    """
    hour, fresh = DAY + timedelta(hours=17), DAY + timedelta(hours=18)
    small = {"objects_per_hour": 1, "lines_per_object": 2}
    held, expected = write(stack, hour, **small), write(stack, fresh, **small)
    pool = "log_router_backfill_split"
    body = {"pool": pool, "include_deferred": False}
    slots = stack.api.get(f"/pools/{pool}")["slots"]
    stack.api.patch(f"/pools/{pool}", {**body, "slots": 0})
    stack.api.patch("/dags/log_router_hourly", {"is_paused": False})
    create(stack, "--from-date", hour.isoformat(), "--to-date", hour.isoformat())
    backfilled = f"backfill__{fresh.isoformat()}"
    until(lambda: lanes(stack, backfilled).get("split 0") == (pool, 10, "scheduled"), 120)
    run_id = trigger(stack, fresh.isoformat())
    assert stack.wait_for_run("log_router_hourly", run_id) == "success"
    assert records(stack).keys() >= expected.keys()
    assert {(where, weight) for where, weight, _ in lanes(stack, run_id).values()} == {
        ("default_pool", 30),
        ("log_router_split", 30),
        ("log_router_copy", 30),
    }
    assert lanes(stack, backfilled)["split 0"][-1] == "scheduled"
    stack.api.patch(f"/pools/{pool}", {**body, "slots": slots})
    assert stack.wait_for_run("log_router_hourly", backfilled) == "success"
    assert records(stack).keys() >= held.keys()
    assert {(where, weight) for where, weight, _ in lanes(stack, backfilled).values()} == {
        ("default_pool", 10),
        (pool, 10),
        ("log_router_backfill_copy", 10),
    }
    assert "looked back" not in log_of(stack, run_id, "plan") + log_of(stack, backfilled, "plan")


def lanes(stack: Stack, run_id: str) -> dict[str, tuple[str, int, str]]:
    """Return pool, weight and state of each task of a run."""
    return {
        name: (task["pool"], task["priority_weight"], task["state"])
        for name, task in tasks(stack, run_id).items()
    }


def test_killed_tasks_are_made_good(stack: Stack) -> None:
    """A split and a load that are killed midway are tried again by Airflow, with the settings of their plan."""
    hour = DAY + timedelta(hours=10)
    expected = write(stack, hour, objects_per_hour=1, lines_per_object=150_000)
    (one,) = expected.values()
    run_id = trigger(stack, hour.isoformat())
    kill(stack, run_id, ("split", 0), lambda: parts_of(stack, hour))
    loads = sorted(one.rows)
    # settings that change while a run is under way are for later runs
    with settings_variable(stack, schema="elsewhere", staging_bucket="elsewhere", raw_bucket="nowhere"):
        kill(stack, run_id, ("load.copy", loads.index("page_viewed")), lambda: copying(stack, "page_viewed"))
        assert stack.wait_for_run("log_router_hourly", run_id) == "success"
    tries = {name: task["try_number"] for name, task in tasks(stack, run_id).items()}
    assert (tries["split chunk 0"], tries["load.copy page_viewed"]) == (2, 2)
    assert_loaded(stack, expected)
    assert not stack.s3().list_multipart_uploads(Bucket=STAGING_BUCKET).get("Uploads")


def kill(stack: Stack, run_id: str, which: tuple[str, int], midway: Callable[[], object]) -> None:
    """Kill the process of a mapped task once it is in the middle of its work."""

    def process() -> int:
        for task in tasks(stack, run_id).values():
            if (task["task_id"], task["map_index"]) == which and task["state"] == "running":
                return int(task["pid"] or 0)
        return 0

    pid = until(process, 120, pause=0.2)
    until(midway, 60, pause=0.05)
    os.kill(pid, signal.SIGKILL)


def parts_of(stack: Stack, hour: datetime) -> bool:
    """Tell whether the split of an hour has stored a part."""
    prefix = f"log-router/parts/{hour:%Y%m%dT%H}"
    return "Contents" in stack.s3().list_objects_v2(Bucket=STAGING_BUCKET, Prefix=prefix)


def copying(stack: Stack, table: str) -> bool:
    """Tell whether rows are being copied into a table at this moment."""
    with psycopg.connect(stack.postgres_dsn) as connection:
        query = "SELECT COUNT(*) FROM pg_stat_activity WHERE state = 'active' AND query ~* %s"
        (found,) = connection.execute(query, (f"^copy .*{table}",)).fetchall()
    return bool(found[0])


def test_a_wrong_config_fails_the_plan(stack: Stack, config: Path) -> None:
    """Mistakes in event files fail the plan, all at once and before anything is read; a fix and a clear load."""
    hour = DAY + timedelta(hours=12)
    expected = write(stack, hour, lines_per_object=FEW_LINES)
    good = (config / "events" / "page_viewed.yaml").read_text()
    (config / "events" / "page_viewed.yaml").write_text(good.replace("type: timestamp", "type: timestmap"))
    (config / "events" / "Order_Placed.yaml").write_text("columns: [{name: id, type: bigint}]\n")
    run_id = trigger(stack, hour.isoformat())
    assert stack.wait_for_run("log_router_hourly", run_id) == "failed"
    assert states(stack, run_id)["plan"] == "failed"
    assert tasks(stack, run_id)["plan"]["try_number"] == 1
    said = log_of(stack, run_id, "plan")
    assert "`timestmap` is not a Redshift column type here; did you mean `timestamp`?" in said
    assert "table: `order_placed` is taken by Order_Placed.yaml" in said
    assert not parts_of(stack, hour)
    (config / "events" / "page_viewed.yaml").write_text(good)
    (config / "events" / "Order_Placed.yaml").unlink()
    clear_and_load(stack, run_id, expected)


def test_a_missing_bucket_fails_the_plan(stack: Stack) -> None:
    """A raw bucket that is not there, here by an Airflow Variable, is named with the remedy.

    Once the hour is loaded, another try of the run costs one task: instances of the try before are skipped too.
    """
    hour = DAY + timedelta(hours=13)
    expected = write(stack, hour, lines_per_object=FEW_LINES)
    with settings_variable(stack, raw_bucket="no-such-bucket"):
        run_id = trigger(stack, hour.isoformat())
        assert stack.wait_for_run("log_router_hourly", run_id) == "failed"
    said = log_of(stack, run_id, "plan")
    assert "listing s3://no-such-bucket/raw/2025/03/01/13/: S3 answered NoSuchBucket" in said
    assert "create the bucket or correct its name in the settings" in said
    clear_and_load(stack, run_id, expected)
    assert stack.wait_for_run("log_router_hourly", run_id) == "success"
    clear(stack, run_id)
    assert stack.wait_for_run("log_router_hourly", run_id) == "success"
    assert at_work(stack, run_id) == {"plan"}


def test_settings_that_airflow_can_not_read_are_waited_for(stack: Stack) -> None:
    """A Variable that is there, but that Airflow fails to decrypt, is not taken for one that is not there."""
    hour = DAY + timedelta(hours=16)
    expected = write(stack, hour, lines_per_object=FEW_LINES)
    with settings_variable(stack, raw_bucket="no-such-bucket"):
        with psycopg.connect(stack.postgres_dsn, dbname=AIRFLOW_DATABASE) as connection:
            connection.execute("UPDATE variable SET val = 'not by this key', is_encrypted = true")
        run_id = trigger(stack, hour.isoformat())
        until(lambda: states(stack, run_id)["plan"] == "up_for_retry", 120)
    assert "log_router_settings: it is there, but Airflow can't read it" in log_of(stack, run_id, "plan")
    assert stack.wait_for_run("log_router_hourly", run_id) == "success"
    assert_loaded(stack, expected)


@contextlib.contextmanager
def settings_variable(stack: Stack, **settings: str) -> Iterator[None]:
    """Have settings in the Airflow Variable."""
    stack.api.post("/variables", {"key": "log_router_settings", "value": json.dumps(settings)})
    yield
    stack.api.delete("/variables/log_router_settings")


def clear_and_load(stack: Stack, run_id: str, expected: dict[str, Expectation]) -> None:
    """Clear a failed run whose fault is mended: now it loads everything."""
    clear(stack, run_id)
    until(lambda: states(stack, run_id).get("settle") == "success", 180)
    assert_loaded(stack, expected)


def test_broken_objects_hold_nothing_up(stack: Stack) -> None:
    """A truncated, a vanished and a denied object fail the run by name and remedy after all else has loaded.

    Once they can be read, the run cleared loads only them. A reload of the hour then takes back every row and
    loads it again; so does a reload of one event, which is red after that where more of its lines are quarantined
    than a threshold allows.
    """
    hour = DAY + timedelta(hours=14)
    expected = write(stack, hour, objects_per_hour=4, lines_per_object=25, rates=rates(bad=0.3))
    truncated, vanished, denied, _ = sorted(expected)
    whole = stack.s3().get_object(Bucket=RAW_BUCKET, Key=truncated)["Body"].read()
    stack.s3().put_object(Bucket=RAW_BUCKET, Key=truncated, Body=whole[:-100])
    for key, code in ((vanished, "NoSuchKey"), (denied, "AccessDenied")):
        stack.s3_faults.arm(
            at="request", does="error", code=code, operation="GetObject", matching=re.escape(key), times=0
        )
    run_id = trigger(stack, hour.isoformat())
    assert stack.wait_for_run("log_router_hourly", run_id) == "failed"
    found = states(stack, run_id)
    assert {name for name, state in found.items() if state != "success"} == {"settle"}
    said = log_of(stack, run_id, "settle")
    assert "3 of 4 raw objects are not loaded whole" in said
    for key, why in (
        (truncated, "its gzip data ends too early; have its producer write it again"),
        (vanished, "S3 answered NoSuchKey; it was deleted meanwhile: restore it"),
        (denied, "S3 answered AccessDenied; grant s3:GetObject"),
    ):
        assert f"s3://{RAW_BUCKET}/{key}: {why}" in said
    good = {key: one for key, one in expected.items() if key not in (truncated, vanished, denied)}
    assert_loaded(stack, good)
    assert records(stack).keys() & expected.keys() == good.keys()
    stack.s3_faults.clear()
    stack.s3().put_object(Bucket=RAW_BUCKET, Key=truncated, Body=whole)
    clear_and_load(stack, run_id, expected)
    anew = trigger(stack, hour.isoformat(), mode="reload")
    assert stack.wait_for_run("log_router_hourly", anew) == "success"
    assert f" {sum(one.rows['page_viewed'] for one in expected.values())} rows were taken back" in log_of(
        stack, anew, "load.copy"
    )
    assert_loaded(stack, expected)
    bounds = {"from": hour.isoformat(), "to": (hour + timedelta(hours=1)).isoformat()}
    with settings_variable(stack, max_quarantined_lines="0"):
        one_event = start(stack, RELOAD, {**bounds, "events": ["listing_viewed"]})
        assert stack.wait_for_run(RELOAD, one_event) == "failed"
    said = log_of(stack, one_event, "settle", RELOAD)
    assert re.search(
        r"event listing_viewed: \d+ of \d+ lines are quarantined, more than max_quarantined_lines 0", said
    )
    assert "log-router reload --quarantined listing_viewed" in said
    assert log_of(stack, one_event, "load.copy", RELOAD).count(" rows were taken back") == 1
    assert_loaded(stack, expected)


def test_an_unreachable_warehouse_is_tried_again(stack: Stack) -> None:
    """While the warehouse is away tasks say so and are tried again; once it is back, the run goes on."""
    hour = DAY + timedelta(hours=15)
    expected = write(stack, hour, lines_per_object=FEW_LINES)
    stack.processes.stop(["twin"])
    try:
        run_id = trigger(stack, hour.isoformat())
        until(lambda: states(stack, run_id).get("plan") == "up_for_retry", 120)
    finally:
        stack._start_twin(stack._postgres())
    assert "check host and port of the Redshift connection" in log_of(stack, run_id, "plan")
    assert stack.wait_for_run("log_router_hourly", run_id) == "success"
    assert_loaded(stack, expected)


def test_an_empty_hour_succeeds_and_says_so(stack: Stack) -> None:
    """An hour without raw objects is a success, and costs one task."""
    run_id = trigger(stack, (DAY + timedelta(days=1)).isoformat())
    assert stack.wait_for_run("log_router_hourly", run_id) == "success"
    assert "empty: no raw object below the prefix" in log_of(stack, run_id, "plan")
    assert at_work(stack, run_id) == {"plan"}


def test_an_hour_that_is_not_over_waits_without_a_slot(stack: Stack) -> None:
    """The current hour is waited for by the triggerer, not by a worker."""
    run_id = trigger(stack, datetime.now(UTC).replace(minute=0, second=0, microsecond=0).isoformat())
    until(lambda: states(stack, run_id)["plan"] == "deferred", 60)
    stack.api.patch(f"/dags/log_router_hourly/dagRuns/{run_id}", {"state": "failed"})


def test_a_run_without_an_hour_is_refused(stack: Stack) -> None:
    """A manual run that does not say its hour fails at once, with what to give."""
    run = stack.api.post("/dags/log_router_hourly/dagRuns", {"logical_date": None})
    assert stack.wait_for_run("log_router_hourly", run["dag_run_id"]) == "failed"
    assert "trigger it with the parameter `hour`" in log_of(stack, run["dag_run_id"], "plan")


def at_work(stack: Stack, run_id: str) -> set[str]:
    """Return the tasks of a run of which an instance was not skipped."""
    found = stack.api.pages(f"/dags/log_router_hourly/dagRuns/{run_id}/taskInstances", "task_instances")
    return {task["task_id"] for task in found if task["state"] != "skipped"}


def states(stack: Stack, run_id: str) -> dict[str, str]:
    """Return the state of each task of a run."""
    return {name: str(task["state"]) for name, task in tasks(stack, run_id).items()}
