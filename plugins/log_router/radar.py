"""What arrives and is not loaded: events without a file, and fields without a column."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from log_router.core import paths
from log_router.core.batches import RawObject
from log_router.core.catalog import Catalog
from log_router.core.errors import BrokenObject, NeedsAction
from log_router.core.events import When
from log_router.core.inferring import Inferred, columns
from log_router.core.profiling import Profile
from log_router.core.settings import Settings
from log_router.core.sql import Statements
from log_router.core.windows import Hour
from log_router.store import Store
from log_router.surveying import Survey
from log_router.tables import RecordTables
from log_router.warehouse import Warehouse

# What is looked at of the newest raw objects.
OBJECTS = 20
LINES = 200_000
_CONDITIONAL = re.compile(r"(.*)\[(.*)=(.*)\]", re.DOTALL)


@dataclass(frozen=True)
class Unrouted:
    """An event type without a file: its lines, the raw objects that hold them and their bytes, and the hours of these.

    `first` and `last` are None where the prefix template does not tell hours from keys of one length.
    """

    event_type: str
    lines: int
    objects: int
    size_bytes: int
    first: Hour | None
    last: Hour | None


@dataclass(frozen=True)
class Unnamed:
    """What no column of an event reads, in `lines` lines of it that were looked at."""

    event: str
    lines: int
    fields: tuple[Inferred, ...]


@dataclass(frozen=True)
class Radar:
    """Asks the record and the newest raw objects."""

    store: Store
    warehouse: Warehouse
    statements: Statements
    settings: Settings
    catalog: Catalog

    def unrouted(self) -> list[Unrouted]:
        """Return the event types without a file by the record, most lines first.

        Raises:
            Refused, WillPass: see Warehouse.
        """
        length = len(datetime(2026, 1, 1, tzinfo=UTC).strftime(self.settings.raw_prefix))
        found: dict[str, list[tuple[Any, ...]]] = {}
        for event_type, prefix, *counts in self._fetch("unrouted_types", length=length):
            lines, objects, size = map(int, counts)
            found.setdefault(event_type, []).append((self._hour(prefix), lines, objects, size))
        made = [_unrouted(event_type, entries) for event_type, entries in found.items()]
        return sorted(made, key=lambda one: (-one.lines, one.event_type))

    def survey(self, wanted: Sequence[str], tell: Callable[[str], None]) -> tuple[Survey, int]:
        """Look at the newest raw objects that hold these events or event types; return how many these were, too.

        Raises:
            Refused, WillPass: see Warehouse and Store.
        """
        survey = Survey(self.catalog.event_key, wanted, self.catalog.events)
        read = 0
        for raw in self._newest(wanted):
            if survey.lines >= LINES:
                break
            tell(f"{raw.url}: {survey.lines:,} lines so far")
            try:
                survey.read(raw.object_id, self.store.read_raw(raw), self.settings.max_line_bytes)
            except BrokenObject as error:
                # Overwritten or deleted since it was loaded: the next one will do.
                tell(str(error))
                continue
            read += 1
        return survey, read

    def profiles(
        self, event_types: Sequence[str], tell: Callable[[str], None]
    ) -> tuple[dict[str, Profile], int]:
        """Profile event types without a file, and return how many lines were looked at, too.

        What the newest raw objects of all do not hold is looked for in those that hold it. A type of which no line is
        met there has no profile.

        Raises:
            Refused, WillPass: see Warehouse and Store.
        """
        found: dict[str, Profile] = {}
        missing, lines = list(event_types), 0
        while missing:
            survey, _ = self.survey(missing, tell)
            found |= survey.profiles
            lines += survey.lines
            left = [event_type for event_type in missing if event_type not in found]
            if len(left) == len(missing):
                break
            missing = left
        return found, lines

    def unnamed(self, survey: Survey) -> list[Unnamed]:
        """Return the fields without a column that a survey has met, by event."""
        made = []
        for event in self.catalog.events:
            profile = survey.others.get(event.name)
            taken = [column.name for column in event.table_columns]
            fields = columns(profile, taken=taken) if profile else []
            if fields and profile:
                made.append(Unnamed(event.name, survey.seen[event.name], tuple(fields)))
        return made

    def origin(self, event_type: str) -> tuple[str, When | None]:
        """Return the event type that stands in the lines, and the condition on them: `pay[by=card]` has one.

        Raises:
            NeedsAction: an event takes this type already.
        """
        for event in self.catalog.events:
            if event_type in event.event_types and event.when is None:
                raise NeedsAction(f"event type `{event_type}` has a file: event {event.name}")
        if match := _CONDITIONAL.fullmatch(event_type):
            for event in self.catalog.events:
                if (
                    event.when
                    and match[1] in event.event_types
                    and paths.written(event.when.path) == match[2]
                ):
                    return match[1], When(path=event.when.path, equals=match[3])
        return event_type, None

    def _newest(self, wanted: Sequence[str]) -> list[RawObject]:
        names = [event.name for event in self.catalog.events]
        # An empty text is no event's name: a list in SQL is never empty.
        events = [name for name in names if not wanted or name in wanted] or [""]
        types = [name for name in wanted if name not in names] or [""]
        rows = self._fetch("newest_objects", events=events, event_types=types, most=OBJECTS)
        return [RawObject(bucket, key, etag, int(size)) for _, bucket, key, etag, size in rows]

    def _fetch(self, name: str, **values: object) -> list[Sequence[Any]]:
        schema = self.settings.ledger_schema
        with self.warehouse.session() as session:
            if not RecordTables(session, self.statements, self.settings.table_schema, schema).there():
                return []
            return list(session.fetch(self.statements.render(name, schema=schema, **values)))

    def _hour(self, prefix: object) -> Hour | None:
        try:
            return Hour(datetime.strptime(str(prefix), self.settings.raw_prefix).replace(tzinfo=UTC))
        except ValueError:
            return None


def _unrouted(event_type: str, entries: Sequence[tuple[Any, ...]]) -> Unrouted:
    hours = sorted((hour for hour, *_ in entries if hour), key=lambda hour: hour.start)
    told = len(hours) == len(entries)
    _, *counts = zip(*entries, strict=True)
    lines, objects, size = (sum(column) for column in counts)
    return Unrouted(
        *(event_type, lines, objects, size), hours[0] if told else None, hours[-1] if told else None
    )
