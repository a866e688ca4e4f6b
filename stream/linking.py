"""Who a text is about: cashtags, exchange codes and the source's own tags. Names and context come with the company
table; how each entity fares is the classifier's answer.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

# Letters are ASCII here: Chinese has no spaces, so 看好$ABCD走势 holds a cashtag.
_CASHTAG = re.compile(r"(?<![A-Za-z0-9_$])\$([A-Za-z]{1,5}(?:[.-][A-Za-z]{1,2})?)(?![A-Za-z0-9_$])")
_CODE = re.compile(r"(?<![A-Za-z0-9_.])(\d{6}\.(?:SH|SZ|BJ)|\d{4,5}\.HK)(?![A-Za-z0-9_])", re.IGNORECASE)
_SUFFIXED = re.compile(r"\.(SH|SZ|BJ|HK)$")

COUNTS_FROM = 0.5


class Link(NamedTuple):
    """One entity found. `start` and `end` are offsets into the text, or None for a tag or target."""

    symbol: str | None
    name: str | None
    market: str | None
    start: int | None
    end: int | None
    reason: str
    confidence: float


def canonical_symbol(symbol: str) -> str:
    """`$aapl` and `AAPL` are one; Hong Kong codes have four digits at least."""
    symbol = symbol.strip().lstrip("$").upper()
    if symbol.endswith(".HK"):
        return symbol[:-3].lstrip("0").rjust(4, "0") + ".HK"
    return symbol


def market_of(symbol: str) -> str:
    """`SH`, `SZ`, `BJ`, `HK`, else `US`."""
    suffix = _SUFFIXED.search(symbol)
    return suffix.group(1) if suffix else "US"


def link(text: str, symbols: Sequence[str], targets: Sequence[str]) -> list[Link]:
    """Entities of one text in order of appearance, then the source's tags, then the targets asked for; each once."""
    found: dict[str, Link] = {}
    matches = sorted([*_CASHTAG.finditer(text), *_CODE.finditer(text)], key=lambda match: match.start())
    for match in matches:
        symbol = canonical_symbol(match.group(1))
        reason = "cashtag" if match.re is _CASHTAG else "code"
        found.setdefault(symbol, Link(symbol, None, market_of(symbol), match.start(), match.end(), reason, 0.95))
    for tag in symbols:
        symbol = canonical_symbol(tag)
        if symbol:
            found.setdefault(symbol, Link(symbol, None, market_of(symbol), None, None, "source", 0.9))
    return [*found.values(), *(_target(text, target, found) for target in targets)]


def _target(text: str, target: str, found: dict[str, Link]) -> Link:
    symbol = canonical_symbol(target)
    known = found.get(symbol)
    found_at = re.search(re.escape(target), text, re.IGNORECASE)
    at = found_at.span() if found_at else (None, None)
    symbol_known, market = (known.symbol, known.market) if known else (None, None)
    return Link(symbol_known, target, market, at[0], at[1], "target", 1.0)
