"""`log-router scaffold`: event files out of events."""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from log_router.cli import arguments, screen
from log_router.cli.radar import radar_of
from log_router.core.amounts import counted
from log_router.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from log_router.core.events import When
    from log_router.core.inferring import Inferred
    from log_router.core.profiling import Profile
    from log_router.site import Site

_MAX_LINE_BYTES = 8 * 1024 * 1024


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser(
        "scaffold",
        help="write event files out of events: columns, types and names by what stands in the lines",
        description="Reads lines and writes one event file an event type, with a column for each field. Types take "
        "every value that was read. All files are written or none, and none is overwritten. Files are read without "
        "Airflow; s3:// names a prefix of the raw bucket; --unrouted reads the newest raw objects that hold event "
        "types without a file. "
        "Exit status: 0 written, 1 no line of such an event was found, 2 it could not be done.",
        epilog="examples:\n"
        "  log-router scaffold events-2026-01-31.json.gz --event-key event\n"
        "  log-router scaffold logs/ --event-key Channel EventID --event Security+4624 --out /tmp/config/events\n"
        "  log-router scaffold s3://acme-events/raw/2026/01/31/13/ --event-key event --dry-run\n"
        "  log-router scaffold --unrouted --dry-run",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", nargs="*", metavar="FILE_OR_URL", help="files, folders, or s3:// prefixes")
    parser.add_argument(
        "--unrouted", action="store_true", help="event types without a file that are in the record"
    )
    parser.add_argument(
        "--event-key",
        nargs="+",
        metavar="PATH",
        help="where a line of a source says its event type; the values of several are joined by +",
    )
    arguments.add_events(parser, "only these event types (by default all)")
    parser.add_argument(
        "--depth",
        type=arguments.positive,
        default=None,
        metavar="N",
        help="how deep objects are flattened into columns (by default 3); deeper ones become super",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=None,
        metavar="FOLDER",
        help="where to write (by default the site's events/)",
    )
    parser.add_argument("--dry-run", action="store_true", help="print the files instead of writing them")
    arguments.add_json(parser)
    parser.set_defaults(run=run)


@dataclass(frozen=True)
class _Found:
    """Profiles by event type; `bad` counts by reason the lines of none, and `taken` are names of others."""

    profiles: "Mapping[str, Profile]"
    lines: int
    bad: "Mapping[str, int]"
    taken: "Sequence[str]" = ()


def run(asked: argparse.Namespace, site: "Site") -> int:
    """Survey the sources and write the files; return 1 where no wanted event was met."""
    from log_router.core.inferring import DEPTH  # noqa: PLC0415 - see rollback
    from log_router.site import config_folder  # noqa: PLC0415 - the same

    if asked.unrouted == bool(asked.source) or asked.unrouted == bool(asked.event_key):
        raise ConfigError(
            ["give either files, folders or prefixes with --event-key, or --unrouted by itself"]
        )
    found = _unrouted(asked.event, site) if asked.unrouted else _sources(asked, site)
    if not found.profiles:
        said = ", ".join(f"{lines:,} {reason}" for reason, lines in sorted(found.bad.items()))
        screen.note(f"No such event among {counted(found.lines, 'line')}; {said or 'correct --event'}.")
        return 1
    folder = asked.out or config_folder() / "events"
    origin = radar_of(site).origin if asked.unrouted else lambda event_type: (event_type, None)
    texts, columns = _files(found, folder, asked.depth or DEPTH, origin)
    if not asked.dry_run:
        write_all(folder, texts)
    if asked.json:
        files = {str(folder / name): text for name, text in texts.items()}
        screen.document({"lines": found.lines, "no_event": found.bad, "files": files})
        return 0
    for name, text in texts.items() if asked.dry_run else ():
        screen.say(screen.bold(f"# {name}"))
        screen.say(text)
    _say(found, folder, columns, written=not asked.dry_run)
    return 0


def _unrouted(wanted: "Sequence[str]", site: "Site") -> _Found:
    radar = radar_of(site)
    known = [one.event_type for one in radar.unrouted()]
    if unknown := sorted(set(wanted) - set(known)):
        raise ConfigError(
            [
                f"--event {name}: the record knows no such event type without a file; see: log-router radar"
                for name in unknown
            ]
        )
    with screen.progress() as tell:
        profiles, lines = radar.profiles(wanted or known, tell)
    for event_type in wanted or known:
        if event_type not in profiles:
            screen.note(
                f"{event_type}: the newest raw objects that the record names hold no line of it any more"
            )
    return _Found(
        profiles, lines, {}, [name for event in site.catalog.events for name in (event.name, event.table)]
    )


def _sources(asked: argparse.Namespace, site: "Site") -> _Found:
    from log_router.surveying import Survey, files, read_files, read_prefix  # noqa: PLC0415 - see rollback

    try:
        survey = Survey(asked.event_key, asked.event)
    except ValueError as error:
        raise ConfigError([f"--event-key: {error}"]) from error
    urls = [source for source in asked.source if source.startswith("s3://")]
    found = (
        files([Path(source) for source in asked.source if source not in urls])
        if len(urls) < len(asked.source)
        else []
    )
    with screen.progress() as tell:
        read_files(survey, found, _MAX_LINE_BYTES, tell)
        for url in urls:
            bucket, _, prefix = url.removeprefix("s3://").partition("/")
            if bucket != site.settings.raw_bucket:
                raise ConfigError([f"{url}: is not in the raw bucket, {site.settings.raw_bucket}"])
            read_prefix(survey, site.store, prefix, tell)
    return _Found(survey.profiles, survey.lines, survey.bad)


def _files(
    found: _Found,
    folder: Path,
    depth: int,
    origin: "Callable[[str], tuple[str, When | None]]",
) -> tuple[dict[str, str], dict[str, tuple[str, "list[Inferred]"]]]:
    """Return the text of each file, and by file the event type and its columns."""
    from log_router.core.event_files import event_file  # noqa: PLC0415 - see rollback
    from log_router.core.naming import event_names  # noqa: PLC0415 - the same
    from log_router.site import SCHEMA  # noqa: PLC0415 - the same

    schema = os.path.relpath(SCHEMA, folder)
    texts: dict[str, str] = {}
    columns: dict[str, tuple[str, list[Inferred]]] = {}
    for seen, name in event_names(found.profiles, [*found.taken, "quarantined_lines"]).items():
        event_type, when = origin(seen)
        profile = found.profiles[seen]
        text, inferred = event_file(name, event_type, profile, depth=depth, schema=schema, when=when)
        texts[f"{name}.yaml"] = text
        columns[f"{name}.yaml"] = (seen, inferred)
    return texts, columns


def write_all(folder: Path, texts: dict[str, str]) -> None:
    """Write all files or none.

    Raises:
        ConfigError: one is there already.
    """
    there = [
        f"{folder / name}: is there already; remove it, or name others by --event or --out"
        for name in texts
        if (folder / name).exists()
    ]
    if there:
        raise ConfigError(there)
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    try:
        for name, text in texts.items():
            # "x": what somebody else has written in this moment stays.
            with (folder / name).open("x", encoding="utf-8") as file:
                written.append(folder / name)
                file.write(text)
    except BaseException:
        for path in written:
            path.unlink()
        raise


def _say(
    found: _Found, folder: Path, columns: "Mapping[str, tuple[str, list[Inferred]]]", *, written: bool
) -> None:
    head = "Written to" if written else "Would be written to"
    screen.say(screen.bold(f"{head} {folder}, from {counted(found.lines, 'line')}:"))
    for name, (event_type, inferred) in columns.items():
        lines = found.profiles[event_type].documents
        screen.say(
            f"  {name}: {counted(len(inferred), 'column')}, of {counted(lines, 'line')} of {event_type}"
        )
    for reason, lines in sorted(found.bad.items()):
        screen.say(f"  {counted(lines, 'line')} of no event: {reason}")
