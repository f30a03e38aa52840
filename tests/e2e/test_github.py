"""Two real hours of public GitHub events through a real Airflow, every value compared."""

import gzip
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local.ports import Ports
from local.stack import Stack
from tests.e2e import reference
from tests.e2e.airflow import backfill, contents, gharchive, warehouse

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "github"
BUCKET = "github-events"
HOURS = (datetime(2015, 1, 1, 0, tzinfo=UTC), datetime(2015, 1, 1, 1, tzinfo=UTC))
FILES = ("2015-01-01-0.json.gz", "2015-01-01-1.json.gz")

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        not all((gharchive() / name).exists() for name in FILES),
        reason="the GH Archive hours 2015-01-01-0 and -1 are not beside the project (shared/data/gharchive)",
    ),
]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Give a stack that is configured for GitHub's events, with both hours in its raw bucket."""
    state = tmp_path_factory.mktemp("github")
    with Stack(state, Ports.free(), config_dir=EXAMPLE, faults=True, read_only=[BUCKET]) as stack:
        stack.s3().create_bucket(Bucket=BUCKET)
        for name in FILES:
            body = (gharchive() / name).read_bytes()
            stack.s3().put_object(Bucket=BUCKET, Key=f"gharchive/{name}", Body=body)
        yield stack
        assert stack.s3_faults.violations() == []


def raw_lines() -> Iterator[tuple[str, int, dict[str, Any]]]:
    for name in FILES:
        with gzip.open(gharchive() / name) as lines:
            for number, line in enumerate(lines, start=1):
                yield name, number, json.loads(line)


def test_the_tables_hold_what_the_lines_say(stack: Stack) -> None:
    """Both hours give a table per type, each with the count and the values of plain json over the lines.

    Running both hours again changes no row.
    """
    assert backfill(stack, *HOURS) == ["success", "success"]
    by_type: defaultdict[str, list[tuple[str, int, dict[str, Any]]]] = defaultdict(list)
    for name, number, document in raw_lines():
        by_type[document["type"]].append((name, number, document))
    assert len(by_type) == 14
    configured = reference.events(EXAMPLE / "events")
    ids = object_ids(stack)
    for event_type, lines in by_type.items():
        event = configured[event_type]
        expected = sorted(
            (ids[name], *row)
            for name, number, document in lines
            for row in reference.rows(event, iter([(number, document)]))
        )
        assert_same_rows(expected, loaded(stack, event), event)
    tables = [configured[event_type]["table"] for event_type in by_type]
    before = contents(stack, "github", tables)
    assert {table: len(rows) for table, rows in before.items()} == {
        configured[event_type]["table"]: len(lines) for event_type, lines in by_type.items()
    }
    assert backfill(stack, *HOURS, "--reprocess-behavior", "completed") == ["success", "success"]
    assert contents(stack, "github", tables) == before


def object_ids(stack: Stack) -> dict[str, str]:
    """Return the id of each raw object by its file's name, as the warehouse has recorded it."""
    with warehouse(stack) as cursor:
        cursor.execute("SELECT object_key, object_id, lines, rows_split FROM github_log_router.objects")
        found = cursor.fetchall()
    counts = Counter(name for name, _, _ in raw_lines())
    assert {key.removeprefix("gharchive/"): (lines, rows) for key, _, lines, rows in found} == {
        name: (count, count) for name, count in counts.items()
    }
    return {key.removeprefix("gharchive/"): object_id for key, object_id, _, _ in found}


def loaded(stack: Stack, event: dict[str, Any]) -> list[reference.Row]:
    """Return the rows of an event's table: object, line, then its columns."""
    columns = ", ".join(f'"{column["name"]}"' for column in event["columns"])
    with warehouse(stack) as cursor:
        cursor.execute(
            f'SELECT "_lr_object", "_lr_line", {columns} FROM "github"."{event["table"]}" ORDER BY 1, 2'
        )
        rows = cursor.fetchall()
    supers = [index for index, column in enumerate(event["columns"], start=2) if column["type"] == "super"]
    return [
        tuple(
            reference.canonical(json.loads(cell) if isinstance(cell, str) else cell)
            if index in supers and cell is not None
            else cell
            for index, cell in enumerate(row)
        )
        for row in rows
    ]


def assert_same_rows(
    expected: list[reference.Row], found: list[reference.Row], event: dict[str, Any]
) -> None:
    """Compare all rows; show the first that differ, without filling the screen with public texts."""
    assert len(found) == len(expected), event["table"]
    for wanted, row in zip(sorted(expected, key=lambda row: row[:2]), found, strict=True):
        differing = [
            column["name"]
            for column, one, other in zip(event["columns"], wanted[2:], row[2:], strict=True)
            if one != other
        ]
        digest = hashlib.sha256(repr(row).encode()).hexdigest()[:8]
        assert not differing, f"{event['table']}: {differing} of line {row[1]} differ ({digest})"
        assert row[:2] == wanted[:2]
