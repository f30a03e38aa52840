"""Records of raw objects: they add up, also where only some events were split anew."""

from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log_router.core.catalog import Catalog
from log_router.core.records import Fate, Work, dated, fates_of, joined
from log_router.core.reports import ObjectReport
from tests.unit.core.recording import catalog, event, modest, split

COLUMN = {"name": "id", "type": "bigint", "required": True}
KNOWN = catalog(*(event(COLUMN, name=name, event_type=f"{name}!", table=name) for name in ("a", "b", "c")))
A, B, C = KNOWN.events
lines = st.lists(
    st.sampled_from(
        [
            b'{"event":"%s","id":%s}' % (kind, value)
            for kind in (b"a!", b"b!", b"c!", b"d!")
            for value in (b"1", b"[]")
        ]
        + [b"bad", b""]
    )
)


def test_a_report_gives_an_entry_for_each_event_and_unrouted_type() -> None:
    """Rows and quarantined lines of an event stand together; lines without an event have an entry of their own."""
    report = ObjectReport(
        "f" * 32,
        rows=Counter({"b": 2}),
        quarantined=Counter({("a", "x"): 1, ("a", "y"): 2, ("", "z"): 3}),
        unrouted=Counter({"d!": 4}),
    )
    assert fates_of(report, KNOWN) == [
        Fate(None, None, 0, 3, 0),
        Fate("a", "a!", 0, 3, 0),
        Fate("b", "b!", 2, 0, 0),
        Fate(None, "d!", 0, 0, 4),
    ]


def test_work_adds_up_what_tasks_returned() -> None:
    """Loads that found nothing to load are none: they would tell of fast ones."""
    moment = datetime(2026, 1, 31, 13, tzinfo=UTC)
    split = [{"bytes": 1000, "seconds": 0.1}, {"bytes": 24, "seconds": 0.2}]
    loads = [
        {"rows": 3, "dropped": 0, "seconds": 1.5},
        {"rows": 0, "dropped": 2, "seconds": 0.25},
        {"rows": 0, "dropped": 0, "seconds": 0.01},
    ]
    assert Work.of(moment, split, loads) == Work(moment, 1024, 2, 0.3, 2, 1.75)
    assert Work.of(moment, [], []) == Work(moment)


def test_rows_say_when_they_were_loaded_and_by_whom() -> None:
    """Only rows: a fate of other lines has no time, and an event that is not known of has none either."""
    moment = datetime(2026, 1, 31, 13, tzinfo=UTC)
    fates = [
        Fate("a", "a!", 1, 1, 0),
        Fate("b", "b!", 0, 3, 0),
        Fate("c", "c!", 1, 0, 0),
        Fate(None, "d!", 0, 0, 4),
    ]
    loaded: dict[str | None, datetime] = {"a": moment, "b": moment}
    assert dated(fates, "stream", loaded.get) == [
        Fate("a", "a!", 1, 1, 0, moment, "stream"),
        fates[1],
        Fate("c", "c!", 1, 0, 0, None, "stream"),
        fates[3],
    ]


@modest
@given(
    lines, st.sets(st.sampled_from("abc"), min_size=1, max_size=2), st.sampled_from([KNOWN, catalog(A, B)])
)
def test_what_some_events_come_to_joins_what_all_came_to(
    given: list[bytes], names: set[str], known: Catalog
) -> None:
    """With the same files a split of some events changes nothing of a record, also where a file came meanwhile."""
    before = fates_of(split(known, *given)[0], known)
    report, _ = split(KNOWN, *given, events=tuple(names))
    filtered = [one for one in KNOWN.events if one.name not in names]
    found = joined(report, fates_of(report, KNOWN), before, filtered)
    assert found is not None
    assert sum(fate.lines for fate in found) + report.blank == report.lines
    if known == KNOWN:
        assert sorted(found, key=str) == sorted(before, key=str)


@pytest.mark.parametrize(
    "before",
    [
        [],
        [Fate("b", "b!", 1, 0, 0)],
        [Fate("b", "b!", 2, 1, 0)],
        [Fate("b", "former", 2, 0, 0)],
        [Fate("former", "b!", 2, 0, 0)],
        [Fate("a", "b!", 2, 0, 0)],
        [Fate("b", "b!", 1, 0, 0), Fate("former", "b!", 0, 1, 0)],
    ],
)
def test_a_record_of_other_lines_does_not_fit(before: list[Fate]) -> None:
    """Other counts of the events left alone, or a file that had another name or type then, leave no record."""
    report, _ = split(KNOWN, *[b'{"event":"b!","id":1}'] * 2, events=("a", "c"))
    assert joined(report, fates_of(report, KNOWN), before, [B]) is None
    assert joined(report, [], [Fate("b", "b!", 1, 0, 0), Fate(None, "b!", 0, 0, 1)], [B]) is not None
