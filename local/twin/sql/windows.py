"""What Redshift demands of window functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.twin.errors import TwinError, not_supported, syntax_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.twin.sql.tokens import Token

_RANKS = ("row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile", "lag", "lead")
_WHOLE = ("listagg", "median", "percentile_cont", "percentile_disc", "ratio_to_report")
_FRAMES = ("rows", "range", "groups")


def check_window(function: str, over: Sequence[Token]) -> None:
    """Raise when an OVER clause breaks Redshift's rules (AWS, "Window function syntax summary")."""
    outside = _outside_brackets(over)
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


def _outside_brackets(tokens: Sequence[Token]) -> list[Token]:
    found: list[Token] = []
    depth = 0
    for token in tokens:
        depth -= token.is_operator(")")
        if not depth:
            found.append(token)
        depth += token.is_operator("(")
    return found
