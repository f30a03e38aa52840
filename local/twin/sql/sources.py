"""What a query reads: PostgreSQL's catalog as Redshift shows it, and late-binding views by their text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.twin.errors import TwinError
from local.twin.sql.scanner import tokenize
from local.twin.sql.tokens import Kind, Token, name, operator, word
from local.twin.sql.words import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.twin.sql.scope import Catalog, TableName, Tokens

# Those that catalog/11_pg_catalog.sql and its neighbours show in Redshift's way.
_CATALOG = words("""
    pg_class pg_attribute pg_attrdef pg_constraint pg_index pg_namespace pg_tables pg_views pg_user
    pg_group
    """)
_INFORMATION_SCHEMA = frozenset(
    ["columns", "tables", "views", "schemata", "table_constraints", "key_column_usage"]
)
# PostgreSQL 8.0's catalog (its names without pg_), and what Redshift added to it; later PostgreSQLs have more.
_IN_REDSHIFT = words(
    """
    aggregate am amop amproc attrdef attribute cast class constraint conversion database depend
    description group index inherits language largeobject listener namespace opclass operator proc
    rewrite shadow statistic tablespace trigger type indexes locks rules settings stats tables user
    views stat_activity stat_database stat_all_tables stat_sys_tables stat_user_tables
    stat_all_indexes stat_user_indexes attribute_info class_info database_info default_acl
    external_schema library proc_info statistic_indicator table_def user_info
    """
)
_FUNCTIONS = ("pg_get_constraintdef", "pg_get_viewdef")
_ENDS_OF_FROM = (
    "where", "group", "order", "having", "limit", "union", "intersect", "except", "minus", "select", "set", "on",
    "using", "window", "offset", "qualify", "with", "when",
)  # fmt: skip
_NO_ALIAS = (*_ENDS_OF_FROM, "join", "left", "right", "full", "inner", "outer", "cross", "natural", "then")
_SYSTEM_SCHEMAS = ("pg_catalog", "information_schema", "twin")
_SYSTEM_TABLES = ("pg_", "svv_", "stv_", "stl_", "svl_", "sys_", "svcs_")
_MAX_DEPTH = 20


def resolve(tokens: Sequence[Token], catalog: Catalog) -> Tokens:
    """Return the statement reading the twin's catalog, and late-binding views as subqueries."""
    return _catalog(_inline(tokens, catalog, 0))


def relations(tokens: Sequence[Token]) -> list[tuple[int, int]]:
    """Return where the names of the relations read stand: first token and the one after the last."""
    found: list[tuple[int, int]] = []
    in_from = [False]
    for at, token in enumerate(tokens):
        if token.kind is Kind.STRING or token.kind is Kind.NUMBER:
            continue
        starts = token.is_word("from", "join") or (token.is_operator(",") and in_from[-1])
        if token.is_operator("("):
            # FROM (a JOIN b ...): a bracket in FROM that holds no query
            opens = in_from[-1] and tokens[at - 1].is_word("from", "join") and not _is_query(tokens, at)
            in_from.append(opens)
            starts = opens
        elif token.is_operator(")") and len(in_from) > 1:
            in_from.pop()
        elif token.is_word(*_ENDS_OF_FROM):
            in_from[-1] = False
        elif token.is_word("from", "join"):
            in_from[-1] = not (at and tokens[at - 1].is_word("delete"))
        if starts and not (at and tokens[at - 1].is_word("delete")):
            end = _name_end(tokens, at + 1)
            if end > at + 1:
                found.append((at + 1, end))
    return found


def _is_query(tokens: Sequence[Token], at: int) -> bool:
    return at + 1 < len(tokens) and tokens[at + 1].is_word("select", "with")


def reads_catalog_only(tokens: Sequence[Token]) -> bool:
    """Return whether a statement reads tables, and all of them are Redshift's own."""
    names = [named(tokens[start:end]) for start, end in relations(tokens)]
    own = common_names(tokens)
    return bool(names) and all(is_system(name) or name[-1] in own for name in names)


def is_system(table: TableName) -> bool:
    """Return whether a table is the catalog's or a system table."""
    return table[0] in _SYSTEM_SCHEMAS or table[-1].startswith(_SYSTEM_TABLES)


def _name_end(tokens: Sequence[Token], at: int) -> int:
    """Return where the qualified name that starts here ends; here itself, when it is none or a call."""
    start = at
    while at < len(tokens) and tokens[at].is_name:
        at += 1
        if at >= len(tokens) or not tokens[at].is_operator("."):
            break
        at += 1
    call = at < len(tokens) and tokens[at].is_operator("(")
    return start if call else at


def named(tokens: Sequence[Token]) -> TableName:
    """Return the parts of a qualified name."""
    return tuple(token.value for token in tokens if token.is_name)


def common_names(tokens: Sequence[Token]) -> set[str]:
    """Return the names that WITH gives to queries of the statement."""
    found = set()
    for at, token in enumerate(tokens[:-2]):
        follows = at and (tokens[at - 1].is_word("with", "recursive") or tokens[at - 1].is_operator(","))
        if follows and token.is_name and (tokens[at + 1].is_word("as") or tokens[at + 1].is_operator("(")):
            found.add(token.value)
    return found


def _inline(tokens: Sequence[Token], catalog: Catalog, depth: int) -> Tokens:
    places = relations(tokens)
    common = common_names(tokens)
    names = {named(tokens[start:end]) for start, end in places}
    wanted = sorted(parts for parts in names if len(parts) > 1 or parts[0] not in common)
    views = catalog.late_views(wanted) if wanted else {}
    if views and depth > _MAX_DEPTH:
        raise TwinError("infinite recursion detected in a late-binding view", code="42P17")
    result = list(tokens)
    for start, end in reversed(places):
        parts = named(tokens[start:end])
        if parts not in views or (len(parts) == 1 and parts[0] in common):
            continue
        body = _inline(tokenize(views[parts]), catalog, depth + 1)
        aliased = end < len(tokens) and (
            tokens[end].is_word("as") or (tokens[end].is_name and not tokens[end].is_word(*_NO_ALIAS))
        )
        alias = [] if aliased else [word("as"), name(parts[-1])]
        result[start:end] = [operator("("), *body, operator(")"), *alias]
    return result


def _catalog(tokens: Sequence[Token]) -> Tokens:
    result = list(tokens)
    places = relations(tokens)
    shown = False
    own = common_names(tokens)
    for start, end in reversed(places):
        parts = named(tokens[start:end])
        if parts[-1] not in own:
            _refuse_later(parts)
        view = _shown_by_twin(parts)
        if view:
            result[start:end] = [word("twin"), operator("."), word(view)]
        shown = shown or bool(view)
    return _leader_words(result) if shown or _reads_leader(tokens, places) else result


def _refuse_later(parts: TableName) -> None:
    """Raise for a table of the catalog which PostgreSQL got after Redshift had left it."""
    *schema, last = parts
    if (
        last.startswith("pg_")
        and last.removeprefix("pg_") not in _IN_REDSHIFT
        and schema[-1:] in ([], ["pg_catalog"])
    ):
        raise TwinError(f'relation "{".".join(parts)}" does not exist', code="42P01")


def _shown_by_twin(parts: TableName) -> str:
    *schema, last = parts[-2:]
    if last in _CATALOG and schema in ([], ["pg_catalog"]):
        return last
    return last if last in _INFORMATION_SCHEMA and schema == ["information_schema"] else ""


def _reads_leader(tokens: Sequence[Token], places: Sequence[tuple[int, int]]) -> bool:
    tables = any(named(tokens[start:end])[-1].startswith(("pg_", "svv_", "stv_")) for start, end in places)
    return tables or any(token.is_word("pg_get_late_binding_view_cols") for token in tokens)


def _leader_words(tokens: Sequence[Token]) -> Tokens:
    """Put what the leader node takes and PostgreSQL does not into PostgreSQL's words."""
    result: Tokens = []
    for at, token in enumerate(tokens):
        before = tokens[at - 1] if at else operator("")
        after = tokens[at + 1] if at + 1 < len(tokens) else operator("")
        if token.is_word(*_FUNCTIONS) and after.is_operator("("):
            if before.is_operator("."):
                del result[-2:]
            result += [word("twin"), operator(".")]
        if after.is_operator(".") and _qualifies(tokens, at):
            # pg_catalog.pg_class.relname: the table is known by its bare name now
            del result[-2:]
        result.append(token)
        if token.kind is Kind.NUMBER and before.is_word("where") and _ends_condition(after):
            # WHERE 1
            result += [operator("::"), word("int"), operator("::"), word("boolean")]
    return result


def _qualifies(tokens: Sequence[Token], at: int) -> bool:
    """Return whether a catalog table's name with its schema stands before a column's."""
    schema = tokens[at - 2] if at > 1 and tokens[at - 1].is_operator(".") else operator("")
    return schema.is_name and bool(_shown_by_twin((schema.value, tokens[at].value)))


def _ends_condition(after: Token) -> bool:
    return after.is_word("and", "or", "order", "group", "limit", "union") or after.is_operator("", ")")
