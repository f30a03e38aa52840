"""Lines: the same whatever the blocks, and never more in memory than the limit."""

import itertools
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log_router.core.lines import BOM, HEAD_BYTES, LongLine, read_lines
from tests.unit.core.recording import modest

pieces = st.sampled_from(
    [b"\n", b"\r\n", b"\r", BOM, BOM[:2], b"a", b"bc", b"0123456789", b" ", b"{}", b"\x00\xff"]
)
contents = st.lists(pieces, max_size=40).map(b"".join) | st.binary(max_size=60)


def lines_of(content: bytes, limit: int) -> list[bytes | LongLine]:
    """Return the lines by definition: the whole in memory."""
    lines = content.removeprefix(BOM).split(b"\n")
    if not lines[-1]:
        lines.pop()
    ends = [line.removesuffix(b"\r") for line in lines]
    head = min(HEAD_BYTES, limit)
    return [line if len(line) <= limit else LongLine(line[:head], len(line)) for line in ends]


def cut(content: bytes, places: list[int]) -> list[bytes]:
    """Return the content in blocks that end at those places."""
    edges = [0, *sorted(place % (len(content) + 1) for place in places), len(content)]
    return [content[start:end] for start, end in itertools.pairwise(edges)]


@modest
@given(contents, st.lists(st.integers(0, 10**4), max_size=8), st.integers(1, 12))
def test_lines_do_not_depend_on_blocks(content: bytes, places: list[int], limit: int) -> None:
    """Any bytes cut into any blocks give the lines of the whole, those over the limit included."""
    assert list(read_lines(cut(content, places), limit)) == lines_of(content, limit)
    assert list(read_lines([bytes([byte]) for byte in content], limit)) == lines_of(content, limit)


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"\n", [b""]),
        (b"a", [b"a"]),
        (b"a\n", [b"a"]),
        (b"a\n\nb", [b"a", b"", b"b"]),
        (b"a\r\nb\r\n", [b"a", b"b"]),
        (b"a\rb\r\r\n", [b"a\rb\r"]),
        (BOM + b"a\n" + BOM + b"b", [b"a", BOM + b"b"]),
        (BOM, []),
        (BOM[:2], [BOM[:2]]),
    ],
)
def test_line_ends_and_marks(content: bytes, lines: list[bytes]) -> None:
    """LF or CRLF end a line, a last line needs no end, and a byte order mark counts only at the start."""
    assert list(read_lines([content], 100)) == lines


def test_a_long_line_keeps_its_first_bytes_and_its_length() -> None:
    """The head is 64 KiB; the next line is not touched by it."""
    line = bytes(range(1, 10)) * 50_000
    content = b"a\n" + line + b"\r\nb\n"
    for size in (1000, 65_536, 99_999, len(content)):
        blocks = [content[start : start + size] for start in range(0, len(content), size)]
        assert list(read_lines(blocks, 100_000)) == [b"a", LongLine(line[:HEAD_BYTES], len(line)), b"b"]


@pytest.mark.parametrize("limit", [1024, HEAD_BYTES, HEAD_BYTES + 1])
def test_the_limit_is_exact(limit: int) -> None:
    """A line of `limit` bytes is a line, one byte more is too long; CR and byte order mark do not count."""
    for mark in (b"", BOM):
        for end in (b"", b"\n", b"\r\n"):
            for size in (limit - 1, limit, limit + 1, limit + 2, limit + 3, 10 * limit):
                fits, too_long = b"x" * limit, b"x" * (limit + 1)
                for line, expected in (
                    (fits, fits),
                    (too_long, LongLine(b"x" * min(HEAD_BYTES, limit), limit + 1)),
                ):
                    content = mark + line + end
                    blocks = [content[start : start + size] for start in range(0, len(content), size)]
                    assert list(read_lines(blocks, limit)) == [expected]


def test_a_line_without_end_is_never_held_whole() -> None:
    """Memory stays at the limit and some blocks while 200 MiB of one line go by."""
    block = 1024 * 1024
    limit = 2 * block
    tracemalloc.start()
    try:
        (line,) = read_lines((bytes(block) for _ in range(200)), limit)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert line == LongLine(bytes(HEAD_BYTES), 200 * block)
    assert peak < 3 * limit + 4 * block
