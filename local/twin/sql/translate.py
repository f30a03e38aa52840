"""One statement of a client as what the twin does for it: the table of Redshift's statements.

A statement that is not named here is refused: Redshift may know it, but the twin does not.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING

from local.twin.errors import not_in_twin, not_supported, syntax_error
from local.twin.load.command import CopyCommand, parse_copy
from local.twin.sql import rights, settings, upkeep
from local.twin.sql.alter import alter_table
from local.twin.sql.changes import Change
from local.twin.sql.database import SetIsolation, alter_database
from local.twin.sql.declare import check_declare, check_fetch
from local.twin.sql.refusals import refuse_foreign, refuse_long_types
from local.twin.sql.show import show_objects
from local.twin.sql.sources import resolve
from local.twin.sql.statements import rewrite
from local.twin.sql.tables import create_table
from local.twin.sql.tokens import Cursor, Token, operator, render
from local.twin.sql.users import change_identity
from local.twin.sql.views import create_view

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from local.twin.sql.scope import Catalog


@dataclasses.dataclass(frozen=True)
class Pass:
    """PostgreSQL runs this text and answers the client."""

    sql: str
    ends_transaction: bool = False

    @property
    def controls_transaction(self) -> bool:
        """Whether it begins or ends a transaction."""
        return self.ends_transaction or self.sql.startswith("BEGIN")


@dataclasses.dataclass(frozen=True)
class Copy:
    """Load files."""

    command: CopyCommand


@dataclasses.dataclass(frozen=True)
class Truncate:
    """Empty a table and commit, also what came before in the transaction."""

    sql: str


Plan = Pass | Change | Copy | Truncate | SetIsolation

_QUERIES = ("select", "with", "insert", "update", "delete", "declare", "explain", "(", "merge")
_PLAIN = ("lock", "fetch", "close", "execute", "deallocate")
_REDSHIFT_ONLY = ("unload", "call", "refresh", "use", "cancel", "prepare")
_POSTGRES_ONLY = (
    "do", "move", "prepare", "listen", "notify", "unlisten", "savepoint", "release", "discard", "reindex",
    "cluster", "security",
)  # fmt: skip


def translate(tokens: Sequence[Token], catalog: Catalog) -> Plan:
    """Return what to do for one statement; raises `TwinError` for what Redshift or the twin refuses."""
    first = tokens[0].value
    if first == "copy":
        return Copy(parse_copy(tokens))
    refuse_foreign(tokens)
    refuse_long_types(tokens)
    if first in _QUERIES:
        _refuse_values(tokens)
        if first == "declare":
            check_declare(tokens)
        return Pass(_query(tokens, catalog))
    if first in _STATEMENTS:
        return _STATEMENTS[first](tokens)
    if first in _PLAIN:
        return _plain(tokens)
    if first == "create":
        return _create(tokens, catalog)
    if first == "alter":
        return _alter(tokens)
    if first in _REDSHIFT_ONLY and [token.value for token in tokens[:2]] != ["prepare", "transaction"]:
        raise not_in_twin(first.upper())
    if first in _POSTGRES_ONLY:
        raise not_supported(first.upper())
    raise syntax_error(tokens[0].text)


def _refuse_values(tokens: Sequence[Token]) -> None:
    """INSERT ... DEFAULT VALUES and VALUES lists of INSERT are Redshift's; FROM (VALUES ...) is not."""
    for before, token in itertools.pairwise(tokens):
        if token.is_word("values") and before.is_operator("("):
            raise syntax_error(token.text)


def _plain(tokens: Sequence[Token]) -> Plan:
    if tokens[0].is_word("lock") and any(token.is_word("mode", "nowait") for token in tokens):
        raise syntax_error(next(t.text for t in tokens if t.is_word("in", "mode", "nowait")))
    if tokens[0].is_word("fetch"):
        check_fetch(tokens)
    return Pass(render(tokens))


def _query(tokens: Sequence[Token], catalog: Catalog) -> str:
    """Return a query, or what contains one, in PostgreSQL's words."""
    return render(rewrite(resolve(settings.settings_in_calls(tokens), catalog), catalog))


def _create(tokens: Sequence[Token], catalog: Catalog) -> Plan:
    words = [token.value for token in tokens[1:5]]
    if words[:2] == ["or", "replace"]:
        words = words[2:]
    kind = next((word for word in words if word not in {"local", "temp", "temporary"}), "")
    if kind == "table":
        return create_table(tokens, lambda query: _query(query, catalog))
    if kind == "view":
        return create_view(tokens, lambda query: _query(query, catalog), catalog)
    if kind == "schema":
        return upkeep.create_schema(tokens)
    if kind in _IDENTITIES:
        return change_identity(tokens)
    if kind in _NOT_MADE_HERE:
        raise not_in_twin(f"CREATE {kind.upper()}")
    raise not_supported(f"CREATE {kind.upper() or tokens[-1].text}")


_IDENTITIES = ("user", "group", "role")
_NOT_MADE_HERE = (
    "external", "function", "procedure", "materialized", "library", "model", "datashare", "database", "identity",
    "masking", "rls",
)  # fmt: skip


def _drop(tokens: Sequence[Token]) -> Plan:
    if len(tokens) > 1 and tokens[1].is_word(*_IDENTITIES):
        return change_identity(tokens)
    return upkeep.drop(tokens)


def _show(tokens: Sequence[Token]) -> Plan:
    return Pass(show_objects(tokens) or settings.show_statement(tokens))


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
    cursor.expect_end()
    return Truncate(render(tokens))


_STATEMENTS: dict[str, Callable[[Sequence[Token]], Plan]] = {
    "begin": _begin,
    "start": _begin,
    "commit": _end,
    "end": _end,
    "rollback": _end,
    "abort": _end,
    "truncate": _truncate,
    "vacuum": upkeep.vacuum,
    "analyze": upkeep.analyze,
    "analyse": upkeep.analyze,
    "comment": upkeep.comment,
    "drop": _drop,
    "grant": rights.grant,
    "revoke": rights.grant,
    "set": lambda tokens: Pass(settings.set_statement(tokens)),
    "reset": lambda tokens: Pass(settings.set_statement(tokens)),
    "show": _show,
}


def _alter(tokens: Sequence[Token]) -> Plan:
    second = tokens[1] if len(tokens) > 1 else operator("")
    if second.is_word("table"):
        return alter_table(tokens)
    if second.is_word("schema"):
        return upkeep.alter_schema(tokens)
    if second.is_word(*_IDENTITIES):
        return change_identity(tokens)
    if second.is_word("default"):
        return rights.default_privileges(tokens)
    if second.is_word("database"):
        return alter_database(tokens)
    raise not_in_twin(f"ALTER {second.text.upper()}")
