"""A catalog of small events and a sink that keeps what it is given, for tests of the core."""

import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st

from log_router.core.catalog import Catalog
from log_router.core.events import Event
from log_router.core.lines import LongLine
from log_router.core.reports import ObjectReport, QuarantinedLine, UnroutedLine
from log_router.core.shape import Shaper
from log_router.core.split import Splitter

modest = settings(max_examples=40, deadline=None)

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(10**45), max_value=10**45)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abc_.é", max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


def event(*columns: dict[str, Any], **keys: Any) -> Event:
    """Return an event `clicked` of those columns."""
    named = {"name": "clicked", "event_type": "clicked", "table": "clicked", **keys}
    return Event.model_validate({**named, "columns": list(columns)})


def catalog(*events: Event, event_key: str = "event") -> Catalog:
    """Return a catalog of those events."""
    return Catalog(event_key=event_key, events=events)


def decoded(text: str | bytes) -> Any:
    """Return a JSON text as the split decodes it."""
    return msgspec.json.Decoder(float_hook=Decimal).decode(text)


def shaped(event: Event, document: Any) -> dict[str, Any]:
    """Return the row of a document (JSON text or a value), every number as written."""
    text = document if isinstance(document, str) else json.dumps(document)
    row: dict[str, Any] = json.loads(
        Shaper(event, "batch").row(decoded(text), "0" * 32, 7), parse_float=Decimal, parse_int=Decimal
    )
    return row


@dataclass
class Recorded:
    """Everything a split handed out, in its order."""

    written: list[tuple[str, bytes]] = field(default_factory=list)
    bad: list[QuarantinedLine] = field(default_factory=list)
    strange: list[UnroutedLine] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)

    @property
    def parsed(self) -> list[tuple[str, dict[str, Any]]]:
        """The rows, parsed."""
        return [(event, json.loads(row)) for event, row in self.written]

    def rows(self, event: str, rows: bytes, count: int) -> None:
        """Keep rows."""
        assert rows.endswith(b"\n")
        for row in rows[:-1].split(b"\n"):
            self.written.append((event, row))
            self.numbers.append(int(row.rpartition(b'"_lr_line":')[2].partition(b",")[0]))
            count -= 1
        assert count == 0

    def quarantined(self, line: QuarantinedLine) -> None:
        """Keep a quarantined line."""
        self.bad.append(line)
        self.numbers.append(line.line_number)

    def unrouted(self, line: UnroutedLine) -> None:
        """Keep an unrouted line."""
        self.strange.append(line)
        self.numbers.append(line.line_number)


def split(
    catalog: Catalog,
    *lines: bytes | LongLine,
    object_id: str = "0" * 32,
    events: tuple[str, ...] = (),
) -> tuple[ObjectReport, Recorded]:
    """Return the report of a raw object's lines and what became of each."""
    sink = Recorded()
    return Splitter(catalog, "batch", events).split(object_id, [lines], sink), sink
