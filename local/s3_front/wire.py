"""HTTP/1.1 messages as they go through the front: the head is parsed, the body streams by as it is."""

from __future__ import annotations

import dataclasses
import socket
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader

BLOCK_BYTES = 256 * 1024
_MAX_HEAD_BYTES = 64 * 1024
_BODILESS = {204, 304}


class BrokenOffError(Exception):
    """A connection ended in the middle of a message."""


@dataclasses.dataclass(frozen=True)
class Head:
    """The first line of a message and its header lines as they came, and the headers by lower-case name."""

    first: str
    lines: tuple[bytes, ...]
    headers: dict[str, str]

    def encoded(self, *, without: str = "") -> bytes:
        """Return the head as it came, but for one header."""
        left_out = without.lower().encode() + b":"
        kept = b"".join(line for line in self.lines if not line.lower().startswith(left_out))
        return self.first.encode("latin-1") + b"\r\n" + kept + b"\r\n"

    @property
    def method(self) -> str:
        """The method of a request."""
        return self.first.partition(" ")[0]

    @property
    def status(self) -> int:
        """The status of an answer."""
        return int(self.first.split(" ", 2)[1])

    @property
    def closes(self) -> bool:
        """Whether the connection ends with this message."""
        return self.headers.get("connection", "").lower() == "close"


def opened(connection: socket.socket) -> BufferedReader:
    """Return what a connection brings, to be read in pieces; what is sent over it goes out at once."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return cast("BufferedReader", connection.makefile("rb", BLOCK_BYTES))


def read_head(stream: BufferedReader) -> Head | None:
    """Return the head of the next message, or None where the connection ended before it."""
    first = stream.readline(_MAX_HEAD_BYTES)
    if not first:
        return None
    lines: list[bytes] = []
    while (line := stream.readline(_MAX_HEAD_BYTES)) not in (b"\r\n", b"\n"):
        if not line or len(lines) > _MAX_HEAD_BYTES // 64:
            raise BrokenOffError
        lines.append(line)
    pairs = (line.decode("latin-1").partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return Head(first.decode("latin-1").rstrip("\r\n"), tuple(lines), headers)


def request_body(head: Head, stream: BufferedReader) -> Iterator[bytes]:
    """Yield the body of a request, chunked ones with their framing."""
    if "chunked" in head.headers.get("transfer-encoding", "").lower():
        return _chunks(stream)
    return _exactly(stream, int(head.headers.get("content-length", "0")))


def answer_body(head: Head, stream: BufferedReader, method: str) -> Iterator[bytes]:
    """Yield the body of an answer, chunked ones with their framing."""
    if method == "HEAD" or head.status in _BODILESS:
        return iter(())
    if "chunked" in head.headers.get("transfer-encoding", "").lower():
        return _chunks(stream)
    if "content-length" in head.headers:
        return _exactly(stream, int(head.headers["content-length"]))
    return iter(lambda: stream.read1(BLOCK_BYTES), b"")


def _exactly(stream: BufferedReader, size: int) -> Iterator[bytes]:
    while size:
        block = stream.read1(min(size, BLOCK_BYTES))
        if not block:
            raise BrokenOffError
        size -= len(block)
        yield block


def _chunks(stream: BufferedReader) -> Iterator[bytes]:
    while True:
        line = stream.readline(_MAX_HEAD_BYTES)
        if not line:
            raise BrokenOffError
        yield line
        size = int(line.partition(b";")[0], 16)
        if not size:
            break
        yield from _exactly(stream, size + len(b"\r\n"))
    while line not in (b"\r\n", b"\n"):
        line = stream.readline(_MAX_HEAD_BYTES)
        if not line:
            raise BrokenOffError
        yield line
