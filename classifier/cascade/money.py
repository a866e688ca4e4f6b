"""Money in whole millionths (micro-units) of the currency, so that sums are exact. No store, no text."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import NamedTuple

MICRO = 1_000_000


class Prices(NamedTuple):
    """Prices in micro-units per million tokens."""

    per_million_in: int
    per_million_out: int

    def cost(self, tokens_in: int, tokens_out: int) -> int:
        """Return what so many tokens cost, in micro-units, a begun one counted whole."""
        return -(-(tokens_in * self.per_million_in + tokens_out * self.per_million_out) // MICRO)


def prices(price_in: float, price_out: float) -> Prices:
    """Make prices of money per million tokens; less than a micro-unit counts as one."""
    return Prices(_micro(price_in, ROUND_CEILING), _micro(price_out, ROUND_CEILING))


def budget_micro(money: float) -> int:
    """Return a budget in micro-units, rounded down."""
    return _micro(money, ROUND_FLOOR)


def shown(micro: int) -> float:
    """Return micro-units as money, exact to the last of them."""
    return float(Decimal(micro) / MICRO)


def _micro(money: float, rounding: str) -> int:
    # by its decimal text: 0.15 is fifteen hundredths, not the binary number beside it
    return int((Decimal(repr(float(money))) * MICRO).to_integral_value(rounding))
