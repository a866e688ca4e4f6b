"""Names in texts: one automaton over all names, then what stands around a match: borders of words, capitals."""

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import ahocorasick_rs

from stream.companies.table import Company, Name

MOST_MENTIONS = 256  # of one text; a text with more is a list of the market
FOLDED = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {ord("’"): "'", ord("‘"): "'", ord("．"): "."}
_URL = re.compile(r"https?://[!-~]+|[\w.+-]{1,64}@[\w-]{1,64}\.[\w.-]{1,190}", re.ASCII)
_WORD = re.compile(r"[A-Za-z0-9]")
_ST = re.compile(r"\*?ST([\u4e00-\u9fff]{2})")
# A name within the name of something else: 上海银行间, 中国石油大学, 江苏银行业.
_AFTER = re.compile(
    r"民币|间(?!接)|业(?![绩务内已])|大学|学院|医院|协会|学会|研究院|交易所|交易中心|监督|监管|监会|镇|区(?!域|间)|杯|俱乐部|足球|篮球|"
    r"女排|男篮|路\d|大道|年鉴|词典|学(?!者)|人(?=[，。！？民口的在])|队(?!伍)|(?<=方)面(?!板)|(?<=银行)(?:从业|系统|市场)"
)


class Sense(NamedTuple):
    """What a pattern may stand for: a company, by its place in the table, and which of its names."""

    company: int
    name: Name


class Mention(NamedTuple):
    """A name found at [start, end) and what it may stand for on that day; `former` if only names of other days fit."""

    start: int
    end: int
    senses: tuple[Sense, ...]
    former: bool


class Names:
    """All names of a table as one automaton, about 20 MB for the table that is shipped."""

    def __init__(self, companies: Sequence[Company]) -> None:
        self._companies = companies
        senses: dict[str, tuple[Sense, ...]] = {}
        for place, company in enumerate(companies):
            for name in company.names:
                text = name.text.lower()
                senses[text] = (*senses.get(text, ()), Sense(place, name))
        self._patterns = list(senses)
        self._senses = list(senses.values())
        self._latin = [bool(_WORD.match(text[0])) or bool(_WORD.match(text[-1])) for text in self._patterns]
        self._automaton = ahocorasick_rs.AhoCorasick(
            self._patterns, store_patterns=False, implementation=ahocorasick_rs.Implementation.ContiguousNFA
        )

    def of(self, text: str) -> tuple[Sense, ...]:
        """Return what a whole text may stand for as a name."""
        return self._by_text.get(text.strip().lower(), ())

    @cached_property
    def _by_text(self) -> dict[str, tuple[Sense, ...]]:
        return dict(zip(self._patterns, self._senses, strict=True))

    def mentions(self, text: str, day: int | None) -> list[Mention]:
        """Return the names in a text that do not overlap, longest first where they would; in order of appearance."""
        found = self._automaton.find_matches_as_indexes(_lower(text), overlapping=True)
        if not found and "ST" not in text:
            return []
        urls = [match.span() for match in _URL.finditer(text)] if found and ("://" in text or "@" in text) else ()
        fitting = []
        for pattern, start, end in found:
            if self._latin[pattern] and not _stands_alone(text, start, end):
                continue
            if any(low <= start < high for low, high in urls):
                continue
            mention = self._mention(text, pattern, start, end, day)
            if mention is not None:
                fitting.append(mention)
        if "ST" in text:
            fitting += self._marked(text)
        return _apart(fitting, len(text))

    def _mention(self, text: str, pattern: int, start: int, end: int, day: int | None) -> Mention | None:
        seen = text[start:end]
        if not self._latin[pattern]:
            if _AFTER.match(text, end):
                return None
            fitting = self._senses[pattern]
        else:
            fitting = tuple(sense for sense in self._senses[pattern] if _capitals_fit(seen, sense.name))
        now = fitting if day is None else tuple(sense for sense in fitting if sense.name.borne_on(day))
        if now:
            return Mention(start, end, now, former=False)
        gone = tuple(s for s in fitting if day is not None and s.name.until is not None and s.name.until <= day)
        return Mention(start, end, gone, former=True) if gone else None

    def _marked(self, text: str) -> Iterator[Mention]:
        """`*ST` and two characters out of a company's name, where one company alone fits."""
        for found in _ST.finditer(text):
            senses = self._short.get(found.group(1), ())
            if len({sense.company for sense in senses}) == 1:
                yield Mention(found.start(), found.end(), senses[:1], former=False)

    @cached_property
    def _short(self) -> dict[str, tuple[Sense, ...]]:
        """Pairs of characters, in order, out of the four of a mainland name."""
        short: dict[str, tuple[Sense, ...]] = {}
        for place, company in enumerate(self._companies):
            if company.symbol[-3:] not in (".SH", ".SZ"):
                continue
            for name in company.names:
                if len(name.text) == 4 and name.text >= "\u4e00":
                    for first in range(3):
                        for second in range(first + 1, 4):
                            pair = name.text[first] + name.text[second]
                            short[pair] = (*short.get(pair, ()), Sense(place, name))
        return short


def _lower(text: str) -> str:
    """Lower case of the same length, full-width letters made plain."""
    if text.isascii():
        return text.lower()
    text = text.translate(FOLDED)
    lower = text.lower()
    return lower if len(lower) == len(text) else "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def _stands_alone(text: str, start: int, end: int) -> bool:
    before, after = text[start - 1 : start], text[end : end + 1]
    if (_WORD.match(before) and _WORD.match(text[start])) or (_WORD.match(after) and _WORD.match(text[end - 1])):
        return False
    if (before and before in "$_@-&") or after == "_":
        return False
    return not (after and after in "-&." and _WORD.match(text[end + 1 : end + 2]))


def _capitals_fit(seen: str, name: Name) -> bool:
    """Names of capitals alone stand in capitals; words with initial capitals; unmistakable names as people type."""
    if name.text.isupper():
        return seen.isupper()
    if seen[0].isupper() or not seen[0].isalpha():
        return all(part[:1].isupper() or part in _SMALL for part in re.split(r"[\s\-]+", seen) if part[:1].isalpha())
    return name.sort == "sure" and (len(seen) >= 6 or name.text == seen)


_SMALL = {"of", "and", "the", "de", "for", "in", "on", "at", "la"}


def _apart(mentions: list[Mention], length: int) -> list[Mention]:
    """The longest of those that overlap; of equals the later, for Chinese names end in what they are."""
    if len(mentions) < 2:
        return mentions
    taken, kept = bytearray(length), []
    for mention in sorted(mentions, key=lambda one: (one.start - one.end, -one.start))[: 4 * MOST_MENTIONS]:
        if not any(taken[mention.start : mention.end]):
            taken[mention.start : mention.end] = b"\x01" * (mention.end - mention.start)
            kept.append(mention)
    return sorted(kept)[:MOST_MENTIONS]
