"""The cases of `tests/cases/bad_input`, read: raw objects, and what must become of each of their lines."""

import bz2
import gzip
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import yaml
from backports import zstd

FOLDER = Path(__file__).resolve().parents[1] / "cases" / "bad_input"
_RECIPE = re.compile(rb"<hex ([0-9a-f ]+)>|<([^<>]+) \* (\d+)>")
_PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstd.compress,
    "bzip2": bz2.compress,
}


def expanded(text: str) -> bytes:
    """Return a text as UTF-8, `<hex ff 00>` as those bytes and `<ab * 3>` as ababab."""

    def made(found: re.Match[bytes]) -> bytes:
        return bytes.fromhex(found[1].decode()) if found[1] else found[2] * int(found[3])

    return _RECIPE.sub(made, text.encode())


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line and its fate, which is one of `row`, `quarantined`, `unrouted` and `blank`; none in a broken object.

    A line that stands there `times` times has its number, from 1, wherever it says `<n>`.
    """

    line: str
    times: int = 1
    row: dict[str, dict[str, Any]] | None = None
    quarantined: tuple[str | None, str, str] | None = None
    unrouted: str | None = None
    blank: bool = False

    @property
    def fates(self) -> int:
        """How many fates it is given."""
        return sum(bool(fate) for fate in (self.row, self.quarantined, self.unrouted, self.blank))

    def each(self) -> Iterator["Line"]:
        """Yield the line as often as it stands there."""
        for number in range(1, self.times + 1):
            line, unrouted = (
                text and text.replace("<n>", str(number)) for text in (self.line, self.unrouted)
            )
            yield msgspec.structs.replace(self, line=line, unrouted=unrouted, times=1)


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A raw object by its lines, packed step by step, and the reason where it must be reported as broken."""

    name: Annotated[str, msgspec.Meta(pattern="^[a-z0-9_]+$")]
    lines: list[Line]
    key: str = ""
    before: str = ""
    end: str = "\n"
    last_end: bool = True
    packed: list[dict[str, int | str]] = []
    broken: str | None = None

    def __post_init__(self) -> None:
        wanted = 1 if self.broken is None else 0
        if any(line.fates != wanted for line in self.lines):
            raise ValueError(f"give each line of {self.name} {wanted} fates")

    @property
    def body(self) -> bytes:
        """The raw object's bytes."""
        end = expanded(self.end)
        lines = [expanded(line.line) + end for line in self.numbered()]
        body = expanded(self.before) + b"".join(lines)
        if not self.last_end:
            body = body.removesuffix(end)
        for step in self.packed:
            ((how, value),) = step.items()
            body = _packed(body, how, value)
        return body

    def numbered(self) -> list[Line]:
        """Return the lines as they stand in the object."""
        return [one for line in self.lines for one in line.each()]

    @property
    def unrouted(self) -> Counter[str]:
        """How many lines of each event type have no event."""
        return Counter(expanded(line.unrouted).decode() for line in self.numbered() if line.unrouted)


def _packed(body: bytes, how: str, value: int | str) -> bytes:
    if how == "append":
        return body + expanded(str(value))
    if how == "prepend":
        return expanded(str(value)) + body
    number = int(value)
    if how in ("keep", "cut"):
        return body[: number if how == "keep" else -number]
    if how == "flip":
        return body[:number] + bytes([body[number] ^ 0xFF]) + body[number + 1 :]
    pack = _PACKERS[how]
    size = -(-len(body) // number) or 1
    return b"".join(pack(body[start : start + size]) for start in range(0, max(len(body), 1), size))


def read_cases() -> dict[str, list[Case]]:
    """Return the cases of each class."""
    return {
        file.stem: msgspec.convert(yaml.safe_load(file.read_bytes()), list[Case])
        for file in sorted(FOLDER.glob("*.yaml"))
    }
