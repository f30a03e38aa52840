"""dbt builds, tests and documents a small project twice, as on two days."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.stack import Stack
from tests.peers.environments import HERE, binaries, said

Rows = Callable[[str], list[tuple[Any, ...]]]
SECOND_SEED = "id,name,price,since\n1,Chair,12.00,2026-01-01\n2,Table,99.99,2026-02-01\n3,Lämp,,2026-03-01\n"


@pytest.fixture(scope="module")
def project(site: Stack, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the project on a first and, with another seed, a second day; give its folder."""
    dbt = binaries("dbt") / "dbt"
    folder = tmp_path_factory.mktemp("dbt") / "project"
    shutil.copytree(HERE / "dbt", folder)
    variables = {
        **environment,
        **{f"TWIN_{name.upper()}": str(value) for name, value in site.warehouse.items()},
        "DBT_PROFILES_DIR": str(folder),
    }
    said([dbt, "build", "--vars", "day: first"], variables, folder)
    (folder / "seeds" / "products.csv").write_text(SECOND_SEED)
    said([dbt, "build", "--vars", "day: second"], variables, folder)
    said([dbt, "docs", "generate", "--vars", "day: second"], variables, folder)
    return folder


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("select id, name from {}.dear order by id", [(1, "Chair"), (2, "Table")]),
        ("select kind, products from {}.kinds order by kind", [("cheap", 1), ("dear", 1)]),
        ("select kind, names from {}.late_kinds order by kind", [("cheap", "Chair"), ("dear", "Table")]),
        (
            "select id, name, day from {}.merged order by id",
            [(1, "Chair", "first"), (2, "Table", "second"), (3, "Lämp", "second"), (4, "Vase", "second")],
        ),
        (
            "select id, name, day from {}.replaced order by id",
            [(1, "Chair", "first"), (2, "Table", "second"), (3, "Lämp", "second"), (4, "Vase", "second")],
        ),
        (
            "select day, count(*) from {}.appended group by day order by day",
            [("first", 3), ("second", 3)],
        ),
        (
            "select id, dbt_valid_to is null from {}.history order by id, dbt_valid_to",
            [(1, False), (1, True), (2, True), (3, True)],
        ),
    ],
    ids=lambda value: value.split("}.")[1].split()[0] if isinstance(value, str) else "",
)
def test_models_hold_their_rows(
    project: Path, rows: Rows, query: str, expected: list[tuple[Any, ...]]
) -> None:
    """Tables, views, increments of each strategy and snapshots are as dbt's users expect them."""
    assert project.exists()
    assert rows(query.format("peer_dbt")) == expected


def test_keys_and_comments_are_those_of_the_model(project: Path, rows: Rows) -> None:
    """What a model's config says about distribution, order and documentation reaches the table."""
    assert project.exists()
    table = """"schema" = 'peer_dbt' and "table" = 'dear'"""
    keys = rows(f"select diststyle, sortkey1, sortkey_num from svv_table_info where {table}")
    assert keys == [("KEY(id)", "price", 2)]
    comments = rows("select remarks from svv_tables where table_schema = 'peer_dbt' and table_name = 'dear'")
    assert comments == [('Products that have a price; what costs more than 50 is "dear"',)]


def test_documentation_knows_every_column(project: Path) -> None:
    """The catalog that dbt writes holds tables, bound and late-binding views with their columns and types."""
    catalog = json.loads((project / "target" / "catalog.json").read_text())
    assert catalog["errors"] is None
    found = {
        name.split(".")[-1]: {column: value["type"] for column, value in node["columns"].items()}
        for name, node in catalog["nodes"].items()
    }
    kind = found["dear"].pop("kind")
    assert kind.startswith("character varying(")
    assert found["dear"] == {
        "id": "integer",
        "name": "character varying(10)",
        "price": "double precision",
    }
    assert list(found["kinds"]) == ["kind", "products"]
    assert list(found["late_kinds"]) == ["kind", "names"]
