"""sqlalchemy-redshift makes tables, fills them, and finds them again, over either driver."""

import json
from pathlib import Path
from typing import Any

import pytest

from local.stack import Stack
from tests.peers.environments import HERE, binaries, said


@pytest.fixture(
    scope="module",
    params=[("psycopg2", {"sslmode": "disable"}), ("redshift_connector", {"ssl": False})],
    ids=["psycopg2", "redshift_connector"],
)
def found(request: pytest.FixtureRequest, site: Stack, environment: dict[str, str]) -> dict[str, Any]:
    """Give what the program prints of its tables."""
    driver, arguments = request.param
    variables = {
        **environment,
        **{f"PEER_{name.upper()}": str(value) for name, value in site.warehouse.items()},
        "PEER_DRIVER": f"redshift+{driver}",
        "PEER_ARGUMENTS": json.dumps(arguments),
        "PEER_SCHEMA": f"peer_{driver}",
    }
    printed = said(
        [binaries("sqlalchemy") / "python", HERE / "sqlalchemy_tables.py"],
        variables,
        Path(environment["HOME"]),
    )
    answers: dict[str, Any] = json.loads(printed)
    return answers


def test_rows_come_back(found: dict[str, Any]) -> None:
    """What was inserted through the dialect is read by it, IDENTITY and all."""
    assert found["joined"] == [["it's 50 %", 1, "1.50"]]


def test_tables_and_views_are_listed(found: dict[str, Any]) -> None:
    """The inspector knows the schema, its tables, its views of both kinds, and what is not there."""
    assert len(found["schemas"]) == 1
    assert found["tables"] == ["customers", "orders"]
    assert found["views"] == ["late", "names"]
    assert found["has"] == [True, False]
    assert [name.split(".")[1] for name in found["reflected"]] == ["customers", "late", "names", "orders"]
    assert "customers" in found["definition"]


def test_columns_have_their_types(found: dict[str, Any]) -> None:
    """Types, nullability and defaults are those of CREATE TABLE."""
    assert found["columns"] == [
        ["id", "INTEGER", False, True],
        ["customer", "BIGINT", True, False],
        ["price", "NUMERIC(10, 2)", True, True],
        ["data", "SUPER", True, False],
        ["code", "VARCHAR(12)", True, False],
    ]
    named = [["id", "BIGINT"], ["name", "VARCHAR(40)"]]
    assert [column[:2] for column in found["columns of a view"]] == named
    assert [column[:2] for column in found["columns of a late-binding view"]] == named


def test_keys_are_known_though_not_enforced(found: dict[str, Any]) -> None:
    """Primary, foreign and unique keys, distribution and sort keys and comments are told."""
    assert found["primary key"] == ["id"]
    assert found["foreign keys"] == [[["customer"], "customers", ["id"]]]
    assert found["unique"] == [["code"]]
    assert found["comment"] == "who buys"
    assert found["options"] == {
        "redshift_diststyle": "KEY",
        "redshift_distkey": "id",
        "redshift_sortkey": ["id", "name"],
        "redshift_interleaved_sortkey": None,
    }


def test_dropped_tables_are_gone(found: dict[str, Any]) -> None:
    """drop_all leaves nothing in the schema."""
    assert found["left"] == []
