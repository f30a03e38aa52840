"""Through when everything is complete, and in which hour a raw object stands."""

from datetime import UTC, datetime, timedelta

import pytest

from log_router.core.findings import Finding, Kind, complete_through, hours_of_keys
from log_router.core.windows import HOUR, Hour

HOURS = [Hour(datetime(2026, 1, 31, 22, tzinfo=UTC) + number * HOUR) for number in range(4)]
GRACE = timedelta(minutes=5)


@pytest.mark.parametrize(
    ("wrong", "now", "through"),
    [
        ([], HOURS[3].end + GRACE, HOURS[3]),
        ([], HOURS[3].end + GRACE - timedelta(seconds=1), HOURS[2]),
        ([(Kind.NEVER_LOADED, HOURS[2])], HOURS[3].end + HOUR, HOURS[1]),
        ([(Kind.NEVER_LOADED, HOURS[0])], HOURS[3].end + HOUR, None),
        ([(Kind.GONE, HOURS[0]), (Kind.ROWS_UNKNOWN, None)], HOURS[3].end + HOUR, HOURS[3]),
    ],
)
def test_complete_through(wrong: list[tuple[Kind, Hour | None]], now: datetime, through: Hour | None) -> None:
    """The last hour without a finding, and over, with all before it; notes and findings of no hour don't count."""
    found = [Finding(kind, "", "", hour) for kind, hour in wrong]
    assert complete_through(HOURS, found, now, GRACE) == through


def test_hours_of_keys() -> None:
    """A key belongs to the hour whose prefix it begins with, also where prefixes are of different lengths."""
    prefixes = {"raw/9/": HOURS[0], "raw/10/": HOURS[1]}
    assert hours_of_keys(["raw/9/a", "raw/10/9/a", "raw/1", "raw/11/a"], prefixes) == {
        "raw/9/a": HOURS[0],
        "raw/10/9/a": HOURS[1],
    }
