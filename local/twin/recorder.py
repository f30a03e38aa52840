"""What the twin writes beside its clients' sessions, so that no rollback takes it back."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from typing import TYPE_CHECKING

import psycopg
from psycopg import errors, sql

from local.twin.sql.types import domain_sql

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

    from local.twin.load.fields import Column
    from local.twin.load.rows import LoadError, Replacement
    from local.twin.load.source import S3Error


@dataclasses.dataclass(frozen=True, kw_only=True)
class Loading:
    """Which COPY it is, and into which table."""

    query: int
    session: int
    user: int
    table_id: int
    table: str
    database: str


@dataclasses.dataclass(frozen=True)
class FileRead:
    """A file that was read to its end: its lines, its decompressed bytes, and when."""

    url: str
    lines: int
    size: int
    started: dt.datetime
    ended: dt.datetime


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a COPY ended (when it failed `failure` says why), and the files it read."""

    started: dt.datetime
    ended: dt.datetime
    source: str
    file_format: str
    rows: int
    size: int
    refused: int
    failure: str
    files: Sequence[FileRead]


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

    def load_errors(self, load: Loading, errors: Sequence[LoadError]) -> None:
        """Write refused records where the system tables show them."""
        with self._lock, self._connection.cursor() as cursor:
            _insert(cursor, "copy_error", [_error(load, error) for error in errors])
            _insert(cursor, "copy_error_value", _values(load, errors))

    def load(self, load: Loading, outcome: Outcome, replacements: Sequence[Replacement]) -> None:
        """Write a COPY that has ended where the system tables show it."""
        with self._lock, self._connection.cursor() as cursor:
            _insert(cursor, "copy_replacement", _replacements(load, replacements))
            _insert(cursor, "copy_file", _files(load, outcome))
            _insert(cursor, "copy", [_history(load, outcome)])

    def s3_error(self, query: int, session: int, user: int, error: S3Error) -> None:
        """Write what S3 refused a COPY."""
        with self._lock, self._connection.cursor() as cursor:
            row = {
                "userid": user,
                "query": query,
                "pid": session,
                "bucket": error.bucket,
                "key": error.key,
                "error": error.message,
            }
            _insert(cursor, "copy_s3_error", [row])


def _insert(cursor: psycopg.Cursor[object], table: str, rows: Sequence[dict[str, object]]) -> None:
    """Insert rows into a table of the twin's, which dates them itself."""
    if not rows:
        return
    statement = sql.SQL("INSERT INTO twin.{} ({}) VALUES ({})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, rows[0])),
        sql.SQL(", ").join(map(sql.Placeholder, rows[0])),
    )
    cursor.executemany(statement, rows)


def _error(load: Loading, error: LoadError) -> dict[str, object]:
    return {
        "userid": load.user, "tbl": load.table_id, "session": load.session, "query": load.query, "filename": error.file,
        "line_number": error.line, **_column(error.column), "raw_line": _shown(error.raw_line),
        "raw_field_value": _shown(error.raw_field), "err_code": error.code, "err_reason": error.reason,
        "table_name": load.table, "database_name": load.database,
    }  # fmt: skip


def _values(load: Loading, errors: Sequence[LoadError]) -> list[dict[str, object]]:
    return [
        {
            "userid": load.user, "session": load.session, "query": load.query, "filename": error.file,
            "line_number": error.line, "field": number, **_column(value.column), "value": _shown(value.text),
        }
        for error in errors
        for number, value in enumerate(error.values)
    ]  # fmt: skip


def _replacements(load: Loading, replacements: Sequence[Replacement]) -> list[dict[str, object]]:
    return [
        {
            "userid": load.user, "tbl": load.table_id, "session": load.session, "query": load.query,
            "filename": found.file, "line_number": found.line, "colname": found.column.name if found.column else "",
            "raw_line": _shown(found.raw_line),
        }
        for found in replacements
    ]  # fmt: skip


def _files(load: Loading, outcome: Outcome) -> list[dict[str, object]]:
    kind = "JSON" if outcome.file_format == "json" else "Text"
    return [
        {
            "userid": load.user, "query": load.query, "filename": file.url, "lines_scanned": file.lines,
            "bytes_scanned": file.size, "started": file.started, "curtime": file.ended, "file_format": kind,
        }
        for file in outcome.files
    ]  # fmt: skip


def _history(load: Loading, outcome: Outcome) -> dict[str, object]:
    return {
        "userid": load.user, "query": load.query, "session": load.session, "database_name": load.database,
        "status": "aborted" if outcome.failure else "completed", "table_name": load.table,
        "started": outcome.started, "ended": outcome.ended, "data_source": outcome.source,
        "file_format": outcome.file_format, "loaded_rows": outcome.rows, "loaded_bytes": outcome.size,
        "files": len(outcome.files), "errors": outcome.refused, "error_message": outcome.failure,
    }  # fmt: skip


def _column(column: Column | None) -> dict[str, object]:
    """Return a column's name, type and length as stl_load_errors names them."""
    if column is None:
        return {"colname": "", "type": "", "col_length": ""}
    name, _, size = column.type.partition("(")
    short = {
        "character varying": "varchar", "character": "char", "smallint": "int2", "integer": "int4",
        "bigint": "int8", "timestamp without time zone": "timestamp", "timestamp with time zone": "timestamptz",
    }  # fmt: skip
    return {"colname": column.name, "type": short.get(name, name.split()[0]), "col_length": size.rstrip(")")}


def _shown(raw: bytes) -> str:
    return raw.decode(errors="replace").replace("\0", "\ufffd")
