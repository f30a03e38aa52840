"""One event: where its fields are in a line, and the table they become."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    StrictBool,
    StrictInt,
    model_validator,
)

from log_router.core import column_types, masks, paths, values
from log_router.core.bad_values import BadValue
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
MAX_CONDITION_LENGTH = 64


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


def _scalar(given: Any) -> Any:
    if isinstance(given, str):
        return _without_nul(given)
    if not isinstance(given, bool | int | float):
        raise ValueError(f"`{given}` is neither text, a number nor true or false; correct it")  # noqa: TRY004
    # As text it is the same after JSON, and all columns of numbers take text.
    return str(given) if isinstance(given, float) else given


Scalar = Annotated[
    str | bool | int,
    PlainValidator(_scalar, json_schema_input_type=str | bool | int | float),
]
_WrittenPath = str | list[str | int]
_PathOfLine = Annotated[paths.Path, BeforeValidator(paths.parse, json_schema_input_type=_WrittenPath)]


class Column(Strict):
    """One column of an event's table: `path` defaults to the top-level key of the column's name."""

    name: ColumnName
    type: Annotated[
        ColumnType,
        BeforeValidator(_column_type, json_schema_input_type=str),
        PlainSerializer(lambda column_type: column_type.ddl, return_type=str),
    ]
    path: _PathOfLine = ()
    required: StrictBool = False
    default: Scalar | None = None
    constant: Scalar | None = None
    time_format: Literal["iso", "epoch_seconds", "epoch_milliseconds", "epoch_microseconds"] = "iso"
    mask: Literal["hash", "drop", "truncate"] | None = None
    on_error: Literal["quarantine", "null", "truncate"] = "quarantine"
    grow_to: Annotated[StrictInt, Field(ge=1, le=column_types.VARCHAR_MAX_BYTES)] | None = None
    description: Text = ""

    @model_validator(mode="before")
    @classmethod
    def _path_is_the_name_by_default(cls, given: Any) -> Any:
        if not isinstance(given, dict) or not isinstance(given.get("name"), str):
            return given
        if given.get("constant") is None:
            return {"path": [given["name"]], **given}
        if given.get("path"):
            raise ValueError(
                "`constant` is the same in every row and `path` is read from the line; remove one"
            )
        return {key: value for key, value in given.items() if key != "path"}

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
        problems = [*_mask_problems(self), *_leniency_problems(self), *_fixed_value_problems(self)]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def longest(self) -> int:
        """The most bytes that the split lets through for a varchar or char."""
        return self.grow_to or self.type.length


def _mask_problems(column: Column) -> Iterator[str]:
    if column.mask is None:
        return
    if column.constant is not None or column.default is not None:
        yield "`mask` is for values of the line; remove it, or `constant` and `default`"
    if column.mask == "drop":
        if column.required or column.on_error != "quarantine" or column.grow_to:
            yield "`mask: drop` keeps nothing of the value and makes no column; remove the other keys"
    elif column.type.name not in ("varchar", "char"):
        yield f"`mask: {column.mask}` makes text of the value; use varchar instead of {column.type.ddl}"
    elif column.mask == "hash" and column.type.length < masks.HASH_BYTES:
        yield f"`mask: hash` makes {masks.HASH_BYTES} bytes of the value; use varchar({masks.HASH_BYTES})"


def _leniency_problems(column: Column) -> Iterator[str]:
    text = column.type.name in ("varchar", "char")
    if column.on_error == "null" and column.required:
        yield "`on_error: null` would leave a required column without a value; remove one of both"
    if column.on_error == "truncate" and not text:
        yield f"`on_error: truncate` is for varchar and char, not {column.type.ddl}; remove it"
    if column.grow_to is None:
        return
    if column.type.name != "varchar":
        yield f"`grow_to` is for varchar, not {column.type.ddl}; remove it"
    elif column.grow_to <= column.type.length:
        yield f"`grow_to` must be more than the {column.type.length} bytes that the column begins with"
    if column.constant is not None or column.default is not None:
        yield "Redshift widens no column with a fixed value here; remove `grow_to`, or `constant` and `default`"


def _fixed_value_problems(column: Column) -> Iterator[str]:
    for key in ("default", "constant"):
        value = getattr(column, key)
        if value is None:
            continue
        if column.required:
            yield f"`{key}` gives every row a value, so `required` says nothing; remove one"
        try:
            values.converter(column)(value)
        except BadValue as error:
            yield f"{key}: {error.detail}"
    if column.default is not None and column.constant is not None:
        yield "`constant` is in every row, so `default` says nothing; remove one"


def _not_empty(columns: tuple[T, ...]) -> tuple[T, ...]:
    # Not Field(min_length=1): that one also speaks up wherever a column has a mistake.
    if not columns:
        raise ValueError("is empty; add at least one column")
    return columns


class Unique(Strict):
    """What makes two rows of an event the same: equal `columns`, at most `within_hours` apart in event time."""

    columns: Annotated[tuple[str, ...], AfterValidator(_not_empty)]
    within_hours: Annotated[StrictInt, Field(ge=1, le=MAX_UNIQUE_HOURS)] = 72


class When(Strict):
    """A condition on a line: the value at `path`, written as text, is that of `equals`."""

    path: _PathOfLine
    equals: Scalar

    @property
    def text(self) -> str:
        """The wanted value as `as_text` writes it."""
        return as_text(self.equals)


def as_text(value: object) -> str:
    """Return how a scalar of a line is compared and told: `?` for what is none, or long."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = str(value) if isinstance(value, str | int | Decimal) else "?"
    return text if len(text) <= MAX_CONDITION_LENGTH and "\0" not in text else "?"


def texts(what: str) -> BeforeValidator:
    """Return a check for a text or a list of different ones, told before a union's every branch complains."""

    def check(given: object) -> object:
        if isinstance(given, str):
            return given
        if not isinstance(given, list | tuple) or not all(isinstance(one, str) for one in given):
            raise ValueError(f"`{given}` is neither text nor a list of texts; quote {what}")
        if not given:
            raise ValueError(f"is empty; name {what}")
        if len(set(given)) < len(given):
            raise ValueError(f"{what} stands twice; remove one")
        return tuple(given)

    return BeforeValidator(check)


def _can_stand_in_lines(given: str | tuple[str, ...]) -> str | tuple[str, ...]:
    for event_type in (given,) if isinstance(given, str) else given:
        _can_stand_in_a_line(event_type)
    return given


class Event(Strict):
    """The lines of one or several event types and their table. `name` is the identity: the name of its file."""

    name: str
    event_type: Annotated[str | tuple[str, ...], texts("the event type"), AfterValidator(_can_stand_in_lines)]
    when: When | None = None
    table: TableName
    columns: Annotated[tuple[Column, ...], AfterValidator(_not_empty)]
    description: Text = ""
    event_time: str | None = None
    sort_key: tuple[str, ...] = ()
    dist_key: str | None = None
    extra: ColumnName | None = None
    unique: Unique | None = None
    max_quarantined_share: Share | None = None
    max_quarantined_lines: Lines | None = None

    @model_validator(mode="after")
    def _keys_are_columns(self) -> Self:
        columns = self.table_columns
        by_name = {column.name: column for column in columns}
        names = [*(column.name for column in self.columns), *([self.extra] if self.extra else [])]
        problems = [f"column `{name}` stands twice; rename one" for name in _repeated(names)]
        problems.extend(_masked_twice(self.columns))
        if not columns:
            problems.append("columns: every value is dropped by its mask; add a column that is kept")
        if len(columns) + len(LINEAGE_COLUMNS) > MAX_COLUMNS:
            problems.append(f"{len(columns)} columns; Redshift takes {MAX_COLUMNS - len(LINEAGE_COLUMNS)}")
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

    @property
    def event_types(self) -> tuple[str, ...]:
        """The values at the event key that send a line here, where `when` holds."""
        return (self.event_type,) if isinstance(self.event_type, str) else self.event_type

    @property
    def claims(self) -> tuple[str, ...]:
        """The event types under which its lines were counted as unrouted while it had no file."""
        if self.when is None:
            return self.event_types
        # The plain ones: from before any event had a condition on them.
        return (
            *self.event_types,
            *(conditional_type(one, self.when.path, self.when.text) for one in self.event_types),
        )

    @property
    def table_columns(self) -> tuple[Column, ...]:
        """The columns of its table, without those of lineage."""
        kept = tuple(column for column in self.columns if column.mask != "drop")
        return (*kept, Column.model_validate({"name": self.extra, "type": "super"})) if self.extra else kept


def conditional_type(event_type: str, path: paths.Path, text: str) -> str:
    """Return the event type of lines that are told apart by the value at `path`: `refund[channel=card]`."""
    return f"{event_type}[{paths.written(path)}={text}]"


def _repeated(names: list[str]) -> list[str]:
    seen: set[str] = set()
    return [name for name in names if name in seen or seen.add(name)]  # type: ignore[func-returns-value]


def _masked_twice(columns: tuple[Column, ...]) -> Iterator[str]:
    """Yield where it is not one rule what becomes of a value: masked in one column and clear in another, say."""
    rules: dict[paths.Path, Column] = {}
    masked = [column for column in columns if column.mask]
    for column in masked:
        other = rules.setdefault(column.path, column)
        if other.mask != column.mask:
            yield f"columns `{other.name}` and `{column.name}` mask the same value in two ways; choose one"
    for column in columns:
        rule = rules.get(column.path)
        if rule and column.mask != rule.mask and not column.mask:
            yield (
                f"column `{column.name}` would hold the value that column `{rule.name}` masks; "
                f"give it `mask: {rule.mask}` too, or remove it"
            )


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
