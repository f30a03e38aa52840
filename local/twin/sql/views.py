"""CREATE VIEW: bound to its tables, or by its text alone (WITH NO SCHEMA BINDING)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.twin.errors import TwinError, not_in_twin, syntax_error
from local.twin.sql.changes import Change, text_array
from local.twin.sql.columns import names_in_brackets, new_qualified_name
from local.twin.sql.sources import common_names, named, relations
from local.twin.sql.tables import made_name, quoted_list
from local.twin.sql.tokens import Cursor, Kind, literal, quoted, render

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from local.twin.sql.scope import Catalog
    from local.twin.sql.tokens import Token

    Query = Callable[[Sequence[Token]], str]

_UNBOUND = ["with", "no", "schema", "binding"]


def create_view(tokens: Sequence[Token], query: Query, catalog: Catalog) -> Change:
    """Return the change for a whole CREATE VIEW statement."""
    cursor = Cursor(tokens)
    cursor.expect_word("create")
    replace = cursor.words("or", "replace")
    cursor.expect_word("view")
    if cursor.next.is_word("if"):
        raise syntax_error(cursor.next.text)
    view = new_qualified_name(cursor)
    temporary = view[-1].startswith("#")
    columns = names_in_brackets(cursor) if cursor.next.is_operator("(") else ()
    cursor.expect_word("as")
    body = list(cursor.tokens[cursor.at :])
    if any(token.kind is Kind.PARAMETER for token in body):
        raise TwinError("a view's query can't have parameters", code="42P02")
    where = made_name(view, temporary=temporary)
    if [token.value for token in body[-4:]] == _UNBOUND:
        return _late(where, columns, body[:-4], query, replace=replace)
    read = [named(body[start:end]) for start, end in relations(body)]
    if read and catalog.late_views(read):
        raise not_in_twin("A view on a late-binding view, unless it is itself WITH NO SCHEMA BINDING,")
    names = f" ({quoted_list(columns)})" if columns else ""
    head = (
        f"CREATE {'OR REPLACE ' if replace else ''}{'TEMP ' if temporary else ''}VIEW {quoted(view)}{names}"
    )
    made = f"to_regclass({where})"
    statements = [f"{head} AS {query(body)}", f"SELECT twin.bind_view({made})"]
    if replace:
        statements.insert(0, f"SELECT twin.note_width({made})")
        statements.append(f"SELECT twin.check_width({made})")
    return Change(tuple(statements), "CREATE VIEW")


def _late(
    where: str, columns: tuple[str, ...], body: Sequence[Token], query: Query, *, replace: bool,
) -> Change:  # fmt: skip
    schemas = set()
    common = common_names(body)
    for start, end in relations(body):
        parts = named(body[start:end])
        if len(parts) == 1 and parts[0] not in common:
            raise TwinError(
                "All the relation names inside should be qualified when creating VIEW WITH NO SCHEMA BINDING.",
                code="42601",
            )
        if len(parts) > 1:
            schemas.add(parts[-2])
    text = render(body)
    if columns:
        text = f"SELECT * FROM ({text}) AS late_binding_view ({quoted_list(columns)})"
    translated = query(body)
    arguments = ", ".join(
        [where, str(replace), literal(text), literal(translated), text_array(sorted(schemas))]
    )
    return Change((f"SELECT twin.make_late_view({arguments})",), "CREATE VIEW")
