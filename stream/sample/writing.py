"""Words for one post: draws an opener, a core and a closer and fills the slots, never the same wording twice. Which
mood, company and moment a post has is decided in the package's `generate`.
"""

import random
import re
from collections.abc import Sequence

from stream.cleaning import matching_form
from stream.sample.phrases import CLOSERS, CORES, MARKET_CORES, OPENERS, SLOTS, SURGE_CORES, WIRE, Lang, Mood
from stream.sample.world import Company, Outlet

_MARKS = re.compile(r"https?://\S+|^rt\s+@\w+:?|@\w+|[\W_]+")


def bare_of(text: str) -> str:
    """The text without case, links, mentions, retweet marks, punctuation and spaces."""
    return _MARKS.sub("", matching_form(text))


class Writer:
    """Writes posts from one random stream; remembers what it wrote, so that no wording comes twice."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._told: set[str] = set()

    def post(self, company: Company, outlet: Outlet, mood: Mood) -> str:
        """An everyday post of this mood about the company."""
        return self._unique(CORES[outlet.lang, outlet.kind, mood], company, outlet, mood)

    def surge_post(self, company: Company, outlet: Outlet) -> str:
        """A post about the cause of the surge, in words of its own."""
        return self._unique(SURGE_CORES[outlet.lang, outlet.kind], company, outlet, "negative")

    def market_post(self, lang: Lang) -> str:
        """A line about the market as a whole, about no company."""
        return self._fill(self._rng.choice(MARKET_CORES[lang]), None, lang)

    def wire(self, company: Company, lang: Lang) -> str:
        """The wire report that many outlets will repeat."""
        return self._fill(WIRE[lang], company, lang)

    def retell(self, wire: str, number: int) -> str:
        """The same report as another outlet prints it: other case, punctuation, spacing or link, the same words."""
        rng = self._rng
        text = wire if rng.random() < 0.5 else wire.upper() if rng.random() < 0.3 else wire.lower()
        text = text.replace(",", rng.choice((",", " -", ";"))).replace("，", rng.choice(("，", "；", " ")))
        text = rng.choice(("", "» ", "** ")) + text + rng.choice(("", ".", "!", " …"))
        return f"{text} https://wire.example/{number}" if rng.random() < 0.6 else text

    def _unique(self, cores: Sequence[str], company: Company, outlet: Outlet, mood: Mood) -> str:
        while True:
            opener = self._rng.choice(OPENERS[outlet.lang, outlet.kind])
            closer = self._rng.choice(CLOSERS[outlet.lang, outlet.kind, mood])
            core = self._fill(self._rng.choice(cores), company, outlet.lang)
            if closer and core.endswith(("?", "？")):
                closer = closer.lstrip(". ，,").join((" ", ""))
            text = opener + core + closer
            bare = bare_of(text)
            if bare not in self._told:
                self._told.add(bare)
                return text

    def _fill(self, core: str, company: Company | None, lang: Lang) -> str:
        rng, words = self._rng, SLOTS[lang]
        return core.format(
            n=_mention(rng, company, lang) if company else "",
            t=rng.choice(company.things_en if lang == "en" else company.things_zh) if company else "",
            p=rng.choice((f"{rng.randint(2, 14)}", f"{rng.randint(20, 139) / 10}")),
            d=f"{rng.uniform(0.9, 1.1) * (company.price if company else 3000):.1f}",
            k=str(rng.randint(4, 90) * 50),
            q=rng.choice(words["q"]),
            day=rng.choice(words["day"]),
            city=rng.choice(words["city"]),
            firm=rng.choice(words["firm"]),
        )


def _mention(rng: random.Random, company: Company, lang: Lang) -> str:
    """The name, its cashtag or code, or both, as people write them."""
    name = company.en if lang == "en" else company.zh
    tag = f"${company.symbol}" if company.region == "us" else company.symbol
    short = tag if lang == "en" else name
    return rng.choice((name, short, f"{name} ({tag})" if lang == "en" else f"{name}({tag})"))
