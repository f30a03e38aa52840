"""Reports: every line read is accounted for, and JSON keeps the account."""

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log_router.core.errors import ConservationError
from log_router.core.reports import ObjectReport
from tests.unit.core.recording import modest

counts = st.integers(1, 10**12)
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
reports = st.builds(
    ObjectReport,
    object_id=st.just("f" * 32),
    lines=counts,
    blank=counts,
    filtered=counts,
    rows=st.dictionaries(names, counts, max_size=3).map(Counter),
    quarantined=st.dictionaries(st.tuples(names, names), counts, max_size=3).map(Counter),
    unrouted=st.dictionaries(names, counts, max_size=3).map(Counter),
)


@modest
@given(reports)
def test_json_keeps_a_report(report: ObjectReport) -> None:
    """from_dict(to_dict()) is the same report, also by way of JSON text; event names may be anything."""
    assert ObjectReport.from_dict(json.loads(json.dumps(report.to_dict()))) == report


@modest
@given(reports, st.integers(-3, 3))
def test_only_a_report_that_adds_up_passes(report: ObjectReport, difference: int) -> None:
    """Lines are rows, quarantined, unrouted, filtered and blank ones: one more or less is an error."""
    fates = report.rows.total() + report.quarantined.total() + report.unrouted.total()
    fates += report.filtered + report.blank
    report.lines = fates + difference
    if difference == 0:
        report.check()
    else:
        with pytest.raises(
            ConservationError, match=rf"{report.lines} lines were read but {fates} are accounted"
        ):
            report.check()
