"""Redshift: statements in transactions, errors told apart by what to do about them."""

import logging
import random
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from redshift_connector import error as driver
from redshift_connector.core import Connection

from log_router.core.errors import LogRouterError, NeedsAction, Refused, WillPass

T = TypeVar("T")
log = logging.getLogger(__name__)

Rows = Sequence[Sequence[Any]]

# A statement holds 16 MB at most (Database Developer Guide, "SQL"); this many ids or records stay below.
SLICE = 5_000

# SQLSTATE classes and codes of PostgreSQL's appendix "Error Codes", which Redshift keeps.
# Connection, admin shutdown, too many connections, lock not available:
_PASSING_STATES = ("08", "57P", "53300", "55P03")
_PASSING_TEXTS = ("SlowDown", "503 Service Unavailable")
# Serialization, deadlock; then duplicate schema, table, object, column, and the catalog's own key, when two
# sessions make the same thing at one moment:
_CONFLICT_STATES = ("40001", "40P01", "42P06", "42P07", "42710", "42701", "23505")
# Redshift's own numbers stand at the start of the message: 1023 serializable isolation, 1018 a table made
# after the snapshot (Database Developer Guide, "Serializable isolation").
_CONFLICT_TEXT = re.compile(r"(ERROR:\s*)?(1023|1018)\b|.*Serializable isolation")
_CONFLICT_TRIES = 6
_REMEDIES = {
    "28": "check user and password of the Redshift connection",
    "3D000": "check the database (schema) of the Redshift connection",
    "42P01": "a table that was there is gone: restore it, or see docs/operations.md on starting an event anew",
    "42501": "grant the loader's user this right",
    "53100": "the cluster's disk is full: free space or resize",
}


def moment(timestamp: datetime) -> datetime:
    """Return a TIMESTAMP of ours, as the driver gives it, with its time zone: that of the warehouse's clock, UTC."""
    return timestamp.replace(tzinfo=UTC)


def slices(items: Sequence[T], size: int = SLICE) -> Iterator[Sequence[T]]:
    """Yield the items in lists of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


class CopyRefused(NeedsAction):
    """COPY refused data; the warehouse's error tables say which, by the number of the session, once that is known."""

    def __init__(self, message: str, session_id: int = 0) -> None:
        self.session_id = session_id
        super().__init__(message)


class Conflict(WillPass):
    """Another session's transaction came between; the same one, begun anew, may succeed at once."""


def past_conflicts(transaction: Callable[[], T]) -> T:
    """Return what a transaction returns, begun anew a few times where another session's came between.

    Runs that load the same objects, or meet a new event, at the same moment collide once or twice: that is no
    reason to fail a task.
    """
    for attempt in range(1, _CONFLICT_TRIES):
        try:
            return transaction()
        except Conflict as error:
            log.info("begun anew after a conflict: %s", error)
            time.sleep(random.uniform(0, 0.1 * 2**attempt))  # noqa: S311 - jitter, not a secret
    return transaction()


@dataclass(frozen=True)
class Warehouse:
    """A Redshift database, reached by a function that opens a connection; `opening` runs first on each."""

    connect: Callable[[], Connection]
    opening: tuple[str, ...]

    @contextmanager
    def session(self) -> Iterator["Session"]:
        """Give a connection of its own; what is not committed at the end is rolled back.

        Raises:
            WillPass: the warehouse can't be reached, or a conflict or lost connection broke the statement.
            Refused: the warehouse refused a statement and would refuse it again.
        """
        with _errors("connecting to the warehouse"):
            connection = self.connect()
        try:
            connection.autocommit = True
            session = Session(connection)
            for statement in self.opening:
                session.run(statement)
            connection.autocommit = False
            yield session
        finally:
            _close(connection)


class Session:
    """Statements on one connection. The first one after a commit begins a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def run(self, statement: str) -> int:
        """Run a statement; return the number of rows it wrote, -1 where it writes none."""
        with _errors(statement), closing(self._connection.cursor()) as cursor:
            log.debug("%s", statement)
            cursor.execute(statement)
            return int(cursor.rowcount)

    def run_alone(self, statement: str) -> None:
        """Commit what is begun, then run a statement that Redshift takes outside of transactions only."""
        self.commit()
        self._connection.autocommit = True
        try:
            self.run(statement)
        finally:
            self._connection.autocommit = False

    def fetch(self, statement: str) -> Rows:
        """Return the rows of a query."""
        with _errors(statement), closing(self._connection.cursor()) as cursor:
            cursor.execute(statement)
            rows: Rows = cursor.fetchall()
            return rows

    def rollback(self) -> None:
        """Undo what is not committed."""
        with _errors("ROLLBACK"):
            self._connection.rollback()

    def commit(self) -> None:
        """Commit. After WillPass only the ledger knows whether it took effect."""
        with _errors("COMMIT"):
            self._connection.commit()


def _close(connection: Connection) -> None:
    try:
        connection.close()
    except (driver.Error, OSError) as error:
        # A connection that is lost already can't be closed; the error that lost it is on its way.
        log.info("closing the connection to the warehouse: %s", error)


@contextmanager
def _errors(doing: str) -> Iterator[None]:
    try:
        yield
    except driver.Error as error:
        raise _translated(doing, error) from error
    except (OSError, EOFError) as error:
        raise WillPass(f"{_first_line(doing)}: the connection to the warehouse failed: {error}") from error


def _translated(doing: str, error: driver.Error) -> LogRouterError:
    state, message = _state(error), _message(error)
    text = f"{_first_line(doing)}: Redshift answered {state or type(error).__name__}: {message}"
    if state in _CONFLICT_STATES or _CONFLICT_TEXT.match(message):
        return Conflict(text)
    if state.startswith(_PASSING_STATES) or any(part in message for part in _PASSING_TEXTS):
        return WillPass(text)
    if not state and isinstance(error, driver.InterfaceError | driver.OperationalError):
        return WillPass(f"{text}; check host and port of the Redshift connection")
    if "stl_load_errors" in message or "sys_load_error" in message:
        return CopyRefused(text)
    remedy = next((what for start, what in _REMEDIES.items() if state.startswith(start)), "")
    return Refused(f"{text}; {remedy}" if remedy else text)


def _details(error: BaseException | None) -> dict[str, Any]:
    first = error.args[0] if error is not None and error.args else None
    return first if isinstance(first, dict) else {}


def _state(error: BaseException | None) -> str:
    return str(_details(error).get("C", ""))


def _message(error: BaseException) -> str:
    details = _details(error)
    if not details:
        return str(error)
    return " ".join(str(details[key]) for key in ("M", "D", "H") if key in details)


def _first_line(statement: str) -> str:
    return statement.strip().split("\n", maxsplit=1)[0][:200]
