"""Who comes to the marketplace, and how often."""

from collections.abc import Sequence
from random import Random

from local.generate.market import Market
from local.generate.shopping import Shopper
from local.generate.trading import Courier, Owner, Seller
from local.generate.visit import Hour, Line, Visit

_KINDS: tuple[type[Visit], ...] = (*[Shopper] * 81, *[Owner] * 8, *[Seller] * 6, *[Courier] * 5)


def visit(hour: Hour, start: int, markets: Sequence[Market], dice: Random) -> list[Line]:
    """Return the events of one visit that begins at `start`; what would come after the hour is left out."""
    market = markets[int(dice.random() * len(markets))]
    one = _KINDS[int(dice.random() * len(_KINDS))](hour, start, market, dice)
    one.happen()
    return one.lines
