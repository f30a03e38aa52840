"""Users, groups, roles and what they may do.

Redshift has three kinds of names for them; PostgreSQL has roles only. A user is the role of its name, a
group is `group:name`, a role `role:name`, so that the three never meet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.twin.errors import TwinError, not_in_twin, syntax_error
from local.twin.sql.changes import Change
from local.twin.sql.tokens import MAX_NAME_BYTES, Cursor, Kind, literal, quoted, render
from local.twin.sql.words import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.twin.sql.tokens import Token

_ON_TABLES = frozenset(["select", "insert", "update", "delete", "references", "truncate"])
_ON_DATABASES = frozenset(["create", "temporary", "temp"])
_ON_SCHEMAS = frozenset(["create", "usage"])
# Redshift's own, which PostgreSQL ties to ownership.
_NOT_HERE = frozenset(["drop", "alter", "execute", "assumerole", "share", "explain", "ignore"])
_OTHER_OBJECTS = words("function procedure language datashare model external copy library template")


def user(cursor: Cursor) -> str:
    """Read a user's name and return it quoted."""
    if cursor.next.is_word("group", "role", "public"):
        raise syntax_error(cursor.next.text)
    return quoted([cursor.expect_name()])


def prefixed(kind: str, cursor: Cursor) -> str:
    """Read a group's or role's name and return the quoted name of the role behind it."""
    name = f"{kind}:{cursor.expect_name()}"
    if len(name.encode()) > MAX_NAME_BYTES:
        raise not_in_twin(f"A {kind}'s name of more than {MAX_NAME_BYTES - len(kind) - 1} bytes")
    return quoted([name])


def unquoted(role: str) -> str:
    """Return the name that a quoted one stands for."""
    return role[1:-1].replace('""', '"')


def in_text(role: str) -> str:
    """Return a quoted name as SQL's string."""
    return literal(unquoted(role))


def _grantee(cursor: Cursor) -> tuple[str, str]:
    """Read one grantee; return PostgreSQL's role and what may follow it for a user."""
    for kind in ("group", "role"):
        if cursor.words(kind):
            return prefixed(kind, cursor), ""
    if cursor.words("public"):
        return "PUBLIC", ""
    if cursor.next.is_word("iam_role", "namespace", "account", "rls"):
        raise not_in_twin(f"GRANT ... TO {cursor.next.value.upper()}")
    name = user(cursor)
    if cursor.words("with", "grant", "option"):
        return name, " WITH GRANT OPTION"
    if cursor.words("with", "admin", "option"):
        return name, " WITH ADMIN OPTION"
    return name, ""


def _grantees(cursor: Cursor) -> list[tuple[str, str]]:
    found = cursor.listed(_grantee)
    if cursor.next.is_word("with") and not found[-1][1]:
        raise TwinError("grant options can only be granted to individual users", code="0LP01")
    return found


def grant(tokens: Sequence[Token]) -> Change:
    """Return the change for GRANT or REVOKE."""
    cursor = Cursor(tokens)
    verb = cursor.expect_word("grant", "revoke").value.upper()
    option = ""
    if verb == "REVOKE" and (
        cursor.words("grant", "option", "for") or cursor.words("admin", "option", "for")
    ):
        option = render(tokens[1:4]) + " "
    if cursor.next.is_word("role"):
        return _roles(cursor, verb, option)
    what = _privileges_and_object(cursor, verb)
    grantees = _ends(cursor, verb)
    return Change(
        tuple(
            f"{verb} {option}{what} {_PREPOSITION[verb]} {role}{with_option}"
            for role, with_option in grantees
        ),
        verb,
    )


_PREPOSITION = {"GRANT": "TO", "REVOKE": "FROM"}


def _ends(cursor: Cursor, verb: str) -> list[tuple[str, str]]:
    cursor.expect_word(_PREPOSITION[verb].lower())
    grantees = _grantees(cursor)
    if verb == "REVOKE":
        cursor.words("restrict")
    cursor.expect_end()
    return grantees


def _roles(cursor: Cursor, verb: str, option: str) -> Change:
    roles = []
    while cursor.words("role"):
        roles.append(prefixed("role", cursor))
        cursor.operators(",")
    grantees = _ends(cursor, verb)
    statements = []
    for role in roles:
        for member, with_option in grantees:
            if member == "PUBLIC" or member.startswith('"group:'):
                raise TwinError("a role can be granted to users and roles only", code="0A000")
            if verb == "GRANT":
                statements.append(f"SELECT twin.refuse_circle({in_text(role)}, {in_text(member)})")
            statements.append(f"{verb} {option}{role} {_PREPOSITION[verb]} {member}{with_option}")
    return Change(tuple(statements), f"{verb} ROLE")


def _privileges_and_object(cursor: Cursor, verb: str) -> str:
    """Read up to TO or FROM; return privileges and object in PostgreSQL's words."""
    start = cursor.at
    while not cursor.done and not cursor.next.is_word("on", "to", "from"):
        cursor.take()
    privileges = list(cursor.tokens[start : cursor.at])
    if not cursor.words("on"):
        if not privileges or not any(token.is_word("role") for token in cursor.tokens[cursor.at :]):
            raise syntax_error(cursor.next.text)
        raise not_in_twin(f"{verb} of a system privilege ({render(privileges)})")
    if cursor.next.is_word(*_OTHER_OBJECTS):
        raise not_in_twin(f"{verb} ... ON {cursor.next.value.upper()}")
    if cursor.words("database"):
        return _on(privileges, _ON_DATABASES, "DATABASE", cursor)
    if cursor.words("schema"):
        return _on(privileges, _ON_SCHEMAS, "SCHEMA", cursor)
    if cursor.words("all"):
        if cursor.next.is_word("functions", "procedures"):
            raise not_in_twin(f"{verb} ... ON ALL {cursor.next.value.upper()}")
        cursor.expect_words("tables", "in", "schema")
        return _on(privileges, _ON_TABLES, "ALL TABLES IN SCHEMA", cursor)
    cursor.words("table")
    return _on(privileges, _ON_TABLES, "TABLE", cursor)


def _on(privileges: Sequence[Token], allowed: frozenset[str], kind: str, cursor: Cursor) -> str:
    _check_privileges(privileges, allowed)
    names = cursor.listed(Cursor.qualified_name)
    return f"{render(privileges)} ON {kind} {', '.join(map(quoted, names))}"


def _check_privileges(privileges: Sequence[Token], allowed: frozenset[str]) -> None:
    depth = 0
    for token in privileges:
        depth += token.is_operator("(") - token.is_operator(")")
        if depth or token.kind is Kind.OPERATOR:
            continue
        if token.is_word(*_NOT_HERE):
            raise not_in_twin(f"The privilege {token.value.upper()}")
        if not token.is_word("all", "privileges", *allowed):
            raise syntax_error(token.text)
    if not privileges:
        raise syntax_error("on")


def default_privileges(tokens: Sequence[Token]) -> Change:
    """Return the change for ALTER DEFAULT PRIVILEGES."""
    cursor = Cursor(tokens)
    cursor.take()
    cursor.expect_words("default", "privileges")
    head = "ALTER DEFAULT PRIVILEGES"
    if cursor.words("for", "user"):
        head += f" FOR ROLE {', '.join(cursor.listed(user))}"
    if cursor.words("in", "schema"):
        head += f" IN SCHEMA {', '.join(cursor.listed(user))}"
    verb = cursor.expect_word("grant", "revoke").value.upper()
    option = "GRANT OPTION FOR " if verb == "REVOKE" and cursor.words("grant", "option", "for") else ""
    start = cursor.at
    while not cursor.done and not cursor.next.is_word("on"):
        cursor.take()
    privileges = list(cursor.tokens[start : cursor.at])
    cursor.expect_word("on")
    if cursor.next.is_word("functions", "procedures", "schemas"):
        raise not_in_twin(f"ALTER DEFAULT PRIVILEGES ... ON {cursor.next.value.upper()}")
    cursor.expect_word("tables")
    _check_privileges(privileges, _ON_TABLES)
    grantees = _ends(cursor, verb)
    what = f"{head} {verb} {option}{render(privileges)} ON TABLES {_PREPOSITION[verb]}"
    return Change(
        tuple(f"{what} {role}{with_option}" for role, with_option in grantees), "ALTER DEFAULT PRIVILEGES"
    )
