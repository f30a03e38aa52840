"""Example values for comments, with what may be personal masked: letters become x, digits 9."""

import re
from decimal import Decimal

import orjson

from log_router.core import paths

MAX_LENGTH = 40
_PERSONAL = re.compile(
    r"name|mail|phone|user|login|actor|author|owner|person|customer|address|street|city|birth|age$|ip$|host|token|key"
    r"|secret|pass|session|cookie|message|text|comment|body|title|url|gravatar|avatar|commander|sha|hash|lat|lon",
    re.IGNORECASE,
)
# Dates and times say nothing of a person and much of a format; short words are mostly names of states.
_PLAIN = re.compile(r"\d{4}-\d\d-\d\d([T ][\d:.]+(Z|[+-][\d:]+)?)?|[A-Za-z][A-Za-z_-]{0,23}")
_SHORT_NUMBER = 10**6


def example(path: paths.Path, value: object) -> str:
    """Return a scalar as JSON shows it, on one line of printable ASCII, masked unless it is surely not personal."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        plain = _PLAIN.fullmatch(value) and not _PERSONAL.search(paths.written(path))
        text = value if plain else _shape(value[: MAX_LENGTH + 1])
        cut = f"{text[: MAX_LENGTH - 3]}..." if len(text) > MAX_LENGTH else text
        return orjson.dumps(cut).decode()
    if isinstance(value, int | Decimal):
        text = str(value)
        hidden = not -_SHORT_NUMBER < value < _SHORT_NUMBER or _PERSONAL.search(paths.written(path))
        return _shape(text[:MAX_LENGTH]) if hidden else text[:MAX_LENGTH]
    return ""


def _shape(text: str) -> str:
    masked = re.sub(r"[^\W\d_]", "x", text)
    masked = re.sub(r"\d", "9", masked)
    return re.sub(r"[^x9 -~]", "?", masked)
