"""What the commands print: text for a person, colours on a terminal only."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson

SHOWN = 10
_UNITS = ("B", "KiB", "MiB", "GiB")


def say(text: str = "") -> None:
    """Print a line on stdout."""
    sys.stdout.write(f"{text}\n")


def note(text: str) -> None:
    """Print a line on stderr."""
    sys.stderr.write(f"{text}\n")


def document(content: Any) -> None:
    """Print one JSON document on stdout."""
    say(orjson.dumps(content, option=orjson.OPT_INDENT_2).decode())


def bold(text: str) -> str:
    """Return a text that stands out, on a terminal."""
    return f"\033[1m{text}\033[0m" if sys.stdout.isatty() and "NO_COLOR" not in os.environ else text


def say_some(lines: Sequence[str]) -> None:
    """Print the first lines, indented, and how many more there are."""
    for line in lines[:SHOWN]:
        say(f"  {line}")
    if len(lines) > SHOWN:
        say(f"  and {len(lines) - SHOWN:,} more: --json has all")


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return `1 row`, `2,000 rows`; `plural` where it takes more than an s."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def size(number: int) -> str:
    """Return bytes as a person reads them."""
    amount = float(number)
    for unit in _UNITS[:-1]:
        if amount < 1024:  # noqa: PLR2004 - the step between the units
            return f"{amount:.0f} {unit}"
        amount /= 1024
    return f"{amount:.1f} {_UNITS[-1]}"


def duration(seconds: float) -> str:
    """Return a time span as a person reads it: `4 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`."""
    left = round(abs(seconds))
    parts: list[str] = []
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        number, left = divmod(left, length)
        if number or (unit == "s" and not parts):
            parts.append(f"{number} {unit}")
    return ("-" if round(seconds) < 0 else "") + " ".join(parts[:2])


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Give what says on one line of a terminal's stderr what is being done; the line is gone at the end."""

    def say_now(text: str) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\033[K{text[:100]}")
            sys.stderr.flush()

    try:
        yield say_now
    finally:
        say_now("")
