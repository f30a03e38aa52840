"""Values: what each column type takes, how it is written, and why others are refused."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log_router.core.bad_values import BadValue
from tests.unit.core.recording import event, modest, shaped

NINES = "9" * 38


def written(column_type: str, text: str, **keys: Any) -> Any:
    """Return what a column gets from a JSON text, numbers as Decimal."""
    return shaped(event({"name": "x", "type": column_type, **keys}), f'{{"x": {text}}}').get("x")


def refused(column_type: str, text: str, **keys: Any) -> BadValue:
    """Return why a column refuses a JSON text."""
    with pytest.raises(BadValue) as refusal:
        written(column_type, text, **keys)
    return refusal.value


@pytest.mark.parametrize(
    ("column_type", "text", "value"),
    [
        ("smallint", "-32768", Decimal(-32768)),
        ("integer", "2147483647", Decimal(2147483647)),
        ("bigint", '"123"', Decimal(123)),
        ("bigint", '"-007"', Decimal(-7)),
        ("bigint", f'"{"0" * 50}1"', Decimal(1)),
        ("bigint", "1e3", Decimal(1000)),
        ("bigint", "5.0", Decimal(5)),
        ("bigint", "0e-999999", Decimal(0)),
        ("bigint", "9007199254740992", Decimal(2**53)),
        ("bigint", "9007199254740993", "9007199254740993"),
        ("bigint", "-9223372036854775808", "-9223372036854775808"),
        ("numeric(5,2)", "0.1", "0.10"),
        ("numeric(5,2)", '"1e2"', "100.00"),
        ("numeric(12,4)", "1.2E+5", "120000.0000"),
        ("numeric(12,4)", "1.20E5", "120000.0000"),
        ("numeric(5,2)", "1.005", "1.01"),
        ("numeric(5,2)", "-1.005", "-1.01"),
        ("numeric(5,2)", "999.994999", "999.99"),
        ("numeric(10,8)", "1e-7", "0.00000010"),
        ("numeric(5,2)", "1e-999999", "0.00"),
        ("numeric(5,2)", "1e-99999999", "0.00"),
        ("numeric(38,0)", NINES, NINES),
        ("numeric(38,0)", f"-{NINES}", f"-{NINES}"),
        ("numeric(38,9)", "99999999999999999999999999999.4", "99999999999999999999999999999.400000000"),
        (
            "numeric(38,18)",
            "12345678901234567890.123456789012345678",
            "12345678901234567890.123456789012345678",
        ),
        ("double precision", "0.1", Decimal("0.1")),
        ("double precision", '"1.5e300"', Decimal("1.5e300")),
        ("double precision", "-0.0", Decimal("-0.0")),
        ("real", "3.4028234e38", Decimal("3.4028234e38")),
        ("boolean", "true", True),
        ("boolean", '"Yes"', True),
        ("boolean", "0", False),
        ("boolean", '"f"', False),
        ("varchar(4)", '"é€"', None),
        ("varchar(5)", '"é€"', "é€"),
        ("varchar(4)", '"😀"', "😀"),
        ("varchar(9)", "12.50", "12.50"),
        ("varchar(9)", "true", "true"),
        ("varchar(9)", '""', ""),
        ("varchar(9)", '"a\\nb\\u2028|"', "a\nb\u2028|"),
        ("varchar(9)", '"\\\\u0000"', "\\u0000"),
        ("char(3)", '"abc"', "abc"),
        ("char(3)", "12", "12"),
        ("super", '"\\\\u0000"', "\\u0000"),
        ("super", '{"a": [1.10, null, {"b": true}]}', {"a": [Decimal("1.10"), None, {"b": True}]}),
        (
            "super",
            "12345678901234567890.123456789012345678",
            Decimal("12345678901234567890.123456789012345678"),
        ),
        ("super", NINES, Decimal(NINES)),
        ("super", "1e300", Decimal("1e300")),
        ("super", f'"{"x" * 65_535}"', "x" * 65_535),
    ],
)
def test_what_a_type_takes(column_type: str, text: str, value: Any) -> None:
    """A value that Redshift takes is written so that no digit and no character is lost."""
    if value is None:
        assert refused(column_type, text).reason == "too_long"
        return
    result = written(column_type, text)
    assert (type(result), str(result)) == (type(value), str(value))


@pytest.mark.parametrize(
    ("column_type", "text", "reason"),
    [
        ("smallint", "32768", "out_of_range"),
        ("integer", "-2147483649", "out_of_range"),
        ("bigint", "9223372036854775808", "out_of_range"),
        ("bigint", '"9999999999999999999999"', "out_of_range"),
        ("bigint", "1e20", "out_of_range"),
        ("bigint", "1e999999", "wrong_type"),
        ("bigint", "1e-999999", "wrong_type"),
        ("bigint", "1.5", "wrong_type"),
        ("bigint", "true", "wrong_type"),
        ("bigint", '"1.0"', "wrong_type"),
        ("bigint", '" 1"', "wrong_type"),
        ("bigint", '"1_000"', "wrong_type"),
        ("bigint", '"٣"', "wrong_type"),
        ("bigint", '""', "wrong_type"),
        ("bigint", "[1]", "wrong_type"),
        ("numeric(5,2)", "1000", "out_of_range"),
        ("numeric(5,2)", "999.995", "out_of_range"),
        ("numeric(5,2)", "1e999999", "out_of_range"),
        ("numeric(5,2)", "-1e99999999", "out_of_range"),
        ("numeric(38,0)", "1e38", "out_of_range"),
        ("numeric(5,2)", '"abc"', "wrong_type"),
        ("numeric(5,2)", '"NaN"', "wrong_type"),
        ("numeric(5,2)", '"Infinity"', "wrong_type"),
        ("numeric(5,2)", "false", "wrong_type"),
        ("numeric(5,2)", "{}", "wrong_type"),
        ("double precision", "1e309", "out_of_range"),
        ("double precision", "1e-400", "out_of_range"),
        ("double precision", "1e-99999999", "out_of_range"),
        ("double precision", '"inf"', "wrong_type"),
        ("real", "1e39", "out_of_range"),
        ("real", "1e-60", "out_of_range"),
        ("boolean", "2", "wrong_type"),
        ("boolean", '"maybe"', "wrong_type"),
        ("boolean", "1.0", "wrong_type"),
        ("varchar(3)", '"abcd"', "too_long"),
        ("varchar(9)", '"a\\u0000"', "nul_character"),
        ("varchar(9)", "{}", "wrong_type"),
        ("varchar(9)", "[]", "wrong_type"),
        ("char(3)", '"abcd"', "too_long"),
        ("char(3)", '"é"', "wrong_type"),
        ("char(3)", '"\\u0000"', "nul_character"),
        ("super", '"\\u0000"', "nul_character"),
        ("super", '[{"a\\u0000": 1}]', "nul_character"),
        ("super", f'"{"x" * 65_536}"', "too_long"),
        ("super", f'{{"a": ["{"é" * 32_768}"]}}', "too_long"),
        ("super", f'{{"{"x" * 65_536}": 1}}', "too_long"),
        ("super", "1e309", "out_of_range"),
        ("super", "[1e999999]", "out_of_range"),
        ("super", "0e99999999999", "out_of_range"),
        ("numeric(5,2)", '"1e99999"', "out_of_range"),
        ("super", f"[{NINES}9]", "out_of_range"),
        ("super", "12345678901234567890.1234567890123456789", "out_of_range"),
    ],
)
def test_what_a_type_refuses(column_type: str, text: str, reason: str) -> None:
    """The reason is one word; the detail names the column and is short."""
    refusal = refused(column_type, text)
    assert refusal.reason == reason
    assert refusal.detail.startswith("x: ")
    assert len(refusal.detail) < 200


@modest
@given(st.decimals(allow_nan=False, allow_infinity=False, places=6), st.integers(1, 38), st.data())
def test_numerics_are_exact(number: Decimal, precision: int, data: st.DataObject) -> None:
    """A number is written as itself, rounded half away from zero, or is out of range; no float is in between."""
    scale = data.draw(st.integers(0, min(precision, 37)))
    step = Decimal(1).scaleb(-scale)
    rounded = number.quantize(step, ROUND_HALF_UP, Context(prec=400))
    column_type = f"numeric({precision},{scale})"
    for text in (f"{number:f}", f'"{number:f}"', str(number)):
        if len(f"{rounded.copy_abs():f}".split(".", maxsplit=1)[0].lstrip("0")) > precision - scale:
            assert refused(column_type, text).reason == "out_of_range"
        else:
            assert written(column_type, text) == f"{rounded:f}"


@modest
@given(st.integers(-(2**70), 2**70))
def test_integers_are_exact(number: int) -> None:
    """An integer, as number or text, is written as itself or is out of range."""
    for column_type, bits in (("smallint", 16), ("integer", 32), ("bigint", 64)):
        for text in (str(number), f'"{number}"', f"{number}.0"):
            if -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
                assert int(written(column_type, text)) == number
            else:
                assert refused(column_type, text).reason == "out_of_range"


@modest
@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12),
    st.integers(1, 30),
)
def test_lengths_are_bytes(text: str, length: int) -> None:
    """A text is written unchanged when its UTF-8 bytes fit, and refused when they don't."""
    quoted = '"' + "".join(f"\\u{unit:04x}" for unit in _utf16(text)) + '"'
    if len(text.encode()) <= length:
        assert written(f"varchar({length})", quoted) == text
    else:
        assert refused(f"varchar({length})", quoted).reason == "too_long"


def _utf16(text: str) -> list[int]:
    data = text.encode("utf-16-be")
    return [int.from_bytes(data[start : start + 2], "big") for start in range(0, len(data), 2)]


zones = st.builds(lambda minutes: timezone(timedelta(minutes=minutes)), st.integers(-14 * 60, 14 * 60))


@modest
@given(st.datetimes(datetime(1000, 1, 2), datetime(9999, 12, 30), timezones=zones))  # noqa: DTZ001 - bounds
def test_moments_are_kept_to_the_microsecond(moment: datetime) -> None:
    """ISO text with any offset, and integers of microseconds, give the same moment in UTC."""
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    since = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    for text, time_format in ((f'"{moment.isoformat()}"', "iso"), (str(since), "epoch_microseconds")):
        assert written("timestamp", text, time_format=time_format) == utc.isoformat(" ")
        assert written("timestamptz", text, time_format=time_format) == utc.isoformat(" ") + "+00"
        assert written("date", text, time_format=time_format) == utc.date().isoformat()
