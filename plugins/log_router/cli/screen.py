"""What the commands print: text for a person, colours on a terminal only."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson

SHOWN = 10


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


def coloured(text: str, colour: int) -> str:
    """Return a text in one of the terminal's colours, on a terminal."""
    return f"\033[{colour}m{text}\033[0m" if sys.stdout.isatty() and "NO_COLOR" not in os.environ else text


def say_some(lines: Sequence[str]) -> None:
    """Print the first lines, indented, and how many more there are."""
    for line in lines[:SHOWN]:
        say(f"  {line}")
    if len(lines) > SHOWN:
        say(f"  and {len(lines) - SHOWN:,} more: --json has all")


def some(names: Sequence[str]) -> str:
    """Return the first names in a row, and how many more there are."""
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


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
