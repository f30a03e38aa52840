"""CREATE TABLE: Redshift's attributes are checked, remembered and taken out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from local.twin.errors import TwinError, not_supported, syntax_error
from local.twin.sql.changes import Change, regclass, text_array
from local.twin.sql.columns import (
    Column,
    Key,
    Storage,
    names_in_brackets,
    new_qualified_name,
    read_column,
    table_key,
)
from local.twin.sql.tokens import Cursor, literal, quoted, render, split_list

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from local.twin.sql.tokens import Token
    from local.twin.sql.types import ColumnType

    Query = Callable[[Sequence[Token]], str]

MAX_COLUMNS = 1600
_MAX_SORT_KEYS = 400
_MAX_INTERLEAVED = 8


def create_table(tokens: Sequence[Token], query: Query) -> Change:
    """Return the change for a whole CREATE TABLE statement; `query` puts a SELECT into PostgreSQL's words."""
    cursor = Cursor(tokens)
    cursor.expect_word("create")
    temporary = _temporary(cursor)
    cursor.expect_word("table")
    unless_there = cursor.words("if", "not", "exists")
    table = new_qualified_name(cursor)
    if table[-1].startswith("#"):
        temporary = True
    if temporary and len(table) > 1:
        raise TwinError("cannot create temporary relation in non-temporary schema", code="42P16")
    head = f"CREATE {'TEMP ' if temporary else ''}TABLE {'IF NOT EXISTS ' if unless_there else ''}{quoted(table)}"
    where = made_name(table, temporary=temporary)
    if cursor.next.is_operator("(") and not _names_only(cursor):
        change = _declared(cursor, table[-1], head, where)
        return Change(change.statements, "CREATE TABLE", change.domains, where if unless_there else "")
    if unless_there:
        # CREATE TABLE AS has no IF NOT EXISTS
        raise syntax_error((cursor.next if cursor.next.text else tokens[-1]).text)
    return _from_query(cursor, head, where, query)


def _temporary(cursor: Cursor) -> bool:
    local = cursor.words("local")
    if cursor.words("temp") or cursor.words("temporary"):
        return True
    if local:
        raise syntax_error(cursor.next.text)
    return False


def made_name(table: Sequence[str], *, temporary: bool) -> str:
    """Return SQL for the name under which a new relation is made, whatever the search path holds besides."""
    if temporary:
        return literal("pg_temp." + quoted(table))
    if len(table) > 1:
        return literal(quoted(table))
    return f"concat(quote_ident(current_schema()), '.', {literal(quoted(table))})"


def _names_only(cursor: Cursor) -> bool:
    """Return whether brackets hold only column names: CREATE TABLE t (a, b) AS SELECT ..."""
    place = cursor.at
    inner = cursor.in_brackets()
    cursor.at = place
    return all(len(part) == 1 for part in split_list(inner))


def _declared(cursor: Cursor, table: str, head: str, where: str) -> Change:
    columns, keys, parents = _elements(cursor.in_brackets(), table)
    storage = _storage(columns)
    read_storage(cursor, storage)
    cursor.expect_end()
    if parents and storage.declared:
        raise TwinError("table attributes can't be specified with CREATE TABLE LIKE", code="0A000")
    _check_keys(storage, {} if parents else {column.name: column.type for column in columns})
    key_columns = {name for key in keys if key.kind == "p" for name in key.columns}
    for column in columns:
        column.not_null |= column.name in key_columns
    bodies = [column.sql() for column in columns] + [body for _, body in parents]
    made = f"to_regclass({where})"
    statements = [f"{head} ({', '.join(bodies)})"]
    statements += [f"SELECT twin.keep_like({made}, {regclass(parent)})" for parent, _ in parents]
    if not parents:
        statements.append(_keep(made, storage))
    statements += [add_key(made, key) for key in keys]
    domains = frozenset(column.type.domain for column in columns if column.type.domain)
    return Change(tuple(statements), "CREATE TABLE", domains)


def _from_query(cursor: Cursor, head: str, where: str, query: Query) -> Change:
    names = f" ({quoted_list(names_in_brackets(cursor))})" if cursor.next.is_operator("(") else ""
    storage = Storage()
    read_storage(cursor, storage)
    if storage.encode_auto:
        raise syntax_error("encode")
    _check_keys(storage, {})
    if not cursor.next.is_word("as"):
        raise syntax_error(cursor.next.text or "end of input")
    cursor.take()
    body = query(cursor.tokens[cursor.at :])
    made = f"to_regclass({where})"
    return Change((f"{head}{names} AS {body}", _keep(made, storage)), "SELECT", settled=where)


def quoted_list(names: Sequence[str]) -> str:
    """Return names, quoted, with commas between them."""
    return ", ".join(quoted([name]) for name in names)


def _keep(made: str, storage: Storage) -> str:
    style = storage.diststyle or ("key" if storage.distkey else "auto")
    sortstyle = storage.sortstyle or ("compound" if storage.sortkeys else "none")
    values = [
        made, literal(style), literal(storage.distkey), literal(sortstyle), text_array(storage.sortkeys),
        literal(json.dumps(storage.encodings)), str(storage.encode_auto or not storage.encodings),
        str(storage.backup is not False),
    ]  # fmt: skip
    return f"SELECT twin.keep_table({', '.join(values)})"


def add_key(table: str, key: Key) -> str:
    """Return the statement that remembers a constraint of a table (an SQL expression)."""
    name = literal(key.name) if key.name else "NULL"
    target = regclass(key.target) if key.target else "NULL"
    return (
        f"SELECT twin.add_key({table}, {name}, '{key.kind}', {text_array(key.columns)}, {target},"
        f" {text_array(key.target_columns)})"
    )


def _elements(
    tokens: Sequence[Token], table: str
) -> tuple[list[Column], list[Key], list[tuple[tuple[str, ...], str]]]:
    """Return a table's columns, its keys, and the tables it is LIKE with PostgreSQL's clause for them."""
    columns: list[Column] = []
    keys: list[Key] = []
    parents: list[tuple[tuple[str, ...], str]] = []
    for part in split_list(tokens):
        cursor = Cursor(part)
        if cursor.next.is_word("like"):
            parents.append(_like(cursor))
        elif cursor.next.is_word("primary", "unique", "foreign", "constraint", "check", "exclude"):
            keys.append(table_key(cursor))
        else:
            columns.append(read_column(cursor, table))
            keys += columns[-1].keys
        cursor.expect_end()
    names = [column.name for column in columns]
    for name in names:
        if names.count(name) > 1:
            raise TwinError(f'column "{name}" duplicated', code="42701")
    if len(names) > MAX_COLUMNS:
        raise TwinError(f"tables can have at most {MAX_COLUMNS} columns", code="54011")
    return columns, keys, parents


def _like(cursor: Cursor) -> tuple[tuple[str, ...], str]:
    cursor.expect_word("like")
    parent = cursor.qualified_name()
    text = f"LIKE {quoted(parent)}"
    if cursor.words("including", "defaults"):
        text += " INCLUDING DEFAULTS"
    elif not cursor.words("excluding", "defaults") and cursor.next.is_word("including", "excluding"):
        raise not_supported(f"LIKE ... {render(cursor.tokens[cursor.at :]).upper()}")
    return parent, text


def _storage(columns: Sequence[Column]) -> Storage:
    """Return what the columns say of the table's storage."""
    storage = Storage()
    for column in columns:
        if column.encoding:
            storage.encodings[column.name] = column.encoding
        if column.distkey:
            _set_distkey(storage, column.name)
        if column.sortkey:
            if storage.sortkeys:
                raise TwinError("sortkey specified more than once", code="42P16")
            storage.sortkeys.append(column.name)
    return storage


def _set_distkey(storage: Storage, name: str) -> None:
    if storage.distkey:
        raise TwinError("multiple distribution keys specified", code="42P16")
    storage.distkey = name


def read_storage(cursor: Cursor, storage: Storage) -> None:
    """Read table attributes up to the end or to AS."""
    while not cursor.done and not cursor.next.is_word("as"):
        if cursor.words("diststyle"):
            if storage.diststyle:
                raise syntax_error("diststyle")
            storage.diststyle = cursor.expect_word("even", "key", "all", "auto").value
        elif cursor.words("distkey"):
            (name,) = one_name(cursor)
            _set_distkey(storage, name)
        elif cursor.words("backup"):
            if storage.backup is not None:
                raise syntax_error("backup")
            storage.backup = cursor.expect_word("yes", "no").value == "yes"
        elif cursor.words("encode"):
            cursor.expect_word("auto")
            storage.encode_auto = True
        else:
            read_sort_key(cursor, storage)


def one_name(cursor: Cursor) -> tuple[str]:
    """Read exactly one name in brackets."""
    names = names_in_brackets(cursor)
    if len(names) != 1:
        raise syntax_error(",")
    return (names[0],)


def read_sort_key(cursor: Cursor, storage: Storage) -> None:
    """Read [COMPOUND | INTERLEAVED] SORTKEY (...) or SORTKEY AUTO."""
    if storage.sortkeys or storage.sortstyle:
        raise TwinError("sortkey specified more than once", code="42P16")
    kind = "compound" if cursor.words("compound") else "interleaved" if cursor.words("interleaved") else ""
    if not cursor.words("sortkey"):
        raise syntax_error(cursor.next.text)
    if not kind and cursor.words("auto"):
        storage.sortstyle = "auto"
        return
    storage.sortkeys += names_in_brackets(cursor)
    storage.sortstyle = kind or "compound"
    most = _MAX_INTERLEAVED if kind == "interleaved" else _MAX_SORT_KEYS
    if len(storage.sortkeys) > most:
        raise TwinError(f"a sort key has 1 to {most} columns", code="42P16")
    if len(set(storage.sortkeys)) < len(storage.sortkeys):
        raise TwinError("a column stands twice in the sort key", code="42P16")


def _check_keys(storage: Storage, types: dict[str, ColumnType]) -> None:
    """Raise when keys contradict one another or the columns, as far as these are known."""
    if storage.diststyle == "key" and not storage.distkey:
        raise TwinError("DISTSTYLE KEY requires a DISTKEY column", code="42P16")
    if storage.distkey and storage.diststyle in {"even", "all", "auto"}:
        raise TwinError(f"DISTKEY can't be used with DISTSTYLE {storage.diststyle.upper()}", code="42P16")
    for role, names in (("dist", [storage.distkey]), ("sort", storage.sortkeys)):
        for name in filter(None, names):
            if types and name not in types:
                raise TwinError(f'column "{name}" named in key does not exist', code="42703")
            if types and types[name].family == "super":
                raise TwinError(f'SUPER column "{name}" can\'t be a {role} key', code="42P16")
