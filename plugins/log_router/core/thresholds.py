"""How many quarantined lines of a batch are too many."""

from collections import Counter
from collections.abc import Iterable, Iterator

from log_router.core.catalog import Catalog
from log_router.core.events import Event
from log_router.core.reports import ObjectReport
from log_router.core.settings import Settings
from log_router.core.sql import literal

_MAIN_REASONS = 3


def exceeded(
    batch_id: str, catalog: Catalog, settings: Settings, reports: Iterable[ObjectReport], anew: str
) -> list[str]:
    """Return one line for each event of which too many lines are quarantined, most lines first.

    It says how many, the threshold and where it is set, the main reasons and the remedy. Lines that did not get as
    far as telling their event are measured against all lines of the batch; `anew` is the command that loads its raw
    objects anew.
    """
    rows: Counter[str] = Counter()
    reasons: dict[str, Counter[str]] = {}
    lines = 0
    for report in reports:
        lines += report.lines
        rows.update(report.rows)
        for (name, reason), count in report.quarantined.items():
            reasons.setdefault(name, Counter())[reason] += count
    events = {event.name: event for event in catalog.events}
    found = []
    for name, counts in sorted(reasons.items(), key=lambda item: -item[1].total()):
        bad = counts.total()
        of = rows[name] + bad if name else lines
        limits = " and ".join(_broken_limits(events.get(name), settings, bad, of))
        if limits:
            found.append(
                f"{f'event {name}' if name else 'no known event'}: {bad} of {of} lines are quarantined, more than "
                f"{limits}: {_main(counts)}. To see them: {_query(batch_id, name, settings)}; {_remedy(name, anew)}"
            )
    return found


def _broken_limits(event: Event | None, settings: Settings, bad: int, of: int) -> Iterator[str]:
    for key, measured in (("max_quarantined_share", bad / of), ("max_quarantined_lines", bad)):
        limit, origin = getattr(settings, key), "settings.yaml or what overrides it"
        if event is not None and getattr(event, key) is not None:
            limit, origin = getattr(event, key), f"events/{event.name}.yaml"
        if limit is not None and measured > limit:
            yield f"{key} {limit} ({origin})"


def _main(counts: Counter[str]) -> str:
    main = counts.most_common(_MAIN_REASONS)
    others = counts.total() - sum(count for _, count in main)
    return ", ".join(f"{count} {reason}" for reason, count in main) + (f", {others} others" if others else "")


def _query(batch_id: str, name: str, settings: Settings) -> str:
    event = f"event = {literal(name)}" if name else "event IS NULL"
    return (
        f"SELECT reason, detail, head, _lr_object, _lr_line FROM {settings.ledger_schema}.quarantined_lines "
        f"WHERE _lr_batch = {literal(batch_id)} AND {event}"
    )


def _remedy(name: str, anew: str) -> str:
    if not name:
        return f"mend the producer, or correct event_key in settings.yaml and run: {anew}"
    return f"mend the producer, or correct events/{name}.yaml and run: log-router reload --quarantined {name}"
