"""Tokens of SQL: what they are, how they are written, and what reads them."""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING, TypeVar

from local.twin.errors import TwinError, syntax_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Item = TypeVar("Item")

# PostgreSQL's limit. Redshift's is 127 bytes, so a longer name is refused rather than cut.
MAX_NAME_BYTES = 63
REDSHIFT_NAME_BYTES = 127
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


def checked(identifier: str) -> str:
    """Return a name; raises where it is longer than the twin carries."""
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
    folded = checked(value.lower())
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


def outside_brackets(tokens: Sequence[Token]) -> list[tuple[int, Token]]:
    """Return the tokens outside of brackets, with their places."""
    found = []
    depth = 0
    for at, token in enumerate(tokens):
        depth -= token.is_operator(")", "]")
        if not depth:
            found.append((at, token))
        depth += token.is_operator("(", "[")
    return found


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

    def expect_words(self, *expected: str) -> None:
        """Read these keywords, one after the other; raises the syntax error at anything else."""
        for one in expected:
            self.expect_word(one)

    def expect_end(self) -> None:
        """Raise the syntax error at what is left."""
        if not self.done:
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

    def listed(self, read: Callable[[Cursor], Item]) -> list[Item]:
        """Read one thing or several with commas between them, each by `read`."""
        found = [read(self)]
        while self.operators(","):
            found.append(read(self))
        return found

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
