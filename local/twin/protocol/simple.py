"""The simple protocol: one message with any number of statements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.twin.errors import TwinError
from local.twin.protocol import wire
from local.twin.protocol.conversation import Conversation, Prepared
from local.twin.sql.scanner import tokenize
from local.twin.sql.tokens import render, statements
from local.twin.sql.translate import Pass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.twin.protocol.extended import Extended
    from local.twin.sql.tokens import Token


class Simple:
    """Answers a session's simple queries."""

    def __init__(self, talk: Conversation, extended: Extended) -> None:
        self._talk = talk
        self._backend = talk.backend
        self._extended = extended

    def answer(self, body: bytes) -> None:
        """Run the statements of a message, up to the first that fails."""
        try:
            sql = wire.query_text(body)
            found = statements(tokenize(sql))
            if not found:
                self._talk.send(wire.message(b"I"))
            # several statements in one message are one transaction, as far as they don't end it themselves
            all(self._statement(tokens, sql, alone=len(found) == 1) for tokens in found)
        except TwinError as error:
            self._talk.fail(error)
        try:
            self._backend.end_implicit()
        except TwinError as error:
            # in place of the last statement's completion
            self._talk.take_back()
            self._talk.fail(error)
        self._extended.ready()

    def _statement(self, tokens: Sequence[Token], sql: str, *, alone: bool) -> bool:
        plan = self._talk.plan(tokens)
        backend = self._backend
        backend.strikes.before(sql if alone else render(tokens))
        self._talk.isolation.before(self._talk.planned)
        if not isinstance(plan, Pass) or plan.controls_transaction:
            if not alone and not isinstance(plan, Pass):
                self._begin_implicit()
            self._talk.run(plan)
            return True
        if tokens[0].is_word("deallocate") and self._extended.deallocates(tokens):
            return True
        if not alone or backend.strikes.awaits_commit:
            self._begin_implicit()
        backend.send(wire.message(b"Q", wire.text(plan.sql)))
        return self._talk.relay(b"Z", Prepared())

    def _begin_implicit(self) -> None:
        if self._backend.status == b"I":
            self._backend.begin_implicit()
