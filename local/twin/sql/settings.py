"""SET, RESET and SHOW: Redshift's settings, and no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.twin.errors import TwinError, not_in_twin, syntax_error
from local.twin.sql.tokens import Cursor, Kind, Token, literal, quoted, render
from local.twin.sql.words import FIXED_SETTINGS, OWN_SETTINGS, SHARED_SETTINGS

if TYPE_CHECKING:
    from collections.abc import Sequence


def _known(setting: str) -> str:
    """Return PostgreSQL's name for a setting; raises when Redshift has none of that name."""
    if setting in OWN_SETTINGS:
        return f"twin.{setting}"
    if setting in SHARED_SETTINGS:
        return setting
    raise TwinError(f'unrecognized configuration parameter "{setting}"', code="42704")


def set_statement(tokens: Sequence[Token]) -> str:
    """Return PostgreSQL's statement for SET or RESET."""
    cursor = Cursor(tokens)
    if cursor.words("reset"):
        if cursor.words("all"):
            raise not_in_twin("RESET ALL")
        setting = cursor.expect_name()
        return (
            f"SET {_known(setting)} TO {literal(OWN_SETTINGS[setting])}"
            if setting in OWN_SETTINGS
            else f"RESET {_known(setting)}"
        )
    cursor.expect_word("set")
    local = "LOCAL " if cursor.words("local") else ""
    cursor.words("session")
    if cursor.next.is_word("authorization", "characteristics"):
        raise not_in_twin(f"SET SESSION {cursor.next.value.upper()}")
    setting = cursor.expect_name()
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
    if cursor.next.is_word("all", "tables", "schemas", "databases", "columns", "table", "view", "grants"):
        raise not_in_twin(f"SHOW {cursor.next.value.upper()}")
    setting = cursor.expect_name()
    if setting == "server_version":
        return "SELECT '8.0.2'::text AS server_version"
    if setting == "transaction_isolation":
        return "SHOW transaction_isolation"
    known = _known(setting)
    if setting not in OWN_SETTINGS:
        return f"SHOW {known}"
    default = literal(OWN_SETTINGS[setting])
    return f"SELECT coalesce(nullif(current_setting('{known}', true), ''), {default}) AS {quoted([setting])}"
