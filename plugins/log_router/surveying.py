"""Lines looked at by event type, whichever place they are in."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from log_router.core import paths
from log_router.core.catalog import Catalog
from log_router.core.decompress import decompress
from log_router.core.errors import ConfigError
from log_router.core.events import Event
from log_router.core.lines import line_blocks
from log_router.core.profiling import Profile
from log_router.core.reports import ObjectReport, QuarantinedLine, UnroutedLine
from log_router.core.routes import Routes
from log_router.core.shape import Named
from log_router.core.split import Splitter, decode

if TYPE_CHECKING:
    from log_router.store import Store


class Survey:
    """The profiles of event types; `bad` counts by reason the lines that are of none.

    Of the configured `events` it profiles by name what no column reads, in `others`, and counts their lines in `seen`.
    """

    def __init__(
        self, event_key: str | Sequence[str], wanted: Iterable[str] = (), events: Sequence[Event] = ()
    ) -> None:
        keys = event_key if isinstance(event_key, str) else tuple(event_key)
        # A catalog without events routes nothing: each line comes back with its event type.
        self._splitter = Splitter(Catalog(event_key=keys, events=()), "")
        self._wanted = frozenset(wanted)
        self._routes = Routes(events)
        self._named = {
            event.name: Named(event, map(paths.parse, [keys] if isinstance(keys, str) else keys))
            for event in events
        }
        self.others: dict[str, Profile] = {}
        self.seen: Counter[str] = Counter()
        self.profiles: dict[str, Profile] = {}
        self.bad: dict[str, int] = {}
        self.lines = 0

    def read(self, name: str, blocks: Iterable[bytes], max_line_bytes: int) -> ObjectReport:
        """Look at all lines of plain bytes; return what they were."""
        report = self._splitter.split(name, line_blocks(blocks, max_line_bytes), self)
        self.lines += report.lines
        return report

    def rows(self, event: str, rows: bytes, count: int) -> None:
        """Never called: there are no events."""
        raise NotImplementedError(event, rows, count)

    def quarantined(self, line: QuarantinedLine) -> None:
        """Count a line that is no event."""
        self.bad[line.reason] = self.bad.get(line.reason, 0) + 1

    def unrouted(self, line: UnroutedLine) -> None:
        """Look at a line of an event type: it may be a configured event's all the same."""
        document = decode(line.raw)
        event_type, event = self._routes.route(line.event_type, document)
        if self._wanted and (event or event_type) not in self._wanted:
            return
        if event is None:
            self.profiles.setdefault(event_type, Profile()).add(document)
            return
        self.seen[event] += 1
        if others := self._named[event].others(document):
            self.others.setdefault(event, Profile()).add(others)


def files(given: Iterable[Path]) -> list[Path]:
    """Return files, those below the given folders included, in order.

    Raises:
        ConfigError: one is not there, or there is none.
    """
    missing = [f"{path}: is not there; correct the path" for path in given if not path.exists()]
    if missing:
        raise ConfigError(missing)
    found = [
        file
        for path in given
        for file in (sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path])
    ]
    if not found:
        raise ConfigError(["there is no file in the folders that were named"])
    return found


def read_files(
    survey: Survey, found: Iterable[Path], max_line_bytes: int, tell: Callable[[str], None]
) -> None:
    """Look at files of lines, plain or compressed.

    Raises:
        BrokenObject: one can't be decompressed to its end.
    """
    for file in found:
        tell(f"{file}: {survey.lines:,} lines so far")
        with file.open("rb") as stream:
            survey.read(str(file), decompress(stream), max_line_bytes)


def read_prefix(survey: Survey, store: "Store", prefix: str, tell: Callable[[str], None]) -> None:
    """Look at the raw objects below a prefix.

    Raises:
        ConfigError: there is none.
        BrokenObject, WillPass: see Store.
    """
    found = store.list_raw(prefix)
    if not found:
        raise ConfigError(
            [f"s3://{store.settings.raw_bucket}/{prefix}: there is no object; correct the prefix"]
        )
    for raw in found:
        tell(f"{raw.url}: {survey.lines:,} lines so far")
        survey.read(raw.object_id, store.read_raw(raw), store.settings.max_line_bytes)
