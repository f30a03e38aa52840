"""How the tests reach the twin and put objects where COPY finds them."""

import dataclasses
import json
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

    def connect(self, *, autocommit: bool = True, password: str = PASSWORD) -> psycopg.Connection[Any]:
        """Return a new session through psycopg."""
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=USER, password=password, dbname="dev", autocommit=autocommit,
        )  # fmt: skip

    def redshift(self, *, autocommit: bool = False) -> redshift_connector.core.Connection:
        """Return a new session through Amazon's own driver."""
        connection = redshift_connector.connect(
            host="127.0.0.1", port=self.port, user=USER, password=PASSWORD, database="dev", ssl=False
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
