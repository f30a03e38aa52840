"""Messages of the PostgreSQL wire protocol, version 3: framing, building, reading."""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from local.twin.errors import TwinError

SSL_REQUEST = 80877103
GSS_REQUEST = 80877104
CANCEL_REQUEST = 80877102
PROTOCOL_3 = 196608

JSONB_OID = 3802
SUPER_OID = 4000

# A statement's text or a bound value may be long, but no client of a test double needs more.
MAX_MESSAGE = 64 * 1024 * 1024


class Reader(Protocol):
    """Anything with a blocking, exact `read` (a socket's file)."""

    def read(self, size: int, /) -> bytes:
        """Return exactly `size` bytes, or fewer at the end of the stream."""


class ClosedError(Exception):
    """The other side closed its end of the connection."""


def read_exactly(stream: Reader, size: int) -> bytes:
    """Return `size` bytes of the stream; raises `ClosedError` when it ends before."""
    data = stream.read(size)
    if len(data) != size:
        raise ClosedError
    return data


def read_message(stream: Reader) -> tuple[bytes, bytes]:
    """Return the next message as (type, body)."""
    head = read_exactly(stream, 5)
    size = struct.unpack("!I", head[1:])[0] - 4
    if not 0 <= size <= MAX_MESSAGE:
        raise ClosedError
    return head[:1], read_exactly(stream, size)


def read_startup(stream: Reader) -> tuple[int, bytes]:
    """Return the first packet of a connection as (protocol or request code, body)."""
    size, code = struct.unpack("!II", read_exactly(stream, 8))
    if not 8 <= size <= 10_000:  # noqa: PLR2004 - the limit PostgreSQL itself sets for this packet
        raise ClosedError
    return code, read_exactly(stream, size - 8)


def message(kind: bytes, body: bytes = b"") -> bytes:
    """Return one framed message."""
    return kind + struct.pack("!I", len(body) + 4) + body


def text(value: str) -> bytes:
    """Return a string as the protocol carries it, with its closing zero byte."""
    return value.encode() + b"\0"


def cut_text(body: bytes, start: int = 0) -> tuple[str, int]:
    """Return the zero-terminated string at `start` and the position after it."""
    end = body.index(b"\0", start)
    return body[start:end].decode(errors="replace"), end + 1


def startup_parameters(body: bytes) -> dict[str, str]:
    """Return the names and values of a start-up packet."""
    words = [word.decode(errors="replace") for word in body.split(b"\0")]
    return {name: value for name, value in zip(words[::2], words[1::2], strict=False) if name}


def md5_answer(user: str, password: str, salt: bytes) -> str:
    """Return what a client must answer to the MD5 password request with this salt."""
    inner = hashlib.md5((password + user).encode(), usedforsecurity=False).hexdigest()
    return "md5" + hashlib.md5(inner.encode() + salt, usedforsecurity=False).hexdigest()


def error(failure: TwinError, severity: str = "ERROR") -> bytes:
    """Return an ErrorResponse."""
    fields = {"S": severity, "C": failure.code, "M": failure.message, "D": failure.detail}
    return message(b"E", _fields(fields))


def info(note: str) -> bytes:
    """Return a NoticeResponse of the level Redshift uses after a COPY."""
    return message(b"N", _fields({"S": "INFO", "C": "00000", "M": note}))


def _fields(fields: dict[str, str]) -> bytes:
    return b"".join(name.encode() + text(value) for name, value in fields.items() if value) + b"\0"


def error_fields(body: bytes) -> dict[str, str]:
    """Return the fields of an ErrorResponse by their one-letter codes."""
    parts = [part.decode(errors="replace") for part in body.split(b"\0") if part]
    return {part[0]: part[1:] for part in parts}


def parameter_status(name: str, value: str) -> bytes:
    """Return a ParameterStatus."""
    return message(b"S", text(name) + text(value))


def complete(tag: str) -> bytes:
    """Return a CommandComplete."""
    return message(b"C", text(tag))


def ready(status: bytes) -> bytes:
    """Return a ReadyForQuery with the transaction's status."""
    return message(b"Z", status)


def row_values(body: bytes) -> list[bytes | None]:
    """Return the columns of a DataRow."""
    values: list[bytes | None] = []
    at = 2
    for _ in range(struct.unpack_from("!H", body)[0]):
        (size,) = struct.unpack_from("!i", body, at)
        at += 4
        values.append(None if size < 0 else body[at : at + size])
        at += max(size, 0)
    return values


def row(values: Iterable[bytes | None]) -> bytes:
    """Return the body of a DataRow."""
    columns = [
        struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value for value in values
    ]
    return struct.pack("!H", len(columns)) + b"".join(columns)


def super_columns(body: bytes) -> tuple[bytes, frozenset[int]]:
    """Return a RowDescription with jsonb shown as Redshift's SUPER, and which columns those are."""
    changed = bytearray(body)
    found = set()
    at = 2
    for number in range(struct.unpack_from("!H", body)[0]):
        at = body.index(b"\0", at) + 1
        if struct.unpack_from("!I", body, at + 6)[0] == JSONB_OID:
            struct.pack_into("!I", changed, at + 6, SUPER_OID)
            found.add(number)
        at += 18
    return bytes(changed), frozenset(found)
