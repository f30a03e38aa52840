"""`log-router clean`: staging files that no run needs any more."""

import argparse
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from log_router.cli import arguments, screen
from log_router.core.amounts import counted, size

if TYPE_CHECKING:
    from log_router.cleaning import Cleaning
    from log_router.site import Site


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "clean",
        help="delete staging files of settled batches, abort uploads that were never ended",
        description="Deletes parts, manifests, loads and reports of batches of which every raw object is recorded as "
        "settled, the batches themselves, configs that no batch is left of, and the messages of stream runs. Never "
        "quarantined or unrouted lines. "
        "Aborts multipart uploads below the staging prefix that are older than a day. Runs that old can't be cleared "
        "any more, but run again. Exit status: 0 done, 2 it could not be done.",
        epilog="examples:\n  log-router clean --dry-run\n  log-router clean --older-than 30 --yes",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--older-than",
        type=arguments.positive,
        default=14,
        metavar="DAYS",
        help="since they were planned; 14",
    )
    arguments.add_consent(parser)
    arguments.add_json(parser)
    parser.set_defaults(run=run)


def run(asked: argparse.Namespace, site: "Site") -> int:
    """Clean, or say what would go."""
    from log_router.cleaning import Cleaner  # noqa: PLC0415 - wrong usage is told without S3 and Redshift

    cleaner = Cleaner(site.store, site.warehouse, site.statements, site.settings, site.catalog)
    with screen.progress() as progress:
        progress("reading the batches")
        found = cleaner.find(datetime.now(UTC), timedelta(days=asked.older_than))
        if asked.yes:
            progress(f"deleting {len(found.all_files)} files")
            cleaner.clean(found)
    if asked.json:
        screen.document(
            {
                "done": asked.yes,
                "batches": len(found.batches),
                "files": [file.key for file in found.all_files],
                "bytes": sum(file.size for file in found.all_files),
                "uploads": [asdict(upload) for upload in found.uploads],
                "kept": found.kept,
            }
        )
    else:
        _show(found, done=asked.yes)
    return 0


def _show(found: "Cleaning", *, done: bool) -> None:
    files = found.all_files
    screen.say(
        f"{'Deleted' if done else 'Would be deleted'}: {counted(len(files), 'file')} of "
        f"{counted(len(found.batches), 'settled batch', 'settled batches')} and "
        f"{counted(len(found.configs), 'config')}, {size(sum(file.size for file in files))}."
    )
    if found.uploads:
        screen.say(f"{'Aborted' if done else 'Would be aborted'}: {counted(len(found.uploads), 'upload')}:")
        screen.say_some(
            [f"{upload.key}, begun {upload.initiated:%Y-%m-%d %H:%M}" for upload in found.uploads]
        )
    if found.kept:
        screen.say("Kept, because raw objects of theirs are not settled:")
        screen.say_some([f"{batch}: {counted(n, 'raw object')}" for batch, n in found.kept.items()])
