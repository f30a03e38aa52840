"""What the tables must hold, by plain json over the raw lines: nothing of the package is used here."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import yaml

Row = tuple[Any, ...]


def events(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the event files of a folder by event type, as plain YAML."""
    found = {}
    for file in folder.glob("*.yaml"):
        event = yaml.safe_load(file.read_text())
        event.setdefault("table", file.stem)
        found[event.get("event_type", file.stem)] = event
    return found


def rows(event: dict[str, Any], documents: Iterator[tuple[int, dict[str, Any]]]) -> list[Row]:
    """Return (line number, values...) of an event's documents, in the order of its columns."""
    return [
        (number, *(value(column, document) for column in event["columns"])) for number, document in documents
    ]


def value(column: dict[str, Any], document: Any) -> Any:
    """Return what a column must hold for a document."""
    value = found(column, document)
    return None if value is None else typed(column, value)


def found(column: dict[str, Any], document: Any) -> Any:
    """Return the JSON value of a column in a document."""
    value = document
    for step in steps(column.get("path", [column["name"]])):
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def steps(path: str | list[str | int]) -> list[str | int]:
    """Return the keys and indexes of a path."""
    if isinstance(path, list):
        return path
    found = re.findall(r'\["([^"]+)"\]|\[(\d+)\]|([^.\[\]]+)', path)
    return [int(index) if index else quoted or key for quoted, index, key in found]


def typed(column: dict[str, Any], found: Any) -> Any:
    """Return a JSON value as Redshift gives back a value of the column's type."""
    kind, _, size = column["type"].partition("(")
    if kind in ("timestamp", "timestamptz", "date"):
        moment = timed(column, found)
        plain = moment.date() if kind == "date" else moment.replace(tzinfo=None)
        return moment if kind == "timestamptz" else plain
    if kind == "numeric":
        scale = int(size.rstrip(")").split(",")[1])
        return Decimal(str(found)).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)
    readers: dict[str, Callable[[Any], Any]] = {"boolean": bool, "super": canonical}
    readers |= dict.fromkeys(("bigint", "integer", "smallint"), int)
    readers |= dict.fromkeys(("real", "double precision"), float)
    if kind in readers:
        return readers[kind](found)
    return found if isinstance(found, str) else json.dumps(found)


def timed(column: dict[str, Any], found: Any) -> datetime:
    """Return the moment in UTC."""
    if column.get("time_format", "iso") != "iso":
        unit = {"epoch_seconds": 1, "epoch_milliseconds": 1000, "epoch_microseconds": 1_000_000}
        return datetime.fromtimestamp(float(Decimal(str(found)) / unit[column["time_format"]]), UTC)
    if re.match(r"\d{4}/", found):
        return datetime.strptime(found, "%Y/%m/%d %H:%M:%S %z").astimezone(UTC)
    moment = datetime.fromisoformat(found)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def canonical(found: Any) -> str:
    """Return one text for equal JSON values."""
    return json.dumps(found, sort_keys=True)
