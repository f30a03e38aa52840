"""The statements which the twin runs itself, because PostgreSQL alone would not do as Redshift does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from local.twin.errors import TwinError
from local.twin.load.run import Load
from local.twin.sql.tokens import literal, quoted
from local.twin.sql.translate import AlterTable, Copy, CreateTable, Maintain, Plan, Truncate

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.twin.backend import Backend
    from local.twin.load.source import Source
    from local.twin.recorder import Recorder
    from local.twin.sql.ddl import Alteration, Definition

Outcome = tuple[list[str], str]


class Runner:
    """Runs a plan on a client's PostgreSQL session."""

    def __init__(self, backend: Backend, recorder: Recorder, source: Source) -> None:
        self._backend = backend
        self._recorder = recorder
        self._source = source

    def run(self, plan: Plan) -> Outcome:
        """Return notices for the client and the statement's tag; raises `TwinError`, rolled back."""
        if isinstance(plan, Copy):
            return self._in_transaction(lambda: self._copy(plan))
        if isinstance(plan, CreateTable):
            return self._in_transaction(lambda: self._create(plan.definition))
        if isinstance(plan, AlterTable):
            return self._alter(plan.alteration)
        if isinstance(plan, Truncate):
            return self._truncate(plan)
        if isinstance(plan, Maintain):
            self._refuse_in_transaction(plan.tag)
            return [], plan.tag
        raise AssertionError(plan)

    def _in_transaction(self, work: Callable[[], Outcome]) -> Outcome:
        """Run work inside the client's transaction, or in one of its own when the client has none."""
        own = self._backend.status == b"I"
        if own:
            self._backend.query("BEGIN")
        try:
            outcome = work()
        except TwinError:
            if own:
                self._backend.query("ROLLBACK")
            raise
        if own:
            self._backend.query("COMMIT")
        return outcome

    def _copy(self, plan: Copy) -> Outcome:
        loaded = Load(self._backend, self._recorder, self._source, plan.command).run()
        notes = [f"Load into table '{loaded.table}' completed, {loaded.rows} record(s) loaded successfully."]
        if loaded.rejected:
            notes.append(
                f"Load into table '{loaded.table}' completed, {loaded.rejected} record(s) could not be loaded.  "
                "Check 'stl_load_errors' system table for details."
            )
        return notes, "COPY"

    def _create(self, definition: Definition) -> Outcome:
        self._recorder.make_domains(definition.domains)
        name = literal(quoted(definition.table))
        known = self._backend.query(f"SELECT to_regclass({name})")[0][0]
        self._backend.query(definition.sql)
        if known is None:
            self._remember(definition, name)
        return [], definition.tag

    def _remember(self, definition: Definition, name: str) -> None:
        kept = definition.attributes
        keys = ", ".join(literal(key) for key in kept.sortkeys)
        self._backend.query(
            "INSERT INTO twin.table_attribute VALUES "
            f"(to_regclass({name}), {literal(kept.diststyle or ('key' if kept.distkey else ''))},"
            f" {literal(kept.distkey)}, ARRAY[{keys}]::text[], {literal(json.dumps(kept.encodings))})"
            " ON CONFLICT (relation) DO UPDATE SET diststyle = excluded.diststyle, distkey = excluded.distkey,"
            " sortkeys = excluded.sortkeys, encodings = excluded.encodings"
        )

    def _alter(self, alteration: Alteration) -> Outcome:
        definition = alteration.definition
        if not alteration.resized:
            return self._in_transaction(lambda: self._changed(definition))
        self._refuse_in_transaction("ALTER TABLE ALTER COLUMN")
        return self._in_transaction(lambda: self._resized(alteration))

    def _changed(self, definition: Definition) -> Outcome:
        self._recorder.make_domains(definition.domains)
        self._backend.query(definition.sql)
        for column, encoding in definition.attributes.encodings.items():
            self._backend.query(
                f"UPDATE twin.table_attribute SET encodings = encodings || {literal(json.dumps({column: encoding}))}"
                f" WHERE relation = to_regclass({literal(quoted(definition.table))})"
            )
        return [], "ALTER TABLE"

    def _resized(self, alteration: Alteration) -> Outcome:
        definition, column = alteration.definition, alteration.resized
        found = self._backend.query(
            "SELECT twin.type_name(a.atttypid, a.atttypmod), a.atthasdef, coalesce(t.encodings ->> a.attname, '')"
            " FROM pg_attribute a LEFT JOIN twin.table_attribute t ON t.relation = a.attrelid"
            f" WHERE a.attrelid = {literal(quoted(definition.table))}::regclass AND a.attname = {literal(column)}"
        )
        if not found:
            table = definition.table[-1]
            raise TwinError(f'column "{column}" of relation "{table}" does not exist', code="42703")
        kind, has_default, encoding = found[0]
        if not str(kind).startswith("character varying"):
            raise TwinError(f'cannot alter type of column "{column}": it is no VARCHAR', code="0A000")
        if has_default == "t":
            raise TwinError(f'cannot alter type of column "{column}": it has a default', code="0A000")
        if encoding in {"bytedict", "runlength", "text255", "text32k"}:
            raise TwinError(
                f'cannot alter type of column "{column}": its encoding is {str(encoding).upper()}',
                code="0A000",
            )
        return self._changed(definition)

    def _truncate(self, plan: Truncate) -> Outcome:
        self._backend.query(plan.sql)
        if self._backend.status == b"T":
            self._backend.query("COMMIT")
        return [], "TRUNCATE TABLE"

    def _refuse_in_transaction(self, what: str) -> None:
        if self._backend.status != b"I":
            raise TwinError(f"{what} cannot run inside a transaction block", code="25001")
