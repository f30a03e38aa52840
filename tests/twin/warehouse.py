"""How the tests reach the twin and put objects where COPY finds them."""

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import redshift_connector.core

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

USER = "awsuser"
PASSWORD = "Test-Passw0rd"
ROLE = "IAM_ROLE 'arn:aws:iam::123456789012:role/loader'"
FORMAT = f"{ROLE} FORMAT AS JSON 'auto'"


@dataclasses.dataclass(frozen=True)
class Warehouse:
    """The twin, by its port."""

    port: int
    authority: Path = Path()
    """The file by which clients verify the twin's certificate."""
    database: str = "dev"

    def connect(
        self, *, autocommit: bool = True, user: str = USER, password: str = PASSWORD, **more: Any
    ) -> psycopg.Connection[Any]:
        """Return a new session through psycopg."""
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=user, password=password, dbname=self.database,
            autocommit=autocommit, **more,
        )  # fmt: skip

    def redshift(
        self, *, autocommit: bool = False, ssl: bool = False, **more: Any
    ) -> redshift_connector.core.Connection:
        """Return a new session through Amazon's own driver."""
        connection = redshift_connector.connect(
            host="127.0.0.1",
            port=self.port,
            user=USER,
            password=PASSWORD,
            database=self.database,
            ssl=ssl,
            **more,
        )
        connection.autocommit = autocommit
        return connection


@dataclasses.dataclass(frozen=True)
class Bucket:
    """A bucket, and the prefix that belongs to one test."""

    s3: "S3Client"
    name: str
    prefix: str

    def put(self, key: str, body: bytes) -> str:
        """Store an object and return its s3:// address."""
        self.s3.put_object(Bucket=self.name, Key=self.prefix + key, Body=body)
        return self.url(key)

    def url(self, key: str) -> str:
        """Return the s3:// address of a key."""
        return f"s3://{self.name}/{self.prefix}{key}"

    def manifest(self, *entries: dict[str, Any]) -> str:
        """Store a manifest and return its s3:// address."""
        return self.put("load.manifest", json.dumps({"entries": entries}).encode())


def copy(table: str, url: str, options: str = "") -> str:
    """Return a COPY statement of JSON by 'auto'."""
    return f"copy {table} from '{url}' {FORMAT} {options}"


def waits(db: psycopg.Connection[Any]) -> bool:
    """Return whether some session waits for a lock."""
    row = db.execute("select count(*) from pg_locks where not granted").fetchone()
    return row is not None and row[0] > 0


def wait_for_waiter(db: psycopg.Connection[Any]) -> None:
    """Return once some session waits for a lock."""
    assert any(waits(db) for _ in range(5000)), "no session waits for a lock"
