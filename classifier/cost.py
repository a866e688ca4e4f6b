"""What a million documents cost: on a machine of one's own, and by a large model. Plain arithmetic."""

from typing import NamedTuple

from classifier.errors import ClassifierError

_MILLION = 1_000_000


class Price(NamedTuple):
    """Of a large model: money per million tokens read and written."""

    per_million_in: float
    per_million_out: float


def per_million(texts_per_s: float, price_per_hour: float) -> float:
    """Return what a machine costs while it judges a million texts, in the currency of its price per hour."""
    if texts_per_s <= 0:
        raise ClassifierError(f"{texts_per_s} texts a second never come to a million; give a speed above 0")
    return _MILLION / texts_per_s / 3600 * price_per_hour


def llm_per_million(tokens_in: float, tokens_out: float, price: Price) -> float:
    """Return what a million texts cost of so many tokens read and written each."""
    return tokens_in * price.per_million_in + tokens_out * price.per_million_out
