"""Faults on demand: what a test asks the twin to do wrong, when and how often.

A test arms faults through the control port, which is off unless it is given to the twin:

    faults = Faults(port)
    faults.arm(at="copy", does="drop", table="clicks", after_rows=1000)
    ...
    assert faults.hits() == [1]

Moments:
  statement      before a matching statement runs
  copy           while a matching COPY loads, once it has sent `after_rows` rows or all it has
  block          when a matching COPY has a block of rows ready: here it can only `lose` one
  before_commit  when a transaction with a matching statement would commit, and before it does
  after_commit   when it has committed, before the client hears of it
Deeds:
  drop           close the connection without a word; what was not committed is rolled back
  delay          wait `seconds`, or until the client cancels, then go on
  error          fail the statement with `code` and `message`; before_commit rolls back
  lose           load the block without its last row, and say that all went well
"""

from __future__ import annotations

import dataclasses
import re
import threading
from typing import TYPE_CHECKING, Any, Literal, get_args

from local.control import ask
from local.twin.errors import TwinError, cancelled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Moment = Literal["statement", "copy", "block", "before_commit", "after_commit"]
Deed = Literal["drop", "delay", "error", "lose"]
_MOMENTS = get_args(Moment)
_DEEDS = get_args(Deed)


class DroppedError(Exception):
    """A fault closes the client's connection."""


@dataclasses.dataclass(frozen=True)
class Fault:
    """One thing to do wrong.

    Attributes:
        at: the moment.
        does: the deed.
        matching: a regular expression, searched in the statements' text whatever its case.
        table: a name, `table` or `schema.table`, that a statement must contain; empty for any.
        times: how often it strikes; 0 for always.
        after_rows: for `copy`, how many rows have gone before. COPY sends rows in blocks, so it
            strikes at the end of the block in which this row is.
        seconds: for `delay`.
        code: for `error`, the SQLSTATE.
        message: for `error`.
        detail: for `error`.
    """

    at: Moment
    does: Deed
    matching: str = ""
    table: str = ""
    times: int = 1
    after_rows: int = 0
    seconds: float = 0.0
    code: str = "XX000"
    message: str = "a fault was asked for"
    detail: str = ""

    def __post_init__(self) -> None:
        """Refuse what can never strike."""
        if self.at not in _MOMENTS or self.does not in _DEEDS:
            raise ValueError(f"at={self.at!r}, does={self.does!r}: know {_MOMENTS} and {_DEEDS}")
        if (self.at == "block") != (self.does == "lose"):
            raise ValueError(
                f"at={self.at!r}, does={self.does!r}: `lose` is for `block`, and `block` for `lose`"
            )
        if self.times < 0 or self.after_rows < 0 or self.seconds < 0:
            raise ValueError("times, after_rows and seconds can't be negative")
        try:
            re.compile(self.matching)
        except re.error as error:
            raise ValueError(f"matching={self.matching!r} is no regular expression: {error}") from None

    def meets(self, sql: str) -> bool:
        """Return whether this statement is one that the fault was armed for."""
        name = rf"(?<!\w){re.escape(self.table)}(?!\w)" if self.table else ""
        plain = re.sub(r"\s*\.\s*", ".", sql.replace('"', ""))
        return bool(re.search(self.matching, sql, re.IGNORECASE) and re.search(name, plain, re.IGNORECASE))


class Armed:
    """The faults that are armed, and how often each has struck; shared by all sessions."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._hits: list[int] = []

    def arm(self, fault: Fault) -> None:
        """Add a fault."""
        with self._lock:
            self._faults.append(fault)
            self._hits.append(0)

    def clear(self) -> None:
        """Forget all faults and counts."""
        with self._lock:
            self._faults.clear()
            self._hits.clear()

    def hits(self) -> list[int]:
        """Return how often each fault has struck, in the order in which they were armed."""
        with self._lock:
            return list(self._hits)

    def take(self, moment: Moment, said: Sequence[str], rows: int | None = None) -> list[Fault]:
        """Return the faults that strike now, and count them.

        Args:
            moment: what is happening.
            said: the statements that it happens to.
            rows: for `copy`, the rows sent so far; None when there are no more.
        """
        with self._lock:
            found = [
                number
                for number in self._live(moment, said)
                if rows is None or self._faults[number].after_rows <= rows
            ]
            for number in found:
                self._hits[number] += 1
            return [self._faults[number] for number in found]

    def awaited(self, said: Sequence[str]) -> bool:
        """Return whether a commit of these statements is to be struck."""
        with self._lock:
            return bool(self._live("before_commit", said) or self._live("after_commit", said))

    def _live(self, moment: Moment, said: Sequence[str]) -> list[int]:
        return [
            number
            for number, fault in enumerate(self._faults)
            if fault.at == moment
            and (not fault.times or self._hits[number] < fault.times)
            and any(fault.meets(sql) for sql in said)
        ]


class Strikes:
    """The armed faults as one session meets them: it keeps what its transaction has said."""

    def __init__(self, armed: Armed | None, cancelled: threading.Event) -> None:
        self._armed = armed
        self._cancelled = cancelled
        self._said: list[str] = []

    def before(self, sql: str) -> None:
        """Note a statement and let strike what was armed for it."""
        if self._armed is not None:
            self._said.append(sql)
            self._strike(self._armed.take("statement", [sql]))

    def during_copy(self, rows: int | None) -> None:
        """Let strike what was armed for a COPY that has sent so many rows, or (None) all."""
        if self._armed is not None:
            self._strike(self._armed.take("copy", self._said[-1:], rows))

    def left_of(self, block: bytes) -> bytes:
        """Return a block of a COPY's rows, without the last one where that was armed."""
        if self._armed is None or not self._armed.take("block", self._said[-1:]):
            return block
        return block[: block.rfind(b"\n", 0, -1) + 1]

    def around_commit(self, moment: Literal["before_commit", "after_commit"]) -> None:
        """Let strike what was armed for the commit of this transaction's statements."""
        if self._armed is not None:
            self._strike(self._armed.take(moment, self._said))

    @property
    def awaits_commit(self) -> bool:
        """Whether the commit of this transaction is to be struck, so that the twin must do it itself."""
        return self._armed is not None and self._armed.awaited(self._said)

    def forget(self) -> None:
        """Begin a new transaction."""
        self._said.clear()

    def _strike(self, faults: Sequence[Fault]) -> None:
        for fault in faults:
            if fault.does == "drop":
                raise DroppedError
            if fault.does == "error":
                raise TwinError(fault.message, code=fault.code, detail=fault.detail)
            if self._cancelled.wait(fault.seconds):
                raise cancelled()


def commands(armed: Armed) -> dict[str, Callable[[dict[str, Any]], object]]:
    """Return what the control port takes."""
    return {
        "arm": lambda request: armed.arm(Fault(**request["fault"])),
        "clear": lambda _: armed.clear(),
        "hits": lambda _: armed.hits(),
    }


class Faults:
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
