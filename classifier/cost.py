"""What a million documents cost: on a machine of one's own, and by a large model. Plain arithmetic."""

from classifier.errors import ClassifierError

_MILLION = 1_000_000


def per_million(texts_per_s: float, price_per_hour: float) -> float:
    """Return what a machine costs while it judges a million texts, in the currency of its price per hour."""
    if texts_per_s <= 0:
        raise ClassifierError(f"{texts_per_s} texts a second never come to a million; give a speed above 0")
    return _MILLION / texts_per_s / 3600 * price_per_hour


def llm_per_million(tokens_in: float, tokens_out: float, price_in: float, price_out: float) -> float:
    """Return what a million texts cost of so many tokens read and written each, at prices per million tokens."""
    return tokens_in * price_in + tokens_out * price_out
