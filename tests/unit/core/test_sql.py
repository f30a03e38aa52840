"""SQL: a value gets into a statement only as what it is."""

import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import TemplateNotFound, UndefinedError

from log_router.core.sql import Statements, ident, literal
from tests.unit.core.recording import modest

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30) | st.text(
    "'\\\"n;-"
)


def unescaped(quoted: str) -> str:
    """Return what Redshift reads in a literal: a backslash escapes, a doubled quote is one."""
    body = re.fullmatch(r"'((?:[^'\\]|\\.|'')*)'", quoted, re.DOTALL)
    assert body is not None
    return re.sub(r"\\(.)|''", lambda match: match[1] or "'", body[1], flags=re.DOTALL)


@modest
@given(texts)
def test_a_literal_stands_for_its_text(text: str) -> None:
    """Quotes and backslashes never end a literal early."""
    assert unescaped(literal(text)) == text


@modest
@given(texts.filter(bool))
def test_an_identifier_stands_for_its_name(name: str) -> None:
    """Double quotes inside are doubled, all else stays."""
    quoted = ident(name)
    assert re.fullmatch(r'"(?:[^"]|"")+"', quoted)
    assert quoted[1:-1].replace('""', '"') == name


@pytest.mark.parametrize(
    ("value", "sql"),
    [
        (None, "NULL"),
        (5, "5"),
        (-5, "-5"),
        (True, "1"),
        (0.125, "0.125"),
        ("", "''"),
        ("it's", "'it''s'"),
        ("a\\'b", "'a\\\\''b'"),
        (datetime(2026, 1, 31, 13, 0, 7, tzinfo=UTC), "TIMESTAMP '2026-01-31 13:00:07'"),
        (
            datetime(2026, 2, 1, 0, 30, 0, 1, timezone(timedelta(hours=1))),
            "TIMESTAMP '2026-01-31 23:30:00.000001'",
        ),
    ],
)
def test_literals_by_example(value: str | float | datetime | None, sql: str) -> None:
    """None is NULL, numbers are bare, text is quoted, a time is one of UTC."""
    assert literal(value) == sql


def test_a_time_of_no_zone_is_refused() -> None:
    """It could mean any hour."""
    with pytest.raises(ValueError, match="has no time zone"):
        literal(datetime.fromisoformat("2026-01-31T13:00:00"))


def test_nul_is_refused() -> None:
    """Redshift takes U+0000 nowhere, and an empty name is none."""
    with pytest.raises(ValueError, match=r"U\+0000"):
        literal("a\0")
    for name in ("a\0", ""):
        with pytest.raises(ValueError, match="is no identifier"):
            ident(name)


@pytest.fixture
def statements(tmp_path: Path) -> Statements:
    """Statements over one file."""
    (tmp_path / "find.sql").write_text("SELECT {{ column | ident }}\nFROM t WHERE x = {{ x | literal }}\n\n")
    (tmp_path / "bare.sql").write_text("SELECT {{ x }}")
    return Statements(tmp_path)


def test_a_statement_is_its_file_with_its_values(statements: Statements) -> None:
    """Rendered by name, without the line end."""
    assert statements.render("find", column="a b", x="<&'") == "SELECT \"a b\"\nFROM t WHERE x = '<&'''"
    assert statements.render("find", column="a", x=None).endswith("x = NULL")


@pytest.mark.parametrize("missing", ["column", "x"])
def test_a_missing_value_is_an_error(statements: Statements, missing: str) -> None:
    """A value that was not handed in never becomes an empty text."""
    values = {"column": "a", "x": 1}
    del values[missing]
    with pytest.raises(UndefinedError, match=missing):
        statements.render("find", **values)
    with pytest.raises(UndefinedError):
        statements.render("bare")


def test_a_bare_none_and_an_unknown_statement_are_errors(statements: Statements) -> None:
    """None must go through the literal filter; a statement must have its file."""
    with pytest.raises(ValueError, match="quote it with the literal filter"):
        statements.render("bare", x=None)
    with pytest.raises(TemplateNotFound):
        statements.render("nothing")
