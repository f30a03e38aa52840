"""The conformance suite's cases: what a statement must do, and the page that says so.

A file of `cases/` is an area, and a list of cases:

    - name: mandatory_file_is_missing       # unique within the file
      source: AWS, "Using a manifest to specify data files"   # a page's title or a public issue's address
      files: {a.json: '{"n": 1}'}           # key: text or {text|gzip|zstd|bzip2|base64: ..., times: n}
      manifest: [{key: a.json, mandatory: true, content_length: 8}]   # `url` in place of `key`: as it stands
      setup: [create table t (n int)]       # each must succeed
      statement: copy t from '{manifest}' {role} json 'auto' manifest
      error: {code: XX000, message: regex}  # at least one of both
      query: select n from t                # what to look at afterwards, else the statement's own rows
      rows: [[1]]
      fails: why the twin does not meet it  # a strict expected failure

`rows`, `error` or both (then `query` asks after the error) are given. An error by which the twin says that it
lacks something counts only if `message` asks for it, by the word twin. {prefix} (s3://bucket/own-prefix/),
{manifest}, {role} (IAM_ROLE '...') and {schema} are replaced in statements and expected texts, {prefix} in the
files' texts, too. No two cases of an area have one name; unknown keys are refused.
"""

import base64
import bz2
import dataclasses
import datetime as dt
import decimal
import gzip
import json
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Annotated, Any

import msgspec
import yaml
from backports import zstd

Text = Annotated[str, msgspec.Meta(min_length=1)]
Name = Annotated[str, msgspec.Meta(pattern="^[a-z0-9_]+$")]


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An object's content: one of the texts, so many times over, packed as its key says."""

    text: str | None = None
    gzip: str | None = None
    zstd: str | None = None
    bzip2: str | None = None
    base64: str | None = None
    times: int = 1

    def __post_init__(self) -> None:
        if len(self._given()) != 1:
            raise ValueError("give exactly one of text, gzip, zstd, bzip2, base64")

    def _given(self) -> list[tuple[str, str]]:
        return [(kind, text) for kind in _PACKED if (text := getattr(self, kind)) is not None]

    def content(self, prefix: str) -> bytes:
        """Return the object's bytes."""
        ((kind, text),) = self._given()
        return _PACKED[kind](text.replace("{prefix}", prefix).encode() * self.times)


_PACKED: dict[str, Callable[[bytes], bytes]] = {
    "text": bytes,
    "gzip": gzip.compress,
    "zstd": zstd.compress,
    "bzip2": bz2.compress,
    "base64": base64.b64decode,
}


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of a manifest, by its key below the case's prefix or by a whole address."""

    key: str | None = None
    url: str | None = None
    mandatory: bool | None = None
    content_length: int | None = None

    def __post_init__(self) -> None:
        if (self.key is None) == (self.url is None):
            raise ValueError("give either key or url")

    def document(self, prefix: str) -> dict[str, Any]:
        """Return the entry as a manifest holds it."""
        document: dict[str, Any] = {"url": self.url if self.key is None else prefix + self.key}
        if self.mandatory is not None:
            document["mandatory"] = self.mandatory
        if self.content_length is not None:
            document["meta"] = {"content_length": self.content_length}
        return document


class Refusal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An error: its SQLSTATE and what its message matches."""

    code: Annotated[str, msgspec.Meta(pattern="^[0-9A-Z]{5}$")] | None = None
    message: Text | None = None

    def __post_init__(self) -> None:
        if self.code is None and self.message is None:
            raise ValueError("give code, message or both")


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One case as its file gives it."""

    name: Name
    source: Text
    statement: Text
    files: dict[Text, str | Body] = {}
    manifest: list[Entry] | None = None
    setup: list[Text] = []
    query: Text | None = None
    rows: list[list[Any]] | None = None
    error: Refusal | None = None
    fails: Text | None = None

    def __post_init__(self) -> None:
        if self.rows is None and self.error is None:
            raise ValueError("give rows, error or both")
        if self.query is not None and self.rows is None:
            raise ValueError("query without rows")
        if self.query is None and self.rows is not None and self.error is not None:
            raise ValueError("rows and error without query")


@dataclasses.dataclass(frozen=True)
class Placed:
    """A case and the area it stands in."""

    area: str
    case: Case

    @property
    def id(self) -> str:
        """The case's name among all."""
        return f"{self.area}-{self.case.name}"


class _Loader(yaml.CSafeLoader):
    """The safe loader, refusing a key that stands twice: plain YAML keeps the last without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002
        names = [key.value for key, _ in node.value]
        if len(names) != len(set(names)):
            raise yaml.constructor.ConstructorError(None, None, "a key stands twice", node.start_mark)
        return super().construct_mapping(node, deep=deep)


def read_cases(folder: Path) -> list[Placed]:
    """Return the cases of all files of a folder.

    Raises:
        ValueError: files or cases that are not as they must be, all of them, each with its file and name.
    """
    placed: list[Placed] = []
    mistakes: list[str] = []
    for file in sorted(folder.glob("*.yaml")):
        try:
            found = yaml.load(file.read_bytes(), Loader=_Loader)  # noqa: S506 - derives from the safe loader
        except yaml.YAMLError as error:
            mistakes.append(f"{file.name}: {error}")
            continue
        if not isinstance(found, list):
            mistakes.append(f"{file.name}: must hold a list of cases")
            continue
        names: set[str] = set()
        for number, raw in enumerate(found, 1):
            name = raw.get("name", number) if isinstance(raw, dict) else number
            try:
                case = msgspec.convert(raw, Case)
            except msgspec.ValidationError as error:
                mistakes.append(f"{file.name}: {name}: {error}")
                continue
            if case.name in names:
                mistakes.append(f"{file.name}: {name}: another case has this name")
            names.add(case.name)
            placed.append(Placed(file.stem, case))
    if mistakes:
        raise ValueError("\n".join(["cases that can't be read:", *mistakes]))
    return placed


def known_not_met(cases: list[Placed]) -> str:
    """Return the README's section about the cases which the twin is known to fail; empty when there is none."""
    lines = [f"- `{placed.id}`: {placed.case.fails}" for placed in cases if placed.case.fails]
    return "\n".join(["## Known not to be met", "", *lines, ""]) if lines else ""


def same(expected: Any, actual: Any) -> bool:
    """Return whether a value from the twin is the expected one.

    - null, true and false are only themselves;
    - a number is compared by value with a number (a FLOAT as a float), never with a text;
    - a mapping or a list is compared with the JSON that the text (SUPER) holds, so the order of keys does not count;
    - a text is compared with the value's text: digits as they came ('1.50'), dates and times as Redshift prints
      them ('2024-01-02', '2024-01-02 03:04:05.6', '2024-01-02 03:04:05+00'), bytes in hexadecimal digits, SUPER
      without spaces.
    """
    if expected is None or isinstance(expected, bool):
        return actual is expected
    if isinstance(expected, dict | list):
        return isinstance(actual, str) and json.loads(actual) == expected
    if isinstance(expected, str):
        return actual is not None and _text(actual) == expected
    if isinstance(expected, int | float):
        if isinstance(actual, bool) or not isinstance(actual, int | float | decimal.Decimal):
            return False
        exact = not isinstance(actual, float)
        return decimal.Decimal(str(expected)) == actual if exact else float(expected) == actual
    return _text(expected) == _text(actual)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, decimal.Decimal):
        return f"{value:f}"
    if isinstance(value, dt.datetime):
        return _moment(value)
    if isinstance(value, dt.time):
        return _fraction(value.replace(tzinfo=None).isoformat()) + _offset(value.utcoffset())
    return value.hex() if isinstance(value, bytes) else str(value)


def _moment(value: dt.datetime) -> str:
    return _fraction(value.replace(tzinfo=None).isoformat(" ")) + _offset(value.utcoffset())


def _fraction(text: str) -> str:
    return text.rstrip("0") if "." in text else text


def _offset(offset: dt.timedelta | None) -> str:
    if offset is None:
        return ""
    sign = "-" if offset < dt.timedelta(0) else "+"
    hours, minutes = divmod(abs(offset) // dt.timedelta(minutes=1), 60)
    return f"{sign}{hours:02}" + (f":{minutes:02}" if minutes else "")
