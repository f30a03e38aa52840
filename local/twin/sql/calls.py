"""Calls of Redshift's functions which PostgreSQL must be told in other words."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from local.twin.errors import TwinError, not_in_twin, syntax_error
from local.twin.sql.scope import CLOSE, COMMA, DOT, OPEN, with_commas
from local.twin.sql.tokens import Kind, Token, closing, operator, string, word

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from local.twin.sql.scope import Tokens

CAST = operator("::")
_DEFAULT_PRECISION = [OPEN, word("18"), COMMA, word("0"), CLOSE]
# DECODE writes its first argument once for each pair: one in another must not fill the memory.
_MAX_COPIES = 100_000


@dataclasses.dataclass
class Call:
    """A function's call: arguments already in PostgreSQL's words, WITHIN GROUP's order, OVER's inside."""

    function: str
    arguments: list[Tokens]
    order: Tokens = dataclasses.field(default_factory=list)
    over: Tokens | None = None
    nulls: str = ""

    def take_nulls(self) -> None:
        """Take IGNORE NULLS out of the last argument, where Redshift allows it too."""
        last = self.arguments[-1] if self.arguments else []
        if len(last) > 1 and last[-1].is_word("nulls") and last[-2].is_word("ignore", "respect"):
            self.nulls = last[-2].value
            self.arguments[-1] = last[:-2]
        if self.nulls and self.function not in {"first_value", "last_value", "nth_value", "lag", "lead"}:
            raise syntax_error(self.nulls)

    def count(self, *counts: int) -> None:
        """Raise unless there are this many arguments."""
        if len(self.arguments) not in counts:
            raise TwinError(
                f"function {self.function} does not take {len(self.arguments)} arguments", code="42883"
            )

    def over_clause(self) -> Tokens:
        """Return the OVER clause as it was written, or nothing."""
        return [] if self.over is None else [word("over"), OPEN, *self.over, CLOSE]


def bracketed(tokens: Sequence[Token]) -> Tokens:
    """Return tokens in brackets."""
    return [OPEN, *tokens, CLOSE]


def call(function: Sequence[Token], arguments: Sequence[Tokens]) -> Tokens:
    """Return the call of a function."""
    return [*function, *bracketed(with_commas(arguments))]


def twins(function: str) -> Tokens:
    """Return the name of a function in the twin's own schema."""
    return [word("twin"), DOT, word(function)]


def _array_of(parts: Sequence[Tokens], kind: str) -> Tokens:
    """Return PostgreSQL's array of these, in its own brackets and with its type, as it may be empty."""
    return [
        word("array"),
        operator("["),
        *with_commas(parts),
        operator("]"),
        CAST,
        word(kind),
        operator("[]"),
    ]


def _version(found: Call) -> Tokens:
    found.count(0)
    return call(twins("version"), [])


def _is_path(tokens: Tokens) -> bool:
    steps = tuple(token.value for token in tokens[:3])
    return steps in {("twin", ".", "key"), ("twin", ".", "element")} and closing(tokens, 3) == len(tokens) - 1


def _common(function: str) -> Callable[[Call], Tokens]:
    """Return a function whose arguments take a common type; beside a SUPER, PostgreSQL would take strings for JSON."""

    def made(found: Call) -> Tokens:
        paths = sum(_is_path(part) for part in found.arguments)
        if 0 < paths < len(found.arguments):
            raise not_in_twin(f"{found.function.upper()} of a SUPER path and something else (cast the path)")
        return call([word(function)], found.arguments)

    return made


def _nvl2(found: Call) -> Tokens:
    found.count(3)
    value, filled, missing = found.arguments
    test = [word("when"), *bracketed(value), word("is"), word("not"), word("null"), word("then")]
    return bracketed([word("case"), *test, *filled, word("else"), *missing, word("end")])


def _decode(found: Call) -> Tokens:
    value, *rest = found.arguments or [[]]
    if not rest[1:]:
        found.count()
    if len(value) * len(rest) > _MAX_COPIES:
        raise TwinError("stack depth limit exceeded", code="54001")
    made = [word("case")]
    # NULL equals NULL in DECODE
    same = [word("is"), word("not"), word("distinct"), word("from")]
    for search, result in zip(rest[::2], rest[1::2], strict=False):
        made += [word("when"), *bracketed(value), *same, *bracketed(search), word("then"), *result]
    if len(rest) % 2:
        made += [word("else"), *rest[-1]]
    return bracketed([*made, word("end")])


def _date_function(function: str, count: int) -> Callable[[Call], Tokens]:
    def made(found: Call) -> Tokens:
        found.count(count)
        part = found.arguments[0]
        if len(part) != 1 or not (part[0].is_name or part[0].kind is Kind.STRING):
            raise syntax_error(part[0].text if part else ",")
        last = found.arguments[-1]
        if len(last) == 1 and last[0].kind is Kind.STRING:
            # a bare string is a TIMESTAMP; PostgreSQL would prefer the type with a zone
            found.arguments[-1] = [*last, CAST, word("timestamp")]
        return call(twins(function), [[string(part[0].value)], *found.arguments[1:]])

    return made


def _extract(found: Call) -> Tokens:
    """Return EXTRACT(part FROM time)."""
    inside = found.arguments[0] if found.arguments else []
    if found.arguments[1:] or not inside[2:] or not inside[1].is_word("from"):
        raise syntax_error(inside[1].text if len(inside) > 1 else ")")
    return _date_function("extract", 2)(dataclasses.replace(found, arguments=[inside[:1], inside[2:]]))


def _in_twin(function: str, *counts: int) -> Callable[[Call], Tokens]:
    def made(found: Call) -> Tokens:
        found.count(*counts)
        return call(twins(function), found.arguments)

    return made


def sized(kind: Tokens) -> Tokens:
    """Return a cast's type; a DECIMAL without precision is DECIMAL(18,0), where PostgreSQL's has no limit."""
    return [*kind, *_DEFAULT_PRECISION] if kind[-1].is_word("decimal", "numeric", "dec") else kind


def _convert(found: Call) -> Tokens:
    found.count(2)
    kind, value = found.arguments
    return [word("cast"), OPEN, *typed_for(kind, value), word("as"), *(sized(kind) if kind else kind), CLOSE]


def typed_for(kind: Tokens, value: Tokens) -> Tokens:
    """Return what is cast: a bare string that becomes a SUPER is a string there, not a JSON text."""
    return typed(value) if kind and kind[-1].is_word("super") else value


def _json_serialize(found: Call) -> Tokens:
    # newer PostgreSQLs have a clause of this name; qualified it is our function
    return call([word("pg_catalog"), DOT, word("json_serialize")], found.arguments)


def _json_extract(found: Call) -> Tokens:
    """Return JSON_EXTRACT_PATH_TEXT(json, keys ... [, null_if_invalid])."""
    arguments = found.arguments
    lenient = len(arguments[-1]) == 1 and arguments[-1][0].is_word("true", "false") if arguments else False
    flag = arguments[-1] if lenient else [word("false")]
    path = arguments[1:-1] if lenient else arguments[1:]
    if not path:
        found.count()
    keys = _array_of(path, "text")
    return call(twins("json_path_text"), [arguments[0], keys, flag])


def typed(tokens: Tokens) -> Tokens:
    """Return an expression; a bare string becomes a text, so that nothing else is read from it."""
    inner = [token for token in tokens if not token.is_operator("(", ")")]
    if len(inner) == 1 and inner[0].kind is Kind.STRING:
        return [*tokens, CAST, word("text")]
    return tokens


def _supers(values: Sequence[Tokens]) -> Tokens:
    cast = [[*bracketed(typed(value)), CAST, word("super")] for value in values]
    return _array_of(cast, "super")


def _array(found: Call) -> Tokens:
    return call(twins("array_of"), [_supers(found.arguments)])


def _object(found: Call) -> Tokens:
    if len(found.arguments) % 2:
        raise TwinError("object() takes pairs of a key and a value", code="42883")
    keys = _array_of(found.arguments[::2], "text")
    return call(twins("object_of"), [keys, _supers(found.arguments[1::2])])


CALLS: dict[str, Callable[[Call], Tokens]] = {
    "extract": _extract,
    "version": _version,
    "nvl": _common("coalesce"),
    "coalesce": _common("coalesce"),
    "greatest": _common("greatest"),
    "least": _common("least"),
    "nvl2": _nvl2,
    "decode": _decode,
    "dateadd": _date_function("dateadd", 3),
    "date_add": _date_function("dateadd", 3),
    "datediff": _date_function("datediff", 3),
    "date_diff": _date_function("datediff", 3),
    "date_trunc": _date_function("date_trunc", 2),
    "date_part": _date_function("date_part", 2),
    "regexp_substr": _in_twin("regexp_substr", 2, 3, 4, 5),
    "regexp_count": _in_twin("regexp_count", 2, 3, 4),
    "regexp_instr": _in_twin("regexp_instr", 2, 3, 4, 5, 6),
    "regexp_replace": _in_twin("regexp_replace", 2, 3, 4, 5),
    "to_timestamp": _in_twin("to_timestamp", 2, 3),
    "to_date": _in_twin("to_date", 2, 3),
    "concat": _in_twin("concat", 2),
    "split_part": _in_twin("split_part", 3),
    "convert": _convert,
    "json_extract_path_text": _json_extract,
    "json_serialize": _json_serialize,
    "array": _array,
    "object": _object,
}
