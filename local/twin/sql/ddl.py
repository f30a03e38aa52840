"""CREATE TABLE and ALTER TABLE: Redshift's attributes are checked, remembered and taken out."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from local.twin.errors import TwinError, not_in_twin, not_supported, syntax_error
from local.twin.sql.expressions import rewrite
from local.twin.sql.tokens import Cursor, Kind, Token, quoted, render, split_list
from local.twin.sql.types import ColumnType, read_type
from local.twin.sql.words import RESERVED

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_COLUMNS = 1600
_MAX_SORT_KEYS = 400
_NUMBERS = frozenset({"integer", "decimal"})
_EVERYTHING = frozenset(
    {"integer", "decimal", "float", "boolean", "date", "moment", "char", "varchar", "super"}
)
# AWS, "Compression encodings": which types each one takes.
_ENCODINGS = {
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
    "auto": _EVERYTHING,
}
_AFTER_DEFAULT = (
    "encode", "distkey", "sortkey", "not", "null", "unique", "primary", "references", "identity", "generated",
    "collate",
)  # fmt: skip


@dataclasses.dataclass
class TableAttributes:
    """What Redshift knows of a table and PostgreSQL does not."""

    diststyle: str = ""
    distkey: str = ""
    sortkeys: list[str] = dataclasses.field(default_factory=list)
    encodings: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Definition:
    """A CREATE TABLE or ALTER TABLE in PostgreSQL's words, with what has to be done beside it."""

    table: tuple[str, ...]
    sql: str
    attributes: TableAttributes
    domains: set[tuple[str, int]]
    tag: str = "CREATE TABLE"


@dataclasses.dataclass
class _Column:
    name: str
    type: ColumnType
    default: list[Token]
    not_null: bool
    identity: str

    def sql(self) -> str:
        text = f"{quoted([self.name])} {self.type.postgres}"
        if self.identity:
            text += self.identity
        if self.default:
            text += f" DEFAULT {render(rewrite(self.default))}"
        return text + (" NOT NULL" if self.not_null else "")


def column_name(cursor: Cursor) -> str:
    """Read a column's or table's name; a reserved word must be quoted."""
    token = cursor.next
    if token.kind is Kind.WORD and token.value in RESERVED:
        raise syntax_error(token.text)
    return cursor.expect_name()


def create_table(tokens: Sequence[Token]) -> Definition:
    """Return the definition for a whole CREATE TABLE statement."""
    cursor = Cursor(tokens)
    cursor.expect_word("create")
    cursor.words("local")
    temporary = cursor.words("temp") or cursor.words("temporary")
    cursor.expect_word("table")
    unless_there = cursor.words("if", "not", "exists")
    parts = [column_name(cursor)]
    while cursor.operators("."):
        parts.append(column_name(cursor))
    head = f"CREATE {'TEMP ' if temporary else ''}TABLE {'IF NOT EXISTS ' if unless_there else ''}{quoted(parts)}"
    attributes = TableAttributes()
    if cursor.next.is_operator("(") and not _is_select(cursor):
        columns, elements = _elements(cursor.in_brackets(), attributes)
        _read_table_attributes(cursor, attributes)
        _check_keys(attributes, {c.name: c.type for c in columns} if columns else None)
        if not cursor.done:
            raise syntax_error(cursor.next.text)
        domains = {c.type.domain for c in columns if c.type.domain}
        return Definition(tuple(parts), f"{head} ({', '.join(elements)})", attributes, domains)
    names = ""
    if cursor.next.is_operator("("):
        names = f" ({render(cursor.in_brackets())})"
    _read_table_attributes(cursor, attributes)
    cursor.expect_word("as")
    query = render(rewrite(tokens[cursor.at :]))
    return Definition(tuple(parts), f"{head}{names} AS {query}", attributes, set(), "SELECT")


def _is_select(cursor: Cursor) -> bool:
    """Return whether brackets hold only column names: CREATE TABLE t (a, b) AS SELECT ..."""
    place = cursor.at
    inner = cursor.in_brackets()
    cursor.at = place
    return all(len(part) == 1 for part in split_list(inner))


def _elements(tokens: Sequence[Token], attributes: TableAttributes) -> tuple[list[_Column], list[str]]:
    columns: list[_Column] = []
    elements: list[str] = []
    for part in split_list(tokens):
        cursor = Cursor(part)
        if cursor.next.is_word("like"):
            elements.append(_like(cursor))
        elif cursor.next.is_word("primary", "unique", "foreign", "constraint", "check", "exclude"):
            _table_constraint(cursor)
        else:
            columns.append(_column(cursor, attributes))
            elements.append(columns[-1].sql())
        if not cursor.done:
            raise syntax_error(cursor.next.text)
    names = [column.name for column in columns]
    for name in names:
        if names.count(name) > 1:
            raise TwinError(f'column "{name}" duplicated', code="42701")
    if len(names) > MAX_COLUMNS:
        raise TwinError(f"tables can have at most {MAX_COLUMNS} columns", code="54011")
    return columns, elements


def _like(cursor: Cursor) -> str:
    cursor.expect_word("like")
    text = f"LIKE {quoted(cursor.qualified_name())}"
    if cursor.words("including", "defaults"):
        return f"{text} INCLUDING DEFAULTS"
    cursor.words("excluding", "defaults")
    return text


def _table_constraint(cursor: Cursor) -> None:
    if cursor.words("constraint"):
        cursor.expect_name()
    if cursor.next.is_word("check", "exclude"):
        raise not_supported(f"A {cursor.next.value.upper()} constraint")
    if cursor.words("unique") or cursor.words("primary", "key"):
        cursor.in_brackets()
        return
    cursor.expect_word("foreign")
    cursor.expect_word("key")
    cursor.in_brackets()
    cursor.expect_word("references")
    _reference(cursor)


def _reference(cursor: Cursor) -> None:
    cursor.qualified_name()
    if cursor.next.is_operator("("):
        cursor.in_brackets()


def _column(cursor: Cursor, attributes: TableAttributes) -> _Column:
    name = column_name(cursor)
    column = _Column(name, read_type(cursor), [], not_null=False, identity="")
    while not cursor.done:
        if not (_value_attribute(cursor, column) or _storage_attribute(cursor, column, attributes)):
            raise syntax_error(cursor.next.text)
    return column


def _value_attribute(cursor: Cursor, column: _Column) -> bool:
    """Read an attribute that says what values the column holds, if one comes next."""
    if cursor.words("default"):
        column.default = _default(cursor)
    elif cursor.words("not", "null") or cursor.words("primary", "key"):
        column.not_null = True
    elif cursor.words("identity"):
        column.identity = _identity(cursor, "ALWAYS")
    elif cursor.words("generated", "by", "default", "as", "identity"):
        column.identity = _identity(cursor, "BY DEFAULT")
    elif cursor.words("references"):
        _reference(cursor)
    elif cursor.next.is_word("check", "generated"):
        raise not_supported(f"{cursor.next.value.upper()} in a column")
    elif cursor.next.is_word("collate"):
        raise not_in_twin("COLLATE in a column")
    else:
        return cursor.words("null") or cursor.words("unique")
    return True


def _storage_attribute(cursor: Cursor, column: _Column, attributes: TableAttributes) -> bool:
    """Read an attribute that says how Redshift stores the column, if one comes next."""
    if cursor.words("encode"):
        attributes.encodings[column.name] = _encoding(cursor, column)
    elif cursor.words("distkey"):
        _set_distkey(attributes, column.name)
    elif cursor.words("sortkey"):
        attributes.sortkeys.append(column.name)
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
    return tokens


def _encoding(cursor: Cursor, column: _Column) -> str:
    name = cursor.expect_name()
    if name not in _ENCODINGS:
        raise syntax_error(name)
    if column.type.family not in _ENCODINGS[name]:
        raise TwinError(
            f'invalid encoding type specified for column "{column.name}"',
            code="42P16",
            detail=f"ENCODE {name.upper()} does not fit the type {column.type.family}.",
        )
    return name


def _identity(cursor: Cursor, kind: str) -> str:
    seed, _, step = (token.value for token in cursor.in_brackets())
    return f" GENERATED {kind} AS IDENTITY (START {int(seed)} INCREMENT {int(step)} MINVALUE {min(int(seed), 1)})"


def _set_distkey(attributes: TableAttributes, name: str) -> None:
    if attributes.distkey:
        raise TwinError("multiple distribution keys specified", code="42P16")
    attributes.distkey = name


def _read_table_attributes(cursor: Cursor, attributes: TableAttributes) -> None:
    while not cursor.done and not cursor.next.is_word("as"):
        if cursor.words("diststyle"):
            if attributes.diststyle:
                raise syntax_error("diststyle")
            attributes.diststyle = cursor.expect_word("even", "key", "all", "auto").value
        elif cursor.words("distkey"):
            inner = Cursor(cursor.in_brackets())
            _set_distkey(attributes, inner.expect_name())
        elif cursor.words("backup"):
            cursor.expect_word("yes", "no")
        elif cursor.words("encode"):
            cursor.expect_word("auto")
        else:
            _sort_key(cursor, attributes)


def _sort_key(cursor: Cursor, attributes: TableAttributes) -> None:
    if attributes.sortkeys:
        raise TwinError("sortkey specified more than once", code="42P16")
    kind = "compound" if cursor.words("compound") else "interleaved" if cursor.words("interleaved") else ""
    if not cursor.words("sortkey"):
        raise syntax_error(cursor.next.text)
    if not kind and cursor.words("auto"):
        return
    for part in split_list(cursor.in_brackets()):
        inner = Cursor(part)
        attributes.sortkeys.append(inner.expect_name())
        if not inner.done:
            raise syntax_error(inner.next.text)
    most = 8 if kind == "interleaved" else _MAX_SORT_KEYS
    if not 1 <= len(attributes.sortkeys) <= most:
        raise TwinError(f"a sort key has 1 to {most} columns", code="42P16")


def _check_keys(attributes: TableAttributes, types: dict[str, ColumnType] | None) -> None:
    if attributes.diststyle == "key" and not attributes.distkey:
        raise TwinError("DISTSTYLE KEY requires a DISTKEY column", code="42P16")
    if attributes.distkey and attributes.diststyle in {"even", "all", "auto"}:
        raise TwinError(f"DISTKEY can't be used with DISTSTYLE {attributes.diststyle.upper()}", code="42P16")
    for role, names in (("dist", [attributes.distkey]), ("sort", attributes.sortkeys)):
        for name in filter(None, names):
            if types is None:
                continue
            if name not in types:
                raise TwinError(f'column "{name}" named in key does not exist', code="42703")
            if types[name].family == "super":
                raise TwinError(f'SUPER column "{name}" can\'t be a {role} key', code="42P16")
    if len(set(attributes.sortkeys)) < len(attributes.sortkeys):
        raise TwinError("a column stands twice in the sort key", code="42P16")


@dataclasses.dataclass
class Alteration:
    """An ALTER TABLE in PostgreSQL's words."""

    definition: Definition
    resized: str = ""


def alter_table(tokens: Sequence[Token]) -> Alteration:
    """Return an ALTER TABLE's definition; `resized` names the VARCHAR column whose size changes."""
    cursor = Cursor(tokens)
    cursor.expect_word("alter")
    cursor.expect_word("table")
    table = cursor.qualified_name()
    head = f"ALTER TABLE {quoted(table)}"
    attributes = TableAttributes()

    def made(sql: str, *types: ColumnType) -> Definition:
        if cursor.operators(","):
            raise TwinError("ALTER TABLE takes one action in a statement", code="42601")
        if not cursor.done:
            raise syntax_error(cursor.next.text)
        return Definition(table, f"{head} {sql}", attributes, {t.domain for t in types if t.domain})

    if cursor.words("add"):
        return Alteration(_add_column(cursor, attributes, made))
    if cursor.words("drop"):
        cursor.words("column")
        name = column_name(cursor)
        suffix = " CASCADE" if cursor.words("cascade") else ""
        cursor.words("restrict")
        return Alteration(made(f"DROP COLUMN {quoted([name])}{suffix}"))
    if cursor.words("rename"):
        return Alteration(_rename(cursor, made))
    if cursor.words("owner", "to"):
        return Alteration(made(f"OWNER TO {quoted([cursor.expect_name()])}"))
    if cursor.words("append"):
        raise not_in_twin("ALTER TABLE APPEND")
    if not cursor.words("alter"):
        raise syntax_error(cursor.next.text)
    return _resize(cursor, made)


def _add_column(cursor: Cursor, attributes: TableAttributes, made: _Made) -> Definition:
    if cursor.next.is_word("primary", "unique", "foreign", "constraint", "check"):
        _table_constraint(cursor)
        # keys are never enforced: there is nothing to do, but the table must exist
        return made("SET (fillfactor = 100)")
    cursor.words("column")
    if cursor.next.is_word("if"):
        raise not_supported("ADD COLUMN IF NOT EXISTS")
    rest = split_list(cursor.tokens[cursor.at :])
    if len(rest) > 1:
        raise TwinError(
            "ALTER TABLE adds one column in a statement", code="42601", detail="Redshift takes one."
        )
    column = _column(cursor, attributes)
    if column.not_null and not column.default:
        raise TwinError("ALTER TABLE ADD COLUMN defined as NOT NULL must have a non-null default expression")
    if column.identity:
        raise not_supported("Adding an IDENTITY column")
    if attributes.distkey or attributes.sortkeys:
        raise syntax_error("distkey" if attributes.distkey else "sortkey")
    return made(f"ADD COLUMN {column.sql()}", column.type)


def _rename(cursor: Cursor, made: _Made) -> Definition:
    if cursor.words("to"):
        return made(f"RENAME TO {quoted([column_name(cursor)])}")
    cursor.words("column")
    old = column_name(cursor)
    cursor.expect_word("to")
    return made(f"RENAME COLUMN {quoted([old])} TO {quoted([column_name(cursor)])}")


def _resize(cursor: Cursor, made: _Made) -> Alteration:
    if cursor.next.is_word("sortkey", "distkey", "diststyle", "compound", "encode"):
        raise not_in_twin(f"ALTER TABLE ALTER {cursor.next.value.upper()}")
    cursor.words("column")
    name = column_name(cursor)
    if cursor.next.is_word("encode"):
        raise not_in_twin("ALTER COLUMN ENCODE")
    cursor.expect_word("type")
    new = read_type(cursor)
    if new.family != "varchar":
        raise TwinError(
            f'cannot alter type of column "{name}": only the size of a VARCHAR can change', code="0A000"
        )
    return Alteration(made(f"ALTER COLUMN {quoted([name])} TYPE {new.postgres}", new), name)


if TYPE_CHECKING:
    from typing import Protocol

    class _Made(Protocol):
        def __call__(self, sql: str, *types: ColumnType) -> Definition: ...
