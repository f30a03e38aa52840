"""One event: where its fields are in a line, and the table they become."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StrictBool,
    StrictInt,
    model_validator,
)

from log_router.core import column_types, paths
from log_router.core.column_types import ColumnType

T = TypeVar("T")

# Redshift folds identifiers to lower case and cuts them at 127 bytes without a word; the ledger's table is
# named `ledger_<table>` and must fit as well.
MAX_COLUMN_NAME = 127
MAX_TABLE_NAME = MAX_COLUMN_NAME - len("ledger_")
MAX_COLUMNS = 1_600
# Ten years.
MAX_UNIQUE_HOURS = 87_600
LINEAGE_COLUMNS = ("_lr_object", "_lr_line", "_lr_batch")
# Every table has these already; CREATE TABLE refuses them, quoted or not.
SYSTEM_COLUMNS = frozenset({"oid", "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"})
_NAME = re.compile(r"[a-z_][a-z0-9_$]*")


def identifier(limit: int) -> BeforeValidator:
    """Return a check for names that Redshift keeps exactly as written."""

    def check(name: Any) -> Any:
        if not isinstance(name, str):
            raise ValueError(f"`{name}` is not text; quote it")  # noqa: TRY004 - pydantic collects ValueErrors
        if not _NAME.fullmatch(name) or len(name) > limit:
            raise ValueError(
                f"`{name}` is not a name Redshift keeps as written; "
                f"use lower-case letters, digits and _, not starting with a digit, {limit} bytes at most"
            )
        return name

    return BeforeValidator(check)


MAX_EVENT_TYPE_BYTES = 1024


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("it holds U+0000, which Redshift takes in no text; remove it")
    return text


def _can_stand_in_a_line(event_type: str) -> str:
    if not 0 < len(event_type.encode()) <= MAX_EVENT_TYPE_BYTES or "\0" in event_type:
        raise ValueError(f"an event type has 1 to {MAX_EVENT_TYPE_BYTES} bytes and no U+0000")
    return event_type


def _not_a_flag(number: object) -> object:
    if isinstance(number, bool):
        raise ValueError("it must be a number")  # noqa: TRY004 - pydantic collects ValueErrors
    return number


Number = Annotated[int, BeforeValidator(_not_a_flag)]
# Thresholds of quarantined lines: a share of an event's lines in a batch, and how many of them.
Share = Annotated[float, BeforeValidator(_not_a_flag), Field(ge=0, le=1)]
Lines = Annotated[Number, Field(ge=0)]
Text = Annotated[str, AfterValidator(_without_nul)]
ColumnName = Annotated[str, identifier(MAX_COLUMN_NAME)]
TableName = Annotated[str, identifier(MAX_TABLE_NAME)]


def _column_type(written: Any) -> ColumnType:
    if isinstance(written, ColumnType):
        return written
    if not isinstance(written, str):
        raise ValueError(f"`{written}` is not a type; write one such as `bigint` or `varchar(64)`")  # noqa: TRY004
    return column_types.parse(written)


class Strict(BaseModel):
    """A frozen model that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Column(Strict):
    """One column of an event's table: `path` defaults to the top-level key of the column's name."""

    name: ColumnName
    type: Annotated[
        ColumnType,
        BeforeValidator(_column_type),
        PlainSerializer(lambda column_type: column_type.ddl, return_type=str),
    ]
    path: Annotated[paths.Path, BeforeValidator(paths.parse)] = ()
    required: StrictBool = False
    time_format: Literal["iso", "epoch_seconds", "epoch_milliseconds", "epoch_microseconds"] = "iso"
    description: Text = ""

    @model_validator(mode="before")
    @classmethod
    def _path_is_the_name_by_default(cls, given: Any) -> Any:
        if isinstance(given, dict) and "path" not in given and isinstance(given.get("name"), str):
            return {**given, "path": [given["name"]]}
        return given

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.name.startswith("_lr_"):
            raise ValueError("names starting with `_lr_` are Log Router's own; choose another")
        if self.name in SYSTEM_COLUMNS:
            raise ValueError(f"`{self.name}` is a system column of every table; choose another name")
        if self.time_format != "iso" and self.type.name not in column_types.TIME_TYPES:
            raise ValueError(
                f"`time_format` is for date, timestamp and timestamptz, not {self.type.ddl}; remove it"
            )
        return self


def _not_empty(columns: tuple[T, ...]) -> tuple[T, ...]:
    # Not Field(min_length=1): that one also speaks up wherever a column has a mistake.
    if not columns:
        raise ValueError("is empty; add at least one column")
    return columns


class Unique(Strict):
    """What makes two rows of an event the same: equal `columns`, at most `within_hours` apart in event time."""

    columns: Annotated[tuple[str, ...], AfterValidator(_not_empty)]
    within_hours: Annotated[StrictInt, Field(ge=1, le=MAX_UNIQUE_HOURS)] = 72


class Event(Strict):
    """One event type and its table. `name` is the identity: the name of its file."""

    name: str
    event_type: Annotated[str, AfterValidator(_can_stand_in_a_line)]
    table: TableName
    columns: Annotated[tuple[Column, ...], AfterValidator(_not_empty)]
    description: Text = ""
    event_time: str | None = None
    sort_key: tuple[str, ...] = ()
    dist_key: str | None = None
    unique: Unique | None = None
    max_quarantined_share: Share | None = None
    max_quarantined_lines: Lines | None = None

    @property
    def table_columns(self) -> tuple[Column, ...]:
        """The columns of its table, without the lineage."""
        return self.columns

    @model_validator(mode="after")
    def _keys_are_columns(self) -> Self:
        by_name = {column.name: column for column in self.columns}
        problems = [f"column `{name}` stands twice; rename one" for name in _repeated(self.columns)]
        if len(self.columns) + len(LINEAGE_COLUMNS) > MAX_COLUMNS:
            problems.append(
                f"{len(self.columns)} columns; Redshift takes {MAX_COLUMNS - len(LINEAGE_COLUMNS)}"
            )
        for key, names in (
            ("event_time", [] if self.event_time is None else [self.event_time]),
            ("sort_key", list(self.sort_key)),
            ("dist_key", [] if self.dist_key is None else [self.dist_key]),
            ("unique.columns", [] if self.unique is None else list(self.unique.columns)),
        ):
            for name in names:
                problems.extend(_key_problems(key, name, by_name.get(name)))
            if len(set(names)) < len(names):
                problems.append(f"{key}: a column stands twice; remove one")
        if self.unique is not None:
            problems.extend(_unique_problems(self.unique, self.event_time, by_name))
        if problems:
            raise ValueError("; ".join(problems))
        return self


def _repeated(columns: tuple[Column, ...]) -> list[str]:
    seen: set[str] = set()
    return [column.name for column in columns if column.name in seen or seen.add(column.name)]  # type: ignore[func-returns-value]


def _key_problems(key: str, name: str, column: Column | None) -> list[str]:
    if column is None:
        return [f"{key}: `{name}` is not one of the columns; add it or correct the name"]
    if key == "event_time" and column.type.name not in column_types.TIME_TYPES:
        return [f"{key}: `{name}` is {column.type.ddl}; it must be a date, timestamp or timestamptz"]
    if column.type.name == "super" and key != "event_time":
        return [f"{key}: `{name}` is super, which Redshift takes for no key; choose another column"]
    return []


def _unique_problems(unique: Unique, event_time: str | None, columns: dict[str, Column]) -> Iterator[str]:
    if event_time is None:
        yield "unique: it needs `event_time`, by which rows are near each other or not; add it"
    for name in dict.fromkeys((*unique.columns, event_time)):
        # What is no column at all is said already.
        if name in columns and not columns[name].required:
            yield f"unique: column `{name}` must be `required: true`: a row without it could not be told from others"
