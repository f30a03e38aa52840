"""A COPY from beginning to end, on the client's own PostgreSQL session, so that it rolls back with it."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING

from local.twin.errors import TwinError
from local.twin.load.encodings import as_utf8
from local.twin.load.fields import Rules
from local.twin.load.jsonpaths import read_paths
from local.twin.load.jsonrows import JsonRows, shredder
from local.twin.load.rows import Rows, TooManyErrors
from local.twin.load.source import S3Error
from local.twin.load.target import chosen_columns, read_target
from local.twin.load.textrows import TextRows
from local.twin.recorder import FileRead, Loading, Outcome
from local.twin.sql.tokens import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.twin.backend import Backend
    from local.twin.load.command import CopyCommand
    from local.twin.load.fields import Column
    from local.twin.load.source import Source, SourceFile
    from local.twin.recorder import Recorder

# As many errors wait in memory before they are written.
_ERRORS = 1000


@dataclasses.dataclass(frozen=True)
class Loaded:
    """What a COPY did."""

    table: str
    rows: int
    rejected: int
    replaced: int


class Load:
    """One COPY of one session; the transaction is the session's business."""

    def __init__(self, backend: Backend, recorder: Recorder, source: Source, command: CopyCommand) -> None:
        self._backend = backend
        self._recorder = recorder
        self._source = source
        self._command = command
        self._query_id = recorder.next_query_id()
        self._read: list[FileRead] = []
        self._bytes = 0

    def run(self) -> Loaded:
        """Load everything; raises `TwinError`, after which the transaction must be rolled back."""
        command = self._command
        target = read_target(self._backend, command)
        columns = chosen_columns(target, command)
        try:
            files = self._source.files(command, self._backend.raise_if_unwanted)
            rows = self._rows(columns)
            loading = Loading(
                query=self._query_id,
                session=self._backend.pid,
                user=target.user,
                table_id=target.oid,
                table=command.table[-1],
                database=target.database,
            )
            self._load(files, rows, loading, columns)
        except S3Error as error:
            self._recorder.s3_error(self._query_id, self._backend.pid, target.user, error)
            raise
        loaded = 0 if command.no_load else rows.loaded
        return Loaded(command.table[-1], loaded, rows.refused, rows.replaced)

    def _rows(self, columns: list[Column]) -> Rows:
        command, rules = self._command, Rules.of(self._command)
        if not command.json:
            return TextRows(columns, rules, command)
        paths, how = None, command.json
        if how.startswith("s3://"):
            paths = read_paths(how, self._source.whole(how), len(columns))
            # a file without "jsonpaths" means 'auto'
            how = "auto"
        return JsonRows(
            columns,
            rules,
            command.error_limit,
            shred=shredder(how, columns, paths),
            ignore_header=command.ignore_header,
        )

    def _load(self, files: list[SourceFile], rows: Rows, loading: Loading, columns: list[Column]) -> None:
        before = self._note_begin()
        started = _now()
        failure = "the session ended during the load"
        try:
            batches = self._feed(files, rows, loading)
            if self._command.no_load:
                for _ in batches:
                    self._backend.raise_if_unwanted()
                    self._backend.strikes.during_copy(rows.loaded)
                self._backend.strikes.during_copy(None)
            else:
                names = ", ".join(quoted([column.name]) for column in columns)
                table = quoted(self._command.table)
                self._backend.copy_in(f"COPY {table} ({names}) FROM STDIN", batches)
            self._note_end(before, 0 if self._command.no_load else rows.loaded)
            failure = ""
        except TwinError as error:
            failure = error.message
            raise
        finally:
            self._recorder.load_errors(loading, rows.take_errors())
            self._recorder.load(loading, self._outcome(rows, started, failure), rows.replacements)

    def _note_begin(self) -> int:
        """Note that loading begins: if it fails the session's last COPY is this one, without rows.

        A sequence keeps that, because what is set in a transaction is gone after its rollback.
        """
        before = self._backend.query("SELECT last_value FROM pg_temp.twin_copy_id")[0][0]
        self._backend.query(f"SELECT setval('pg_temp.twin_copy_id', {self._query_id})")
        return int(before or 0)

    def _note_end(self, before: int, loaded: int) -> None:
        """Note a load that succeeded, until its transaction is rolled back."""
        self._backend.query(
            f"SELECT setval('pg_temp.twin_copy_id', {before}),"
            f" set_config('twin.copy_id', '{self._query_id}', false),"
            f" set_config('twin.copy_count', '{loaded}', false)"
        )

    def _feed(self, files: list[SourceFile], rows: Rows, loading: Loading) -> Iterator[bytes]:
        try:
            for file in files:
                started, before = _now(), self._bytes
                chunks = as_utf8(self._counted(file), self._command.encoding, file.url)
                for batch in rows.of_file(file.url, chunks):
                    if len(rows.errors) >= _ERRORS:
                        self._recorder.load_errors(loading, rows.take_errors())
                    left = self._backend.strikes.left_of(batch)
                    rows.loaded -= batch.count(b"\n") - left.count(b"\n")
                    yield left
                self._read.append(FileRead(file.url, rows.lines, self._bytes - before, started, _now()))
        except TooManyErrors as reached:
            raise TwinError(
                f"Load into table '{self._command.table[-1]}' failed.  "
                "Check 'stl_load_errors' system table for details."
            ) from reached

    def _counted(self, file: SourceFile) -> Iterator[bytes]:
        for chunk in self._source.chunks(file, self._command.compression):
            self._bytes += len(chunk)
            yield chunk

    def _outcome(self, rows: Rows, started: dt.datetime, failure: str) -> Outcome:
        return Outcome(
            started=started,
            ended=_now(),
            source=self._command.url,
            file_format=self._command.format,
            rows=0 if failure or self._command.no_load else rows.loaded,
            size=self._bytes,
            refused=rows.refused,
            failure=failure,
            files=[] if failure else self._read,
        )


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)
