"""Invented votes for the tests of the watch: steady days of a few companies, bursts where asked, in received time."""

import random
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from alerts.rules import Rule
from alerts.votes import Excerpt, Minute, Vote, encode_excerpt

START_MIN = 29_460_960  # 2026-01-06 00:00 UTC
DAY_MIN = 1440
RULE = Rule("negative-surge", ("issuer",), budget=0.25, learning_days=1.0)


class Burst(NamedTuple):
    """Independent negative voices about a company, `per_hour` for `hours` from `at_min` after the start."""

    series: str
    at_min: int
    hours: float = 1.0
    per_hour: int = 40


def vote(minute: int, story: str, *, negative: bool, posts: int = 1, second: int = 0) -> Vote:
    """One vote; its post's id is the story's name."""
    return Vote(minute * 60_000 + second, f"post-{story}", story, negative, posts, posts if negative else 0)


def excerpt(of: Vote, score_milli: int = -700, topics: tuple[str, ...] = ("recall",), source: str = "wire") -> bytes:
    """What an alert would show of the vote's post."""
    at = "2026-01-06T00:00:00.000Z"
    return encode_excerpt(Excerpt(of.id, of.story, source, at, at, f"text of {of.story}", score_milli, topics))


def minutes_of(votes: Iterable[tuple[str, Vote]], stale: dict[int, dict[str, int]] | None = None) -> list[Minute]:
    """(series, vote) pairs as minutes in order, with an excerpt of every negative one."""
    by_minute: dict[int, dict[str, list[Vote]]] = defaultdict(lambda: defaultdict(list))
    excerpts: dict[int, dict[str, bytes]] = defaultdict(dict)
    rng = random.Random(5)
    for series, one in votes:
        minute = one.received_ms // 60_000
        by_minute[minute][series].append(one)
        if one.negative:
            topics = tuple(rng.sample(("recall", "supply", "earnings", "company_news"), rng.randint(1, 3)))
            score = -rng.randint(300, 990)
            excerpts[minute][one.id] = excerpt(one, score, topics, rng.choice(("wire", "forum", "board")))
    late = stale or {}
    return [
        Minute(minute, dict(by_minute[minute]), late.get(minute, {}), excerpts[minute])
        for minute in sorted(by_minute.keys() | late.keys())
    ]


def days(seed: int, length_days: float, bursts: Iterable[Burst] = (), companies: int = 3) -> list[Minute]:
    """Some days in which each company has about nine stories an hour, a sixth of them negative, and the bursts."""
    rng = random.Random(seed)
    votes: list[tuple[str, Vote]] = []
    for minute in range(START_MIN, START_MIN + int(length_days * DAY_MIN)):
        for company in range(companies):
            if rng.random() < 0.15:
                story = f"{company}-{minute}"
                posts = rng.randint(1, 3)
                votes.append((f"issuer:C{company}", vote(minute, story, negative=rng.random() < 1 / 6, posts=posts)))
    for number, burst in enumerate(bursts):
        for voice in range(round(burst.per_hour * burst.hours)):
            minute = START_MIN + burst.at_min + rng.randrange(round(burst.hours * 60))
            votes.append((burst.series, vote(minute, f"burst-{number}-{voice}", negative=True, second=voice)))
    return minutes_of(votes)
