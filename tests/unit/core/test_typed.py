"""The fast path and the careful path of the split make the same of any line."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from log_router.core.catalog import Catalog
from log_router.core.split import Splitter
from log_router.core.typed import TypedLines
from tests.unit.core.recording import Recorded, event, json_values

TYPES = [
    "smallint", "integer", "bigint", "numeric(6,2)", "numeric(38,9)", "numeric(4,0)", "real", "double precision",
    "boolean", "varchar(3)", "varchar(40)", "char(2)", "date", "timestamp", "timestamptz", "super",
]  # fmt: skip
VALUES = [
    "null", "0", "-0", "-0.0", "5", "5.0", "1e2", "12.5", "12.50", "-1.005", "0.125", "1.2E+5", "9007199254740993",
    "9007199254740993.0", "32768", "-32768", "1e400", "1e-400", "2.3e-308", "1e39", "1e-39", "1e99999999999999999999",
    "-1e-99999999999999999999", "9" * 40, "9" * 4400, "0." + "1" * 50, "true", "false", '"t"', '"5"', '"12.5"', '""',
    '"a"', '"ab"', '"é"', '"éé"', '"abcd"', r'"\u0000"', r'"\u00e9"', r'"\ud83d\ude00"', r'"\ud800"', '"\U0001f600"',
    '"2026-01-31T13:00:00Z"', '"2026-01-31T13:00:00.5Z"', '"2026-01-31T13:00:00.123Z"',
    '"2026-01-31T13:00:00.123456Z"', '"2026-01-31T13:00:00,123Z"', '"2026-02-30T13:00:00.123Z"',
    '"2026-W05-6T13:00:00.123Z"', '"20260131T130000.12345Z"', '"2026-01-31T13:00:00+02:00"',
    '"2026-01-31T13:00:00.1+0100Z"', '"2026-01-31"', '"0001-01-01T00:00:00+14:00"',
    "1767225600", "[]", "[1]", '["a", {"b": 1.50}]', "{}", '{"a": 1}', '{"a": {"b": [1, "x"]}}', '{"b": null}',
    "NaN", "01", "[1,]", "[" * 501 + "]" * 501, '{"a":1,"a":2}',
]  # fmt: skip
KEYS = ["a", "b", "c", "a.b", "é", '"', "\x7findex", "event", "f0"]
PATHS = [*([key] for key in KEYS), ["a", "b"], ["a", "c"], ["a", "c", "d"], ["b", 0], ["a", 1], ["b", 0, "c"]]


def written(pairs: list[tuple[str, str]]) -> str:
    """Return a JSON object; a key may stand in it twice."""
    return f"{{{', '.join(f'{json.dumps(key)}: {value}' for key, value in pairs)}}}"


columns = st.lists(
    st.fixed_dictionaries(
        {"path": st.sampled_from(PATHS), "type": st.sampled_from(TYPES)},
        optional={"required": st.just(value=True)},
    ),
    min_size=1,
    max_size=6,
)
members = st.recursive(
    st.sampled_from(VALUES) | json_values.map(json.dumps),
    lambda inner: (
        st.lists(st.tuples(st.sampled_from(KEYS), inner), max_size=4).map(written)
        | st.lists(inner, max_size=3).map(lambda values: f"[{', '.join(values)}]")
    ),
    max_leaves=8,
)
lines = st.tuples(
    st.sampled_from(['"clicked"'] * 6 + ['"other"', "5", "null", '["clicked"]']),
    st.lists(st.tuples(st.sampled_from(KEYS), members), max_size=5),
).map(lambda line: written([("event", line[0]), *line[1]]).encode())
strange = st.sampled_from(
    [b"", b" ", b"{", b'{"event":"clicked"}{"event":"clicked"}', b'{"event":"clicked","x":"\xff"}', b"\xff",
     b'{"event":"clicked","a":"\x01"}', b'\t{"event" : "clicked"} \r', b'{"ev\\u0065nt":"clicked"}', b"[]", b"7"]
)  # fmt: skip


def fates(splitter: Splitter, given_lines: list[bytes]) -> dict[str, Any]:
    """Return all that becomes of lines, in the order of lines."""
    sink = Recorded()
    report = splitter.split("0" * 32, [given_lines], sink)
    rows = [(row["_lr_line"], name, json.dumps(row, sort_keys=True)) for name, row in sink.parsed]
    return {"rows": sorted(rows), "bad": sink.bad, "strange": sink.strange, "report": report}


def both(catalog: Catalog, given_lines: list[bytes]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what becomes of lines by both paths, and by the careful one alone."""
    careful = Splitter(catalog, "batch")
    careful._typed = TypedLines(catalog.event_paths, (), {})
    return fates(Splitter(catalog, "batch"), given_lines), fates(careful, given_lines)


@settings(max_examples=200, deadline=None)
@given(columns, st.lists(lines | strange, min_size=1, max_size=12), st.data())
def test_both_paths_agree(
    given_columns: list[dict[str, Any]], given_lines: list[bytes], data: st.DataObject
) -> None:
    """Whatever the columns and whatever the lines are: the same rows, quarantined and unrouted lines, and counts."""
    named = []
    for number, column in enumerate(given_columns):
        more: list[dict[str, Any]] = [{}]
        if column["type"].startswith("varchar"):
            more += [{"on_error": "truncate"}, {"grow_to": 60}]
        if column["type"] == "integer" and not column.get("required"):
            more += [{"default": 7}, {"on_error": "null"}]
        named.append({"name": f"c{number}", **column, **data.draw(st.sampled_from(more))})
    keys = data.draw(st.sampled_from([{}, {}, {"extra": "rest"}]))
    constant = {"name": "k", "type": "char(1)", "constant": "x"}
    catalog = Catalog(event_key="event", events=(event(*named, constant, **keys),))
    fast, careful = both(catalog, given_lines)
    assert fast == careful


@pytest.mark.parametrize("column_type", TYPES)
def test_every_value_of_the_list_has_the_fate_of_the_careful_path(column_type: str) -> None:
    """Each value by itself, required or not, and inside an object."""
    for path in (["x"], ["o", "x"]):
        for required in (False, True):
            column = {"name": "x", "path": path, "type": column_type, "required": required}
            catalog = Catalog(event_key="event", events=(event(column),))
            inside = [value if len(path) == 1 else f'{{"x": {value}}}' for value in VALUES]
            given_lines = [f'{{"event": "clicked", "{path[0]}": {value}}}'.encode() for value in inside]
            fast, careful = both(catalog, given_lines)
            assert fast == careful


def test_what_no_column_reads_counts_too() -> None:
    """A line with a value that can't be read has one fate, whether a column reads the value or not."""
    catalog = Catalog(event_key="event", events=(event({"name": "x", "type": "integer"}),))
    depths = [f"{'[' * depth}{']' * depth}" for depth in range(900, 1010)]
    given_lines = [f'{{"event": "clicked", "other": {value}}}'.encode() for value in [*VALUES, *depths]]
    fast, careful = both(catalog, given_lines)
    assert fast == careful


def test_usual_lines_take_the_fast_path() -> None:
    """Nothing of them is left to the other one: else it would be slow, and nobody would notice."""
    catalog = Catalog(
        event_key="event",
        events=(
            event(
                {"name": "at", "type": "timestamp", "required": True},
                {"name": "user", "path": "user.id", "type": "bigint"},
                {"name": "total", "type": "numeric(12,2)"},
                {"name": "size", "type": "real"},
                {"name": "tag", "path": "tags[0]", "type": "varchar(9)"},
                {"name": "tags", "type": "super"},
                {"name": "event", "type": "varchar(16)"},
            ),
        ),
    )
    splitter = Splitter(catalog, "batch")
    line = (
        b'{"event":"clicked","at":"2026-01-31T13:00:00.123Z","user":{"id":7},"total":9.9,"size":0.5,'
        b'"tags":["\xc3\xa9"]}'
    )
    taken: list[tuple[str, int]] = []
    left = splitter._typed.block(
        "o",
        [line, b'{"event":"clicked","at":null}', line],
        0,
        lambda name, _, count: taken.append((name, count)),
    )
    assert (left, taken) == ([1], [("clicked", 2)])
