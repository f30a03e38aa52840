"""SET, RESET and SHOW: Redshift's settings, and no other."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from local.twin.errors import TwinError, not_in_twin, syntax_error
from local.twin.sql.scanner import tokenize
from local.twin.sql.tokens import Cursor, Kind, Token, literal, quoted, render, string
from local.twin.sql.words import FIXED_SETTINGS, OWN_SETTINGS, SHARED_SETTINGS

if TYPE_CHECKING:
    from collections.abc import Sequence


def _known(setting: str) -> str:
    """Return PostgreSQL's name for a setting; raises when Redshift has none of that name."""
    if setting in OWN_SETTINGS:
        return f"twin.{setting}"
    if setting in SHARED_SETTINGS:
        return setting
    if "." in setting and not setting.startswith("twin."):
        # a variable of the client's own
        return setting
    raise TwinError(f'unrecognized configuration parameter "{setting}"', code="42704")


def _name(cursor: Cursor) -> str:
    return ".".join(cursor.qualified_name())


def _shown(setting: str) -> str:
    """Return SQL for a setting's value as text."""
    known = _known(setting)
    if setting not in OWN_SETTINGS:
        return f"current_setting({literal(known)})"
    return f"coalesce(nullif(current_setting('{known}', true), ''), {literal(OWN_SETTINGS[setting])})"


def settings_in_calls(tokens: Sequence[Token]) -> list[Token]:
    """Return a query whose calls of current_setting() and set_config() name PostgreSQL's settings."""
    result: list[Token] = []
    for at, token in enumerate(tokens):
        called = at > 1 and tokens[at - 1].is_operator("(") and tokens[at - 2].is_word(*_CALLS)
        if not called:
            result.append(token)
        elif token.kind is not Kind.STRING:
            raise not_in_twin(f"{tokens[at - 2].value.upper()} of a name that is no literal")
        elif tokens[at - 2].is_word("set_config") and token.value.lower() in FIXED_SETTINGS:
            raise not_in_twin(f"Setting {token.value.lower()}")
        else:
            result.append(string(_known(token.value.lower())))
            if token.value.lower() in OWN_SETTINGS and tokens[at - 2].is_word("current_setting"):
                # one that was never set is not known to PostgreSQL
                result[-3:] = tokenize(f"({_shown(token.value.lower())}")
                if not (at + 1 < len(tokens) and tokens[at + 1].is_operator(")")):
                    raise not_in_twin("CURRENT_SETTING with a second argument")
    return result


_CALLS = ("current_setting", "set_config")


def set_statement(tokens: Sequence[Token]) -> str:
    """Return PostgreSQL's statement for SET or RESET."""
    cursor = Cursor(tokens)
    if cursor.words("reset"):
        if cursor.words("all"):
            return "RESET ALL"
        setting = _name(cursor)
        return (
            f"SET {_known(setting)} TO {literal(OWN_SETTINGS[setting])}"
            if setting in OWN_SETTINGS
            else f"RESET {_known(setting)}"
        )
    cursor.expect_word("set")
    local = "LOCAL " if cursor.words("local") else ""
    cursor.words("session")
    if cursor.words("authorization", "default") and cursor.done:
        # nobody but who signed in can be set
        return "SET ROLE NONE"
    if cursor.words("characteristics", "as", "transaction"):
        if not cursor.words("isolation", "level"):
            raise not_in_twin("SET SESSION CHARACTERISTICS but for the isolation level")
        # whatever level is named, Redshift takes the database's
        return "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE"
    if cursor.next.is_word("authorization", "seed"):
        raise not_in_twin(f"SET {cursor.next.value.upper()}")
    setting = _name(cursor)
    if setting == "transaction":
        return "SET TRANSACTION READ ONLY" if _reads_only(cursor) else "SELECT 1 WHERE false"
    if not cursor.words("to"):
        cursor.expect("=")
    return f"SET {local}{_known(setting)} TO {_value(setting, cursor)}"


def _reads_only(cursor: Cursor) -> bool:
    words = [token.value for token in cursor.tokens[cursor.at :]]
    return words[-2:] == ["read", "only"]


def _value(setting: str, cursor: Cursor) -> str:
    tokens = list(cursor.tokens[cursor.at :])
    if not tokens:
        raise syntax_error("end of input")
    if setting in {"search_path", "datestyle"}:
        return ", ".join(quoted([t.value]) for t in tokens if not t.is_operator(","))
    if len(tokens) > 1 and not tokens[0].is_operator("-"):
        raise syntax_error(tokens[1].text)
    value = "".join(token.value for token in tokens)
    if setting in FIXED_SETTINGS and value not in {
        OWN_SETTINGS[setting],
        "false" if OWN_SETTINGS[setting] == "off" else "true",
        "default",
    }:
        raise not_in_twin(f"SET {setting} TO {value}")
    if tokens[0].is_word("default"):
        return literal(OWN_SETTINGS[setting]) if setting in OWN_SETTINGS else "DEFAULT"
    return render(tokens) if tokens[-1].kind is Kind.NUMBER else literal(value)


def show_statement(tokens: Sequence[Token]) -> str:
    """Return PostgreSQL's statement for SHOW."""
    cursor = Cursor(tokens)
    cursor.expect_word("show")
    if cursor.words("all"):
        rows = (
            f"SELECT '{name}' AS name, {_shown(name)} AS setting"
            for name in sorted({*OWN_SETTINGS, *SHARED_SETTINGS})
        )
        return " UNION ALL ".join(rows) + " ORDER BY name"
    if cursor.words("transaction", "isolation", "level"):
        return "SHOW transaction_isolation"
    setting = _name(cursor)
    if setting == "server_version":
        return "SELECT '8.0.2'::text AS server_version"
    if setting == "transaction_isolation":
        return "SHOW transaction_isolation"
    known = _known(setting)
    if setting not in OWN_SETTINGS:
        return f"SHOW {known}"
    return f"SELECT {_shown(setting)} AS {quoted([setting])}"


def startup_options(text: str) -> str:
    """Return PostgreSQL's options for those of a client's start-up packet: -c name=value, --name=value.

    Settings given so are the session's defaults: RESET goes back to them.
    """
    found = []
    for word in re.findall(r"(?:\\.|[^\s\\])+", re.sub(r"(^|\s)-c\s+", r"\1-c", text)):
        option = word.removeprefix("--").removeprefix("-c")
        name, given, value = option.partition("=")
        if option == word or not given:
            raise TwinError(f"invalid command-line argument for server process: {word}", code="42601")
        if name in FIXED_SETTINGS:
            set_statement(tokenize(f"set {name} to {value}"))
        found.append(f"-c {_known(name)}={value}")
    return " ".join(found)
