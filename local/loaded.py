"""What came of the raw objects, asked from the warehouse with the driver that Airflow uses."""

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import redshift_connector
import yaml

from local.environment import ROOT, StackError

ANSWERS = Path(__file__).parent / "answers"
_EVENTS = """
SELECT event, event_type, SUM(rows_split), SUM(quarantined), SUM(unrouted)
FROM log_router.object_events
GROUP BY event, event_type
ORDER BY event, event_type
"""


@dataclasses.dataclass(frozen=True)
class Counts:
    """What became of one event's lines."""

    event: str
    loaded: int
    quarantined: int
    unrouted: int


@dataclasses.dataclass(frozen=True)
class Answer:
    """A question and the rows that answer it."""

    question: str
    columns: tuple[str, ...]
    rows: tuple[Sequence[Any], ...]


class Warehouse:
    """A connection to the twin, for questions only."""

    def __init__(self, parameters: dict[str, Any]) -> None:
        self._connection = redshift_connector.connect(**parameters)
        self._connection.autocommit = True

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def counts(self, schema: str) -> list[Counts]:
        """Return every event's rows; raise StackError where a table disagrees with what was split."""
        events: dict[str, Counts] = {}
        wrong = []
        _, rows = self._ask(_EVENTS)
        for event, event_type, rows_split, quarantined, unrouted in rows:
            table = _table(event) if event and rows_split else None
            loaded = self._count(schema, table) if table else 0
            if loaded != rows_split:
                wrong.append(f"{schema}.{table} holds {loaded} rows, but {rows_split} were split off for it")
            name = event or f"{event_type or '(no event)'}"
            events[name] = Counts(name, loaded, int(quarantined), int(unrouted))
        if wrong:
            raise StackError("; ".join(wrong))
        return list(events.values())

    def answers(self) -> Iterator[Answer]:
        """Yield the answers to the questions in `answers/`, each by its file's statement."""
        for path in sorted(ANSWERS.glob("*.sql"), key=_order):
            text = path.read_text()
            columns, rows = self._ask(text.rstrip().removesuffix(";"))
            yield Answer(text.splitlines()[0].removeprefix("-- "), columns, rows)

    def arrived(self, schema: str, event_ids: Mapping[str, Collection[str]]) -> int:
        """Return how many of these events can be queried; each is named by its event and its `event_id`."""
        found = 0
        for event, ids in event_ids.items():
            listed = ", ".join(f"'{one}'" for one in ids)
            where = f'"{schema}"."{_table(event)}" WHERE "event_id" IN ({listed})'
            found += int(self._ask(f"SELECT COUNT(*) FROM {where}")[1][0][0])
        return found

    def _count(self, schema: str, table: str) -> int:
        _, rows = self._ask(f'SELECT COUNT(*) FROM "{schema}"."{table}"')
        return int(rows[0][0])

    def _ask(self, statement: str) -> tuple[tuple[str, ...], tuple[Sequence[Any], ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)
            return tuple(column[0] for column in cursor.description), cursor.fetchall()


def _order(path: Path) -> int:
    return ["top_searches", "funnel", "payments"].index(path.stem)


def _table(event: str) -> str:
    """Return the table that an event's file names, which by default is the event's own name."""
    text = (ROOT / "include" / "events" / f"{event}.yaml").read_text()
    return str(yaml.safe_load(text).get("table", event))
