"""YAML files: a mapping, or an error that says the line."""

from pathlib import Path

import pytest

from log_router.core import yaml_file


def written(folder: Path, content: bytes) -> Path:
    """Return a file of those bytes."""
    file = folder / "some.yaml"
    file.write_bytes(content)
    return file


def test_a_mapping_is_read(tmp_path: Path) -> None:
    """Nested mappings, lists and any script come through."""
    file = written(tmp_path, "a: {b: [1, x]}\nключ: значение\n".encode())
    assert yaml_file.read(file) == {"a": {"b": [1, "x"]}, "ключ": "значение"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "must hold a mapping"),
        (b"# only a comment\n", "must hold a mapping"),
        (b"- a\n- b\n", "must hold a mapping"),
        (b"text", "must hold a mapping"),
        (b"a: 1\nb: 2\na: 3\n", "line 3, column 1: `a` stands twice, again on line 3; remove one"),
        (b"c:\n  - {x: 1,\n     x: 2}\n", "line 3, column 6: `x` stands twice"),
        (b"a: 1\n  b: 2\n", "line 2, column 4: "),
        (b"a: [1\n", "line 2, column 1: "),
        (b"a: \tb\n\tc: d\n", "line 2"),
        (b"path: {{ ds }}\n", "line 1, column 8: found unhashable key"),
        (
            b"a: !!python/object/apply:os.system [true]\n",
            "line 1, column 4: could not determine a constructor",
        ),
        (b"a: \xff\xfe\n", "can't be read: "),
        (b"a: 2026-13-45\n", "month must be in 1..12"),
    ],
)
def test_a_bad_file_says_where(tmp_path: Path, content: bytes, message: str) -> None:
    """Whatever stands in a file, the error is one ValueError that says the line where there is one."""
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 - the text is compared below
        yaml_file.read(written(tmp_path, content))
    assert message in str(refusal.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A missing file can't be read, and its name is in the message."""
    with pytest.raises(ValueError, match=r"can't be read: .*nowhere\.yaml"):
        yaml_file.read(tmp_path / "nowhere.yaml")
