"""JSON documents as rows: 'auto', 'auto ignorecase', 'noshred' and JSONPaths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from local.twin.errors import not_in_twin
from local.twin.load import documents
from local.twin.load.characters import LONE_SURROGATE, bad_utf8, is_utf8, mask_lone_surrogates
from local.twin.load.fields import BAD_LINE, BAD_UTF8, FieldError, required
from local.twin.load.jsonpaths import by_paths
from local.twin.load.jsonvalues import json_converter
from local.twin.load.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from local.twin.load.fields import Column, Rules
    from local.twin.load.jsonpaths import Path, Shred

_ABSENT = msgspec.Raw(b"null")
_BROKEN = (msgspec.DecodeError, UnicodeDecodeError)
_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class JsonRows(Rows):
    """Turns files of JSON documents into rows."""

    def __init__(
        self, columns: Sequence[Column], rules: Rules, error_limit: float, *, shred: Shred, ignore_header: int
    ) -> None:
        super().__init__(columns, rules, error_limit)
        converters = [json_converter(column.type, rules, self._replace) for column in columns]
        self._converters = [
            required(convert) if column.not_null else convert
            for column, convert in zip(columns, converters, strict=True)
        ]
        self._shred = shred
        self._ignore_header = ignore_header

    def batches(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the rows of one file's documents."""
        # arrays are documents, too: whether they hold the columns is seen when they are shredded
        rest = documents.Documents(arrays=True)
        for block, oversized in documents.blocks_of_lines(chunks):
            texts = block.split(b"\n")
            if not texts[-1]:
                texts.pop()
            out: list[bytes] = []
            clean = block.isascii() or self._replace is not None or is_utf8(block)
            for text in texts:
                self.lines += 1
                if self.lines <= self._ignore_header:
                    continue
                if oversized:
                    self._note_broken(text, f"Invalid value: the line exceeds {documents.MAX_LINE} bytes.")
                elif not clean and not is_utf8(text):
                    self._note_bad_utf8(text)
                elif rest.open or not self._one_document(text, out):
                    self._documents(text, rest, out)
            yield b"".join(out)
        try:
            rest.finish()
        except documents.DocumentError as error:
            self._note_broken(error.text, error.reason)

    def _one_document(self, text: bytes, out: list[bytes]) -> bool:
        """Read a line that is a document, as most are, and return whether it was."""
        try:
            out.append(self._row(text))
        except _BROKEN:
            return False
        except FieldError as error:
            self._refuse(text, text, error)
        return True

    def _documents(self, text: bytes, rest: documents.Documents, out: list[bytes]) -> None:
        """Read the documents that end on this line."""
        try:
            for document in rest.feed(text):
                # the reader of JSON refuses whole what is a fault of one value only
                readable = mask_lone_surrogates(document)
                try:
                    if readable != document:
                        self._refuse_surrogates(readable)
                    out.append(self._row(readable))
                except _BROKEN as error:
                    self._note_broken(document, f"Invalid value: {error}")
                except FieldError as error:
                    self._refuse(document, readable, error)
        except documents.DocumentError as error:
            self._note_broken(error.text, error.reason)

    def _row(self, document: bytes) -> bytes:
        if documents.too_long(document):
            raise FieldError(BAD_LINE, f"Invalid value: JSON object exceeds {documents.MAX_DOCUMENT} bytes.")
        fields = [
            convert(raw)
            for convert, raw in zip(self._converters, map(bytes, self._shred(document)), strict=True)
        ]
        self.loaded += 1
        if self._replace:
            self.note_replacements(self.lines, document, [bytes(raw) for raw in self._shred(document)])
        return b"\t".join(fields) + b"\n"

    def _note_broken(self, text: bytes, reason: str) -> None:
        # AWS, "Data format parameters": the last line of the object is the error's
        self.note(self.lines, text, BAD_LINE, reason)

    def _refuse_surrogates(self, masked: bytes) -> None:
        """Raise when a column would get half a surrogate pair, even inside an object that is loaded as text."""
        for at, raw in enumerate(self._shred(masked)):
            self._convert(at, bytes(raw))

    def _refuse(self, document: bytes, readable: bytes, error: FieldError) -> None:
        if error.code == BAD_LINE:
            self.note(self.lines, document, error.code, error.reason, value=error.value)
            return
        fields = [bytes(raw) for raw in self._shred(readable)]
        self.note_field(self.lines, document, error, fields, self._convert)

    def _convert(self, at: int, raw: bytes) -> bytes:
        if LONE_SURROGATE in raw and self._columns[at].type.startswith("character"):
            raise bad_utf8(raw)
        return self._converters[at](raw)

    def _note_bad_utf8(self, text: bytes) -> None:
        try:
            fields = [bytes(raw) for raw in self._shred(text)]
        except (*_BROKEN, FieldError):
            fields = []
        column, value = None, b""
        for raw, found in zip(fields, self._columns, strict=False):
            if not is_utf8(raw):
                column, value = found, raw
                break
        self.note(self.lines, text, BAD_UTF8, bad_utf8(value or text).reason, column=column, value=value)


def shredder(how: str, columns: Sequence[Column], paths: Sequence[Path] | None) -> Shred:
    """Return what finds the columns' values in a document: by paths, else as 'auto' or another word says."""
    if paths is not None:
        return by_paths(paths)
    if how == "noshred":
        return _whole
    names = [column.name for column in columns]
    return _by_folded_names(names) if how == "auto ignorecase" else _by_names(names)


def _whole(document: bytes) -> tuple[bytes]:
    """Return the document itself."""
    msgspec.json.decode(document)
    whole = document.strip()
    if not whole.startswith((b"{", b"[")):
        raise msgspec.DecodeError("not a JSON object or array")
    return (whole,)


def _by_names(names: Sequence[str]) -> Shred:
    fields = [
        (f"f{number}", msgspec.Raw, msgspec.field(name=name, default=_ABSENT))
        for number, name in enumerate(names)
    ]
    shape = msgspec.defstruct("Document", fields, gc=False)
    decode = msgspec.json.Decoder(shape).decode
    astuple = msgspec.structs.astuple

    def shred(document: bytes) -> tuple[bytes, ...]:
        return astuple(decode(document))

    return shred


def _by_folded_names(names: Sequence[str]) -> Shred:
    def shred(document: bytes) -> list[bytes]:
        found = _decode_object(document)
        folded = {key.lower(): raw for key, raw in found.items()}
        if len(folded) < len(found):
            keys = [key.lower() for key in found]
            for name in names:
                if keys.count(name) > 1:
                    # which of them Redshift takes is not documented
                    raise not_in_twin(f"JSON 'auto ignorecase' with the key \"{name}\" in two spellings")
        return [bytes(folded.get(name, _ABSENT)) for name in names]

    return shred
