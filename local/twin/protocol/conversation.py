"""What both protocols share: a signed-in client, its PostgreSQL session, and what is said between them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from local.twin.errors import ACTIVE_TRANSACTION, TwinError, failed_transaction, in_redshift_words
from local.twin.faults import Strikes
from local.twin.isolation import Isolation
from local.twin.lookup import Lookup
from local.twin.protocol import wire
from local.twin.protocol.superjson import compact_row
from local.twin.runner import Runner
from local.twin.sql.access import UNKNOWN, Access, access
from local.twin.sql.translate import Pass, Plan, translate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.twin.backend import Backend
    from local.twin.protocol.signin import Client
    from local.twin.server import Twin
    from local.twin.sql.tokens import Token

_OPEN_CURSOR = "SELECT FROM pg_cursors WHERE statement ILIKE 'declare%' LIMIT 1"
_NO_SUPER: frozenset[int] = frozenset()
# PostgreSQL's warning about the form in which the twin has it keep passwords.
_DEPRECATED = b"C01P01\0"


@dataclasses.dataclass
class Prepared:
    """A prepared statement or portal: the plan when the twin runs it, its SUPER columns otherwise."""

    plan: Plan | None = None
    supers: frozenset[int] = _NO_SUPER
    sql: str = ""
    access: Access = UNKNOWN


class Conversation:
    """Plans and runs statements, and says their outcome to the client."""

    def __init__(self, twin: Twin, client: Client, backend: Backend) -> None:
        self._twin = twin
        self._writer = client.writer
        self._held = b""
        self.backend = backend
        self.isolation = Isolation(backend, twin.transactions)
        self.planned = UNKNOWN
        """What the statement that was planned last does to tables."""
        # a look-up takes the transaction's snapshot, which comes after the statement's lock
        self._lookup = Lookup(backend, lambda: self.isolation.before(self.planned))
        backend.strikes = Strikes(twin.armed, backend.cancelled)

    def send(self, *messages: bytes) -> None:
        """Send messages, at the latest with the next `flush`."""
        for data in (self._held, *messages):
            self._writer.write(data)
        self._held = b""

    def flush(self) -> None:
        """Let the client hear all that was sent."""
        self.send()
        self._writer.flush()

    def complete(self, message: bytes) -> None:
        """Keep a CommandComplete back until something follows it, because a commit may fail yet."""
        self.send()
        self._held = message

    def take_back(self) -> None:
        """Never send the completion that is kept back."""
        self._held = b""

    def ready(self) -> None:
        """Send the transaction's status, which ends the answer to a message or a pipeline."""
        if self.backend.status == b"I":
            self.isolation.forget()
            self.backend.strikes.forget()
        self.send(wire.ready(self.backend.status))

    def plan(self, tokens: Sequence[Token]) -> Plan:
        """Return what to do for a statement; raises `TwinError`, always in a failed transaction."""
        if self.backend.status == b"E" and not tokens[0].is_word("commit", "end", "rollback", "abort"):
            raise failed_transaction()
        self.planned = access(tokens)
        plan = translate(tokens, self._lookup)
        if tokens[0].is_word("declare"):
            self._refuse_cursor()
        return plan

    def _refuse_cursor(self) -> None:
        """Raise where no cursor may be opened."""
        if self.backend.status == b"I":
            raise TwinError("DECLARE CURSOR may only be used in transaction blocks", code="25P01")
        if self.backend.query(_OPEN_CURSOR):
            raise TwinError("only one cursor at a time can be open per session", code="42P03")

    def run(self, plan: Plan) -> None:
        """Run what PostgreSQL alone can't, and say its outcome; raises `TwinError`."""
        if isinstance(plan, Pass):
            self._control(plan)
            return
        together = self.backend.implicit
        try:
            notes, tag = Runner(self.backend, self._twin.recorder, self._twin.source).run(plan)
        except TwinError as error:
            if together and error.code == ACTIVE_TRANSACTION:
                error.message = error.message.replace("a transaction block", "a multiple commands statement")
            raise
        self.isolation.after()
        self.send(*(wire.info(note) for note in notes))
        self.complete(wire.complete(tag))

    def _control(self, plan: Pass) -> None:
        """Begin or end a transaction; in a pipeline, too, its status is then known at once."""
        backend, tag = self.backend, plan.sql.split()[0]
        before = backend.status
        if tag == "BEGIN" and backend.implicit:
            # what came before it in the message belongs to the transaction
            backend.implicit = False
        elif tag == "BEGIN" and before == b"T":
            self.send(wire.warning("there is already a transaction in progress", ACTIVE_TRANSACTION))
        elif tag == "BEGIN":
            backend.query(plan.sql)
            backend.implicit = False
        else:
            if before == b"I" or backend.implicit:
                self.send(wire.warning("there is no transaction in progress", "25P01"))
            if tag == "COMMIT" and before == b"T":
                backend.commit()
            else:
                backend.query(plan.sql)
                tag = "ROLLBACK" if before == b"E" else tag
        self.complete(wire.complete(tag))

    def fail(self, error: TwinError) -> None:
        """Let the transaction fail, and the client hear why."""
        self.backend.poison()
        self.send(wire.error(self.isolation.explained(error)))

    def relay(self, ends: bytes, prepared: Prepared) -> bool:
        """Send PostgreSQL's answer on, up to a message of these types; return whether it was no error.

        Of a simple query the end is Z, which is left to the caller to send.
        """
        fine, spoilt = True, False
        while True:
            kind, body = self.backend.receive()
            if kind in b"Cs" and self._spoilt():
                fine, spoilt = False, True
            elif kind == b"E":
                fine = False
                error = in_redshift_words(wire.error_fields(body))
                self.send(wire.error(self.isolation.explained(error)))
            elif kind not in b"ZSA":
                self._pass_on(kind, body, prepared)
            if kind in ends or kind == b"Z" or not (fine or ends == b"Z"):
                if spoilt:
                    self.backend.poison()
                return fine

    def _pass_on(self, kind: bytes, body: bytes, prepared: Prepared) -> None:
        if kind == b"C":
            self.complete(wire.message(kind, wire.without_count(body)))
            return
        if kind == b"T":
            body, prepared.supers = wire.super_columns(body, self.backend.super_oid)
        elif kind == b"D" and prepared.supers:
            body = compact_row(body, prepared.supers)
        if not (kind == b"N" and _DEPRECATED in body):
            self.send(wire.message(kind, body))

    def _spoilt(self) -> bool:
        """Return whether a statement that went well has made its transaction fail; the client is told so."""
        try:
            self.isolation.after()
        except TwinError as error:
            self.send(wire.error(error))
            return True
        return False
