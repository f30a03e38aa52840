"""Every function that the twin knows is one that it has."""

from typing import Any

import psycopg
import pytest

from local.twin.sql.aggregates import AGGREGATES
from local.twin.sql.calls import CALLS
from local.twin.sql.functions import KNOWN, NOT_IN_TWIN

# Syntax of PostgreSQL's own, without a function of that name.
_SYNTAX = {"cast", "current_date", "grouping", "nullif", "trim", "user"}


def test_every_known_function_is_there(db: psycopg.Connection[Any]) -> None:
    """A function that is named but not made would be refused as one that Redshift lacks."""
    query = (
        b"select proname from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace"
        b" where nspname = 'pg_catalog'"
    )
    made = {row[0] for row in db.execute(query)}
    assert KNOWN - made - {*CALLS, *AGGREGATES} == _SYNTAX


def test_every_rewritten_function_is_known() -> None:
    """A rewriting of a function that is not known would never be reached."""
    assert {*CALLS, *AGGREGATES} <= KNOWN


@pytest.mark.parametrize("function", sorted(NOT_IN_TWIN))
def test_what_the_twin_lacks_says_so(db: psycopg.Connection[Any], function: str) -> None:
    """Redshift has it, so that it must not be refused in Redshift's name."""
    with pytest.raises(psycopg.errors.FeatureNotSupported, match="local Redshift twin"):
        db.execute(f"select {function}('a')".encode())
