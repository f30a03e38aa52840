"""The tables, made or extended before they are needed: an event's and its ledger, and those of the record."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from log_router.core.errors import Refused
from log_router.core.events import LINEAGE_COLUMNS, Column, Event
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
    """The table of one event, in `schema`, and its ledger, in `ledger_schema`."""

    session: Session
    statements: Statements
    schema: str
    ledger_schema: str
    event: Event

    def prepare(self, *, needed: bool) -> bool:
        """Make the table where it is missing and `needed`, or extend it, and commit; return False where there is none.

        Raises:
            Refused: a table of that name is not one of Log Router's, or its ledger says that it is gone.
        """
        statements = self._preparation(needed=needed)
        _run(self.session, statements or ())
        # Always: the transaction that follows must begin with its lock.
        self.session.commit()
        return statements is not None

    def _preparation(self, *, needed: bool) -> list[str] | None:
        # One query for both: they are made in one transaction, so a run that makes them at this moment is seen
        # with both or with neither.
        columns = self.session.fetch(self._render("columns_there", ledger_schema=self.ledger_schema))
        there = {column for table, column in columns if table == self.event.table}
        if there:
            return self.extension(there)
        if any(table == ledger_of(self.event) for table, _ in columns):
            self._refuse_to_forget()
        return self.creation() if needed else None

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
                columns=[_column(column) for column in event.table_columns],
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

    def extension(self, there: AbstractSet[str]) -> list[str]:
        """Return the statements that add the columns a table lacks.

        Raises:
            Refused: the table is not one of Log Router's.
        """
        missing = [name for name in LINEAGE_COLUMNS if name not in there]
        if missing:
            raise Refused(
                f"table {self.schema}.{self.event.table} exists but was not made by Log Router "
                f"(it lacks {', '.join(missing)}); rename it, or give event {self.event.name} another `table`"
            )
        return [
            self._render("add_column", column=_column(column))
            for column in self.event.table_columns
            if column.name not in there
        ]

    def _render(self, name: str, **values: object) -> str:
        where = {"schema": self.schema, "table": self.event.table, "ledger": ledger_of(self.event)}
        return self.statements.render(name, **{**where, **values})


def _run(session: Session, statements: Sequence[str]) -> None:
    for statement in statements:
        log.info("%s", statement)
        session.run(statement)


def _column(column: Column) -> dict[str, str]:
    return {"name": column.name, "ddl": column.type.ddl, "encoding": column.type.encoding}
