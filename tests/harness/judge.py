"""Whether the warehouse holds exactly what the reference says, and says so itself."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tests.harness.events import CATALOGS
from tests.harness.reference import Fates, decoded, fates
from tests.harness.world import Version

Rows = Sequence[Sequence[Any]]
QUARANTINED = "quarantined_lines"


@dataclass(frozen=True)
class Found:
    """What the warehouse holds, by table; no rows of a table that nobody made."""

    connection: Any
    schema: str
    ledger_schema: str

    @cached_property
    def tables(self) -> set[tuple[str, str]]:
        """All tables there are, with their schemas."""
        schemas = f"('{self.schema}', '{self.ledger_schema}')"
        query = f"SELECT table_schema, table_name FROM svv_tables WHERE table_schema IN {schemas}"
        return {(schema, table) for schema, table in self._fetch(query)}

    def rows(self, schema: str, table: str, columns: str) -> Rows:
        """Return the named columns of a table's rows."""
        if (schema, table) not in self.tables:
            return ()
        return self._fetch(f'SELECT {columns} FROM "{schema}"."{table}"')

    def _fetch(self, query: str) -> Rows:
        cursor = self.connection.cursor()
        cursor.execute(query)
        rows: Rows = cursor.fetchall()
        cursor.close()
        return rows


@dataclass
class Judge:
    """Compares what is found with what must be.

    Attributes:
        found: the warehouse.
        versions: every raw object that ever was, by its id.
        wanted: of which events each raw object must be loaded, by its id: those of the catalog of this number.
        some: of which events at least, whatever else is loaded of it.
    """

    found: Found
    versions: Mapping[str, Version]
    wanted: Mapping[str, int]
    some: Mapping[str, set[str]]
    whole: set[tuple[str, str]] = field(default_factory=set)

    def problems(self) -> list[str]:
        """Return one line for each row lost, doubled or different, and for each wrong record."""
        return [*self._events(), *self._records(), *self._batches(), *self._quarantined()]

    def _expected(self, object_id: str, number: int) -> Fates:
        version = self.versions[object_id]
        return fates(version.body, CATALOGS[number]) if version.readable else Fates()

    def _events(self) -> Iterator[str]:
        for event in CATALOGS[-1]:
            name = event["name"]
            names = ", ".join(f'"{column["name"]}"' for column in event["columns"])
            columns = f'{names}, "_lr_object", "_lr_line", "_lr_batch"'
            supers = [column["type"] == "super" for column in event["columns"]]
            loaded: dict[str, list[tuple[int, Any]]] = defaultdict(list)
            batches: dict[str, set[str]] = defaultdict(set)
            for *values, object_id, line, batch in self.found.rows(
                self.found.schema, event["table"], columns
            ):
                row = tuple(
                    decoded(value) if is_super and value is not None else value
                    for value, is_super in zip(values, supers, strict=True)
                )
                loaded[object_id].append((line, row))
                batches[object_id].add(batch)
            yield from self._unknown(event["table"], loaded)
            if "unique" in event:
                yield from self._unique(event, loaded)
                continue
            for object_id in self.versions:
                yield from self._rows(name, object_id, loaded[object_id])
            yield from self._ledger(
                name, event["table"], {key: len(rows) for key, rows in loaded.items()}, batches
            )

    def _must(self, object_id: str) -> set[str]:
        """Return the events of which a raw object must be loaded."""
        every = CATALOGS[self.wanted[object_id]] if object_id in self.wanted else ()
        return {event["name"] for event in every} | self.some.get(object_id, set())

    def _rows(self, event: str, object_id: str, loaded: list[tuple[int, Any]]) -> Iterator[str]:
        expected = self._expected(object_id, -1).rows.get(event, {})
        where = f"{event} of {self.versions[object_id].key} ({object_id})"
        if not loaded:
            # Superseded versions may be loaded or not; but of each event whole or not at all.
            if expected and event in self._must(object_id):
                yield f"LOST: {where}: no row of {len(expected)}"
            elif not expected:
                self.whole.add((event, object_id))
            return
        self.whole.add((event, object_id))
        lines = Counter(line for line, _ in loaded)
        doubled = [line for line, count in lines.items() if count > 1]
        lost = [line for line in expected if line not in lines]
        other = [line for line in lines if line not in expected]
        if doubled or lost or other:
            yield f"LINES: {where}: doubled {doubled}, lost {lost}, not of this event {other}"
        yield from (
            f"VALUES: {where}, line {line}: {row}, expected {expected[line]}"
            for line, row in loaded
            if line in expected and row != expected[line]
        )

    def _unique(self, event: dict[str, Any], loaded: Mapping[str, list[tuple[int, Any]]]) -> Iterator[str]:
        """Judge an event whose first column is its key: of each key one row, whichever, and the others counted."""
        name, table = event["name"], event["table"]
        said: dict[str, list[tuple[int, int]]] = defaultdict(list)
        columns = '"object_id", "rows_loaded", "rows_dropped"'
        for object_id, rows, dropped in self.found.rows(self.found.ledger_schema, f"ledger_{table}", columns):
            said[object_id].append((rows, dropped))
        keys = Counter(row[0] for found in loaded.values() for _, row in found)
        if doubled := [key for key, count in keys.items() if count > 1]:
            yield f"DOUBLED: {name}: {doubled}"
        for object_id, version in self.versions.items():
            expected = self._expected(object_id, -1).rows.get(name, {})
            found, where = loaded[object_id], f"{name} of {version.key} ({object_id})"
            if other := [(line, row) for line, row in found if expected.get(line) != row]:
                yield f"VALUES: {where}: {other}, expected {expected}"
            if said[object_id] or found:
                must = [(len(found), len(expected) - len(found))]
                if said[object_id] != must:
                    yield f"LEDGER: {where}: {said[object_id]}, the table has {must}"
                if lost := {row[0] for row in expected.values()} - keys.keys():
                    yield f"LOST: {where}: no row of {lost}"
            elif expected and name in self._must(object_id):
                yield f"LOST: {where}: not loaded"
                continue
            if said[object_id] or not expected:
                self.whole.add((name, object_id))

    def _ledger(
        self, event: str, table: str, counts: Mapping[str, int], batches: Mapping[str, set[str]]
    ) -> Iterator[str]:
        said: dict[str, list[tuple[str, int]]] = defaultdict(list)
        columns = '"object_id", "batch_id", "rows_loaded"'
        for object_id, batch, rows in self.found.rows(self.found.ledger_schema, f"ledger_{table}", columns):
            said[object_id].append((batch, rows))
        for object_id in {key for key, count in counts.items() if count} | said.keys():
            must = [(batch, counts.get(object_id, 0)) for batch in batches[object_id]]
            # A run of some events notes that it has met none of them; then there must be none.
            empty = len(said[object_id]) == 1 and said[object_id][0][1] == 0 and not counts.get(object_id)
            known = object_id in self.versions
            if said[object_id] != must and not (
                empty and known and not self._expected(object_id, -1).rows.get(event)
            ):
                yield f"LEDGER: {table} of {object_id}: {said[object_id]}, the table has {must}"

    def _unknown(self, table: str, object_ids: Mapping[str, object]) -> Iterator[str]:
        for object_id in sorted(object_ids.keys() - self.versions.keys()):
            yield f"UNKNOWN: {table} holds rows of {object_id}, which never was"

    def _records(self) -> Iterator[str]:
        schema = self.found.ledger_schema
        columns = (
            '"object_id", "object_key", "etag", "size_bytes", '
            '"lines", "rows_split", "quarantined", "unrouted", "blank"'
        )
        objects: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
        for object_id, *values in self.found.rows(schema, "objects", columns):
            objects[object_id].append(tuple(values))
        columns = '"object_id", "event", "event_type", "rows_split", "quarantined", "unrouted"'
        events: dict[str, Counter[tuple[Any, ...]]] = defaultdict(Counter)
        for object_id, *values in self.found.rows(schema, "object_events", columns):
            events[object_id][tuple(values)] += 1
        yield from self._unknown("objects", objects)
        for object_id, version in self.versions.items():
            found = (objects[object_id], events[object_id])
            fitting = [
                number
                for number in range(len(CATALOGS))
                if found == _record(version, self._expected(object_id, number), number)
            ]
            if not any(found):
                if object_id in self.wanted:
                    yield f"RECORD: {version.key} ({object_id}) is loaded and not in objects"
            elif not version.readable or not any(n >= self.wanted.get(object_id, 0) for n in fitting):
                must = _record(version, self._expected(object_id, self.wanted.get(object_id, 0)), -1)
                yield f"RECORD: {version.key} ({object_id}): {found}, expected {must}"
            elif missing := [
                event["name"]
                for event in CATALOGS[fitting[0]]
                if (event["name"], object_id) not in self.whole
            ]:
                yield f"RECORD: {version.key} ({object_id}) is settled, but not loaded: {missing}"

    def _batches(self) -> Iterator[str]:
        """Judge that each batch with a settled object is recorded once, as one that has split and settled something."""
        schema = self.found.ledger_schema
        columns = '"batch_id", "objects", "split_tasks", "split_seconds"'
        said = self.found.rows(schema, "batches", columns)
        of = Counter(batch for batch, *_ in said)
        settled = {batch for (batch,) in self.found.rows(schema, "objects", '"batch_id"')}
        if doubled := [batch for batch, count in of.items() if count > 1]:
            yield f"BATCHES: recorded more than once: {doubled}"
        if missing := settled - of.keys():
            yield f"BATCHES: of settled objects, but not recorded: {missing}"
        if idle := [row for row in said if row[0] in settled and not all(row[1:])]:
            yield f"BATCHES: with settled objects, but recorded without: {idle}"

    def _quarantined(self) -> Iterator[str]:
        columns = '"event", "reason", "length", "_lr_object", "_lr_line"'
        lines: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
        for event, reason, length, object_id, line in self.found.rows(
            self.found.ledger_schema, QUARANTINED, columns
        ):
            lines[object_id].append((line, event, reason, length))
        yield from self._unknown(QUARANTINED, lines)
        for object_id, version in self.versions.items():
            must = [
                sorted((line, *bad) for line, bad in self._expected(object_id, number).quarantined.items())
                for number in range(self.wanted.get(object_id, 0), len(CATALOGS))
            ]
            found = sorted(lines[object_id], key=lambda line: line[0])
            if object_id not in self.wanted:
                # A reload of some events, and nothing since: of each event whole or not at all.
                events = {line[1] for line in found}
                must = [[line for line in lines if line[1] in events] for lines in must]
            if found not in must:
                yield f"QUARANTINED: {version.key} ({object_id}): {found}, expected {must[0]}"


def _record(
    version: Version, expected: Fates, number: int
) -> tuple[list[tuple[Any, ...]], Counter[tuple[Any, ...]]]:
    """Return the rows of `objects` and `object_events` of a raw object."""
    rows = {event: len(of) for event, of in expected.rows.items()}
    bad = Counter(event for event, _, _ in expected.quarantined.values())
    counts = (sum(rows.values()), bad.total(), expected.unrouted.total(), expected.blank)
    types = {event["name"]: event["event_type"] for event in CATALOGS[number]}
    events = Counter(
        (event, types.get(event or ""), rows.get(event or "", 0), bad[event], 0)
        for event in rows.keys() | bad.keys()
    )
    events.update((None, event_type, 0, 0, lines) for event_type, lines in expected.unrouted.items())
    return [(version.key, version.etag, len(version.stored), expected.lines, *counts)], events
