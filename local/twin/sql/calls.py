"""Calls of Redshift's functions which PostgreSQL must be told in other words."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from local.twin.errors import TwinError, not_in_twin, syntax_error
from local.twin.sql.scope import CLOSE, COMMA, DOT, OPEN
from local.twin.sql.tokens import Kind, Token, closing, operator, string, word

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from local.twin.sql.scope import Tokens

_CAST = operator("::")
# DECODE writes its first argument once for each pair: one in another must not fill the memory.
_MAX_COPIES = 100_000
_OPEN_ENDED = "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"


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
    """Return the call of a function; without a function, a list in brackets."""
    inner: Tokens = []
    for argument in arguments:
        inner += [COMMA, *argument] if inner else argument
    return [*function, OPEN, *inner, CLOSE]


def _ours(function: str, schema: str = "pg_catalog") -> Tokens:
    return [word(schema), DOT, word(function)]


def _version(found: Call) -> Tokens:
    found.count(0)
    return call(_ours("version", "twin"), [])


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
    if len(rest) < len(("search", "result")):
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
            found.arguments[-1] = [*last, _CAST, word("timestamp")]
        return call(_ours(function, "twin"), [[string(part[0].value)], *found.arguments[1:]])

    return made


def _extract(found: Call) -> Tokens:
    """Return EXTRACT(part FROM time)."""
    inside = found.arguments[0] if found.arguments else []
    if (
        len(inside) < len(("part", "from", "time"))
        or len(found.arguments) > 1
        or not inside[1].is_word("from")
    ):
        raise syntax_error(inside[1].text if len(inside) > 1 else ")")
    return _date_function("extract", 2)(dataclasses.replace(found, arguments=[inside[:1], inside[2:]]))


def _typed_by_its_argument(function: str) -> Callable[[Call], Tokens]:
    """Return an aggregate whose result's type follows from its argument's, which MIN keeps."""

    def made(found: Call) -> Tokens:
        found.count(1)
        value = [*call([word(found.function)], found.arguments), *found.over_clause()]
        sample = [*call([word("min")], found.arguments), *found.over_clause()]
        return call(_ours(function, "twin"), [value, sample])

    return made


def _ours_in_twin(function: str, *counts: int) -> Callable[[Call], Tokens]:
    def made(found: Call) -> Tokens:
        found.count(*counts)
        return call(_ours(function, "twin"), found.arguments)

    return made


def _convert(found: Call) -> Tokens:
    found.count(2)
    return [word("cast"), OPEN, *found.arguments[1], word("as"), *found.arguments[0], CLOSE]


def _json_serialize(found: Call) -> Tokens:
    # newer PostgreSQLs have a clause of this name; qualified it is our function
    return call(_ours("json_serialize"), found.arguments)


def _json_extract(found: Call) -> Tokens:
    """Return JSON_EXTRACT_PATH_TEXT(json, keys ... [, null_if_invalid])."""
    arguments = found.arguments
    lenient = len(arguments[-1]) == 1 and arguments[-1][0].is_word("true", "false") if arguments else False
    flag = arguments[-1] if lenient else [word("false")]
    path = arguments[1:-1] if lenient else arguments[1:]
    if not path:
        found.count()
    keys = [
        word("array"),
        operator("["),
        *call((), path)[1:-1],
        operator("]"),
        _CAST,
        word("text"),
        operator("[]"),
    ]
    return call(_ours("json_path_text", "twin"), [arguments[0], keys, flag])


def _text(tokens: Tokens) -> Tokens:
    return [*bracketed(tokens), _CAST, word("text")]


def _listagg(found: Call) -> Tokens:
    """Return STRING_AGG for LISTAGG(x [, separator]) [WITHIN GROUP (ORDER BY ...)] [OVER (...)]."""
    found.count(1, 2)
    value = found.arguments[0]
    distinct = value[:1] if value and value[0].is_word("distinct") else []
    text = _text(value[len(distinct) :])
    separator = found.arguments[1] if len(found.arguments) > 1 else [string("")]
    order = found.order
    if found.over is not None:
        if distinct:
            raise not_in_twin("LISTAGG(DISTINCT ...) OVER")
        window = [*found.over, *order, word(_OPEN_ENDED)] if order else found.over
        return _limited(
            [word("string_agg"), OPEN, *text, COMMA, *separator, CLOSE, word("over"), *bracketed(window)]
        )
    if distinct and order:
        # PostgreSQL sorts distinct values only by the very expression that it aggregates
        order = [*order[:2], *text, *[t for t in order[-1:] if t.is_word("asc", "desc")]]
    return _limited([word("string_agg"), OPEN, *distinct, *text, COMMA, *separator, *order, CLOSE])


def _limited(aggregate: Tokens) -> Tokens:
    return call(_ours("listagg", "twin"), [aggregate])


def _median(found: Call) -> Tokens:
    found.count(1)
    return [*call(_ours("percentile_cont", "twin"), [*found.arguments, [word("0.5")]]), *found.over_clause()]


def _percentile(found: Call) -> Tokens:
    """Return PERCENTILE_CONT(p) WITHIN GROUP (ORDER BY x) as an aggregate that may also be a window's."""
    found.count(1)
    if not found.order:
        raise syntax_error(")")
    if found.function == "percentile_disc" and found.over is None:
        within = [word("within"), word("group"), *bracketed(found.order)]
        return [*call([word("percentile_disc")], found.arguments), *within]
    if any(token.is_operator(",") for token in found.order) and found.order.count(COMMA):
        raise TwinError(f"{found.function} takes one ORDER BY expression", code="42601")
    value = [t for t in found.order[2:] if not t.is_word("asc", "desc")]
    share = found.arguments[0]
    if found.order[-1].is_word("desc"):
        share = [word("1"), operator("-"), *bracketed(share)]
    made = call(_ours(found.function, "twin"), [value, share])
    return [*made, *found.over_clause()]


def _ratio_to_report(found: Call) -> Tokens:
    found.count(1)
    value = [*bracketed(found.arguments[0]), _CAST, word("float8")]
    whole = [*call([word("sum")], [value]), *found.over_clause()]
    return bracketed([*value, operator("/"), *call([word("nullif")], [whole, [word("0")]])])


def _value(found: Call) -> Tokens:
    """Return FIRST_VALUE or LAST_VALUE, with or without NULLs."""
    if found.nulls != "ignore":
        return [*call([word(found.function)], found.arguments), *found.over_clause()]
    if found.function == "nth_value":
        raise not_in_twin("NTH_VALUE with IGNORE NULLS")
    return [*call(_ours(found.function + "_known", "twin"), found.arguments), *found.over_clause()]


def _neighbour(found: Call) -> Tokens:
    """Return LAG or LEAD; ignoring NULLs, the nearest value of the rows before or after."""
    found.count(1, 2)
    if found.nulls != "ignore":
        return [*call([word(found.function)], found.arguments), *found.over_clause()]
    if [token.text for token in (found.arguments[1:] or [[word("1")]])[0]] != ["1"]:
        raise not_in_twin(f"{found.function.upper()} with IGNORE NULLS and an offset")
    lag = found.function == "lag"
    nearest = "last_value_known" if lag else "first_value_known"
    before, after = ("UNBOUNDED PRECEDING", "1 PRECEDING") if lag else ("1 FOLLOWING", "UNBOUNDED FOLLOWING")
    frame = word(f"ROWS BETWEEN {before} AND {after}")
    window = [*(found.over or []), frame]
    return [*call(_ours(nearest, "twin"), found.arguments[:1]), word("over"), *bracketed(window)]


def typed(tokens: Tokens) -> Tokens:
    """Return an expression; a bare string becomes a text, so that nothing else is read from it."""
    inner = [token for token in tokens if not token.is_operator("(", ")")]
    if len(inner) == 1 and inner[0].kind is Kind.STRING:
        return [*tokens, _CAST, word("text")]
    return tokens


def _supers(values: Sequence[Tokens]) -> Tokens:
    cast = [[*bracketed(typed(value)), _CAST, word("super")] for value in values]
    return [
        word("array"),
        operator("["),
        *call((), cast)[1:-1],
        operator("]"),
        _CAST,
        word("super"),
        operator("[]"),
    ]


def _array(found: Call) -> Tokens:
    return call(_ours("array_of", "twin"), [_supers(found.arguments)])


def _object(found: Call) -> Tokens:
    if len(found.arguments) % 2:
        raise TwinError("object() takes pairs of a key and a value", code="42883")
    keys = [
        word("array"),
        operator("["),
        *call((), found.arguments[::2])[1:-1],
        operator("]"),
        _CAST,
        word("text"),
        operator("[]"),
    ]
    return call(_ours("object_of", "twin"), [keys, _supers(found.arguments[1::2])])


CALLS: dict[str, Callable[[Call], Tokens]] = {
    "extract": _extract,
    "avg": _typed_by_its_argument("averaged"),
    "sum": _typed_by_its_argument("summed"),
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
    "regexp_substr": _ours_in_twin("regexp_substr", 2, 3, 4, 5),
    "regexp_count": _ours_in_twin("regexp_count", 2, 3, 4),
    "regexp_instr": _ours_in_twin("regexp_instr", 2, 3, 4, 5, 6),
    "regexp_replace": _ours_in_twin("regexp_replace", 2, 3, 4, 5),
    "to_timestamp": _ours_in_twin("to_timestamp", 2, 3),
    "to_date": _ours_in_twin("to_date", 2, 3),
    "concat": _ours_in_twin("concat", 2),
    "split_part": _ours_in_twin("split_part", 3),
    "convert": _convert,
    "json_extract_path_text": _json_extract,
    "json_serialize": _json_serialize,
    "listagg": _listagg,
    "median": _median,
    "percentile_cont": _percentile,
    "percentile_disc": _percentile,
    "ratio_to_report": _ratio_to_report,
    "array": _array,
    "object": _object,
}
WINDOW_CALLS: dict[str, Callable[[Call], Tokens]] = {
    "extract": _extract,
    "avg": _typed_by_its_argument("averaged"),
    "sum": _typed_by_its_argument("summed"),
    "first_value": _value,
    "last_value": _value,
    "nth_value": _value,
    "lag": _neighbour,
    "lead": _neighbour,
}
