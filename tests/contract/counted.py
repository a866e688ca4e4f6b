"""Invented opinions as the trends see them, a time for them, and what makes and changes stores for them."""

from typing import Protocol

import numpy as np

from stream.stores.protocols import SERIES_KEPT, Counted, SeriesVote, ShardUpdate, TrendStore

MINUTE = 29_000_000  # minutes since 1970
NOW_MS = MINUTE * 60_000
NEGATIVE, NEUTRAL, POSITIVE = 0, 1, 2
HOSTILE = ["a b", "a\nb", "a\x00b", "*", "{s0}", "{}:seen:", "🐻‍❄️", "平安", "x" * 200, "12:34", "|", "é", "e\u0301"]


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


def update(closed_until: int, **changes: object) -> ShardUpdate:
    """A commit that closes up to a minute and changes this."""
    empty: dict[str, object] = {"outbox": {}, "bands": {}, "voted_added": {}, "voted_removed": {}}
    empty |= {"accounts": {}, "born": {}}
    return ShardUpdate(watch=b"state \xff\x00", closed_until=closed_until, **(empty | changes))  # type: ignore[arg-type]


def held(store: TrendStore, shard: int = 0, owner: str = "me") -> int:
    """The token of a shard that `owner` gets."""
    token = store.lease(shard, owner, 60_000, NOW_MS)
    assert token is not None
    return token


def rows(start_ms: int, count: int) -> np.ndarray:
    """Bands one millisecond apart."""
    return np.array([[start_ms + n, 0.1, 1 / 3, 1e300, -0.0, 2.5] for n in range(count)], dtype=np.float64)
