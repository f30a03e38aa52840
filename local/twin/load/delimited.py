"""Records and fields of CSV, delimited and fixed-width files, as COPY splits them.

Rules: AWS, "Data format parameters" and "Data conversion parameters" of COPY. Whether a record has as
many fields as the table has columns, and what the fields mean, is decided elsewhere.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from local.twin.load.documents import MAX_DOCUMENT, blocks_of_lines
from local.twin.load.fields import BAD_LINE
from local.twin.load.records import Layout, Lines, Record, RecordError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# AWS, "Load error reference". 1214 with these texts is what users show from stl_load_errors.
BAD_QUOTE = 1214
INVALID_QUOTE = "Invalid quote formatting for CSV"
MISSING_END_QUOTE = "Delimited value missing end quote"

_NULL = rb"\N"
_QUOTES = (b'"', b"'")
_lone_cr = re.compile(rb"\r(?!\n|\Z)").search
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)


class RecordReader:
    """Splits files of one layout."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        special = b"" if layout.keep_nul else b"\0"
        special += layout.quote if layout.kind == "csv" else b""
        special += b"\\" if layout.escape else b""
        special += b"\"'" if layout.remove_quotes else b""
        # lines without any of these are split at their delimiters and no more
        self._special = re.compile(b"[%b]" % re.escape(special) if special else rb"(?!)").search

    def records(self, chunks: Iterable[bytes]) -> Iterator[Record | RecordError]:
        """Yield one file's records in order; holds no more than a block of lines or one record."""
        layout, delimiter, lines = (
            self._layout,
            self._layout.delimiter,
            _LINES[self._layout.kind](self._layout),
        )
        number = 0
        for block, oversized in blocks_of_lines(chunks):
            texts = block.split(b"\n")
            if not texts[-1]:
                texts.pop()
            simple = lines.simple and not oversized
            plain = simple and self._plain(block)
            for text in texts:
                number += 1
                if number <= layout.ignore_header:
                    continue
                if (plain or (simple and self._plain(text))) and not lines.open:
                    raw = text.removesuffix(b"\r")
                    found: Record | RecordError | None = Record(number, raw, raw.split(delimiter))
                else:
                    found = lines.too_long(number, text) if oversized else lines.feed(number, text)
                if found is not None and (found.raw or not layout.ignore_blank_lines):
                    yield found
        if (rest := lines.finish()) is not None:
            yield rest

    def _plain(self, text: bytes) -> bool:
        return len(text) <= MAX_DOCUMENT and not self._special(text) and not _lone_cr(text)


class _Fields:
    """Finds the fields of a line that carries its line feed, so that each field has an end."""

    def __init__(self, field: bytes, delimiter: bytes) -> None:
        end = _end(delimiter)
        self._all = re.compile(b"(?:%b%b)*" % (field, end), re.DOTALL)
        self._one = re.compile(b"(%b)%b" % (field, end), re.DOTALL)

    def of(self, line: bytes, at: int) -> tuple[list[bytes], int]:
        """Return the fields as they stand there and where they end; that is before one which is wrong."""
        found = self._all.match(line, at)
        stop = found.end() if found else at
        return self._one.findall(line, at, stop), stop


class _Text(Lines):
    """Fields between delimiters; ESCAPE and REMOVEQUOTES."""

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        escaped, special = (rb"\\.", rb"\\") if layout.escape else (rb"(?!)", b"")
        plain = _none_of(layout.delimiter, special + rb"\r\n")
        field = b"%b*(?:%b%b*)*" % (plain, escaped, plain)
        self._unquoted = re.compile(field, re.DOTALL)
        if layout.remove_quotes:
            # a quotation mark closes its field only before a delimiter or the end
            end = _end(layout.delimiter)
            double, single = (
                b"%b[^%b%b]*(?:(?:%b|%b(?!%b))[^%b%b]*)*%b" % (q, q, special, escaped, q, end, q, special, q)
                for q in (b'"', b"'")
            )
            field = b"(?:%b|%b|(?![\"'])%b)" % (double, single, field)
        self._fields = _Fields(field, layout.delimiter)

    def _take(self, line: bytes) -> Record | RecordError | None:
        escape = self._layout.escape
        if escape and _escapes_next(line):
            self._keep(line)
            return None
        if line.endswith(b"\r") and not (escape and _escapes_next(line[:-1])):
            line = line[:-1]
        raw = self._ended(line)
        fields, stop = self._fields.of(raw + b"\n", 0)
        if stop <= len(raw):
            return self._wrong(raw, stop, len(fields))
        quoted = []
        if self._layout.remove_quotes:
            quoted = [position for position, field in enumerate(fields) if field[:1] in _QUOTES]
            for position in quoted:
                fields[position] = fields[position][1:-1]
        if escape:
            fields = [_unescaped(field) if b"\\" in field else field for field in fields]
        return Record(self._number, raw, fields, quoted)

    def _wrong(self, raw: bytes, at: int, column: int) -> RecordError:
        if self._layout.remove_quotes and raw[at : at + 1] in _QUOTES:
            return RecordError(self._number, raw, BAD_QUOTE, MISSING_END_QUOTE, column, raw[at:])
        unquoted = self._unquoted.match(raw, at)
        return self._missing_newline(raw, (unquoted.end() if unquoted else at) + 1)

    def _unended(self) -> RecordError:
        raw = self._ended(b"")[:-1]
        return RecordError(self._number, raw, BAD_LINE, "Invalid input line: ends with an escape character")


class _Csv(Lines):
    """Fields between delimiters, or in quotes that may hold line feeds."""

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        quote, delimiter = re.escape(layout.quote), re.escape(layout.delimiter)
        inside = rb"[^%b]*(?:%b%b[^%b]*)*" % (quote, quote, quote, quote)
        blank = rb"(?:(?!%b)[ \t])*" % delimiter
        opened, closing = blank + quote + inside, quote + blank
        unquoted = b"%b*" % _none_of(layout.delimiter, quote + rb"\r\n")
        self._fields = _Fields(b"(?:%b%b|%b)" % (opened, closing, unquoted), layout.delimiter)
        self._opened, self._inside = re.compile(opened), re.compile(inside)
        self._closed = re.compile(b"(%b%b)%b" % (inside, closing, _end(layout.delimiter)))
        # fields as they stand in the file; of the last one, whose quotes are open, the lines so far
        self._found: list[bytes] = []
        self._lines: list[bytes] = []

    def _take(self, line: bytes) -> Record | RecordError | None:
        text = line.removesuffix(b"\r") + b"\n"
        at = 0
        if self._lines:
            closed = self._closed.match(text)
            if closed is None:
                return self._go_on(line, 0)
            self._found.append(b"".join([*self._lines, closed[1]]))
            self._lines, at = [], closed.end()
        fields, stop = self._fields.of(text, at)
        self._found += fields
        return self._record(text[:-1]) if stop == len(text) else self._go_on(line, stop)

    def _go_on(self, line: bytes, at: int) -> RecordError | None:
        """Keep a line that ends in quotes; return the error where it does not."""
        within = self._inside if self._lines else self._opened
        if not within.fullmatch(line, at):
            return self._wrong(line, at)
        self._lines.append(line[at:] + b"\n")
        self._keep(line)
        return None

    def _record(self, text: bytes) -> Record:
        fields, quote = self._found, self._layout.quote
        quoted = [position for position, field in enumerate(fields) if quote in field]
        for position in quoted:
            fields[position] = fields[position].strip(b" \t")[1:-1].replace(quote + quote, quote)
        return Record(self._number, self._ended(text), fields, quoted)

    def _wrong(self, line: bytes, at: int) -> RecordError:
        field = b"".join(self._lines) + line[at:].partition(self._layout.delimiter)[0]
        before = field.partition(self._layout.quote)[0]
        if b"\r" in before:
            return self._missing_newline(line, line.index(b"\r", at) + 1)
        column = len(self._found)
        return RecordError(self._number, self._ended(line), BAD_QUOTE, INVALID_QUOTE, column, before or field)

    def _unended(self) -> RecordError:
        column, value = len(self._found), b"".join(self._lines)
        raw = self._ended(b"")[:-1]
        return RecordError(self._number, raw, BAD_QUOTE, MISSING_END_QUOTE, column, value)

    def _ended(self, line: bytes) -> bytes:
        self._found, self._lines = [], []
        return super()._ended(line)


class _FixedWidth(Lines):
    """Fields by their widths, which count characters; a short line has fewer of them."""

    simple = False

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        ends = list(itertools.accumulate(width for _, width in layout.widths))
        self._slices = list(zip([0, *ends], ends, strict=False))
        self._width = ends[-1]

    def _take(self, line: bytes) -> Record | RecordError:
        line = line.removesuffix(b"\r")
        if b"\r" in line:
            return self._missing_newline(line, line.index(b"\r") + 1)
        if line.isascii():
            if len(line) > self._width:
                return self._missing_newline(line, self._width)
            return Record(self._number, line, [line[a:b] for a, b in self._slices if a < len(line) or not a])
        # a byte that is no UTF-8 counts as a character: the column that takes it will refuse it
        text = line.decode(errors="surrogateescape")
        if len(text) > self._width:
            return self._missing_newline(line, len(text[: self._width].encode(errors="surrogateescape")))
        pieces = [text[a:b].encode(errors="surrogateescape") for a, b in self._slices if a < len(text)]
        return Record(self._number, line, pieces)


_LINES: dict[str, type[Lines]] = {"csv": _Csv, "delimited": _Text, "fixedwidth": _FixedWidth}


def _end(delimiter: bytes) -> bytes:
    """Return the pattern of a field's end."""
    return rb"(?:%b|\n\Z)" % re.escape(delimiter)


def _none_of(delimiter: bytes, special: bytes) -> bytes:
    """Return the pattern of a character that neither is special nor begins a delimiter."""
    if len(delimiter) == 1:
        return b"[^%b%b]" % (special, re.escape(delimiter))
    return b"(?:(?!%b)[^%b])" % (re.escape(delimiter), special)


def _escapes_next(line: bytes) -> bool:
    return line.endswith(b"\\") and (len(line) - len(line.rstrip(b"\\"))) % 2 == 1


def _unescaped(field: bytes) -> bytes:
    # the null string works as it is, and escaped
    return field if field == _NULL else _ESCAPED.sub(rb"\1", field)
