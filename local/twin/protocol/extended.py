"""The extended protocol: statements prepared, bound and executed, several of them before one Sync."""

from __future__ import annotations

import dataclasses
import struct
from typing import TYPE_CHECKING

from local.twin.errors import TwinError, failed_transaction, not_in_twin, not_supported
from local.twin.protocol import wire
from local.twin.protocol.conversation import Conversation, Prepared
from local.twin.sql.access import UNKNOWN
from local.twin.sql.scanner import tokenize
from local.twin.sql.sources import reads_catalog_only
from local.twin.sql.tokens import Kind, statements
from local.twin.sql.translate import Pass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.twin.sql.tokens import Token

# The types of parameters which clients may name, by their numbers; 0 leaves the type to the statement.
_SCALARS = frozenset(
    [
        0,
        16,
        18,
        19,
        20,
        21,
        23,
        25,
        26,
        700,
        701,
        705,
        1042,
        1043,
        1082,
        1083,
        1114,
        1184,
        1186,
        1266,
        1700,
        4000,
    ]
)
_ARRAYS = frozenset(
    [1000, 1002, 1003, 1005, 1007, 1009, 1014, 1015, 1016, 1021, 1022, 1028, 1115, 1182, 1231]
)
_LACKING = {2935: "HLLSKETCH", 3000: "GEOMETRY", 3001: "GEOGRAPHY", 6551: "VARBYTE"}

# What ends PostgreSQL's answer to each message, errors apart.
_ENDS = {b"P": b"1", b"B": b"2", b"C": b"3"}


def _refuse_types(body: bytes, at: int, tokens: Sequence[Token]) -> None:
    """Raise when the client names a type for a parameter, here in the message, that Redshift lacks."""
    for oid in wire.parameter_types(body, at):
        if oid in _ARRAYS and not reads_catalog_only(tokens):
            raise not_supported("A parameter that is an array")
        if oid in _LACKING:
            raise not_in_twin(f"A parameter of type {_LACKING[oid]}")
        if oid not in _SCALARS | _ARRAYS:
            raise TwinError(f"type with OID {oid} does not exist", code="42704")


class Extended:
    """A session's prepared statements and portals."""

    def __init__(self, talk: Conversation) -> None:
        self._talk = talk
        self._backend = talk.backend
        self._statements: dict[str, Prepared] = {}
        self._portals: dict[str, Prepared] = {}
        self.skipping = False

    def answer(self, kind: bytes, body: bytes) -> None:
        """Answer a message; after an error everything is skipped up to the next Sync."""
        steps = {
            b"P": self._parse,
            b"B": self._bind,
            b"D": self._describe,
            b"E": self._execute,
            b"C": self._close_prepared,
        }
        try:
            steps[kind](body)
        except TwinError as error:
            self._talk.fail(error)
            self.skipping = True

    def sync(self) -> None:
        """End the pipeline: commit its transaction unless something in it has failed."""
        failed, self.skipping = self.skipping, False
        backend = self._backend
        self._talk.send()
        try:
            if not failed and backend.piped and backend.status == b"I" and backend.strikes.awaits_commit:
                backend.begin_implicit()
            # PostgreSQL hears nothing else before this, once it has failed
            backend.send(wire.message(b"S"))
            self._talk.relay(b"Z", Prepared())
            backend.end_implicit()
        except TwinError as error:
            self._talk.send(wire.error(error))
        self.ready()

    def _ask(self, kind: bytes, body: bytes, ends: bytes, prepared: Prepared) -> bool:
        """Hand one message to PostgreSQL and relay its answer; after an error skip to the next Sync."""
        self._backend.piped = self._backend.piped or kind in b"BE"
        self._backend.send(wire.message(kind, body) + wire.message(b"H"))
        self.skipping = not self._talk.relay(ends, prepared)
        return not self.skipping

    def _parse(self, body: bytes) -> None:
        name, at = wire.cut_text(body)
        sql, at = wire.statement_text(body, at)
        found = statements(tokenize(sql))
        if len(found) > 1:
            raise TwinError("cannot insert multiple commands into a prepared statement", code="42601")
        if name and name in self._statements:
            raise TwinError(f'prepared statement "{name}" already exists', code="42P05")
        plan = self._talk.plan(found[0]) if found else Pass("")
        _refuse_types(body, at, found[0] if found else ())
        reach = self._talk.planned if found else UNKNOWN
        if not isinstance(plan, Pass) or plan.controls_transaction:
            if any(token.kind is Kind.PARAMETER for token in found[0]):
                raise not_in_twin(f"A parameter in {found[0][0].text.upper()}")
            self._statements[name] = Prepared(plan, sql=sql, access=reach)
            self._talk.send(wire.message(b"1"))
            return
        # PostgreSQL takes its snapshot here already
        self._talk.isolation.before(reach)
        if self._ask(b"P", wire.text(name) + wire.text(plan.sql) + body[at:], _ENDS[b"P"], Prepared()):
            self._statements[name] = Prepared(sql=sql, access=reach)

    def _bind(self, body: bytes) -> None:
        portal, at = wire.cut_text(body)
        name, at = wire.cut_text(body, at)
        statement = self._statements.get(name)
        if statement is None or statement.plan is None:
            self._talk.isolation.before(statement.access if statement else UNKNOWN)
            if self._ask(b"B", body, _ENDS[b"B"], Prepared()) and statement is not None:
                self._portals[portal] = dataclasses.replace(statement)
            return
        given = wire.parameter_count(body, at)
        if given:
            raise TwinError(
                f'bind message supplies {given} parameters, but prepared statement "{name}" requires 0',
                code=wire.PROTOCOL_VIOLATION,
            )
        self._portals[portal] = statement
        self._talk.send(wire.message(b"2"))

    def _describe(self, body: bytes) -> None:
        name, _ = wire.cut_text(body, 1)
        prepared = (self._statements if body[:1] == b"S" else self._portals).get(name)
        if prepared is None or prepared.plan is None:
            self._ask(b"D", body, b"Tn", prepared or Prepared())
            return
        no_parameters = wire.message(b"t", struct.pack("!H", 0)) if body[:1] == b"S" else b""
        self._talk.send(no_parameters, wire.message(b"n"))

    def _execute(self, body: bytes) -> None:
        name, _ = wire.cut_text(body)
        prepared = self._portals.get(name) or Prepared()
        self._backend.strikes.before(prepared.sql)
        if prepared.plan is None:
            self._ask(b"E", body, b"CIs", prepared)
            return
        ends = isinstance(prepared.plan, Pass) and prepared.plan.ends_transaction
        if self._backend.status == b"E" and not ends:
            raise failed_transaction()
        self._talk.isolation.before(prepared.access)
        # what it does is committed by the Sync, with the rest of the pipeline
        self._backend.keeps_open = True
        try:
            self._talk.run(prepared.plan)
        finally:
            self._backend.keeps_open = False

    def _close_prepared(self, body: bytes) -> None:
        name, _ = wire.cut_text(body, 1)
        known = self._statements if body[:1] == b"S" else self._portals
        prepared = known.pop(name, None)
        if prepared is None or prepared.plan is None:
            self._ask(b"C", body, _ENDS[b"C"], Prepared())
        else:
            self._talk.send(wire.message(b"3"))

    def refuse_call(self) -> None:
        """Answer the call of a function, which is a message of its own."""
        self._talk.fail(not_supported("A function call of the protocol"))
        self.ready()

    def ready(self) -> None:
        """Send the transaction's status; portals end with the transaction."""
        if self._backend.status == b"I":
            self._portals.clear()
        self._talk.ready()

    def deallocates(self, tokens: Sequence[Token]) -> bool:
        """Forget statements that only the twin knows; return whether PostgreSQL knows nothing of it."""
        name = tokens[-1].value
        if name == "all":
            self._statements.clear()
            return False
        known = self._statements.pop(name, None)
        if known is None or known.plan is None:
            return False
        self._talk.complete(wire.complete("DEALLOCATE"))
        return True
