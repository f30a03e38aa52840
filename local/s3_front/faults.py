"""Faults on demand: what a test asks the front to do wrong, when and how often; and what the front was asked.

A test arms faults through the control port, which is off unless it is given to the front:

    faults = S3Faults(port)
    faults.arm(at="body", does="close", operation="GetObject", matching="raw/a", after_bytes=1000)
    ...
    assert faults.hits() == [1]

Moments:
  request    before the request is passed on to the server
  answer     when the server has done what it was asked, before the client hears of it
  body       while the answer's body is sent, once `after_bytes` have gone and more are to come
Deeds:
  close      close the connection without a word
  reset      the same with a TCP reset
  delay      wait `seconds`, then go on
  error      answer with `code`; at `answer` in place of the server's
  slow       for `body`: no more than `rate` bytes a second from here on
  corrupt    for `body`: change one bit of the next byte
  page       for `request`: have a listing answer with pages of `keys` keys
"""

from __future__ import annotations

import dataclasses
import re
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any, Literal, get_args

from local.control import ask

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.s3_front.operations import Asked

Moment = Literal["request", "answer", "body"]
Deed = Literal["close", "reset", "delay", "error", "slow", "corrupt", "page"]
_MOMENTS = get_args(Moment)
_DEEDS: dict[Moment, set[Deed]] = {
    "request": {"close", "reset", "delay", "error", "page"},
    "answer": {"close", "reset", "delay", "error"},
    "body": {"close", "reset", "delay", "slow", "corrupt"},
}
# Amazon S3 API Reference, "Error responses".
STATUS = {
    "AccessDenied": 403,
    "NoSuchKey": 404,
    "PreconditionFailed": 412,
    "InternalError": 500,
    "SlowDown": 503,
}


@dataclasses.dataclass(frozen=True)
class Fault:
    """One thing to do wrong.

    Attributes:
        at: the moment.
        does: the deed.
        operation: the operation's name in S3's API; empty for any.
        bucket: the bucket's name; empty for any.
        matching: a regular expression, searched in the object's key.
        after: how many requests that match go unharmed before.
        times: how often it strikes; 0 for always.
        after_bytes: for `body`, how many bytes of it have gone before.
        seconds: for `delay`.
        code: for `error`, one of `STATUS`.
        rate: for `slow`, in bytes a second.
        keys: for `page`.
    """

    at: Moment
    does: Deed
    operation: str = ""
    bucket: str = ""
    matching: str = ""
    after: int = 0
    times: int = 1
    after_bytes: int = 0
    seconds: float = 0.0
    code: str = "InternalError"
    rate: int = 0
    keys: int = 0

    def __post_init__(self) -> None:
        """Refuse what can never strike."""
        if self.at not in _MOMENTS or self.does not in _DEEDS[self.at]:
            raise ValueError(f"at={self.at!r}, does={self.does!r}: know {_DEEDS}")
        if min(self.after, self.times, self.after_bytes, self.seconds) < 0:
            raise ValueError("after, times, after_bytes and seconds can't be negative")
        if self.does == "error" and self.code not in STATUS:
            raise ValueError(f"code={self.code!r}: know {', '.join(STATUS)}")
        if (self.does == "slow" and self.rate < 1) or (self.does == "page" and self.keys < 1):
            raise ValueError(f"does={self.does!r} needs its `rate` or `keys`")
        try:
            re.compile(self.matching)
        except re.error as error:
            raise ValueError(f"matching={self.matching!r} is no regular expression: {error}") from None

    def meets(self, asked: Asked) -> bool:
        """Return whether a request is one that the fault was armed for."""
        return (
            self.operation in ("", asked.operation)
            and self.bucket in ("", asked.bucket)
            and bool(re.search(self.matching, asked.key))
        )


@dataclasses.dataclass(eq=False)
class ArmedFault:
    """A fault with how often it has met a request and struck."""

    fault: Fault
    met: int = 0
    hits: int = 0


class Armed:
    """The faults that are armed; shared by all connections."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: list[ArmedFault] = []

    def arm(self, fault: Fault) -> None:
        """Add a fault."""
        with self._lock:
            self._armed.append(ArmedFault(fault))

    def clear(self) -> None:
        """Forget all faults and counts."""
        with self._lock:
            self._armed.clear()

    def hits(self) -> list[int]:
        """Return how often each fault has struck, in the order in which they were armed."""
        with self._lock:
            return [one.hits for one in self._armed]

    def meant_for(self, asked: Asked) -> list[ArmedFault]:
        """Return the faults that may strike in the course of a request."""
        with self._lock:
            met = [one for one in self._armed if one.fault.meets(asked)]
            for one in met:
                one.met += 1
            return [one for one in met if one.met > one.fault.after]

    def strikes(self, one: ArmedFault) -> bool:
        """Return whether a fault strikes now that its moment has come, and count it."""
        with self._lock:
            if 0 < one.fault.times <= one.hits:
                return False
            one.hits += 1
            return True


class Record:
    """What was asked, counted by bucket and operation, and what the policy forbade."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: Counter[tuple[str, str]] = Counter()
        self._violations: list[str] = []

    def note(self, asked: Asked, *, allowed: bool) -> None:
        """Count a request."""
        with self._lock:
            self._asked[asked.bucket, asked.operation] += 1
            if not allowed:
                self._violations.append(str(asked))

    def counts(self) -> list[tuple[str, str, int]]:
        """Return bucket, operation and how often."""
        with self._lock:
            return [(*what, count) for what, count in self._asked.items()]

    def violations(self) -> list[str]:
        """Return what was forbidden since this was last asked."""
        with self._lock:
            found, self._violations = self._violations, []
            return found


def commands(armed: Armed, record: Record) -> dict[str, Callable[[dict[str, Any]], object]]:
    """Return what the control port takes."""
    return {
        "arm": lambda request: armed.arm(Fault(**request["fault"])),
        "clear": lambda _: armed.clear(),
        "hits": lambda _: armed.hits(),
        "asked": lambda _: record.counts(),
        "violations": lambda _: record.violations(),
    }


class S3Faults:
    """A test's side of the control port."""

    def __init__(self, port: int) -> None:
        self.port = port

    def arm(self, **fault: Any) -> None:
        """Arm one fault, given by the fields of `Fault`; raises ValueError for what can't be one."""
        ask(self.port, "arm", fault=dataclasses.asdict(Fault(**fault)))

    def clear(self) -> None:
        """Disarm all."""
        ask(self.port, "clear")

    def hits(self) -> list[int]:
        """Return how often each armed fault has struck, in the order of arming."""
        return [int(hit) for hit in ask(self.port, "hits")]

    def asked(self, bucket: str) -> Counter[str]:
        """Return how often each operation was asked of a bucket since the front has started."""
        counts = ask(self.port, "asked")
        return Counter({operation: count for of, operation, count in counts if of == bucket})

    def violations(self) -> list[str]:
        """Return what the policy forbade since this was last asked, such as `PutObject s3://raw/key`."""
        return [str(one) for one in ask(self.port, "violations")]
