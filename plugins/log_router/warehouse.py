"""Redshift: statements in transactions, errors told apart by what to do about them."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from redshift_connector import error as driver
from redshift_connector.core import Connection

from log_router.core.errors import LogRouterError, NeedsAction, Refused, WillPass

log = logging.getLogger(__name__)

Rows = Sequence[Sequence[Any]]

# SQLSTATE classes and codes of PostgreSQL's appendix "Error Codes", which Redshift keeps: connection, admin
# shutdown, too many connections, serialization, deadlock, lock not available.
_PASSING_STATES = ("08", "57P", "53300", "40001", "40P01", "55P03")
# Redshift's own numbers stand at the start of the message: 1023 serializable isolation, 1018 a table made
# after the snapshot (Database Developer Guide, "Serializable isolation").
_PASSING_TEXTS = ("1023", "1018", "Serializable isolation", "SlowDown", "503 Service Unavailable")
# Duplicate schema, table, object, column; and the catalog's own key, when two sessions create at one moment.
_DUPLICATE_STATES = ("42P06", "42P07", "42710", "42701", "23505")
_REMEDIES = {
    "28": "check user and password of the Redshift connection",
    "3D000": "check the database (schema) of the Redshift connection",
    "42P01": "a table that was there is gone: restore it, or see docs/operations.md on starting an event anew",
    "42501": "grant the loader's user this right",
    "53100": "the cluster's disk is full: free space or resize",
}


class CopyRefused(NeedsAction):
    """COPY refused data; the warehouse's error tables say which."""


class AlreadyThere(Refused):
    """What was to be made exists already, made by another session since it was looked for."""


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

    def fetch(self, statement: str) -> Rows:
        """Return the rows of a query."""
        with _errors(statement), closing(self._connection.cursor()) as cursor:
            cursor.execute(statement)
            rows: Rows = cursor.fetchall()
            return rows

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
    if state.startswith(_PASSING_STATES) or any(part in message for part in _PASSING_TEXTS):
        return WillPass(text)
    if not state and isinstance(error, driver.InterfaceError | driver.OperationalError):
        return WillPass(f"{text}; check host and port of the Redshift connection")
    if state in _DUPLICATE_STATES:
        return AlreadyThere(text)
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
