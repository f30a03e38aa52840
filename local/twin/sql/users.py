"""CREATE, ALTER and DROP of users, groups and roles."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from local.twin.errors import TwinError, not_in_twin, syntax_error
from local.twin.passwords import md5_stored
from local.twin.sql.changes import Change
from local.twin.sql.rights import in_text, prefixed, unquoted, user
from local.twin.sql.settings import set_statement
from local.twin.sql.tokens import Cursor, Kind, literal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from local.twin.sql.tokens import Token

_MD5 = re.compile(r"md5[0-9a-f]{32}")
_FLAGS = {
    "createdb": "CREATEDB",
    "nocreatedb": "NOCREATEDB",
    "createuser": "SUPERUSER",
    "nocreateuser": "NOSUPERUSER",
}


def change_identity(tokens: Sequence[Token]) -> Change:
    """Return the change for CREATE, ALTER or DROP of a user, group or role."""
    cursor = Cursor(tokens)
    verb = cursor.take().value
    kind = cursor.expect_word("user", "group", "role").value
    change = _CHANGES[verb, kind](cursor)
    cursor.expect_end()
    return Change(tuple(change), f"{verb.upper()} {kind.upper()}")


def _group(cursor: Cursor) -> str:
    return prefixed("group", cursor)


def _role(cursor: Cursor) -> str:
    return prefixed("role", cursor)


def _create_user(cursor: Cursor) -> list[str]:
    name = user(cursor)
    cursor.words("with")
    if not any(token.is_word("password") for token in cursor.tokens):
        raise syntax_error(cursor.next.text or "end of input")
    options, groups = _options(cursor, name)
    return [f"CREATE ROLE {name} LOGIN {options}", *(f"GRANT {group} TO {name}" for group in groups)]


def _alter_user(cursor: Cursor) -> list[str]:
    name = user(cursor)
    cursor.words("with")
    if cursor.words("rename", "to"):
        return [f"ALTER ROLE {name} RENAME TO {user(cursor)}"]
    if cursor.next.is_word("set", "reset"):
        statement = set_statement(cursor.tokens[cursor.at :])
        cursor.at = len(cursor.tokens)
        return [f"ALTER ROLE {name} {statement}"]
    if cursor.done:
        raise syntax_error("end of input")
    options, groups = _options(cursor, name)
    if groups:
        raise syntax_error("in")
    return [f"ALTER ROLE {name} {options}"]


def _options(cursor: Cursor, name: str) -> tuple[str, list[str]]:
    """Read a user's options; return PostgreSQL's, and the groups to be joined."""
    options = []
    groups: list[str] = []
    while not cursor.done:
        if cursor.next.is_word(*_FLAGS):
            options.append(_FLAGS[cursor.take().value])
        elif cursor.words("password"):
            options.append(_password(cursor, unquoted(name)))
        elif cursor.words("valid", "until"):
            options.append(f"VALID UNTIL {literal(cursor.expect_string())}")
        elif cursor.words("connection", "limit"):
            options.append(f"CONNECTION LIMIT {_limit(cursor)}")
        elif cursor.words("in", "group"):
            groups += cursor.listed(_group)
        elif cursor.words("syslog", "access"):
            # the system tables of the twin hide nothing from anybody
            cursor.expect_word("restricted", "unrestricted")
        elif cursor.next.is_word("session", "externalid", "reset"):
            raise not_in_twin(f"The option {cursor.next.value.upper()} of a user")
        else:
            raise syntax_error(cursor.next.text)
    return " ".join(options), groups


def _limit(cursor: Cursor) -> int:
    if cursor.words("unlimited"):
        return -1
    if cursor.next.kind is not Kind.NUMBER:
        raise syntax_error(cursor.next.text)
    return int(cursor.take().value)


def _password(cursor: Cursor, name: str) -> str:
    """Read a password; return PostgreSQL's option with the hash that the sign-in compares."""
    if cursor.words("disable"):
        return "PASSWORD NULL"
    word = cursor.expect_string()
    if word.startswith("sha256|"):
        raise not_in_twin("A password as SHA-256 hash")
    if _MD5.fullmatch(word):
        return f"PASSWORD '{word}'"
    _check_password(word)
    return f"PASSWORD '{md5_stored(name, word)}'"


def _check_password(word: str) -> None:
    """Raise for what Redshift refuses (AWS, "CREATE USER")."""
    if not 8 <= len(word) <= 64:  # noqa: PLR2004 - Redshift's bounds
        raise TwinError("password must be 8 to 64 characters long", code="22023")
    kinds = {"an uppercase letter": "[A-Z]", "a lowercase letter": "[a-z]", "a number": "[0-9]"}
    for kind, pattern in kinds.items():
        if not re.search(pattern, word):
            raise TwinError(f"password must contain {kind}", code="22023")
    if not re.fullmatch(r"[!-~]+", word) or set(word) & set("'\"\\/@"):
        raise TwinError("password must not contain a space, ', \", \\, / or @", code="22023")


def _drop_user(cursor: Cursor) -> list[str]:
    there = "IF EXISTS " if cursor.words("if", "exists") else ""
    names = cursor.listed(user)
    checks = [f"SELECT twin.refuse_used('user', {in_text(name)})" for name in names]
    return [*checks, f"DROP ROLE {there}{', '.join(names)}"]


def _create_group(cursor: Cursor) -> list[str]:
    group = _group(cursor)
    statements = [f"CREATE ROLE {group} NOLOGIN"]
    cursor.words("with")
    if cursor.words("user"):
        statements.append(_join(group, cursor))
    return statements


def _join(group: str, cursor: Cursor) -> str:
    return f"GRANT {group} TO {', '.join(cursor.listed(user))}"


def _alter_group(cursor: Cursor) -> list[str]:
    group = _group(cursor)
    if cursor.words("add", "user"):
        return [_join(group, cursor)]
    if cursor.words("drop", "user"):
        return [f"REVOKE {group} FROM {', '.join(cursor.listed(user))}"]
    cursor.expect_words("rename", "to")
    return [f"ALTER ROLE {group} RENAME TO {_group(cursor)}"]


def _drop_group(cursor: Cursor) -> list[str]:
    group = _group(cursor)
    return [f"SELECT twin.refuse_used('group', {in_text(group)})", f"DROP ROLE {group}"]


def _create_role(cursor: Cursor) -> list[str]:
    role = _role(cursor)
    if cursor.next.is_word("externalid"):
        raise not_in_twin("The option EXTERNALID of a role")
    return [f"CREATE ROLE {role} NOLOGIN"]


def _alter_role(cursor: Cursor) -> list[str]:
    role = _role(cursor)
    cursor.words("with")
    if cursor.next.is_word("owner", "externalid"):
        raise not_in_twin(f"ALTER ROLE ... {cursor.next.value.upper()}")
    cursor.expect_words("rename", "to")
    return [f"ALTER ROLE {role} RENAME TO {_role(cursor)}"]


def _drop_role(cursor: Cursor) -> list[str]:
    role = _role(cursor)
    if cursor.words("force"):
        return [f"DROP OWNED BY {role}", f"DROP ROLE {role}"]
    cursor.words("restrict")
    return [f"SELECT twin.refuse_used('role', {in_text(role)})", f"DROP ROLE {role}"]


_CHANGES: dict[tuple[str, str], Callable[[Cursor], list[str]]] = {
    ("create", "user"): _create_user,
    ("alter", "user"): _alter_user,
    ("drop", "user"): _drop_user,
    ("create", "group"): _create_group,
    ("alter", "group"): _alter_group,
    ("drop", "group"): _drop_group,
    ("create", "role"): _create_role,
    ("alter", "role"): _alter_role,
    ("drop", "role"): _drop_role,
}
