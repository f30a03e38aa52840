"""Where a task touches the world outside: each touch is a seam at which the harness may do harm."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError
from redshift_connector.core import Connection
from urllib3.exceptions import ProtocolError

from tests.harness.story import NONE, Deeds


@dataclass
class Seams:
    """Counts the seams of one try of a task, and does there what was chosen for it."""

    give_up: Callable[[], None]
    deeds: Deeds = NONE
    passed: int = 0
    requests: int = 0
    messages: int = 0

    def begin(self, deeds: Deeds) -> None:
        """Begin a try."""
        self.deeds, self.passed, self.requests, self.messages = deeds, 0, 0, 0
        # Nobody handles the alarm: it ends the process.
        signal.setitimer(signal.ITIMER_REAL, deeds.kill_after)

    def end(self) -> None:
        """End the try: nothing more goes wrong."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        self.deeds = NONE

    def touch(self) -> None:
        """Pass a seam: killed there, or given up for lost, or neither."""
        self.passed += 1
        if self.passed == self.deeds.kill_at:
            self.kill()
        if self.passed == self.deeds.zombie_at:
            self.give_up()
            time.sleep(self.deeds.pause)

    def kill(self) -> None:
        """End this process."""
        os.kill(os.getpid(), signal.SIGKILL)


@dataclass
class Connections:
    """Connections to the warehouse with a seam before and after each statement and commit.

    A session that ended well leaves its connection to the next one: signing in costs more than a small load.
    """

    connect: Callable[[], Connection]
    seams: Seams
    idle: list[Connection] = field(default_factory=list)

    def __call__(self) -> "_Seamed":
        """Return a connection, as the driver would."""
        return _Seamed(self.idle.pop() if self.idle else self.connect(), self)

    @contextmanager
    def unseamed(self) -> Iterator[Connection]:
        """Give a connection at which nothing goes wrong, to look at what is committed."""
        connection = self.idle.pop() if self.idle else self.connect()
        connection.autocommit = True
        yield connection
        self.idle.append(connection)


class _Seamed:
    def __init__(self, real: Connection, home: Connections) -> None:
        self._real = real
        self._home = home
        self._sound = True

    @property
    def autocommit(self) -> bool:
        return bool(self._real.autocommit)

    @autocommit.setter
    def autocommit(self, wanted: bool) -> None:
        self._real.autocommit = wanted

    def cursor(self) -> "_Cursor":
        return _Cursor(self._real.cursor(), self)

    def commit(self) -> None:
        self.seamed(self._real.commit)

    def seamed(self, do: Callable[..., object], *arguments: object) -> None:
        self._home.seams.touch()
        sound, self._sound = self._sound, False
        do(*arguments)
        self._sound = sound
        self._home.seams.touch()

    def close(self) -> None:
        if not self._sound:
            self._real.close()
            return
        self._real.rollback()
        self._home.idle.append(self._real)


class _Cursor:
    def __init__(self, real: Any, connection: _Seamed) -> None:
        self._real = real
        self._connection = connection

    def execute(self, statement: str) -> None:
        self._connection.seamed(self._real.execute, statement)

    @property
    def rowcount(self) -> int:
        return int(self._real.rowcount)

    def fetchall(self) -> Any:
        return self._real.fetchall()

    def close(self) -> None:
        self._real.close()


@dataclass
class Requests:
    """S3 requests with a seam before and after each, some of which go wrong; a handler of botocore's `before-send`."""

    send: Callable[[AWSPreparedRequest], AWSResponse]
    seams: Seams

    def __call__(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        """Send a request; return its answer, or another one."""
        self.seams.touch()
        self.seams.requests += 1
        answer = self._answer(request, self.seams.deeds.s3.get(self.seams.requests, ""))
        self.seams.touch()
        return answer

    def _answer(self, request: AWSPreparedRequest, deed: str) -> AWSResponse:
        if deed in _FAILURES:
            return _failed(request, *_FAILURES[deed])
        if deed == "swallowed" and request.method == "PUT":
            return answered(request, 200, "", _XML)
        if deed == "reset":
            raise ConnectionClosedError(endpoint_url=request.url)
        if deed == "slow":
            time.sleep(0.05)
        answer = self.send(request)
        if deed == "lost":
            raise ConnectionClosedError(endpoint_url=request.url)
        if deed == "twice" and request.method == "PUT":
            request.reset_stream()
            answer = self.send(request)
        if deed == "short" and request.method == "GET":
            answer.raw = _CutOff(answer.raw)
        return answer


_FAILURES = {"500": (500, "InternalError"), "503": (503, "SlowDown"), "denied": (403, "AccessDenied")}


_XML = "application/xml"


def _failed(request: AWSPreparedRequest, status: int, code: str) -> AWSResponse:
    body = f"<Error><Code>{code}</Code><Message>As the harness wants it.</Message></Error>"
    return answered(request, status, body, _XML)


def answered(request: AWSPreparedRequest, status: int, body: str, kind: str) -> AWSResponse:
    """Return an answer that nobody has given."""
    headers: Any = {"content-type": kind}
    return AWSResponse(request.url, status, headers, _Body(body.encode()))


class _Body:
    """What is left of an answer's body."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: object) -> list[bytes]:
        return [self._content]

    def read(self, amount: int | None = None) -> bytes:
        size = len(self._content) if amount is None else amount
        given, self._content = self._content[:size], self._content[size:]
        return given


class _CutOff:
    """An answer whose connection is lost in the middle of its body: urllib3 was promised more bytes."""

    def __init__(self, real: Any) -> None:
        whole = real.read()
        self._half = _Body(whole[: len(whole) // 2])

    def read(self, amount: int | None = None) -> bytes:
        given = self._half.read(amount)
        if not given or amount is None:
            raise ProtocolError("Connection broken: IncompleteRead")
        return given

    def stream(self, **_: object) -> list[bytes]:
        raise ProtocolError("Connection broken: IncompleteRead")

    def close(self) -> None:
        """The rest was never read."""
