"""The split: every line has one fate, in order, with its reason."""

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log_router.core.lines import LongLine
from tests.unit.core.recording import catalog, event, json_values, modest, split

CLICKED = event({"name": "id", "type": "smallint", "required": True}, {"name": "rest", "type": "super"})
SIGNED = event({"name": "id", "type": "smallint"}, name="signed", event_type="Signed In ✓", table="signed")
BOTH = catalog(CLICKED, SIGNED)

good = st.builds(lambda number: b'{"event":"clicked","id":%d}' % number, st.integers(-(2**15), 2**15 - 1))
documents = st.fixed_dictionaries(
    {"event": st.sampled_from(["clicked", "Signed In ✓", "Clicked", "other", "", 5, None, True])},
    optional={"id": json_values, "rest": json_values},
)
lines = (
    good
    | documents.map(lambda document: json.dumps(document).encode())
    | json_values.map(lambda value: json.dumps(value).encode())
    | st.binary(max_size=30)
    | st.sampled_from([b"", b" \t", b"{", b"null", b"[]", b'{"event":"clicked","id":1e9999999}'])
    | st.builds(LongLine, st.binary(max_size=9), st.integers(10**6, 10**9))
)


@modest
@given(st.lists(lines, max_size=30))
def test_every_line_has_one_fate(given_lines: list[bytes | LongLine]) -> None:
    """Whatever the lines are: each is a row, quarantined, unrouted or blank; numbered and counted."""
    report, sink = split(BOTH, *given_lines)
    blank = [
        number for number, line in enumerate(given_lines, 1) if isinstance(line, bytes) and not line.strip()
    ]
    assert sorted(sink.numbers + blank) == list(range(1, len(given_lines) + 1))
    assert (report.lines, report.blank) == (len(given_lines), len(blank))
    assert report.rows == Counter(name for name, _ in sink.written)
    assert report.quarantined == Counter((line.event or "", line.reason) for line in sink.bad)
    assert report.unrouted == Counter(line.event_type for line in sink.strange)
    for bad in sink.bad:
        line = given_lines[bad.line_number - 1]
        expected = (line.head, line.length) if isinstance(line, LongLine) else (line, len(line))
        assert (bad.raw, bad.length) == expected
    for strange in sink.strange:
        assert strange.raw == given_lines[strange.line_number - 1]


@modest
@given(st.lists(good, max_size=20))
def test_good_lines_are_all_rows(given_lines: list[bytes]) -> None:
    """The rows hold the lines' values, in their order."""
    report, sink = split(BOTH, *given_lines, object_id="a" * 32)
    assert [(row["id"], row["_lr_object"]) for _, row in sink.parsed] == [
        (json.loads(line)["id"], "a" * 32) for line in given_lines
    ]
    assert report.rows.total() == len(given_lines)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "malformed_json"),
        (b"not json", "malformed_json"),
        (b"{'event':'clicked'}", "malformed_json"),
        (b'{"event":"clicked","id":1}{"event":"clicked","id":2}', "malformed_json"),
        (b'{"event":"clicked","id":1},', "malformed_json"),
        (b'{"event":"clicked","id":NaN}', "malformed_json"),
        (b'{"event":"clicked","id":01}', "malformed_json"),
        (b'{"event":"clicked","id":1,"rest":"\x01"}', "malformed_json"),
        (b'{"event":"clicked","id":1,"rest":"\\ud800"}', "malformed_json"),
        (b'{"event":"clicked","id":1,"rest":"\\udc00\\ud800"}', "malformed_json"),
        (b'{"event":"clicked","id":1,"rest":' + b"9" * 5000 + b"}", "malformed_json"),
        (b'{"event":"clicked","id":1,"rest":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "malformed_json"),
        (b"[" * 100_000, "malformed_json"),
        (b"\xef\xbb\xbf{}", "malformed_json"),
        (b'{"event":"clicked","id":1,"rest":"\xff"}', "invalid_utf8"),
        (b'{"event":"clicked","id":1,"\xff":1}', "invalid_utf8"),
        (b'{"event":"clicked","id":1,"rest":"\xed\xa0\x80"}', "invalid_utf8"),
        (b"[1]", "not_an_object"),
        (b'"clicked"', "not_an_object"),
        (b"12", "not_an_object"),
        (b"1.5", "not_an_object"),
        (b"true", "not_an_object"),
        (b"null", "not_an_object"),
        (b"{}", "no_event_type"),
        (b'{"event":null}', "no_event_type"),
        (b'{"event":""}', "no_event_type"),
        (b'{"event":1.5}', "no_event_type"),
        (b'{"event":true}', "no_event_type"),
        (b'{"event":{"name":"clicked"}}', "no_event_type"),
        (b'{"event":"a\\u0000"}', "bad_event_type"),
        (b'{"event":"' + b"x" * 1025 + b'"}', "bad_event_type"),
        (b'{"event":' + b"9" * 1025 + b"}", "bad_event_type"),
        (LongLine(b'{"event":"clicked","id":1', 10**9), "line_too_long"),
        (LongLine(b"   ", 10**9), "line_too_long"),
    ],
)
def test_a_bad_line_has_its_reason(line: bytes | LongLine, reason: str) -> None:
    """It is quarantined under no event, with a detail; the lines around it are rows."""
    fine = b'{"event":"clicked","id":1}'
    report, sink = split(BOTH, fine, line, fine)
    assert report.rows == {"clicked": 2}
    assert report.quarantined == {("", reason): 1}
    (bad,) = sink.bad
    assert (bad.line_number, bad.event, bad.reason) == (2, None, reason)
    assert 0 < len(bad.detail) < 200


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"event":"clicked"}', "missing_required"),
        (b'{"event":"clicked","id":"x"}', "wrong_type"),
        (b'{"event":"clicked","id":99999}', "out_of_range"),
        (b'{"event":"clicked","id":1,"rest":"\\u0000"}', "nul_character"),
        (b'{"event":"clicked","id":1,"rest":["' + b"x" * 70_000 + b'"]}', "too_long"),
        (b'{"event":"clicked","id":1,"rest":[' + b'"' + b"x" * 60_000 + b'",' * 1 + b'""' + b"]}", None),
        (
            b'{"event":"clicked","id":1,"rest":[' + (b'"' + b"x" * 60_000 + b'",') * 70 + b"1]}",
            "row_too_large",
        ),
    ],
)
def test_a_line_its_event_refuses_is_kept_under_the_event(line: bytes, reason: str | None) -> None:
    """What is wrong with a line of a known event is counted for that event."""
    report, sink = split(BOTH, line)
    if reason is None:
        assert report.rows == {"clicked": 1}
        return
    assert report.quarantined == {("clicked", reason): 1}
    assert (sink.bad[0].event, sink.bad[0].raw) == ("clicked", line)


def test_nesting_never_stops_a_split() -> None:
    """At every depth around the decoder's limit a line is a row or quarantined, in columns of any type."""
    for column_type in ("super", "bigint", "varchar(9)"):
        made = catalog(event({"name": "x", "type": column_type}))
        deep = [
            b'{"event":"clicked","x":' + opening * depth + b"1" + closing * depth + b"}"
            for depth in (1, 100, *range(400, 510), *range(900, 1010))
            for opening, closing in ((b"[", b"]"), (b'{"a":', b"}"))
        ]
        report, _ = split(made, *deep)
        assert report.lines == len(deep)
        assert report.rows.total() + report.quarantined.total() == len(deep)
        if column_type == "super":
            assert report.rows["clicked"] > 100
        assert {reason for _, reason in report.quarantined} <= {"malformed_json", "too_deep", "wrong_type"}


def test_super_is_nested_five_hundred_deep_at_most() -> None:
    """A depth that every Python reads from wherever it is called, and within Redshift's limit."""
    made = catalog(event({"name": "x", "type": "super"}))
    for opening, inner, closing in ((b"[", b"", b"]"), (b"[", b"1", b"]"), (b'{"a":', b'"b"', b"}")):
        lines = [
            b'{"event":"clicked","x":[{},[' + opening * depth + inner + closing * depth + b"]]}"
            for depth in (498, 499)
        ]
        report, _ = split(made, *lines)
        assert report.rows == {"clicked": 1}
        assert report.quarantined == {("clicked", "too_deep"): 1}
    wide = b'{"event":"clicked","x":[' + b"[{}]," * 5000 + b"1]}"
    assert split(made, wide)[0].rows == {"clicked": 1}


def test_the_last_of_repeated_keys_counts() -> None:
    """As in most JSON readers."""
    _, sink = split(BOTH, b'{"event":"other","id":1,"event":"clicked","id":2}')
    assert [row["id"] for _, row in sink.parsed] == [2]


def test_ids_at_the_event_key_do_not_fill_the_report() -> None:
    """After a thousand unknown event types further ones are quarantined; the known of these stay unrouted."""
    lines = [b'{"event":"id-%d"}' % number for number in range(1005)]
    report, sink = split(BOTH, *lines, lines[0])
    assert (len(report.unrouted), report.unrouted["id-0"]) == (1000, 2)
    assert report.quarantined == Counter({("", "too_many_event_types"): 5})
    assert sink.numbers == list(range(1, 1007))


def test_blank_lines_are_counted_and_left() -> None:
    """Nothing is kept of lines that hold only white space."""
    report, sink = split(BOTH, b"", b" ", b"\t\r", b'{"event":"clicked","id":1} ')
    assert (report.lines, report.blank, report.rows["clicked"]) == (4, 3, 1)
    assert sink.numbers == [4]


def test_event_types_are_of_any_script_and_case() -> None:
    """The event type is compared exactly; an integer is compared as its digits."""
    made = catalog(
        *(
            event(
                {"name": "id", "type": "bigint"}, name=f"e{number}", event_type=event_type, table=f"t{number}"
            )
            for number, event_type in enumerate(("Security", "security", "события", "日本 語", "42", "a.b"))
        )
    )
    types = ["security", "Security", "события", "日本 語", 42, "42", "a.b", "SECURITY", "\u0430.b", 43]
    report, sink = split(made, *(json.dumps({"event": event_type}).encode() for event_type in types))
    assert sorted(name for name, _ in sink.parsed) == ["e0", "e1", "e2", "e3", "e4", "e4", "e5"]
    assert report.unrouted == {"SECURITY": 1, "\u0430.b": 1, "43": 1}


def test_the_event_key_may_be_a_path() -> None:
    """Nested keys and array elements hold the event type as well."""
    made = catalog(CLICKED, event_key='meta["the.type"][0]')
    report, sink = split(
        made, b'{"meta":{"the.type":["clicked"]},"id":1}', b'{"meta":{"the.type":"clicked"},"id":1}'
    )
    assert report.rows == {"clicked": 1}
    assert sink.bad[0].detail == 'there is no value at the event key `meta["the.type"][0]`'


def test_big_integers_keep_their_digits() -> None:
    """Numbers beyond 64 bits come through SUPER as they were."""
    _, sink = split(BOTH, b'{"event":"clicked","id":1,"rest":[18446744073709551617,-9223372036854775809]}')
    assert sink.parsed[0][1]["rest"] == [18446744073709551617, -9223372036854775809]


def test_lines_of_other_events_are_only_counted() -> None:
    """Where events are named, a line of another configured one is not checked, however bad; all else is as ever."""
    other = event(
        {"name": "id", "type": "bigint", "required": True}, name="other", event_type="other", table="other"
    )
    lines = [
        b'{"event":"clicked","id":1}',
        b'{"event":"clicked","id":"x"}',
        b'{"event":"other","id":1}',
        b'{"event":"other"}',
        b'{"event":"unknown"}',
        b"bad",
        b"",
    ]
    report, sink = split(catalog(CLICKED, other), *lines, events=("clicked",))
    assert (report.lines, report.filtered, report.blank) == (7, 2, 1)
    assert (report.rows, report.unrouted) == ({"clicked": 1}, {"unknown": 1})
    assert report.quarantined == {("clicked", "wrong_type"): 1, ("", "malformed_json"): 1}
    assert sink.numbers == [1, 2, 5, 6]
