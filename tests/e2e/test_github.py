"""Real hours of public GitHub events of three years through a real Airflow, every value compared."""

import gzip
import hashlib
import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from local import notices
from local.stack import Stack
from tests.e2e import reference
from tests.e2e.airflow import (
    BULK,
    backfill,
    catalog,
    gharchive,
    log_router,
    parse_anew,
    start,
    tasks,
    until,
    warehouse,
)
from tests.e2e.browser import triggered

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "github"
BUCKET, FOLDER = "github-events", "gharchive/"
SCHEMA, LEDGER = "github", "github_log_router"
FILES = ("2011-02-15-0", "2012-02-15-0", "2015-01-01-0", "2015-01-01-1")
# Some 34,000 hours, of which four hold something.
FIRST, END = datetime(2011, 2, 15, tzinfo=UTC), datetime(2015, 1, 2, tzinfo=UTC)
# The event whose file comes later: no line of 2011 is of its type.
NEW = "issue_comment_event"
EVENTS = reference.events(EXAMPLE / "events")

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        not all((gharchive() / f"{name}.json.gz").exists() for name in FILES),
        reason=f"the GH Archive hours {', '.join(FILES)} are not beside the project (shared/data/gharchive)",
    ),
]


@pytest.fixture(scope="module", autouse=True)
def config(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Have all hours in the raw bucket, and Airflow know GitHub's events but one; give the folder that it reads."""
    folder = tmp_path_factory.mktemp("example") / "github"
    shutil.copytree(EXAMPLE, folder)
    (folder / "events" / f"{NEW}.yaml").unlink()
    stack.s3().create_bucket(Bucket=BUCKET)
    notices.connect(stack.s3(), stack.sqs(), BUCKET, FOLDER)
    for name in FILES:
        body = (gharchive() / f"{name}.json.gz").read_bytes()
        stack.s3().put_object(Bucket=BUCKET, Key=key(name), Body=body)
    with catalog(stack, folder) as config:
        yield config


def key(name: str) -> str:
    """Return the key of an hour's raw object."""
    return f"{FOLDER}{name}.json.gz"


@cache
def lines() -> dict[str, list[tuple[str, int, dict[str, Any]]]]:
    """Return key, line number and document of all lines by event type."""
    found = defaultdict(list)
    for name in FILES:
        with gzip.open(gharchive() / f"{name}.json.gz") as body:
            for number, line in enumerate(body, start=1):
                document = json.loads(line)
                found[document["type"]].append((key(name), number, document))
    return dict(found)


def test_years_with_holes_are_loaded_by_command_and_form(stack: Stack) -> None:
    """Two days by `log-router backfill`, then all hours of four years in one run: the tables hold what the lines say.

    A browser asks for that run in Airflow's form. It leaves out the hour that is loaded, and lists days, not hours.
    Lines of the type that has no file yet are counted.
    """
    assert len(lines()) == len(EVENTS)
    stack.api.patch(f"/dags/{BULK}", {"is_paused": False})
    done = log_router(stack, "backfill", "--from", "2011-02-15", "--to", "2011-02-17", "--wait")
    assert (done.returncode, done.stderr) == (0, "")
    asked = stack.s3_faults.asked(BUCKET)
    assert asked["GetObject"] == 1
    run_id = triggered(stack, BULK, FIRST, END)
    assert stack.wait_for_run(BULK, run_id) == "success"
    asked = stack.s3_faults.asked(BUCKET) - asked
    assert asked["GetObject"] == len(FILES) - 1
    assert asked["ListObjectsV2"] < 1500
    names = {task["rendered_map_index"] for task in tasks(stack, run_id, BULK).values()}
    assert "push_event 20110215T00-20150102T00" in names
    for event_type, event in EVENTS.items():
        if event["table"] != NEW:
            assert_loaded(stack, event_type)
    assert_recorded(stack, but=NEW)


def test_hours_that_are_loaded_cost_nothing(stack: Stack) -> None:
    """The hourly DAG and the stream meet them again, and read and copy nothing."""
    before = everything(stack)
    read = stack.s3_faults.asked(BUCKET)["GetObject"]
    hour = datetime(2015, 1, 1, tzinfo=UTC)
    assert backfill(stack, hour, hour + timedelta(hours=1)) == ["success", "success"]
    stack.api.patch("/dags/log_router_stream", {"is_paused": False})
    until(lambda: notices.depth(stack.sqs()) == 0, 240)
    stack.api.patch("/dags/log_router_stream", {"is_paused": True})
    assert notices.depth(stack.sqs(), f"{notices.QUEUE}-dead") == 0
    assert stack.s3_faults.asked(BUCKET)["GetObject"] == read
    assert everything(stack) == before


def test_a_new_event_over_loaded_years_touches_no_other(stack: Stack, config: Path) -> None:
    """Only raw objects that hold lines of it are read; no other table and no other ledger changes. Then never again."""
    before = everything(stack)
    read = stack.s3_faults.asked(BUCKET)["GetObject"]
    shutil.copy(EXAMPLE / "events" / f"{NEW}.yaml", config / "events")
    parse_anew(stack)
    event_type = next(name for name, event in EVENTS.items() if event["table"] == NEW)
    holding = {key for key, _, _ in lines()[event_type]}
    for expected in (len(holding), 0):
        run_id = start(stack, BULK, {"from": FIRST.isoformat(), "to": END.isoformat(), "events": [NEW]})
        assert stack.wait_for_run(BULK, run_id) == "success"
        assert stack.s3_faults.asked(BUCKET)["GetObject"] - read == expected
        read = stack.s3_faults.asked(BUCKET)["GetObject"]
    assert len(holding) == len(FILES) - 1
    assert_loaded(stack, event_type)
    assert_recorded(stack)
    after = everything(stack)
    assert {table for table in after if after[table] != before.get(table)} == {NEW, f"ledger_{NEW}"}


def everything(stack: Stack) -> dict[str, list[str]]:
    """Return all rows of the event tables and of their ledgers, by table."""
    found = {}
    with warehouse(stack) as cursor:
        for schema in (SCHEMA, LEDGER):
            cursor.execute(f"SELECT table_name FROM svv_tables WHERE table_schema = '{schema}'")
            for (table,) in cursor.fetchall():
                if schema == SCHEMA or table.startswith("ledger_"):
                    cursor.execute(f'SELECT * FROM "{schema}"."{table}"')
                    found[table] = sorted(map(repr, cursor.fetchall()))
    return found


def assert_recorded(stack: Stack, but: str = "") -> None:
    """Every line of every raw object is recorded as a row, those of one event as unrouted."""
    unrouted = [event_type for event_type, event in EVENTS.items() if event["table"] == but]
    counts = Counter(key for of in lines().values() for key, _, _ in of)
    missing = Counter(key for event_type in unrouted for key, _, _ in lines()[event_type])
    with warehouse(stack) as cursor:
        cursor.execute(f"SELECT object_key, lines, rows_split, unrouted, quarantined FROM {LEDGER}.objects")
        found = {key: tuple(of) for key, *of in cursor.fetchall()}
    assert found == {key: (count, count - missing[key], missing[key], 0) for key, count in counts.items()}


def assert_loaded(stack: Stack, event_type: str) -> None:
    """The event's table holds each line of its type once, with the values of plain json, and nothing else."""
    event = EVENTS[event_type]
    expected = [
        (key, *row)
        for key, number, document in lines()[event_type]
        for row in reference.rows(event, iter([(number, document)]))
    ]
    found = loaded(stack, event)
    assert len(found) == len(expected), event["table"]
    for wanted, row in zip(sorted(expected, key=lambda row: row[:2]), found, strict=True):
        differing = [
            column["name"]
            for column, one, other in zip(event["columns"], wanted[2:], row[2:], strict=True)
            if one != other
        ]
        # Public texts must not fill the screen.
        digest = hashlib.sha256(repr(row).encode()).hexdigest()[:8]
        assert not differing, f"{event['table']}: {differing} of line {row[1]} differ ({digest})"
        assert row[:2] == wanted[:2]


def loaded(stack: Stack, event: dict[str, Any]) -> list[reference.Row]:
    """Return the rows of an event's table: key of the raw object, line, then its columns."""
    columns = ", ".join(f't."{column["name"]}"' for column in event["columns"])
    with warehouse(stack) as cursor:
        cursor.execute(
            f'SELECT o.object_key, t."_lr_line", {columns} FROM {SCHEMA}."{event["table"]}" t '
            f'LEFT JOIN {LEDGER}.objects o ON o.object_id = t."_lr_object"'
        )
        rows = cursor.fetchall()
    supers = [index for index, column in enumerate(event["columns"], start=2) if column["type"] == "super"]
    found = [
        tuple(
            reference.canonical(json.loads(cell) if isinstance(cell, str) else cell)
            if index in supers and cell is not None
            else cell
            for index, cell in enumerate(row)
        )
        for row in rows
    ]
    return sorted(found, key=lambda row: row[:2])
