"""Records of text files: how they are described, and how lines are put together to records."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Literal, NamedTuple

from local.twin.load.documents import MAX_DOCUMENT
from local.twin.load.fields import BAD_LINE

if TYPE_CHECKING:
    from collections.abc import Collection


@dataclasses.dataclass(frozen=True)
class Layout:
    """How a file is split; options that clash were refused before."""

    kind: Literal["csv", "delimited", "fixedwidth"]
    delimiter: bytes = b"|"
    quote: bytes = b'"'
    escape: bool = False
    remove_quotes: bool = False
    ignore_header: int = 0
    ignore_blank_lines: bool = False
    # labels and widths in characters
    widths: tuple[tuple[str, int], ...] = ()
    # NUL is data only where NULL AS '\0' gives it a meaning; else it ends the record
    keep_nul: bool = False


class Record(NamedTuple):
    """One record, with the number of its first line, counted from 1."""

    number: int
    raw: bytes
    fields: list[bytes]
    # positions of the fields that stood in quotes
    quoted: Collection[int] = ()


class RecordError(NamedTuple):
    """A record that can't be split, as `stl_load_errors` describes it."""

    number: int
    raw: bytes
    code: int
    reason: str
    # which field is wrong and its beginning, where one is
    column: int | None = None
    value: bytes = b""


class Lines:
    """Puts records together from lines, where one may go on over many."""

    # whether a line without special characters is its fields between delimiters
    simple = True

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._number = 0
        self._raw: list[bytes] = []
        self._size = 0

    @property
    def open(self) -> bool:
        """Whether a record has begun and not ended."""
        return bool(self._raw)

    def feed(self, number: int, line: bytes) -> Record | RecordError | None:
        """Return what ends on this line, given without its line feed; None when the record goes on."""
        if not self._raw:
            self._number = number
        if len(line) + self._size > MAX_DOCUMENT:
            return self.too_long(number, line)
        if not self._layout.keep_nul and (nul := line.find(0)) >= 0:
            # it ends the record, whatever is open: of text the rest is cut off, of CSV it is an error
            if self._layout.kind == "csv" and line[nul + 1 :] not in {b"", b"\r"}:
                return self._missing_newline(line, nul + 1)
            return self._take(line[:nul]) or self._unended()
        return self._take(line)

    def finish(self) -> RecordError | None:
        """Return an error when the file ended inside a record."""
        return self._unended() if self._raw else None

    def too_long(self, number: int, line: bytes) -> RecordError:
        """Return the error for a record beyond the limit, of which the line may be cut."""
        self._number = self._number if self._raw else number
        return self._missing_newline(line, MAX_DOCUMENT - 1 - self._size)

    def _take(self, line: bytes) -> Record | RecordError | None:
        raise NotImplementedError

    def _unended(self) -> RecordError:
        raise NotImplementedError

    def _keep(self, line: bytes) -> None:
        self._raw.append(line + b"\n")
        self._size += len(line) + 1

    def _ended(self, line: bytes) -> bytes:
        """Return the whole record, and begin anew."""
        raw = b"".join([*self._raw, line])
        self._raw, self._size = [], 0
        return raw

    def _missing_newline(self, line: bytes, at: int) -> RecordError:
        """Return the error for a line that goes on where its record should have ended."""
        at += self._size
        raw = self._ended(line)
        found = raw[at : at + 1] or raw[-1:]
        reason = f"Missing newline: Unexpected character 0x{found.hex()} found at location {at}"
        return RecordError(self._number, raw[:at].partition(b"\0")[0], BAD_LINE, reason)
