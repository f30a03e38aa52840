"""Every statement of include/sql: its text is known, and it is Redshift SQL."""

import re
from datetime import datetime, timedelta, timezone
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
AT = datetime(2026, 1, 31, 14, 0, 7, 250_000, timezone(timedelta(hours=1)))
NAMES: dict[str, object] = {"schema": "marketplace", "table": "order_placed", "ledger": "ledger_order_placed"}

STAGE: dict[str, object] = {"stage": "log_router_stage"}
WINDOW: dict[str, object] = {**STAGE, "key": ["order", "who"], "event_time": "at", "hours": 72}

STATEMENTS: dict[str, dict[str, object]] = {
    "add_column": {**NAMES, "column": COLUMN},
    "columns_there": {
        "schema": "marketplace",
        "tables": ["order_placed", "it's"],
        "ledger_schema": "log_router",
        "ledgers": ["ledger_order_placed"],
    },
    "count_slices": {},
    "loaded_by_prefix": {**NAMES, "schema": "log_router", "length": 18},
    "widen_column": {**NAMES, "column": "note", "ddl": "varchar(64)"},
    "comment_column": {**NAMES, "column": "order", "text": "It's the order's total, net\\gross"},
    "comment_table": {**NAMES, "text": 'A buyer paid; "placed"'},
    "copy": {
        "target": ["marketplace", "order_placed"],
        "columns": ["order", "_lr_object"],
        "manifest": "s3://staging/manifests/it's.json",
        "iam_role": "arn:aws:iam::123456789012:role/load",
        "region": "eu-west-1",
        "compression": "gzip",
        "max_errors": 0,
        "rehearsal": False,
    },
    "copy_by_default_role": {
        "target": ["log_router_stage"],
        "columns": ["order"],
        "manifest": "s3://staging/m.json",
        "iam_role": "default",
        "region": "",
        "compression": "zstd",
        "max_errors": 0,
        "rehearsal": False,
    },
    "copy_rehearsed": {
        "target": ["marketplace", "order_placed"],
        "columns": ["order"],
        "manifest": "s3://staging/m.json",
        "iam_role": "default",
        "region": "",
        "compression": "gzip",
        "max_errors": 501,
        "rehearsal": True,
    },
    "count_ledger": {**NAMES, "schema": "log_router"},
    "count_rows": {**NAMES, "object_ids": IDS},
    "count_staged": STAGE,
    "create_ledger": {**NAMES, "schema": "log_router"},
    "create_batches": {"schema": "log_router"},
    "create_object_events": {"schema": "log_router"},
    "create_objects": {"schema": "log_router"},
    "create_probe": {"probe": "log_router_probe"},
    "create_schema": {"schema": "marketplace"},
    "create_stage": {**NAMES, "stage": "log_router_stage"},
    "create_table": {**NAMES, "columns": [COLUMN], "sort_key": ["order", "at"], "dist_key": "order"},
    "create_table_without_keys": {**NAMES, "columns": [COLUMN], "sort_key": [], "dist_key": ""},
    "database_isolation": {"database": "it's"},
    "delete_batch": {"schema": "log_router", "batch_id": "20260131-0123456789abcdef"},
    "delete_object_events": {"schema": "log_router", "object_ids": IDS},
    "delete_ledger": {**NAMES, "schema": "log_router", "object_ids": IDS},
    "delete_known": {**NAMES, **WINDOW},
    "delete_repeated": WINDOW,
    "delete_rows": {**NAMES, "object_ids": IDS, "spared": []},
    "delete_rows_but_spared": {**NAMES, "object_ids": IDS, "spared": ["it's", "page_viewed"]},
    "delete_staged": {**STAGE, "object_ids": IDS},
    "delete_objects": {"schema": "log_router", "object_ids": IDS},
    "drop_stage": {"stage": "log_router_stage"},
    "insert_batch": {
        "schema": "log_router",
        "entry": ("20260131-0123456789abcdef", "20260131", "backfill", 9, 1, 10, 6, 3, 2, 12.345, 4, 0.5, AT),
    },
    "insert_from_stage": {
        **NAMES,
        "stage": "log_router_stage",
        "columns": ["order", "_lr_object"],
        "object_ids": IDS,
    },
    "insert_ledger": {
        **NAMES,
        "schema": "log_router",
        "entries": [(IDS[0], "batch", "c" * 16, 3, 2, 1, AT), (IDS[1], "batch", "c" * 16, 4, 0, 0, AT)],
    },
    "insert_object_events": {
        "schema": "log_router",
        "entries": [
            (IDS[0], "order_placed", "order_placed", 3, 1, 0, AT, "stream"),
            (IDS[1], None, "dé'jà\\vu", 0, 0, 2, None, None),
        ],
    },
    "insert_objects": {
        "schema": "log_router",
        "entries": [
            (IDS[0], "raw", "raw/2026/x y.gz", "etag", 10, "batch", 6, 3, 1, 2, 0, AT),
            (IDS[1], "raw", "raw/2026/y.gz", "etag", 10, "batch", 6, 3, 1, 2, 0, None),
        ],
    },
    "events_of_objects": {"schema": "log_router", "object_ids": IDS},
    "lags": {"schema": "log_router", "hours": 1, "events": ["order_placed", "it's"]},
    "lags_of_all": {"schema": "log_router", "hours": 24, "events": []},
    "unrouted_types": {"schema": "log_router", "length": 18},
    "newest_objects": {
        "schema": "log_router",
        "events": ["order_placed", ""],
        "event_types": ["it's", ""],
        "most": 20,
    },
    "last_copy": {},
    "loader_rights": {},
    "load_errors": {"session_id": 1073741824, "parts_url": "s3://staging/parts/batch/order_placed/"},
    "lock_table": {"schema": "log_router", "table": "ledger_order_placed"},
    "objects_with_quarantined": {"schema": "log_router", "event": "it's"},
    "recent_batches": {"schema": "log_router", "most": 1000},
    "recount_ledger": {
        "schema": "log_router",
        "table": "quarantined_lines",
        "ledger": "ledger_quarantined_lines",
        "batch_id": "batch",
        "config_hash": "c" * 16,
        "object_ids": IDS,
    },
    "ledger_entries": {
        **NAMES,
        "schema": "log_router",
        "column": "batch_id",
        "values": ["20260131T13-0123456789abcdef"],
    },
    "now": {},
    "objects_with_dropped": {**NAMES, "schema": "log_router"},
    "record_there": {
        "schemas": ["marketplace", "log_router"],
        "tables": ["objects", "object_events", "batches"],
    },
    "settled_below": {
        "schema": "log_router",
        "bucket": "raw",
        "prefixes": ["raw/13/", "it's/14/"],
    },
    "settled_with": {
        "schema": "log_router",
        "column": "object_key",
        "values": ["it's", "b"],
    },
    "schema_rights": {"schema": "log_router"},
    "set_query_group": {},
    "set_statement_timeout": {"milliseconds": 3_600_000},
    "settled_objects": {"schema": "log_router", "object_ids": IDS, "event_types": ["order_placed", "it's"]},
    "settled_objects_of_no_event": {"schema": "log_router", "object_ids": IDS, "event_types": []},
    "stray_rows": {**NAMES, "ledger_schema": "log_router"},
    "tables_there": {"schemas": ["marketplace", "log_router"]},
}
FILES = {
    "lags_of_all": "lags",
    "copy_by_default_role": "copy",
    "create_table_without_keys": "create_table",
    "copy_rehearsed": "copy",
    "delete_rows_but_spared": "delete_rows",
    "settled_objects_of_no_event": "settled_objects",
}


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


def test_every_statement_asked_for_has_a_file() -> None:
    """No module renders a statement that include/sql does not hold."""
    text = "".join(file.read_text() for file in (SQL.parents[1] / "plugins").rglob("*.py"))
    asked = set(re.findall(r'(?:render\w*|_fetch_objects)\(\s*"(\w+)"', text))
    assert asked
    assert asked <= {file.stem for file in SQL.glob("*.sql")}
