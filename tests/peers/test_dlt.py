"""dlt loads nested rows through JSON lines in S3."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from local.stack import Stack
from tests.peers.environments import HERE, binaries, said

Rows = Callable[[str], list[tuple[Any, ...]]]
Load = Callable[[str, str], None]


@pytest.fixture(scope="module")
def load(site: Stack, environment: dict[str, str]) -> Load:
    """Give a function that loads the source with a write disposition into a schema."""
    python = binaries("dlt") / "python"
    warehouse = {
        f"DESTINATION__REDSHIFT__CREDENTIALS__{name}": str(site.warehouse[key])
        for name, key in (
            ("HOST", "host"),
            ("PORT", "port"),
            ("DATABASE", "database"),
            ("USERNAME", "user"),
            ("PASSWORD", "password"),
        )
    }
    variables = {
        **environment,
        **warehouse,
        "DESTINATION__FILESYSTEM__BUCKET_URL": "s3://peers/dlt",
        "DESTINATION__FILESYSTEM__CREDENTIALS__AWS_ACCESS_KEY_ID": "test",
        "DESTINATION__FILESYSTEM__CREDENTIALS__AWS_SECRET_ACCESS_KEY": "test",
        "DESTINATION__FILESYSTEM__CREDENTIALS__REGION_NAME": "us-east-1",
        "DESTINATION__FILESYSTEM__CREDENTIALS__ENDPOINT_URL": site.s3_endpoint,
        "RUNTIME__DLTHUB_TELEMETRY": "false",
    }

    def run(disposition: str, schema: str) -> None:
        said([python, HERE / "dlt_pipeline.py", disposition, schema], variables, Path(environment["HOME"]))

    return run


ORDERS = """select id, user__name, user__address__city, price, coupon, json_serialize(raw)
    from {}.orders order by id, price"""
ITEMS = 'select sku, "count", count__v_double from {}.orders__items order by sku'
ZOE = (1, "Zoë", "Köln", Decimal("12.50"), None, '{"Deep":[1,{"k":null}]}')
OLD_BOB = (2, 'it\'s "quoted"\\', None, Decimal("0.01"), None, None)
NEW_BOB = (2, "Bob", None, None, "SPRING", None)
X, Y, Z = ("x", 1, None), ("y", 2, None), ("z", None, 3.5)


@pytest.mark.parametrize(
    ("disposition", "orders", "items"),
    [
        ("append", [ZOE, OLD_BOB, NEW_BOB], [X, Y, Z]),
        ("replace", [NEW_BOB], [Z]),
        ("merge", [ZOE, NEW_BOB], [X, Y, Z]),
    ],
)
def test_two_loads_leave_what_the_write_disposition_says(
    load: Load, rows: Rows, disposition: str, orders: list[tuple[Any, ...]], items: list[tuple[Any, ...]]
) -> None:
    """Rows of the second day are added, replace the first day's, or those of the same key.

    Lists become tables of their own, which follow; what dlt keeps as JSON becomes SUPER.
    """
    schema = f"peer_dlt_{disposition}"
    load(disposition, schema)
    assert rows(ORDERS.format(schema)) == orders
    assert rows(ITEMS.format(schema)) == items
    assert rows(f"select count(*) from {schema}._dlt_loads where status = 0") == [(2,)]
