"""Times: the forms that are read, in UTC, and those that are refused."""

import pytest

from log_router.core.bad_values import BadValue
from tests.unit.core.recording import event, shaped


def timestamp(text: str, time_format: str = "iso", column_type: str = "timestamp") -> object:
    """Return what a time column gets from a JSON text."""
    column = {"name": "x", "type": column_type, "time_format": time_format}
    return shaped(event(column), f'{{"x": {text}}}')["x"]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ('"2026-03-01T12:30:00Z"', "2026-03-01 12:30:00"),
        ('"2026-03-01 12:30:00"', "2026-03-01 12:30:00"),
        ('"2026-03-01T12:30:00.5+02:00"', "2026-03-01 10:30:00.500000"),
        ('"2026-03-01T00:30:00.123456789+0100"', "2026-02-28 23:30:00.123456"),
        ('"2026-03-01T12:30:59.9999999Z"', "2026-03-01 12:30:59.999999"),
        ('"2026-03-01"', "2026-03-01 00:00:00"),
        ('"20260301T123000Z"', "2026-03-01 12:30:00"),
        ('"2026-03-01T12:30:00.123456Z"', "2026-03-01 12:30:00.123456"),
        ('"2026-03-01T12:30:00,123456Z"', "2026-03-01 12:30:00.123456"),
        ('"2026-W09-7T12:30:00.123456Z"', "2026-03-01 12:30:00.123456"),
        ('"20260301T123000.123456Z"', "2026-03-01 12:30:00.123456"),
        ('"2012/02/15 00:00:00 -0800"', "2012-02-15 08:00:00"),
        ('"0001-01-01T00:00:00Z"', "0001-01-01 00:00:00"),
        ('"9999-12-31T23:59:59Z"', "9999-12-31 23:59:59"),
        ('"2024-02-29T00:00:00Z"', "2024-02-29 00:00:00"),
    ],
)
def test_iso_times_become_utc(text: str, moment: str) -> None:
    """Offsets are applied; text without one is UTC; finer digits than microseconds are cut."""
    assert timestamp(text) == moment
    assert timestamp(text, column_type="timestamptz") == moment + "+00"
    assert timestamp(text, column_type="date") == moment[:10]


@pytest.mark.parametrize(
    ("text", "time_format", "moment"),
    [
        ("0", "epoch_seconds", "1970-01-01 00:00:00"),
        ("1325376000", "epoch_seconds", "2012-01-01 00:00:00"),
        ('"1325376000.25"', "epoch_seconds", "2012-01-01 00:00:00.250000"),
        ("1325376000123", "epoch_milliseconds", "2012-01-01 00:00:00.123000"),
        ("1325376000123456", "epoch_microseconds", "2012-01-01 00:00:00.123456"),
        ("-1", "epoch_seconds", "1969-12-31 23:59:59"),
        ("1.325376e9", "epoch_seconds", "2012-01-01 00:00:00"),
        ("1e-999999", "epoch_seconds", "1970-01-01 00:00:00"),
        ("1769860799.9999999999999999999999999999999", "epoch_seconds", "2026-01-31 11:59:59.999999"),
        ("253402300799", "epoch_seconds", "9999-12-31 23:59:59"),
    ],
)
def test_epochs_are_counted_in_their_unit(text: str, time_format: str, moment: str) -> None:
    """Seconds, milliseconds or microseconds since 1970, as a number or text, fractions exact."""
    assert timestamp(text, time_format) == moment


@pytest.mark.parametrize(
    ("text", "time_format", "reason"),
    [
        ('"2026-02-30T00:00:00Z"', "iso", "bad_time"),
        ('"2026-03-01T24:30:00Z"', "iso", "bad_time"),
        ('"2026-03-01T23:59:60Z"', "iso", "bad_time"),
        ('"yesterday"', "iso", "bad_time"),
        ('""', "iso", "bad_time"),
        ('"0000-00-00"', "iso", "bad_time"),
        ('"2012/02/15"', "iso", "bad_time"),
        ('"10000-01-01"', "iso", "bad_time"),
        ('"0001-01-01T00:00:00+01:00"', "iso", "out_of_range"),
        ('"9999-12-31T23:59:59-01:00"', "iso", "out_of_range"),
        ("1325376000", "iso", "wrong_type"),
        ("true", "iso", "wrong_type"),
        ("{}", "iso", "wrong_type"),
        ("253402300800", "epoch_seconds", "out_of_range"),
        ("-62135596801", "epoch_seconds", "out_of_range"),
        ("1e999999", "epoch_seconds", "out_of_range"),
        ("-1e99999999", "epoch_microseconds", "out_of_range"),
        ('"2026-03-01"', "epoch_seconds", "wrong_type"),
        ("false", "epoch_seconds", "wrong_type"),
        ("[]", "epoch_milliseconds", "wrong_type"),
    ],
)
def test_what_is_no_time_is_refused(text: str, time_format: str, reason: str) -> None:
    """Days that don't exist, years outside 1 to 9999 in UTC, and values of another kind."""
    for column_type in ("timestamp", "timestamptz", "date"):
        with pytest.raises(BadValue) as refusal:
            timestamp(text, time_format, column_type)
        assert refusal.value.reason == reason
