"""Who a post is about: codes, names and tags brought together, one link an issuer, with a reason and a confidence."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from stream.companies import relevance
from stream.companies.codes import codes_in
from stream.companies.context import confidence, speaks_of_others
from stream.companies.names import Mention, Names
from stream.companies.table import Company, Table
from stream.linking import COUNTS_FROM, Link, canonical_symbol, market_of

SURE = 0.8
CANDIDATE_FROM = 0.3  # a word for which nothing speaks is not even a candidate
FORMER = 0.4  # a name of other days
SHARED = 0.4  # a name of several companies, and nothing that tells which
TAGGED, CONTRADICTED = 0.9, 0.4  # a source's tag, and one where the text surely names others only
SPEAKER = 0.4  # a bank that judges other companies


class Found(NamedTuple):
    """A place in title or text that speaks for an issuer. Places in the title have negative offsets."""

    issuer: str
    start: int
    end: int
    reason: str
    confidence: float


class TableLinker:
    """A `stream.linking.Linker` over a company table."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._names = Names(table.companies)
        self._company: dict[str, Company] = {s: one for one in table.companies for s in one.listings}
        self._digits: dict[str, str] = {}
        for symbol in self._company:
            digits, _, exchange = symbol.partition(".")
            if exchange in ("SH", "SZ", "BJ"):
                self._digits.setdefault(digits, symbol)
            elif exchange == "HK":
                self._digits.setdefault(digits.zfill(5), symbol)

    def company(self, symbol: str) -> Company | None:
        """Return the issuer that has this listing, or None."""
        symbol = canonical_symbol(symbol)
        return self._company.get(self._digits.get(symbol, symbol))

    def named(self, text: str) -> list[Company]:
        """Return the issuers that bear or bore exactly this name."""
        return [self.table.companies[place] for place in dict.fromkeys(s.company for s in self._names.of(text))]

    def primary(self, symbol: str) -> str:
        """Return the symbol of the issuer's primary listing; one that no issuer has stays as it is."""
        known = self.company(symbol)
        return known.symbol if known else canonical_symbol(symbol)

    def link(
        self,
        text: str,
        symbols: Sequence[str] = (),
        targets: Sequence[str] = (),
        *,
        title: str | None = None,
        day: int | None = None,
    ) -> list[Link]:
        """See `stream.linking.Linker`."""
        tagged = list(dict.fromkeys(self.primary(tag) for tag in symbols if tag.strip().lstrip("$")))
        places = self._places(text, day, tagged)
        if title:
            shift = len(title) + 1
            headline = self._places(title, day, tagged)
            places = [*(one._replace(start=one.start - shift, end=one.end - shift) for one in headline), *places]
        if not places and not tagged and not targets:
            return []
        found = self._links(text, places, tagged)
        return [*found.values(), *(self._target(text, target, found) for target in targets)]

    def _places(self, text: str, day: int | None, tagged: Sequence[str]) -> list[Found]:
        codes = [
            Found(self.primary(code.symbol), code.start, code.end, code.reason, code.sure)
            for code in codes_in(text, self._digits.get)
        ]
        mentions = self._names.mentions(text, day)
        if not mentions:
            return sorted(codes, key=lambda one: one.start) if len(codes) > 1 else codes
        sure = {one.issuer for one in codes if one.confidence >= SURE}
        for mention in mentions:
            if len(mention.senses) == 1 and mention.senses[0].name.sort == "sure" and not mention.former:
                sure.add(self._symbol(mention, 0))
        named = [one for mention in mentions for one in self._readings(text, mention, sure, tagged)]
        return sorted([*codes, *(one for one in named if one.confidence >= CANDIDATE_FROM)], key=lambda one: one.start)

    def _is_financial(self, place: int) -> bool:
        return self.table.companies[place].sector == "financials"

    def _symbol(self, mention: Mention, number: int) -> str:
        return self.table.companies[mention.senses[number].company].symbol

    def _readings(self, text: str, mention: Mention, sure: set[str], tagged: Sequence[str]) -> list[Found]:
        """What a name stands for here: one issuer, or several between which nothing decides."""
        start, end, senses, former = mention
        issuers = dict.fromkeys(self._symbol(mention, number) for number in range(len(senses)))
        backed = [
            symbol for symbol in issuers if symbol in tagged or (symbol in sure and senses[0].name.sort != "sure")
        ]
        if len(backed) == 1:
            return [Found(backed[0], start, end, "name", SURE)]
        sort = senses[0].name.sort
        against = self.table.against.get(senses[0].name.text, ())
        how = confidence(text, start, end, sort, against, listed=bool(sure - issuers.keys()))
        reason = "ticker" if sort == "ticker" else "name"
        if how >= COUNTS_FROM and self._is_financial(senses[0].company) and speaks_of_others(text, start, end):
            how, reason = SPEAKER, "speaker"
        if former:
            how, reason = min(how, FORMER), "former"
        if len(issuers) > 1:
            how, reason = min(how, SHARED), "ambiguous"
        return [Found(symbol, start, end, reason, how) for symbol in issuers]

    def _links(self, text: str, places: list[Found], tagged: Sequence[str]) -> dict[str, Link]:
        best: dict[str, Found] = {}
        for place in places:
            known = best.get(place.issuer)
            if known is None or (place.confidence > known.confidence and known.confidence < COUNTS_FROM):
                best[place.issuer] = place
        shares = relevance.of(text, [(one.issuer, one.start) for one in places if one.confidence >= COUNTS_FROM])
        links = {issuer: self._link(one, shares.get(issuer, relevance.CANDIDATE)) for issuer, one in best.items()}
        clear = not best.keys() & set(tagged) and any(one.confidence >= SURE for one in best.values())
        for issuer in tagged:
            if issuer not in links:
                denied = clear and issuer in self._company  # of a company that no name is known of nothing is denied
                how, reason = (CONTRADICTED, "contradicted") if denied else (TAGGED, "source")
                about = relevance.CANDIDATE if clear else relevance.TAGGED
                links[issuer] = self._link(Found(issuer, -1, -1, reason, how), about)
        return links

    def _link(self, one: Found, about: float) -> Link:
        company = self._company.get(one.issuer)
        start, end = (one.start, one.end) if one.start >= 0 else (None, None)
        name = company.title if company else None
        return Link(one.issuer, name, market_of(one.issuer), start, end, one.reason, one.confidence, about)

    def _target(self, text: str, target: str, found: dict[str, Link]) -> Link:
        at = re.search(re.escape(target), text, re.IGNORECASE)
        sure = {symbol: one for symbol, one in found.items() if one.confidence >= COUNTS_FROM}
        senses = [self.primary(target), *(one.symbol for one in self.named(target))]
        known = next((sure[symbol] for symbol in senses if symbol in sure), None)
        symbol, market, about = (known.symbol, known.market, known.relevance) if known else (None, None, None)
        start, end = at.span() if at else (None, None)
        return Link(symbol, target, market, start, end, "target", 1.0, about)
