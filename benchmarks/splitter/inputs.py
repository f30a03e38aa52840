"""The lines that are split: made once, by seed, into raw objects with the configuration that splits them."""

from __future__ import annotations

import gzip
import itertools
import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING

import yaml
from isal import igzip

from local.environment import ROOT
from local.generate import hours, rates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

# Raw bytes of an object.
OBJECT_BYTES = 50_000_000
GHARCHIVE = ROOT.parent / "shared" / "data" / "gharchive"
_START = datetime(2026, 1, 31, 13, tzinfo=UTC)
_WORDS = [
    f"{a}{b}" for a in ("red", "blue", "old", "new", "tall") for b in ("house", "river", "street", "lamp")
]


@dataclass(frozen=True)
class Input:
    """Raw objects in `folder`/raw, of so many raw bytes and lines each, and the configuration in `folder`/config."""

    folder: Path
    event_key: str
    sizes: tuple[int, ...]
    lines: tuple[int, ...]

    def objects(self, most_bytes: int) -> list[Path]:
        """Return the first objects, of so many bytes or a little more."""
        taken = self._taken(most_bytes)
        return [self.folder / "raw" / f"{number:05d}.json.gz" for number in range(taken)]

    def amount(self, most_bytes: int) -> tuple[int, int]:
        """Return the bytes and the lines of these objects."""
        taken = self._taken(most_bytes)
        return sum(self.sizes[:taken]), sum(self.lines[:taken])

    def _taken(self, most_bytes: int) -> int:
        before = itertools.accumulate(self.sizes, initial=0)
        return sum(1 for size in itertools.islice(before, len(self.sizes)) if size < most_bytes)


def made(name: str, folder: Path, size: int) -> Input | None:
    """Return an input of `size` raw bytes or more, made now or by an earlier run; None where its lines are not here."""
    if name == "gharchive" and not GHARCHIVE.exists():
        return None
    lines, configure = INPUTS[name]
    place = folder / f"{name}-{size // 1_000_000}"
    facts = place / "facts.json"
    if not facts.exists():
        shutil.rmtree(place, ignore_errors=True)
        (place / "raw").mkdir(parents=True)
        (place / "config" / "events").mkdir(parents=True)
        key = configure(place / "config")
        found = list(_objects(place / "raw", lines(), size))
        facts.write_text(json.dumps({"event_key": key, "objects": found}))
    known = json.loads(facts.read_text())
    sizes, counts = zip(*known["objects"], strict=True)
    return Input(place, known["event_key"], sizes, counts)


def _objects(folder: Path, lines: Iterable[bytes], size: int) -> Iterator[tuple[int, int]]:
    """Write lines into objects until these hold `size` bytes; yield the bytes and lines of each."""
    pending, done = iter(lines), 0
    for number in itertools.count():
        body, count = bytearray(), 0
        while len(body) < min(OBJECT_BYTES, size - done):
            body += next(pending)
            count += 1
        (folder / f"{number:05d}.json.gz").write_bytes(igzip.compress(bytes(body), 3))
        done += len(body)
        yield len(body), count
        if done >= size:
            return


def _market(**chances: float) -> Callable[[], Iterator[bytes]]:
    def lines() -> Iterator[bytes]:
        shape = {"objects_per_hour": 1, "lines_per_object": 100_000}
        none = {"bad": 0.0, "unrouted": 0.0, "blank": 0.0, "odd": 0.0}
        for made_one in hours(_START, 10_000, compression="none", rates=rates(**none | chances), **shape):  # type: ignore[arg-type]
            yield from b"".join(made_one.blocks).splitlines(keepends=True)

    return lines


def _gharchive() -> Iterator[bytes]:
    files = [gzip.decompress(path.read_bytes()) for path in sorted(GHARCHIVE.glob("*.json.gz"))]
    for file in itertools.cycle(files):
        yield from file.splitlines(keepends=True)


def _wide() -> Iterator[bytes]:
    dice = Random(1)  # noqa: S311 - made up, not secret
    for number in itertools.count():
        document: dict[str, object] = {"event": "wide"}
        for column in range(300):
            document[f"c{column}"] = (dice.choice(_WORDS), dice.randrange(10**6), number, 0.5)[column % 4]
        yield json.dumps(document, separators=(",", ":")).encode() + b"\n"


def _tiny() -> Iterator[bytes]:
    dice = Random(2)  # noqa: S311 - made up, not secret
    for number in itertools.count():
        at = f"2026-01-31T13:{number // 60 % 60:02d}:{number % 60:02d}Z"
        yield b'{"event":"tick","at":"%s","sensor":%d,"value":%d}\n' % (
            at.encode(),
            dice.randrange(10**4),
            number,
        )


def _types() -> Iterator[bytes]:
    dice = Random(3)  # noqa: S311 - made up, not secret
    for number in itertools.count():
        event, word = dice.randrange(500), dice.choice(_WORDS).encode()
        yield (
            b'{"event":"type_%d","at":"2026-01-31T13:00:00.%03dZ","user":{"id":%d,"name":"%s"},"page":"%s/%d","n":%d}\n'
            % (event, number % 1000, dice.randrange(10**8), word, word * 8, number, number)
        )


def _huge() -> Iterator[bytes]:
    dice = Random(4)  # noqa: S311 - made up, not secret
    words = [" ".join(dice.choices(_WORDS, k=10)) for _ in range(100)]
    for number in itertools.count():
        items = [
            {"sku": dice.choice(words), "price": number, "tags": dice.choices(_WORDS, k=3)}
            for _ in range(7000)
        ]
        yield (
            json.dumps({"event": "huge", "n": number, "items": items}, separators=(",", ":")).encode() + b"\n"
        )


def _copied(example: Path, key: str) -> Callable[[Path], str]:
    def configure(folder: Path) -> str:
        shutil.copy(example / "settings.yaml", folder)
        shutil.copytree(example / "events", folder / "events", dirs_exist_ok=True)
        shutil.rmtree(folder / "events" / "tests", ignore_errors=True)
        return key

    return configure


def _written(events: dict[str, list[dict[str, str]]]) -> Callable[[Path], str]:
    def configure(folder: Path) -> str:
        shutil.copy(ROOT / "include" / "settings.yaml", folder)
        for name, columns in events.items():
            (folder / "events" / f"{name}.yaml").write_text(yaml.safe_dump({"columns": columns}))
        return "event"

    return configure


_WIDE_TYPES = ("varchar(32)", "integer", "bigint", "double precision")
_TYPE_COLUMNS = [
    {"name": "at", "type": "timestamp"},
    {"name": "user_id", "path": "user.id", "type": "bigint"},
    {"name": "user_name", "path": "user.name", "type": "varchar(64)"},
    {"name": "page", "type": "varchar(256)"},
    {"name": "n", "type": "bigint"},
]
_MARKET = _copied(ROOT / "include", "event")
INPUTS: dict[str, tuple[Callable[[], Iterator[bytes]], Callable[[Path], str]]] = {
    "main": (_market(), _MARKET),
    "bad lines": (_market(bad=0.01), _MARKET),
    "gharchive": (_gharchive, _copied(ROOT / "examples" / "github", "type")),
    "wide": (
        _wide,
        _written(
            {"wide": [{"name": f"c{number}", "type": _WIDE_TYPES[number % 4]} for number in range(300)]}
        ),
    ),
    "tiny": (
        _tiny,
        _written(
            {
                "tick": [
                    {"name": "at", "type": "timestamp"},
                    {"name": "sensor", "type": "integer"},
                    {"name": "value", "type": "bigint"},
                ]
            }
        ),
    ),
    "500 types": (_types, _written({f"type_{number}": _TYPE_COLUMNS for number in range(500)})),
    "huge": (
        _huge,
        _written({"huge": [{"name": "n", "type": "bigint"}, {"name": "items", "type": "super"}]}),
    ),
}
WHAT = {
    "main": "20 event types of the demo's marketplace, 550 bytes a line, six of ten lines not all ASCII",
    "bad lines": "the same, 1 % of the lines bad in 14 ways",
    "gharchive": "four hours of GitHub's public events, again and again",
    "wide": "one event type with 300 columns",
    "tiny": "lines of 80 bytes",
    "500 types": "500 event types, 200 bytes a line",
    "huge": "lines of 1 MB, an array of 7,000 objects as super",
}
