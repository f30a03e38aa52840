"""Quarantined lines as rows of their table."""

import json
from collections import Counter
from dataclasses import replace

import pytest

from log_router.core import quarantine
from log_router.core.batches import Batch
from log_router.core.errors import ConservationError
from log_router.core.manifests import ChunkReport, Part
from log_router.core.reports import ObjectReport, QuarantinedLine
from tests.unit.core.recording import catalog, event

BATCH = Batch("run", "label", "c0ffee", ())
OBJECT = "0" * 32


def row(raw: bytes, *, event: str | None = "clicked", detail: str = "it is bad") -> dict[str, object]:
    """Return the row of a quarantined line."""
    line = QuarantinedLine(OBJECT, 7, event, "malformed_json", detail, raw, len(raw))
    made: dict[str, object] = json.loads(quarantine.row(line, "batch"))
    return made


def test_a_line_is_a_row() -> None:
    """The row says where the line stands, why it was kept, and how it begins."""
    assert row(b'{"a":') == {
        "event": "clicked",
        "reason": "malformed_json",
        "detail": "it is bad",
        "length": 5,
        "head": '{"a":',
        "_lr_object": OBJECT,
        "_lr_line": 7,
        "_lr_batch": "batch",
    }
    assert "event" not in row(b"x", event=None)


@pytest.mark.parametrize("raw", [b"\0" * 999, b"\xff" * 999, "\U0001f600".encode() * 999, b"\xf0" * 300])
def test_any_bytes_fit_the_table(raw: bytes) -> None:
    """Whatever a line holds, its head is UTF-8 without U+0000 and fits its column; `length` is the whole line's."""
    made = row(raw, detail="\0\ud800" * 999)
    sizes = {column.name: column.type.length for column in quarantine.TABLE.columns}
    assert made["length"] == len(raw)
    for name in ("head", "detail"):
        text = str(made[name])
        assert "\0" not in text
        assert len(text.encode()) <= sizes[name]


def test_rows_and_counts_must_agree() -> None:
    """Each raw object is in the manifest, also with none; other rows than lines that were quarantined are refused."""
    reports = (
        ObjectReport("a", quarantined=Counter({("clicked", "x"): 2, ("", "y"): 1})),
        ObjectReport("b", rows=Counter({"clicked": 5})),
    )
    part = Part("quarantined_lines", "s3://staging/part", 3, 99)
    made = quarantine.manifest(BATCH, catalog(), [ChunkReport(reports, (), (), (), (part,))])
    assert (made.rows_by_object, made.rows, made.reload) == ({"a": 3, "b": 0}, 3, True)
    with pytest.raises(ConservationError, match="3 lines were quarantined but 0 are kept"):
        quarantine.manifest(BATCH, catalog(), [ChunkReport(reports, (), ())])


def test_refused_lines_are_quarantined_and_no_rows() -> None:
    """The report stays complete; lines of other objects and events are as they were."""
    reports = (
        ObjectReport(
            "a", lines=6, rows=Counter(clicked=3, viewed=1), quarantined=Counter({("clicked", "x"): 2})
        ),
        ObjectReport("b", lines=1, rows=Counter(clicked=1)),
    )
    part = Part("quarantined_lines", "s3://staging/part", 2, 99)
    before = ChunkReport(reports, (), ())
    after = quarantine.isolated(before, {"a": {"clicked": 2}, "c": {"clicked": 9}}, [part])
    assert after.objects[0].rows == {"clicked": 1, "viewed": 1}
    assert after.objects[0].quarantined == {("clicked", "x"): 2, ("clicked", "refused_by_copy"): 2}
    after.objects[0].check()
    assert (after.objects[1], after.quarantined) == (reports[1], (part,))
    assert before == ChunkReport(reports, (), ())
    with pytest.raises(ConservationError, match="refused 4 lines of event clicked, but 3 rows"):
        quarantine.isolated(before, {"a": {"clicked": 4}}, [])


def test_lines_of_events_left_alone_are_spared() -> None:
    """A batch of some events names the others: their lines stay when the table is written anew."""
    known = catalog(
        event({"name": "id", "type": "bigint"}), event({"name": "id", "type": "bigint"}, name="other")
    )
    assert quarantine.manifest(replace(BATCH, events=("other",)), known, []).spared == ("clicked",)
    assert quarantine.manifest(BATCH, known, []).spared == ()
