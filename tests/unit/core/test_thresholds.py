"""Thresholds of quarantined lines: what exceeds them is said with the remedy, and nothing else is."""

from collections import Counter
from typing import Any

import pytest

from log_router.core.reports import ObjectReport
from log_router.core.settings import Settings
from log_router.core.thresholds import exceeded
from tests.unit.core.recording import catalog, event
from tests.unit.core.test_settings import SMALLEST

COLUMN = {"name": "id", "type": "bigint"}


def found(*, rows: int, bad: int, event_keys: dict[str, Any] | None = None, **settings: object) -> list[str]:
    """Return what is said of an event with so many lines, half of them in another raw object."""
    known = catalog(event(COLUMN, **(event_keys or {})), event(COLUMN, name="other"))
    reports = [
        ObjectReport("a", lines=rows, rows=Counter({"clicked": rows, "other": 1000})),
        ObjectReport("b", lines=bad, quarantined=Counter({("clicked", "wrong_type"): bad})),
    ]
    return exceeded("batch", known, Settings.model_validate({**SMALLEST, **settings}), reports, "anew")


@pytest.mark.parametrize(
    ("counts", "settings", "event_keys", "limit"),
    [
        ((99, 1), {}, {}, ""),
        ((98, 2), {}, {}, "max_quarantined_share 0.01 (settings.yaml or what overrides it)"),
        ((0, 1), {}, {}, "max_quarantined_share 0.01 (settings.yaml"),
        ((0, 1), {"max_quarantined_share": "1"}, {}, ""),
        ((999, 1), {"max_quarantined_share": 0}, {}, "max_quarantined_share 0.0 (settings.yaml"),
        ((98, 2), {}, {"max_quarantined_share": 0.02}, ""),
        ((97, 3), {}, {"max_quarantined_share": 0.02}, "max_quarantined_share 0.02 (events/clicked.yaml)"),
        ((9999, 1), {}, {"max_quarantined_share": 0}, "max_quarantined_share 0.0 (events/clicked.yaml)"),
        ((9990, 10), {"max_quarantined_lines": 10}, {}, ""),
        ((9989, 11), {"max_quarantined_lines": 10}, {}, "max_quarantined_lines 10 (settings.yaml"),
        ((9989, 11), {"max_quarantined_lines": 10}, {"max_quarantined_lines": 20}, ""),
        ((9999, 1), {}, {"max_quarantined_lines": 0}, "max_quarantined_lines 0 (events/clicked.yaml)"),
        (
            (0, 20),
            {"max_quarantined_lines": 10},
            {},
            "max_quarantined_share 0.01 (settings.yaml or what overrides it) and max_quarantined_lines 10",
        ),
    ],
)
def test_more_than_a_threshold_is_too_many(
    counts: tuple[int, int], settings: dict[str, Any], event_keys: dict[str, Any], limit: str
) -> None:
    """The event's own thresholds count before the settings'; exactly as many as allowed are not too many."""
    rows, bad = counts
    said = found(rows=rows, bad=bad, event_keys=event_keys, **settings)
    if not limit:
        assert said == []
    else:
        (line,) = said
        assert line.startswith(
            f"event clicked: {bad} of {rows + bad} lines are quarantined, more than {limit}"
        )


def test_the_line_says_why_and_what_to_do() -> None:
    """Main reasons with counts, the others too, a query for the lines, and the command that loads them anew."""
    reasons = {"wrong_type": 5, "too_long": 9, "bad_time": 2, "out_of_range": 1, "nul_character": 1}
    report = ObjectReport(
        "a", lines=40, quarantined=Counter({("it.s", reason): count for reason, count in reasons.items()})
    )
    known = catalog(event(COLUMN, name="it.s"))
    settings = Settings.model_validate({**SMALLEST, "ledger_schema": "lr"})
    (line,) = exceeded("20260131T13-ab", known, settings, [report], "anew")
    assert line.partition(": 9 too_long")[2] == (
        ", 5 wrong_type, 2 bad_time, 2 others. To see them: SELECT reason, detail, head, _lr_object, _lr_line "
        "FROM lr.quarantined_lines WHERE _lr_batch = '20260131T13-ab' AND event = 'it.s'; mend the producer, or "
        "correct events/it.s.yaml and run: log-router reload --quarantined it.s"
    )


def test_lines_without_an_event_are_measured_against_all() -> None:
    """They have no event's lines to be a share of, and are loaded anew with their raw objects; the most come first."""
    bad = Counter({("", "malformed_json"): 3, ("clicked", "wrong_type"): 2})
    report = ObjectReport("a", lines=200, rows=Counter({"clicked": 95}), quarantined=bad)
    known = catalog(event(COLUMN))
    first, second = exceeded(
        "batch", known, Settings.model_validate(SMALLEST), [report], "airflow dags trigger x"
    )
    assert first.startswith(
        "no known event: 3 of 200 lines are quarantined, more than max_quarantined_share 0.01"
    )
    assert "AND event IS NULL; " in first
    assert first.endswith("correct event_key in settings.yaml and run: airflow dags trigger x")
    assert second.startswith("event clicked: 2 of 97 lines")
    report.lines = 300
    assert len(exceeded("batch", known, Settings.model_validate(SMALLEST), [report], "anew")) == 1
