"""Files as rows of PostgreSQL's COPY text, whatever their format: counted, and with what was refused."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from local.twin.errors import not_in_twin
from local.twin.load.characters import Replacer
from local.twin.load.fields import FieldError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from local.twin.load.fields import Column, Rules

# Of a line and of a value the system tables keep no more: so memory stays flat.
_KEPT = 1024
# AWS, "STL_LOADERROR_DETAIL" and "ACCEPTINVCHARS": as many are logged for each slice.
MAX_DETAILS = 20
MAX_REPLACEMENTS = 100


@dataclasses.dataclass(frozen=True)
class Value:
    """A value of a refused record, for stl_loaderror_detail."""

    column: Column
    text: bytes


@dataclasses.dataclass(frozen=True)
class LoadError:
    """One refused record, as the system tables show it."""

    file: str
    line: int
    column: Column | None
    code: int
    reason: str
    raw_line: bytes
    raw_field: bytes
    # up to the value that was refused
    values: tuple[Value, ...] = ()


@dataclasses.dataclass(frozen=True)
class Replacement:
    """A record in which ACCEPTINVCHARS replaced characters."""

    file: str
    line: int
    column: Column | None
    raw_line: bytes


class TooManyErrors(Exception):  # noqa: N818 - the limit that was reached, said plainly
    """The load has met as many errors as MAXERROR allows."""


class Rows:
    """Turns files into rows; what a record is, each format says in `batches`."""

    def __init__(self, columns: Sequence[Column], rules: Rules, error_limit: float) -> None:
        self._columns = columns
        self._replace = Replacer(rules.accept_inv_chars) if rules.accept_inv_chars else None
        self._limit = error_limit
        self._file = ""
        self.loaded = 0
        self.lines = 0
        self.refused = 0
        self.replaced = 0
        # what nobody has taken yet
        self.errors: list[LoadError] = []
        self.replacements: list[Replacement] = []

    def of_file(self, url: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield a file's rows, many at once; raises `TooManyErrors`."""
        self._file = url
        self.lines = 0
        try:
            yield from self.batches(chunks)
        except RecursionError as deep:
            raise not_in_twin("JSON of about a thousand levels or more") from deep

    def batches(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the rows of one file's bytes, many at once."""
        raise NotImplementedError

    def note(
        self,
        line: int,
        raw: bytes,
        code: int,
        reason: str,
        *,
        column: Column | None = None,
        value: bytes = b"",
        values: tuple[Value, ...] = (),
    ) -> None:
        """Note a refused record; raises `TooManyErrors` when it is one too many."""
        if self._replace:
            # what was replaced in it is not loaded
            self._replace.used = False
        kept = values if self.refused < MAX_DETAILS else ()
        self.refused += 1
        self.errors.append(
            LoadError(self._file, line, column, code, reason, raw[:_KEPT], value[:_KEPT], kept)
        )
        if self.refused >= self._limit:
            raise TooManyErrors

    def take_errors(self) -> list[LoadError]:
        """Return the errors that were noted since the last time."""
        taken, self.errors = self.errors, []
        return taken

    def note_field(
        self,
        line: int,
        raw: bytes,
        error: FieldError,
        fields: Sequence[bytes],
        convert: Callable[[int, bytes], object],
    ) -> None:
        """Note a record refused for a value, which is found by converting its fields again."""
        values: list[Value] = []
        culprit = None
        for at, (column, field) in enumerate(zip(self._columns, fields, strict=False)):
            values.append(Value(column, field[:_KEPT]))
            try:
                convert(at, field)
            except FieldError:
                culprit = column
                break
        self.note(
            line, raw, error.code, error.reason, column=culprit, value=error.value, values=tuple(values)
        )

    def note_replacements(self, line: int, raw: bytes, fields: Sequence[bytes]) -> None:
        """Count a loaded record if characters of it were replaced."""
        if self._replace is None or not self._replace.used:
            return
        self.replaced += 1
        if len(self.replacements) < MAX_REPLACEMENTS:
            named = zip(self._columns, fields, strict=False)
            replaced = (column for column, field in named if self._replaces(column, field))
            self.replacements.append(Replacement(self._file, line, next(replaced, None), raw[:_KEPT]))
        self._replace.used = False

    def _replaces(self, column: Column, field: bytes) -> bool:
        varying = column.type.startswith("character varying")
        return varying and self._replace is not None and self._replace(field) != field
