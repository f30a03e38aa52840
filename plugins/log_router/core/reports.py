"""What became of each line of a raw object, counted."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from log_router.core.errors import ConservationError


@dataclass(frozen=True)
class QuarantinedLine:
    """A line that can't be loaded as it is. `raw` holds its first bytes only where `length` is larger."""

    object_id: str
    line_number: int
    event: str | None
    reason: str
    detail: str
    raw: bytes
    length: int


@dataclass(frozen=True)
class UnroutedLine:
    """A well-formed line whose event type has no config."""

    object_id: str
    line_number: int
    event_type: str
    raw: bytes


@dataclass
class ObjectReport:
    """Counts of lines of one raw object: rows by event, quarantined by event and reason, unrouted by type.

    Quarantined lines whose event is not known are counted under the event "". `filtered` are lines of events
    that have a file but are not among those of the batch: nothing is done with them. By event and column, `lenient`
    counts values of rows that were cut or made NULL as the column allows, and `widest` has the bytes of the longest
    value of a column that may grow, where it is longer than its type says.
    """

    object_id: str
    lines: int = 0
    blank: int = 0
    filtered: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[tuple[str, str]] = field(default_factory=Counter)
    unrouted: Counter[str] = field(default_factory=Counter)
    lenient: Counter[tuple[str, str]] = field(default_factory=Counter)
    widest: dict[tuple[str, str], int] = field(default_factory=dict)

    def note(self, event: str, lenient: Mapping[str, int], widest: Mapping[str, int]) -> None:
        """Add what the columns of an event allowed: see Shaper."""
        self.lenient.update({(event, column): values for column, values in lenient.items()})
        self.widest.update({(event, column): size for column, size in widest.items()})

    def check(self) -> None:
        """Return when every line read is accounted for.

        Raises:
            ConservationError: lines != rows + quarantined + unrouted + filtered + blank.
        """
        sent = self.rows.total() + self.quarantined.total() + self.unrouted.total()
        fates = sent + self.filtered + self.blank
        if fates != self.lines:
            raise ConservationError(
                f"raw object {self.object_id}: {self.lines} lines were read but {fates} are accounted for "
                f"({self.rows.total()} rows, {self.quarantined.total()} quarantined, "
                f"{self.unrouted.total()} unrouted, {self.filtered} filtered, {self.blank} blank); nothing of it is "
                "loaded. This is a defect of Log Router: please report it"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON takes it."""
        return {
            "object_id": self.object_id,
            "lines": self.lines,
            "blank": self.blank,
            "filtered": self.filtered,
            "rows": dict(self.rows),
            "quarantined": [
                {"event": event, "reason": reason, "lines": lines}
                for (event, reason), lines in self.quarantined.items()
            ],
            "unrouted": dict(self.unrouted),
            "lenient": [[*where, values] for where, values in self.lenient.items()],
            "widest": [[*where, size] for where, size in self.widest.items()],
        }

    @classmethod
    def from_dict(cls, given: dict[str, Any]) -> Self:
        """Return the report that `to_dict` gave."""
        return cls(
            object_id=given["object_id"],
            lines=given["lines"],
            blank=given["blank"],
            filtered=given["filtered"],
            rows=Counter(given["rows"]),
            quarantined=Counter({(q["event"], q["reason"]): q["lines"] for q in given["quarantined"]}),
            unrouted=Counter(given["unrouted"]),
            lenient=Counter({(event, column): values for event, column, values in given.get("lenient", ())}),
            widest={(event, column): size for event, column, size in given.get("widest", ())},
        )
