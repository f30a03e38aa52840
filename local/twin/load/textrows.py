"""Records of CSV, delimited and fixed-width files as rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.twin.load.delimited import RecordReader
from local.twin.load.fields import EXTRA_COLUMNS, MISSING, NO_DELIMITER, NULL, FieldError
from local.twin.load.records import Layout, RecordError
from local.twin.load.rows import Rows
from local.twin.load.values import text_converter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from local.twin.load.command import CopyCommand
    from local.twin.load.fields import Column, Rules
    from local.twin.load.records import Record

# Rows are handed on in batches of about this size.
_BATCH = 1 << 18
_ERRORS = 10_000


def layout(command: CopyCommand) -> Layout:
    """Return how the command's files are split."""
    return Layout(
        kind="csv" if command.csv else "fixedwidth" if command.widths else "delimited",
        delimiter=command.delimiter or (b"," if command.csv else b"|"),
        quote=command.quote,
        escape=command.escape,
        remove_quotes=command.remove_quotes,
        ignore_header=command.ignore_header,
        ignore_blank_lines=command.ignore_blank_lines,
        widths=command.widths,
        keep_nul=command.null_as == b"\0",
    )


class TextRows(Rows):
    """Turns files of delimited fields into rows."""

    def __init__(self, columns: Sequence[Column], rules: Rules, command: CopyCommand) -> None:
        super().__init__(columns, rules, command.error_limit)
        self._layout = layout(command)
        self._null_as = command.null_as
        self._converters = [text_converter(column.type, rules, self._replace) for column in columns]
        self._required = [at for at, column in enumerate(columns) if column.not_null]
        self._texts = [column.type.startswith("character") for column in columns]
        self._empty_as_null = rules.empty_as_null
        self._fill = [_filled(column, rules) for column in columns] if command.fill_record else []

    def batches(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the rows of one file's records."""
        out: list[bytes] = []
        size = 0
        for record in RecordReader(self._layout).records(self._counted(chunks)):
            row = self._row_or_none(record)
            out.append(row)
            size += len(row)
            # the caller empties the errors, too, and hears of a cancel
            if size > _BATCH or len(self.errors) > _ERRORS:
                yield b"".join(out)
                out, size = [], 0
        yield b"".join(out)

    def _row_or_none(self, record: Record | RecordError) -> bytes:
        """Return a record's row, nothing for one that is refused."""
        if isinstance(record, RecordError):
            self._note_broken(record)
            return b""
        try:
            return self._row(record)
        except FieldError as error:
            self._refuse(record, error)
        return b""

    def _counted(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        last = b"\n"
        for chunk in chunks:
            self.lines += chunk.count(b"\n")
            last = chunk[-1:] or last
            yield chunk
        self.lines += last != b"\n"

    def _row(self, record: Record) -> bytes:
        null = self._null_as
        given = self._given(record)
        fields = [
            NULL if field == null else convert(field)
            for convert, field in zip(self._converters, given, strict=False)
        ]
        if record.quoted and (self._empty_as_null or not null):
            self._keep_quoted_empties(record, fields)
        fields += self._fill[len(fields) :]
        for at in self._required:
            if fields[at] == NULL:
                raise FieldError(MISSING, "Missing data for not-null field")
        self.loaded += 1
        if self._replace:
            self.note_replacements(record.number, record.raw, given)
        return b"\t".join(fields) + b"\n"

    def _given(self, record: Record) -> list[bytes]:
        """Return as many fields as there are columns; fewer only where FILLRECORD fills them up."""
        fields, wanted = record.fields, len(self._columns)
        if len(fields) == wanted:
            return fields
        if len(fields) > wanted:
            # AWS, "Preparing your input data": the last field may end in a delimiter
            if self._layout.kind == "delimited" and len(fields) == wanted + 1 and not fields[-1]:
                return fields[:-1]
            raise FieldError(EXTRA_COLUMNS, "Extra column(s) found")
        if not self._fill:
            raise FieldError(NO_DELIMITER, "Delimiter not found")
        return fields

    def _keep_quoted_empties(self, record: Record, fields: list[bytes]) -> None:
        """Empty fields are those with nothing between their delimiters, not even quotes."""
        for at in record.quoted:
            if not record.fields[at] and self._texts[at]:
                fields[at] = b""

    def _refuse(self, record: Record, error: FieldError) -> None:
        if error.code in {EXTRA_COLUMNS, NO_DELIMITER}:
            self.note(record.number, record.raw, error.code, error.reason)
            return
        null, convert, needed = self._null_as, self._converters, self._required

        def again(at: int, field: bytes) -> None:
            value = NULL if field == null else convert[at](field)
            if value == NULL and at in needed:
                raise error

        self.note_field(record.number, record.raw, error, record.fields, again)

    def _note_broken(self, record: RecordError) -> None:
        known = record.column is not None and record.column < len(self._columns)
        column = self._columns[record.column] if known and record.column is not None else None
        self.note(record.number, record.raw, record.code, record.reason, column=column, value=record.value)


def _filled(column: Column, rules: Rules) -> bytes:
    """Return what FILLRECORD puts into a column that a record lacks."""
    empty = column.type.startswith("character varying") and not rules.empty_as_null
    return b"" if empty else NULL
