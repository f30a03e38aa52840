"""SQL text as tokens, so that nothing in a string, a quoted name or a comment is taken for SQL."""

from __future__ import annotations

import dataclasses
import enum
import re
from typing import TYPE_CHECKING

from local.twin.errors import TwinError, syntax_error
from local.twin.sql.words import RESERVED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# PostgreSQL's limit. Redshift's is 127 bytes, so a longer name is refused rather than cut.
MAX_NAME_BYTES = 63
REDSHIFT_NAME_BYTES = 127
MAX_DIGITS = 400
MAX_BRACKETS = 100


class Kind(enum.Enum):
    """What a token is."""

    WORD = "word"
    NAME = "quoted name"
    STRING = "string"
    NUMBER = "number"
    OPERATOR = "operator"
    PARAMETER = "parameter"


@dataclasses.dataclass(frozen=True, slots=True)
class Token:
    """One token: its text as PostgreSQL shall read it, and the value it stands for.

    The value of a word or a name is in lower case, as Redshift folds both; that of a string
    has its escapes resolved.
    """

    kind: Kind
    text: str
    value: str

    def is_word(self, *words: str) -> bool:
        """Return whether this is one of these keywords or unquoted names."""
        return self.kind is Kind.WORD and self.value in words

    def is_operator(self, *operators: str) -> bool:
        """Return whether this is one of these operators."""
        return self.kind is Kind.OPERATOR and self.value in operators

    @property
    def is_name(self) -> bool:
        """Whether this can be a name: a word or a quoted name."""
        return self.kind is Kind.WORD or self.kind is Kind.NAME


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
        return Token(Kind.WORD, text, _checked(text.lower()))
    if kind == "temporary":
        return name(text)
    if kind == "name":
        return name(text[1:-1].replace('""', '"'))
    if kind == "string":
        body = text[text.index("'") + 1 : -1]
        return Token(Kind.STRING, text, _ESCAPE.sub(_unescaped, body))
    if kind == "number" and len(text) > MAX_DIGITS:
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


def _checked(identifier: str) -> str:
    size = len(identifier.encode())
    if size > MAX_NAME_BYTES:
        raise TwinError(
            f'the identifier "{identifier}" has {size} bytes: the local Redshift twin carries {MAX_NAME_BYTES}',
            code="42622",
            detail=f"Redshift carries {REDSHIFT_NAME_BYTES} bytes and cuts longer names silently.",
        )
    return identifier


def name(value: str) -> Token:
    """Return a quoted name, folded to lower case as Redshift does by default."""
    folded = _checked(value.lower())
    if not folded:
        raise TwinError('zero-length delimited identifier at or near """"', code="42601")
    return Token(Kind.NAME, '"' + folded.replace('"', '""') + '"', folded)


def word(text: str) -> Token:
    """Return a keyword or unquoted name."""
    return Token(Kind.WORD, text, text.lower())


def operator(text: str) -> Token:
    """Return an operator."""
    return Token(Kind.OPERATOR, text, text)


def string(value: str) -> Token:
    """Return a string literal."""
    return Token(Kind.STRING, literal(value), value)


def literal(value: str) -> str:
    """Return a string literal's text, safe whatever the value and the backslash setting."""
    return "E'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def render(tokens: Iterable[Token]) -> str:
    """Return the SQL text of tokens."""
    return " ".join(token.text for token in tokens)


def refuse_deep_nesting(tokens: Iterable[Token]) -> None:
    """Raise when brackets stand deeper in each other than the twin follows."""
    depth = 0
    for token in tokens:
        depth += token.is_operator("(", "[") - token.is_operator(")", "]")
        if depth > MAX_BRACKETS:
            raise TwinError("stack depth limit exceeded", code="54001")


def statements(tokens: Sequence[Token]) -> list[list[Token]]:
    """Return the statements that semicolons separate; empty ones are left out."""
    found: list[list[Token]] = [[]]
    for token in tokens:
        if token.is_operator(";"):
            found.append([])
        else:
            found[-1].append(token)
    return [statement for statement in found if statement]


def closing(tokens: Sequence[Token], opening: int) -> int:
    """Return the index of the bracket that closes the one at `opening`."""
    pairs = {"(": ")", "[": "]"}
    opener = tokens[opening].value if opening < len(tokens) else ""
    if opener not in pairs:
        raise syntax_error(opener or "end of input")
    depth = 0
    for at in range(opening, len(tokens)):
        if tokens[at].is_operator(opener):
            depth += 1
        elif tokens[at].is_operator(pairs[opener]):
            depth -= 1
            if not depth:
                return at
    raise syntax_error("end of input")


def split_list(tokens: Sequence[Token]) -> list[list[Token]]:
    """Return what the commas outside of brackets separate."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += token.is_operator("(", "[") - token.is_operator(")", "]")
        if token.is_operator(",") and not depth:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts if parts != [[]] else []


class Cursor:
    """A place in a list of tokens, for a parser that reads forward."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens = tokens
        self.at = 0

    @property
    def done(self) -> bool:
        """Whether every token has been read."""
        return self.at >= len(self.tokens)

    @property
    def next(self) -> Token:
        """The token to be read next; at the end an operator without text."""
        return self.tokens[self.at] if not self.done else operator("")

    def take(self) -> Token:
        """Read one token; raises the syntax error at the end."""
        if self.done:
            raise syntax_error("end of input")
        self.at += 1
        return self.tokens[self.at - 1]

    def words(self, *expected: str) -> bool:
        """Read these keywords if they all come next, and say whether they did."""
        upcoming = self.tokens[self.at : self.at + len(expected)]
        if [t.value for t in upcoming if t.kind is Kind.WORD] != list(expected):
            return False
        self.at += len(expected)
        return True

    def operators(self, expected: str) -> bool:
        """Read this operator if it comes next, and say whether it did."""
        if not self.next.is_operator(expected):
            return False
        self.at += 1
        return True

    def expect_word(self, *expected: str) -> Token:
        """Read one of these keywords; raises the syntax error at anything else."""
        if not self.next.is_word(*expected):
            raise syntax_error(self.next.text)
        return self.take()

    def expect(self, expected: str) -> None:
        """Read this operator; raises the syntax error at anything else."""
        if not self.operators(expected):
            raise syntax_error(self.next.text)

    def expect_string(self) -> str:
        """Read a string literal and return its value."""
        if self.next.kind is not Kind.STRING:
            raise syntax_error(self.next.text)
        return self.take().value

    def expect_name(self) -> str:
        """Read a name and return it as Redshift folds it."""
        if not self.next.is_name:
            raise syntax_error(self.next.text)
        return self.take().value

    def qualified_name(self) -> tuple[str, ...]:
        """Read a name with its qualifying names, outermost first."""
        parts = [self.expect_name()]
        while self.operators("."):
            parts.append(self.expect_name())
        return tuple(parts)

    def in_brackets(self) -> list[Token]:
        """Read a list in brackets and return what stands between them."""
        if not self.next.is_operator("("):
            raise syntax_error(self.next.text)
        end = closing(self.tokens, self.at)
        inner = list(self.tokens[self.at + 1 : end])
        self.at = end + 1
        return inner


def quoted(parts: Iterable[str]) -> str:
    """Return a qualified name, each part quoted."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)
