"""Redshift's write locks and isolation levels, asked before and after each statement of a session.

A write takes its table's lock before the snapshot, so who waited sees what was waited for. Statements outside
of a transaction get one of the twin's own, because PostgreSQL locks tables in transactions only.
"""

from __future__ import annotations

import dataclasses
import threading
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from local.twin.conflicts import Conflicts, Snapshot, Transaction
from local.twin.errors import CONFLICT, TwinError
from local.twin.sql.access import Access, Effect
from local.twin.sql.tokens import literal, quoted

if TYPE_CHECKING:
    from local.twin.backend import Backend

SNAPSHOT, SERIALIZABLE = "snapshot", "serializable"
LEVELS = (SNAPSHOT, SERIALIZABLE)
SETTING = "twin.isolation_level"
_LEVEL = f"SELECT current_setting('{SETTING}', true)"

# AWS, "Write and read/write operations": under snapshot isolation INSERT and COPY share a lock until they write,
# UPDATE, DELETE and MERGE need it alone; under serializable isolation every writer has it alone.
_READING = ("ACCESS SHARE",)
_ALONE = ("SHARE ROW EXCLUSIVE",)
_SHARED_THEN_WRITING = ("ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE")

# The tables that a session has read and written in its transaction, and who made them; those that it made itself
# are not seen from another session before they are committed. The row of a table's first
# column of the system's is the one row of it in the catalog that no ALTER ever writes anew.
_TOUCHED = """
SELECT l.relation::bigint, bool_or(l.mode = 'AccessShareLock'), bool_or(l.mode = 'RowExclusiveLock'),
    min(a.xmin::text)::bigint
FROM pg_locks l
JOIN pg_class c ON c.oid = l.relation AND c.relkind = 'r' AND c.relpersistence <> 't'
JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'twin')
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = -6
WHERE l.pid = %s AND l.locktype = 'relation' AND l.granted GROUP BY l.relation
"""


@dataclasses.dataclass(frozen=True)
class _Touched:
    table: int
    read: bool
    written: bool
    maker: int


class Transactions:
    """What the twin knows of all its sessions' transactions, with a connection of its own to look at them."""

    def __init__(self, conninfo: str, level: str | None) -> None:
        self._connection = psycopg.connect(conninfo, autocommit=True)
        self._lock = threading.Lock()
        self._conflicts = Conflicts()
        if level is not None:
            self.set_level(level)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def set_level(self, level: str) -> None:
        """Set the isolation level of sessions to come."""
        database = sql.Identifier(self._connection.info.dbname)
        statement = sql.SQL("ALTER DATABASE {} SET {} TO {}")
        with self._lock:
            self._connection.execute(
                statement.format(database, sql.Identifier(*SETTING.split(".")), sql.Literal(level))
            )

    def enter(self, pid: int, user: str) -> None:
        """Show a session in the system tables until it ends."""
        with self._lock:
            self._connection.execute(
                "WITH gone AS (DELETE FROM twin.session WHERE pid NOT IN (SELECT pid FROM pg_stat_activity))"
                " INSERT INTO twin.session VALUES (%s, %s, clock_timestamp() AT TIME ZONE 'UTC')",
                [pid, user],
            )

    def add(self, transaction: Transaction) -> None:
        """Take in a transaction that has just taken its snapshot."""
        with self._lock:
            self._conflicts.add(transaction)

    def end(self, transaction: Transaction) -> None:
        """Note that a transaction is over, committed or not."""
        with self._lock:
            if self._connection.closed:
                return
            if self._status(transaction) == "committed":
                self._conflicts.commit(transaction)
            else:
                self._conflicts.drop(transaction)

    def note(self, transaction: Transaction, access: Access, target: int, *, serializable: bool) -> bool:
        """Note which tables a transaction has touched with its last statement, and return whether there are any.

        Raises 1018 or 1023 where the transaction can't go on.
        """
        with self._lock:
            touched = self._touched(transaction.pid)
            if not all(transaction.snapshot.sees(one.maker) for one in touched):
                raise TwinError("1018", detail="Relation does not exist.")
            reads = {
                one.table
                for one in touched
                if one.read or (one.table == target and access.effect is Effect.CHANGE)
            }
            writes = {one.table for one in touched if one.written}
            new = (reads - transaction.reads) | (writes - transaction.writes.keys())
            self._conflicts.note(transaction, reads, writes)
            # nothing but a new read or write closes a cycle
            if serializable and new:
                self._refuse_cycle(transaction, new)
            return bool(touched)

    def _refuse_cycle(self, transaction: Transaction, new: set[int]) -> None:
        while cycle := self._conflicts.cycle(transaction, new):
            # one that failed has let its locks go before its session hears of it
            gone = [other for other in cycle.others if self._status(other) == "aborted"]
            if not gone:
                raise self._conflict(transaction, cycle.table, cycle.others)
            for other in gone:
                self._conflicts.drop(other)

    def lost_race(self, transaction: Transaction, table: int) -> TwinError:
        """Return the error of a transaction that would write what others wrote after its snapshot."""
        with self._lock:
            return self._conflict(transaction, table, self._conflicts.writers_unseen(transaction, table))

    def _touched(self, pid: int) -> list[_Touched]:
        return [_Touched(*row) for row in self._connection.execute(_TOUCHED, [pid]).fetchall()]

    def _status(self, transaction: Transaction) -> str | None:
        row = self._connection.execute("SELECT pg_xact_status(%s::text::xid8)", [transaction.xid]).fetchone()
        return row[0] if row else None

    def _conflict(self, transaction: Transaction, table: int, others: tuple[Transaction, ...]) -> TwinError:
        self._connection.execute(
            "INSERT INTO twin.tr_conflict VALUES (%s, %s, %s, statement_timestamp() AT TIME ZONE 'UTC', %s)",
            [transaction.xid, transaction.pid, transaction.started, table],
        )
        cycle = ", ".join(str(one.xid) for one in (*others, transaction))
        return TwinError(
            CONFLICT,
            detail=f"Serializable isolation violation on table - {table}, "
            f"transactions forming the cycle are: {cycle} (pid:{transaction.pid})",
        )


class Isolation:
    """The isolation of one session's transactions."""

    def __init__(self, backend: Backend, transactions: Transactions) -> None:
        self._backend = backend
        self._transactions = transactions
        transactions.enter(backend.pid, backend.user)
        self._serializable = backend.aside(_LEVEL)[0][0] == SERIALIZABLE
        self._transaction: Transaction | None = None
        # Since its beginning the transaction has run nothing but queries of no table: they take no snapshot.
        self._untouched = True
        # what has been parsed or bound, and has not been executed to its end
        self._running: Access | None = None
        self._target = 0

    def before(self, access: Access) -> None:
        """Take the locks of the statement that comes next, waiting for them, then the transaction's snapshot."""
        if self._backend.status == b"I":
            self._untouched = True
            self.forget()
        elif self._untouched and self._transaction is not None and self._running is None:
            self._take_snapshot_back()
        self._running = None
        if access.effect is Effect.OTHER:
            self._untouched = False
        if access.effect in {Effect.OTHER, Effect.BEGIN}:
            return
        if self._backend.status == b"I":
            if access.effect is Effect.READ and not self._serializable:
                return
            self._backend.begin_implicit()
        if access.target:
            self._lock(access)
        if self._transaction is None:
            self._transaction = self._begun()
            self._transactions.add(self._transaction)
        self._running = access

    def after(self) -> None:
        """Note what the statement touched; raises where its transaction is not isolated from others any more."""
        access, self._running = self._running, None
        if access is not None and self._transaction is not None:
            touched = self._transactions.note(
                self._transaction, access, self._target, serializable=self._serializable
            )
            self._untouched = self._untouched and access.effect is Effect.READ and not touched

    def explained(self, error: TwinError) -> TwinError:
        """Return the error of a statement, a lost race with its table and transactions."""
        if error.message != CONFLICT or error.detail or self._transaction is None:
            return error
        return self._transactions.lost_race(self._transaction, self._target)

    def forget(self) -> None:
        """Forget the transaction; it is over."""
        if self._transaction is not None:
            self._transactions.end(self._transaction)
            self._transaction = None

    def _take_snapshot_back(self) -> None:
        if self._backend.status != b"T":
            return
        # nothing is lost: no lock, no table, no setting, no row
        self._backend.aside("ROLLBACK AND CHAIN")
        self.forget()

    def _lock(self, access: Access) -> None:
        name = quoted(access.target)
        for mode in self._modes(access.effect):
            # the right to do what comes next is enough for Redshift's lock, but not for PostgreSQL's
            self._backend.query_as_twin(f"LOCK TABLE {name} IN {mode} MODE")
        self._target = int(self._backend.aside(f"SELECT {literal(name)}::regclass::oid")[0][0] or 0)

    def _modes(self, effect: Effect) -> tuple[str, ...]:
        if effect is Effect.KEEP:
            return _READING
        return _SHARED_THEN_WRITING if effect is Effect.APPEND and not self._serializable else _ALONE

    def _begun(self) -> Transaction:
        ((xid, snapshot, started),) = self._backend.aside(
            "SELECT pg_current_xact_id(), pg_current_snapshot(), transaction_timestamp()::timestamp"
        )
        return Transaction(self._backend.pid, int(str(xid)), str(started), Snapshot.parse(str(snapshot)))
