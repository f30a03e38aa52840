"""How the tests reach the twin and put objects where COPY finds them."""

import contextlib
import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import redshift_connector.core

from local.environment import ROOT, aws_environment

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Db = psycopg.Connection[Any]
USER = "awsuser"
PASSWORD = "Test-Passw0rd"
ROLE = "IAM_ROLE 'arn:aws:iam::123456789012:role/loader'"
FORMAT = f"{ROLE} FORMAT AS JSON 'auto'"


@contextlib.contextmanager
def running_twin(dsn: str, s3_port: int, environment: dict[str, str], *options: str) -> Iterator[int]:
    """Run a twin over this PostgreSQL and yield its port; told to stop, it must end well."""
    endpoint = f"http://127.0.0.1:{s3_port}"
    command = [
        sys.executable,
        "-m",
        "local.twin",
        "--pg",
        dsn,
        "--s3-endpoint",
        endpoint,
        "--user",
        USER,
        *options,
    ]
    variables = {**environment, **aws_environment(endpoint), "TWIN_PASSWORD": PASSWORD}
    with subprocess.Popen(command, cwd=ROOT, env=variables, stdout=subprocess.PIPE, text=True) as twin:
        assert twin.stdout is not None
        said, _, port = twin.stdout.readline().strip().rpartition(":")
        assert said == "Redshift twin ready on 127.0.0.1"
        try:
            yield int(port)
        finally:
            twin.terminate()
            assert twin.wait(timeout=20) == 0


@dataclasses.dataclass(frozen=True)
class Warehouse:
    """The twin, by its port."""

    port: int
    authority: Path = Path()
    """The file by which clients verify the twin's certificate."""
    database: str = "dev"

    def connect(
        self, *, autocommit: bool = True, user: str = USER, password: str = PASSWORD, **more: Any
    ) -> Db:
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


def waits(db: Db) -> bool:
    """Return whether some session waits for a lock."""
    row = db.execute("select count(*) from pg_locks where not granted").fetchone()
    return row is not None and row[0] > 0


def wait_for_waiter(db: Db) -> None:
    """Return once some session waits for a lock."""
    assert any(waits(db) for _ in range(5000)), "no session waits for a lock"
