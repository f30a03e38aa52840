"""What the values of an event type were like, path by path, in bounded memory."""

import re
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

from log_router.core import paths
from log_router.core.bad_values import BadValue, finite
from log_router.core.events import Column
from log_router.core.examples import example
from log_router.core.values import converter

MAX_FIELDS = 20_000
_EXAMPLES = 3
_KINDS = {dict: "object", list: "array", str: "text", bool: "boolean", int: "integer", Decimal: "number"}
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*", re.DOTALL)
_DATE_LENGTH = len("2026-01-31")
_DOUBLE_DIGITS = 17
# The split's own judge of times.
_time = converter(Column.model_validate({"name": "t", "type": "timestamp"}))


@dataclass
class Field:
    """The values at one path: how many, of which kinds, how large; and the fields inside of objects.

    `numbers` spans all numbers, `digits` and `scale` are the most before and behind the point, `longest` has the bytes
    of the longest scalar as text. `exact` tells whether doubles hold all numbers digit for digit. `narrowed` objects
    had more keys than are looked at. Of texts, `dates` and `times` look like ISO 8601, and `valid_times` tells whether
    all of these are.
    """

    path: paths.Path = ()
    kinds: Counter[str] = field(default_factory=Counter)
    nulls: int = 0
    numbers: tuple[Decimal, Decimal] | None = None
    digits: int = 0
    scale: int = 0
    exact: bool = True
    longest: int = 0
    ascii: bool = True
    empty: int = 0
    dates: int = 0
    times: int = 0
    valid_times: bool = True
    nul: bool = False
    narrowed: bool = False
    examples: list[str] = field(default_factory=list)
    inside: dict[str, "Field"] = field(default_factory=dict)

    @property
    def values(self) -> int:
        """How many values there were that are not null."""
        return self.kinds.total()


class Profile:
    """The fields of the documents of one event type."""

    def __init__(self) -> None:
        self.documents = 0
        self.root = Field()
        self._fields = 0

    def add(self, document: dict[str, object]) -> None:
        """Look at a document as msgspec decodes it: numbers are int or Decimal."""
        self.documents += 1
        self._add_object(self.root, document)

    def _add_object(self, parent: Field, document: dict[str, object]) -> None:
        # Not recursive: documents nest deeper than Python's stack.
        pending = [(parent, document)]
        while pending:
            holder, found = pending.pop()
            for key, value in found.items():
                inner = self._inside(holder, key)
                if inner is None:
                    continue
                if value is None:
                    inner.nulls += 1
                    continue
                inner.kinds[_KINDS[type(value)]] += 1
                if isinstance(value, dict):
                    pending.append((inner, value))
                elif not isinstance(value, list):
                    _measure(inner, value)

    def _inside(self, holder: Field, key: str) -> Field | None:
        found = holder.inside.get(key)
        if found is None:
            if self._fields >= MAX_FIELDS:
                holder.narrowed = True
                return None
            self._fields += 1
            found = holder.inside[key] = Field((*holder.path, key))
        return found


def _measure(found: Field, value: object) -> None:
    if isinstance(value, str):
        text = value
        _look_at_text(found, value)
    else:
        text = str(value)
        if not isinstance(value, bool):
            _look_at_number(found, Decimal(value))  # type: ignore[arg-type]
    found.longest = max(found.longest, len(text.encode(errors="surrogatepass")))
    if len(found.examples) < _EXAMPLES:
        shown = example(found.path, value)
        if shown not in found.examples:
            found.examples.append(shown)


def _look_at_text(found: Field, text: str) -> None:
    found.ascii = found.ascii and text.isascii()
    found.nul = found.nul or "\0" in text
    if not text:
        found.empty += 1
    elif _DATE.fullmatch(text) or _TIME.fullmatch(text):
        found.dates += len(text) == _DATE_LENGTH
        found.times += len(text) != _DATE_LENGTH
        found.valid_times = found.valid_times and _is_time(text)


def _is_time(text: str) -> bool:
    try:
        _time(text)
    except BadValue:
        return False
    return True


def _look_at_number(found: Field, number: Decimal) -> None:
    low, high = found.numbers or (number, number)
    # compare, not min: a Decimal context would round what is long.
    found.numbers = (min(low, number), max(high, number))
    _, digits, exponent = number.as_tuple()
    places = int(exponent)
    found.digits = max(found.digits, len(digits) + places, 1)
    found.scale = max(found.scale, -places)
    try:
        double = finite(number, "double precision")
    except BadValue:
        found.exact = False
    else:
        found.exact = found.exact and (len(digits) <= _DOUBLE_DIGITS and Decimal(repr(double)) == number)
