"""A twin that can't start says why in a line, and leaves nothing behind."""

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from local.credentials import Credentials
from local.environment import ROOT, base_environment
from local.ports import Ports
from local.postgres import Postgres
from local.twin.catalog.install import refuse_old
from local.twin.errors import TwinError
from tests.twin.warehouse import PASSWORD


@pytest.fixture
def dsn(stack: Path, ports: Ports) -> str:
    """How a superuser reaches the PostgreSQL behind the twin."""
    return Postgres(stack, ports.postgres, Credentials.kept_in(stack), base_environment(stack)).dsn


def complaint(stack: Path, dsn: str, *options: str, password: str = PASSWORD) -> list[str]:
    """Return the lines that a twin says instead of starting."""
    command = [
        sys.executable, "-m", "local.twin", "--port", "0", "--pg", dsn, "--s3-endpoint", "http://127.0.0.1:1", *options
    ]  # fmt: skip
    environment = {**base_environment(stack), "TWIN_PASSWORD": password}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode in {1, 2}
    assert done.stdout == ""
    return done.stderr.splitlines()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"port": "1"}, "Connection refused"),
        ({"dbname": "nowhere"}, 'database "nowhere" does not exist'),
        ({"user": "nobody"}, 'password authentication failed for user "nobody"'),
        ({"nosuch": "1"}, 'invalid connection option "nosuch"'),
    ],
)
def test_a_postgresql_that_can_not_be_used_is_named(
    stack: Path, dsn: str, changed: dict[str, str], message: str
) -> None:
    """What libpq says is passed on, without a traceback."""
    lines = complaint(stack, " ".join([dsn, *(f"{key}={value}" for key, value in changed.items())]))
    assert lines[0].startswith("local.twin: can't start: ")
    assert any(message in line for line in lines)
    assert not any("Traceback" in line for line in lines)


def test_a_user_who_is_no_superuser_is_refused(stack: Path, dsn: str) -> None:
    """The twin puts functions into pg_catalog, which others may not."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("create role ordinary login password 'x'")
        try:
            lines = complaint(stack, make_conninfo(dsn, user="ordinary", password="x"))
        finally:
            connection.execute("drop role ordinary")
    told = 'PostgreSQL\'s user "ordinary" is no superuser: give the twin one by --pg'
    assert lines == [f"local.twin: can't start: {told}"]


def test_the_clients_user_is_not_postgresqls_own(stack: Path, dsn: str) -> None:
    """Its password would be changed."""
    (line,) = complaint(stack, dsn, "--user", "postgres")
    assert line.endswith("the user \"postgres\" is PostgreSQL's own: give the twin's clients another")


def test_a_password_is_needed(stack: Path, dsn: str) -> None:
    assert complaint(stack, dsn, password="") == [
        "local.twin: set TWIN_PASSWORD to the password that clients must give"
    ]


def test_an_old_postgresql_is_refused() -> None:
    """Debian 12 has PostgreSQL 15, which does not know IS JSON; the newest and the oldest that do are taken."""
    refuse_old(160_000)
    refuse_old(180_001)
    with pytest.raises(TwinError, match="PostgreSQL 15 is too old: the twin needs 16 or newer"):
        refuse_old(150_020)
