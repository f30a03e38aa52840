"""One statement of a client as what the twin does for it: the table of Redshift's statements.

A statement that is not named here is refused: Redshift may know it, but the twin does not.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING

from local.twin.errors import TwinError, not_in_twin, not_supported, syntax_error
from local.twin.load.command import CopyCommand, parse_copy
from local.twin.sql import ddl, settings
from local.twin.sql.expressions import rewrite
from local.twin.sql.navigation import Catalog, rewrite_navigation
from local.twin.sql.refusals import refuse_foreign, refuse_long_varchar
from local.twin.sql.tokens import Cursor, Token, operator, render

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclasses.dataclass(frozen=True)
class Pass:
    """PostgreSQL runs this text and answers the client."""

    sql: str
    ends_transaction: bool = False


@dataclasses.dataclass(frozen=True)
class CreateTable:
    """Make a table, and remember its attributes."""

    definition: ddl.Definition


@dataclasses.dataclass(frozen=True)
class AlterTable:
    """Change a table; a resized column may not be changed inside a transaction."""

    alteration: ddl.Alteration


@dataclasses.dataclass(frozen=True)
class Copy:
    """Load files."""

    command: CopyCommand


@dataclasses.dataclass(frozen=True)
class Truncate:
    """Empty a table and commit, also what came before in the transaction."""

    sql: str


@dataclasses.dataclass(frozen=True)
class Maintain:
    """VACUUM: does nothing here, and may not stand in a transaction."""

    tag: str


Plan = Pass | CreateTable | AlterTable | Copy | Truncate | Maintain

_QUERIES = ("select", "with", "insert", "update", "delete", "declare", "explain", "(")
_PLAIN = (
    "comment",
    "grant",
    "revoke",
    "lock",
    "analyze",
    "fetch",
    "close",
    "execute",
    "deallocate",
    "drop",
    "move",
)
_REDSHIFT_ONLY = ("unload", "merge", "call", "refresh", "use", "cancel", "prepare")
_DROPPED = ("table", "view", "schema", "user", "group", "role", "function", "procedure")


def translate(tokens: Sequence[Token], catalog: Catalog) -> Plan:
    """Return what to do for one statement; raises `TwinError` for what Redshift or the twin refuses."""
    first = tokens[0].value
    if first == "copy":
        return Copy(parse_copy(tokens))
    refuse_foreign(tokens)
    refuse_long_varchar(tokens)
    if first in _QUERIES:
        _refuse_values(tokens)
        return Pass(render(rewrite_navigation(rewrite(tokens), catalog)))
    if first in _STATEMENTS:
        return _STATEMENTS[first](tokens)
    if first in _PLAIN:
        return _plain(tokens)
    if first == "create":
        return _create(tokens, catalog)
    if first == "alter":
        return _alter(tokens)
    if first in _REDSHIFT_ONLY:
        raise not_in_twin(first.upper())
    if first in {
        "do",
        "listen",
        "notify",
        "unlisten",
        "savepoint",
        "release",
        "discard",
        "reindex",
        "cluster",
        "security",
    }:
        raise not_supported(first.upper())
    raise syntax_error(tokens[0].text)


def _refuse_values(tokens: Sequence[Token]) -> None:
    """INSERT ... DEFAULT VALUES and VALUES lists of INSERT are Redshift's; FROM (VALUES ...) is not."""
    for before, token in itertools.pairwise(tokens):
        if token.is_word("values") and before.is_operator("("):
            raise syntax_error(token.text)


def _plain(tokens: Sequence[Token]) -> Plan:
    cursor = Cursor(tokens)
    first = cursor.take().value
    if first == "drop" and not cursor.next.is_word(*_DROPPED):
        raise not_supported(f"DROP {cursor.next.text.upper()}")
    if first == "lock" and any(token.is_word("mode", "nowait") for token in tokens):
        raise syntax_error(next(t.text for t in tokens if t.is_word("in", "nowait")))
    return Pass(render(tokens))


def _create(tokens: Sequence[Token], catalog: Catalog) -> Plan:
    words = [token.value for token in tokens[1:5]]
    if words[:2] == ["or", "replace"]:
        words = words[2:]
    kind = next((word for word in words if word not in {"local", "temp", "temporary"}), "")
    if kind == "table":
        return CreateTable(ddl.create_table(tokens))
    if kind == "view":
        body = rewrite_navigation(rewrite(tokens), catalog)
        if [token.value for token in tokens[-4:]] == ["with", "no", "schema", "binding"]:
            raise not_in_twin("A late-binding view (WITH NO SCHEMA BINDING)")
        return Pass(render(body))
    if kind in {"schema", "user", "group", "role"}:
        return Pass(render(tokens))
    if kind in {
        "external",
        "function",
        "procedure",
        "materialized",
        "library",
        "model",
        "datashare",
        "database",
    }:
        raise not_in_twin(f"CREATE {kind.upper()}")
    raise not_supported(f"CREATE {kind.upper() or tokens[-1].text}")


def _begin(tokens: Sequence[Token]) -> Plan:
    words = [token.value for token in tokens]
    allowed = {
        "begin", "start", "transaction", "work", "isolation", "level", "serializable", "snapshot", "read",
        "uncommitted", "committed", "repeatable", "write", "only", ",",
    }  # fmt: skip
    for token in tokens:
        if token.value not in allowed:
            raise syntax_error(token.text)
    # whatever level is named, Redshift takes the database's
    return Pass("BEGIN READ ONLY" if words[-2:] == ["read", "only"] else "BEGIN")


def _end(tokens: Sequence[Token]) -> Plan:
    for token in tokens[1:]:
        if not token.is_word("transaction", "work"):
            if token.is_word("to"):
                raise not_supported("SAVEPOINT")
            raise syntax_error(token.text)
    return Pass("ROLLBACK" if tokens[0].is_word("rollback", "abort") else "COMMIT", ends_transaction=True)


def _truncate(tokens: Sequence[Token]) -> Plan:
    cursor = Cursor(tokens)
    cursor.take()
    cursor.words("table")
    cursor.qualified_name()
    if not cursor.done:
        raise syntax_error(cursor.next.text)
    return Truncate(render(tokens))


def _vacuum(tokens: Sequence[Token]) -> Plan:
    if len(tokens) > 1 and tokens[1].is_operator("("):
        raise syntax_error("(")
    return Maintain("VACUUM")


_STATEMENTS: dict[str, Callable[[Sequence[Token]], Plan]] = {
    "begin": _begin,
    "start": _begin,
    "commit": _end,
    "end": _end,
    "rollback": _end,
    "abort": _end,
    "truncate": _truncate,
    "vacuum": _vacuum,
    "set": lambda tokens: Pass(settings.set_statement(tokens)),
    "reset": lambda tokens: Pass(settings.set_statement(tokens)),
    "show": lambda tokens: Pass(settings.show_statement(tokens)),
}


def _alter(tokens: Sequence[Token]) -> Plan:
    second = tokens[1] if len(tokens) > 1 else operator("")
    if second.is_word("table"):
        return AlterTable(ddl.alter_table(tokens))
    if second.is_word("schema", "user", "group", "role", "default"):
        return Pass(render(tokens))
    raise not_in_twin(f"ALTER {second.text.upper()}")


def refuse_in_failed_transaction(plan: Plan) -> None:
    """Raise for everything but the end of a transaction in which a statement has failed."""
    if not (isinstance(plan, Pass) and plan.ends_transaction):
        raise TwinError(
            "current transaction is aborted, commands ignored until end of transaction block", code="25P02"
        )
