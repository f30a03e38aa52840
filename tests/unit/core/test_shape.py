"""Rows: a flat JSON object of the table's columns, within what COPY takes."""

import json
import re
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log_router.core.bad_values import BadValue
from log_router.core.shape import Shaper
from tests.unit.core.recording import decoded, event, json_values, modest, shaped

TYPES = (
    "smallint",
    "integer",
    "bigint",
    "real",
    "double precision",
    "numeric(38,0)",
    "numeric(38,37)",
    "numeric(9,2)",
    "boolean",
    "date",
    "timestamp",
    "timestamptz",
    "varchar(12)",
    "char(5)",
    "super",
)
BITS = {"smallint": 16, "integer": 32, "bigint": 64}
LARGEST = {"real": 3.4028236e38, "double precision": 1.7976931348623157e308}
MOMENT = r"\d{4}-\d\d-\d\d"
TIME = rf"{MOMENT} \d\d:\d\d:\d\d(\.\d{{6}})?"
FORMS = {"date": MOMENT, "timestamp": TIME, "timestamptz": TIME + r"\+00"}
# Text that looks like a value of some type, and numbers at every edge.
awkward = st.sampled_from(
    [
        *("1e9999999", "-1e-9999999", "0e99999", "1e38", "3.5e38", "1e-46", "1e308", "1e-320", "-0.0", "-0"),
        *(
            "9" * 38,
            "9" * 39,
            "9" * 400,
            "0." + "9" * 40,
            "32767.5",
            str(2**63),
            str(-(2**63)),
            str(2**53 + 1),
        ),
        *(
            '"1e9999"',
            '"-.5"',
            '"2026-03-01"',
            '"2012/02/15 00:00:00 -0800"',
            '"\\u0000"',
            '"😀😀😀😀"',
            '"NaN"',
        ),
        *(
            '"2026-03-01T00:00:00-23:59"',
            '"9999-12-31T23:59:59-01"',
            '"true"',
            "true",
            "[[[[]]]]",
            '{"":{"":""}}',
        ),
    ]
)
anything = json_values.map(json.dumps) | awkward


def takes(column_type: str, value: Any) -> bool:
    """Say whether Redshift's COPY takes a JSON value (numbers as Decimal) into a column of that type."""
    name, _, rest = column_type.partition("(")
    sizes = [int(size) for size in re.findall(r"\d+", rest)]
    if name in BITS:
        return -(1 << (BITS[name] - 1)) <= int(value) < 1 << (BITS[name] - 1)
    if name == "numeric":
        return isinstance(value, str) and _fits_numeric(value, *sizes)
    if name in LARGEST:
        return abs(float(value)) <= LARGEST[name]
    if name in FORMS:
        return bool(re.fullmatch(FORMS[name], str(value)))
    if isinstance(value, str) and name in ("varchar", "char"):
        return (
            len(value.encode()) <= sizes[0] and "\0" not in value and (name == "varchar" or value.isascii())
        )
    return name == "super" or isinstance(value, bool)


def _fits_numeric(text: str, precision: int, scale: int) -> bool:
    whole, _, decimals = text.removeprefix("-").partition(".")
    return len(decimals) == scale and len(whole.lstrip("0")) <= precision - scale


@pytest.mark.parametrize("column_type", TYPES)
@modest
@given(text=anything)
def test_what_is_written_is_what_redshift_takes(column_type: str, text: str) -> None:
    """Any JSON value in any column: refused as BadValue, or written in a form and range that COPY takes."""
    formats = ["iso", "epoch_seconds", "epoch_milliseconds", "epoch_microseconds"]
    for time_format in formats if column_type in FORMS else ["iso"]:
        column = {"name": "x", "type": column_type, "time_format": time_format}
        with suppress(BadValue):
            row = shaped(event(column), f'{{"x": {text}}}')
            assert "x" not in row if text == "null" else takes(column_type, row["x"])


@modest
@given(json_values)
def test_super_keeps_everything(value: Any) -> None:
    """What a SUPER column takes is the same JSON value, digit by digit."""
    text = json.dumps(value)
    with suppress(BadValue):
        row = shaped(event({"name": "x", "type": "super"}), f'{{"x": {text}}}')
        assert row.get("x") == json.loads(text, parse_float=Decimal, parse_int=Decimal)


def test_every_row_says_where_it_came_from() -> None:
    """Raw object, line number and batch are in each row; a missing value is left out."""
    row = Shaper(event({"name": "x", "type": "bigint"}), "2026-03-01T12:00Z-ab").row({}, "f" * 32, 41)
    assert json.loads(row) == {"_lr_object": "f" * 32, "_lr_line": 41, "_lr_batch": "2026-03-01T12:00Z-ab"}


def test_values_are_found_at_their_paths() -> None:
    """A column takes the value at its path, also one that is named like a key beside it."""
    made = event(
        {"name": "id", "type": "bigint"},
        {"name": "user", "type": "bigint", "path": "user.id"},
        {"name": "tag", "type": "varchar(9)", "path": "tags[1]"},
        {"name": "host", "type": "varchar(9)", "path": '["id.orig_h"]'},
        {"name": "missing", "type": "bigint", "path": "user.none.id"},
        {"name": "rest", "type": "super", "path": "user"},
    )
    document = {"id": 1, "user": {"id": 2, "none": None}, "tags": ["a", "b"], "id.orig_h": "h", "other": 9}
    row = shaped(made, document)
    assert {name: value for name, value in row.items() if not name.startswith("_lr_")} == {
        "id": 1,
        "user": 2,
        "tag": "b",
        "host": "h",
        "rest": {"id": 2, "none": None},
    }


@pytest.mark.parametrize("document", [{}, {"user": None}, {"user": {"id": None}}, {"user": []}])
def test_a_required_value_must_be_there(document: dict[str, Any]) -> None:
    """Missing and null are the same; the detail names the path."""
    made = event({"name": "x", "type": "bigint", "path": "user.id", "required": True})
    with pytest.raises(BadValue, match="missing_required: x: there is no value at `user.id`"):  # noqa: RUF043
        shaped(made, document)


@pytest.mark.parametrize(("filling", "bytes_each", "strings"), [("x", 1, 69), ("|", 2, 34)])
def test_a_row_has_at_most_four_mebibytes(filling: str, bytes_each: int, strings: int) -> None:
    """The whole row counts, and `|` twice: what fits exactly passes, one character more does not."""
    made = event({"name": "x", "type": "super"}, {"name": "y", "type": "varchar(65535)"})

    def row_of(tail: str) -> bytes:
        document: dict[str, object] = {"x": [filling * 60_000] * strings, "y": tail}
        return Shaper(made, "batch").row(document, "0" * 32, 1)

    shorter = row_of("a")
    room = 4 * 1024 * 1024 - len(shorter) - shorter.count(b"|")
    fits = "a" * (1 + room % bytes_each) + filling * (room // bytes_each)
    row = row_of(fits)
    assert len(row) + row.count(b"|") == 4 * 1024 * 1024
    with pytest.raises(BadValue, match="row_too_large"):
        row_of(fits + "a")


def test_the_row_is_one_line() -> None:
    """Line ends in values are escaped: a part has one row a line."""
    made = event({"name": "x", "type": "varchar(9)"}, {"name": "y", "type": "super"})
    row = Shaper(made, "batch").row(decoded('{"x": "a\\nb\\r", "y": {"\\n": "\\n"}}'), "0" * 32, 1)
    assert b"\n" not in row
    assert b"\r" not in row
