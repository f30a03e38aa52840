"""`log-router rollback`: rows taken back by lineage."""

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from log_router.cli import arguments, remedies, screen
from log_router.core.amounts import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from log_router.rollback import Choice, Found, TakenBack
    from log_router.site import Site


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "rollback",
        help="take rows back: of raw objects, of a batch, or of all that an event catalog loaded",
        description="Takes rows back by lineage, with their ledger entries, their quarantined lines and the record: "
        "the raw objects are pending then, and the next run of their hour loads them again. Correct the event files "
        "or stop the DAG before, if that must not be. No run of these raw objects should be at work meanwhile; "
        "`log-router audit` tells afterwards. Broken off, it is run again. "
        "Exit status: 0 done, 1 nothing was found, 2 it could not be done.",
        epilog="examples:\n"
        "  log-router rollback --batch 20260131T13-0123456789abcdef --dry-run\n"
        "  log-router rollback --config-hash 0123456789abcdef --event order_placed --yes\n"
        "  log-router rollback --object s3://acme-events/raw/2026/01/31/13/a.json.gz --yes",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    lineage = parser.add_mutually_exclusive_group(required=True)
    lineage.add_argument("--batch", metavar="ID", help="all that this batch loaded (a row's _lr_batch)")
    lineage.add_argument("--config-hash", metavar="H", help="all that was loaded as these event files said")
    lineage.add_argument(
        "--object",
        nargs="+",
        action="extend",
        metavar="ID_OR_URL",
        help="raw objects (a row's _lr_object) or s3:// URLs",
    )
    arguments.add_events(parser, "only these events' rows (by default all, and the quarantined lines)")
    arguments.add_consent(parser)
    arguments.add_json(parser)
    parser.set_defaults(run=run)


def run(asked: argparse.Namespace, site: "Site") -> int:
    """Take back what is asked for; return 1 where nothing was found."""
    from log_router.rollback import Rollback  # noqa: PLC0415 - wrong usage is told without S3 and Redshift

    events = frozenset(asked.event)
    rollback = Rollback(site.warehouse, site.statements, site.settings, site.catalog, events)
    choice = _choice(asked, site)
    found = rollback.find(choice)
    lost = _lost(found, site)
    taken = rollback.run(choice, found) if asked.yes else rollback.count(choice, found)
    again = _load_again(found, site.settings.raw_prefix)
    if asked.json:
        screen.document(
            {
                "done": asked.yes,
                "objects": found.object_ids,
                "batches": sorted(found.batch_ids),
                "events": [asdict(one) for one in taken],
                "load_again": again,
                "not_in_bucket": lost,
            }
        )
    else:
        _show(found, taken, again, lost, done=asked.yes)
    return int(not taken and not found.recorded)


def _choice(asked: argparse.Namespace, site: "Site") -> "Choice":
    from log_router.lineage import Lineage  # noqa: PLC0415 - see run
    from log_router.rollback import Choice, object_ids  # noqa: PLC0415 - see run

    if asked.batch:
        return Choice("batch_id", (asked.batch,))
    if asked.config_hash:
        return Choice("config_hash", (asked.config_hash,))
    with site.warehouse.session() as session:
        lineage = Lineage(session, site.statements, site.settings, site.catalog)
        return Choice("object_id", object_ids(lineage, site.store, asked.object))


def _lost(found: "Found", site: "Site") -> list[str]:
    """Return the URLs of which the raw bucket does not hold any more what was loaded."""
    raws = [settled.raw for settled in found.recorded]
    folders = {raw.key[: raw.key.rfind("/") + 1] for raw in raws}
    there = {raw.object_id for folder in folders for raw in site.store.list_raw(folder)}
    return sorted(raw.url for raw in raws if raw.object_id not in there)


def _load_again(found: "Found", template: str) -> list[str]:
    keys = [settled.raw.key for settled in found.recorded]
    hours = remedies.hours_of_template(keys, template) or remedies.hours_of_batches(found.batch_ids)
    return remedies.run_again(hours)


def _show(
    found: "Found", taken: "Sequence[TakenBack]", again: "Sequence[str]", lost: "Sequence[str]", *, done: bool
) -> None:
    if not taken and not found.recorded:
        screen.note("Nothing found: neither the record nor a ledger knows of it, and no row is left.")
        return
    head = "Taken back" if done else "Would be taken back"
    screen.say(screen.bold(f"{head}, of {counted(len(found.object_ids), 'raw object')}:"))
    for one in taken:
        screen.say(f"  {one.event}: {counted(one.rows, 'row')} of {counted(one.objects, 'raw object')}")
    screen.say(f"  the record of {counted(len(found.recorded), 'raw object')}")
    screen.say("The next run of their hours loads them again, as the event files say then:")
    for command in again:
        screen.say(f"  $ {command}")
    if lost:
        screen.say(
            f"No run can load again what the raw bucket does not hold any more, deleted or overwritten, of "
            f"{counted(len(lost), 'raw object')}:"
        )
        screen.say_some(lost)
    for one in taken:
        if one.with_dropped:
            screen.say(
                f"{one.event}: {counted(len(one.with_dropped), 'other raw object')} had rows dropped as "
                "duplicates. Where these were the first, they are missing now until such objects are loaded anew:"
            )
            screen.say(f"  $ {remedies.reload(one.with_dropped, [], [one.event])[0]}")
