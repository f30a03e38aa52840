"""A reader of the tables while runs are under way: what it has seen of a raw object once, it sees whole ever after."""

import time
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

import redshift_connector
from redshift_connector import error as driver

from tests.harness.events import CATALOGS
from tests.harness.executor import Worker

_PAUSE = 0.03


@dataclass(frozen=True)
class Watch:
    """A process that reads until it is asked what it saw."""

    worker: Worker

    @classmethod
    def begun(cls, warehouse: dict[str, Any], schema: str) -> "Watch":
        """Begin to read all event tables of a schema."""
        return cls(Worker.started(partial(_read, warehouse=warehouse, schema=schema)))

    def seen(self) -> list[str]:
        """End the reading; return each time that rows were missing or too many."""
        self.worker.pipe.send(None)
        found: list[str] = self.worker.pipe.recv()
        self.worker.end()
        return found


def _read(pipe: Connection, warehouse: dict[str, Any], schema: str) -> None:
    problems: list[str] = []
    first: dict[tuple[str, str], int] = {}
    connection = None
    while not pipe.poll(_PAUSE):
        try:
            if connection is None:
                connection = redshift_connector.connect(**warehouse)
                connection.autocommit = True
            problems += _look(connection, schema, first)
        except (driver.Error, OSError):
            # A fault that was meant for a run; or no table yet.
            connection = None
            time.sleep(_PAUSE)
    pipe.send(problems)
    pipe.recv()


def _look(connection: Any, schema: str, first: dict[tuple[str, str], int]) -> list[str]:
    problems = []
    for table in (event["table"] for event in CATALOGS[0]):
        cursor = connection.cursor()
        cursor.execute(f'SELECT "_lr_object", COUNT(*) FROM "{schema}"."{table}" GROUP BY 1')
        now = {(table, object_id): count for object_id, count in cursor.fetchall()}
        problems += [
            f"a reader saw {now.get(key, 0)} rows of {key}, and {before} before"
            for key, before in first.items()
            if key[0] == table and now.get(key, 0) != before
        ]
        for key, count in now.items():
            first.setdefault(key, count)
    return problems
