"""`log-router redrive`: messages of the dead-letter queue back to the queue."""

import argparse
from typing import TYPE_CHECKING

from log_router.cli import arguments, screen
from log_router.core.amounts import counted
from log_router.core.errors import NeedsAction

if TYPE_CHECKING:
    from log_router.site import Site


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "redrive",
        help="move messages of the dead-letter queue back to the queue",
        description="Moves notices whose raw objects are there: the next run of the stream loads them, or "
        "acknowledges what is loaded by now. What no run could acknowledge stays: bodies that are no notices, and "
        "notices of objects that are not in the raw bucket. Broken off, type it again. Each message that is looked at "
        "counts as received once more. Exit status: 0 nothing is left, 1 some were left, 2 it could not be done.",
        epilog="examples:\n  log-router redrive --dry-run\n  log-router redrive --most 1000 --yes",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--most", type=arguments.positive, metavar="N", help="move no more than this; all")
    parser.add_argument("--all", action="store_true", help="move also what will come back as it is")
    arguments.add_consent(parser)
    arguments.add_json(parser)
    parser.set_defaults(run=run)


def run(asked: argparse.Namespace, site: "Site") -> int:
    """Move the messages, or say which would be; return 1 where some are left.

    Raises:
        NeedsAction: the queue has no dead-letter queue.
    """
    from log_router.queue import Queue  # noqa: PLC0415 - wrong usage is told without SQS
    from log_router.redriving import Redriver  # noqa: PLC0415 - the same

    queue = site.queue
    url = queue.facts().dead_letter_url
    if url is None:
        raise NeedsAction(f"{queue.url} has no dead-letter queue: give it a redrive policy")
    redriver = Redriver(site.store, Queue(queue.client, url), queue, everything=asked.all)
    with screen.progress() as progress:
        found = redriver.redrive(asked.most, done=asked.yes, progress=progress)
    if asked.json:
        screen.document(
            {
                "done": asked.yes,
                "queue": queue.url,
                "dead_letter_queue": url,
                "moved": found.moved,
                "moved_but_not_deleted": found.doubled,
                "left": [{"message_id": one.message_id, "problems": one.problems} for one in found.left],
            }
        )
    else:
        screen.say(f"{'Moved' if asked.yes else 'Would be moved'}: {counted(found.moved, 'message')}.")
        if found.doubled:
            screen.say(f"Of these {found.doubled:,} could not be deleted and come again, which does no harm.")
        if found.left:
            screen.say(f"Left: {counted(len(found.left), 'message')}:")
            screen.say_some([" ".join(one.problems) for one in found.left])
    return int(bool(found.left))
