"""Small hours of raw objects made from a seed, and what the warehouse must hold of them, by plain json."""

import gzip
import json
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from local.stack import RAW_BUCKET, Stack
from tests.e2e import reference
from tests.e2e.airflow import warehouse

CONFIG = Path(__file__).parent / "config"
EVENTS = reference.events(CONFIG / "events")
_OBJECTS = 3
_LINES = 250
_TOO_LONG = 33


@dataclass
class Content:
    """What is in one raw object: rows by event, quarantined lines with their reasons, and counts."""

    rows: dict[str, list[reference.Row]] = field(default_factory=lambda: {name: [] for name in EVENTS})
    quarantined: list[tuple[int, str]] = field(default_factory=list)
    unrouted: int = 0
    blank: int = 0

    @property
    def counts(self) -> tuple[int, ...]:
        """Lines, rows, quarantined, unrouted and blank lines."""
        rows = sum(map(len, self.rows.values()))
        bad = len(self.quarantined)
        return (rows + bad + self.unrouted + self.blank, rows, bad, self.unrouted, self.blank)


def write(stack: Stack, hour: datetime, dice: random.Random) -> dict[str, Content]:
    """Put the raw objects of an hour into the bucket; return what is in each by key."""
    written = {}
    for number in range(_OBJECTS):
        key = f"raw/{hour:%Y/%m/%d/%H}/{number}"
        lines = [line(hour, dice) for _ in range(_LINES)]
        # one bad line of each kind an hour: a thousandth of the lines, so that no threshold is met
        if number == 0:
            lines[dice.randrange(_LINES)] = b"not json"
        if number == 1:
            lines[dice.randrange(_LINES)] = _order(hour, dice, "x" * _TOO_LONG)
        body = b"\n".join(lines) + b"\n"
        stack.s3().put_object(Bucket=RAW_BUCKET, Key=key, Body=gzip.compress(body) if number else body)
        written[key] = content(lines)
    return written


def line(hour: datetime, dice: random.Random) -> bytes:
    """Return a line of an event, of an event type that has no file, or a blank one."""
    kind = dice.random()
    if kind < 0.45:
        return _order(hour, dice, dice.choice(["", "déjà vu", "a" * 32]))
    if kind < 0.9:
        at = f"{hour:%Y-%m-%dT%H}:{dice.randrange(60):02}:00Z"
        return json.dumps({"event": "page_viewed", "at": at, "url": f"/{dice.random()}"}).encode()
    return b"" if kind < 0.94 else b'{"event": "of_nobody"}'


def _order(hour: datetime, dice: random.Random, note: str) -> bytes:
    number = dice.randrange(10**9)
    properties = {"id": number, "total": number / 100, "note": note, "items": [number, {"a": None}]}
    document = {"event": "order_placed", "at": f"{hour:%Y-%m-%dT%H}:59:59.5Z", "properties": properties}
    return json.dumps(document).encode()


def content(lines: Sequence[bytes]) -> Content:
    """Return what must become of these lines."""
    found = Content()
    for number, line in enumerate(lines, start=1):
        if not line:
            found.blank += 1
            continue
        try:
            document = json.loads(line)
        except ValueError:
            found.quarantined.append((number, "malformed_json"))
            continue
        if document["event"] not in EVENTS:
            found.unrouted += 1
        elif len(document.get("properties", {}).get("note", "")) >= _TOO_LONG:
            found.quarantined.append((number, "too_long"))
        else:
            event = document["event"]
            found.rows[event] += reference.rows(EVENTS[event], iter([(number, document)]))
    return found


def differences(stack: Stack, written: dict[str, Content], *, everything: bool = False) -> list[str]:
    """Return in what the warehouse is not what these raw objects must come to; with `everything`, nothing else."""
    with warehouse(stack) as cursor:

        def rows(query: str) -> list[tuple[Any, ...]]:
            cursor.execute(query)
            return cursor.fetchall()

        recorded = rows(
            "SELECT object_key, object_id, lines, rows_split, quarantined, unrouted, blank FROM log_router.objects"
        )
        ids = {object_id: key for key, object_id, *_ in recorded if everything or key in written}
        found = [("objects", row[0], *row[2:]) for row in recorded if row[1] in ids]
        for name, event in EVENTS.items():
            columns = "".join(f', "{column["name"]}"' for column in event["columns"])
            held = rows(f'SELECT "_lr_object", "_lr_line"{columns} FROM marketplace."{name}"')
            found += [(name, *row) for row in _of(ids, map(_plain, held), everything=everything)]
            ledger = rows(f'SELECT object_id, rows_loaded FROM log_router."ledger_{name}"')
            found += [("ledger", name, *row) for row in _of(ids, ledger, everything=everything)]
        bad = rows('SELECT "_lr_object", "_lr_line", reason FROM log_router.quarantined_lines')
        found += [("quarantined", *row) for row in _of(ids, bad, everything=everything)]
    return _compared(Counter(_wanted(written)), Counter(found))


def _of(
    ids: dict[str, str], rows: Iterable[tuple[Any, ...]], *, everything: bool
) -> Iterable[tuple[Any, ...]]:
    """Yield rows with the key in place of the raw object's id; rows of other objects only with `everything`."""
    for object_id, *rest in rows:
        if everything or object_id in ids:
            yield (ids.get(object_id, object_id), *rest)


def _plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a row with SUPER values as canonical text; they come as text or as lists."""
    return tuple(
        reference.canonical(json.loads(cell) if isinstance(cell, str) else cell)
        if isinstance(cell, list) or (isinstance(cell, str) and cell.startswith("["))
        else cell
        for cell in row
    )


def _wanted(written: dict[str, Content]) -> Iterable[tuple[Any, ...]]:
    for key, content in written.items():
        yield ("objects", key, *content.counts)
        for name, rows in content.rows.items():
            if rows:
                yield ("ledger", name, key, len(rows))
            yield from ((name, key, *row) for row in rows)
        yield from (("quarantined", key, *bad) for bad in content.quarantined)


def _compared(wanted: Counter[tuple[Any, ...]], found: Counter[tuple[Any, ...]]) -> list[str]:
    lost = [f"lost {row}" for row in (wanted - found).elements()]
    return lost + [f"too much {row}" for row in (found - wanted).elements()]
