"""The stores in memory: for the demo, replays, tests and a laptop. They keep the same promises as the real ones."""

import heapq
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from alerts.accounts import Account
from alerts.votes import Band, Minute, Vote
from stream.errors import Fenced
from stream.records import Opinion
from stream.stores.memory_charts import MemoryCharts
from stream.stores.protocols import (
    BANDS_KEPT,
    SERIES_KEPT,
    Counted,
    SeriesVote,
    ShardState,
    ShardUpdate,
    Standing,
    shard_of,
)
from stream.times import MINUTE_MS


class _Shard:
    def __init__(self) -> None:
        self.seen: set[str] = set()
        # minute -> (series, story, teller) -> [received_ms, id, negative, posts, negative_posts]
        self.votes: dict[int, dict[tuple[str, str, str], list[object]]] = {}
        self.stale: dict[int, dict[str, int]] = {}
        self.excerpts: dict[int, dict[str, bytes]] = {}
        self.owner: str | None = None
        self.until_ms = 0
        self.token = 0
        self.watch: bytes | None = None
        self.closed_until: int | None = None
        self.born: dict[int, int] = {}
        self.voted: dict[str, dict[str, int]] = defaultdict(dict)
        self.outbox: dict[str, bytes] = {}
        self.bands: dict[str, NDArray[np.float64]] = {}
        self.accounts: dict[str, Account] = {}


class MemoryTrends(MemoryCharts):
    """A `TrendStore` in one process. `now_ms` of `lease` is the only clock it knows."""

    def __init__(self, shards: int = 1, series_kept: int = SERIES_KEPT) -> None:
        super().__init__(series_kept)
        self.shards = shards
        self._shards = [_Shard() for _ in range(shards + 1)]  # the last one is MARKET_SHARD
        self._progress: dict[int, int] = {}

    def count(self, docs: Sequence[Counted]) -> int:
        """See `TrendStore.count`."""
        return sum([self._count(doc) for doc in docs])

    def _count(self, doc: Counted) -> bool:
        fresh: dict[int, bool] = {}
        for vote in doc.votes:
            at = shard_of(vote.series, self.shards)
            shard = self._shards[at]
            if at not in fresh:
                fresh[at] = doc.id not in shard.seen
                shard.seen.add(doc.id)
            if fresh[at]:
                self._chart(doc, vote)
                if vote.watched:
                    _vote(shard, doc, vote)
        return any(fresh.values())

    def progress(self, marks: Mapping[int, int]) -> None:
        """See `TrendStore.progress`."""
        for partition, before_ms in marks.items():
            self._progress[partition] = max(before_ms, self._progress.get(partition, before_ms))

    def watermark(self, partitions: int) -> int | None:
        """See `TrendStore.watermark`."""
        marks = [self._progress.get(partition) for partition in range(partitions)]
        return None if None in marks or not marks else min(mark for mark in marks if mark is not None)

    def lease(self, shard: int, owner: str, ttl_ms: int, now_ms: int) -> int | None:
        """See `TrendStore.lease`."""
        state = self._shards[shard]
        if state.owner is not None and state.owner != owner and now_ms < state.until_ms:
            return None
        if state.owner != owner or now_ms >= state.until_ms:
            state.token = max(state.token + 1, now_ms)
        state.owner, state.until_ms = owner, now_ms + ttl_ms
        return state.token

    def release(self, shard: int, owner: str) -> None:
        """See `TrendStore.release`."""
        if self._shards[shard].owner == owner:
            self._shards[shard].owner = None

    def load(self, shard: int) -> ShardState:
        """See `TrendStore.load`."""
        state = self._shards[shard]
        voted = {series: dict(stories) for series, stories in state.voted.items()}
        return ShardState(state.watch, state.closed_until, voted)

    def standing(self, shard: int) -> Standing | None:
        """See `TrendStore.standing`."""
        state = self._shards[shard]
        return None if state.closed_until is None else Standing(state.closed_until, dict(state.born))

    def minutes(self, shard: int, until: int, limit: int) -> list[Minute]:
        """See `TrendStore.minutes`."""
        state = self._shards[shard]
        due = sorted(minute for minute in state.votes.keys() | state.stale.keys() if minute < until)[:limit]
        return [_minute(state, minute) for minute in due]

    def commit(self, shard: int, token: int, update: ShardUpdate) -> None:
        """See `TrendStore.commit`."""
        state = self._fence(shard, token)
        state.watch, state.closed_until, state.born = update.watch, update.closed_until, dict(update.born)
        state.outbox.update(update.outbox)
        for series, rows in update.bands.items():
            kept = state.bands.get(series, rows[:0])
            fresh = rows[rows[:, 0] > kept[-1, 0]] if len(kept) else rows  # a repeated commit finds its rows there
            state.bands[series] = np.concatenate([kept, fresh])[-BANDS_KEPT:]
        for series, stories in update.voted_removed.items():
            for story in stories:
                state.voted[series].pop(story, None)
        for series, added in update.voted_added.items():
            state.voted[series].update(added)
        state.accounts.update(update.accounts)
        for by_minute in (state.votes, state.stale, state.excerpts):
            for minute in [minute for minute in by_minute if minute < update.closed_until]:
                del by_minute[minute]

    def outbox(self, shard: int) -> dict[str, bytes]:
        """See `TrendStore.outbox`."""
        return dict(self._shards[shard].outbox)

    def sent(self, shard: int, token: int, alert_ids: Sequence[str]) -> None:
        """See `TrendStore.sent`."""
        outbox = self._fence(shard, token).outbox
        for alert_id in alert_ids:
            outbox.pop(alert_id, None)

    def _fence(self, shard: int, token: int) -> _Shard:
        state = self._shards[shard]
        if token != state.token:
            raise Fenced(f"shard {shard}: token {token} is no longer the one in force; drop the work")
        return state

    def bands(self, series: str, limit: int) -> list[Band]:
        """See `TrendStore.bands`."""
        rows = self._shards[shard_of(series, self.shards)].bands.get(series)
        if rows is None or limit <= 0:
            return []
        return [Band(int(start), *rest) for start, *rest in rows[-limit:].tolist()]

    def accounts(self, series: Sequence[str] | None = None) -> dict[str, Account]:
        """See `TrendStore.accounts`."""
        if series is None:
            return {name: account for shard in self._shards for name, account in shard.accounts.items()}
        found = {name: self._shards[shard_of(name, self.shards)].accounts.get(name) for name in series}
        return {name: account for name, account in found.items() if account is not None}

    def seen_ids(self) -> Iterator[str]:
        """See `TrendStore.seen_ids`."""
        yield from sorted(self._shards[shard_of("market:all", self.shards)].seen)


def _vote(shard: _Shard, doc: Counted, vote: SeriesVote) -> None:
    minute = doc.received_ms // MINUTE_MS
    if shard.closed_until is not None and minute < shard.closed_until:
        return
    if doc.stale:
        stale = shard.stale.setdefault(minute, {})
        stale[vote.series] = stale.get(vote.series, 0) + 1
        return
    negative = vote.negative
    candidate = shard.votes.setdefault(minute, {}).setdefault(
        (vote.series, doc.story, doc.teller), [doc.received_ms, doc.id, negative, 0, 0]
    )
    if (doc.received_ms, doc.id) < (candidate[0], candidate[1]):
        candidate[:3] = [doc.received_ms, doc.id, negative]
    candidate[3] += 1  # type: ignore[operator]
    candidate[4] += negative  # type: ignore[operator]
    if doc.excerpt:
        shard.excerpts.setdefault(minute, {})[doc.id] = doc.excerpt


def _minute(state: _Shard, minute: int) -> Minute:
    votes: dict[str, list[Vote]] = defaultdict(list)
    for (series, story, teller), (received_ms, *rest) in state.votes.get(minute, {}).items():
        post, negative, posts, negative_posts = rest
        vote = Vote(received_ms, post, story, negative, posts, negative_posts, teller)  # type: ignore[arg-type]
        votes[series].append(vote)
    return Minute(minute, dict(votes), dict(state.stale.get(minute, {})), dict(state.excerpts.get(minute, {})))


class MemoryDocuments:
    """A `DocumentStore` of everything it was given."""

    def __init__(self) -> None:
        self._by_id: dict[str, Opinion] = {}

    def index(self, opinions: Sequence[Opinion]) -> list[str | None]:
        """See `DocumentStore.index`."""
        for opinion in opinions:
            known = self._by_id.get(opinion.id)
            if known is None or opinion.received_at <= known.received_at:
                self._by_id[opinion.id] = opinion
        return [None] * len(opinions)

    def refresh(self) -> None:
        """See `DocumentStore.refresh`."""

    def get(self, post_id: str) -> Opinion | None:
        """See `DocumentStore.get`."""
        return self._by_id.get(post_id)

    def latest(self, limit: int, symbol: str | None = None) -> list[Opinion]:
        """See `DocumentStore.latest`."""
        about = [
            opinion
            for opinion in list(self._by_id.values())  # a copy: the writer may be another thread
            if symbol is None or any(entity.symbol == symbol for entity in opinion.entities)
        ]
        return heapq.nlargest(limit, about, key=lambda opinion: (opinion.received_at, opinion.id))

    def ids(self) -> Iterator[str]:
        """See `DocumentStore.ids`."""
        yield from sorted(self._by_id)
