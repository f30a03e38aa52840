"""The statements which the twin runs itself, because PostgreSQL alone would not do as Redshift does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.twin.errors import TwinError, in_redshift_notice
from local.twin.isolation import SETTING
from local.twin.load.run import Load
from local.twin.sql.changes import Change
from local.twin.sql.database import SetIsolation
from local.twin.sql.tokens import literal, quoted
from local.twin.sql.translate import Copy, Plan, Truncate

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.twin.backend import Backend
    from local.twin.load.source import Source
    from local.twin.recorder import Recorder

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
        if isinstance(plan, Change):
            if plan.alone:
                self._refuse_in_transaction(plan.alone)
            return self._in_transaction(lambda: self._change(plan))
        if isinstance(plan, Truncate):
            return self._truncate(plan)
        if isinstance(plan, SetIsolation):
            return self._set_isolation(plan)
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
            self._backend.settle()
        return outcome

    def _copy(self, plan: Copy) -> Outcome:
        loaded = Load(self._backend, self._recorder, self._source, plan.command).run()
        notes = [f"Load into table '{loaded.table}' completed, {loaded.rows} record(s) loaded successfully."]
        if loaded.rejected:
            notes.append(
                f"Load into table '{loaded.table}' completed, {loaded.rejected} record(s) could not be loaded.  "
                "Check 'stl_load_errors' system table for details."
            )
        if loaded.replaced:
            notes.append(
                f"Load into table '{loaded.table}' completed, {loaded.replaced} record(s) were loaded with"
                " replacements made for ACCEPTINVCHARS.  Check 'stl_replacements' system table for details."
            )
        return notes, "COPY"

    def _change(self, plan: Change) -> Outcome:
        self._recorder.make_domains(plan.domains)
        self._backend.notices.clear()
        known = plan.unless and self._backend.query(f"SELECT to_regclass({plan.unless})")[0][0]
        for statement in plan.statements[:1] if known else plan.statements:
            self._backend.query(statement)
        if plan.settled:
            self._settle(f"to_regclass({plan.settled})")
        return [in_redshift_notice(notice) for notice in self._backend.notices], plan.tag

    def _settle(self, table: str) -> None:
        """Make the strings of a table that a query has made count bytes."""
        found = self._backend.query(f"SELECT kind, size FROM twin.unsettled({table})")
        self._recorder.make_domains((str(kind), int(size or 0)) for kind, size in found)
        if found:
            self._backend.query(f"SELECT twin.settle({table})")

    def _truncate(self, plan: Truncate) -> Outcome:
        if self._backend.status == b"I":
            self._backend.begin_implicit()
        self._backend.query(plan.sql)
        self._backend.commit()
        return [], "TRUNCATE TABLE"

    def _set_isolation(self, plan: SetIsolation) -> Outcome:
        self._refuse_in_transaction("ALTER DATABASE ISOLATION LEVEL")
        name = quoted([plan.database])
        if plan.database == "dev":
            raise TwinError('cannot alter the isolation level of database "dev"', code="0A000")
        others = "SELECT FROM twin.open_session WHERE pid <> pg_backend_pid() AND database = "
        if self._backend.query(others + literal(plan.database)):
            raise TwinError(f'database "{plan.database}" is being accessed by other users', code="55006")
        self._backend.query(f"ALTER DATABASE {name} SET {SETTING} TO {literal(plan.level)}")
        return [], "ALTER DATABASE"

    def _refuse_in_transaction(self, what: str) -> None:
        if self._backend.status != b"I":
            raise TwinError(f"{what} cannot run inside a transaction block", code="25001")
