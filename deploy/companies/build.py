"""Makes `stream/companies/companies.msgpack.gz` from packages and the hand-written files beside this one:

python -m deploy.companies.build [--cache FOLDER] [--out FILE]
"""

import argparse
import csv
import re
from collections import defaultdict
from pathlib import Path

from deploy.companies import names, sources
from deploy.companies.sectors import sector_of
from stream.companies.table import TABLE, Company, Name, Table, day_of, pack
from stream.linking import canonical_symbol

HERE = Path(__file__).parent
BEFORE_LISTING = 180  # days: news of a company begin before its first day of trading
OBSCURE_FROM = 1500  # a place by size
BARE_TICKERS = 2500  # so many of the largest are known by their bare ticker


class Book:
    """Issuers while they are gathered: listings joined, names collected."""

    def __init__(self) -> None:
        self.listings: dict[str, list[str]] = {}  # primary symbol -> all symbols
        self.primary: dict[str, str] = {}
        self.names: dict[str, dict[str, Name]] = defaultdict(dict)
        self.titles: dict[str, str] = {}
        self.sectors: dict[str, str] = {}

    def issuer(self, *symbols: str) -> str:
        """The primary symbol of an issuer that has these listings, joined where some are known."""
        at = next((self.primary[symbol] for symbol in symbols if symbol in self.primary), symbols[0])
        held = self.listings.setdefault(at, [at])
        self.primary.setdefault(at, at)
        for symbol in symbols:
            if symbol not in self.primary:
                held.append(symbol)
                self.primary[symbol] = at
        return at

    def name(self, issuer: str, name: Name) -> None:
        """Adds a name; the first to come stays."""
        self.names[issuer].setdefault(name.text.casefold(), name)

    def named_since(self, issuer: str) -> int | None:
        """The day of the issuer's last change of name that is known: names of today are not older."""
        days = [name.since for name in self.names[issuer].values() if name.since is not None and name.until is None]
        return max(days, default=None)

    def companies(self) -> tuple[Company, ...]:
        """All issuers, by symbol."""
        return tuple(
            Company(
                tuple(self.listings[issuer]),
                self.titles.get(issuer, issuer),
                self.sectors.get(issuer),
                tuple(sorted(self.names[issuer].values(), key=lambda name: (name.text, name.since or 0))),
            )
            for issuer in sorted(self.listings)
        )


def build(cache: Path) -> Table:
    """The whole table. Needs pip and a registry for what is not in `cache`."""
    sources.fetch(cache)
    book, chinese, english = Book(), sources.chinese_words(cache), sources.english_words(cache)
    chinese |= dict.fromkeys(_lines("generic.txt"), "x")
    for line in _lines("same_issuer.txt"):
        book.issuer(*line.split())
    _known(book)
    _mainland(book, sources.mainland(cache), chinese)
    ranks = _american(book, sources.american(cache), english)
    current = {canonical_symbol(ticker.symbol) for ticker in sources.american(cache)}
    _older(book, sources.older(cache), english, current)
    for symbol, name, industry in sources.industries(cache):
        known = book.primary.get(canonical_symbol(symbol))
        if known:
            _english(book, known, names.english_base(name), ranks.get(known, 2000), english)
            book.sectors.setdefault(known, sector_of(industry) or sector_of(name) or "")
    for issuer, title in book.titles.items():
        if not book.sectors.get(issuer) and (sector := sector_of(title)):
            book.sectors[issuer] = sector
    book.sectors = {issuer: sector for issuer, sector in book.sectors.items() if sector}
    against = dict(line.split(": ", 1) for line in _lines("words.txt"))
    return Table(
        sources.VERSIONS, book.companies(), {name: tuple(words.split()) for name, words in sorted(against.items())}
    )


def _lines(name: str) -> list[str]:
    text = (HERE / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def _known(book: Book) -> None:
    for name in ("known.csv", "former.csv"):
        for row in csv.DictReader((HERE / name).read_text(encoding="utf-8").splitlines()):
            issuer = book.issuer(row["symbol"])
            since, until = (day_of(row[key]) if row[key] else None for key in ("from", "to"))
            for text in row["names"].split(";"):
                sort: names.Sort = "word" if text.endswith("??") else "brand" if text.endswith("?") else "sure"
                book.name(issuer, Name(text.rstrip("?"), sort, since, until))
                if text.isascii() == ("." not in row["symbol"][-3:-2]):
                    book.titles.setdefault(issuer, text.rstrip("?"))


def _mainland(book: Book, seen: list[sources.Seen], chinese: dict[str, str]) -> None:
    by_code: dict[str, list[sources.Seen]] = defaultdict(list)
    for one in seen:
        by_code[one.code].append(one)
    for code, rows in by_code.items():
        exchange = (
            "SH" if code[0] in "69" and code[:2] != "92" else "BJ" if code[0] in "48" or code[:2] == "92" else "SZ"
        )
        if code[0] in "29" and exchange != "BJ":
            continue  # B shares: their issuers have A shares
        issuer = book.issuer(f"{code}.{exchange}")
        listed = next((row.listed for row in rows if row.listed), None)
        first = day_of(listed) - BEFORE_LISTING if listed else None
        bases = [names.mainland_bases(row.name) for row in rows]
        book.titles[issuer] = _title([row.name.replace(" ", "") for row in rows], book.titles.get(issuer, ""))
        for base, marked in set(bases):
            at = [n for n, (known, _) in enumerate(bases) if known == base or names.continues(known, base)]
            since = first if at[0] == 0 else _day(rows[at[0] - 1])
            until = None if at[-1] == len(rows) - 1 else _day(rows[at[-1] + 1])
            if len(base) > 2 or not marked:  # behind a mark two characters are left of a name, and say little
                book.name(issuer, Name(base, names.chinese_sort(base, chinese), since, until))
            if rows[at[-1]].name[-1] in "AＡ":
                book.name(issuer, Name(base + "A", "sure", since, until))
            if marked:
                book.name(issuer, Name(marked, "sure", None, None))


def _title(seen: list[str], given: str) -> str:
    """The last name, or the one behind it where it bears a mark of the exchange: 乐视网 and not 乐视退."""
    base, marked = names.mainland_bases(seen[-1])
    if marked is None:
        return seen[-1]
    plain = [name for name in (given, *seen) if name and names.mainland_bases(name)[1] is None]
    return next((name for name in reversed(plain) if names.continues(base, name)), seen[-1])


def _day(row: sources.Seen) -> int:
    return day_of(row.on.isoformat())


def _american(book: Book, tickers: list[sources.Ticker], english: frozenset[str]) -> dict[str, int]:
    by_issuer: dict[str, list[sources.Ticker]] = defaultdict(list)
    for ticker in tickers:
        by_issuer[ticker.issuer].append(ticker)
    ranks, taken = {}, set(_lines("no_tickers.txt"))
    for rank, rows in enumerate(by_issuer.values()):
        symbols = [canonical_symbol(row.symbol) for row in rows]
        hidden = all(row.exchange in (None, "OTC") for row in rows)
        issuer = book.issuer(*symbols)
        ranks[issuer] = rank
        base = names.english_base(rows[0].name)
        book.titles.setdefault(issuer, base)
        _english(book, issuer, base, rank, english, obscure=hidden and rank > OBSCURE_FROM)
        bare = symbols[0]
        if rank < BARE_TICKERS and not hidden and re.fullmatch(r"[A-Z]{3,5}", bare) and bare not in taken:
            sort: names.Sort = "word" if bare.lower() in english else "ticker"
            book.name(issuer, Name(bare, sort, book.named_since(issuer)))
    return ranks


def _english(book: Book, issuer: str, base: str, rank: int, english: frozenset[str], obscure: bool = False) -> None:
    sort = names.english_sort(base, rank, english, obscure)
    if sort is not None:
        book.name(issuer, Name(base, sort, book.named_since(issuer)))


def _older(book: Book, tickers: list[sources.Ticker], english: frozenset[str], current: set[str]) -> None:
    bases = {name.text.casefold(): issuer for issuer, held in book.names.items() for name in held.values()}
    for ticker in tickers:
        symbol, base = canonical_symbol(ticker.symbol), names.english_base(ticker.name)
        if ticker.name == ticker.symbol or not re.fullmatch(r"[A-Z]{1,5}(\.[A-Z])?|\d{4,5}\.HK", symbol):
            continue
        known = book.primary.get(symbol) or bases.get(base.casefold())
        issuer = book.issuer(known, symbol) if known else book.issuer(symbol)
        book.titles.setdefault(issuer, base)
        if symbol not in current:
            _english(book, issuer, base, 3000, english)
        book.sectors.setdefault(issuer, sector_of(ticker.industry) or "")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Make the company table.")
    parser.add_argument("--cache", type=Path, default=Path(".groundswell/companies"), help="where downloads are kept")
    parser.add_argument("--out", type=Path, default=TABLE)
    given = parser.parse_args()
    given.out.write_bytes(pack(build(given.cache)))


if __name__ == "__main__":
    main()
