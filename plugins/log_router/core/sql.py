"""Statements from `include/sql`: one statement a file, values only through quoting filters.

`ident` quotes an identifier, `literal` a text, number or time. Redshift reads a backslash in a plain literal as an
escape, so it is doubled.
"""

from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def ident(name: str) -> str:
    """Return an identifier in double quotes."""
    if not name or "\0" in name:
        raise ValueError(f"{name!r} is no identifier")
    return '"' + name.replace('"', '""') + '"'


def literal(value: str | float | datetime | None) -> str:
    """Return a literal that stands for exactly this value; a time as TIMESTAMP in UTC."""
    if value is None:
        return "NULL"
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        return f"TIMESTAMP '{value.astimezone(UTC).replace(tzinfo=None).isoformat(' ')}'"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        if not isfinite(value):
            raise ValueError(f"{value!r} is no number")
        return repr(value)
    if "\0" in value:
        raise ValueError(f"{value!r} holds U+0000, which Redshift takes in no text")
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


class Statements:
    """The statements of one folder, rendered by file name."""

    def __init__(self, folder: Path) -> None:
        self._environment = Environment(  # noqa: S701 - SQL, not HTML: the filters quote
            loader=FileSystemLoader(folder),
            undefined=StrictUndefined,
            finalize=_only_text,
        )
        self._environment.filters.update(ident=ident, literal=literal)

    def render(self, name: str, **values: Any) -> str:
        """Return the statement of `name`.sql; a value that is missing is an error, never an empty text."""
        return self._environment.get_template(f"{name}.sql").render(values).strip()


def _only_text(value: Any) -> Any:
    if value is None:
        raise ValueError("a value of a statement is None; quote it with the literal filter")
    return value
