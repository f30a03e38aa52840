"""The front itself: one thread a connection of a client, with one connection to the server behind it."""

from __future__ import annotations

import contextlib
import dataclasses
import fnmatch
import select
import socket
import socketserver
import struct
import time
from http import HTTPStatus
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from local.environment import LOOPBACK
from local.s3_front.faults import STATUS, Armed, ArmedFault, Fault, Record
from local.s3_front.operations import READING, Asked, asked
from local.s3_front.wire import BrokenOffError, Head, answer_body, opened, read_head, request_body

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_PACE_SECONDS = 0.05


class Front(socketserver.ThreadingTCPServer):
    """Passes requests on to the S3 server on another port, as policy and armed faults let it."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, server_port: int, read_only: Sequence[str]) -> None:
        """Listen on loopback.

        Args:
            port: where to listen.
            server_port: where the S3 server listens.
            read_only: names of buckets, or patterns of names such as `raw-*`, that may only be read.
        """
        self.server_port = server_port
        self.armed = Armed()
        self.record = Record()
        self._read_only = tuple(read_only)
        super().__init__((LOOPBACK, port), _Conversation)

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        """Close a client's connection; without the shutdown before, so that a reset is one."""
        self.close_request(request)

    def allows(self, request: Asked, headers: dict[str, str]) -> bool:
        """Return whether the policy lets a request pass, and note it."""
        # a bucket named by the host, not the path, would pass unseen
        by_path = headers.get("host", "").partition(":")[0] in (LOOPBACK, "localhost")
        kept = any(fnmatch.fnmatchcase(request.bucket, pattern) for pattern in self._read_only)
        allowed = by_path and (not kept or request.operation in READING)
        self.record.note(request, allowed=allowed)
        if not allowed:
            print(f"forbidden: {request}", flush=True)
        return allowed


class _EndedError(Exception):
    """The client's connection is to be closed."""


class _Conversation(socketserver.BaseRequestHandler):
    server: Front
    request: socket.socket

    def handle(self) -> None:
        # an end without an answer is all that can be said where either side is gone
        with (
            contextlib.suppress(_EndedError, BrokenOffError, OSError),
            opened(self.request) as self._stream,
            contextlib.closing(_Behind(self.server.server_port)) as self._behind,
        ):
            while head := read_head(self._stream):
                self._exchange(head)

    def _exchange(self, head: Head) -> None:
        request = asked(head.method, head.first.split(" ")[1], head.headers)
        body = request_body(head, self._stream)
        if not self.server.allows(request, head.headers):
            self._refuse(head, body, "AccessDenied", request)
            return
        faults = self.server.armed.meant_for(request)
        for fault in self._striking("request", faults):
            if fault.does == "error":
                self._refuse(head, body, fault.code, request)
                return
            if fault.does == "page":
                head = _with_pages_of(head, fault.keys)
            self._strike(fault)
        self._pass_on(head, body, request, faults)

    def _pass_on(
        self, head: Head, body: Iterable[bytes], request: Asked, faults: Sequence[ArmedFault]
    ) -> None:
        self._behind.begin(head.encoded(without="Expect"))
        if "expect" in head.headers:
            self.request.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        whole = all(self._behind.takes(block) for block in body)
        answer, answered = self._behind.answer(head.method)
        for fault in self._striking("answer", faults):
            if fault.does == "error":
                self._refuse(head, answered, fault.code, request)
                return
            self._strike(fault)
        self.request.sendall(answer.encoded())
        for block in self._harmed(answered, [one for one in faults if one.fault.at == "body"]):
            self.request.sendall(block)
        if head.closes or answer.closes or not whole:
            raise _EndedError

    def _refuse(self, head: Head, unread: Iterable[bytes], code: str, request: Asked) -> None:
        """Answer with an error in place of the server; what the client still sends is read and dropped."""
        ends = "expect" in head.headers or head.closes
        if "expect" not in head.headers:
            for _ in unread:
                pass
        text = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>the front before S3 '
            f"answered {escape(str(request))}</Message><RequestId>front</RequestId></Error>"
        ).encode()
        lines = (
            f"HTTP/1.1 {STATUS[code]} {code}",
            "Content-Type: application/xml",
            f"Content-Length: {len(text)}",
            *(("Connection: close",) if ends else ()),
        )
        sent = b"" if head.method == "HEAD" else text
        self.request.sendall("\r\n".join([*lines, "", ""]).encode() + sent)
        if ends:
            raise _EndedError

    def _striking(self, moment: str, faults: Sequence[ArmedFault]) -> Iterator[Fault]:
        for one in faults:
            if one.fault.at == moment and self.server.armed.strikes(one):
                yield one.fault

    def _strike(self, fault: Fault) -> None:
        time.sleep(fault.seconds)
        if fault.does == "reset":
            # closed with a linger of no time: a reset
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if fault.does in ("close", "reset"):
            raise _EndedError

    def _harmed(self, blocks: Iterable[bytes], faults: Sequence[ArmedFault]) -> Iterator[bytes]:
        pending = sorted(faults, key=lambda one: one.fault.after_bytes)
        sent = rate = 0
        for block in blocks:
            left = block
            while pending and pending[0].fault.after_bytes < sent + len(left):
                one = pending.pop(0)
                before = one.fault.after_bytes - sent
                yield from _paced(left[:before], rate)
                left, sent = left[before:], sent + before
                if not self.server.armed.strikes(one):
                    continue
                if one.fault.does == "corrupt":
                    left = bytes([left[0] ^ 1]) + left[1:]
                rate = one.fault.rate or rate
                self._strike(one.fault)
            yield from _paced(left, rate)
            sent += len(left)


class _Behind:
    """A connection to the S3 server, made anew when the server has closed it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connect()

    def _connect(self) -> None:
        self._socket = socket.create_connection((LOOPBACK, self._port))
        self._stream = opened(self._socket)

    def begin(self, head: bytes) -> None:
        """Send the head of a request."""
        # nothing is due between two answers: what can be read is the end
        if select.select([self._socket], [], [], 0)[0]:
            self.close()
            self._connect()
        self._socket.sendall(head)

    def takes(self, block: bytes) -> bool:
        """Send some of a request's body; False where the server has answered before all of it, and closed."""
        try:
            self._socket.sendall(block)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def answer(self, method: str) -> tuple[Head, Iterator[bytes]]:
        """Return head and body of the answer."""
        while head := read_head(self._stream):
            if head.status >= HTTPStatus.OK:
                return head, answer_body(head, self._stream, method)
        raise BrokenOffError

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()
        self._socket.close()


def _paced(block: bytes, rate: int) -> Iterator[bytes]:
    if not rate:
        yield block
        return
    size = max(1, int(rate * _PACE_SECONDS))
    for start in range(0, len(block), size):
        yield block[start : start + size]
        time.sleep(min(size, len(block) - start) / rate)


def _with_pages_of(head: Head, keys: int) -> Head:
    method, target, version = head.first.split(" ")
    path, _, query = target.partition("?")
    kept = [pair for pair in query.split("&") if pair and not pair.startswith("max-keys=")]
    return dataclasses.replace(
        head, first=f"{method} {path}?{'&'.join([*kept, f'max-keys={keys}'])} {version}"
    )
