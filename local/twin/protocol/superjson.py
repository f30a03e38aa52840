"""SUPER values as Redshift shows them: JSON without white space."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from local.twin.protocol import wire

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

_SPACE_OR_STRING = re.compile(rb'("(?:[^"\\]|\\.)*")|\s+')
# PostgreSQL's jsonb in binary form begins with its version.
_BINARY = b"\x01"


def compact(value: bytes) -> bytes:
    """Return JSON without the white space between its tokens."""
    return _SPACE_OR_STRING.sub(lambda found: found[1] or b"", value.removeprefix(_BINARY))


def compact_row(body: bytes, columns: AbstractSet[int]) -> bytes:
    """Return a DataRow's body with these columns' JSON compact."""
    values = wire.row_values(body)
    return wire.row(
        compact(value) if value is not None and number in columns else value
        for number, value in enumerate(values)
    )
