"""JSON documents as rows of PostgreSQL's COPY text: FORMAT JSON 'auto' and 'noshred'."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import msgspec

from local.twin.load import documents
from local.twin.load.values import BAD_UTF8, FieldError, converter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Protocol

    class Fields(Protocol):
        """Finds the values of a document's columns, as their JSON text."""

        def __call__(self, document: bytes, /) -> tuple[msgspec.Raw | bytes, ...]:
            """Return one value for each column."""


BAD_LINE = 1216
_ABSENT = msgspec.Raw(b"null")
_OUT = 1 << 18
_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


@dataclasses.dataclass(frozen=True)
class Column:
    """A column to load into."""

    name: str
    type: str
    not_null: bool
    has_default: bool
    is_identity: bool


@dataclasses.dataclass(frozen=True)
class LoadError:
    """One refused document, as the system tables show it."""

    file: str
    line: int
    column: Column | None
    code: int
    reason: str
    raw_line: bytes
    raw_field: bytes


class TooManyErrors(Exception):  # noqa: N818 - the limit that was reached, said plainly
    """The load has met as many errors as MAXERROR allows."""


class Rows:
    """Turns files into rows; counts them, and collects what could not be loaded."""

    def __init__(self, columns: list[Column], *, shred: bool, max_errors: int) -> None:
        self._columns = columns
        self._converters = [converter(c.type, not_null=c.not_null) for c in columns]
        self._fields: Fields = _shredder(columns) if shred else _whole
        self._limit = max(max_errors, 1)
        self._file = ""
        self.loaded = 0
        self.lines = 0
        self.errors: list[LoadError] = []

    def of_file(self, url: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield a file's rows, many at once; raises `TooManyErrors`."""
        self._file = url
        self.lines = 0
        rest = documents.Documents()
        out: list[bytes] = []
        size = 0
        for block, oversized in documents.blocks_of_lines(chunks):
            for row in self._block(block, rest, oversized=oversized):
                out.append(row)
                size += len(row)
                if size > _OUT:
                    yield b"".join(out)
                    out, size = [], 0
        try:
            rest.finish()
        except documents.DocumentError as error:
            self._note(error.number, error.text, BAD_LINE, error.reason)
        yield b"".join(out)

    def _block(self, block: bytes, rest: documents.Documents, *, oversized: bool) -> Iterator[bytes]:
        clean = block.isascii() or _is_utf8(block)
        texts = block.split(b"\n")
        if not texts[-1]:
            texts.pop()
        for text in texts:
            self.lines += 1
            line = documents.Line(self.lines, text)
            if oversized:
                reason = f"Invalid value: the line exceeds {documents.MAX_LINE} bytes."
                self._note(line.number, text, BAD_LINE, reason)
            elif not clean and not _is_utf8(text):
                self._note_bad_utf8(line)
            else:
                yield from self._line(line, rest)

    def _line(self, line: documents.Line, rest: documents.Documents) -> Iterator[bytes]:
        if not rest.open:
            try:
                yield self._row(line)
            except (msgspec.DecodeError, RecursionError):
                # not exactly one document: the slow way finds out what it is
                pass
            except FieldError as error:
                self._note_field(line, error)
                return
            else:
                return
        try:
            for document in rest.feed(line):
                yield from self._document(document)
        except documents.DocumentError as error:
            self._note(error.number, error.text, BAD_LINE, error.reason)

    def _document(self, document: documents.Line) -> Iterator[bytes]:
        try:
            row = self._row(document)
        except (msgspec.DecodeError, RecursionError) as error:
            self._note(document.number, document.text, BAD_LINE, f"Invalid value: {error}")
        except FieldError as error:
            self._note_field(document, error)
        else:
            yield row

    def _row(self, document: documents.Line) -> bytes:
        text = document.text
        if documents.too_long(text):
            raise FieldError(
                BAD_LINE, f"Invalid value: JSON object exceeds {documents.MAX_DOCUMENT} bytes.", b""
            )
        fields = [
            convert(raw)
            for convert, raw in zip(self._converters, map(bytes, self._fields(text)), strict=True)
        ]
        self.loaded += 1
        return b"\t".join(fields) + b"\n"

    def _note_field(self, document: documents.Line, error: FieldError) -> None:
        column = None if error.code == BAD_LINE else self._culprit(document.text)
        self._note(document.number, document.text, error.code, error.reason, column=column, value=error.value)

    def _culprit(self, text: bytes) -> Column | None:
        for column, convert, raw in zip(self._columns, self._converters, self._fields(text), strict=True):
            try:
                convert(bytes(raw))
            except FieldError:
                return column
        return None

    def _note_bad_utf8(self, line: documents.Line) -> None:
        column, value = None, b""
        try:
            for found, raw in zip(self._columns, self._fields(line.text), strict=True):
                if not _is_utf8(bytes(raw)):
                    column, value = found, bytes(raw)
                    break
        except msgspec.DecodeError:
            column = None
        reason = "String contains invalid or unsupported UTF8 codepoints"
        self._note(line.number, line.text, BAD_UTF8, reason, column=column, value=value)

    def _note(
        self,
        number: int,
        text: bytes,
        code: int,
        reason: str,
        *,
        column: Column | None = None,
        value: bytes = b"",
    ) -> None:
        # no more than the system tables keep, so that memory stays flat
        self.errors.append(LoadError(self._file, number, column, code, reason, text[:1024], value[:1024]))
        if len(self.errors) >= self._limit:
            raise TooManyErrors


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _whole(document: bytes) -> tuple[bytes]:
    """Return the document itself, for FORMAT JSON 'noshred'."""
    _decode_object(document)
    return (document.strip(),)


def _shredder(columns: list[Column]) -> Fields:
    """Return the function that finds each column's value in a document, as its JSON text."""
    fields = [
        (f"f{number}", msgspec.Raw, msgspec.field(name=column.name, default=_ABSENT))
        for number, column in enumerate(columns)
    ]
    shape = msgspec.defstruct("Document", fields, gc=False)
    decode = msgspec.json.Decoder(shape).decode
    astuple = msgspec.structs.astuple

    def shred(document: bytes) -> tuple[msgspec.Raw, ...]:
        return astuple(decode(document))

    return shred
