"""Manifests: exactly the parts of an event, and only when they hold what was counted."""

import json
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log_router.core.batches import Batch
from log_router.core.errors import ConservationError
from log_router.core.manifests import BrokenRaw, ChunkReport, Manifest, Part, manifests
from log_router.core.reports import ObjectReport
from tests.unit.core.recording import catalog, event, modest

rows_by_event = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(1, 1000), max_size=3)
BATCH = Batch("run", "label", "c0ffee", ())
BROKEN = BrokenRaw("f" * 32, "s3://raw/x", "truncated", "it ends too early")


def chunk(number: int, objects: list[dict[str, int]]) -> ChunkReport:
    """Return what a split reports that wrote each event's rows in two parts."""
    total: Counter[str] = Counter()
    for rows in objects:
        total.update(rows)
    return ChunkReport(
        tuple(
            ObjectReport(f"{number}-{place}", lines=sum(rows.values()), rows=Counter(rows))
            for place, rows in enumerate(objects)
        ),
        tuple(
            Part(
                event,
                f"s3://staging/{event}/{number}-{half}.json.gz",
                rows - rows // 2 if half else rows // 2,
                99,
            )
            for event, rows in total.items()
            for half in (0, 1)
        ),
        (BROKEN,),
    )


@modest
@given(st.lists(st.lists(rows_by_event, max_size=4), max_size=4))
def test_every_part_and_every_row_is_in_its_events_manifest(
    given_objects: list[list[dict[str, int]]],
) -> None:
    """One manifest for each event that has rows, by name, with all its parts once and its rows by raw object."""
    reports = [chunk(number, objects) for number, objects in enumerate(given_objects)]
    made = manifests(BATCH, catalog(), reports)
    events = {event for objects in given_objects for rows in objects for event in rows}
    assert [manifest.event for manifest in made] == sorted(events)
    for manifest in made:
        assert list(manifest.parts) == [
            part for report in reports for part in report.parts if part.event == manifest.event
        ]
        assert manifest.rows_by_object == {
            raw.object_id: raw.rows[manifest.event]
            for report in reports
            for raw in report.objects
            if manifest.event in raw.rows
        }
        assert manifest.rows == sum(manifest.rows_by_object.values())
        assert Manifest.from_load(manifest.to_load()) == manifest
        isolated = replace(manifest, isolation="1f", refused=dict.fromkeys(manifest.rows_by_object, 2))
        assert Manifest.from_load(isolated.to_load()) == isolated
        assert all(isolated.split_of(one) == rows + 2 for one, rows in manifest.rows_by_object.items())
    for report in reports:
        assert ChunkReport.from_json(report.to_json()) == report


@pytest.mark.parametrize("difference", [-1, 1])
def test_parts_that_hold_other_rows_are_not_loaded(difference: int) -> None:
    """The error names event and batch, both counts, and what to do."""
    report = chunk(0, [{"a": 5}, {"a": 2, "b": 1}])
    wrong = ChunkReport(report.objects, (*report.parts, Part("a", "s3://staging/a/9", difference, 9)), ())
    with pytest.raises(
        ConservationError,
        match=rf"event a of batch {BATCH.batch_id}: its parts hold {7 + difference} rows but the raw objects gave 7; "
        "nothing is loaded. To mend it: run the same again",
    ):
        manifests(BATCH, catalog(), [wrong])


def test_a_lost_report_or_a_lost_part_is_seen() -> None:
    """Rows without parts and parts without rows are differences as well."""
    report = chunk(0, [{"a": 5}])
    for wrong in (ChunkReport(report.objects, (), ()), ChunkReport((), report.parts, ())):
        with pytest.raises(ConservationError):
            manifests(BATCH, catalog(), [wrong])


def test_a_part_is_never_loaded_twice() -> None:
    """The same report twice would agree with itself, and is refused all the same."""
    report = chunk(0, [{"a": 5}])
    with pytest.raises(ConservationError, match="is reported twice"):
        manifests(BATCH, catalog(), [report, report])


def test_copy_reads_the_parts_as_mandatory_with_their_sizes() -> None:
    """The manifest is in COPY's form, and holds nothing that COPY does not know."""
    (manifest,) = manifests(BATCH, catalog(), [chunk(0, [{"a": 4}])])
    assert json.loads(manifest.to_json()) == {
        "entries": [
            {"url": f"s3://staging/a/0-{half}.json.gz", "mandatory": True, "meta": {"content_length": 99}}
            for half in (0, 1)
        ]
    }


def test_a_reload_replaces_its_events_in_every_raw_object() -> None:
    """Events that an object holds no longer are named with 0 rows; those that the batch leaves alone, nowhere."""
    known = catalog(*(event({"name": "id", "type": "bigint"}, name=name) for name in ("a", "b", "c")))
    report = chunk(0, [{"a": 2}, {}])
    all_events, some = replace(BATCH, reload=True), replace(BATCH, reload=True, events=("a", "b"))
    assert [one.event for one in manifests(all_events, known, [report])] == ["a", "b", "c"]
    made = manifests(some, known, [report])
    assert [(one.event, one.rows_by_object, one.reload) for one in made] == [
        ("a", {"0-0": 2, "0-1": 0}, True),
        ("b", {"0-0": 0, "0-1": 0}, True),
    ]
