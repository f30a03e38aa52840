"""Hours of the marketplace as raw objects, each with what must become of its lines."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from local.generate import spoil
from local.generate.compress import SUFFIXES, compressed
from local.generate.market import Market, markets
from local.generate.traffic import visit
from local.generate.visit import HOUR_MS, Hour

PREFIX = "raw/%Y/%m/%d/%H/"
BLOCK_LINES = 512
PEAK_HOUR, SWING = 19, 0.6


@dataclass
class Expectation:
    """What must become of a raw object's lines: lines = rows + bad + unrouted + blank.

    `rows` by event, `bad` by kind as line numbers from 1, `unrouted` by event type; `odd` counts lines that
    are unusual and yet among the rows.
    """

    lines: int = 0
    blank: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    bad: dict[str, list[int]] = field(default_factory=dict)
    unrouted: Counter[str] = field(default_factory=Counter)
    odd: Counter[str] = field(default_factory=Counter)

    def to_dict(self) -> dict[str, Any]:
        """Return the expectation as JSON takes it."""
        return {
            "lines": self.lines,
            "blank": self.blank,
            "rows": dict(sorted(self.rows.items())),
            "bad": dict(sorted(self.bad.items())),
            "unrouted": dict(sorted(self.unrouted.items())),
            "odd": dict(sorted(self.odd.items())),
        }


@dataclass(frozen=True)
class GeneratedObject:
    """A raw object: `blocks` are its bytes, to be read once; `expectation` is complete after the last."""

    key: str
    blocks: Iterator[bytes]
    expectation: Expectation


def hours(
    start: datetime,
    count: int = 1,
    *,
    seed: int = 7,
    objects_per_hour: int = 4,
    lines_per_object: int = 25_000,
    prefix: str = PREFIX,
    compression: str = "gzip",
    rates: Mapping[str, float] | None = None,
) -> Iterator[GeneratedObject]:
    """Yield the raw objects of `count` hours from `start`; equal arguments give equal bytes.

    Evenings have more lines than nights: `lines_per_object` is their mean over a day. `rates` are those of
    bad lines by kind, per line; see `spoil.rates`. Memory stays at a few minutes of one object's lines.

    Raises:
        ValueError: `start` has no time zone, or the compression or a kind of bad line is unknown.
    """
    if start.tzinfo is None:
        raise ValueError(f"start: {start.isoformat()} has no time zone; give one, such as +00:00")
    if compression not in SUFFIXES:
        raise ValueError(f"compression: `{compression}` is not one of {', '.join(SUFFIXES)}")
    first = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    chances = spoil.rates() if rates is None else rates
    for hour in (Hour(first + timedelta(hours=n)) for n in range(count)):
        for number in range(objects_per_hour):
            name = f"{seed}/{hour.start.isoformat()}/{number}"
            expectation = Expectation()
            lines = _Lines(
                hour,
                total=round(lines_per_object * busyness(hour.start)),
                markets=markets(seed),
                dice=Random(name),  # noqa: S311 - made up, not secret
                chance=spoil.Chance(chances, Random(f"{name}/bad")),  # noqa: S311 - the same
                expectation=expectation,
            )
            yield GeneratedObject(
                key=f"{hour.start.strftime(prefix)}events-{number:04d}.jsonl{SUFFIXES[compression]}",
                blocks=compressed(lines.blocks(), compression),
                expectation=expectation,
            )


def busyness(hour: datetime) -> float:
    """Return how busy an hour is; the mean of a day is 1."""
    return 1 + SWING * math.cos((hour.hour - PEAK_HOUR) / 24 * 2 * math.pi)


class _Lines:
    """The lines of one raw object, in the order of their seconds; visits run side by side."""

    def __init__(
        self,
        hour: Hour,
        *,
        total: int,
        markets: list[Market],
        dice: Random,
        chance: spoil.Chance,
        expectation: Expectation,
    ) -> None:
        self._hour, self._total, self._markets, self._dice = hour, total, markets, dice
        self._chance, self._expectation = chance, expectation
        self._next_spoiled = chance.next(0)

    def blocks(self) -> Iterator[bytes]:
        """Yield the object's bytes in blocks of whole lines."""
        pending: list[str] = []
        for lines in self._by_second():
            pending += self._spoiled(lines)
            if len(pending) >= BLOCK_LINES:
                yield _encoded(pending)
                pending = []
        if pending:
            yield _encoded(pending)

    def _by_second(self) -> Iterator[list[str]]:
        seconds: list[list[str]] = [[] for _ in range(HOUR_MS // 1000)]
        shown = planned = 0
        rows = self._expectation.rows
        while planned < self._total:
            # Visits begin evenly over the hour; no later one writes into a second before its start.
            start = planned * HOUR_MS // self._total
            while shown < start // 1000:
                yield seconds[shown]
                seconds[shown] = []
                shown += 1
            for line in visit(self._hour, start, self._markets, self._dice)[: self._total - planned]:
                seconds[line.second].append(line.text)
                rows[line.event] += 1
                planned += 1
        yield from seconds[shown:]

    def _spoiled(self, lines: list[str]) -> list[str]:
        expectation = self._expectation
        first = expectation.lines + 1
        expectation.lines += len(lines)
        while first <= self._next_spoiled <= expectation.lines:
            index = self._next_spoiled - first
            lines[index] = self._spoil(lines[index], self._next_spoiled)
            self._next_spoiled = self._chance.next(self._next_spoiled)
        return lines

    def _spoil(self, line: str, number: int) -> str:
        kind, expectation = self._chance.kind(), self._expectation
        if kind in spoil.ODD:
            expectation.odd[kind] += 1
        else:
            event = line[len('{"event":"') : line.index('","id":')]
            expectation.rows[event] -= 1
        if kind in spoil.BAD:
            expectation.bad.setdefault(kind, []).append(number)
        elif kind in spoil.UNROUTED:
            expectation.unrouted[kind] += 1
        elif kind in spoil.BLANK:
            expectation.blank += 1
        return spoil.SPOILERS[kind](line, self._chance.dice)


def _encoded(lines: list[str]) -> bytes:
    lines.append("")
    return "\n".join(lines).encode(errors="surrogateescape")
