"""Put Redshift's functions and system tables into the PostgreSQL database behind the twin."""

from __future__ import annotations

from pathlib import Path

import psycopg

# Any number, as long as every twin takes the same: two that start together install one after the other.
_LOCK = 5_439_080_002


def install(conninfo: str) -> None:
    """Create or replace what the twin needs in its database; running it again changes nothing."""
    scripts = sorted(Path(__file__).parent.glob("*.sql"))
    with psycopg.connect(conninfo) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        # Redshift's system tables live in pg_catalog, where PostgreSQL lets only this setting add some.
        connection.execute("SET LOCAL allow_system_table_mods = on")
        connection.execute("SET LOCAL client_min_messages = warning")
        for script in scripts:
            connection.execute(script.read_bytes())
