"""Loads two days of a small nested source by dlt: dlt_pipeline.py WRITE_DISPOSITION SCHEMA."""

import sys
from collections.abc import Iterator
from typing import Any

import dlt

COLUMNS = {"raw": {"data_type": "json"}, "price": {"data_type": "decimal", "precision": 10, "scale": 2}}
FIRST = [
    {
        "id": 1,
        "at": "2026-01-02T03:04:05Z",
        "user": {"name": "Zoë", "address": {"city": "Köln"}},
        "items": [{"sku": "x", "count": 1}, {"sku": "y", "count": 2, "tags": ["a", "b"]}],
        "raw": {"Deep": [1, {"k": None}]},
        "price": "12.50",
    },
    {
        "id": 2,
        "at": "2026-01-03T00:00:00Z",
        "user": {"name": 'it\'s "quoted"\\'},
        "items": [],
        "price": "0.01",
    },
]
# a new key and a number where text was: the table gets columns
SECOND = [{"id": 2, "user": {"name": "Bob"}, "items": [{"sku": "z", "count": 3.5}], "coupon": "SPRING"}]


def main(disposition: str, schema: str) -> None:
    """Run the pipeline once for each day; dlt raises when a job fails."""
    pipeline = dlt.pipeline(
        f"peer_{disposition}", destination="redshift", staging="filesystem", dataset_name=schema
    )
    for day in (FIRST, SECOND):
        orders = dlt.resource(
            rows(day), name="orders", primary_key="id", write_disposition=disposition, columns=COLUMNS
        )
        pipeline.run(orders, loader_file_format="jsonl").raise_on_failed_jobs()


def rows(day: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield a day's rows as a source does."""
    yield from day


main(*sys.argv[1:])
