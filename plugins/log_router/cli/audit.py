"""`log-router audit`: what is complete, what is missing, what differs."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from log_router.cli import arguments, remedies, screen
from log_router.core.amounts import counted
from log_router.core.findings import NOTES, Finding, Kind
from log_router.core.windows import hours_between

if TYPE_CHECKING:
    from log_router.auditing import Audit
    from log_router.site import Site

_TITLES = {
    Kind.NEVER_LOADED: "never loaded; those that a run of their hour leaves out are broken, its settle task says how",
    Kind.NOT_RECORDED: "loaded but not recorded: a report was lost, or a run is still at work",
    Kind.CHANGED: "changed after load: their rows are of bytes that the bucket does not hold any more",
    Kind.TABLE_GONE: "table or ledger is gone: restore it, or drop what is left of it (table and ledger), then",
    Kind.EVENT_NOT_LOADED: "rows were split but not loaded",
    Kind.ROWS_MISSING: "rows are missing that were loaded",
    Kind.ROWS_DOUBLED: "rows stand there more than once",
    Kind.ROWS_UNKNOWN: "rows that no ledger knows",
    Kind.SPLIT_DIFFERS: "the ledger tells of other rows than were split",
    Kind.QUARANTINE_DIFFERS: "quarantined_lines holds other lines than were quarantined",
    Kind.RECORD_DIFFERS: "the record of their lines does not add up",
    Kind.PENDING_EVENT: "unrouted lines of events that have a file by now",
    Kind.GONE: "not in the raw bucket any more (no failure: what was loaded stays)",
}


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "audit",
        help="compare the raw bucket, the record, the ledgers and the tables",
        description="Compares what the raw bucket lists, what is recorded, what each event's ledger says and what "
        "its table holds. Only reads. Exit status: 0 clean, 1 findings, 2 it could not be done.",
        epilog="example:\n  log-router audit --from 2026-01-31T00:00:00Z --to 2026-02-01T00:00:00Z",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    arguments.add_range(parser, required=True)
    arguments.add_events(parser, "only these events' tables and ledgers")
    arguments.add_json(parser)
    parser.set_defaults(run=run)


def run(asked: argparse.Namespace, site: "Site") -> int:
    """Audit the hours; return 1 where there are findings."""
    from log_router.auditing import Auditor  # noqa: PLC0415 - wrong usage is told without S3 and Redshift

    hours = hours_between(asked.from_hour, asked.to_hour)
    auditor = Auditor(
        site.store, site.warehouse, site.statements, site.settings, site.catalog, frozenset(asked.event)
    )
    with screen.progress() as progress:
        audit = auditor.audit(hours, datetime.now(UTC), progress)
    if asked.json:
        screen.document(as_document(audit))
    else:
        _show(audit)
    return int(any(finding.kind not in NOTES for finding in audit.findings))


def as_document(audit: "Audit") -> dict[str, Any]:
    """Return an audit as JSON takes it, with every finding."""
    return {
        "from": str(audit.hours[0]),
        "to": audit.hours[-1].end,
        "complete_through": _text(audit.complete_through),
        "objects": audit.objects,
        "recorded": dict(audit.totals),
        "findings": [{**asdict(finding), "hour": _text(finding.hour)} for finding in audit.findings],
        "remedies": {str(kind): remedies.of(kind, found) for kind, found in _by_kind(audit).items()},
        "empty_hours": [str(hour) for hour in audit.empty_hours],
        "hours_not_over": [str(hour) for hour in audit.not_over],
        "events_not_compared": audit.not_compared,
    }


def _text(hour: object) -> str | None:
    return None if hour is None else str(hour)


def _by_kind(audit: "Audit") -> dict[Kind, list[Finding]]:
    found: dict[Kind, list[Finding]] = {}
    for finding in audit.findings:
        found.setdefault(finding.kind, []).append(finding)
    return found


def _show(audit: "Audit") -> None:
    through = audit.complete_through
    whole = audit.hours.index(through) + 1 if through else 0
    head = f"Complete through {through}" if through else f"Not complete from {audit.hours[0]} on"
    screen.say(screen.bold(f"{head}: {whole:,} of {counted(len(audit.hours), 'hour')}."))
    fates = " + ".join(
        f"{audit.totals[fate]:,} {fate}" for fate in ("rows", "quarantined", "unrouted", "blank")
    )
    objects = counted(audit.objects, "raw object")
    screen.say(f"{objects} in the bucket; recorded: {audit.totals['lines']:,} lines = {fates}.")
    if audit.totals["dropped"]:
        screen.say(
            f"Of the rows {audit.totals['dropped']:,} are in no table: `unique` dropped them as duplicates."
        )
    if audit.not_over:
        screen.say(f"{counted(len(audit.not_over), 'hour')} not over yet, from {audit.not_over[0]} on.")
    if audit.empty_hours:
        screen.say(f"No raw object in {counted(len(audit.empty_hours), 'hour')}:")
        screen.say_some([str(hour) for hour in audit.empty_hours])
    if audit.not_compared:
        screen.say(
            f"Without a file and a ledger of their name, so not compared: {', '.join(audit.not_compared)}."
        )
    for kind, found in _by_kind(audit).items():
        _show_kind(kind, found)


def _show_kind(kind: Kind, found: Sequence[Finding]) -> None:
    objects = len({finding.object_id for finding in found})
    difference = sum(abs(finding.expected - finding.found) for finding in found)
    amount = f", {difference:,} rows or lines" if difference else ""
    screen.say()
    screen.say(screen.bold(f"{_TITLES[kind]}: {counted(objects, 'raw object')}{amount}"))
    screen.say_some([_line(finding) for finding in found])
    for command in remedies.of(kind, found):
        screen.say(f"  $ {command}")


def _line(finding: Finding) -> str:
    where = f"{finding.hour or 'of no audited hour'}  {finding.url or finding.object_id}"
    if not finding.expected and not finding.found:
        return where
    event = f"  {finding.event}:" if finding.event else " "
    return f"{where}{event} {finding.expected:,} expected, {finding.found:,} found"
