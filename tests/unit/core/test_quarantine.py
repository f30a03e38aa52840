"""Quarantined lines as rows of their table."""

import json
from collections import Counter

import pytest

from log_router.core import quarantine
from log_router.core.errors import ConservationError
from log_router.core.manifests import ChunkReport, Part
from log_router.core.reports import ObjectReport, QuarantinedLine

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
    made = quarantine.manifest("batch", "c0ffee", [ChunkReport(reports, (), (), (), (part,))])
    assert (made.rows_by_object, made.rows, made.reload) == ({"a": 3, "b": 0}, 3, True)
    with pytest.raises(ConservationError, match="3 lines were quarantined but 0 are kept"):
        quarantine.manifest("batch", "c0ffee", [ChunkReport(reports, (), ())])
