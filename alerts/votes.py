"""What passes between the watch and those who keep votes: votes by minute in, closed buckets out, and the excerpts that
an alert may show. What is made of them is `watch`'s and `evidence`'s business.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

BUCKET_MIN = 15  # the detector's bucket


class Excerpt(msgspec.Struct, frozen=True, array_like=True):
    """What an alert shows of a post; `companies` are the symbols that it counts for."""

    id: str
    story: str
    source: str
    published_at: str
    received_at: str
    text: str
    score_milli: int
    topics: tuple[str, ...]
    url: str | None = None
    author: str | None = None
    companies: tuple[str, ...] = ()


class Vote(NamedTuple):
    """A story's vote in one series and minute: its first member, and how many posts stand behind it. Where a rule asks
    who tells it, each source's posts are a vote of their own, of which the first counts; else `source` is empty."""

    received_ms: int
    id: str
    story: str
    negative: bool
    posts: int
    negative_posts: int
    source: str = ""


class Minute(NamedTuple):
    """All votes of one minute of received time (minutes since 1970), series -> votes in any order.

    `stale` counts posts that came too late to vote; `excerpts` holds encoded `Excerpt`s by id, of the negative posts
    and, where rules ask for them, of others.
    """

    minute: int
    votes: Mapping[str, Sequence[Vote]]
    stale: Mapping[str, int]
    excerpts: Mapping[str, bytes]


class Band(NamedTuple):
    """One closed bucket of a series: what came, what was expected (mean, variance), and the score."""

    start_ms: int
    negatives: float
    total: float
    expected: float
    variance: float
    score: float


def encode_excerpt(excerpt: Excerpt) -> bytes:
    """The excerpt as msgpack."""
    return msgspec.msgpack.encode(excerpt)


def decode_excerpt(raw: bytes) -> Excerpt:
    """The excerpt that `encode_excerpt` wrote."""
    return _EXCERPT.decode(raw)


_EXCERPT = msgspec.msgpack.Decoder(Excerpt)
