"""What the stages ask of their stores. Each Protocol has an implementation in memory and a real one, and one suite of
contract tests runs over both. All calls are synchronous, safe to repeat, and raise `ServerUnavailable` for faults
that may pass; nothing here is half done when that is raised, or repeating the call mends it.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from alerts.accounts import Account
from alerts.votes import Band, Minute
from stream.records import Opinion, Story
from stream.wording import Wording

Resolution = Literal["5m", "hour", "day"]
RESOLUTION_MS: dict[Resolution, int] = {"5m": 300_000, "hour": 3_600_000, "day": 86_400_000}


MARKET_SHARD = -1  # holds what is decided over all shards (`stream.markets`)
STORY_MEMORY_MS = 7 * 86_400_000  # a story not told for so long (received time) is new again
CLEARLY_NEGATIVE_MILLI = -250  # P(negative) - P(positive) of at least a quarter
SERIES_KEPT = 50_000  # of a kind; beyond these the least active ones fold into `<kind>:(other)`
OTHER = ":(other)"
BANDS_KEPT = 768  # eight days of 15-minute buckets


def shard_of(series: str, shards: int) -> int:
    """The shard of a series; an issuer and its topics (`issuer_topic:AAPL|earnings`) share one."""
    kind, _, key = series.partition(":")
    root = f"issuer:{key.partition('|')[0]}" if kind == "issuer_topic" else series
    return zlib.crc32(root.encode()) % shards


class StoryItem(NamedTuple):
    """A post that asks for its place in a story: its wording, the companies in it (symbols), and the house that prints
    it ("": none)."""

    post: str
    received_ms: int
    wording: Wording
    entities: tuple[str, ...] = ()
    family: str = ""


class StoryStore(Protocol):
    """Remembers which stories were told, and what was decided for each post."""

    def assign(self, items: Sequence[StoryItem]) -> list[Story]:
        """The story of each post, in order. Once decided for a post, the answer stays (a retry gets the same).

        A post retells a story told within the last `STORY_MEMORY_MS` of received time by the rules of
        `stream.stories`, or begins one, with novelty 1; `size` counts the members so far, this one included.
        """
        ...


class SeriesVote(NamedTuple):
    """One series a post counts in: `label` is 0 negative, 1 neutral, 2 positive; `score_milli` in [-1000, 1000].

    Only `watched` series keep votes for the detector; charts are kept of all.
    """

    series: str
    label: int
    score_milli: int
    watched: bool

    @property
    def negative(self) -> bool:
        """Whether the detector hears a negative voice: labelled so, and clearly (docs/decisions/0001)."""
        return self.label == 0 and self.score_milli <= CLEARLY_NEGATIVE_MILLI


class Counted(NamedTuple):
    """One opinion as the trends see it. `excerpt` is an encoded `alerts.votes.Excerpt`, kept beside the votes; empty
    where no alert could show the post. `novelty_milli` is the story's novelty in thousandths; a `source` of "" is not
    counted among the sources. `teller` is whose votes are kept apart from those of others ("": they are not).
    """

    id: str
    received_ms: int
    published_ms: int
    story: str
    first: bool
    stale: bool
    votes: tuple[SeriesVote, ...]
    excerpt: bytes
    novelty_milli: int = 0
    source: str = ""
    teller: str = ""


class ChartPoint(NamedTuple):
    """One bucket in published time. `voices` are first tellings; `score_sum` and `score_squares` are of scores, in
    [-1, 1]; `novelty_sum` of the stories' novelty. `sources` says how many different ones spoke: an estimate that is
    a few percent off at most, 0 where none was said, None in buckets of five minutes, which do not keep it."""

    start_ms: int
    posts: int
    voices: int
    negative: int
    neutral: int
    positive: int
    score_sum: float
    score_squares: float
    novelty_sum: float = 0.0
    sources: int | None = None


class Span(NamedTuple):
    """The buckets of a resolution with start in [start_ms, end_ms)."""

    resolution: Resolution
    start_ms: int
    end_ms: int


class Totals(NamedTuple):
    """Sums over a span; see `ChartPoint`."""

    posts: int
    voices: int
    negative: int
    neutral: int
    positive: int
    score_sum: float
    score_squares: float


class Standing(NamedTuple):
    """How far a shard is: the minute up to which (exclusive) it is closed, and how many companies were first heard in
    which bucket until then."""

    closed_until: int
    born: dict[int, int]


class ShardState(NamedTuple):
    """What a lease holder finds: the watch's state (None: nothing yet), the minute up to which (exclusive) it is
    closed, and the stories that voted, series -> story -> minute."""

    watch: bytes | None
    closed_until: int | None
    voted: dict[str, dict[str, int]]


class ShardUpdate(NamedTuple):
    """What a close changes, written in one step or not at all. `outbox` holds encoded alerts by id,
    `bands` rows of `alerts.votes.Band` (float64, shape buckets x 6) by series, `accounts` only those that changed;
    `born` is as in `Standing`."""

    watch: bytes
    closed_until: int
    born: Mapping[int, int]
    outbox: Mapping[str, bytes]
    bands: Mapping[str, NDArray[np.float64]]
    voted_added: Mapping[str, Mapping[str, int]]
    voted_removed: Mapping[str, Sequence[str]]
    accounts: Mapping[str, Account]


class TrendStore(Protocol):
    """Counts by minute for the detector, buckets for charts, and the detector's state by shard.

    Beside shards 0..n-1 there is `MARKET_SHARD`: it has a lease, a state and an outbox like them, and no votes.
    """

    shards: int

    def count(self, docs: Sequence[Counted]) -> int:
        """Counts each post once, whatever is repeated; returns how many were new in at least one shard.

        A shard (`trends.shard_of(series)`) tests the id and counts in one step. In each minute, series, story and
        teller the vote is the member with the smallest (received_ms, id). Votes for a closed minute are dropped.
        """
        ...

    def progress(self, marks: Mapping[int, int]) -> None:
        """Partition -> milliseconds: all posts of that partition received before then are counted. Never goes back."""
        ...

    def watermark(self, partitions: int) -> int | None:
        """The smallest progress of partitions 0..n-1 in milliseconds; None while one of them has none."""
        ...

    def lease(self, shard: int, owner: str, ttl_ms: int, now_ms: int) -> int | None:
        """The fencing token if `owner` holds or gets the shard, else None. A new holder's token is higher than all
        before it and at least `now_ms`; renewing keeps the token."""
        ...

    def release(self, shard: int, owner: str) -> None:
        """Gives the lease back if `owner` has it."""
        ...

    def load(self, shard: int) -> ShardState:
        """The shard's state as last committed."""
        ...

    def standing(self, shard: int) -> Standing | None:
        """How far the shard is, as last committed by whoever holds it; None before the first commit."""
        ...

    def minutes(self, shard: int, until: int, limit: int) -> list[Minute]:
        """Up to `limit` minutes that hold votes and end at or before minute `until` (exclusive), in order."""
        ...

    def commit(self, shard: int, token: int, update: ShardUpdate) -> None:
        """Writes state, outbox and bands and drops the minutes closed, in one step; `Fenced` if the token is old."""
        ...

    def outbox(self, shard: int) -> dict[str, bytes]:
        """Alerts committed and not yet confirmed as sent, in the order they were committed."""
        ...

    def sent(self, shard: int, token: int, alert_ids: Sequence[str]) -> None:
        """Takes confirmed alerts out of the outbox; `Fenced` if the token is old."""
        ...

    def chart(self, series: str, resolution: Resolution, start_ms: int, end_ms: int) -> list[ChartPoint]:
        """The non-empty buckets of a series with start in [start_ms, end_ms), in order."""
        ...

    def totals(self, kind: str, spans: Sequence[Span], least: int) -> dict[str, tuple[Totals, ...]]:
        """Sums over each span, of all series of a kind with at least `least` (1 or more) voices in the first span."""
        ...

    def bands(self, series: str, limit: int) -> list[Band]:
        """The last `limit` closed detector buckets of a watched series (at most 768 are kept), in order."""
        ...

    def accounts(self, series: Sequence[str] | None = None) -> dict[str, Account]:
        """Since when each watched series is known and how often it fired; of all series where none are named."""
        ...

    def busiest(self, kind: str, limit: int) -> list[tuple[str, int]]:
        """Series of a kind with the most posts counted so far, most first, ties by name: [(series, posts)]."""
        ...

    def folded(self, kind: str) -> int:
        """How often a series of a kind was folded into `<kind>:(other)`, because there were more than are kept apart.

        Their sums go on in the charts of that series, where a post counts once for each series folded; `busiest` and
        `totals` leave it out. The least active ones go first: fewest posts, where a week later counts twice.
        """
        ...

    def seen_ids(self) -> Iterator[str]:
        """Ids of all posts counted in the market series and still remembered (for the audit)."""
        ...


class DocumentStore(Protocol):
    """The documents behind the numbers."""

    def index(self, opinions: Sequence[Opinion]) -> list[str | None]:
        """Writes each opinion under its id; for each None, or why it can never be written (a dead letter).

        Of several records with one id the one received first stays, whatever the order of arrival.
        """
        ...

    def refresh(self) -> None:
        """Makes what was written visible to searches."""
        ...

    def get(self, post_id: str) -> Opinion | None:
        """One document by its id."""
        ...

    def latest(self, limit: int, symbol: str | None = None) -> list[Opinion]:
        """The documents last received, newest first; of one company where a symbol is given."""
        ...

    def ids(self) -> Iterator[str]:
        """All ids (for the audit)."""
        ...
