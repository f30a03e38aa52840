"""Messages of the PostgreSQL wire protocol, version 3: framing, building, reading."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Protocol

from local.twin.errors import TwinError

if TYPE_CHECKING:
    from collections.abc import Iterable

SSL_REQUEST = 80877103
GSS_REQUEST = 80877104
CANCEL_REQUEST = 80877102
PROTOCOL_3 = 196608

SUPER_OID = 4000

PROTOCOL_VIOLATION = "08P01"
# A statement's text or a bound value may be long, but no client of a test double needs more.
MAX_MESSAGE = 64 * 1024 * 1024
MAX_STATEMENT = 16 * 1024 * 1024


class Socket(Protocol):
    """What is received from before anything else is known of a client."""

    def recv(self, size: int, /) -> bytes:
        """Return at most `size` bytes, or none at the end of the stream."""


class Reader(Protocol):
    """Anything with a blocking, exact `read` (a socket's file)."""

    def read(self, size: int, /) -> bytes:
        """Return exactly `size` bytes, or fewer at the end of the stream."""


class ClosedError(Exception):
    """The other side closed its end of the connection."""


class FramingError(TwinError):
    """The client no longer speaks the protocol: the session can't go on."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code=PROTOCOL_VIOLATION)


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
        raise FramingError("invalid message length")
    return head[:1], read_exactly(stream, size)


def read_startup(client: Socket) -> tuple[int, bytes]:
    """Return the first packet of a connection as (protocol or request code, body).

    Not a byte more is received: what follows a request for TLS belongs to TLS.
    """
    size, code = struct.unpack("!II", _received(client, 8))
    if not 8 <= size <= 10_000:  # noqa: PLR2004 - the limit PostgreSQL itself sets for this packet
        raise ClosedError
    return code, _received(client, size - 8)


def _received(client: Socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = client.recv(size - len(data))
        if not more:
            raise ClosedError
        data += more
    return data


def message(kind: bytes, body: bytes = b"") -> bytes:
    """Return one framed message."""
    return kind + struct.pack("!I", len(body) + 4) + body


def text(value: str) -> bytes:
    """Return a string as the protocol carries it, with its closing zero byte."""
    return value.encode() + b"\0"


def cut_text(body: bytes, start: int = 0) -> tuple[str, int]:
    """Return the zero-terminated string at `start` and the position after it; raises `TwinError`."""
    end = body.find(b"\0", start)
    if end < 0:
        raise TwinError("invalid string in message", code=PROTOCOL_VIOLATION)
    try:
        return body[start:end].decode(), end + 1
    except UnicodeDecodeError as error:
        wrong = body[start + error.start : start + error.end].hex(" ")
        raise TwinError(f'invalid byte sequence for encoding "UTF8": {wrong}', code="22021") from None


def statement_text(body: bytes, start: int = 0) -> tuple[str, int]:
    """Return the SQL text at `start` and the position after it; raises `TwinError`, also for its size."""
    sql, end = cut_text(body, start)
    size = end - 1 - start
    if size > MAX_STATEMENT:
        raise TwinError(
            f"Statement is too large. Statement Size: {size} bytes. Maximum Allowed: {MAX_STATEMENT} bytes",
            code="42601",
        )
    return sql, end


def query_text(body: bytes) -> str:
    """Return the text of a simple query; raises `TwinError` when more than that is in the message."""
    sql, end = statement_text(body)
    if end != len(body):
        raise TwinError("invalid message format", code=PROTOCOL_VIOLATION)
    return sql


def parameter_count(body: bytes, at: int) -> int:
    """Return how many values a Bind carries, whose formats begin at `at`; raises `TwinError`."""
    try:
        (formats,) = struct.unpack_from("!H", body, at)
        return int(struct.unpack_from("!H", body, at + 2 + 2 * formats)[0])
    except struct.error:
        raise TwinError("insufficient data left in message", code=PROTOCOL_VIOLATION) from None


def parameter_types(body: bytes, at: int) -> tuple[int, ...]:
    """Return the numbers of the types which a Parse names for its parameters; raises `TwinError`."""
    try:
        (count,) = struct.unpack_from("!H", body, at)
        return struct.unpack_from(f"!{count}I", body, at + 2)
    except struct.error:
        raise TwinError("insufficient data left in message", code=PROTOCOL_VIOLATION) from None


def startup_parameters(body: bytes) -> dict[str, str]:
    """Return the names and values of a start-up packet."""
    words = [word.decode(errors="replace") for word in body.split(b"\0")]
    return {name: value for name, value in zip(words[::2], words[1::2], strict=False) if name}


def error(failure: TwinError, severity: str = "ERROR") -> bytes:
    """Return an ErrorResponse."""
    fields = {"S": severity, "C": failure.code, "M": failure.message, "D": failure.detail}
    return message(b"E", _fields(fields))


def info(note: str) -> bytes:
    """Return a NoticeResponse of the level Redshift uses after a COPY."""
    return message(b"N", _fields({"S": "INFO", "C": "00000", "M": note}))


def warning(note: str, code: str) -> bytes:
    """Return a NoticeResponse that warns."""
    return message(b"N", _fields({"S": "WARNING", "C": code, "M": note}))


def _fields(fields: dict[str, str]) -> bytes:
    return b"".join(name.encode() + text(value) for name, value in fields.items() if value) + b"\0"


def error_fields(body: bytes) -> dict[str, str]:
    """Return the fields of an ErrorResponse by their one-letter codes."""
    parts = [part.decode(errors="replace") for part in body.split(b"\0") if part]
    return {part[0]: part[1:] for part in parts}


def parameter_status(name: str, value: str) -> bytes:
    """Return a ParameterStatus."""
    return message(b"S", text(name) + text(value))


def without_count(body: bytes) -> bytes:
    """Return PostgreSQL's tag as Redshift has it: SELECT and FETCH say no number of rows."""
    return body.split(b" ")[0] + b"\0" if body.startswith((b"SELECT ", b"FETCH ")) else body


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


def super_columns(body: bytes, super_oid: int) -> tuple[bytes, frozenset[int]]:
    """Return a RowDescription with the twin's SUPER under Redshift's number, and which columns those are."""
    changed = bytearray(body)
    found = set()
    at = 2
    for number in range(struct.unpack_from("!H", body)[0]):
        at = body.index(b"\0", at) + 1
        if struct.unpack_from("!I", body, at + 6)[0] == super_oid:
            struct.pack_into("!I", changed, at + 6, SUPER_OID)
            found.add(number)
        at += 18
    return bytes(changed), frozenset(found)
