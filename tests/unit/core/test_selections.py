"""What a reload is asked to take: whole hours, names, events that are known; anything else is refused."""

from datetime import UTC, datetime
from typing import Any

import pytest

from log_router.core.errors import WindowError
from log_router.core.selections import Selection, selection_of
from log_router.core.windows import Hour
from tests.unit.core.recording import catalog, event

KNOWN = catalog(*(event({"name": "id", "type": "bigint"}, name=name) for name in ("clicked", "viewed")))
NOW = datetime(2026, 2, 1, 3, 30, tzinfo=UTC)
EMPTY: dict[str, Any] = {"from": None, "to": None, "objects": None, "quarantined": None, "events": None}
ONE_HOUR = {"from": "2026-01-31T23:00:00Z", "to": "2026-02-01T02:00:00+01:00"}


def test_a_range_is_its_whole_hours() -> None:
    """`to` is not included, also over the end of a month and with offsets; nothing else is asked for."""
    (hours, *rest) = vars(
        selection_of({**EMPTY, **ONE_HOUR, "to": "2026-02-01T02:00:00Z"}, KNOWN, NOW)
    ).values()
    assert hours == tuple(
        Hour(datetime(2026, month, day, hour, tzinfo=UTC))
        for month, day, hour in ((1, 31, 23), (2, 1, 0), (2, 1, 1))
    )
    assert rest == [(), "", ()]
    assert len(selection_of(ONE_HOUR, KNOWN, NOW).hours) == 2


def test_the_hour_that_is_not_over_can_be_loaded_anew() -> None:
    """The stream has loaded what has come of it."""
    running = {"from": "2026-02-01T03:00:00Z", "to": "2026-02-01T04:00:00Z"}
    assert len(selection_of({**EMPTY, **running}, KNOWN, NOW).hours) == 1


def test_all_can_be_asked_for_at_once() -> None:
    """A range, names, quarantined lines of an event, and which events are replaced."""
    params = {**ONE_HOUR, "objects": ["f" * 32, "s3://raw/x"], "quarantined": "viewed", "events": ["clicked"]}
    assert selection_of(params, KNOWN, NOW) == Selection(
        selection_of(ONE_HOUR, KNOWN, NOW).hours, ("f" * 32, "s3://raw/x"), "viewed", ("clicked",)
    )


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({}, "no raw object is selected: give `from` and `to`, such as"),
        ({"objects": [], "events": ["clicked"]}, "no raw object is selected"),
        ({"from": ONE_HOUR["from"]}, "`from` and `to` go together"),
        ({"to": ONE_HOUR["to"], "objects": ["x"]}, "`from` and `to` go together"),
        ({"from": "2026-01-31T13:00:00Z", "to": "2026-01-31T13:00:00Z"}, "must come after `from`"),
        ({"from": "2026-01-31T13:00:00Z", "to": "2026-01-31T12:00:00Z"}, "must come after `from`"),
        (
            {"from": "2026-01-31T13:30:00Z", "to": "2026-01-31T14:00:00Z"},
            "from: `2026-01-31T13:30:00Z` is not a whole",
        ),
        ({"from": "2026-01-31T13:00:00Z", "to": "soon"}, "to: `soon` is not a time"),
        (
            {**ONE_HOUR, "to": "2026-02-01T05:00:00Z"},
            "has not come yet; write 2026-02-01T04:00:00Z at the latest",
        ),
        ({"from": "2026-02-01T04:00:00Z", "to": "2026-02-01T05:00:00Z"}, "the range lies in the future"),
        (
            {"quarantined": "Viewed"},
            "quarantined: there is no event `Viewed`; did you mean `viewed`? Known are clicked,",
        ),
        (
            {**ONE_HOUR, "events": ["x", "clicked", "y"]},
            "events: there is no event `x`, `y`. Known are clicked, viewed",
        ),
    ],
)
def test_what_can_not_be_meant_is_refused(params: dict[str, Any], said: str) -> None:
    """An empty selection, half a range, hours that are none or to come, and unknown events, each with what to give."""
    with pytest.raises(WindowError) as refusal:
        selection_of({**EMPTY, **params}, KNOWN, NOW)
    assert said in str(refusal.value)
