"""A client that says exactly the bytes a test wants, and hears every message."""

import hashlib
import socket
import struct
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from tests.twin.warehouse import PASSWORD, USER

Message = tuple[bytes, bytes]


class Raw:
    """A connection to the twin below the level of any driver."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._stream = self.socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(data)

    def receive(self) -> Message | None:
        """Return the next message; None when the twin has closed the connection."""
        try:
            head = self._stream.read(5)
            if len(head) < 5:
                return None
            return head[:1], self._stream.read(struct.unpack("!I", head[1:])[0] - 4)
        except ConnectionResetError:
            return None

    def until_ready(self) -> list[Message]:
        """Return the messages up to ReadyForQuery, which is the last; fewer when the twin hangs up."""
        return list(self._until(b"Z"))

    def _until(self, last: bytes) -> Iterator[Message]:
        while (found := self.receive()) is not None:
            yield found
            if found[0] == last:
                return

    def sign_in(self) -> Self:
        """Sign in; the key for cancelling is in `pid` and `secret`."""
        self.send(startup(user=USER, database="dev"))
        _, body = self.receive() or (b"", b"")
        inner = hashlib.md5((PASSWORD + USER).encode(), usedforsecurity=False).hexdigest()
        answer = hashlib.md5(inner.encode() + body[4:], usedforsecurity=False).hexdigest()
        self.send(message(b"p", b"md5" + answer.encode() + b"\0"))
        welcome = dict(self.until_ready())
        self.pid, self.secret = struct.unpack("!I4s", welcome[b"K"])
        return self

    def ask(self, *messages: bytes) -> list[Message]:
        """Send messages and return what they are answered with, up to ReadyForQuery."""
        self.send(b"".join(messages))
        return self.until_ready()


def message(kind: bytes, body: bytes = b"") -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


def startup(**parameters: str) -> bytes:
    words = b"".join(f"{name}\0{value}\0".encode() for name, value in parameters.items())
    body = struct.pack("!I", 196608) + words + b"\0"
    return struct.pack("!I", len(body) + 4) + body


def query(sql: str) -> bytes:
    return message(b"Q", sql.encode() + b"\0")


def parse(sql: str, name: str = "") -> bytes:
    return message(b"P", f"{name}\0{sql}\0".encode() + struct.pack("!H", 0))


def bind(name: str = "", portal: str = "", *values: str) -> bytes:
    """Return a Bind with text values."""
    texts = b"".join(struct.pack("!I", len(value.encode())) + value.encode() for value in values)
    head = f"{portal}\0{name}\0".encode() + struct.pack("!HH", 0, len(values))
    return message(b"B", head + texts + struct.pack("!H", 0))


def execute(portal: str = "", rows: int = 0) -> bytes:
    return message(b"E", portal.encode() + b"\0" + struct.pack("!I", rows))


def describe(kind: bytes, name: str = "") -> bytes:
    return message(b"D", kind + name.encode() + b"\0")


SYNC = message(b"S")


def run(sql: str) -> bytes:
    """Return one statement by the extended protocol, without Sync."""
    return parse(sql) + bind() + execute()


def kinds(messages: list[Message]) -> str:
    """Return the messages' types as one string."""
    return b"".join(kind for kind, _ in messages).decode()


def errors(messages: list[Message]) -> list[tuple[str, str]]:
    """Return the SQLSTATE and text of each error."""
    found = []
    for kind, body in messages:
        if kind == b"E":
            fields = {part[:1]: part[1:].decode() for part in body.split(b"\0") if part}
            found.append((fields[b"C"], fields[b"M"]))
    return found
