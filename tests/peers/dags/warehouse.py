"""Loads files into tables by each method of Airflow's transfer, then checks one of them."""

from datetime import UTC, datetime
from typing import Any

from airflow.providers.amazon.aws.transfers.redshift_to_s3 import RedshiftToS3Operator
from airflow.providers.amazon.aws.transfers.s3_to_redshift import S3ToRedshiftOperator
from airflow.providers.common.sql.operators.sql import (
    SQLCheckOperator,
    SQLColumnCheckOperator,
    SQLExecuteQueryOperator,
    SQLTableCheckOperator,
    SQLThresholdCheckOperator,
    SQLValueCheckOperator,
)
from airflow.sdk import DAG

SCHEMA = "peer_airflow"
METHODS = ("append", "replace", "upsert", "upsert_by_primary_key")
CHECKED = f"{SCHEMA}.upsert"
TABLE = """(
    id bigint not null,
    name varchar(20) encode zstd,
    at timestamp,
    primary key (id)
) diststyle key distkey (id) sortkey (at)"""


def statements() -> list[str]:
    """Return what makes the tables with the rows that are there before the load."""
    made = [f"create schema if not exists {SCHEMA}"]
    for table in METHODS:
        made += [
            f"create table {SCHEMA}.{table} {TABLE}",
            f"insert into {SCHEMA}.{table} values (1, 'old', null), (9, 'stays', null)",
        ]
    return made


def load(method: str, table: str, **more: Any) -> S3ToRedshiftOperator:
    """Return the task that loads the files by a method."""
    return S3ToRedshiftOperator(
        task_id=f"load_{table}",
        schema=SCHEMA,
        table=table,
        s3_bucket="peers",
        s3_key="airflow/part",
        copy_options=["format as json 'auto'", "timeformat 'auto'", "gzip"],
        method=method,
        **more,
    )


with DAG(
    "warehouse", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), default_args={"retries": 0}
):
    make = SQLExecuteQueryOperator(task_id="make", conn_id="redshift_default", sql=statements())
    loads = [
        load("APPEND", "append"),
        load("REPLACE", "replace"),
        load("UPSERT", "upsert", upsert_keys=["id"]),
        load("UPSERT", "upsert_by_primary_key"),
    ]
    checks = [
        SQLCheckOperator(
            task_id="check", conn_id="redshift_default", sql=f"select count(*), min(id) from {CHECKED}"
        ),
        SQLValueCheckOperator(
            task_id="value",
            conn_id="redshift_default",
            sql=f"select name from {CHECKED} where id = 1",
            pass_value="new",
        ),
        SQLValueCheckOperator(
            task_id="wrong_value",
            conn_id="redshift_default",
            sql=f"select count(*) from {CHECKED}",
            pass_value=2,
        ),
        SQLThresholdCheckOperator(
            task_id="threshold",
            conn_id="redshift_default",
            sql=f"select count(*) from {CHECKED}",
            min_threshold=3,
            max_threshold=f"select max(id) from {CHECKED}",
        ),
        SQLColumnCheckOperator(
            task_id="column",
            conn_id="redshift_default",
            table=CHECKED,
            column_mapping={
                "id": {
                    "null_check": {"equal_to": 0},
                    "unique_check": {"equal_to": 0},
                    "distinct_check": {"geq_to": 3},
                    "min": {"equal_to": 1},
                    "max": {"equal_to": 9},
                },
            },
        ),
        SQLColumnCheckOperator(
            task_id="wrong_column",
            conn_id="redshift_default",
            table=CHECKED,
            column_mapping={"at": {"null_check": {"equal_to": 0}}},
        ),
        SQLTableCheckOperator(
            task_id="table",
            conn_id="redshift_default",
            table=CHECKED,
            checks={
                "rows": {"check_statement": "count(*) = 3"},
                "each": {"check_statement": "id > 0 and len(name) > 2"},
            },
        ),
    ]
    unload = RedshiftToS3Operator(
        task_id="unload", schema=SCHEMA, table="upsert", s3_bucket="peers", s3_key="airflow/unloaded"
    )
    make >> loads
    loads[2] >> [*checks, unload]
