"""Lines in; rows, quarantined lines and unrouted lines out; every line counted."""

from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from typing import Any, Protocol

import msgspec

from log_router.core import paths
from log_router.core.bad_values import BadValue
from log_router.core.catalog import Catalog
from log_router.core.events import MAX_EVENT_TYPE_BYTES
from log_router.core.lines import LongLine
from log_router.core.masks import Masks, masked
from log_router.core.reports import ObjectReport, QuarantinedLine, UnroutedLine
from log_router.core.routes import Routes
from log_router.core.shape import Shaper
from log_router.core.typed import TypedLines
from log_router.core.values import nearest

# Numbers keep every digit: integers are int of any size, all others Decimal.
_decode = msgspec.json.Decoder(float_hook=Decimal).decode
_decode_any = msgspec.json.Decoder(float_hook=nearest).decode
MAX_UNROUTED_TYPES = 1000


def decode(line: bytes) -> Any:
    """Return the JSON value of a line.

    Raises:
        ValueError, RecursionError: it can't be read.
    """
    try:
        return _decode(line)
    except ArithmeticError:
        # A number's exponent is too large even for Decimal: the columns that read the number refuse it.
        return _decode_any(line)


class Sink(Protocol):
    """Where the lines of a chunk go."""

    def rows(self, event: str, rows: bytes, count: int) -> None:
        """Take rows of an event, each with a line end."""

    def quarantined(self, line: QuarantinedLine) -> None:
        """Take a line that can't be loaded as it is."""

    def unrouted(self, line: UnroutedLine) -> None:
        """Take a line whose event type has no config."""


class Splitter:
    """Sends each line to the stream of its event, as the catalog of one batch says.

    Where `events` are named, lines of the catalog's other events are only counted.
    """

    def __init__(
        self, catalog: Catalog, batch_id: str, events: Collection[str] = (), secret: bytes = b""
    ) -> None:
        self._event_paths = catalog.event_paths
        self._masks = Masks(catalog, secret)
        self._routes = Routes(catalog.events)
        self._shapers = {
            event.name: Shaper(event, batch_id, self._event_paths)
            for event in catalog.events
            if not events or event.name in events
        }
        self._typed = TypedLines(self._event_paths, catalog.events, self._shapers)

    def split(self, object_id: str, blocks: Iterable[Sequence[bytes | LongLine]], sink: Sink) -> ObjectReport:
        """Send every line of a raw object to `sink` and return the counts, which add up.

        Line numbers start at 1. Rows come by event and block of lines, in no order beyond that.
        """
        report = ObjectReport(object_id)
        for shaper in self._shapers.values():
            # What an object that broke midway has left does not count for this one.
            shaper.lenient.clear()
            shaper.widest.clear()

        def write(event: str, rows: bytes | None, count: int) -> None:
            if rows is None:
                report.filtered += count
            else:
                sink.rows(event, rows, count)
                report.rows[event] += count

        for lines in blocks:
            for index in self._typed.block(object_id, lines, report.lines, write):
                self._line(object_id, report.lines + index + 1, lines[index], sink, report)
            report.lines += len(lines)
        for name, shaper in self._shapers.items():
            report.note(name, shaper.lenient, shaper.widest)
        report.check()
        return report

    def _line(
        self, object_id: str, number: int, line: bytes | LongLine, sink: Sink, report: ObjectReport
    ) -> None:
        """Send one line to the sink, whatever it is."""
        if not line or (isinstance(line, bytes) and line.isspace()):
            report.blank += 1
            return
        event: str | None = None
        try:
            document = self._document(line)
            event_type, event = self._routes.route(self._event_type(document), document)
            if event is None:
                _refuse_another_type(event_type, report)
                kept = self._masks.line(None, line)  # type: ignore[arg-type]
                sink.unrouted(UnroutedLine(object_id, number, event_type, kept))
                report.unrouted[event_type] += 1
                return
            shaper = self._shapers.get(event)
            if shaper is None:
                report.filtered += 1
                return
            if rules := self._masks.of(event):
                masked(document, rules)
            row = shaper.row(document, object_id, number)
        except BadValue as bad:
            sink.quarantined(self._quarantined(object_id, number, event, bad, line))
            report.quarantined[event or "", bad.reason] += 1
            return
        sink.rows(event, row + b"\n", 1)
        report.rows[event] += 1

    def _quarantined(
        self, object_id: str, number: int, event: str | None, bad: BadValue, line: bytes | LongLine
    ) -> QuarantinedLine:
        if isinstance(line, LongLine):
            # What is cut off in the middle can't be masked.
            raw = b"" if self._masks.of(event) else line.head
            return QuarantinedLine(object_id, number, event, bad.reason, bad.detail, raw, line.length)
        raw = self._masks.line(event, line)
        length = len(raw) if raw else len(line)
        return QuarantinedLine(object_id, number, event, bad.reason, bad.detail, raw, length)

    def _document(self, line: bytes | LongLine) -> dict[str, object]:
        if isinstance(line, LongLine):
            raise BadValue(
                "line_too_long", f"the line has {line.length} bytes; see max_line_bytes in the settings"
            )
        try:
            document = decode(line)
        except UnicodeDecodeError as error:
            raise BadValue("invalid_utf8", f"{error.reason} at byte {error.start} of a text") from error
        except ValueError as error:
            raise BadValue("malformed_json", str(error)) from error
        except RecursionError as error:
            raise BadValue("malformed_json", "it is nested too deeply to be read") from error
        if not isinstance(document, dict):
            raise BadValue("not_an_object", f"the line is a JSON {_kind(document)}, not an object")
        return document

    def _event_type(self, document: dict[str, object]) -> str:
        """Return the event type of a document: the values at the event keys, joined by `+`."""
        found = [_type_at(document, path) for path in self._event_paths]
        event_type = found[0] if len(found) == 1 else "+".join(found)
        if "\0" in event_type or len(event_type.encode()) > MAX_EVENT_TYPE_BYTES:
            raise BadValue("bad_event_type", f"it holds U+0000 or more than {MAX_EVENT_TYPE_BYTES} bytes")
        return event_type


def _type_at(document: dict[str, object], path: paths.Path) -> str:
    value = paths.find(document, path)
    if type(value) is int:
        return str(value)
    if isinstance(value, str) and value:
        return value
    where = paths.written(path)
    if value is None:
        raise BadValue("no_event_type", f"there is no value at the event key `{where}`")
    raise BadValue(
        "no_event_type", f"the value at the event key `{where}` is empty, or neither text nor an integer"
    )


def _refuse_another_type(event_type: str, report: ObjectReport) -> None:
    """Keep the report bounded where ids stand at the event key: each line would be of an event of its own."""
    if event_type not in report.unrouted and len(report.unrouted) >= MAX_UNROUTED_TYPES:
        raise BadValue(
            "too_many_event_types",
            f"the raw object holds over {MAX_UNROUTED_TYPES} event types without config",
        )


def _kind(document: object) -> str:
    return {list: "array", str: "string", bool: "boolean", type(None): "null"}.get(type(document), "number")
