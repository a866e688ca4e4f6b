"""The company table: issuers, their listings, and the names they bore from when to when. Read once, never written here;
`deploy/companies/build.py` makes the file, `deploy/companies/SOURCES.md` says from what.
"""

import gzip
from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Literal

import msgspec

TABLE = Path(__file__).parent / "companies.msgpack.gz"
EPOCH = date(1970, 1, 1)

# How much a name says by itself: `sure`; `brand`, well known but a word too; `word`, counts with support only;
# `ticker`, a bare ticker in capitals.
Sort = Literal["sure", "brand", "word", "ticker"]


class Name(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A name and the days on which it was in use: [since, until), in days since 1970; None is open."""

    text: str
    sort: Sort = "sure"
    since: int | None = None
    until: int | None = None

    def borne_on(self, day: int) -> bool:
        """Say whether the company bore this name on a day."""
        return (self.since is None or self.since <= day) and (self.until is None or day < self.until)


class Company(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One issuer. `listings` are canonical symbols, the primary one first; `title` is what people are shown."""

    listings: tuple[str, ...]
    title: str
    sector: str | None
    names: tuple[Name, ...]

    @property
    def symbol(self) -> str:
        """Return the canonical symbol: that of the primary listing."""
        return self.listings[0]


class Table(msgspec.Struct, frozen=True):
    """All issuers. `sources` are the packages and versions it was made from; `against` tells, for a name that is also
    a word, which words nearby speak against the company.
    """

    sources: dict[str, str]
    companies: tuple[Company, ...]
    against: dict[str, tuple[str, ...]] = {}

    @property
    def issuers(self) -> dict[str, str]:
        """Return the symbol of each listing's issuer."""
        return {symbol: company.symbol for company in self.companies for symbol in company.listings}


@lru_cache(maxsize=1)
def shipped() -> Table:
    """Return the table that comes with the package."""
    return msgspec.msgpack.decode(gzip.decompress(TABLE.read_bytes()), type=Table)


def pack(table: Table) -> bytes:
    """Return the table as the file holds it; the same table always gives the same bytes."""
    return gzip.compress(msgspec.msgpack.encode(table, order="sorted"), 9, mtime=0)


def day_of(text: str) -> int:
    """Return days since 1970 of `2026-01-05`; raises ValueError."""
    return (date.fromisoformat(text) - EPOCH).days


def day_text(day: int) -> str:
    """Return `2026-01-05` of days since 1970."""
    return (EPOCH + timedelta(days=day)).isoformat()


def sectors_with(own: Mapping[str, str]) -> dict[str, str]:
    """Return sectors by symbol: those of the table, and a user's own over them."""
    return {company.symbol: company.sector for company in shipped().companies if company.sector} | dict(own)
