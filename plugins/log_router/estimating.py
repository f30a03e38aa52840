"""What runs would do and how long that takes, by raw bucket and record: reads only."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from log_router.core.batches import Batch, RawObject
from log_router.core.estimates import Estimate, estimate
from log_router.core.rates import Rates, Took
from log_router.core.windows import Hour, label_of
from log_router.planning import Planner
from log_router.tables import RecordTables
from log_router.warehouse import moment, past_conflicts

# Of the last batches: a month of hours, and what was loaded besides.
_MOST = 1000


@dataclass(frozen=True)
class Estimator:
    """Estimates what a planner would plan; the rates of all its estimates are read once."""

    planner: Planner

    def hours(self, hours: Sequence[Hour], *, reload: bool = False, events: Sequence[str] = ()) -> Estimate:
        """Return what one run of these hours would do, a reload or one of what is missing, of some events or all.

        Raises:
            Refused, WillPass: see Store and Warehouse.
        """
        planner = replace(self.planner, read_only=True)
        found = list(planner.listed(hours))
        batch = planner.plan("estimate", label_of(hours), found, reload=reload, events=events)
        return self.of(found, planner.cut(batch))

    def of(self, found: Sequence[RawObject], batches: Sequence[Batch]) -> Estimate:
        """Return what a run would do that has found these raw objects and would plan these batches."""
        planned = [batch for batch in batches if batch.objects]
        events = next((batch.events for batch in planned), ()) or self.planner.catalog.events
        return estimate(found, planned, len(events), self._rates)

    @cached_property
    def _rates(self) -> Rates | None:
        return past_conflicts(self._read)

    def _read(self) -> Rates | None:
        planner, schema = self.planner, self.planner.settings.ledger_schema
        with planner.warehouse.session() as session:
            if not RecordTables(session, planner.statements, planner.settings.table_schema, schema).there():
                return None
            rows = session.fetch(planner.statements.render("recent_batches", schema=schema, most=_MOST))
        return Rates.of([Took._make((*took, moment(settled_at))) for *took, settled_at in rows])
