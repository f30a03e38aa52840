"""Aggregates and window functions: Redshift's rules, and those which PostgreSQL must be told in other words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.twin.errors import TwinError, not_in_twin, not_supported, syntax_error
from local.twin.sql.calls import CAST, Call, bracketed, call, twins
from local.twin.sql.scope import CLOSE, COMMA, OPEN
from local.twin.sql.tokens import operator, outside_brackets, string, word

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from local.twin.sql.scope import Tokens
    from local.twin.sql.tokens import Token

_OPEN_ENDED = "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"
_RANKS = ("row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile", "lag", "lead")
_WHOLE = ("listagg", "median", "percentile_cont", "percentile_disc", "ratio_to_report")
_FRAMES = ("rows", "range", "groups")


def check_window(function: str, over: Sequence[Token]) -> None:
    """Raise when an OVER clause breaks Redshift's rules (AWS, "Window function syntax summary")."""
    outside = [token for _, token in outside_brackets(over)]
    ordered = any(token.is_word("order") for token in outside)
    framed = next((token for token in outside if token.is_word(*_FRAMES)), None)
    if framed is not None and framed.is_word("range"):
        raise not_supported("RANGE in a window's frame")
    if framed is not None and framed.is_word("groups"):
        raise syntax_error(framed.text)
    if any(token.is_word("exclude") for token in outside):
        raise syntax_error("exclude")
    if function in _WHOLE:
        if ordered or framed is not None:
            raise TwinError(f"{function} may not have an ORDER BY or a frame in its window", code="42601")
    elif function in _RANKS:
        if framed is not None:
            raise TwinError(f"{function} may not have a frame clause", code="42601")
    elif ordered and framed is None:
        raise TwinError(
            "Aggregate window functions with an ORDER BY clause require a frame clause", code="42601"
        )


def _typed_by_its_argument(function: str) -> Callable[[Call], Tokens]:
    """Return an aggregate whose result's type follows from its argument's, which MIN keeps."""

    def made(found: Call) -> Tokens:
        found.count(1)
        value = [*call([word(found.function)], found.arguments), *found.over_clause()]
        sample = [*call([word("min")], found.arguments), *found.over_clause()]
        return call(twins(function), [value, sample])

    return made


def _in_floating_point(found: Call) -> Tokens:
    """Return an aggregate of DOUBLE PRECISION, whatever its argument's type."""
    found.count(1)
    value = found.arguments[0]
    distinct = value[:1] if value and value[0].is_word("distinct", "all") else []
    argument = [*distinct, *bracketed(value[len(distinct) :]), CAST, word("float8")]
    return [*call([word(found.function)], [argument]), *found.over_clause()]


def _listagg(found: Call) -> Tokens:
    """Return STRING_AGG for LISTAGG(x [, separator]) [WITHIN GROUP (ORDER BY ...)] [OVER (...)]."""
    found.count(1, 2)
    value = found.arguments[0]
    distinct = value[:1] if value and value[0].is_word("distinct") else []
    text = [*bracketed(value[len(distinct) :]), CAST, word("text")]
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
    return call(twins("listagg"), [aggregate])


def _median(found: Call) -> Tokens:
    found.count(1)
    return [*call(twins("percentile_cont"), [*found.arguments, [word("0.5")]]), *found.over_clause()]


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
    made = call(twins(found.function), [value, share])
    return [*made, *found.over_clause()]


def _ratio_to_report(found: Call) -> Tokens:
    found.count(1)
    value = [*bracketed(found.arguments[0]), CAST, word("float8")]
    whole = [*call([word("sum")], [value]), *found.over_clause()]
    return bracketed([*value, operator("/"), *call([word("nullif")], [whole, [word("0")]])])


def _value(found: Call) -> Tokens:
    """Return FIRST_VALUE or LAST_VALUE, with or without NULLs."""
    if found.nulls != "ignore":
        return [*call([word(found.function)], found.arguments), *found.over_clause()]
    if found.function == "nth_value":
        raise not_in_twin("NTH_VALUE with IGNORE NULLS")
    return [*call(twins(found.function + "_known"), found.arguments), *found.over_clause()]


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
    return [*call(twins(nearest), found.arguments[:1]), word("over"), *bracketed(window)]


AGGREGATES: dict[str, Callable[[Call], Tokens]] = {
    "avg": _typed_by_its_argument("averaged"),
    "sum": _typed_by_its_argument("summed"),
    "listagg": _listagg,
    "median": _median,
    "percentile_cont": _percentile,
    "percentile_disc": _percentile,
    "ratio_to_report": _ratio_to_report,
    **dict.fromkeys(
        ("stddev", "stddev_pop", "stddev_samp", "var_pop", "var_samp", "variance"), _in_floating_point
    ),
}
# Those that PostgreSQL is told in other words only before OVER; without it, it refuses them itself.
WINDOWS: dict[str, Callable[[Call], Tokens]] = {
    "first_value": _value,
    "last_value": _value,
    "nth_value": _value,
    "lag": _neighbour,
    "lead": _neighbour,
}
