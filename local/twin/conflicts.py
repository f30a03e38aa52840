"""Which transactions must come before which, by the tables they read and wrote: what is not serializable.

Redshift works by table, not by row: two transactions that each read what the other writes form a cycle even
where their rows differ. PostgreSQL's own SERIALIZABLE works by predicate and would let such a pair through.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """PostgreSQL's snapshot of a transaction: which others had ended when it was taken."""

    limit: int
    running: frozenset[int]

    @classmethod
    def parse(cls, text: str) -> Snapshot:
        """Return the snapshot that PostgreSQL writes as xmin:xmax:running,..."""
        _, limit, running = text.split(":")
        return cls(int(limit), frozenset(int(xid) for xid in running.split(",") if xid))

    def sees(self, xid: int) -> bool:
        """Return whether that transaction had ended."""
        return xid < self.limit and xid not in self.running


@dataclasses.dataclass(eq=False)
class Transaction:
    """A transaction that runs or has committed; those that rolled back are forgotten."""

    pid: int
    xid: int
    started: str
    snapshot: Snapshot
    reads: set[int] = dataclasses.field(default_factory=set)
    # table: the turn of its first write, of all transactions' writes
    writes: dict[int, int] = dataclasses.field(default_factory=dict)
    committed: bool = False


@dataclasses.dataclass(frozen=True)
class Cycle:
    """Transactions of which each must come before the next, and the last before the first."""

    table: int
    others: tuple[Transaction, ...]


class Conflicts:
    """All transactions that can still take part in a cycle."""

    def __init__(self) -> None:
        self._all: list[Transaction] = []
        self._turns = itertools.count()

    def add(self, transaction: Transaction) -> None:
        """Take in a transaction that has just taken its snapshot."""
        self._all.append(transaction)

    def note(self, transaction: Transaction, reads: Iterable[int], writes: Iterable[int]) -> None:
        """Note which tables a transaction has read and written."""
        transaction.reads.update(reads)
        for table in writes:
            transaction.writes.setdefault(table, next(self._turns))

    def drop(self, transaction: Transaction) -> None:
        """Forget a transaction that rolled back."""
        if transaction in self._all:
            self._all.remove(transaction)
        self._prune()

    def commit(self, transaction: Transaction) -> None:
        """Keep a committed transaction for as long as one that ran beside it can still meet it."""
        transaction.committed = True
        self._prune()

    def writers_unseen(self, transaction: Transaction, table: int) -> tuple[Transaction, ...]:
        """Return who committed writes to a table after a transaction's snapshot."""
        return tuple(
            other
            for other in self._all
            if other.committed and table in other.writes and not transaction.snapshot.sees(other.xid)
        )

    def cycle(self, victim: Transaction, new: Iterable[int]) -> Cycle | None:
        """Return the shortest cycle that a transaction closes; of its tables, one it has just touched, `new`."""
        paths: list[list[Transaction]] = [[victim]]
        seen: set[Transaction] = {victim}
        while paths:
            path = paths.pop(0)
            back = set(_between(path[-1], victim)) if len(path) > 1 else set()
            if back:
                tables = [*_between(victim, path[1]), *back]
                return Cycle(next((t for t in new if t in tables), tables[0]), tuple(path[1:]))
            for other in self._all:
                if other not in seen and any(_between(path[-1], other)):
                    seen.add(other)
                    paths.append([*path, other])
        return None

    def _prune(self) -> None:
        kept = [t for t in self._all if not t.committed]
        rest = [t for t in self._all if t.committed]
        while met := [t for t in rest if any(not k.snapshot.sees(t.xid) for k in kept)]:
            kept.extend(met)
            rest = [t for t in rest if t not in met]
        self._all = [t for t in self._all if t in kept]


def _between(first: Transaction, second: Transaction) -> Iterator[int]:
    """Yield the tables on whose account one transaction must come before another."""
    for table in first.reads:
        if table in second.writes and not first.snapshot.sees(second.xid):
            yield table
    for table, turn in first.writes.items():
        if (table in second.writes and turn < second.writes[table]) or (
            table in second.reads and second.snapshot.sees(first.xid)
        ):
            yield table
