"""Good lines made bad, one way each, and lines that are odd but good.

Every line begins with its event, id and time; the spoilers count on it. Lines are text in which a lone
surrogate U+DC80 to U+DCFF stands for a byte that is not UTF-8 (Python's `surrogateescape`).
"""

import re
from collections.abc import Callable, Mapping
from math import log
from random import Random

_TOO_LARGE_FOR_BIGINT = 2**63

Spoiler = Callable[[str, Random], str]


def _with_id(line: str, new: str) -> str:
    """Return the line with `new`, JSON, in place of its event's id."""
    start = line.index('"id":"') + len('"id":')
    return line[:start] + new + line[start + 38 :]


def _event_id(line: str) -> str:
    start = line.index('"id":"') + len('"id":"')
    return line[start : start + 36]


def _malformed(line: str, _: Random) -> str:
    return line.replace('"properties":', '"properties" ', 1)


def _truncated(line: str, dice: Random) -> str:
    return line[: 1 + int(dice.random() * (len(line) - 1))]


def _invalid_utf8(line: str, _: Random) -> str:
    return _with_id(line, f'"{_event_id(line)[:-2]}\udcc3("')


def _nul(line: str, _: Random) -> str:
    return _with_id(line, f'"{_event_id(line)[:-1]}\\u0000"')


def _lone_surrogate(line: str, _: Random) -> str:
    return _with_id(line, f'"{_event_id(line)[:-3]}\\ud83d"')


def _two_documents(line: str, _: Random) -> str:
    return line + line


def _array(line: str, _: Random) -> str:
    return f"[{line}]"


def _scalar(_: str, dice: Random) -> str:
    return ("42", '"listing_viewed"', "null", "true", "-1.5e3")[int(dice.random() * 5)]


def _no_event(line: str, _: Random) -> str:
    return "{" + line[line.index('"id":') :]


def _too_long(line: str, _: Random) -> str:
    return _with_id(line, f'"{_event_id(line)}{_event_id(line)}"')


def _wrong_type(line: str, _: Random) -> str:
    return _with_id(line, f'{{"uuid":"{_event_id(line)}"}}')


def _missing_required(line: str, _: Random) -> str:
    start = line.index('"occurred_at":')
    return line[:start] + line[line.index(",", start) + 1 :]


def _out_of_range(line: str, _: Random) -> str:
    user = f'"user":{{"id":{_TOO_LARGE_FOR_BIGINT}}},'
    if '"user":{"id":' in line:
        return re.sub(r'"user":\{"id":\d+', user[:-2], line, count=1)
    return line.replace('"device":', f'{user}"device":', 1)


def _bad_time(line: str, _: Random) -> str:
    start = line.index('"occurred_at":"') + len('"occurred_at":"')
    return f"{line[: start + 5]}13-45{line[start + 10 :]}"


BAD: Mapping[str, Spoiler] = {
    "malformed_json": _malformed,
    "truncated": _truncated,
    "invalid_utf8": _invalid_utf8,
    "nul_escape": _nul,
    "lone_surrogate": _lone_surrogate,
    "two_documents": _two_documents,
    "array": _array,
    "scalar": _scalar,
    "missing_event": _no_event,
    "too_long": _too_long,
    "wrong_type": _wrong_type,
    "missing_required": _missing_required,
    "out_of_range": _out_of_range,
    "bad_timestamp": _bad_time,
}


def _other_event(event: str) -> Spoiler:
    return lambda line, _: re.sub(r'"event":"[a-z_]+"', f'"event":"{event}"', line, count=1)


def _ab_test(line: str, dice: Random) -> str:
    test, variants = dice.choice((("new checkout", "abc"), ("larger photos", "ab"), ("sticky filters", "ab")))
    properties = (
        f'{{"experiment":"{test}","variant":"{dice.choice(variants)}","bucket":{dice.randrange(1000)}}}'
    )
    before = line[: line.index('"properties":')]
    return _other_event("ab_test_assigned")(f'{before}"properties":{properties}}}', dice)


# A type that somebody will want to have, and one that nobody will.
UNROUTED: Mapping[str, Spoiler] = {"ab_test_assigned": _ab_test, "debug_ping": _other_event("debug_ping")}
BLANK: Mapping[str, Spoiler] = {"blank": lambda _, dice: "" if dice.random() < 1 / 2 else " \t"}
# Odd, but as good as any: Windows line ends, a key that stands twice (the last one counts).
ODD: Mapping[str, Spoiler] = {
    "crlf": lambda line, _: f"{line}\r",
    "duplicate_key": lambda line, _: f'{{"id":"first of two",{line[1:]}',
}
SPOILERS: Mapping[str, Spoiler] = {**BAD, **UNROUTED, **BLANK, **ODD}


def rates(
    *, bad: float = 0.001, unrouted: float = 0.004, blank: float = 0.0005, odd: float = 0.001
) -> dict[str, float]:
    """Return the rate of each kind, per line: each of the four is spread evenly over its kinds."""
    groups = ((BAD, bad), (UNROUTED, unrouted), (BLANK, blank), (ODD, odd))
    return {kind: rate / len(kinds) for kinds, rate in groups for kind in kinds}


class Chance:
    """Says which lines are spoiled and how, each kind at its rate."""

    def __init__(self, rate_of: Mapping[str, float], dice: Random) -> None:
        unknown = sorted(rate_of.keys() - SPOILERS.keys())
        total = sum(rate_of.values())
        if unknown or min(rate_of.values(), default=0) < 0 or total >= 1:
            raise ValueError(
                f"rates of bad lines: unknown kinds {unknown}, sum {total}; "
                f"the kinds are {', '.join(SPOILERS)}, their rates are >= 0 and their sum is < 1"
            )
        self._kinds = [kind for kind, rate in rate_of.items() if rate > 0]
        self._weights = [rate_of[kind] for kind in self._kinds]
        self._total = total
        self.dice = dice

    def next(self, line_number: int) -> int:
        """Return the number of the next line to spoil after `line_number`; 0 when there is none."""
        if not self._kinds:
            return 0
        # The distance between hits of a chance taken line by line is geometric.
        return line_number + 1 + int(log(1 - self.dice.random()) / log(1 - self._total))

    def kind(self) -> str:
        """Return how to spoil the line."""
        return self.dice.choices(self._kinds, self._weights)[0]
