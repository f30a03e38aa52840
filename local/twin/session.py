"""One client's session: signs it in, then answers its messages in Redshift's manner."""

from __future__ import annotations

import dataclasses
import hmac
import secrets
import struct
from typing import TYPE_CHECKING

from local.twin import wire
from local.twin.backend import Backend, BackendGoneError
from local.twin.errors import TwinError, in_redshift_words
from local.twin.run import Runner
from local.twin.sql.tokens import quoted, statements, tokenize
from local.twin.sql.translate import Pass, Plan, refuse_in_failed_transaction, translate
from local.twin.superjson import compact_row

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from local.twin.server import Twin
    from local.twin.sql.tokens import Token

_STATUS = {
    "server_version": "8.0.2",
    "server_encoding": "UTF8",
    "client_encoding": "UTF8",
    "DateStyle": "ISO, MDY",
    "TimeZone": "UTC",
    "integer_datetimes": "on",
    "is_superuser": "off",
    "server_protocol_version": "0",
}
# What ends PostgreSQL's answer to each message of the extended protocol, errors apart.
_ENDS = {b"P": b"1", b"B": b"2", b"C": b"3"}
_NO_SUPER: frozenset[int] = frozenset()
_SETUP = (
    "CREATE TEMP SEQUENCE twin_copy_id MINVALUE -1 START -1;"
    "CREATE TEMP SEQUENCE twin_copy_count MINVALUE 0 START 0"
)


@dataclasses.dataclass
class _Prepared:
    """A prepared statement or portal: the plan when the twin runs it, its SUPER columns otherwise."""

    plan: Plan | None
    supers: frozenset[int] = _NO_SUPER


class Session:
    """Serves one client until it leaves."""

    def __init__(self, twin: Twin, client: socket.socket) -> None:
        self._twin = twin
        self._socket = client
        self._reader = client.makefile("rb")
        self._writer = client.makefile("wb", buffering=1 << 16)
        self._statements: dict[str, _Prepared] = {}
        self._portals: dict[str, _Prepared] = {}
        self._skipping = False
        self._backend: Backend | None = None
        self.secret = secrets.token_bytes(4)

    @property
    def backend(self) -> Backend:
        """The PostgreSQL session behind this one."""
        if self._backend is None:
            raise BackendGoneError
        return self._backend

    def serve(self) -> None:
        """Answer until the client leaves, then roll back what it left open."""
        try:
            if self._sign_in():
                self._answer()
        except (wire.ClosedError, BackendGoneError, OSError, ValueError):
            # the client or PostgreSQL is gone: there is nobody left to tell
            return
        finally:
            self._twin.forget(self)
            if self._backend is not None:
                self._backend.close()
            self._socket.close()

    def cancel(self) -> None:
        """Stop the statement that runs for this client."""
        if self._backend is not None:
            self._backend.cancel()

    def _send(self, *messages: bytes) -> None:
        for data in messages:
            self._writer.write(data)

    def _sign_in(self) -> bool:
        code, body = wire.read_startup(self._reader)
        while code in {wire.SSL_REQUEST, wire.GSS_REQUEST}:
            self._send(b"N")
            self._writer.flush()
            code, body = wire.read_startup(self._reader)
        if code == wire.CANCEL_REQUEST:
            self._twin.cancel(*struct.unpack("!I4s", body))
            return False
        parameters = wire.startup_parameters(body)
        try:
            _check_protocol(code)
            self._check_password(parameters.get("user", ""))
            self._backend = Backend(self._twin.conninfo)
            self._check_database(parameters.get("database", ""))
            self._backend.query(_SETUP)
        except TwinError as error:
            self._send(wire.error(error, "FATAL"))
            self._writer.flush()
            return False
        self._backend.client = self._socket
        self._twin.remember(self)
        self._welcome(parameters)
        return True

    def _check_password(self, user: str) -> None:
        salt = secrets.token_bytes(4)
        self._send(wire.message(b"R", struct.pack("!I", 5) + salt))
        self._writer.flush()
        kind, body = wire.read_message(self._reader)
        answer = wire.cut_text(body)[0] if kind == b"p" else ""
        expected = wire.md5_answer(user, self._twin.password, salt)
        if user != self._twin.user or not hmac.compare_digest(answer, expected):
            raise TwinError(f'password authentication failed for user "{user}"', code="28000")

    def _check_database(self, database: str) -> None:
        name = self.backend.query("SELECT current_database()")[0][0]
        if database and database != name:
            raise TwinError(f'database "{database}" does not exist', code="3D000")

    def _welcome(self, parameters: dict[str, str]) -> None:
        self._send(wire.message(b"R", struct.pack("!I", 0)))
        status = {**_STATUS, "application_name": parameters.get("application_name", "")}
        self._send(*(wire.parameter_status(name, value) for name, value in status.items()))
        self._send(wire.message(b"K", struct.pack("!I", self.backend.pid) + self.secret), wire.ready(b"I"))
        self._writer.flush()

    def _answer(self) -> None:
        while True:
            kind, body = wire.read_message(self._reader)
            if kind == b"X":
                return
            if kind == b"Q":
                self._simple(wire.cut_text(body)[0])
                self._send(wire.ready(self.backend.status))
            elif kind == b"S":
                self._sync()
            elif kind in b"PBDECF" and not self._skipping:
                self._extended(kind, body)
            if kind in b"QSH":
                self._writer.flush()

    # -- the simple protocol ---------------------------------------------------------------------

    def _simple(self, sql: str) -> None:
        try:
            found = statements(tokenize(sql))
        except TwinError as error:
            self._fail(error)
            return
        if not found:
            self._send(wire.message(b"I"))
            return
        # several statements in one message are one transaction, unless they bring their own
        together = len(found) > 1 and self.backend.status == b"I" and not _controls_transaction(found)
        if together:
            self.backend.query("BEGIN")
        done = all(self._simple_statement(tokens) for tokens in found)
        if together and self.backend.status != b"I":
            self.backend.query("COMMIT" if done else "ROLLBACK")

    def _simple_statement(self, tokens: Sequence[Token]) -> bool:
        try:
            plan = self._plan(tokens)
            if not isinstance(plan, Pass):
                self._run(plan)
                return True
        except TwinError as error:
            self._fail(error)
            return False
        self.backend.send(wire.message(b"Q", wire.text(plan.sql)))
        return self._relay(b"Z", _Prepared(None))

    def _plan(self, tokens: Sequence[Token]) -> Plan:
        failed = self.backend.status == b"E"
        if failed and not tokens[0].is_word("commit", "end", "rollback", "abort"):
            refuse_in_failed_transaction(Pass(""))
        return translate(tokens, self)

    def _run(self, plan: Plan) -> None:
        notes, tag = Runner(self.backend, self._twin.recorder, self._twin.source).run(plan)
        self._send(*(wire.info(note) for note in notes), wire.complete(tag))

    def _fail(self, error: TwinError) -> None:
        self.backend.poison()
        self._send(wire.error(error))

    # -- the extended protocol -------------------------------------------------------------------

    def _extended(self, kind: bytes, body: bytes) -> None:
        steps = {
            b"P": self._parse,
            b"B": self._bind,
            b"D": self._describe,
            b"E": self._execute,
            b"C": self._close,
            b"F": _refuse_function_call,
        }
        try:
            steps[kind](body)
        except TwinError as error:
            self._fail(error)
            self._skipping = True

    def _sync(self) -> None:
        self._skipping = False
        self.backend.send(wire.message(b"S"))
        self._relay(b"Z", _Prepared(None))
        self._send(wire.ready(self.backend.status))

    def _ask(self, kind: bytes, body: bytes, ends: bytes, prepared: _Prepared) -> bool:
        """Hand one message to PostgreSQL and relay its answer; after an error skip to the next Sync."""
        self.backend.send(wire.message(kind, body) + wire.message(b"H"))
        self._skipping = not self._relay(ends, prepared)
        return not self._skipping

    def _parse(self, body: bytes) -> None:
        name, at = wire.cut_text(body)
        sql, at = wire.cut_text(body, at)
        found = statements(tokenize(sql))
        if len(found) > 1:
            raise TwinError("cannot insert multiple commands into a prepared statement", code="42601")
        plan = self._plan(found[0]) if found else Pass("")
        if isinstance(plan, Pass):
            if self._ask(
                b"P", wire.text(name) + wire.text(plan.sql) + body[at:], _ENDS[b"P"], _Prepared(None)
            ):
                self._statements[name] = _Prepared(None)
        else:
            self._statements[name] = _Prepared(plan)
            self._send(wire.message(b"1"))

    def _bind(self, body: bytes) -> None:
        portal, at = wire.cut_text(body)
        name, _ = wire.cut_text(body, at)
        statement = self._statements.get(name)
        if statement is None or statement.plan is None:
            if self._ask(b"B", body, _ENDS[b"B"], _Prepared(None)) and statement is not None:
                self._portals[portal] = dataclasses.replace(statement)
            return
        self._portals[portal] = statement
        self._send(wire.message(b"2"))

    def _describe(self, body: bytes) -> None:
        name, _ = wire.cut_text(body, 1)
        prepared = (self._statements if body[:1] == b"S" else self._portals).get(name)
        if prepared is None or prepared.plan is None:
            self._ask(b"D", body, b"Tn", prepared or _Prepared(None))
            return
        no_parameters = wire.message(b"t", struct.pack("!H", 0)) if body[:1] == b"S" else b""
        self._send(no_parameters, wire.message(b"n"))

    def _execute(self, body: bytes) -> None:
        name, _ = wire.cut_text(body)
        prepared = self._portals.get(name)
        if prepared is None or prepared.plan is None:
            self._ask(b"E", body, b"CIs", prepared or _Prepared(None))
            return
        if self.backend.status == b"E":
            refuse_in_failed_transaction(prepared.plan)
        self._run(prepared.plan)

    def _close(self, body: bytes) -> None:
        name, _ = wire.cut_text(body, 1)
        known = self._statements if body[:1] == b"S" else self._portals
        prepared = known.pop(name, None)
        if prepared is None or prepared.plan is None:
            self._ask(b"C", body, _ENDS[b"C"], _Prepared(None))
        else:
            self._send(wire.message(b"3"))

    def _relay(self, ends: bytes, prepared: _Prepared) -> bool:
        """Send PostgreSQL's answer on, up to a message of these types; return whether it was no error.

        Of a simple query the end is Z, which is left to the caller to send.
        """
        fine = True
        while True:
            kind, body = self.backend.receive()
            if kind == b"Z":
                return fine
            if kind == b"E":
                fine = False
                self._send(wire.error(in_redshift_words(wire.error_fields(body))))
                if ends != b"Z":
                    return fine
                continue
            if kind == b"T":
                body, prepared.supers = wire.super_columns(body)
            elif kind == b"D" and prepared.supers:
                body = compact_row(body, prepared.supers)
            if kind not in b"SA":
                self._send(wire.message(kind, body))
            if kind in ends:
                return fine

    def super_columns(self, table: tuple[str, ...]) -> frozenset[str]:
        """Return the names of a table's SUPER columns; none when there is no such table."""
        name = "E'" + quoted(table).replace("\\", "\\\\").replace("'", "''") + "'"
        rows = self.backend.query(
            f"SELECT attname FROM pg_attribute WHERE attrelid = to_regclass({name})"
            " AND atttypid = 'pg_catalog.super'::regtype AND NOT attisdropped"
        )
        return frozenset(str(row[0]) for row in rows)


def _check_protocol(code: int) -> None:
    if code >> 16 != wire.PROTOCOL_3 >> 16:
        raise TwinError(f"unsupported frontend protocol {code >> 16}.{code & 0xFFFF}", code="0A000")


def _refuse_function_call(_: bytes) -> None:
    raise TwinError("function calls of the protocol are not supported by Amazon Redshift", code="0A000")


def _controls_transaction(found: Sequence[Sequence[Token]]) -> bool:
    words = ("begin", "start", "commit", "end", "rollback", "abort", "truncate", "vacuum")
    return any(tokens[0].is_word(*words) for tokens in found)
