"""One event of one batch into its table: one transaction, with the ledger."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from log_router.core import quarantine
from log_router.core.errors import SPLIT_AGAIN, ConservationError, NeedsAction
from log_router.core.events import LINEAGE_COLUMNS, Event
from log_router.core.manifests import Manifest
from log_router.core.settings import Settings
from log_router.core.sql import Statements
from log_router.ledgers import Ledger, LedgerEntry, ledger_of
from log_router.refusals import Refusal, refusals
from log_router.tables import Tables
from log_router.warehouse import CopyRefused, Session, Warehouse, moment, past_conflicts, slices

log = logging.getLogger(__name__)

_STAGE = "log_router_stage"
# An error message is read by a person.
_SHOWN = 5


@dataclass(frozen=True)
class Outcome:
    """What a load found: rows and objects loaded now, objects that were loaded before, rows a reload took back.

    `dropped` rows were repetitions of others. `isolated_by` are the batches in which COPY has refused lines of
    raw objects that are loaded, now or before. `loaded_at` is when the warehouse loaded what was loaded now, None
    where that is nothing.
    """

    event: str
    rows: int
    objects: int
    already_loaded: int
    taken_back: int = 0
    dropped: int = 0
    isolated_by: list[str] = field(default_factory=list)
    loaded_at: datetime | None = field(default=None, compare=False)

    def __str__(self) -> str:
        """Return it as the log says it."""
        return (
            f"{self.event}: {self.rows} rows of {self.objects} raw objects loaded, {self.dropped} repetitions dropped; "
            f"{self.already_loaded} raw objects were loaded before; {self.taken_back} rows were taken back"
        )


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
        try:
            outcome, loaded = past_conflicts(self._in_a_session)
        except CopyRefused as error:
            said = self.refusals(error.session_id)[:_SHOWN]
            lines = "\n".join(f"{refusal.file} line {refusal.line}, {refusal.why}" for refusal in said)
            nothing = "the warehouse's error tables say nothing of these parts"
            raise CopyRefused(f"{error}\n{lines or nothing}", error.session_id) from error
        self._refuse_to_differ(loaded)
        return outcome

    @property
    def _columns(self) -> list[str]:
        return [*(column.name for column in self.event.table_columns), *LINEAGE_COLUMNS]

    def rehearse(self, max_errors: int) -> list[Refusal]:
        """Return what COPY refuses of the manifest, by reading all of it and loading nothing.

        Raises:
            CopyRefused: it would refuse `max_errors` lines or more, or can't read a part.
        """
        with self.warehouse.session() as session:
            ((_, _, session_id),) = session.fetch(self._render("last_copy"))
            session.run(self._copy_statement([self.schema, self.event.table], max_errors, rehearsal=True))
        return self.refusals(session_id)

    def refusals(self, session_id: int) -> list[Refusal]:
        """Return what the warehouse says of the manifest's parts after a COPY in the session of that number."""
        return refusals(self.warehouse, self.statements, session_id, self.parts_url)

    def _render(self, name: str, **values: object) -> str:
        where = {"schema": self.schema, "table": self.event.table, "ledger": ledger_of(self.event)}
        return self.statements.render(name, **{**where, **values})

    def _render_ledger(self, name: str, **values: object) -> str:
        return self._render(name, **{"schema": self.settings.ledger_schema, **values})

    def _in_a_session(self) -> tuple[Outcome, Mapping[str, LedgerEntry]]:
        """Make or extend the table in one transaction, load in the next."""
        with self.warehouse.session() as session:
            schemas = (self.schema, self.settings.ledger_schema)
            # The table of quarantined lines is no event of the site's: it is made as the record's tables are.
            evolve = "additive" if self.event is quarantine.TABLE else self.settings.evolve
            tables = Tables(session, self.statements, *schemas, self.event, evolve, self.manifest.widest)
            if not tables.prepare(needed=self.manifest.rows > 0 or self.manifest.complete):
                return Outcome(self.event.name, 0, 0, 0), {}
            found = self._load(session)
            session.commit()
        return found

    def _refuse_to_differ(self, loaded: Mapping[str, LedgerEntry]) -> None:
        """Raise NeedsAction where a raw object was loaded with other rows than it has by today's event file."""
        differing = [
            f"{entry.object_id}: was loaded before with {entry.split} rows, now has "
            f"{self.manifest.split_of(entry.object_id)}"
            for _, entry in sorted(loaded.items())
            if entry.split != self.manifest.split_of(entry.object_id)
        ]
        if differing:
            raise NeedsAction(
                f"event {self.event.name}: its file has changed since raw objects were loaded, and what is "
                f"loaded stays as it is; all new raw objects are loaded. To load these {len(differing)} anew: "
                "log-router reload --object <id> ..., or run their hour with the parameter mode=reload:\n"
                + "\n".join(differing)
            )

    def _load(self, session: Session) -> tuple[Outcome, Mapping[str, LedgerEntry]]:
        # Before anything is read: the lock comes before the snapshot, so what is read next includes what a
        # load that held the lock has committed.
        session.run(self._render_ledger("lock_table", table=ledger_of(self.event)))
        taken_back = self._take_back(session) if self.manifest.reload else 0
        loaded = self.entries(session)
        new = [
            one
            for one in self.manifest.rows_by_object
            if one not in loaded and (self.manifest.complete or self.manifest.split_of(one))
        ]
        left = self._load_objects(session, new, list(loaded))
        loaded_at = self._now(session) if new else None
        entries = [self._entry(one, left.get(one, 0), loaded_at) for one in new]
        for some in slices(entries):
            session.run(self._render_ledger("insert_ledger", entries=[self._values(one) for one in some]))
        if self.manifest.spared:
            self._recount(session)
        if taken_back and self.event.unique is not None:
            self._name_dropped(session)
        outcome = Outcome(
            self.event.name,
            rows=sum(entry.loaded for entry in entries),
            objects=len(new),
            already_loaded=len(loaded),
            taken_back=taken_back,
            dropped=sum(entry.dropped for entry in entries),
            isolated_by=sorted({one.batch_id for one in (*entries, *loaded.values()) if one.refused}),
            loaded_at=loaded_at,
        )
        return outcome, loaded

    def _now(self, session: Session) -> datetime:
        ((now,),) = session.fetch(self._render("now"))
        return moment(now)

    def _entry(self, object_id: str, left: int, loaded_at: datetime | None) -> LedgerEntry:
        dropped = self.manifest.rows_by_object[object_id] - left
        refused = self.manifest.refused.get(object_id, 0)
        return LedgerEntry(object_id, self.manifest.batch_id, left, dropped, refused, loaded_at)

    def _values(self, entry: LedgerEntry) -> tuple[str | int | datetime | None, ...]:
        counts = (entry.loaded, entry.dropped, entry.refused)
        return (entry.object_id, entry.batch_id, self.manifest.config_hash, *counts, entry.loaded_at)

    def _recount(self, session: Session) -> None:
        """Have the ledger say what the table holds of the manifest's raw objects: new rows and spared ones."""
        for object_ids in slices(list(self.manifest.rows_by_object)):
            session.run(self._render_ledger("delete_ledger", object_ids=object_ids))
            batch = {"batch_id": self.manifest.batch_id, "config_hash": self.manifest.config_hash}
            session.run(self._render_ledger("recount_ledger", **batch, object_ids=object_ids))

    def _take_back(self, session: Session) -> int:
        """Delete the rows of the manifest's raw objects, and their ledger entries; return how many rows."""
        deleted = 0
        for object_ids in slices(list(self.manifest.rows_by_object)):
            deleted += session.run(
                self._render("delete_rows", object_ids=object_ids, spared=self.manifest.spared)
            )
            session.run(self._render_ledger("delete_ledger", object_ids=object_ids))
        return deleted

    def _name_dropped(self, session: Session) -> None:
        """Log which other raw objects had rows dropped: perhaps as repetitions of rows that are gone now."""
        found = session.fetch(self._render_ledger("objects_with_dropped"))
        others = sorted(object_id for (object_id,) in found if object_id not in self.manifest.rows_by_object)
        if others:
            log.warning(
                "%s: of %d other raw objects rows were dropped as repetitions. Those that repeated rows taken back "
                "now stay dropped; to bring them back: log-router reload --event %s --object %s",
                *(self.event.name, len(others), self.event.name, " --object ".join(others)),
            )

    def entries(self, session: Session) -> dict[str, LedgerEntry]:
        """Return what the ledger says of the manifest's raw objects that are loaded."""
        ledger = Ledger(session, self.statements, self.settings.ledger_schema, ledger_of(self.event))
        found = ledger.entries("object_id", list(self.manifest.rows_by_object))
        return {entry.object_id: entry for entry in found}

    def _load_objects(self, session: Session, new: Sequence[str], loaded: Sequence[str]) -> Mapping[str, int]:
        """Load the rows of the new raw objects; return how many are in the table now, by object."""
        rows = {object_id: self.manifest.rows_by_object[object_id] for object_id in new}
        if not any(rows.values()):
            return rows
        if self.event.unique is None and sum(rows.values()) == self.manifest.rows:
            self._copy(session, [self.schema, self.event.table])
            return rows
        session.run(self._render("create_stage", stage=_STAGE))
        self._copy(session, [_STAGE])
        left = rows if self.event.unique is None else self._without_duplicates(session, rows, loaded)
        self._insert(session, left)
        session.run(self._render("drop_stage", stage=_STAGE))
        return left

    def _copy(self, session: Session, target: list[str]) -> None:
        ((before, _, session_id),) = session.fetch(self._render("last_copy"))
        try:
            session.run(self._copy_statement(target))
        except CopyRefused as error:
            raise CopyRefused(str(error), session_id) from error
        ((copy_id, count, _),) = session.fetch(self._render("last_copy"))
        if copy_id == before or count != self.manifest.rows:
            raise ConservationError(
                f"{self.manifest_url}: the manifest holds {self.manifest.rows} rows, Redshift counted {count} "
                f"(copy id {copy_id}, before {before}); rolled back. To mend it: {SPLIT_AGAIN}"
            )

    def _copy_statement(self, target: list[str], max_errors: int = 0, *, rehearsal: bool = False) -> str:
        return self._render(
            "copy",
            target=target,
            columns=self._columns,
            manifest=self.manifest_url,
            iam_role=self.settings.iam_role,
            region=self.settings.region or "",
            compression=self.settings.compression,
            max_errors=max_errors,
            rehearsal=rehearsal,
        )

    def _without_duplicates(
        self, session: Session, rows: Mapping[str, int], loaded: Sequence[str]
    ) -> dict[str, int]:
        """Delete what `unique` forbids from the staged rows; return how many are left, by object."""
        for object_ids in slices(loaded):
            session.run(self._render("delete_staged", stage=_STAGE, object_ids=object_ids))
        unique = self.event.unique
        window = {"key": unique.columns, "hours": unique.within_hours} if unique else {}
        # First the table, then the batch: a row that the table has already must not drop the one after it.
        dropped = sum(
            session.run(self._render(name, stage=_STAGE, event_time=self.event.event_time, **window))
            for name in ("delete_known", "delete_repeated")
        )
        counted = session.fetch(self._render("count_staged", stage=_STAGE))
        left = {str(object_id): int(count) for object_id, count in counted}
        if sum(left.values()) + dropped != sum(rows.values()) or any(
            count > rows.get(object_id, 0) for object_id, count in left.items()
        ):
            raise ConservationError(
                f"{self.manifest_url}: {sum(rows.values())} rows are not loaded yet, but {dropped} were dropped "
                f"and {sum(left.values())} are left; rolled back. To mend it: {SPLIT_AGAIN}"
            )
        return left

    def _insert(self, session: Session, rows: Mapping[str, int]) -> None:
        inserted = sum(
            session.run(
                self._render("insert_from_stage", stage=_STAGE, columns=self._columns, object_ids=object_ids)
            )
            for object_ids in slices(list(rows))
        )
        if inserted != sum(rows.values()):
            raise ConservationError(
                f"{self.manifest_url}: {sum(rows.values())} rows are not loaded yet, but {inserted} were inserted; "
                f"rolled back. To mend it: {SPLIT_AGAIN}"
            )
