"""Invented opinions as the trends see them, a time for them, and what makes stores for them."""

from typing import Protocol

from stream.stores.protocols import SERIES_KEPT, Counted, SeriesVote, TrendStore

MINUTE = 29_000_000  # minutes since 1970
NOW_MS = MINUTE * 60_000
NEGATIVE, NEUTRAL, POSITIVE = 0, 1, 2


class Make(Protocol):
    """Makes an empty trend store of so many shards, which keeps so many series of a kind apart."""

    def __call__(self, shards: int, series_kept: int = SERIES_KEPT, /) -> TrendStore: ...


def vote(
    series: str = "market:all", label: int = NEUTRAL, milli: int | None = None, watched: bool = True
) -> SeriesVote:
    """What a post adds to a series."""
    score_milli = milli if milli is not None else (label - 1) * 900
    return SeriesVote(series, label, score_milli, watched)


def doc(
    post: str = "p1",
    *votes: SeriesVote,
    received_ms: int = NOW_MS,
    published_ms: int | None = None,
    story: str = "s1",
    first: bool = True,
    stale: bool = False,
    excerpt: bytes = b"",
    novelty_milli: int = 0,
    source: str = "",
    teller: str = "",
) -> Counted:
    """A post with these votes, or a neutral one of the market."""
    published_ms = received_ms if published_ms is None else published_ms
    votes = votes or (vote(),)
    return Counted(post, received_ms, published_ms, story, first, stale, votes, excerpt, novelty_milli, source, teller)
