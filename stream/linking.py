"""What a link is, and how symbols are written. Finding links is `stream/companies`' business; how each entity fares is
the classifier's answer.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple, Protocol

_SUFFIXED = re.compile(r"\.(SH|SZ|BJ|HK)$")
_CLASS = re.compile(r"^([A-Z]{1,5})-([A-Z])$")

COUNTS_FROM = 0.5


class Link(NamedTuple):
    """One entity found. `start` and `end` are offsets into the text, or None for a tag, a target or a title.

    `reason` is one of `cashtag`, `code`, `name`, `ticker`, `ambiguous`, `former`, `speaker`, `source`, `contradicted`,
    `target` (see docs/companies.md); `relevance` says in [0, 1] how much the post is about it.
    """

    symbol: str | None
    name: str | None
    market: str | None
    start: int | None
    end: int | None
    reason: str
    confidence: float
    relevance: float | None = None


class Linker(Protocol):
    """Finds who a post is about. `day` is that of its publication, in days since 1970; None: names of all times."""

    def link(
        self,
        text: str,
        symbols: Sequence[str] = (),
        targets: Sequence[str] = (),
        *,
        title: str | None = None,
        day: int | None = None,
    ) -> list[Link]:
        """Entities in order of appearance, then the source's tags, then the targets; each issuer once."""
        ...


def canonical_symbol(symbol: str) -> str:
    """`$aapl` and `AAPL` are one; Hong Kong codes have four digits at least; `.SS` is Shanghai, `BRK-B` is `BRK.B`."""
    symbol = symbol.strip().lstrip("$").upper()
    if symbol.endswith(".HK"):
        return symbol[:-3].lstrip("0").rjust(4, "0") + ".HK"
    if symbol.endswith(".SS"):
        return symbol[:-3] + ".SH"
    return _CLASS.sub(r"\1.\2", symbol)


def market_of(symbol: str) -> str:
    """`SH`, `SZ`, `BJ`, `HK`, else `US`."""
    suffix = _SUFFIXED.search(symbol)
    return suffix.group(1) if suffix else "US"
