"""ALTER TABLE: one action a statement, and what Redshift remembers of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.twin.errors import TwinError, not_in_twin, not_supported, syntax_error
from local.twin.sql.changes import Change, regclass, text_array
from local.twin.sql.columns import (
    ENCODINGS,
    Storage,
    new_name,
    read_column,
    read_encoding,
    table_key,
)
from local.twin.sql.rights import user
from local.twin.sql.tables import add_key, one_name, read_sort_key
from local.twin.sql.tokens import Cursor, literal, quoted, split_list
from local.twin.sql.types import read_type

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from local.twin.sql.tokens import Token

_TAG = "ALTER TABLE"


def alter_table(tokens: Sequence[Token]) -> Change:
    """Return the change for a whole ALTER TABLE statement."""
    cursor = Cursor(tokens)
    cursor.expect_words("alter", "table")
    table = cursor.qualified_name()
    if cursor.next.is_word("alter"):
        return _alterations(cursor, table)
    for word, action in _ACTIONS.items():
        if cursor.words(word):
            change = action(cursor, table)
            break
    else:
        raise (
            not_in_twin(f"ALTER TABLE {cursor.next.text.upper()}")
            if cursor.next.is_word("row", "set", "partition")
            else syntax_error(cursor.next.text)
        )
    _end(cursor)
    return change


def _one_action(detail: str) -> TwinError:
    return TwinError('syntax error at or near ","', code="42601", detail=detail)


def _end(cursor: Cursor) -> None:
    if cursor.next.is_operator(","):
        raise _one_action("ALTER TABLE takes one action in a statement.")
    cursor.expect_end()


def _changed(table: tuple[str, ...], sql: str, *before: str) -> Change:
    return Change((*before, f"ALTER TABLE {quoted(table)} {sql}"), _TAG)


def _add(cursor: Cursor, table: tuple[str, ...]) -> Change:
    rel = regclass(table)
    if cursor.next.is_word("primary", "unique", "foreign", "constraint", "check"):
        key = table_key(cursor)
        checks = [f"SELECT twin.refuse_nullable({rel}, {text_array(key.columns)})"] if key.kind == "p" else []
        return Change((*checks, add_key(rel, key)), _TAG)
    cursor.words("column")
    if cursor.next.is_word("if"):
        raise not_supported("ADD COLUMN IF NOT EXISTS")
    if len(split_list(cursor.tokens[cursor.at :])) > 1:
        raise _one_action("ALTER TABLE adds one column in a statement.")
    if any(token.is_word("collate") for token in cursor.tokens):
        raise syntax_error("collate")
    column = read_column(cursor, table[-1])
    if column.identity or column.keys:
        raise not_supported("Adding an IDENTITY column" if column.identity else "Adding a column with a key")
    if column.distkey or column.sortkey:
        raise syntax_error("distkey" if column.distkey else "sortkey")
    if column.not_null and not column.default:
        raise TwinError("ALTER TABLE ADD COLUMN defined as NOT NULL must have a non-null default expression")
    statements = [f"ALTER TABLE {quoted(table)} ADD COLUMN {column.sql()}"]
    if column.encoding:
        statements.append(f"SELECT twin.set_encoding({rel}, {literal(column.name)}, '{column.encoding}')")
    return Change(tuple(statements), _TAG, frozenset({column.type.domain} if column.type.domain else ()))


def _drop(cursor: Cursor, table: tuple[str, ...]) -> Change:
    rel = regclass(table)
    if cursor.words("constraint"):
        name = cursor.expect_name()
        return Change((f"SELECT twin.drop_key({rel}, {literal(name)}, {_cascade(cursor)})",), _TAG)
    cursor.words("column")
    if cursor.next.is_word("if"):
        raise syntax_error(cursor.next.text)
    name = cursor.expect_name()
    along = _cascade(cursor)
    free = f"SELECT twin.free_column({rel}, {literal(name)}, {along})"
    return _changed(table, f"DROP COLUMN {quoted([name])}{' CASCADE' if along else ''}", free)


def _cascade(cursor: Cursor) -> bool:
    if cursor.words("cascade"):
        return True
    cursor.words("restrict")
    return False


def _rename(cursor: Cursor, table: tuple[str, ...]) -> Change:
    if cursor.words("to"):
        name = new_name(cursor)
        if name.startswith("#") and not table[-1].startswith("#"):
            raise TwinError(
                f'a permanent table can\'t be renamed to "{name}": # is for temporary ones', code="42602"
            )
        return _changed(table, f"RENAME TO {quoted([name])}")
    cursor.expect_word("column")
    old = cursor.expect_name()
    cursor.expect_word("to")
    return _changed(table, f"RENAME COLUMN {quoted([old])} TO {quoted([new_name(cursor)])}")


def _owner(cursor: Cursor, table: tuple[str, ...]) -> Change:
    cursor.expect_word("to")
    return _changed(table, f"OWNER TO {user(cursor)}")


def _append(cursor: Cursor, table: tuple[str, ...]) -> Change:
    cursor.expect_word("from")
    source = cursor.qualified_name()
    extra = cursor.words("ignoreextra")
    fill = cursor.words("filltarget")
    if cursor.next.is_word("ignoreextra") or (extra and fill):
        raise syntax_error("filltarget" if extra else "ignoreextra")
    move = f"SELECT twin.append_table({regclass(table)}, {regclass(source)}, {extra}, {fill})"
    return Change((move,), "ALTER TABLE APPEND", alone="ALTER TABLE APPEND")


_ACTIONS: dict[str, Callable[[Cursor, tuple[str, ...]], Change]] = {
    "add": _add,
    "drop": _drop,
    "rename": _rename,
    "owner": _owner,
    "append": _append,
}


def _alterations(cursor: Cursor, table: tuple[str, ...]) -> Change:
    """Read ALTER ..., ALTER ...: several encodings, or a sort key with a distribution; else one."""
    parts = [Cursor(part) for part in split_list(cursor.tokens[cursor.at :])]
    kinds = []
    changes = []
    for part in parts:
        part.expect_word("alter")
        kind, change = _alteration(part, table)
        _end(part)
        kinds.append(kind)
        changes.append(change)
    fits = set(kinds) == {"encode"} or sorted(kinds) == ["distribution", "sortkey"]
    if len(kinds) > 1 and not fits:
        raise _one_action("ALTER TABLE takes one action in a statement.")
    if len(changes) == 1:
        return changes[0]
    named = [change.statements for change in changes]
    if len({statements[0] for statements in named}) < len(named):
        raise TwinError("a column's encoding can be altered once in a statement", code="42601")
    return Change(tuple(statement for statements in named for statement in statements), _TAG)


def _alteration(cursor: Cursor, table: tuple[str, ...]) -> tuple[str, Change]:
    rel = regclass(table)
    if cursor.words("encode"):
        cursor.expect_word("auto")
        return "auto", Change((f"SELECT twin.set_encode_auto({rel}, true)",), _TAG)
    if cursor.next.is_word("distkey", "diststyle"):
        return "distribution", _distribution(cursor, rel)
    if cursor.next.is_word("sortkey", "compound", "interleaved"):
        return "sortkey", _sortkey(cursor, rel)
    if cursor.next.is_word("autorefresh"):
        raise not_in_twin("ALTER TABLE ALTER AUTOREFRESH")
    cursor.words("column")
    name = cursor.expect_name()
    if cursor.words("encode"):
        return "encode", _encode(cursor, rel, name)
    cursor.expect_word("type")
    return "type", _resize(cursor, table, name)


def _distribution(cursor: Cursor, rel: str) -> Change:
    key = ""
    style = "key"
    if cursor.words("diststyle"):
        style = cursor.expect_word("all", "even", "auto", "key").value
    if style == "key":
        cursor.expect_word("distkey")
        (key,) = one_name(cursor) if cursor.next.is_operator("(") else (cursor.expect_name(),)
    return Change(
        (
            f"SELECT twin.check_distribution({rel}, '{style}', {literal(key)})",
            f"SELECT twin.set_distribution({rel}, '{style}', {literal(key)})",
        ),
        _TAG,
    )


def _sortkey(cursor: Cursor, rel: str) -> Change:
    if cursor.words("sortkey", "none"):
        return Change((f"SELECT twin.set_sort_key({rel}, 'none', '{{}}', false)",), _TAG)
    if cursor.words("sortkey", "auto"):
        return Change((f"SELECT twin.set_sort_auto({rel})",), _TAG)
    if cursor.next.is_word("interleaved"):
        raise TwinError("a sort key can't be altered to an interleaved one", code="0A000")
    storage = Storage()
    read_sort_key(cursor, storage)
    names = text_array(storage.sortkeys)
    return Change(
        (
            f"SELECT twin.check_sort_key({rel}, {names})",
            f"SELECT twin.set_sort_key({rel}, 'compound', {names}, true)",
        ),
        _TAG,
    )


def _encode(cursor: Cursor, rel: str, name: str) -> Change:
    encoding = read_encoding(cursor)
    families = text_array(sorted(ENCODINGS[encoding]))
    return Change(
        (
            # one statement for one column, so that doubles are seen
            f"SELECT twin.check_encoding({rel}, {literal(name)})",
            f"SELECT twin.refuse_encoding({rel}, {literal(name)}, '{encoding}', {families})",
            f"SELECT twin.set_encoding({rel}, {literal(name)}, '{encoding}')",
            f"SELECT twin.set_encode_auto({rel}, false)",
        ),
        _TAG,
    )


def _resize(cursor: Cursor, table: tuple[str, ...], name: str) -> Change:
    new = read_type(cursor)
    if new.family != "varchar" or new.domain is None:
        raise TwinError(
            f'cannot alter type of column "{name}": only the size of a VARCHAR can change', code="0A000"
        )
    check = f"SELECT twin.check_resize({regclass(table)}, {literal(name)})"
    return Change(
        (check, f"ALTER TABLE {quoted(table)} ALTER COLUMN {quoted([name])} TYPE {new.postgres}"),
        _TAG,
        frozenset({new.domain}),
        alone="ALTER TABLE ALTER COLUMN",
    )
