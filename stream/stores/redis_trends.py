"""Trends in Redis: every change is one Lua call on the keys of one shard (`lua/`), which share a hash tag, so that it
happens whole or not at all, also in a cluster. What is counted, and when minutes are closed, is the stages' business.

Keys of a shard, behind `prefix:{s<shard>}:` — `seen:<id>`; `c:<resolution>:<period>:<series>` buckets of a chart;
`top:<kind>` posts by series; `m:<minute>` votes, `minutes` which there are; `state` token, watch, closed_until;
`lease`; `voted`; `outbox`, `outbox:order`; `b:<series>` bands. Progress of all partitions is `prefix:progress`.
"""

import heapq
import struct
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple, cast

import msgspec
import numpy as np
import redis

from alerts.votes import Band, Minute, Vote
from stream.errors import Fenced
from stream.stores.protocols import (
    BANDS_KEPT,
    RESOLUTION_MS,
    ChartPoint,
    Counted,
    Resolution,
    ShardState,
    ShardUpdate,
    shard_of,
)
from stream.stores.redis_common import Argument, Script, faults_named, glob_literal
from stream.times import DAY_MS

DAY_S = DAY_MS // 1000
SEEN_TTL_S = 7 * DAY_S  # longer than the longest catch-up
CHART_TTL_S: dict[Resolution, int] = {"5m": 14 * DAY_S, "hour": 100 * DAY_S, "day": 800 * DAY_S}
_SPAN: dict[Resolution, int] = {"5m": 288, "hour": 720, "day": 1000}  # buckets a key holds, as in count.lua
_KEYS_AT_ONCE = 1000
_BAND_BYTES = 48
_ARGS_BEFORE_EXCERPTS = 5  # of count.lua
_CANDIDATE = struct.Struct(">dIIB")  # received_ms, posts, negative posts, negative; the id follows
_SUMS = struct.Struct(">5I2q")  # as in count.lua
_pack = msgspec.msgpack.Encoder().encode

_COUNT, _PROGRESS, _LEASE, _RELEASE = Script("count"), Script("progress"), Script("lease"), Script("release")
_COMMIT, _SENT = Script("commit"), Script("sent")

_cached_shard_of = lru_cache(maxsize=100_000)(shard_of)


class RedisTrends:
    """A `TrendStore`. `client` answers in bytes (`redis_common.connect`); leases end by the server's clock."""

    def __init__(self, client: redis.Redis, prefix: str, shards: int, seen_ttl_s: int = SEEN_TTL_S) -> None:
        self.shards = shards
        self._client = client
        self._prefix = prefix
        self._seen_ttl_s = seen_ttl_s

    def count(self, docs: Sequence[Counted]) -> int:
        """See `TrendStore.count`."""
        parts = _by_shard(docs, self.shards)
        if not parts:
            return 0
        ttls = [CHART_TTL_S[resolution] for resolution in RESOLUTION_MS]
        calls: list[tuple[str, tuple[Argument, ...]]] = [
            (self._base(shard), (self._seen_ttl_s, _pack(part.rows), *ttls, *part.excerpts))
            for shard, part in parts.items()
        ]
        fresh: set[int] = set()
        for part, marks in zip(parts.values(), _COUNT.run_each(self._client, calls), strict=True):
            fresh.update(place for place, mark in zip(part.places, marks, strict=True) if mark == ord("1"))
        return len(fresh)

    def progress(self, marks: Mapping[int, int]) -> None:
        """See `TrendStore.progress`."""
        if marks:
            _PROGRESS.run(self._client, f"{self._prefix}:progress", _pack(list(marks.items())))

    def watermark(self, partitions: int) -> int | None:
        """See `TrendStore.watermark`."""
        if not partitions:
            return None
        with faults_named(self._client):
            marks = self._client.hmget(f"{self._prefix}:progress", [str(n) for n in range(partitions)])
        found = [int(mark) for mark in marks if mark is not None]
        return min(found) if len(found) == partitions else None

    def lease(self, shard: int, owner: str, ttl_ms: int, now_ms: int) -> int | None:
        """See `TrendStore.lease`."""
        token = _LEASE.run(self._client, self._base(shard), owner, ttl_ms, now_ms)
        return None if token is None else int(token)

    def release(self, shard: int, owner: str) -> None:
        """See `TrendStore.release`."""
        _RELEASE.run(self._client, self._base(shard), owner)

    def load(self, shard: int) -> ShardState:
        """See `TrendStore.load`."""
        base = self._base(shard)
        with faults_named(self._client), self._client.pipeline() as pipeline:
            pipeline.hmget(base + "state", ["watch", "closed_until"])
            pipeline.hgetall(base + "voted")
            (watch, closed_until), fields = pipeline.execute()
        voted: dict[str, dict[str, int]] = defaultdict(dict)
        for field, minute in fields.items():
            series, story = _split(field)
            voted[series][story] = int(minute)
        return ShardState(watch, None if closed_until is None else int(closed_until), dict(voted))

    def minutes(self, shard: int, until: int, limit: int) -> list[Minute]:
        """See `TrendStore.minutes`."""
        base = self._base(shard)
        with faults_named(self._client), self._client.pipeline(transaction=False) as pipeline:
            due = cast(
                "list[bytes]", self._client.zrangebyscore(base + "minutes", "-inf", f"({until}", start=0, num=limit)
            )
            for minute in due:
                pipeline.hgetall(f"{base}m:{int(minute)}")
            hashes = pipeline.execute()
        return [_minute(int(minute), fields) for minute, fields in zip(due, hashes, strict=True)]

    def commit(self, shard: int, token: int, update: ShardUpdate) -> None:
        """See `TrendStore.commit`."""
        added = [
            (_joined(series, story), minute)
            for series, stories in update.voted_added.items()
            for story, minute in stories.items()
        ]
        removed = [_joined(series, story) for series, stories in update.voted_removed.items() for story in stories]
        rest = _pack([list(update.outbox), list(update.bands), added, removed])
        args = (token, update.closed_until, update.watch, BANDS_KEPT, rest)
        rows = [np.ascontiguousarray(rows[-BANDS_KEPT:], dtype="<f8").tobytes() for rows in update.bands.values()]
        answer = _COMMIT.run(self._client, self._base(shard), *args, *update.outbox.values(), *rows)
        _check_fence(answer, shard, token)

    def outbox(self, shard: int) -> dict[str, bytes]:
        """See `TrendStore.outbox`."""
        base = self._base(shard)
        with faults_named(self._client), self._client.pipeline() as pipeline:
            pipeline.zrange(base + "outbox:order", 0, -1)
            pipeline.hgetall(base + "outbox")
            order, alerts = pipeline.execute()
        return {alert_id.decode(): alerts[alert_id] for alert_id in order}

    def sent(self, shard: int, token: int, alert_ids: Sequence[str]) -> None:
        """See `TrendStore.sent`."""
        _check_fence(_SENT.run(self._client, self._base(shard), token, _pack(list(alert_ids))), shard, token)

    def chart(self, series: str, resolution: Resolution, start_ms: int, end_ms: int) -> list[ChartPoint]:
        """See `TrendStore.chart`; costs a look-up for each day (5m), 30 days (hour) or 1,000 days between the two."""
        width_ms = RESOLUTION_MS[resolution]
        span_ms = width_ms * _SPAN[resolution]
        base = f"{self._base(shard_of(series, self.shards))}c:{resolution}:"
        points = []
        periods = range(start_ms // span_ms, -(-end_ms // span_ms))
        for first in range(0, len(periods), _KEYS_AT_ONCE):
            with faults_named(self._client), self._client.pipeline(transaction=False) as pipeline:
                for period in periods[first : first + _KEYS_AT_ONCE]:
                    pipeline.hgetall(f"{base}{period}:{series}")
                found = pipeline.execute()
            buckets = {int(bucket) * width_ms: raw for fields in found for bucket, raw in fields.items()}
            for start in sorted(start for start in buckets if start_ms <= start < end_ms):
                posts, voices, negative, neutral, positive, milli, squares = _SUMS.unpack(buckets[start])
                points.append(ChartPoint(start, posts, voices, negative, neutral, positive, milli / 1e3, squares / 1e6))
        return points

    def bands(self, series: str, limit: int) -> list[Band]:
        """See `TrendStore.bands`."""
        rows = min(limit, BANDS_KEPT)
        if rows <= 0:
            return []
        key = f"{self._base(shard_of(series, self.shards))}b:{series}"
        with faults_named(self._client):
            raw = cast(bytes, self._client.getrange(key, -rows * _BAND_BYTES, -1))
        return [Band(int(start), *rest) for start, *rest in np.frombuffer(raw, dtype="<f8").reshape(-1, 6).tolist()]

    def busiest(self, kind: str, limit: int) -> list[tuple[str, int]]:
        """See `TrendStore.busiest`."""
        with faults_named(self._client), self._client.pipeline(transaction=False) as pipeline:
            for shard in range(self.shards):
                pipeline.hgetall(f"{self._base(shard)}top:{kind}")
            found = pipeline.execute()
        posts = [(series.decode(), int(count)) for part in found for series, count in part.items()]
        return heapq.nsmallest(limit, posts, key=lambda item: (-item[1], item[0]))

    def seen_ids(self) -> Iterator[str]:
        """See `TrendStore.seen_ids`."""
        key = f"{self._base(shard_of('market:all', self.shards))}seen:"
        with faults_named(self._client):
            found = set(self._client.scan_iter(match=glob_literal(key) + "*", count=5000))  # it may tell a key twice
        yield from sorted(raw[len(key.encode()) :].decode() for raw in found)

    def _base(self, shard: int) -> str:
        return f"{self._prefix}:{{s{shard}}}:"


class _Part(NamedTuple):
    """A shard's part of a batch: rows as count.lua reads them, their places in the batch, excerpts the rows name."""

    rows: list[tuple[object, ...]]
    places: list[int]
    excerpts: list[bytes]


def _by_shard(docs: Sequence[Counted], shards: int) -> dict[int, _Part]:
    parts: dict[int, _Part] = {}
    for place, doc in enumerate(docs):
        split: dict[int, list[object]] = {}
        shown: set[int] = set()
        for vote in doc.votes:
            shard = _cached_shard_of(vote.series, shards)
            heard = (1 + vote.negative) * vote.watched  # 0 not watched, 1 a voice, 2 a negative one
            split.setdefault(shard, []).extend((vote.series, vote.label, vote.score_milli, heard))
            if vote.watched and vote.negative:
                shown.add(shard)
        for shard, votes in split.items():
            part = parts.get(shard)
            if part is None:
                part = parts[shard] = _Part([], [], [])
            excerpt = 0
            if doc.excerpt and shard in shown:
                part.excerpts.append(doc.excerpt)
                excerpt = _ARGS_BEFORE_EXCERPTS + len(part.excerpts)
            part.rows.append((*doc[:6], votes, excerpt))
            part.places.append(place)
    return parts


def _check_fence(answer: int, shard: int, token: int) -> None:
    if answer != 1:
        raise Fenced(f"shard {shard}: token {token} is no longer the one in force; drop the work")


def _joined(series: str, story: str) -> str:
    """Two names as one field that can be taken apart whatever is in them: bytes of the first, colon, both."""
    return f"{len(series.encode())}:{series}{story}"


def _split(field: bytes) -> tuple[str, str]:
    length, _, rest = field.partition(b":")
    return rest[: int(length)].decode(), rest[int(length) :].decode()


def _minute(minute: int, fields: Mapping[bytes, bytes]) -> Minute:
    votes: dict[str, list[Vote]] = defaultdict(list)
    stale: dict[str, int] = {}
    excerpts: dict[str, bytes] = {}
    for field, value in fields.items():
        if field[:1] == b"v":
            series, story = _split(field[1:])
            received_ms, posts, negative_posts, negative = _CANDIDATE.unpack_from(value)
            post = value[_CANDIDATE.size :].decode()
            votes[series].append(Vote(int(received_ms), post, story, bool(negative), posts, negative_posts))
        elif field[:1] == b"s":
            stale[field[1:].decode()] = int(value)
        else:
            excerpts[field[1:].decode()] = value
    return Minute(minute, dict(votes), stale, excerpts)
