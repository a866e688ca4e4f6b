"""Symbols as they stand in texts: cashtags, codes of the mainland and Hong Kong, tickers with their exchange."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

# Letters are ASCII here: Chinese has no spaces, so 看好$ABCD走势 holds a cashtag.
_CASHTAG = re.compile(r"(?<![A-Za-z0-9_$])\$([A-Za-z]{1,5}(?:[.-][A-Za-z]{1,2})?)(?![A-Za-z0-9_$])")
_FULL = re.compile(r"(?<![A-Za-z0-9_.])(\d{6}\.(?:SH|SS|SZ|BJ)|\d{1,5}\.HK)(?![A-Za-z0-9_])", re.IGNORECASE)
_PREFIXED = re.compile(r"(?<![A-Za-z0-9_.])(SH|SZ|BJ|HK)[.:]?(\d{6}|\d{4,5})(?![A-Za-z0-9_.]|\.\d)", re.IGNORECASE)
_BRACKETED = re.compile(r"[(（\[【<](\d{5,6})(?:[.,，、/;； ][^)）\]】>]{0,16})?[)）\]】>]")
_BARE = re.compile(
    r"(?<![A-Za-z0-9_.,，:：¥￥$€/-])(\d{6})(?![A-Za-z0-9_%％]|[.,:：/-]\d|\s?[万亿元股手份人吨年月日号户台套辆美港千百只张])"
)
_LISTED = re.compile(
    r"\b(?i:NYSE(?: ?American| ?MKT| ?Arca)?|NASDAQ(?:GS|GM|CM)?|AMEX)\s?[:：]\s?"
    r"([A-Z]{1,5}(?:[.-][A-Z])?)(?![A-Za-z0-9])"
)
_REUTERS = re.compile(r"[<(（]([A-Z]{1,5})\.(?:N|O|OQ|K|A|P|PK|US)[>)）]")
_PLAIN_US = re.compile(r"(?<![A-Za-z0-9_.])([A-Z]{1,5})\.US(?![A-Za-z0-9])")
_SIX = re.compile(r"\d{4}")
FUND, NEAR_FUND = 0.4, 10  # funds bear six digits as well: those that stand near their word are not sure


class Code(NamedTuple):
    """A symbol found. `symbol` may lack its exchange; `sure` is how sure the notation makes it."""

    symbol: str
    start: int
    end: int
    reason: str
    sure: float


def codes_in(text: str, exchange_of: Callable[[str], str | None]) -> Iterator[Code]:
    """All codes of a text. `exchange_of` gives the full symbol of bare digits, or None where no company bears them."""
    if "$" in text:
        for found in _CASHTAG.finditer(text):
            yield Code(found.group(1), found.start(), found.end(), "cashtag", 0.95)
    if _SIX.search(text) or ".HK" in text or ".hk" in text:
        yield from _numbers(text, exchange_of)
    if ":" in text or "：" in text:
        for found in _LISTED.finditer(text):
            yield Code(found.group(1), found.start(1), found.end(1), "code", 0.95)
    if "." in text:
        for pattern in (_REUTERS, _PLAIN_US):
            for found in pattern.finditer(text):
                yield Code(found.group(1), found.start(1), found.end(1), "code", 0.95)


def _numbers(text: str, exchange_of: Callable[[str], str | None]) -> Iterator[Code]:
    for found in _FULL.finditer(text):
        yield Code(found.group(1), found.start(), found.end(), "code", 0.95)
    for found in _PREFIXED.finditer(text):
        exchange, digits = found.group(1).upper(), found.group(2)
        if (len(digits) == 6) != (exchange == "HK"):
            yield Code(f"{digits}.{exchange}", found.start(), found.end(), "code", 0.95)
    for pattern, sure in ((_BRACKETED, 0.95), (_BARE, 0.6)):
        for found in pattern.finditer(text):
            symbol = exchange_of(found.group(1))
            if symbol is not None:
                of_fund = "基金" in text[max(0, found.start() - NEAR_FUND) : found.end() + NEAR_FUND]
                yield Code(symbol, found.start(1), found.end(1), "code", FUND if of_fund else sure)
