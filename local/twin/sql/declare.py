"""DECLARE and FETCH: Redshift's cursors go forward, within a transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.twin.sql.tokens import Cursor, Kind, Token

if TYPE_CHECKING:
    from collections.abc import Sequence


def check_declare(tokens: Sequence[Token]) -> None:
    """Raise for what Redshift's DECLARE has not: SCROLL, BINARY, WITH HOLD, any statement but a query."""
    cursor = Cursor(tokens)
    cursor.expect_word("declare")
    cursor.expect_name()
    cursor.expect_word("cursor")
    # psycopg2 writes it, and Redshift takes it
    cursor.words("without", "hold")
    cursor.expect_word("for")
    if not cursor.next.is_operator("("):
        cursor.expect_word("select", "with")


def check_fetch(tokens: Sequence[Token]) -> None:
    """Raise for a FETCH that goes anywhere but forward."""
    cursor = Cursor(tokens)
    cursor.expect_word("fetch")
    if not cursor.words("next") and not cursor.words("all"):
        cursor.words("forward")
        if not cursor.words("all") and cursor.next.kind is Kind.NUMBER:
            cursor.take()
    cursor.expect_word("from")
    cursor.expect_name()
    cursor.expect_end()
