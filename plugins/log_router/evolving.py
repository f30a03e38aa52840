"""What the event files want of the warehouse: compared with it or with a saved catalog, and carried out."""

import difflib
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from log_router.core.catalog import Catalog
from log_router.core.errors import NeedsAction, Refused
from log_router.core.events import LINEAGE_COLUMNS, Event
from log_router.core.evolution import DDL, Change, FoundColumn, Kind, changes, floor_bytes
from log_router.core.settings import Settings
from log_router.core.snapshots import Snapshot
from log_router.core.sql import Statements
from log_router.core.windows import iso
from log_router.ledgers import ledger_of
from log_router.tables import RecordTables, Tables, tables_there
from log_router.warehouse import Session, Warehouse, past_conflicts


@dataclass(frozen=True)
class Replay:
    """The loads that new columns have to wait for: raw objects and hours with rows of the event, and the command.

    Without `first` and `end`, the keys do not say their hours.
    """

    objects: int
    size: int
    hours: int
    first: str
    end: str
    command: str


@dataclass(frozen=True)
class EventPlan:
    """What one event's table needs; `statements` are those that would run, `floor` bytes on disk of a new table."""

    event: Event
    changes: tuple[Change, ...]
    statements: tuple[str, ...] = ()
    floor: int = 0
    replay: Replay | None = None

    @property
    def refused(self) -> bool:
        """Whether something can't be done."""
        return any(change.kind is Kind.REFUSED for change in self.changes)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return {
            "event": self.event.name,
            "table": self.event.table,
            "changes": [change.to_dict() for change in self.changes],
            "statements": self.statements,
            "storage_floor_bytes": self.floor,
            "replay": self.replay and asdict(self.replay),
        }


@dataclass(frozen=True)
class Evolution:
    """The events of a site, or those named in `only`, and their tables; `warehouse` is None beside a saved catalog."""

    warehouse: Warehouse | None
    statements: Statements
    settings: Settings
    catalog: Catalog
    only: Sequence[str] = ()

    @property
    def events(self) -> tuple[Event, ...]:
        """The events that are asked for.

        Raises:
            NeedsAction: one has no file.
        """
        known = {event.name: event for event in self.catalog.events}
        for name in self.only:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"did you mean `{near[0]}`?" if near else "see include/events/"
                raise NeedsAction(f"event {name}: there is no file of that name; {hint}")
        return tuple(event for event in self.catalog.events if not self.only or event.name in self.only)

    def read(self, progress: Callable[[str], None], *, whole: bool = False) -> Snapshot:
        """Return what the warehouse holds; what is loaded only where a plan asks for it, but of the `whole`.

        Raises:
            Refused, WillPass: see Warehouse.
        """
        with self._session() as session:
            events = self.events
            found = tables_there(session, self.statements, *self._schemas, events) if events else {}
            schema, ledger_schema = self._schemas
            tables = {
                event.table: found[schema, event.table] for event in events if (schema, event.table) in found
            }
            ledgers = [event for event in events if (ledger_schema, ledger_of(event)) in found]
            loaded = {}
            if ledgers and RecordTables(session, self.statements, *self._schemas).there():
                for event in ledgers:
                    if whole or _asks_for_loads(event, tables.get(event.table, {})):
                        progress(f"what is loaded of {event.name}")
                        loaded[event.name] = self._loaded(session, event)
        return Snapshot(tables, tuple(event.name for event in ledgers), loaded, self._slices())

    def plan(self, snapshot: Snapshot) -> list[EventPlan]:
        """Return what each event needs, by name."""
        return [self._plan(event, snapshot) for event in self.events]

    def apply(self, plans: Iterable[EventPlan], progress: Callable[[str], None]) -> list[str]:
        """Carry out what plans need, one event after the other; return the events that were changed.

        Each event's tables are made and extended under its ledger's lock, in one transaction. What is done already is
        left alone, so it can be run again.

        Raises:
            NeedsAction: something is refused: before anything is changed, or because it changed meanwhile.
        """
        plans = list(plans)
        if refused := [plan.event.name for plan in plans if plan.refused]:
            raise NeedsAction(f"refused for {', '.join(refused)}; nothing is applied: see log-router plan")
        wanting = [plan.event for plan in plans if any(one.kind in DDL for one in plan.changes)]
        if wanting:
            with self._session() as session:
                RecordTables(session, self.statements, *self._schemas).prepare()
        for event in wanting:
            progress(event.name)
            past_conflicts(lambda event=event: self._apply(event))  # type: ignore[misc]
        return [event.name for event in wanting]

    def _apply(self, event: Event) -> None:
        with self._session() as session:
            schema, ledger_schema = self._schemas
            there = tables_there(session, self.statements, schema, ledger_schema, [event])
            # The lock must come before the snapshot that the comparison is made in.
            session.commit()
            if (ledger_schema, ledger_of(event)) in there:
                where = {"schema": ledger_schema, "table": ledger_of(event)}
                session.run(self.statements.render("lock_table", **where))
            tables = self._tables(session, event)
            todo = changes(event, tables.look())
            refused = [one for one in todo if one.blocks]
            if refused:
                raise NeedsAction(
                    f"event {event.name}: its table has changed meanwhile: {refused[0].column}: {refused[0].remedy}"
                )
            tables.carry_out(todo)

    def _session(self) -> AbstractContextManager[Session]:
        if self.warehouse is None:
            raise NeedsAction("a saved catalog is compared only; without it the warehouse is asked")
        return self.warehouse.session()

    @property
    def _schemas(self) -> tuple[str, str]:
        return self.settings.table_schema, self.settings.ledger_schema

    def _tables(self, session: Session, event: Event) -> Tables:
        return Tables(session, self.statements, *self._schemas, event)

    def _loaded(self, session: Session, event: Event) -> list[tuple[str, int, int]]:
        length = len(datetime(2026, 1, 1, tzinfo=UTC).strftime(self.settings.raw_prefix))
        statement = self.statements.render(
            "loaded_by_prefix", schema=self.settings.ledger_schema, ledger=ledger_of(event), length=length
        )
        return [(str(prefix), int(objects), int(size)) for prefix, objects, size in session.fetch(statement)]

    def _slices(self) -> int | None:
        """Return the slices of the cluster, None where they can't be read: serverless has none to show."""
        with self._session() as session:
            try:
                ((slices,),) = session.fetch(self.statements.render("count_slices"))
            except Refused:
                return None
            return int(slices) or None

    def _plan(self, event: Event, snapshot: Snapshot) -> EventPlan:
        found = snapshot.tables.get(event.table, {})
        loaded = snapshot.loaded.get(event.name, ())
        if problem := self._problem(event, found, lost=sum(objects for _, objects, _ in loaded)):
            return EventPlan(event, (problem,))
        todo = changes(event, found)
        added = any(one.kind is Kind.ADDED for one in todo)
        return EventPlan(
            event,
            todo,
            tuple(self._statements(event, todo)),
            0 if found else floor_bytes(event, snapshot.slices or 1),
            self._replay(event, loaded) if added and loaded else None,
        )

    def _problem(self, event: Event, found: Mapping[str, FoundColumn], lost: int) -> Change | None:
        table = f"{self.settings.table_schema}.{event.table}"
        if not found and lost:
            remedy = f"{table} is gone, but {lost} raw objects are in its ledger: restore it, or drop the ledger table"
            return Change(Kind.REFUSED, remedy=remedy, blocks=True)
        if found and not found.keys() >= {*LINEAGE_COLUMNS}:
            remedy = f"{table} was not made by Log Router: rename it, or give the event another `table`"
            return Change(Kind.REFUSED, remedy=remedy, blocks=True)
        return None

    def _statements(self, event: Event, todo: Sequence[Change]) -> Iterator[str]:
        with_no_session: Any = None
        tables = self._tables(with_no_session, event)
        yield from tables.transaction(todo)
        yield from (tables.widening(one) for one in todo if one.kind is Kind.WIDENED)

    def _replay(self, event: Event, loaded: Sequence[tuple[str, int, int]]) -> Replay:
        hours = sorted({hour for prefix, _, _ in loaded if (hour := self._hour(prefix))})
        totals = sum(objects for _, objects, _ in loaded), sum(size for _, _, size in loaded)
        if len(hours) < len({prefix for prefix, _, _ in loaded}):
            return Replay(*totals, 0, "", "", "")
        first, end = iso(hours[0]), iso(hours[-1] + timedelta(hours=1))
        command = f"log-router reload --from {first} --to {end} --event {shlex.quote(event.name)}"
        return Replay(*totals, len(hours), first, end, command)

    def _hour(self, prefix: str) -> datetime | None:
        try:
            return datetime.strptime(prefix, self.settings.raw_prefix).replace(tzinfo=UTC)
        except ValueError:
            return None


def _asks_for_loads(event: Event, found: Mapping[str, FoundColumn]) -> bool:
    return not found or any(change.kind is Kind.ADDED for change in changes(event, found))
