"""Sample lines of an event with what must become of them, kept beside its file."""

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import orjson

from log_router.core import yaml_file
from log_router.core.catalog import Catalog
from log_router.core.reports import QuarantinedLine, UnroutedLine
from log_router.core.split import Splitter

FOLDER = "tests"
_FATES = {"row", "quarantined", "unrouted"}
# Samples need no secret: a hash is not worth keeping in them, but its lines are.
_SECRET = b"of samples"


class _Fate:
    """What became of one line; `lineage` is left out of rows."""

    def __init__(self) -> None:
        self.event = ""
        self.kind = ""
        self.found: Any = None

    def rows(self, event: str, rows: bytes, count: int) -> None:  # noqa: ARG002 - of one line
        """Take a row."""
        columns = orjson.loads(rows)
        self.event, self.kind = event, "row"
        self.found = {name: value for name, value in columns.items() if not name.startswith("_lr_")}

    def quarantined(self, line: QuarantinedLine) -> None:
        """Take a line that can't be loaded."""
        self.event, self.kind, self.found = line.event or "", "quarantined", (line.reason, line.detail)

    def unrouted(self, line: UnroutedLine) -> None:
        """Take a line of no event."""
        self.kind, self.found = "unrouted", line.event_type


def check(folder: Path, catalog: Catalog) -> tuple[int, list[str]]:
    """Return how many samples are below `folder`/events/tests, and what differs: file, number, wanted and found."""
    splitter = Splitter(catalog, "", secret=_SECRET)
    known = {event.name for event in catalog.events}
    count, problems = 0, []
    for file in sorted((folder / "events" / FOLDER).glob("*.yaml")):
        try:
            samples = _samples(file)
        except ValueError as error:
            problems.append(f"{file}: {error}")
            continue
        if file.stem not in known:
            problems.append(f"{file}: there is no event `{file.stem}`; rename the file after its event")
            continue
        for number, sample in enumerate(samples):
            count += 1
            line = yaml_file.line_of(file, ("samples", number))
            problems += [f"{file}: line {line}: {said}" for said in _differences(splitter, file.stem, sample)]
    return count, problems


def _samples(file: Path) -> list[dict[str, Any]]:
    content = yaml_file.read(file)
    samples = content.get("samples")
    if set(content) != {"samples"} or not isinstance(samples, list):
        raise ValueError("it must hold one key, `samples`, with a list")
    for sample in samples:
        if (
            not isinstance(sample, dict)
            or sorted(sample.keys() - _FATES) != ["line"]
            or len(sample.keys() & _FATES) != 1
        ):
            raise ValueError(
                f"each sample has a `line` and one of {', '.join(sorted(_FATES))}; correct `{str(sample)[:60]}`"
            )
    return samples


def _differences(splitter: Splitter, event: str, sample: dict[str, Any]) -> Iterator[str]:
    line = sample["line"]
    try:
        given = (
            line.encode()
            if isinstance(line, str)
            else orjson.dumps(line, option=orjson.OPT_PASSTHROUGH_DATETIME)
        )
    except orjson.JSONEncodeError:
        yield "line: YAML makes a date of a text that looks like one; quote it"
        return
    fate = _Fate()
    splitter.split("sample", [[given]], fate)
    (wanted,) = sample.keys() & _FATES
    if fate.kind != wanted or (fate.event not in (event, "") and wanted != "unrouted"):
        owner = f" of event {fate.event}" if fate.event else ""
        yield f"{wanted} is wanted; it became {fate.kind or 'nothing'}{owner}: {_shown(fate.found)}"
    elif wanted == "row":
        yield from _columns(sample["row"], fate.found)
    elif wanted == "quarantined" and sample[wanted] != fate.found[0]:
        yield f"quarantined: `{sample[wanted]}` is wanted; found {_shown(fate.found)}"


def _columns(wanted: object, found: dict[str, Any]) -> Iterator[str]:
    if not isinstance(wanted, dict):
        yield "row: it must hold the columns that have a value"
        return
    for name in sorted(wanted.keys() | found.keys()):
        if not _same(wanted.get(name), found.get(name)):
            yield f"row.{name}: `{wanted.get(name)}` is wanted; found `{_shown(found.get(name))}`"


def _same(wanted: object, found: object) -> bool:
    if isinstance(wanted, bool) or isinstance(found, bool) or not isinstance(wanted, int | float):
        return wanted == found
    try:
        # A numeric is written as text.
        return Decimal(str(wanted)) == Decimal(str(found))
    except InvalidOperation:
        return False


def _shown(found: object) -> str:
    text = f"{found[0]}: {found[1]}" if isinstance(found, tuple) else str(found)
    return text if len(text) <= 200 else f"{text[:197]}..."  # noqa: PLR2004 - a line or two on a screen
