"""ENCODING: files in UTF-16 as the UTF-8 that everything else reads."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

from local.twin.errors import TwinError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CODECS = {"utf16": "utf-16", "utf16le": "utf-16-le", "utf16be": "utf-16-be"}


def as_utf8(chunks: Iterable[bytes], encoding: str, url: str) -> Iterator[bytes]:
    """Yield a file's bytes as UTF-8; raises where they are not in the encoding that the COPY names."""
    if encoding == "utf8":
        yield from chunks
        return
    decoder = codecs.getincrementaldecoder(_CODECS[encoding])()
    first = True
    try:
        for chunk in chunks:
            if first and encoding == "utf16" and chunk[:2] not in _MARKS:
                raise UnicodeDecodeError("utf-16", chunk[:2], 0, 2, "no byte order mark")
            # the two that name their order may have a mark all the same
            text = decoder.decode(chunk)
            yield (text.removeprefix("\ufeff") if first else text).encode()
            first = False
        yield decoder.decode(b"", final=True).encode()
    except UnicodeError as error:
        raise TwinError(f"The file {url} is not encoded in {encoding.upper()}: {error}") from error
