"""Put Redshift's functions and system tables into the PostgreSQL database behind the twin."""

from __future__ import annotations

from pathlib import Path

import psycopg
from psycopg import sql

from local.twin.errors import TwinError
from local.twin.passwords import md5_stored

# Any number, as long as every twin takes the same: two that start together install one after the other.
_LOCK = 5_439_080_002
# IS JSON came with PostgreSQL 16.
_OLDEST = 160_000


def install(conninfo: str, user: str, password: str) -> None:
    """Create or replace what the twin needs in its database, the first superuser among it.

    Running it again changes nothing but that user's password.
    """
    scripts = sorted(Path(__file__).parent.glob("*.sql"))
    with psycopg.connect(conninfo) as connection:
        if connection.info.user == user:
            raise TwinError(f"the user \"{user}\" is PostgreSQL's own: give the twin's clients another")
        refuse_old(connection.info.server_version)
        _refuse_ordinary(connection)
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        # Redshift's system tables live in pg_catalog, where PostgreSQL lets only this setting add some.
        connection.execute("SET LOCAL allow_system_table_mods = on")
        connection.execute("SET LOCAL client_min_messages = warning")
        for script in scripts:
            connection.execute(script.read_bytes())
        known = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [user]).fetchone()
        change = sql.SQL(
            "ALTER ROLE {} SUPERUSER LOGIN PASSWORD {}"
            if known is not None
            else "CREATE ROLE {} SUPERUSER LOGIN PASSWORD {}"
        )
        connection.execute(change.format(sql.Identifier(user), sql.Literal(md5_stored(user, password))))


def refuse_old(server_version: int) -> None:
    """Raise TwinError when PostgreSQL's version, as a number such as 150004, is too old for the twin."""
    if server_version < _OLDEST:
        major, wanted = server_version // 10_000, _OLDEST // 10_000
        raise TwinError(f"PostgreSQL {major} is too old: the twin needs {wanted} or newer")


def _refuse_ordinary(connection: psycopg.Connection) -> None:
    name = connection.info.user
    found = connection.execute("SELECT FROM pg_roles WHERE rolname = current_user AND rolsuper").fetchone()
    if found is None:
        raise TwinError(f'PostgreSQL\'s user "{name}" is no superuser: give the twin one by --pg')
