"""Compressed bytes in, plain bytes out, by what the bytes say they are and not by a file's name."""

import bz2
import io
import sys
from collections.abc import Iterator
from typing import IO, Any, Protocol, cast

from isal import igzip

from log_router.core.errors import BrokenObject

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

BLOCK_BYTES = 1024 * 1024
_READ_BYTES = 64 * 1024
_MAGIC_BYTES = 4
_GZIP = b"\x1f\x8b"
_BZIP2 = b"BZh"
# A zstd frame, or one of the sixteen skippable frames that parallel writers put first.
_ZSTD = {b"\x28\xb5\x2f\xfd", *(bytes([0x50 + n]) + b"\x2a\x4d\x18" for n in range(16))}
_REMEDY = "have its producer write it again under a new key, or take it out of the partition"


class Readable(Protocol):
    """Anything that gives up to `size` bytes at a time, and nothing at its end."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes."""
        ...


def decompress(stream: Readable) -> Iterator[bytes]:
    """Yield the plain bytes of a stream that is plain, gzip (RFC 1952), zstd (RFC 8878) or bzip2.

    Blocks hold `BLOCK_BYTES` at most, so memory stays bounded whatever the ratio. Concatenated gzip members,
    zstd frames and bzip2 streams are read as one.

    Raises:
        BrokenObject: the compressed data is corrupt, or ends before its end.
    """
    head = _read_full(stream, _MAGIC_BYTES)
    whole = _Prefixed(head, stream)
    kind, plain = _opened(head, whole)
    try:
        while block := plain.read(BLOCK_BYTES):
            yield block
    except Exception as error:
        if whole.failure is not None:
            raise whole.failure from None
        if isinstance(error, EOFError):
            raise BrokenObject("truncated", f"its {kind} data ends too early; {_REMEDY}") from error
        raise BrokenObject("corrupt", f"its {kind} data is corrupt ({error}); {_REMEDY}") from error


def _opened(head: bytes, whole: "_Prefixed") -> tuple[str, Readable]:
    raw = cast("IO[bytes]", io.BufferedReader(whole, BLOCK_BYTES))
    if head.startswith(_GZIP):
        return "gzip", cast("Readable", igzip.IGzipFile(fileobj=raw, mode="rb"))  # type: ignore[no-untyped-call]
    if head in _ZSTD:
        return "zstd", zstd.ZstdFile(raw)
    if head.startswith(_BZIP2):
        return "bzip2", _Bzip2(raw)
    return "plain", whole


def _read_full(stream: Readable, size: int) -> bytes:
    head = b""
    while len(head) < size and (more := stream.read(size - len(head))):
        head += more
    return head


class _Bzip2:
    """Concatenated bzip2 streams as one; bz2.BZ2File ends without a word where a later stream is corrupt."""

    def __init__(self, raw: Readable) -> None:
        self._raw = raw
        self._stream = bz2.BZ2Decompressor()

    def read(self, size: int = -1, /) -> bytes:
        while True:
            compressed = b""
            if self._stream.eof:
                compressed = self._stream.unused_data or self._raw.read(_READ_BYTES)
                if not compressed:
                    return b""
                self._stream = bz2.BZ2Decompressor()
            elif self._stream.needs_input and not (compressed := self._raw.read(_READ_BYTES)):
                raise EOFError
            if plain := self._stream.decompress(compressed, size):
                return plain


class _Prefixed(io.RawIOBase):
    """A stream with bytes put back in front of it; an error of the stream is told from one of a codec."""

    def __init__(self, head: bytes, stream: Readable) -> None:
        self._head = head
        self._stream = stream
        self.failure: Exception | None = None

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        if self._head:
            head, self._head = self._head, b""
            return head
        try:
            return self._stream.read(size)
        except Exception as error:
            self.failure = error
            raise

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer)
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)
