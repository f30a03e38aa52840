"""Column types: Redshift's own names and limits, and a hint for all others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log_router.core.column_types import ColumnType, parse
from tests.unit.core.recording import modest


@pytest.mark.parametrize(
    "name",
    [
        "smallint",
        "integer",
        "bigint",
        "real",
        "double precision",
        "boolean",
        "date",
        "timestamp",
        "timestamptz",
        "super",
        "varchar(1)",
        "varchar(65535)",
        "char(4096)",
        "numeric(38,37)",
        "numeric(1,0)",
        "numeric(37,37)",
    ],
)
def test_every_type_reads_back_from_its_ddl(name: str) -> None:
    """The DDL of a type names the same type, and has an encoding for it."""
    assert parse(name).ddl == name
    assert parse(parse(name).ddl) == parse(name)
    assert parse(name).encoding in ("az64", "zstd", "raw")


@modest
@given(st.integers(1, 38), st.data())
def test_every_precision_and_scale_that_fit_are_taken(precision: int, data: st.DataObject) -> None:
    """A scale goes from 0 up to the precision, 37 at most."""
    scale = data.draw(st.integers(0, min(precision, 37)))
    assert parse(f"numeric({precision}, {scale})") == ColumnType("numeric", precision=precision, scale=scale)


def test_case_and_spaces_do_not_matter() -> None:
    """Types are read as SQL reads them."""
    assert parse(" VARCHAR ( 64 ) ").ddl == "varchar(64)"
    assert parse("Numeric(12)").ddl == "numeric(12,0)"


@pytest.mark.parametrize(
    ("written", "remedy"),
    [
        ("varchar", "a length from 1 to 65535 bytes, such as `varchar(64)`"),
        ("varchar(0)", "a length from 1 to 65535 bytes"),
        ("varchar(65536)", "a length from 1 to 65535 bytes"),
        ("varchar(6,2)", "a length from 1 to 65535 bytes"),
        ("char(4097)", "a length from 1 to 4096 bytes, such as `char(64)`"),
        ("numeric", "such as `numeric(12,2)`"),
        ("numeric(50,2)", "a precision from 1 to 38"),
        ("numeric(0,0)", "a precision from 1 to 38"),
        ("numeric(2,3)", "a scale from 0 up to it"),
        ("numeric(38,38)", "37 at most"),
        ("bigint(20)", "`bigint` takes no length; write `bigint`"),
        ("timestamp(6)", "write `timestamp`"),
        ("strnig", "did you mean `varchar(n)`?"),
        ("string", "did you mean `varchar(n)`?"),
        ("text", "did you mean `varchar(n)`?"),
        ("int", "did you mean `integer`?"),
        ("int8", "did you mean `bigint`?"),
        ("decimal(12,2)", "did you mean `numeric(p,s)`?"),
        ("jsonb", "did you mean `super`?"),
        ("timestamp with time zone", "did you mean `timestamptz`?"),
        ("bigit", "did you mean `bigint`?"),
        ("xyzzy", "it is one of smallint, integer, bigint"),
        ("", "it is one of smallint"),
        ("varchar(64", "is not a Redshift column type here"),
        ("varchar(-1)", "is not a Redshift column type here"),
    ],
)
def test_a_wrong_type_is_refused_with_the_remedy(written: str, remedy: str) -> None:
    """The message says what the type should have been."""
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 - the text is compared below
        parse(written)
    assert remedy in str(refusal.value)
