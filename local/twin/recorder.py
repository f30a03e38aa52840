"""What the twin writes beside its clients' sessions, so that no rollback takes it back."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

import psycopg
from psycopg import errors, sql

from local.twin.sql.types import domain_sql

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from local.twin.load.rows import LoadError


class Recorder:
    """A connection of the twin's own, shared by all sessions."""

    def __init__(self, conninfo: str) -> None:
        self._connection = psycopg.connect(conninfo, autocommit=True)
        self._lock = threading.Lock()
        self._domains: set[tuple[str, int]] = set()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def next_query_id(self) -> int:
        """Return a query id that no other query has."""
        with self._lock:
            row = self._connection.execute("SELECT nextval('twin.query_id')").fetchone()
        return int(row[0]) if row else 0

    def make_domains(self, domains: Iterable[tuple[str, int]]) -> None:
        """Make the domains that count the bytes of VARCHAR(n) and CHAR(n), where they are missing."""
        with self._lock:
            for domain in domains:
                if domain in self._domains:
                    continue
                # another twin on this database, or this one before its restart, may have been first
                with contextlib.suppress(errors.DuplicateObject, errors.UniqueViolation):
                    self._connection.execute(domain_sql(*domain).encode())
                self._domains.add(domain)

    def load_errors(
        self, query: int, pid: int, table: tuple[int, str, str], found: Sequence[LoadError]
    ) -> None:
        """Write a COPY's errors where the system tables show them."""
        oid, name, database = table
        statement = sql.SQL(
            "INSERT INTO twin.load_error VALUES (100, 0, %s, statement_timestamp() AT TIME ZONE 'UTC',"
            " %s, %s, %s, %s, %s, %s, %s, 0, %s, %s, %s, %s, %s, %s)"
        )
        rows = [
            (
                oid, pid, query, error.file, error.line, *_column(error), _shown(error.raw_line),
                _shown(error.raw_field), error.code, error.reason, name, database,
            )
            for error in found
        ]  # fmt: skip
        with self._lock, self._connection.cursor() as cursor:
            cursor.executemany(statement, rows)

    def load_history(self, values: Sequence[object], files: Sequence[tuple[str, int]]) -> None:
        """Write a finished COPY, loaded or failed, and the files it read with their lines."""
        marks = sql.SQL(", ").join([sql.Placeholder()] * len(values))
        with self._lock, self._connection.cursor() as cursor:
            cursor.execute(sql.SQL("INSERT INTO twin.load VALUES ({})").format(marks), values)
            cursor.executemany(
                "INSERT INTO twin.load_file VALUES (%s, 0, %s, %s, 0, statement_timestamp() AT TIME ZONE 'UTC',"
                " 'JSON')",
                [(values[0], url, lines) for url, lines in files],
            )


def _column(error: LoadError) -> tuple[str, str, str]:
    """Return a column's name, type and length as stl_load_errors names them."""
    if error.column is None:
        return "", "", ""
    name, _, size = error.column.type.partition("(")
    short = {"character varying": "varchar", "character": "char", "integer": "int4", "bigint": "int8"}
    return error.column.name, short.get(name, name.split()[0]), size.rstrip(")")


def _shown(raw: bytes) -> str:
    return raw.decode(errors="replace").replace("\0", "\ufffd")
