"""What a raw object's lines become, in plain Python: nothing here is the product's.

The rules are those of docs/events.md, for the few column types of the harness.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tests.harness.events import EVENT_KEY
from tests.harness.lines import BOM

Row = tuple[Any, ...]


@dataclass
class Fates:
    """Lines by what becomes of them: rows by event and line number, quarantined by line number."""

    lines: int = 0
    blank: int = 0
    rows: dict[str, dict[int, Row]] = field(default_factory=dict)
    quarantined: dict[int, tuple[str | None, str, int]] = field(default_factory=dict)
    unrouted: Counter[str] = field(default_factory=Counter)


class BadError(Exception):
    """A line or a value that can't be loaded, for one reason."""


def object_id(bucket: str, key: str, stored: bytes) -> str:
    """Return the id of a raw object that is stored so."""
    return identified(bucket, key, hashlib.md5(stored).hexdigest(), len(stored))  # noqa: S324 - S3's ETag


def identified(bucket: str, key: str, etag: str, size: int) -> str:
    """Return the id of a raw object: of its bucket, key, ETag and size."""
    identity = [bucket, key, etag, size]
    text = json.dumps(identity, separators=(",", ":"), ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def fates(body: bytes, events: Sequence[dict[str, Any]]) -> Fates:
    """Return what becomes of each line of a content, by these events."""
    found = Fates()
    lines = body.removeprefix(BOM).split(b"\n")
    if not lines[-1]:
        lines.pop()
    for number, ended in enumerate(lines, start=1):
        found.lines += 1
        line = ended.removesuffix(b"\r")
        if not line.strip(b" \t\r\n\v\f"):
            found.blank += 1
            continue
        event: dict[str, Any] | None = None
        try:
            document = _document(line)
            event_type = _event_type(document)
            event = next((one for one in events if one["event_type"] == event_type), None)
            if event is None:
                found.unrouted[event_type] += 1
                continue
            row = tuple(_value(document, column) for column in event["columns"])
            found.rows.setdefault(event["name"], {})[number] = row
        except BadError as bad:
            found.quarantined[number] = (event["name"] if event else None, str(bad), len(line))
    return found


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def decoded(text: str) -> Any:
    """Return a JSON value with every digit."""
    return json.loads(text, parse_float=Decimal, parse_constant=_refuse)


def _document(line: bytes) -> dict[str, Any]:
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise BadError("invalid_utf8") from error
    try:
        document = decoded(text)
    except ValueError as error:
        raise BadError("malformed_json") from error
    if not isinstance(document, dict):
        raise BadError("not_an_object")
    return document


def _event_type(document: dict[str, Any]) -> str:
    given = document.get(EVENT_KEY)
    if type(given) is int:
        return str(given)
    if not isinstance(given, str) or not given:
        raise BadError("no_event_type")
    return given


def _value(document: Any, column: dict[str, Any]) -> Any:
    value = document
    for key in column.get("path", [column["name"]]):
        value = value.get(key) if isinstance(value, dict) else None
    if value is None:
        if column.get("required"):
            raise BadError("missing_required")
        return None
    name, _, size = column["type"].partition("(")
    return _CONVERT[name](value, size.rstrip(")"))


def _integer(bits: int) -> Callable[[Any, str], int]:
    def convert(value: Any, _: str) -> int:
        if isinstance(value, str) and re.fullmatch("[+-]?[0-9]+", value):
            value = int(value)
        if isinstance(value, Decimal) and value == int(value):
            value = int(value)
        if type(value) is not int:
            raise BadError("wrong_type")
        if not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
            raise BadError("out_of_range")
        return value

    return convert


def _numeric(value: Any, size: str) -> Decimal:
    precision, scale = map(int, size.split(","))
    if isinstance(value, str) and not re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", value):
        raise BadError("wrong_type")
    number = Decimal(value).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)
    if abs(number) >= 10 ** (precision - scale):
        raise BadError("out_of_range")
    return number


def _varchar(value: Any, size: str) -> str:
    if isinstance(value, list | dict):
        raise BadError("wrong_type")
    text = value if isinstance(value, str) else str(value).lower()
    if "\0" in text:
        raise BadError("nul_character")
    if len(text.encode()) > int(size):
        raise BadError("too_long")
    return text


def _timestamp(value: Any, _: str) -> datetime:
    match = re.fullmatch(r"(.{19})(?:\.(\d+))?(?:Z|([+-]\d\d):(\d\d))?", value)
    if match is None:
        raise BadError("bad_time")
    try:
        moment = datetime.strptime(match[1], "%Y-%m-%dT%H:%M:%S")  # noqa: DTZ007 - the zone is subtracted
    except ValueError as error:
        raise BadError("bad_time") from error
    fraction = timedelta(microseconds=int((match[2] or "0").ljust(6, "0")))
    return moment + fraction - timedelta(hours=int(match[3] or 0), minutes=int(match[4] or 0))


def _boolean(value: Any, _: str) -> bool:
    if not isinstance(value, bool):
        raise BadError("wrong_type")
    return value


def _super(value: Any, _: str) -> Any:
    if "\\u0000" in json.dumps(value, default=str):
        raise BadError("nul_character")
    return value


_CONVERT: dict[str, Callable[[Any, str], Any]] = {
    "bigint": _integer(64),
    "integer": _integer(32),
    "numeric": _numeric,
    "varchar": _varchar,
    "timestamp": _timestamp,
    "boolean": _boolean,
    "super": _super,
}
