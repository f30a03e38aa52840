"""The fast path of a split: lines are decoded into structs made for their event, and rows are written by the block.

It gives the rows that `Shaper` gives, or leaves a line to it. What only a whole document tells - text that is no
UTF-8, numbers beyond any type, nesting beyond what is taken - is looked for in the line's bytes.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any

import msgspec

from log_router.core import paths
from log_router.core.bad_values import BadValue
from log_router.core.events import Column, Event
from log_router.core.shape import MAX_ROW_BYTES, Shaper
from log_router.core.super_values import may_be_deep
from log_router.core.values import EXACT_IN_DOUBLE, INTEGER_RANGES, usual_time

_BACKSLASH = ord("\\")
# From here on a line may be nested deeper than the careful path takes, or hold a number that it can't read.
_LONG_LINE_BYTES = 1000
_MAX_DIGITS = 4300
_DIGITS_AS_ZERO = bytes(ord("0") if chr(byte) in "0123456789" else byte for byte in range(256))
# The field for the line's place, under a key that `_nameable` takes for no member.
_INDEX = "index"
_INDEX_KEY = "\x7findex"
_encode_lines = msgspec.json.Encoder().encode_lines
# Takes documents, object id and first line number; returns their rows, and the indexes of those that can't be rows.
_Rows = Callable[[list[Any], str, int], tuple[list[Any], list[int]]]
# What a line can be that no struct takes; the careful path says what is wrong. TypeError: it is no bytes, but long.
_UNTYPED = (ValueError, RecursionError, ArithmeticError, TypeError)


def plain(line: bytes) -> bool:
    """Tell whether a line that could be decoded in parts can be decoded as a whole, and its text holds no U+0000."""
    if _BACKSLASH in line and b"\\u0000" in line:
        return False
    if len(line) > _LONG_LINE_BYTES:
        if may_be_deep(line):
            return False
        if len(line) > _MAX_DIGITS and b"0" * _MAX_DIGITS in line.translate(_DIGITS_AS_ZERO):
            return False
    if not line.isascii():
        try:
            line.decode()
        except UnicodeDecodeError:
            return False
    return True


class TypedLines:
    """Reads the lines of one catalog's events into structs, and writes their rows."""

    def __init__(
        self, event_paths: Sequence[paths.Path], events: Iterable[Event], shapers: Mapping[str, Shaper]
    ) -> None:
        """Make structs for the events that can have them; those without a shaper are only told."""
        self._events: dict[type, _TypedEvent] = {}
        event_key = str(event_paths[0][0])
        taken = list(events) if tuple(event_paths) == ((event_key,),) else []
        conditional = {event_type for event in taken if event.when for event_type in event.event_types}
        for event in taken:
            for event_type in event.event_types:
                if event_type in conditional:
                    continue
                typed = _typed_event(event, event_type, event_key, shapers.get(event.name))
                if typed is not None:
                    self._events[typed.document] = typed
        union: Any = None
        for document in self._events:
            union = document if union is None else union | document
        self._decode: Callable[[Any], Any] = (
            msgspec.json.Decoder(union, float_hook=Decimal).decode if self._events else _none
        )

    def block(
        self,
        object_id: str,
        lines: Sequence[object],
        before: int,
        write: Callable[[str, bytes | None, int], None],
    ) -> list[int]:
        """Write the rows of the lines that are typed; return the indexes of the others, in order.

        `before` lines of the raw object come before the block. `write` takes an event, its rows, each with a line
        end, and how many these are; None in place of the rows of an event without a shaper.
        """
        decode, left = self._decode, []
        documents: dict[type, list[Any]] = {kind: [] for kind in self._events}
        add = {kind: some.append for kind, some in documents.items()}
        for index, line in enumerate(lines):
            try:
                document = decode(line)
            except _UNTYPED:
                left.append(index)
                continue
            if (
                line.isascii() and _BACKSLASH not in line and len(line) <= _LONG_LINE_BYTES  # type: ignore[attr-defined, operator, arg-type]
            ) or plain(line):  # type: ignore[arg-type]
                document.index = index
                add[type(document)](document)
            else:
                left.append(index)
        for kind, some in documents.items():
            if some:
                left += self._events[kind].write(some, object_id, before + 1, write)
        return sorted(left)


def _none(line: object) -> Any:
    raise ValueError(line)


@dataclass(frozen=True)
class _TypedEvent:
    """One event type's struct, and what makes rows of such documents."""

    name: str
    document: type
    rows: "_Rows | None"

    def write(
        self,
        documents: list[Any],
        object_id: str,
        first: int,
        write: Callable[[str, bytes | None, int], None],
    ) -> list[int]:
        """Write the rows of documents; return the indexes of those that can't be rows."""
        if self.rows is None:
            write(self.name, None, len(documents))
            return []
        made, left = self.rows(documents, object_id, first)
        encoded = _encode_lines(made)
        if len(encoded) * 2 > MAX_ROW_BYTES and max(map(len, encoded.split(b"\n"))) * 2 > MAX_ROW_BYTES:
            return [document.index for document in documents]
        if made:
            write(self.name, encoded, len(made))
        return left


@dataclass
class _Node:
    """What is read of an object: the columns that read it whole, and its members."""

    columns: list[Column] = field(default_factory=list)
    members: "dict[str, _Node]" = field(default_factory=dict)

    def put(self, column: Column, path: paths.Path) -> None:
        """Note what a column reads, by its path from here."""
        head = path[0] if path else None
        if isinstance(head, str) and _nameable(head):
            self.members.setdefault(head, _Node()).put(column, path[1:])
        else:
            self.columns.append(column)

    @property
    def is_object(self) -> bool:
        """Tell whether only members of it are read."""
        return bool(self.members) and not self.columns

    @property
    def below(self) -> list[Column]:
        """Return all columns that read it or something in it."""
        return [*self.columns, *(column for member in self.members.values() for column in member.below)]


def _nameable(key: str) -> bool:
    """Tell whether msgspec takes a key as a field's name in JSON."""
    return all(character.isprintable() and character not in '"\\' for character in key)


def _typed_event(event: Event, event_type: str, event_key: str, shaper: Shaper | None) -> _TypedEvent | None:
    """Return the typed form of an event; None where only whole documents will do."""
    tag = {"tag_field": event_key, "tag": event_type}
    if event.extra is not None or any(column.mask for column in event.columns):
        return None
    if shaper is None:
        return _TypedEvent(event.name, _struct([], tag), None)
    root = _Node()
    for column in event.columns:
        if column.constant is None:
            root.put(column, column.path)
    keyed = root.members.pop(event_key, _Node())
    if keyed.members or root.columns:
        return None
    try:
        # In each line of this struct the event key holds the event type.
        known = {column.name: shaper.field(column)[2](event_type) for column in keyed.columns}
    except BadValue:
        return None
    maker = _Maker(event, shaper, {**shaper.fixed, **known})
    document = maker.struct(root, (), tag)
    return _TypedEvent(event.name, document, maker.rows(root))


class _Maker:
    """Makes the structs of one event, and the code of the function that makes rows of them."""

    def __init__(self, event: Event, shaper: Shaper, known: Mapping[str, object]) -> None:
        """Begin with the values by column that are `known` before a line is read."""
        self._event = event
        self._shaper = shaper
        self._known = known
        self._names: dict[str, Any] = {
            "find": paths.find,
            "refused": _refused,
            "usual_time": usual_time,
            "unfit": (BadValue, RecursionError),
        }
        self._lines: list[str] = []
        self._values: dict[str, str] = {}

    def struct(self, node: _Node, path: paths.Path, tag: Mapping[str, Any]) -> type:
        """Return the struct for a node, with those of its members."""
        fields = []
        for number, (key, member) in enumerate(node.members.items()):
            inner = (*path, key)
            kind = self.struct(member, inner, {}) if member.is_object else _type(member, inner)
            required = any(column.required for column in member.below)
            fields.append((f"f{number}", key, kind if required else kind | None, required))
        made = _struct(sorted(fields, key=lambda one: not one[-1]), tag)
        self._names[_empty(path)] = made(*[None] * len(fields))
        return made

    def rows(self, root: _Node) -> _Rows:
        """Return the function that makes rows of documents."""
        self._read(root, (), "d")
        columns = self._columns()
        row = _struct(
            [(f"c{number}", name, Any, False) for number, name in enumerate(columns)], {}, omit_defaults=True
        )
        self._names |= {"Row": row, "batch": self._shaper.batch_id}
        source = [
            "def rows(documents, object_id, first):",
            "    made, left = [], []",
            "    add = made.append",
            "    for d in documents:",
            "        try:",
            *(f"            {line}" for line in self._lines),
            f"            add(Row({', '.join(columns.values())}))",
            "        except unfit:",
            f"            left.append(d.{_INDEX})",
            "    return made, left",
        ]
        exec("\n".join(source), self._names)  # noqa: S102 - of names and numbers made here; no key or value is in it
        return self._names["rows"]  # type: ignore[no-any-return]

    def _columns(self) -> dict[str, str]:
        """Return the expression for each column of the row, those known first."""
        known = {name: f"known{number}" for number, name in enumerate(self._known)}
        self._names |= dict(zip(known.values(), self._known.values(), strict=True))
        return {
            **known,
            **{
                column.name: self._values[column.name]
                for column in self._event.columns
                if column.name not in known
            },
            "_lr_object": "object_id",
            "_lr_line": f"first + d.{_INDEX}",
            "_lr_batch": "batch",
        }

    def _read(self, node: _Node, path: paths.Path, variable: str) -> None:
        """Write the lines that read the values of a node's members; the node is in a variable."""
        for number, (key, member) in enumerate(node.members.items()):
            inner = (*path, key)
            value = f"{variable}_{number}"
            if member.is_object:
                self._lines.append(f"{value} = {variable}.f{number} or {_empty(inner)}")
                self._read(member, inner, value)
            elif len(member.below) == 1:
                (column,) = member.below
                typed = _type(member, inner) is not Any
                self._convert(column, f"{variable}.f{number}", column.path[len(inner) :], typed=typed)
            else:
                self._lines.append(f"{value} = {variable}.f{number}")
                for column in member.below:
                    self._convert(column, value, column.path[len(inner) :], typed=False)

    def _convert(self, column: Column, value: str, rest: paths.Path, *, typed: bool) -> None:
        """Write the lines that make the column's value of what stands at the rest of its path in a value."""
        number = len(self._values)
        variable = self._values[column.name] = f"v{number}"
        _, _, convert, required, default = self._shaper.field(column)
        self._names |= {f"convert{number}": convert, f"default{number}": default, f"path{number}": rest}
        if len(rest) == 1 and isinstance(rest[0], int):
            # An element of an array.
            self._lines.append(f"{variable} = {value}")
            value = (
                f"{variable}[{rest[0]}] if type({variable}) is list and len({variable}) > {rest[0]} else None"
            )
        elif rest:
            value = f"find({value}, path{number})"
        self._lines.append(f"{variable} = {value}")
        fits = _fits(column, variable, typed=typed)
        converted = f"{variable} = convert{number}({variable})"
        if typed and column.type.name == "timestamp":
            converted = f"{variable} = usual_time({variable}) or convert{number}({variable})"
        if required and typed:
            # It is no struct of this event without it.
            self._lines += [f"if not ({fits}): {converted}"] * (fits != "True")
        elif required:
            self._lines += [f"if {variable} is None: refused()", f"elif not ({fits}): {converted}"]
        elif default is not None:
            self._lines += [
                f"if {variable} is None: {variable} = default{number}",
                f"elif not ({fits}): {converted}",
            ]
        elif fits != "True":
            self._lines.append(f"if {variable} is not None and not ({fits}): {converted}")


def _type(node: _Node, path: paths.Path) -> Any:
    """Return the type that a value has as it stands in nearly all lines; Any where it is converted."""
    if node.members or len(node.columns) != 1 or node.columns[0].path != path:
        return Any
    column = node.columns[0]
    if column.type.name in INTEGER_RANGES:
        low, high = _exact_range(column)
        return Annotated[int, msgspec.Meta(ge=low, le=high)]
    if column.type.name == "timestamp" and column.time_format == "iso":
        return str
    if column.type.name in ("varchar", "char") and not column.grow_to:
        return Annotated[str, msgspec.Meta(max_length=column.type.length)]
    # Not floats: a double does not tell that a number was too small for it.
    return bool if column.type.name == "boolean" else Any


def _fits(column: Column, variable: str, *, typed: bool) -> str:
    """Return the expression that holds for a value, of `_type` if it is typed, that needs no conversion."""
    if column.type.name in INTEGER_RANGES and not typed:
        low, high = _exact_range(column)
        return f"type({variable}) is int and {low} <= {variable} <= {high}"
    if not typed:
        return "False"
    if column.type.name in ("varchar", "char"):
        # A character takes four bytes of UTF-8 at most.
        short = f" or len({variable}) <= {column.type.length // 4}" if column.type.name == "varchar" else ""
        return f"{variable}.isascii(){short}"
    return "False" if column.type.name == "timestamp" else "True"


def _exact_range(column: Column) -> tuple[int, int]:
    low, high = INTEGER_RANGES[column.type.name]
    return max(low, -EXACT_IN_DOUBLE), min(high, EXACT_IN_DOUBLE)


def _empty(path: paths.Path) -> str:
    return "empty_" + "_".join(part.encode().hex() for part in path if isinstance(part, str))


def _struct(
    fields: Iterable[tuple[str, str, Any, bool]], tag: Mapping[str, Any], *, omit_defaults: bool = False
) -> type:
    """Return a struct of (name, key in JSON, type, whether it is required)."""
    made = list(fields)
    return msgspec.defstruct(
        "Document",
        [
            *((name, kind) if required else (name, kind, None) for name, _, kind, required in made),
            *([(_INDEX, Any, None)] if tag else []),
        ],
        rename={name: key for name, key, _, _ in made} | {_INDEX: _INDEX_KEY},
        gc=False,
        kw_only=False,
        omit_defaults=omit_defaults,
        **tag,
    )


def _refused() -> object:
    raise BadValue("missing_required", "a value that is required is missing")
