"""The tables, made or extended before they are needed: an event's and its ledger, and those of the record."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from log_router.core.errors import NeedsAction, Refused
from log_router.core.events import LINEAGE_COLUMNS, Column, Event
from log_router.core.evolution import DDL, Change, FoundColumn, Kind, changes, grown
from log_router.core.sql import Statements
from log_router.ledgers import ledger_of
from log_router.warehouse import Session

log = logging.getLogger(__name__)

# Each is made by the statement create_<name>.
RECORD_TABLES = ("objects", "object_events", "batches")


@dataclass(frozen=True)
class RecordTables:
    """The record, in `ledger_schema`, and the schema of the event tables."""

    session: Session
    statements: Statements
    schema: str
    ledger_schema: str

    def prepare(self) -> None:
        """Make the schemas and tables that are missing, and commit that, if any."""
        found = self._found()
        missing = [*self._missing_schemas(found), *self._missing_tables(found)]
        if missing:
            _run(self.session, missing)
            self.session.commit()

    def there(self) -> bool:
        """Tell whether the record can be read."""
        return not any(self._missing_tables(self._found()))

    def _found(self) -> dict[str, set[str | None]]:
        """Return the tables of the record by schema; of a schema that has none, None."""
        schemas = (self.schema, self.ledger_schema)
        found: dict[str, set[str | None]] = {}
        for schema, table in self.session.fetch(
            self.statements.render("record_there", schemas=schemas, tables=RECORD_TABLES)
        ):
            found.setdefault(schema, set()).add(table)
        return found

    def _missing_schemas(self, found: Mapping[str, AbstractSet[str | None]]) -> Iterator[str]:
        # Only where it is missing: CREATE SCHEMA needs a right on the database, even where the schema is there.
        for schema in (self.schema, self.ledger_schema):
            if schema not in found:
                yield self.statements.render("create_schema", schema=schema)

    def _missing_tables(self, found: Mapping[str, AbstractSet[str | None]]) -> Iterator[str]:
        for table in RECORD_TABLES:
            if table not in found.get(self.ledger_schema, ()):
                yield self.statements.render(f"create_{table}", schema=self.ledger_schema)


@dataclass(frozen=True)
class Tables:
    """The table of one event, in `schema`, and its ledger, in `ledger_schema`.

    `evolve` is the setting; `widest` has the bytes of the longest values that wait for columns that may grow.
    """

    session: Session
    statements: Statements
    schema: str
    ledger_schema: str
    event: Event
    evolve: str = "additive"
    widest: Mapping[str, int] = field(default_factory=dict)

    def prepare(self, *, needed: bool) -> bool:
        """Make the table where it is missing and `needed`, or extend it, and commit; return False where there is none.

        Raises:
            Refused: a table of that name is not one of Log Router's, or its ledger says that it is gone.
            NeedsAction: the table can't hold what the event file says, or may not be changed by a load.
        """
        found = self.look()
        if not found and not needed:
            self.session.commit()
            return False
        todo = changes(self.event, found, self.widest)
        self._refuse(todo)
        self.carry_out(todo)
        return True

    def look(self) -> dict[str, FoundColumn]:
        """Return the columns of the table that is there, none where there is none.

        Raises:
            Refused: as `prepare`.
        """
        # One query for both: they are made in one transaction, so a run that makes them at this moment is seen
        # with both or with neither.
        tables = tables_there(self.session, self.statements, self.schema, self.ledger_schema, [self.event])
        found = tables.get((self.schema, self.event.table), {})
        if found:
            self._refuse_a_foreign(found)
        elif (self.ledger_schema, ledger_of(self.event)) in tables:
            self._refuse_to_forget()
        return found

    def carry_out(self, todo: Iterable[Change]) -> None:
        """Make and add what is missing and commit; then widen, which Redshift takes outside of transactions only."""
        todo = tuple(todo)
        _run(self.session, self.transaction(todo))
        # Always: the transaction that follows must begin with its lock.
        self.session.commit()
        for change in todo:
            if change.kind is Kind.WIDENED:
                self._widen(change)

    def _widen(self, change: Change) -> None:
        statement = self.widening(change)
        log.info("%s", statement)
        try:
            self.session.run_alone(statement)
        except Refused:
            # Another load may have widened it further meanwhile: Redshift refuses to narrow it again.
            self.session.rollback()
            if any(
                one.column == change.column
                for one in changes(self.event, self.look(), self.widest)
                if one.kind is Kind.WIDENED
            ):
                raise
            self.session.commit()

    def transaction(self, todo: Iterable[Change]) -> list[str]:
        """Return the statements of changes that one transaction holds."""
        by_name = {column.name: column for column in self.event.table_columns}
        statements = []
        for change in todo:
            if change.kind is Kind.TABLE:
                statements.extend(self.creation())
            if change.kind is Kind.ADDED:
                column = self._column(by_name[change.column])
                statements.append(self._render("add_column", column=column))
        return statements

    def widening(self, change: Change) -> str:
        """Return the statement that widens a column."""
        return self._render("widen_column", column=change.column, ddl=change.wanted)

    def _refuse(self, todo: Iterable[Change]) -> None:
        where = f"event {self.event.name}: table {self.schema}.{self.event.table}"
        refused = [one for one in todo if one.blocks]
        if refused:
            raise NeedsAction(
                "\n".join(
                    f"{where}: column {one.column} is {one.found} in the table and {one.wanted} in the event file; "
                    f"{one.remedy}"
                    for one in refused
                )
            )
        needed = [one for one in todo if one.kind in DDL]
        if needed and self.evolve == "none":
            what = ", ".join(f"{one.column or one.wanted} {one.kind}" for one in needed)
            raise NeedsAction(
                f"{where} needs {what}, and the setting `evolve: none` leaves that to a person: "
                f"log-router apply --event {self.event.name} --yes"
            )

    def _refuse_to_forget(self) -> None:
        ((loaded,),) = self.session.fetch(self._render("count_ledger", schema=self.ledger_schema))
        if loaded:
            raise Refused(
                f"table {self.schema}.{self.event.table} is gone, but {loaded} raw objects are in "
                f"its ledger {self.ledger_schema}.{ledger_of(self.event)}: a new table would lack their rows. "
                "Restore the table (or the former `schema` or `table`); to start anew, drop the ledger table"
            )

    def creation(self) -> list[str]:
        """Return the statements that make the ledger, the table and its comments."""
        event = self.event
        statements = [
            self._render("create_ledger", schema=self.ledger_schema),
            self._render(
                "create_table",
                columns=[self._column(column) for column in event.table_columns],
                sort_key=event.sort_key,
                dist_key=event.dist_key or "",
            ),
        ]
        if event.description:
            statements.append(self._render("comment_table", text=event.description))
        statements.extend(
            self._render("comment_column", column=column.name, text=column.description)
            for column in event.table_columns
            if column.description
        )
        return statements

    def _refuse_a_foreign(self, there: Mapping[str, FoundColumn]) -> None:
        missing = [name for name in LINEAGE_COLUMNS if name not in there]
        if missing:
            raise Refused(
                f"table {self.schema}.{self.event.table} exists but was not made by Log Router "
                f"(it lacks {', '.join(missing)}); rename it, or give event {self.event.name} another `table`"
            )

    def _column(self, column: Column) -> dict[str, str]:
        ddl = grown(column, self.widest.get(column.name, 0)).ddl
        return {"name": column.name, "ddl": ddl, "encoding": column.type.encoding}

    def _render(self, name: str, **values: object) -> str:
        where = {"schema": self.schema, "table": self.event.table, "ledger": ledger_of(self.event)}
        return self.statements.render(name, **{**where, **values})


def tables_there(
    session: Session, statements: Statements, schema: str, ledger_schema: str, events: Iterable[Event]
) -> dict[tuple[str, str], dict[str, FoundColumn]]:
    """Return the columns of the events' tables and ledgers that are there, by schema and table."""
    events = list(events)
    asked = {
        "schema": schema,
        "tables": [event.table for event in events],
        "ledger_schema": ledger_schema,
        "ledgers": [ledger_of(event) for event in events],
    }
    found: dict[tuple[str, str], dict[str, FoundColumn]] = {}
    for where, table, *column in session.fetch(statements.render("columns_there", **asked)):
        found.setdefault((where, table), {})[column[0]] = FoundColumn(*column)
    return found


def _run(session: Session, statements: Sequence[str]) -> None:
    for statement in statements:
        log.info("%s", statement)
        session.run(statement)
