"""Runs of hours on one site, as the DAGs would do them, and audits of what came of it."""

from collections.abc import Iterable
from datetime import UTC, datetime

from log_router.auditing import Audit, Auditor
from log_router.core.batches import Batch
from log_router.core.findings import NOTES
from log_router.core.windows import HOUR, Hour
from tests.adapters.place import Place, loads

FIRST = Hour(datetime(2026, 1, 31, 13, tzinfo=UTC))
HOURS = [Hour(FIRST.start + number * HOUR) for number in range(3)]
LATER = datetime(2026, 3, 1, tzinfo=UTC)

Found = tuple[str, str, int, int]


def key(name: str, hour: Hour = FIRST) -> str:
    """Return the key of a raw object in an hour."""
    return hour.prefix("raw/%Y/%m/%d/%H/") + name


def run(
    place: Place,
    name: str,
    hour: Hour = FIRST,
    *,
    reload: bool = False,
    failing: Iterable[str] = (),
    settled: bool = True,
) -> Batch:
    """Plan, split, load and settle an hour; loads of `failing` events do not happen."""
    batch = place.plan(name, hour.prefix(place.settings.raw_prefix), reload=reload)
    place.store.put_batch(batch, place.catalog)
    reports = place.reports(batch)
    for chunk, report in reports.items():
        place.store.put_report(batch, chunk, report)
    made = [one for one in place.manifests(batch, reports.values()) if one.event not in failing]
    loaded = loads([place.load(manifest) for manifest in made])
    if settled:
        place.settle(batch, list(reports.values()), loaded)
    return batch


def audit(
    place: Place, hours: Iterable[Hour] = HOURS, *, events: Iterable[str] = (), now: datetime = LATER
) -> Audit:
    """Audit hours, all of them long over unless it is said when."""
    auditor = Auditor(
        place.store, place.warehouse, place.statements, place.settings, place.catalog, frozenset(events)
    )
    return auditor.audit(list(hours), now)


def found(audited: Audit) -> list[Found]:
    """Return what an audit found, but for mere notes."""
    return [
        (str(one.kind), one.event, one.expected, one.found)
        for one in audited.findings
        if one.kind not in NOTES
    ]


def by_hand(place: Place, *statements: str) -> None:
    """Run statements in one transaction; `{events}` and `{ledger}` stand for the schemas."""
    schemas = {"events": f'"{place.settings.table_schema}"', "ledger": f'"{place.settings.ledger_schema}"'}
    with place.warehouse.session() as session:
        for statement in statements:
            session.run(statement.format(**schemas))
        session.commit()
