"""What a warehouse holds of the events, saved so that it can be compared with where there is no warehouse."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Self

import orjson

from log_router.core.errors import NeedsAction
from log_router.core.evolution import FoundColumn

_FORMAT = 1


@dataclass(frozen=True)
class Snapshot:
    """What the warehouse holds: columns by table, which events' ledgers are there, its slices where they can be read.

    `loaded` has, by event, how many raw objects with rows of it are loaded and their bytes, by key prefix of an hour.
    """

    tables: Mapping[str, Mapping[str, FoundColumn]]
    ledgers: tuple[str, ...] = ()
    loaded: Mapping[str, Sequence[tuple[str, int, int]]] = field(default_factory=dict)
    slices: int | None = None

    def to_json(self) -> bytes:
        """Return it as `from_json` takes it."""
        tables = {
            table: [asdict(column) for column in columns.values()] for table, columns in self.tables.items()
        }
        content = {"format": _FORMAT, "slices": self.slices, "ledgers": self.ledgers, "loaded": self.loaded}
        return orjson.dumps({**content, "tables": tables}, option=orjson.OPT_INDENT_2)

    @classmethod
    def from_json(cls, document: bytes, where: str) -> Self:
        """Return the saved catalog.

        Raises:
            NeedsAction: it is none of ours.
        """
        try:
            given = orjson.loads(document)
            _refuse_other_formats(given["format"])
            return cls(
                tables={
                    table: {column["name"]: FoundColumn(**column) for column in columns}
                    for table, columns in given["tables"].items()
                },
                ledgers=tuple(given["ledgers"]),
                loaded={
                    event: [(str(prefix), int(objects), int(size)) for prefix, objects, size in rows]
                    for event, rows in given["loaded"].items()
                },
                slices=given["slices"],
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise NeedsAction(
                f"{where}: is no catalog that this version saved ({error}); save it anew: "
                "log-router plan --save-catalog FILE"
            ) from error


def _refuse_other_formats(found: object) -> None:
    if found != _FORMAT:
        raise ValueError(f"format {found}")
