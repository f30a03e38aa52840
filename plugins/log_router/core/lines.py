"""A raw object's bytes as lines."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

BOM = b"\xef\xbb\xbf"
_CR = ord("\r")
HEAD_BYTES = 64 * 1024


@dataclass(frozen=True)
class LongLine:
    """A line over the limit: only its first bytes are kept in memory, the raw object keeps the rest."""

    head: bytes
    length: int


def read_lines(blocks: Iterable[bytes], max_bytes: int) -> Iterator[bytes | LongLine]:
    """Yield the lines of `line_blocks` one by one."""
    return chain.from_iterable(line_blocks(blocks, max_bytes))


def line_blocks(blocks: Iterable[bytes], max_bytes: int) -> Iterator[Sequence[bytes | LongLine]]:
    """Yield each block's lines without their ends (LF or CRLF) and without a byte order mark at the start.

    A last line without LF counts as a line; nothing follows a last LF. Memory is bounded by a block and
    `max_bytes`, however long a line is.
    """
    head_bytes = min(HEAD_BYTES, max_bytes)
    rest = b""
    skipped = 0
    for block in _without_mark(blocks):
        ended = block.split(b"\n")
        finish = skipped or len(rest) + len(block) > max_bytes or _CR in block or _CR in rest
        ended[0] = rest + ended[0]
        rest = ended.pop()
        if finish:
            yield [_finished(line, 0 if number else skipped, max_bytes) for number, line in enumerate(ended)]
            skipped = 0 if ended else skipped
        else:
            yield ended
        # One byte over the limit may be the CR of a CRLF; the last byte is kept because it may be that, too.
        if len(rest) > max_bytes + 1:
            skipped += len(rest) - head_bytes - 1
            rest = rest[:head_bytes] + rest[-1:]
    if rest:
        yield [_finished(rest, skipped, max_bytes)]


def _without_mark(blocks: Iterable[bytes]) -> Iterator[bytes]:
    pending = iter(blocks)
    head = b""
    for block in pending:
        head += block
        if len(head) >= len(BOM):
            break
    yield head.removeprefix(BOM)
    yield from pending


def _finished(line: bytes, skipped: int, max_bytes: int) -> bytes | LongLine:
    line = line.removesuffix(b"\r")
    if skipped or len(line) > max_bytes:
        return LongLine(line[: min(HEAD_BYTES, max_bytes)], len(line) + skipped)
    return line
