"""Paths: what is written is what is found."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log_router.core import paths
from log_router.core.paths import find, parse, written
from tests.unit.core.recording import json_values, modest

any_path = st.lists(st.text(min_size=1) | st.integers(0, 10**6), min_size=1, max_size=6).map(tuple)


@modest
@given(any_path)
def test_every_path_reads_back_as_written(path: paths.Path) -> None:
    """Whatever the keys hold, quotes, dots, brackets or line ends, parse(written(path)) is the path."""
    assert parse(written(path)) == path


@modest
@given(any_path)
def test_a_list_is_taken_part_by_part(path: paths.Path) -> None:
    """A path as a list needs no quoting at all."""
    assert parse(list(path)) == path


@modest
@given(any_path, json_values)
def test_what_is_put_at_a_path_is_found_there(path: paths.Path, value: Any) -> None:
    """A document built around a value gives the value back at its path."""
    document: Any = value
    small = tuple(part % 5 if isinstance(part, int) else part for part in path)
    for part in reversed(small):
        document = [None] * part + [document] if isinstance(part, int) else {part: document}
    assert find(document, small) == value


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("id", ("id",)),
        ("properties.items[0].price", ("properties", "items", 0, "price")),
        ('["id.orig_h"]', ("id.orig_h",)),
        ('payload["content type"].size', ("payload", "content type", "size")),
        ('a["say \\"hi\\" \\\\"]', ("a", 'say "hi" \\')),
        ("[0][12]", (0, 12)),
        ("$ref.@type", ("$ref", "@type")),
    ],
)
def test_text_names_keys_and_indexes(text: str, path: paths.Path) -> None:
    """Dots part keys, brackets hold indexes or quoted keys."""
    assert parse(text) == path


@pytest.mark.parametrize(
    ("text", "position"),
    [
        (".a", 1),
        ("a..b", 2),
        ("a.", 2),
        ("a[x]", 2),
        ("a[-1]", 2),
        ("a[0]b", 5),
        ('a[""]', 2),
        ('a"b', 2),
        ("a]", 2),
    ],
)
def test_a_text_that_is_no_path_is_refused_where_it_goes_wrong(text: str, position: int) -> None:
    """The message shows the path, the character it can't be read at, and the right form."""
    with pytest.raises(ValueError, match=rf"can't be read at character {position}; write `a\.b\[0\]`"):
        parse(text)


@pytest.mark.parametrize("given_path", [None, 5, [], {}, {"a": 1}, True])
def test_what_is_neither_text_nor_a_list_is_refused(given_path: object) -> None:
    """The message names the two forms."""
    with pytest.raises(ValueError, match="is text such as `user"):
        parse(given_path)


def test_an_empty_path_says_to_leave_it_out() -> None:
    """An empty text is no path; the default is to leave the key out."""
    with pytest.raises(ValueError, match="leave it out"):
        parse("")


@pytest.mark.parametrize("part", [-1, 1.5, "", None, True, ["a"]])
def test_a_list_takes_only_keys_and_indexes(part: object) -> None:
    """The message shows the part that is neither."""
    with pytest.raises(ValueError, match="neither a key nor an index"):
        parse(["a", part])


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({}, ("a",)),
        ({"a": 1}, ("a", "b")),
        ({"a": [1]}, ("a", 1)),
        ({"a": {"0": 1}}, ("a", 0)),
        ({"a": [1]}, ("a", "0")),
        ({"a": "text"}, ("a", 0)),
        ({"a": None}, ("a", "b")),
        ([], (0,)),
    ],
)
def test_what_is_missing_is_none(document: object, path: paths.Path) -> None:
    """A missing key or index, and a container of another kind, give None and never an error."""
    assert find(document, path) is None
