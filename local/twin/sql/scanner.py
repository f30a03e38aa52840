"""SQL text as tokens, so that nothing in a string, a quoted name or a comment is taken for SQL."""

from __future__ import annotations

import re

from local.twin.errors import TwinError, syntax_error
from local.twin.sql.tokens import Kind, Token, checked, name, operator
from local.twin.sql.words import RESERVED

# More than any number has that a column takes.
_MAX_DIGITS = 400

_SCANNER = re.compile(
    r"""
    (?P<space>\s+|--[^\n]*)
  | (?P<comment>/\*)
  | (?P<string>[eE]?'(?:[^'\\]|\\.|'')*')
  | (?P<dollar>\$(?P<tag>[A-Za-z_]*)\$.*?\$(?P=tag)\$)
  | (?P<parameter>\$[0-9]+)
  | (?P<name>"(?:[^"]|"")*")
  | (?P<temporary>\#[^\W\d][\w$]*)
  | (?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
  | (?P<word>[^\W\d][\w$]*)
  | (?P<operator>::|<<|>>|<>|!=|<=|>=|\|{1,2}/|\|\||->>?|\#>>?|@>|<@|\?[|&]?|@@|@\?|!~~?\*?|~\*
      |[-+*/%^<>=~!@&|,;().\[\]:\#`])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?P<code>[0-7]{1,3}|x[0-9a-fA-F]{1,2}|.)|''", re.DOTALL)
_CONTROL = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def tokenize(sql: str) -> list[Token]:
    """Return the tokens of a text; raises Redshift's syntax error where it is none."""
    tokens: list[Token] = []
    at = 0
    while at < len(sql):
        found = _SCANNER.match(sql, at)
        if found is None:
            raise _unscannable(sql[at:])
        kind = found.lastgroup if found.lastgroup != "tag" else "dollar"
        at = _comment_end(sql, at) if kind == "comment" else found.end()
        if kind == "temporary" and tokens and _is_value(tokens[-1]):
            # a # b, and not the temporary table #b
            at = found.start() + 1
            tokens.append(operator("#"))
        elif kind not in {"space", "comment"}:
            tokens.append(_token(str(kind), found[0]))
    return tokens


# Words that no operand ends with, besides the reserved ones: a # after them begins a name.
_NO_OPERANDS = RESERVED | {
    "update", "exists", "truncate", "vacuum", "copy", "lock", "append", "by", "set", "view", "delete", "merge",
    "values", "rename",
}  # fmt: skip


def _is_value(token: Token) -> bool:
    if token.kind is Kind.WORD:
        return token.value not in _NO_OPERANDS
    return token.kind is not Kind.OPERATOR or token.is_operator(")", "]")


def _unscannable(rest: str) -> TwinError:
    if rest[0] == "'":
        return TwinError("unterminated quoted string", code="42601")
    if rest[0] == '"':
        return TwinError("unterminated quoted identifier", code="42601")
    return syntax_error(rest[0])


def _comment_end(sql: str, start: int) -> int:
    depth = 0
    for mark in re.finditer(r"/\*|\*/", sql[start:]):
        depth += 1 if mark[0] == "/*" else -1
        if not depth:
            return start + mark.end()
    raise TwinError("unterminated /* comment", code="42601")


def _token(kind: str, text: str) -> Token:
    if kind == "word":
        return Token(Kind.WORD, text, checked(text.lower()))
    if kind == "temporary":
        return name(text)
    if kind == "name":
        return name(text[1:-1].replace('""', '"'))
    if kind == "string":
        body = text[text.index("'") + 1 : -1]
        return Token(Kind.STRING, text, _ESCAPE.sub(_unescaped, body))
    if kind == "number" and len(text) > _MAX_DIGITS:
        raise TwinError(f'value "{text[:40]}..." is out of range', code="22003")
    if kind == "dollar":
        return Token(Kind.STRING, text, text)
    return Token(Kind(kind), text, text)


def _unescaped(found: re.Match[str]) -> str:
    code = found["code"]
    if code is None:
        return "'"
    if code[0] == "x" and len(code) > 1:
        return chr(int(code[1:], 16))
    return chr(int(code, 8)) if code[0] in "01234567" else _CONTROL.get(code, code)
