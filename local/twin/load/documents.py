"""JSON documents in lines of bytes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_DOCUMENT = 4 * 1024 * 1024
# A line that holds several documents may be longer than one; past this it is refused whole.
MAX_LINE = 2 * MAX_DOCUMENT

# A string of JSON never spans lines, so each line can be scanned alone.
_MARK = re.compile(rb'"(?:[^"\\]|\\.)*"|["{}\[\]]')
_BLANK = b" \t\r\n"


class DocumentError(Exception):
    """A stretch of the file that holds no JSON document."""

    def __init__(self, text: bytes, reason: str) -> None:
        super().__init__(reason)
        self.text = text
        self.reason = reason


def too_long(document: bytes) -> bool:
    """Return whether a document exceeds Redshift's limit, which counts `|` twice."""
    return len(document) > MAX_DOCUMENT // 2 and len(document) + document.count(b"|") > MAX_DOCUMENT


def blocks_of_lines(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Yield whole lines, many at once, and whether they are the rest of a line cut as too long."""
    pending: list[bytes] = []
    size = 0
    oversized = False
    for chunk in chunks:
        cut = chunk.rfind(b"\n") + 1
        if not cut:
            size += len(chunk)
            if size > MAX_LINE:
                # kept: enough to report the line
                pending, oversized = [b"".join(pending)[:1024]], True
            else:
                pending.append(chunk)
            continue
        head = chunk[: chunk.find(b"\n") + 1] if oversized else b""
        if oversized:
            yield b"".join(pending) + b"\n", True
            pending, oversized = [], False
        yield b"".join([*pending, chunk[len(head) : cut]]), False
        pending, size = [chunk[cut:]], len(chunk) - cut
    if pending and (last := b"".join(pending)):
        yield last, oversized


class Documents:
    """Finds documents where a line is not exactly one of them: several on a line, or one over many."""

    def __init__(self, *, arrays: bool = False) -> None:
        self._openers = (b"{", b"[") if arrays else (b"{",)
        self._parts: list[bytes] = []
        self._depth = 0
        self._size = 0

    @property
    def open(self) -> bool:
        """Whether a document has begun and not ended."""
        return bool(self._parts)

    def feed(self, text: bytes) -> Iterator[bytes]:
        """Yield the documents that end on this line; raises `DocumentError` where none can be."""
        while self.open or (text := text.lstrip(_BLANK)):
            if not self.open and not text.startswith(self._openers):
                raise DocumentError(text, "Invalid value: not a JSON object.")
            end = self._end(text)
            if end is None:
                self._keep(text)
                return
            document = b"\n".join([*self._parts, text[:end]])
            self._reset()
            yield document
            text = text[end:]

    def finish(self) -> None:
        """Raise when the file ended inside a document."""
        if self.open:
            text = b"\n".join(self._parts)
            self._reset()
            raise DocumentError(text, "Invalid value: the JSON object does not end.")

    def _keep(self, text: bytes) -> None:
        self._parts.append(text)
        self._size += len(text)
        if self._size > MAX_DOCUMENT:
            kept = b"\n".join(self._parts)
            self._reset()
            raise DocumentError(kept, f"Invalid value: JSON object exceeds {MAX_DOCUMENT} bytes.")

    def _end(self, text: bytes) -> int | None:
        for mark in _MARK.finditer(text):
            what = mark[0]
            if what in (b"{", b"["):
                self._depth += 1
            elif what in (b"}", b"]"):
                self._depth -= 1
                if not self._depth:
                    return mark.end()
            elif what == b'"':
                whole = b"\n".join([*self._parts, text])
                self._reset()
                raise DocumentError(whole, "Invalid value: a string does not end.")
        return None

    def _reset(self) -> None:
        self._parts, self._depth, self._size = [], 0, 0
