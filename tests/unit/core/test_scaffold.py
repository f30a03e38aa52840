"""Event files out of lines: what was read is taken, and names and types are what people expect."""

import tempfile
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from log_router.core.catalog import Catalog, load_catalog
from log_router.core.event_files import event_file, scalar
from log_router.core.examples import example
from log_router.core.inferring import Inferred, columns
from log_router.core.naming import column_names, event_names
from log_router.core.profiling import Profile
from log_router.core.settings import Settings
from log_router.surveying import Survey
from tests.unit.core.test_fields import split

SETTINGS = Settings.model_validate(
    {
        "raw_bucket": "raw-bucket",
        "raw_prefix": "raw/%Y/%m/%d/%H/",
        "event_key": "e",
        "staging_bucket": "staging-bucket",
        "schema": "events",
    }
)


def catalog_of(documents: list[dict[str, Any]], depth: int = 3) -> Catalog:
    """Scaffold from lines, and read back the files."""
    survey = Survey("e")
    lines = b"\n".join(orjson.dumps(document) for document in documents)
    survey.read("o", [lines], 10**8)
    names = event_names(survey.profiles)
    with tempfile.TemporaryDirectory() as folder:
        events = Path(folder) / "events"
        events.mkdir()
        for event_type, profile in survey.profiles.items():
            name = names[event_type]
            text, _ = event_file(name, event_type, profile, depth=depth)
            (events / f"{name}.yaml").write_text(text, encoding="utf-8")
        return load_catalog(Path(folder), SETTINGS)


def inferred_of(*values: Any, key: str = "x") -> Inferred:
    """Return the column for a field of these values."""
    profile = Profile()
    survey = Survey("e")
    survey.read("o", [b"\n".join(orjson.dumps({"e": "t", key: value}) for value in values)], 10**6)
    profile = survey.profiles["t"]
    (found,) = (column for column in columns(profile) if column.path[0] == key)
    return found


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
    | st.sampled_from(
        ["2026-01-31", "2026-01-31T13:00:00Z", "2026-02-31", "20260131", "0001-01-01T00:00+14:00", ""]
    )
)
KEYS = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8
) | st.sampled_from(
    ["select", "a.b", "A", "a", "_lr_line", "ctid", "x[0]", "ts", "1", "null", "été", "你好", "a b", '"', "#"]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=12,
)
EVENT_TYPES = st.sampled_from(["Security", "security", "a/b", "你好", "quarantined", "1"])
DOCUMENTS = st.lists(
    st.builds(lambda e, rest: {**rest, "e": e}, EVENT_TYPES, st.dictionaries(KEYS, VALUES, max_size=6)),
    min_size=1,
    max_size=12,
)


@settings(max_examples=150, deadline=None)
@given(DOCUMENTS, st.integers(1, 5))
def test_what_was_read_is_taken(documents: list[dict[str, Any]], depth: int) -> None:
    """Of any JSON that Redshift can hold: the files are read back, and every line becomes a row."""
    catalog = catalog_of(documents, depth)
    sink, report = split(catalog, *documents)
    assert [(bad.detail, bad.raw) for bad in sink.bad] == []
    assert report.rows.total() == len(documents)


@settings(max_examples=50, deadline=None)
@given(DOCUMENTS)
def test_the_same_input_gives_the_same_files(documents: list[dict[str, Any]]) -> None:
    """Whatever order its lines come in, each path has the same column name and type."""
    one, other = catalog_of(documents), catalog_of(documents[::-1])
    assert [
        {column.path: (column.name, column.type) for column in event.columns} for event in one.events
    ] == [{column.path: (column.name, column.type) for column in event.columns} for event in other.events]


@pytest.mark.parametrize(
    ("values", "column_type"),
    [
        ([1, 2, None], "integer"),
        ([2**31], "bigint"),
        ([2**63], "numeric(38,0)"),
        ([1, 1.5], "double precision"),
        ([True, False], "boolean"),
        ([True, 1], "varchar(16)"),
        ([1, "a"], "varchar(16)"),
        (["x" * 5], "varchar(32)"),
        (["é" * 40], "varchar(512)"),
        (["2026-01-31", "2026-02-01"], "date"),
        (["2026-01-31", "2026-02-01T10:00:00+02:00"], "timestamp"),
        (["2026-01-31T10:00:00Z", ""], "varchar(128)"),
        (["2026-02-31"], "varchar(64)"),
        (["20260131"], "varchar(32)"),
        (["123"], "varchar(16)"),
        ([[1], [2]], "super"),
        ([{"a": 1}, 5], "super"),
        ([{str(number): 1} for number in range(1000, 1060)], "super"),
        ([{}], "super"),
    ],
)
def test_a_type_takes_what_was_seen_with_room(values: list[Any], column_type: str) -> None:
    """Safe types: texts of digits stay text, mixtures become the type that takes all."""
    assert inferred_of(*values).type == column_type


@pytest.mark.parametrize(
    ("key", "value", "found"),
    [
        ("ts", 1_700_000_000, ("timestamp", "epoch_seconds")),
        ("created_at", 1_700_000_000_123, ("timestamp", "epoch_milliseconds")),
        ("event.time", 1_700_000_000.25, ("timestamp", "epoch_seconds")),
        ("count", 1_700_000_000, ("bigint", "iso")),
        ("total_price", 12.5, ("numeric(18,2)", "iso")),
        ("user_id", 5, ("bigint", "iso")),
    ],
)
def test_a_name_helps_to_tell_what_a_number_is(key: str, value: float, found: tuple[str, str]) -> None:
    """Epochs are numbers of the right size in fields that are named like times."""
    column = inferred_of(value, key=key)
    assert (column.type, column.time_format) == found


def test_names_are_valid_and_unique() -> None:
    """Lower case, of letters, digits and _; which path gets which number does not depend on the order."""
    found = [
        ("userId",),
        ("user", "id"),
        ("user_id",),
        ("1st",),
        ("_lr_line",),
        ("ctid",),
        ("été",),
        ("你好",),
        ("x" * 300,),
    ]
    names = column_names(found)
    assert names == column_names(found[::-1])
    assert len(set(names.values())) == len(found)
    assert [names[path] for path in found[:7]] == [
        "user_id",
        "user_id_3",
        "user_id_2",
        "n1st",
        "lr_line",
        "ctid_2",
        "ete",
    ]
    assert len(names["x" * 300,]) <= 127
    assert event_names(["Security", "security", "a/b"], ["a_b"]) == {
        "Security": "security",
        "security": "security_2",
        "a/b": "a_b_2",
    }


@pytest.mark.parametrize(
    "text", ["a", "yes", "1", "a: b", "#", "a\nb", "\u2028", "\ufeff", "\U0001f600", "", "~", "1e3"]
)
def test_a_text_is_read_back_from_yaml(text: str) -> None:
    """Whatever it looks like to YAML."""
    import yaml  # noqa: PLC0415 - here only

    assert yaml.safe_load(f"{{name: {scalar(text)}}}") == {"name": text}


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("state", "open", '"open"'),
        ("contact", "ann@example.com", '"xxx@xxxxxxx.xxx"'),
        ("first_name", "Ann", '"xxx"'),
        ("number", 4111_1111_1111_1111, "9999999999999999"),
        ("client", "203.0.113.7", '"999.9.999.9"'),
        ("n", 12, "12"),
    ],
)
def test_examples_hide_what_may_be_personal(key: str, value: object, shown: str) -> None:
    """The shape of a value stays, its letters and digits do not."""
    assert example((key,), value) == shown


def test_wide_events_keep_what_is_met_most() -> None:
    """A table takes 1,600 columns: deep objects are kept whole first, then rare fields have no column."""
    deep = {"e": "t", "o": {f"k{number}": number for number in range(1700)}, "other": 1}
    found = {column.path: column.type for column in catalog_of([deep]).events[0].columns}
    assert found["o",].ddl == "super"
    wide = {"e": "t", **{f"k{number}": number for number in range(1700)}}
    catalog = catalog_of([wide, {"e": "t", "k1699": 1}])
    assert len(catalog.events[0].columns) <= 1597
    assert any(column.path == ("k1699",) for column in catalog.events[0].columns)
    assert not split(catalog, wide)[0].bad


def test_lines_of_no_event_are_counted() -> None:
    """By the reason for which the split would quarantine them."""
    survey = Survey("e")
    survey.read("o", [b'not json\n{"a":1}\n\n{"e":"t","a":1}\n'], 10**6)
    assert (survey.bad, survey.lines, list(survey.profiles)) == (
        {"malformed_json": 1, "no_event_type": 1},
        4,
        ["t"],
    )
