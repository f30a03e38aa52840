"""One session of the PostgreSQL behind the twin, at the level of protocol messages."""

from __future__ import annotations

import io
import os
import select
import socket
import threading
from typing import TYPE_CHECKING

from psycopg import pq
from psycopg.conninfo import make_conninfo

from local.twin.errors import TwinError, cancelled, in_redshift_words
from local.twin.faults import Strikes
from local.twin.protocol import wire
from local.twin.sql.tokens import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typing_extensions import Buffer

# Redshift's backslashes escape inside '...', its clock is UTC, its default isolation a snapshot.
_OPTIONS = (
    "-c standard_conforming_strings=off -c escape_string_warning=off -c backslash_quote=on -c timezone=UTC "
    "-c default_transaction_isolation=repeatable\\ read -c client_encoding=UTF8 -c datestyle=ISO,MDY "
    # digits of floating-point numbers are those that they certainly have
    "-c extra_float_digits=0 "
    "-c client_min_messages=notice -c plan_cache_mode=auto -c jit=off -c deadlock_timeout=100ms "
    # what a client answers to Redshift's MD5 challenge is checked against what CREATE USER stored
    "-c password_encryption=md5"
)
# Fails wherever it is sent: the way to put an open transaction into its failed state.
_POISON = 'ROLLBACK TO SAVEPOINT "refused by the twin"'

# A client that is gone; where poll knows no half-closed connections, one closed wholly.
_HUNG_UP = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR

# The name of the twin's own statement and portal, which no client's has.
_OWN_NAME = wire.text("twin: between the client's statements")

Row = list[str | None]


class BackendGoneError(Exception):
    """PostgreSQL closed the session, or the client did while PostgreSQL worked for it."""


class _Incoming(io.RawIOBase):
    """What PostgreSQL sends, as a stream."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        return self._backend.receive_into(memoryview(buffer))


class Backend:
    """A PostgreSQL session: sends and receives messages, and knows its transaction's status."""

    def __init__(self, conninfo: str, options: str = "") -> None:
        ours = make_conninfo(
            conninfo, options=f"{_OPTIONS} {options}", sslmode="disable", gssencmode="disable"
        )
        # libpq signs in (whatever method the server asks for); from then on we speak over its socket.
        self._libpq = pq.PGconn.connect(ours.encode())
        if self._libpq.status != pq.ConnStatus.OK:
            reason = self._libpq.error_message.decode(errors="replace").strip()
            raise TwinError(f"PostgreSQL behind the twin refuses: {reason}", code="08006")
        self.pid = self._libpq.backend_pid
        self._socket = socket.socket(fileno=os.dup(self._libpq.socket))
        self._socket.setblocking(True)  # noqa: FBT003 - the signature is Python's
        self._stream = io.BufferedReader(_Incoming(self), 1 << 16)
        self.status = b"I"
        # The open transaction is the twin's: it ends with the message or pipeline that began it.
        self.implicit = False
        # PostgreSQL has a transaction open for the running pipeline, which its status does not show.
        self.piped = False
        # While it is set, what `settle` would commit waits for the pipeline's end.
        self.keeps_open = False
        # what PostgreSQL remarked on the twin's own statements, until somebody clears it
        self.notices: list[str] = []
        self.client: socket.socket | None = None
        self.user = ""
        self.super_oid = 0
        self.cancelled = threading.Event()
        self.strikes = Strikes(None, self.cancelled)

    def close(self) -> None:
        """End the session; PostgreSQL rolls back what it had not committed."""
        self._stream.close()
        self._socket.close()
        self._libpq.finish()

    def cancel(self) -> None:
        """Ask PostgreSQL to stop the running statement, and the twin what it does for it."""
        self.cancelled.set()
        self._libpq.get_cancel().cancel()

    def send(self, data: bytes) -> None:
        """Send framed messages."""
        try:
            self._socket.sendall(data)
        except OSError as gone:
            raise BackendGoneError from gone

    def receive(self) -> tuple[bytes, bytes]:
        """Return the next message."""
        try:
            kind, body = wire.read_message(self._stream)
        except (wire.ClosedError, OSError) as gone:
            raise BackendGoneError from gone
        if kind == b"Z":
            self.status, self.piped = body, False
            self.implicit = self.implicit and body != b"I"
        return kind, body

    def receive_into(self, buffer: memoryview) -> int:
        """Receive what PostgreSQL says next; meanwhile a client that hangs up ends the session."""
        watched = select.poll()
        watched.register(self._socket, select.POLLIN)
        if self.client is not None:
            watched.register(self.client, _HUNG_UP)
        ready = [number for number, _ in watched.poll()]
        if self._socket.fileno() not in ready:
            self.cancel()
            raise BackendGoneError
        return self._socket.recv_into(buffer)

    def raise_if_unwanted(self) -> None:
        """Raise when the client has cancelled what runs, or is gone."""
        if self.cancelled.is_set():
            raise cancelled()
        if self.client is not None:
            watched = select.poll()
            watched.register(self.client, _HUNG_UP)
            if watched.poll(0):
                raise BackendGoneError

    def query(self, sql: str) -> list[Row]:
        """Return the rows of a statement of our own, as text; raises `TwinError`."""
        self._join_pipeline()
        self.send(wire.message(b"Q", wire.text(sql)))
        return self._finish()

    def aside(self, sql: str) -> list[Row]:
        """Do as `query` does with one statement, and keep the client's unnamed statement and portal."""
        self._join_pipeline()
        self.send(
            wire.message(b"C", b"S" + _OWN_NAME)
            + wire.message(b"C", b"P" + _OWN_NAME)
            + wire.message(b"P", _OWN_NAME + wire.text(sql) + b"\0\0")
            + wire.message(b"B", _OWN_NAME + _OWN_NAME + b"\0" * 6)
            + wire.message(b"E", _OWN_NAME + b"\0" * 4)
            + wire.message(b"S")
        )
        return self._finish()

    def _join_pipeline(self) -> None:
        """Make a pipeline's transaction the twin's: a statement alone would commit what it has done so far."""
        if self.piped and self.status == b"I":
            self.begin_implicit()

    def query_as_twin(self, sql: str) -> None:
        """Run a statement of our own, within a transaction, with the twin's rights instead of the client's."""
        self.aside("SET SESSION AUTHORIZATION DEFAULT")
        self.aside(sql)
        # after an error the rollback brings the client's user back
        self.aside(f"SET SESSION AUTHORIZATION {quoted([self.user])}")

    def begin_implicit(self) -> None:
        """Begin a transaction which `end_implicit` ends; a pipeline's own goes on as this one."""
        self.piped = False
        self.aside("BEGIN")
        self.implicit = True

    def end_implicit(self) -> None:
        """End the twin's transaction, if one is open: commit it, or roll it back when it has failed."""
        if self.implicit:
            if self.status == b"T":
                self.commit()
            else:
                self.aside("ROLLBACK")

    def settle(self) -> None:
        """Commit what a statement has done in a transaction of its own, or leave that to its pipeline's end."""
        if self.keeps_open:
            self.implicit = True
        else:
            self.commit()

    def commit(self) -> None:
        """Commit the open transaction; after an error of its commit it is rolled back."""
        try:
            self.strikes.around_commit("before_commit")
        except TwinError:
            self.query("ROLLBACK")
            raise
        self.aside("COMMIT")
        self.strikes.around_commit("after_commit")

    def _finish(self) -> list[Row]:
        """Return the rows that arrive until PostgreSQL is ready again; raises its error."""
        rows: list[Row] = []
        failure: TwinError | None = None
        while True:
            kind, body = self.receive()
            if kind == b"D":
                rows.append([None if v is None else v.decode() for v in wire.row_values(body)])
            elif kind == b"E":
                failure = in_redshift_words(wire.error_fields(body))
            elif kind == b"N":
                self.notices.append(wire.error_fields(body).get("M", ""))
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
        rows = 0
        try:
            for chunk in chunks:
                self.raise_if_unwanted()
                self.send(wire.message(b"d", chunk))
                self._raise_early_failure()
                rows += chunk.count(b"\n")
                self.strikes.during_copy(rows)
            self.strikes.during_copy(None)
            self.raise_if_unwanted()
        except TwinError:
            if self.status != b"E":
                self.send(wire.message(b"f", wire.text("stopped by the twin")))
                self._until_ready()
            raise
        self.send(wire.message(b"c"))
        self._finish()

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
        self._join_pipeline()
        if self.status == b"T":
            self.send(wire.message(b"Q", wire.text(_POISON)))
            self._until_ready()
