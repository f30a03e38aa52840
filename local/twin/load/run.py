"""A COPY from beginning to end, on the client's own PostgreSQL session, so that it rolls back with it."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING

from local.twin.errors import TwinError
from local.twin.load.rows import Column, LoadError, Rows, TooManyErrors
from local.twin.sql.tokens import literal, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.twin.backend import Backend
    from local.twin.load.command import CopyCommand
    from local.twin.load.source import Source, SourceFile
    from local.twin.recorder import Recorder

_COLUMNS = """
SELECT c.oid, current_database(), a.attname, twin.type_name(a.atttypid, a.atttypmod), a.attnotnull, a.atthasdef,
    a.attidentity <> ''
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.oid = {}::regclass ORDER BY a.attnum
"""


@dataclasses.dataclass(frozen=True)
class _Target:
    oid: int
    database: str
    columns: list[Column]


@dataclasses.dataclass(frozen=True)
class Loaded:
    """What a COPY did."""

    table: str
    rows: int
    rejected: int


class Load:
    """One COPY of one session; the transaction is the session's business."""

    def __init__(self, backend: Backend, recorder: Recorder, source: Source, command: CopyCommand) -> None:
        self._backend = backend
        self._recorder = recorder
        self._source = source
        self._command = command
        self._lines: list[tuple[str, int]] = []
        self._bytes = 0

    def run(self) -> Loaded:
        """Load everything; raises `TwinError`, after which the transaction must be rolled back."""
        table = quoted(self._command.table)
        # Redshift lets one COPY of a table run at a time; readers are not kept out.
        self._backend.query(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
        target = self._target(table)
        columns = self._chosen(target)
        files = self._source.files(self._command)
        query_id = self._begin()
        started = _now()
        rows = Rows(columns, shred=self._command.shred, max_errors=self._command.max_errors)
        names = quoted_list(columns)
        failure = "the session ended during the load"
        try:
            self._backend.copy_in(f"COPY {table} ({names}) FROM STDIN", self._feed(files, rows))
            self._set("twin_copy_count", rows.loaded)
            failure = ""
        except TwinError as error:
            failure = error.message
            raise
        finally:
            self._record(query_id, target, rows, started, failure)
        return Loaded(self._command.table[-1], rows.loaded, len(rows.errors))

    def _target(self, table: str) -> _Target:
        found = self._backend.query(_COLUMNS.format(literal(table)))
        columns = [
            Column(
                str(r[2]), str(r[3]), not_null=r[4] == "t", has_default=r[5] == "t", is_identity=r[6] == "t"
            )
            for r in found
        ]
        return _Target(int(found[0][0] or 0), str(found[0][1]), columns)

    def _chosen(self, target: _Target) -> list[Column]:
        """Return the columns to load, in the command's order."""
        by_name = {column.name: column for column in target.columns}
        table = self._command.table[-1]
        for name in self._command.columns:
            if name not in by_name:
                raise TwinError(f'column "{name}" of relation "{table}" does not exist', code="42703")
        chosen = [by_name[name] for name in self._command.columns]
        chosen = chosen or [column for column in target.columns if not column.is_identity]
        for column in target.columns:
            if column.not_null and column not in chosen and not (column.has_default or column.is_identity):
                raise TwinError(
                    "NOT NULL column without DEFAULT must be included in column list",
                    detail=f'Column "{column.name}" of table "{table}".',
                )
        if any(column.is_identity for column in chosen):
            raise TwinError("cannot set an identity column to a value without EXPLICIT_IDS", code="42601")
        if not self._command.shred and [column.type for column in chosen] != ["super"]:
            raise TwinError("COPY JSON 'noshred' loads into one SUPER column", code="42601")
        return chosen

    def _begin(self) -> int:
        """Note that loading begins: from here on the session's last COPY is this one, even if it fails."""
        query_id = self._recorder.next_query_id()
        self._set("twin_copy_id", query_id)
        self._set("twin_copy_count", 0)
        return query_id

    def _set(self, name: str, value: int) -> None:
        self._backend.query(f"SELECT setval('pg_temp.{name}', {value})")

    def _feed(self, files: list[SourceFile], rows: Rows) -> Iterator[bytes]:
        try:
            for file in files:
                yield from rows.of_file(file.url, self._counted(file))
                self._lines.append((file.url, rows.lines))
        except TooManyErrors as reached:
            raise TwinError(
                f"Load into table '{self._command.table[-1]}' failed.  "
                "Check 'stl_load_errors' system table for details."
            ) from reached

    def _counted(self, file: SourceFile) -> Iterator[bytes]:
        for chunk in self._source.chunks(file, self._command.compression):
            self._bytes += len(chunk)
            yield chunk

    def _record(
        self,
        query_id: int,
        target: _Target,
        rows: Rows,
        started: dt.datetime,
        failure: str,
    ) -> None:
        table = self._command.table[-1]
        errors: list[LoadError] = rows.errors
        self._recorder.load_errors(query_id, self._backend.pid, (target.oid, table, target.database), errors)
        values = (
            query_id, self._backend.pid, target.database, "failed" if failure else "completed", table, started,
            _now(), self._command.url, 0 if failure else rows.loaded, self._bytes, len(self._lines), len(errors),
            failure,
        )  # fmt: skip
        self._recorder.load_history(values, [] if failure else self._lines)


def quoted_list(columns: list[Column]) -> str:
    """Return the columns' names, quoted, for a column list."""
    return ", ".join(quoted([column.name]) for column in columns)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)
