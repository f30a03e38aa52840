"""What a column can't take, and how it is said."""

import math
import sys
from decimal import Decimal


class BadValue(Exception):  # noqa: N818 - a fate of a line, not an error of ours
    """A value its column can't take: `reason` is one word, `detail` says what was found."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}")


def shown(value: object) -> str:
    """Return a value as a person reads it, cut to a screen line."""
    text = repr(value) if isinstance(value, str | dict | list) else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004 - one screen line


def finite(exact: Decimal, ddl: str) -> float:
    """Return a number as a double; BadValue where it becomes infinite, or smaller than a double of full precision.

    Redshift was seen to keep some smaller ones as infinity (Redshift Research Project, "Minimum and Maximum Values
    by Data Type").
    """
    number = float(exact)
    if math.isinf(number) or (exact and abs(number) < sys.float_info.min):
        raise BadValue("out_of_range", f"{shown(exact)} is too large or too small for {ddl}")
    return number
