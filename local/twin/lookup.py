"""What a statement's translation must know of the tables that it names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.twin.errors import TwinError
from local.twin.sql.tokens import literal, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from local.twin.backend import Backend


class Lookup:
    """Asks a client's PostgreSQL session, and so sees what its transaction has made."""

    def __init__(self, backend: Backend, before: Callable[[], None]) -> None:
        self._backend = backend
        self._before = before

    def columns(self, table: tuple[str, ...]) -> list[tuple[str, bool]]:
        """Return a table's columns in their order, and whether each is a SUPER; none without such a table."""
        self._before()
        rows = self._backend.query(
            "SELECT attname, atttypid = 'pg_catalog.super'::regtype FROM pg_attribute"
            f" WHERE attrelid = to_regclass({literal(quoted(table))}) AND attnum > 0 AND NOT attisdropped"
            " ORDER BY attnum"
        )
        return [(str(name), is_super == "t") for name, is_super in rows]

    def late_views(self, names: Sequence[tuple[str, ...]]) -> dict[tuple[str, ...], str]:
        """Return the texts of those among the names that are late-binding views."""
        self._before()
        # t.data.items is no relation but a path
        names = [parts for parts in names if not parts[2:]]
        texts = ", ".join(literal(quoted(parts)) for parts in names)
        rows = self._backend.query(
            "SELECT n.place, l.definition, has_table_privilege(l.relation, 'SELECT')"
            f" FROM unnest(ARRAY[{texts}]::text[]) WITH ORDINALITY AS n (name, place)"
            " JOIN twin.late_view l ON l.relation = to_regclass(n.name)"
        )
        for place, _, readable in rows:
            if readable != "t":
                name = names[int(place or 0) - 1][-1]
                raise TwinError(f"permission denied for relation {name}", code="42501")
        return {names[int(place or 0) - 1]: str(text) for place, text, _ in rows}
