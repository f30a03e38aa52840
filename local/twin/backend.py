"""One session of the PostgreSQL behind the twin, at the level of protocol messages."""

from __future__ import annotations

import io
import os
import select
import socket
from typing import TYPE_CHECKING

from psycopg import pq
from psycopg.conninfo import make_conninfo

from local.twin import wire
from local.twin.errors import TwinError, in_redshift_words

if TYPE_CHECKING:
    from collections.abc import Iterable

# Redshift's backslashes escape inside '...', its clock is UTC, its default isolation a snapshot.
_OPTIONS = (
    "-c standard_conforming_strings=off -c escape_string_warning=off -c backslash_quote=on -c timezone=UTC "
    "-c default_transaction_isolation=repeatable\\ read -c client_encoding=UTF8 -c datestyle=ISO,MDY "
    "-c client_min_messages=notice -c plan_cache_mode=auto -c jit=off"
)
# Fails wherever it is sent: the way to put an open transaction into its failed state.
_POISON = 'ROLLBACK TO SAVEPOINT "refused by the twin"'

Row = list[str | None]


class BackendGoneError(Exception):
    """PostgreSQL closed the session, or the client did while PostgreSQL worked for it."""


class Backend:
    """A PostgreSQL session: sends and receives messages, and knows its transaction's status."""

    def __init__(self, conninfo: str) -> None:
        ours = make_conninfo(conninfo, options=_OPTIONS, sslmode="disable", gssencmode="disable")
        # libpq signs in (whatever method the server asks for); from then on we speak over its socket.
        self._libpq = pq.PGconn.connect(ours.encode())
        if self._libpq.status != pq.ConnStatus.OK:
            reason = self._libpq.error_message.decode(errors="replace").strip()
            raise TwinError(f"PostgreSQL behind the twin refuses: {reason}", code="08006")
        self.pid = self._libpq.backend_pid
        self._socket = socket.socket(fileno=os.dup(self._libpq.socket))
        self._socket.setblocking(True)  # noqa: FBT003 - the signature is Python's
        self._stream = io.BufferedReader(self._socket.makefile("rb", buffering=0), 1 << 16)
        self.status = b"I"
        self.client: socket.socket | None = None

    def close(self) -> None:
        """End the session; PostgreSQL rolls back what it had not committed."""
        self._stream.close()
        self._socket.close()
        self._libpq.finish()

    def cancel(self) -> None:
        """Ask PostgreSQL to stop the running statement."""
        self._libpq.get_cancel().cancel()

    def send(self, data: bytes) -> None:
        """Send framed messages."""
        try:
            self._socket.sendall(data)
        except OSError as gone:
            raise BackendGoneError from gone

    def receive(self) -> tuple[bytes, bytes]:
        """Return the next message; a client that hangs up meanwhile ends the session."""
        if self.client is not None and not self._stream.peek(0):
            self._watch_client()
        try:
            kind, body = wire.read_message(self._stream)
        except (wire.ClosedError, OSError) as gone:
            raise BackendGoneError from gone
        if kind == b"Z":
            self.status = body
        return kind, body

    def _watch_client(self) -> None:
        watched = [self._socket, *([self.client] if self.client else [])]
        while True:
            readable, _, _ = select.select(watched, [], [])
            if self._socket in readable:
                return
            if self.client is not None and not self.client.recv(1, socket.MSG_PEEK):
                self.cancel()
                raise BackendGoneError
            # The client has sent its next message already: it lives, so stop asking.
            watched = [self._socket]

    def query(self, sql: str) -> list[Row]:
        """Return the rows of a statement of our own, as text; raises `TwinError`."""
        self.send(wire.message(b"Q", wire.text(sql)))
        return self.finish()

    def finish(self) -> list[Row]:
        """Return the rows that arrive until PostgreSQL is ready again; raises its error."""
        rows: list[Row] = []
        failure: TwinError | None = None
        while True:
            kind, body = self.receive()
            if kind == b"D":
                rows.append([None if v is None else v.decode() for v in wire.row_values(body)])
            elif kind == b"E":
                failure = in_redshift_words(wire.error_fields(body))
            elif kind == b"Z":
                break
        if failure is not None:
            raise failure
        return rows

    def copy_in(self, statement: str, chunks: Iterable[bytes]) -> None:
        """Feed chunks of rows to a COPY ... FROM STDIN; an exception of `chunks` fails the COPY."""
        self.send(wire.message(b"Q", wire.text(statement)))
        while (kind_body := self.receive())[0] != b"G":
            if kind_body[0] == b"E":
                self._until_ready()
                raise in_redshift_words(wire.error_fields(kind_body[1]))
        try:
            for chunk in chunks:
                self.send(wire.message(b"d", chunk))
                self._raise_early_failure()
        except TwinError:
            if self.status != b"E":
                self.send(wire.message(b"f", wire.text("stopped by the twin")))
                self._until_ready()
            raise
        self.send(wire.message(b"c"))
        self.finish()

    def _raise_early_failure(self) -> None:
        """Raise PostgreSQL's error when it has already given up on the running COPY."""
        if not select.select([self._socket], [], [], 0)[0]:
            return
        kind, body = self.receive()
        if kind == b"E":
            self._until_ready()
            raise in_redshift_words(wire.error_fields(body))

    def _until_ready(self) -> None:
        while self.receive()[0] != b"Z":
            pass

    def poison(self) -> None:
        """Put an open transaction into its failed state, as an error of PostgreSQL's own would."""
        if self.status == b"T":
            self.send(wire.message(b"Q", wire.text(_POISON)))
            self._until_ready()
