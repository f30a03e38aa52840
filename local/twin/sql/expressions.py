"""Redshift's functions and query clauses which PostgreSQL must be told in other words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.twin.errors import TwinError, not_in_twin, syntax_error
from local.twin.sql.tokens import Kind, Token, closing, operator, split_list, string, word

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Tokens = list[Token]

_OPEN, _CLOSE, _COMMA, _DOT = operator("("), operator(")"), operator(","), operator(".")
_SET_OPERATORS = ("union", "intersect", "except", "minus")


def rewrite(tokens: Sequence[Token]) -> Tokens:
    """Return the tokens of a statement with every call and clause in PostgreSQL's words."""
    return _rewrite_calls(_rewrite_top(tokens))


def _rewrite_top(tokens: Sequence[Token]) -> Tokens:
    """Turn SELECT TOP n ... into SELECT ... LIMIT n, each in its own brackets."""
    result = list(tokens)
    for at in range(len(result) - 2, -1, -1):
        number = at + 2 if result[at + 1].is_word("top") else at + 3
        if not result[at].is_word("select") or not result[number - 1 : number] or len(result) <= number:
            continue
        if result[number - 1].is_word("top") and result[number].kind is Kind.NUMBER:
            end = _query_end(result, number)
            result[end:end] = [word("limit"), result[number]]
            del result[number - 1 : number + 1]
    return result


def _query_end(tokens: Sequence[Token], start: int) -> int:
    depth = 0
    for at in range(start, len(tokens)):
        depth += tokens[at].is_operator("(") - tokens[at].is_operator(")")
        if depth < 0:
            return at
        if not depth and tokens[at].is_word(*_SET_OPERATORS):
            raise not_in_twin("TOP in a branch of " + tokens[at].value.upper())
        if not depth and tokens[at].is_word("limit", "offset"):
            raise syntax_error(tokens[at].text)
    return len(tokens)


def _rewrite_calls(tokens: Sequence[Token]) -> Tokens:
    result: Tokens = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        after = tokens[at + 1] if at + 1 < len(tokens) else operator("")
        before = tokens[at - 1] if at else operator("")
        if token.kind is not Kind.WORD or before.is_operator("."):
            result.append(token)
        elif after.is_operator("(") and token.value in _CALLS:
            end = closing(tokens, at + 1)
            arguments = [_rewrite_calls(part) for part in split_list(tokens[at + 2 : end])]
            if token.value == "listagg":
                made, end = _listagg(arguments, tokens, end)
            else:
                made = _CALLS[token.value](arguments)
            result += made
            at = end
        elif not (token.is_word("approximate") and after.is_word("count")):
            result += _bare_word(token, after)
        at += 1
    return result


def _bare_word(token: Token, after: Token) -> Tokens:
    if token.value == "sysdate" and not after.is_operator("("):
        return [word("pg_catalog"), _DOT, word("sysdate"), _OPEN, _CLOSE]
    if token.value == "minus" and after.is_word("select"):
        return [word("except")]
    return [token]


def _count(name: str, arguments: Sequence[Tokens], *counts: int) -> None:
    if len(arguments) not in counts:
        raise TwinError(f"function {name} does not take {len(arguments)} arguments", code="42883")


def _bracketed(tokens: Tokens) -> Tokens:
    return [_OPEN, *tokens, _CLOSE]


def _call(function: Tokens, arguments: Sequence[Tokens]) -> Tokens:
    inner: Tokens = []
    for argument in arguments:
        inner += [_COMMA, *argument] if inner else argument
    return [*function, _OPEN, *inner, _CLOSE]


def _version(arguments: Sequence[Tokens]) -> Tokens:
    _count("version", arguments, 0)
    return _call([word("twin"), _DOT, word("version")], [])


def _nvl(arguments: Sequence[Tokens]) -> Tokens:
    return _call([word("coalesce")], arguments)


def _nvl2(arguments: Sequence[Tokens]) -> Tokens:
    _count("nvl2", arguments, 3)
    value, filled, missing = arguments
    test = [word("when"), *_bracketed(value), word("is"), word("not"), word("null"), word("then")]
    return _bracketed([word("case"), *test, *filled, word("else"), *missing, word("end")])


def _decode(arguments: Sequence[Tokens]) -> Tokens:
    if len(arguments) < 3:  # noqa: PLR2004 - an expression and one pair
        _count("decode", arguments)
    value, *rest = arguments
    made = [word("case")]
    # NULL equals NULL in DECODE
    same = [word("is"), word("not"), word("distinct"), word("from")]
    for search, result in zip(rest[::2], rest[1::2], strict=False):
        made += [word("when"), *_bracketed(value), *same, *_bracketed(search), word("then"), *result]
    if len(rest) % 2:
        made += [word("else"), *rest[-1]]
    return _bracketed([*made, word("end")])


def _date_function(name: str, *counts: int) -> Callable[[Sequence[Tokens]], Tokens]:
    def made(arguments: Sequence[Tokens]) -> Tokens:
        _count(name, arguments, *counts)
        part = arguments[0]
        if len(part) != 1 or not (part[0].is_name or part[0].kind is Kind.STRING):
            raise syntax_error(part[0].text if part else ",")
        return _call([word("pg_catalog"), _DOT, word(name)], [[string(part[0].value)], *arguments[1:]])

    return made


def _convert(arguments: Sequence[Tokens]) -> Tokens:
    _count("convert", arguments, 2)
    return [word("cast"), _OPEN, *arguments[1], word("as"), *arguments[0], _CLOSE]


def _json_serialize(arguments: Sequence[Tokens]) -> Tokens:
    # newer PostgreSQLs have a clause of this name; qualified it is our function
    return _call([word("pg_catalog"), _DOT, word("json_serialize")], arguments)


def _json_extract_path_text(arguments: Sequence[Tokens]) -> Tokens:
    function = [word("pg_catalog"), _DOT, word("json_extract_path_text")]
    if not (arguments and len(arguments[-1]) == 1 and arguments[-1][0].is_word("true", "false")):
        return _call(function, arguments)
    path: Tokens = []
    for argument in arguments[1:-1]:
        path += [_COMMA, *argument] if path else argument
    keys = [word("array"), operator("["), *path, operator("]")]
    return _call([word("twin"), _DOT, word("json_path_text")], [arguments[0], keys, arguments[-1]])


def _listagg(arguments: Sequence[Tokens], tokens: Sequence[Token], end: int) -> tuple[Tokens, int]:
    """Return STRING_AGG for LISTAGG(x [, separator]) [WITHIN GROUP (ORDER BY ...)], and its last index."""
    _count("listagg", arguments, 1, 2)
    value = arguments[0]
    distinct = value[:1] if value and value[0].is_word("distinct") else []
    text = [*_bracketed(value[len(distinct) :]), operator("::"), word("text")]
    separator = arguments[1] if len(arguments) > 1 else [string("")]
    order: Tokens = []
    if [t.value for t in tokens[end + 1 : end + 3]] == ["within", "group"]:
        last = closing(tokens, end + 3)
        order = _rewrite_calls(tokens[end + 4 : last])
        end = last
    if distinct and order:
        # PostgreSQL sorts distinct values only by the very expression that it aggregates
        order = [*order[:2], *text, *[t for t in order[-1:] if t.is_word("asc", "desc")]]
    return [word("string_agg"), _OPEN, *distinct, *text, _COMMA, *separator, *order, _CLOSE], end


def _placeholder(arguments: Sequence[Tokens]) -> Tokens:
    raise AssertionError(arguments)


_CALLS: dict[str, Callable[[Sequence[Tokens]], Tokens]] = {
    "version": _version,
    "nvl": _nvl,
    "nvl2": _nvl2,
    "decode": _decode,
    "dateadd": _date_function("dateadd", 3),
    "date_add": _date_function("dateadd", 3),
    "datediff": _date_function("datediff", 3),
    "date_diff": _date_function("datediff", 3),
    "convert": _convert,
    "json_extract_path_text": _json_extract_path_text,
    "json_serialize": _json_serialize,
    "listagg": _placeholder,
}
