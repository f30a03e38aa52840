"""Columns of CREATE and ALTER TABLE: types, defaults, identities, encodings, keys."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from local.twin.errors import TwinError, not_in_twin, not_supported, syntax_error
from local.twin.sql.statements import rewrite_value
from local.twin.sql.tokens import Cursor, Kind, Token, quoted, render, split_list
from local.twin.sql.types import ColumnType, read_type
from local.twin.sql.words import RESERVED

if TYPE_CHECKING:
    from collections.abc import Sequence

_NUMBERS = frozenset({"integer", "decimal"})
_EVERYTHING = frozenset(
    {"integer", "decimal", "float", "boolean", "date", "moment", "char", "varchar", "super"}
)
# AWS, "Compression encodings": which families of types each one takes.
ENCODINGS = {
    "raw": _EVERYTHING,
    "zstd": _EVERYTHING,
    "az64": _NUMBERS | {"date", "moment"},
    "bytedict": _EVERYTHING - {"boolean", "super"},
    "delta": _NUMBERS | {"date", "moment"},
    "delta32k": _NUMBERS | {"date", "moment"},
    "lzo": _EVERYTHING - {"boolean", "float"},
    "mostly8": _NUMBERS,
    "mostly16": _NUMBERS,
    "mostly32": _NUMBERS,
    "runlength": _EVERYTHING - {"super"},
    "text255": frozenset({"varchar"}),
    "text32k": frozenset({"varchar"}),
}
# AWS, "Unsupported PostgreSQL data types": Redshift knows their names; later ones are no types at all.
_POSTGRES_TYPES = (
    "serial", "bigserial", "serial4", "serial8", "bytea", "money", "inet", "cidr", "macaddr", "bit", "point", "line",
    "lseg", "box", "path", "polygon", "circle",
)  # fmt: skip
_AFTER_DEFAULT = (
    "encode", "distkey", "sortkey", "not", "null", "unique", "primary", "references", "identity", "generated",
    "collate",
)  # fmt: skip


@dataclasses.dataclass
class Storage:
    """How Redshift keeps a table: what PostgreSQL knows nothing of."""

    diststyle: str = ""
    distkey: str = ""
    sortkeys: list[str] = dataclasses.field(default_factory=list)
    sortstyle: str = ""
    encodings: dict[str, str] = dataclasses.field(default_factory=dict)
    encode_auto: bool = False
    backup: bool | None = None

    @property
    def declared(self) -> bool:
        """Whether the statement says anything about it."""
        return self != Storage()


@dataclasses.dataclass(frozen=True)
class Key:
    """A primary, unique or foreign key (`p`, `u`, `f`): remembered, never enforced."""

    kind: str
    columns: tuple[str, ...]
    name: str = ""
    target: tuple[str, ...] = ()
    target_columns: tuple[str, ...] = ()


@dataclasses.dataclass
class Column:
    """One column as declared."""

    name: str
    type: ColumnType
    default: list[Token] = dataclasses.field(default_factory=list)
    not_null: bool = False
    identity: str = ""
    encoding: str = ""
    distkey: bool = False
    sortkey: bool = False
    keys: list[Key] = dataclasses.field(default_factory=list)

    def sql(self) -> str:
        """Return the column's declaration for PostgreSQL."""
        text = f"{quoted([self.name])} {self.type.postgres}{self.identity}"
        if self.default:
            text += f" DEFAULT {render(rewrite_value(self.default))}"
        return text + (" NOT NULL" if self.not_null else "")


def new_name(cursor: Cursor) -> str:
    """Read a column's or table's name; a reserved word must be quoted."""
    token = cursor.next
    if token.kind is Kind.WORD and token.value in RESERVED:
        raise syntax_error(token.text)
    return cursor.expect_name()


def new_qualified_name(cursor: Cursor) -> tuple[str, ...]:
    """Read the name of a new table or view with its qualifying names, outermost first."""
    parts = [new_name(cursor)]
    while cursor.operators("."):
        parts.append(new_name(cursor))
    return tuple(parts)


def names_in_brackets(cursor: Cursor) -> tuple[str, ...]:
    """Read a list of names in brackets."""
    found = []
    for part in split_list(cursor.in_brackets()):
        inner = Cursor(part)
        found.append(inner.expect_name())
        inner.expect_end()
    if not found:
        raise syntax_error(")")
    return tuple(found)


def read_column(cursor: Cursor, table: str) -> Column:
    """Read the declaration of a table's column up to the cursor's end."""
    name = new_name(cursor)
    if cursor.next.is_word(*_POSTGRES_TYPES):
        kind = cursor.next.value
        raise TwinError(f'Column "{table}.{name}" has unsupported type "{kind}".', code="0A000")
    column = Column(name, read_type(cursor))
    while not cursor.done:
        if not (_value_attribute(cursor, column) or _storage_attribute(cursor, column)):
            raise syntax_error(cursor.next.text)
    if column.identity and column.default:
        raise TwinError(f'both default and identity specified for column "{name}"', code="42601")
    return column


def _value_attribute(cursor: Cursor, column: Column) -> bool:
    """Read an attribute that says what values the column holds, if one comes next."""
    if cursor.words("default"):
        column.default = _default(cursor)
    elif cursor.words("not", "null"):
        column.not_null = True
    elif cursor.words("identity"):
        _set_identity(cursor, column, "ALWAYS")
    elif cursor.words("generated", "by", "default", "as", "identity"):
        _set_identity(cursor, column, "BY DEFAULT")
    elif cursor.words("collate"):
        # strings compare case-sensitively unless told otherwise
        if cursor.expect_word("case_sensitive", "case_insensitive").value == "case_insensitive":
            raise not_in_twin("COLLATE CASE_INSENSITIVE")
    elif cursor.next.is_word("check", "generated"):
        raise not_supported(f"{cursor.next.value.upper()} in a column")
    else:
        return _key_attribute(cursor, column) or cursor.words("null")
    return True


def _key_attribute(cursor: Cursor, column: Column) -> bool:
    if cursor.words("primary", "key"):
        column.not_null = True
        column.keys.append(Key("p", (column.name,)))
    elif cursor.words("unique"):
        column.keys.append(Key("u", (column.name,)))
    elif cursor.words("references"):
        column.keys.append(_reference(cursor, (column.name,), ""))
    else:
        return False
    return True


def _storage_attribute(cursor: Cursor, column: Column) -> bool:
    """Read an attribute that says how Redshift stores the column, if one comes next."""
    if cursor.words("encode"):
        column.encoding = read_encoding(cursor)
        check_encoding(column.name, column.type, column.encoding)
    elif cursor.words("distkey"):
        column.distkey = True
    elif cursor.words("sortkey"):
        column.sortkey = True
    else:
        return False
    return True


def _default(cursor: Cursor) -> list[Token]:
    tokens: list[Token] = []
    depth = 0
    while not cursor.done:
        token = cursor.next
        depth += token.is_operator("(") - token.is_operator(")")
        # DEFAULT NULL is a value, NULL after a value an attribute
        if tokens and not depth and token.is_word(*_AFTER_DEFAULT):
            break
        tokens.append(cursor.take())
    if not tokens:
        raise syntax_error("end of input")
    if any(token.is_word("select") for token in tokens):
        raise TwinError("cannot use subquery in default expression", code="0A000")
    return tokens


def _set_identity(cursor: Cursor, column: Column, kind: str) -> None:
    if column.type.postgres not in {"integer", "bigint"}:
        raise TwinError(
            f'identity column "{column.name}" must be of type INT or BIGINT, not {column.type.family}',
            code="42804",
        )
    seed, step = (_signed(part) for part in _pair(cursor))
    least, most = (-(2**63), 2**63 - 1)
    if column.type.postgres == "integer":
        least, most = -(2**31), 2**31 - 1
    if not step:
        raise TwinError("the step of an identity column must not be zero", code="22023")
    column.not_null = True
    column.identity = (
        f" GENERATED {kind} AS IDENTITY (START {seed} INCREMENT {step} MINVALUE {least} MAXVALUE {most})"
    )


def _pair(cursor: Cursor) -> list[list[Token]]:
    parts = split_list(cursor.in_brackets())
    if len(parts) != 2:  # noqa: PLR2004 - seed and step
        raise syntax_error(")")
    return parts


def _signed(tokens: Sequence[Token]) -> int:
    text = "".join(token.text for token in tokens)
    if not text.removeprefix("-").isdecimal():
        raise syntax_error(text)
    return int(text)


def read_encoding(cursor: Cursor) -> str:
    """Read an encoding's name."""
    name = cursor.expect_name()
    if name not in ENCODINGS:
        raise syntax_error(name)
    return name


def check_encoding(column: str, kind: ColumnType, encoding: str) -> None:
    """Raise when the encoding can't hold the column's type."""
    if kind.family not in ENCODINGS[encoding]:
        raise TwinError(
            f'invalid encoding type specified for column "{column}"',
            code="42P16",
            detail=f"ENCODE {encoding.upper()} does not fit the type {kind.family}.",
        )


def table_key(cursor: Cursor) -> Key:
    """Read a table's constraint."""
    name = cursor.expect_name() if cursor.words("constraint") else ""
    if cursor.next.is_word("check", "exclude"):
        raise not_supported(f"A {cursor.next.value.upper()} constraint")
    if cursor.words("unique"):
        return Key("u", names_in_brackets(cursor), name)
    if cursor.words("primary", "key"):
        return Key("p", names_in_brackets(cursor), name)
    cursor.expect_words("foreign", "key")
    columns = names_in_brackets(cursor)
    cursor.expect_word("references")
    return _reference(cursor, columns, name)


def _reference(cursor: Cursor, columns: tuple[str, ...], name: str) -> Key:
    target = cursor.qualified_name()
    named = names_in_brackets(cursor) if cursor.next.is_operator("(") else ()
    return Key("f", columns, name, target, named)
