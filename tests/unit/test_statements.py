"""Every statement of include/sql: its text is known, and it is Redshift SQL."""

import re
from pathlib import Path

import pytest
import sqlfluff

from log_router.core.sql import Statements

ROOT = Path(__file__).resolve().parents[2]
SQL = ROOT / "include" / "sql"
EXPECTED = ROOT / "tests" / "cases" / "sql"

# What the parser of Redshift's dialect lets through though Redshift refuses it.
NOT_REDSHIFT = re.compile(
    r"CREATE\s+INDEX|->>|DISTINCT\s+ON|\bFILTER\s*\(|\bLATERAL\b|ADD\s+COLUMN[^;]*ADD\s+COLUMN|RETURNING|ON\s+CONFLICT",
    re.IGNORECASE,
)
COLUMN = {"name": "order", "ddl": "numeric(12,2)", "encoding": "az64"}
IDS = ["0" * 32, "f" * 32]
NAMES: dict[str, object] = {"schema": "marketplace", "table": "order_placed", "ledger": "ledger_order_placed"}

STATEMENTS: dict[str, dict[str, object]] = {
    "add_column": {**NAMES, "column": COLUMN},
    "columns_there": {**NAMES, "ledger_schema": "log_router"},
    "comment_column": {**NAMES, "column": "order", "text": "It's the order's total, net\\gross"},
    "comment_table": {**NAMES, "text": 'A buyer paid; "placed"'},
    "copy": {
        "target": ["marketplace", "order_placed"],
        "columns": ["order", "_lr_object"],
        "manifest": "s3://staging/manifests/it's.json",
        "iam_role": "arn:aws:iam::123456789012:role/load",
        "region": "eu-west-1",
        "compression": "gzip",
    },
    "copy_by_default_role": {
        "target": ["log_router_stage"],
        "columns": ["order"],
        "manifest": "s3://staging/m.json",
        "iam_role": "default",
        "region": "",
        "compression": "zstd",
    },
    "count_ledger": {**NAMES, "schema": "log_router"},
    "create_ledger": {**NAMES, "schema": "log_router"},
    "create_object_events": {"schema": "log_router"},
    "create_objects": {"schema": "log_router"},
    "create_schema": {"schema": "marketplace"},
    "create_stage": {**NAMES, "stage": "log_router_stage"},
    "create_table": {**NAMES, "columns": [COLUMN], "sort_key": ["order", "at"], "dist_key": "order"},
    "create_table_without_keys": {**NAMES, "columns": [COLUMN], "sort_key": [], "dist_key": ""},
    "delete_object_events": {"schema": "log_router", "object_ids": IDS},
    "delete_ledger": {**NAMES, "schema": "log_router", "object_ids": IDS},
    "delete_rows": {**NAMES, "object_ids": IDS},
    "delete_objects": {"schema": "log_router", "object_ids": IDS},
    "drop_stage": {"stage": "log_router_stage"},
    "insert_from_stage": {
        **NAMES,
        "stage": "log_router_stage",
        "columns": ["order", "_lr_object"],
        "object_ids": IDS,
    },
    "insert_ledger": {
        **NAMES,
        "schema": "log_router",
        "entries": [(IDS[0], "batch", "c" * 16, 3), (IDS[1], "batch", "c" * 16, 4)],
    },
    "insert_object_events": {
        "schema": "log_router",
        "entries": [(IDS[0], "order_placed", "order_placed", 3, 1, 0), (IDS[1], None, "dé'jà\\vu", 0, 0, 2)],
    },
    "insert_objects": {
        "schema": "log_router",
        "entries": [(IDS[0], "raw", "raw/2026/x y.gz", "etag", 10, "batch", 6, 3, 1, 2, 0)],
    },
    "last_copy": {},
    "load_errors": {"parts_url": "s3://staging/parts/batch/order_placed/"},
    "loaded_objects": {**NAMES, "schema": "log_router", "object_ids": IDS},
    "lock_table": {"schema": "log_router", "table": "ledger_order_placed"},
    "schema_there": {"schema": "log_router"},
    "set_query_group": {},
    "set_statement_timeout": {"milliseconds": 3_600_000},
    "settled_objects": {"schema": "log_router", "object_ids": IDS, "event_types": ["order_placed", "it's"]},
}
FILES = {"copy_by_default_role": "copy", "create_table_without_keys": "create_table"}


@pytest.fixture(scope="module")
def statements() -> Statements:
    return Statements(SQL)


def rendered(statements: Statements, name: str) -> str:
    return statements.render(FILES.get(name, name), **STATEMENTS[name])


@pytest.mark.parametrize("name", sorted(STATEMENTS))
def test_text(statements: Statements, name: str) -> None:
    """A statement's text is what a person reviewed."""
    assert rendered(statements, name) == (EXPECTED / f"{name}.sql").read_text().rstrip("\n")


@pytest.mark.parametrize("name", sorted(STATEMENTS))
def test_is_redshift(statements: Statements, name: str) -> None:
    """A statement parses in Redshift's dialect and uses nothing that only PostgreSQL has."""
    text = rendered(statements, name)
    sqlfluff.parse(text + "\n", dialect="redshift")
    assert not NOT_REDSHIFT.search(text)


def test_every_file_is_covered() -> None:
    """No statement of include/sql is left out of these tests."""
    assert {file.stem for file in SQL.glob("*.sql")} == {FILES.get(name, name) for name in STATEMENTS}
