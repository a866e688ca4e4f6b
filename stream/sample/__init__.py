"""The bundled sample: a seeded, invented, bilingual stream of posts about invented companies, with quiet nights,
ordinary bursts, one syndicated story and one true surge. Pure: the same arguments give the same posts. Nothing here
judges them.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from stream.errors import InputError
from stream.records import RawPost
from stream.sample.phrases import Lang, Mood
from stream.sample.world import COMPANIES, HOURS, OUTLETS, WEEKEND, Company, Outlet
from stream.sample.writing import Writer
from stream.times import HOUR_MS, datetime_ms

__all__ = ["COMPANIES", "START", "Episode", "Sample", "generate"]

START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
SURGE_H = 3.0
WIRE_COPIES = 40
_CALM: tuple[Mood, ...] = ("neutral",) * 5 + ("positive",) * 4
_SURGE_PER_H = 26.0
_MARKET_PER_H = 2.0
_REPOST = 0.03


class Episode(NamedTuple):
    """Something that happens to one company, from `start_ms` to `end_ms` (exclusive), milliseconds since 1970."""

    symbol: str
    start_ms: int
    end_ms: int


class Sample(NamedTuple):
    """Posts in order of `published_at`, and what is true about them: only `surge` deserves an alert."""

    posts: list[RawPost]
    surge: Episode
    wire: Episode
    bursts: tuple[Episode, ...]


class _Draft(NamedTuple):
    at_ms: int
    outlet: Outlet
    text: str
    symbol: str | None
    repost: bool


def generate(
    seed: int = 7, days: int = 10, *, surge_company: int = 0, surge_at_h: float | None = None, rate: float = 1.0
) -> Sample:
    """The sample of `days` days from Monday 2026-01-05 UTC: some 21,000 posts in ten days, at `rate` times the usual.

    `surge_company` is an index of `COMPANIES`, `surge_at_h` the surge's first hour after the start, by default such
    that the stream ends while it is fresh. The detector learns first, so a surge in the first days finds it blind:
    `InputError`.
    """
    surge_at_h = days * 24 - 4.3 if surge_at_h is None else surge_at_h
    if not 0 <= surge_company < len(COMPANIES):
        raise InputError(f"no company {surge_company} in the sample; give 0 to {len(COMPANIES) - 1}")
    if not 84 <= surge_at_h <= days * 24 - SURGE_H:
        raise InputError(f"a surge at hour {surge_at_h:g} does not fit; give 84 to {days * 24 - SURGE_H:g}")
    plan = _Plan(random.Random(f"plan {seed}"), days, surge_company, surge_at_h)
    rng = random.Random(f"posts {seed}")
    writer = Writer(rng)
    drafts: list[_Draft] = []
    for company in COMPANIES:
        drafts += _everyday(rng, writer, company, days, plan, rate)
    drafts += _market(rng, writer, days, rate)
    drafts += _wire(rng, writer, plan)
    drafts += _surge(rng, writer, plan)
    drafts.sort(key=lambda draft: (draft.at_ms, draft.text))
    posts = [_post(number, seed, draft) for number, draft in enumerate(drafts)]
    return Sample(posts, plan.surge, plan.wire, plan.bursts)


class _Plan:
    """Where the episodes lie: the surge as asked, the others on other companies and away from the first three days."""

    def __init__(self, rng: random.Random, days: int, surge_company: int, surge_at_h: float) -> None:
        others = [
            company for company in COMPANIES if company != COMPANIES[surge_company] and company.posts_per_day > 150
        ]
        rng.shuffle(others)
        self.surge = _episode(COMPANIES[surge_company], surge_at_h, SURGE_H)
        self.wire_company = others[0]
        self.wire = _episode(self.wire_company, _working_hour(rng, self.wire_company, days), 1.0)
        self.bursts = tuple(
            _episode(company, _working_hour(rng, company, days), rng.uniform(2.0, 3.0)) for company in others[1:5]
        )

    def loudness(self, company: Company, at_ms: int) -> float:
        """How many times the usual volume the company has at that moment."""
        return 3.5 if any(b.symbol == company.symbol and b.start_ms <= at_ms < b.end_ms for b in self.bursts) else 1.0


def _episode(company: Company, at_h: float, length_h: float) -> Episode:
    start_ms = datetime_ms(START) + round(at_h * HOUR_MS)
    return Episode(company.symbol, start_ms, start_ms + round(length_h * HOUR_MS))


def _working_hour(rng: random.Random, company: Company, days: int) -> float:
    """An hour of the company's session on a working day after the third."""
    working = [day for day in range(3, days) if day % 7 < 5]
    return rng.choice(working) * 24 + rng.uniform(*((14.0, 19.0) if company.region == "us" else (1.0, 6.0)))


def _usual(company: Company, hour: int) -> float:
    """Posts that the company has in hour `hour` after the start."""
    day_factor = WEEKEND if hour // 24 % 7 >= 5 else 1.0
    return company.posts_per_day / 24 * HOURS[company.region][hour % 24] * day_factor


def _everyday(
    rng: random.Random, writer: Writer, company: Company, days: int, plan: _Plan, rate: float
) -> Iterator[_Draft]:
    """The company's usual talk, in a steady mix of moods whatever the volume."""
    moods = _moods(rng)
    told: list[tuple[Outlet, str]] = []
    start_ms = datetime_ms(START)
    for quarter in range(days * 96):
        at_ms = start_ms + quarter * HOUR_MS // 4
        expected = _usual(company, quarter // 4) / 4 * plan.loudness(company, at_ms) * rate
        for moment in sorted(at_ms + rng.randrange(HOUR_MS // 4) for _ in range(_poisson(rng, expected))):
            if told and rng.random() < _REPOST:
                outlet, text = rng.choice(told)
                yield _Draft(moment, outlet, f"RT @{outlet.name.split()[0].lower()}: {text}", company.symbol, True)
                continue
            outlet = _outlet(rng, company)
            text = writer.post(company, outlet, next(moods))
            told = [*told[-20:], (outlet, text)]
            yield _Draft(moment, outlet, text, company.symbol, False)


def _market(rng: random.Random, writer: Writer, days: int, rate: float) -> Iterator[_Draft]:
    start_ms = datetime_ms(START)
    for hour in range(days * 24):
        for _ in range(_poisson(rng, _MARKET_PER_H * rate)):
            outlet = rng.choice([outlet for outlet in OUTLETS if outlet.kind == "social"])
            moment = start_ms + hour * HOUR_MS + rng.randrange(HOUR_MS)
            yield _Draft(moment, outlet, writer.market_post(outlet.lang), None, False)


def _wire(rng: random.Random, writer: Writer, plan: _Plan) -> Iterator[_Draft]:
    """One negative report, told some forty times within the hour: many posts and one voice."""
    company = plan.wire_company
    lang: Lang = "en" if company.region == "us" else "zh"
    outlets = [outlet for outlet in OUTLETS if outlet.lang == lang]
    wire = writer.wire(company, lang)
    for number in range(WIRE_COPIES):
        moment = rng.randrange(plan.wire.start_ms, plan.wire.end_ms)
        yield _Draft(moment, rng.choice(outlets), writer.retell(wire, number), company.symbol, False)


def _surge(rng: random.Random, writer: Writer, plan: _Plan) -> Iterator[_Draft]:
    """Independent voices about one cause, beside the usual talk."""
    company = next(company for company in COMPANIES if company.symbol == plan.surge.symbol)
    per_h = max(_SURGE_PER_H, company.posts_per_day / 14)
    for _ in range(round(per_h * SURGE_H)):
        outlet = _outlet(rng, company)
        moment = rng.randrange(plan.surge.start_ms, plan.surge.end_ms)
        yield _Draft(moment, outlet, writer.surge_post(company, outlet), company.symbol, False)


def _moods(rng: random.Random) -> Iterator[Mood]:
    """Two negative moods among eleven, never close together: people grumble at all times and seldom in chorus."""
    while True:
        calm = rng.sample(_CALM, len(_CALM))
        first, second = rng.randint(1, 3), rng.randint(5, 8)
        yield from (*calm[:first], "negative", *calm[first:second], "negative", *calm[second:])


def _outlet(rng: random.Random, company: Company) -> Outlet:
    lang = "en" if rng.random() < company.english else "zh"
    outlets = [outlet for outlet in OUTLETS if outlet.lang == lang]
    return rng.choices(outlets, [outlet.weight for outlet in outlets])[0]


def _poisson(rng: random.Random, mean: float) -> int:
    """A Poisson number by waiting times; fine for the small means here."""
    count, waited = 0, rng.expovariate(1.0)
    while waited < mean:
        count += 1
        waited += rng.expovariate(1.0)
    return count


def _post(number: int, seed: int, draft: _Draft) -> RawPost:
    news = draft.outlet.kind == "news"
    return RawPost(
        id=f"sample-{seed}-{number:05d}",
        source=draft.outlet.name,
        kind=draft.outlet.kind,
        published_at=datetime.fromtimestamp(draft.at_ms / 1000, UTC),
        text=draft.text,
        lang=draft.outlet.lang if news else None,
        url=f"https://sample.example/{seed}/{number:05d}" if news else None,
        is_repost=True if draft.repost else None,
        symbols=[draft.symbol] if draft.symbol else None,
    )
