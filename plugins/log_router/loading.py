"""One event of one batch into its table: one transaction, with the ledger."""

import logging
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TypeVar

from log_router.core.errors import ConservationError, NeedsAction, Refused
from log_router.core.events import LINEAGE_COLUMNS, Column, Event
from log_router.core.manifests import Manifest
from log_router.core.settings import Settings
from log_router.core.sql import Statements
from log_router.warehouse import CopyRefused, Session, Warehouse, past_conflicts

T = TypeVar("T")
log = logging.getLogger(__name__)

_STAGE = "log_router_stage"
# A statement holds 16 MB at most (Database Developer Guide, "SQL"); this many ids or records stay below.
SLICE = 5_000


@dataclass(frozen=True)
class Outcome:
    """What a load found: rows and objects loaded now, objects that were loaded before, rows a reload took back."""

    event: str
    rows: int
    objects: int
    already_loaded: int
    taken_back: int = 0


@dataclass(frozen=True)
class Load:
    """The load of one event of one batch."""

    warehouse: Warehouse
    statements: Statements
    settings: Settings
    schema: str
    event: Event
    manifest: Manifest
    manifest_url: str
    parts_url: str

    def run(self) -> Outcome:
        """Make or extend the table, load what the ledger lacks, and return what was found.

        A reload replaces what is loaded of its raw objects; readers see the old rows or the new ones.

        Raises:
            ConservationError: Redshift counted other rows than the manifest holds; nothing was committed.
            CopyRefused: COPY refused a line; the message says which, nothing was committed.
            NeedsAction: objects loaded before have other rows by today's file; new objects are committed.
            Refused, WillPass: see Warehouse.
        """
        if not past_conflicts(self._prepare):
            return Outcome(self.event.name, 0, 0, 0)
        try:
            outcome, loaded = past_conflicts(self._transaction)
        except CopyRefused as error:
            raise CopyRefused(f"{error}\n{self._load_errors()}") from error
        self._refuse_to_differ(loaded)
        return outcome

    @property
    def _ledger(self) -> str:
        return f"ledger_{self.event.table}"

    @property
    def _columns(self) -> list[str]:
        return [*(column.name for column in self.event.columns), *LINEAGE_COLUMNS]

    def _render(self, name: str, **values: object) -> str:
        return self.statements.render(
            name,
            **{
                "schema": self.schema,
                "table": self.event.table,
                "ledger": self._ledger,
                **values,
            },
        )

    def _render_ledger(self, name: str, **values: object) -> str:
        return self._render(name, **{"schema": self.settings.ledger_schema, **values})

    def _prepare(self) -> bool:
        """Make or extend the table; return False where there is none, and no rows for one."""
        with self.warehouse.session() as session:
            statements = self._preparation(session)
            if statements is None:
                return False
            for statement in statements:
                log.info("%s", statement)
                session.run(statement)
            session.commit()
            return True

    def _preparation(self, session: Session) -> list[str] | None:
        # One query for both: they are made in one transaction, so a run that makes them at this moment is seen
        # with both or with neither.
        columns = session.fetch(self._render("columns_there", ledger_schema=self.settings.ledger_schema))
        there = {column for table, column in columns if table == self.event.table}
        if there:
            return self.extension(there)
        if columns:
            self._refuse_to_forget(session)
        return self.creation() if self.manifest.rows else None

    def _refuse_to_forget(self, session: Session) -> None:
        ((loaded,),) = session.fetch(self._render_ledger("count_ledger"))
        if loaded:
            raise Refused(
                f"table {self.schema}.{self.event.table} is gone, but {loaded} raw objects are in "
                f"its ledger {self.settings.ledger_schema}.{self._ledger}: a new table would lack their rows. "
                "Restore the table (or the former `schema` or `table`); to start anew, drop the ledger table"
            )

    def creation(self) -> list[str]:
        """Return the statements that make the ledger, the table and its comments."""
        event = self.event
        statements = [
            self._render_ledger("create_ledger"),
            self._render(
                "create_table",
                columns=[_column(column) for column in event.columns],
                sort_key=event.sort_key,
                dist_key=event.dist_key or "",
            ),
        ]
        if event.description:
            statements.append(self._render("comment_table", text=event.description))
        statements.extend(
            self._render("comment_column", column=column.name, text=column.description)
            for column in event.columns
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
            for column in self.event.columns
            if column.name not in there
        ]

    def _transaction(self) -> tuple[Outcome, dict[str, int]]:
        with self.warehouse.session() as session:
            found = self._load(session)
            session.commit()
        return found

    def _refuse_to_differ(self, loaded: dict[str, int]) -> None:
        """Raise NeedsAction where a raw object was loaded with other rows than it has by today's event file."""
        differing = [
            f"{object_id}: was loaded before with {rows} rows, now has {self.manifest.rows_by_object[object_id]}"
            for object_id, rows in sorted(loaded.items())
            if rows != self.manifest.rows_by_object[object_id]
        ]
        if differing:
            raise NeedsAction(
                f"event {self.event.name}: its file has changed since raw objects were loaded, and what is "
                f"loaded stays as it is; all new raw objects are loaded. To load these {len(differing)} anew, run "
                "the hour with the parameter mode=reload:\n" + "\n".join(differing)
            )

    def _load(self, session: Session) -> tuple[Outcome, dict[str, int]]:
        # Before anything is read: the lock comes before the snapshot, so what is read next includes what a
        # load that held the lock has committed.
        session.run(self._render_ledger("lock_table", table=self._ledger))
        taken_back = self._take_back(session) if self.manifest.reload else 0
        loaded = self._loaded(session)
        new = {
            object_id: rows
            for object_id, rows in self.manifest.rows_by_object.items()
            if rows and object_id not in loaded
        }
        if new and loaded:
            self._copy_only(session, new)
        elif new:
            self._copy(session, [self.schema, self.event.table])
        for entries in slices(list(new.items())):
            session.run(
                self._render_ledger(
                    "insert_ledger",
                    entries=[
                        (object_id, self.manifest.batch_id, self.manifest.config_hash, rows)
                        for object_id, rows in entries
                    ],
                )
            )
        return Outcome(self.event.name, sum(new.values()), len(new), len(loaded), taken_back), loaded

    def _take_back(self, session: Session) -> int:
        """Delete the rows of the manifest's raw objects, and their ledger entries; return how many rows."""
        deleted = 0
        for object_ids in slices(list(self.manifest.rows_by_object)):
            deleted += session.run(self._render("delete_rows", object_ids=object_ids))
            session.run(self._render_ledger("delete_ledger", object_ids=object_ids))
        return deleted

    def _loaded(self, session: Session) -> dict[str, int]:
        return {
            object_id: rows
            for object_ids in slices(list(self.manifest.rows_by_object))
            for object_id, rows in session.fetch(self._render_ledger("loaded_objects", object_ids=object_ids))
        }

    def _copy(self, session: Session, target: list[str]) -> None:
        (before, _) = session.fetch(self._render("last_copy"))[0]
        session.run(self.copy_statement(target))
        (copy_id, count) = session.fetch(self._render("last_copy"))[0]
        if copy_id == before or count != self.manifest.rows:
            raise ConservationError(
                f"{self.manifest_url}: the manifest holds {self.manifest.rows} rows, Redshift counted {count} "
                f"(copy id {copy_id}, before {before}); rolled back. Clear the run's split tasks to split again"
            )

    def copy_statement(self, target: list[str]) -> str:
        """Return the COPY of the manifest into a table."""
        return self._render(
            "copy",
            target=target,
            columns=self._columns,
            manifest=self.manifest_url,
            iam_role=self.settings.iam_role,
            region=self.settings.region or "",
            compression=self.settings.compression,
        )

    def _copy_only(self, session: Session, new: dict[str, int]) -> None:
        """Load the rows of some of the manifest's raw objects, by way of a temporary table."""
        session.run(self._render("create_stage", stage=_STAGE))
        self._copy(session, [_STAGE])
        inserted = sum(
            session.run(
                self._render("insert_from_stage", stage=_STAGE, columns=self._columns, object_ids=object_ids)
            )
            for object_ids in slices(list(new))
        )
        if inserted != sum(new.values()):
            raise ConservationError(
                f"{self.manifest_url}: {sum(new.values())} rows are not loaded yet, but {inserted} were inserted; "
                "rolled back. Clear the run's split tasks to split again"
            )
        session.run(self._render("drop_stage", stage=_STAGE))

    def _load_errors(self) -> str:
        with self.warehouse.session() as session:
            rows = session.fetch(self._render("load_errors", parts_url=self.parts_url))
        if not rows:
            return "the warehouse's error tables say nothing of these parts"
        return "\n".join(
            f"{str(file).strip()} line {line}, column {str(column).strip() or '?'}: {code} {str(text).strip()}"
            for file, line, column, code, text in rows
        )


def _column(column: Column) -> dict[str, str]:
    return {"name": column.name, "ddl": column.type.ddl, "encoding": column.type.encoding}


def slices(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield the items in lists of at most `SLICE`."""
    for start in range(0, len(items), SLICE):
        yield items[start : start + SLICE]
