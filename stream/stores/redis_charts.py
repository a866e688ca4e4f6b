"""The charts of the trends in Redis, read. They are written by `lua/count.lua`; `lua/buckets.lua` says how they lie.

Keys of a shard, behind `prefix:{s<shard>}:` — `live:<kind>` heads by series; `c:<resolution>:<period>:<series>` older
buckets; `u:<resolution>:<bucket>:<series>` sources as HyperLogLog, while late posts may come; `folded` by kind how
many series were folded into `<kind>:(other)`, whose buckets lie in every shard.
"""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, cast

import msgspec
import redis

from stream.stores.protocols import OTHER, RESOLUTION_MS, SERIES_KEPT, ChartPoint, Resolution, Span, Totals, shard_of
from stream.stores.redis_common import Script, faults_named, glob_literal
from stream.times import DAY_MS

DAY_S = DAY_MS // 1000
SEEN_TTL_S = 7 * DAY_S  # longer than the longest catch-up
CHART_TTL_S: dict[Resolution, int] = {"5m": 14 * DAY_S, "hour": 100 * DAY_S, "day": 800 * DAY_S}
_SPAN: dict[Resolution, int] = {"5m": 288, "hour": 480, "day": 400}  # buckets a key holds, as in buckets.lua
_HEADS: dict[Resolution, int] = {
    "5m": 0,
    "hour": 1,
    "day": 2,
}  # the place of each in a head, after the posts, as in buckets.lua
_SOURCES = 8  # their place in an older bucket, after the sums
_TOTALS = Script("buckets", "totals")
_decode_bucket = msgspec.msgpack.Decoder(list[int | str]).decode
_decode_head = msgspec.msgpack.Decoder(tuple[int, list[int | str], list[int | str], list[int | str]]).decode


class _Bucket(NamedTuple):
    """Sums as in buckets.lua from posts to novelty, and sources: their codes, or an estimate of how many."""

    sums: list[int]
    sources: set[str] | int


class RedisCharts:
    """The charts' part of a `TrendStore`."""

    def __init__(
        self,
        client: redis.Redis,
        prefix: str,
        shards: int,
        seen_ttl_s: int = SEEN_TTL_S,
        series_kept: int = SERIES_KEPT,
    ) -> None:
        self.shards = shards
        self._client = client
        self._prefix = prefix
        self._seen_ttl_s = seen_ttl_s
        self._most_series = -(-series_kept // shards)
        self._kept_s: Mapping[Resolution, int] = CHART_TTL_S

    def chart(self, series: str, resolution: Resolution, start_ms: int, end_ms: int) -> list[ChartPoint]:
        """See `TrendStore.chart`; costs a look-up for each day (5m), 20 days (hour) or 400 days between the two."""
        width_ms = RESOLUTION_MS[resolution]
        span_ms = width_ms * _SPAN[resolution]
        shards = range(self.shards) if series.endswith(OTHER) else (shard_of(series, self.shards),)
        periods = range(start_ms // span_ms, -(-end_ms // span_ms))
        asked = [(self._base(shard), period) for shard in shards for period in periods]
        buckets: dict[int, _Bucket] = {}

        def add(number: int, raw: Sequence[int | str]) -> None:
            bucket = _bucket(raw)
            buckets[number] = _joined(buckets[number], bucket) if number in buckets else bucket

        with faults_named(self._client), self._client.pipeline(transaction=False) as pipeline:
            for shard in shards:
                pipeline.hget(f"{self._base(shard)}live:{series.partition(':')[0]}", series)
            for base, period in asked:
                pipeline.hgetall(f"{base}c:{resolution}:{period}:{series}")
            found = pipeline.execute()
        for fields in found[len(shards) :]:
            for number, raw in fields.items():
                add(int(number), _decode_bucket(raw))
        for head in found[: len(shards)]:
            if head is not None:
                newest, *sums = _decode_head(head)[1:][_HEADS[resolution]]
                add(int(newest), sums)
        starts = sorted(bucket * width_ms for bucket in buckets)
        return [
            _chart_point(start, resolution, buckets[start // width_ms])
            for start in starts
            if start_ms <= start < end_ms
        ]

    def totals(self, kind: str, spans: Sequence[Span], least: int) -> dict[str, tuple[Totals, ...]]:
        """See `TrendStore.totals`."""
        asked = msgspec.msgpack.encode([_asked(span) for span in spans])
        calls = [(self._base(shard), (kind, least, asked)) for shard in range(self.shards)]
        totals = {}
        for raw in _TOTALS.run_each(self._client, calls):
            answer = msgspec.msgpack.decode(raw)
            for at in range(0, len(answer), 1 + len(spans)):
                totals[answer[at]] = tuple(_totals(sums) for sums in answer[at + 1 : at + 1 + len(spans)])
        return totals

    def busiest(self, kind: str, limit: int) -> list[tuple[str, int]]:
        """See `TrendStore.busiest`."""
        with faults_named(self._client), self._client.pipeline(transaction=False) as pipeline:
            for shard in range(self.shards):
                pipeline.hgetall(f"{self._base(shard)}live:{kind}")
            found = pipeline.execute()
        posts = [(series.decode(), _decode_head(head)[0]) for part in found for series, head in part.items()]
        return heapq.nsmallest(limit, posts, key=lambda item: (-item[1], item[0]))

    def folded(self, kind: str) -> int:
        """See `TrendStore.folded`."""
        with faults_named(self._client), self._client.pipeline(transaction=False) as pipeline:
            for shard in range(self.shards):
                pipeline.hget(f"{self._base(shard)}folded", kind)
            return sum(int(found or 0) for found in pipeline.execute())

    def seen_ids(self) -> Iterator[str]:
        """See `TrendStore.seen_ids`."""
        key = f"{self._base(shard_of('market:all', self.shards))}seen:"
        found: set[bytes] = set()
        with faults_named(self._client):
            for name in list(self._client.scan_iter(match=glob_literal(key) + "*", count=5000)):
                found.update(cast("Iterator[bytes]", self._client.sscan_iter(name, count=5000)))
        yield from sorted(raw.decode() for raw in found)

    def _base(self, shard: int) -> str:
        return f"{self._prefix}:{{s{shard}}}:"


def _chart_point(start_ms: int, resolution: Resolution, bucket: _Bucket) -> ChartPoint:
    posts, voices, negative, neutral, positive, milli, squares, novelty = bucket.sums
    sources = bucket.sources if isinstance(bucket.sources, int) else len(bucket.sources)
    return ChartPoint(
        start_ms,
        posts,
        voices,
        negative,
        neutral,
        positive,
        milli / 1e3,
        squares / 1e6,
        novelty / 1e3,
        None if resolution == "5m" else sources,
    )


def _asked(span: Span) -> tuple[int, int, int, int]:
    """A span as totals.lua reads it."""
    width_ms = RESOLUTION_MS[span.resolution]
    first, after = -(-span.start_ms // width_ms), -(-span.end_ms // width_ms)
    return 1 + _HEADS[span.resolution], first, after, first * width_ms // RESOLUTION_MS["5m"]


def _totals(sums: Sequence[int]) -> Totals:
    *counts, milli, squares = sums
    posts, voices, negative, neutral, positive = counts
    return Totals(posts, voices, negative, neutral, positive, milli / 1e3, squares / 1e6)


def _bucket(raw: Sequence[int | str]) -> _Bucket:
    sums, sources = [int(number) for number in raw[:_SOURCES]], raw[_SOURCES] if len(raw) > _SOURCES else ""
    if isinstance(sources, int):
        return _Bucket(sums, -sources)
    return _Bucket(sums, {sources[at : at + 4] for at in range(0, len(sources), 4)})


def _joined(one: _Bucket, other: _Bucket) -> _Bucket:
    """The sum of two parts of one bucket. An estimate holds the listed sources already, as buckets.lua keeps them."""
    sums = [a + b for a, b in zip(one.sums, other.sums, strict=True)]
    if isinstance(one.sources, set) and isinstance(other.sources, set):
        return _Bucket(sums, one.sources | other.sources)
    return _Bucket(sums, max(part for part in (one.sources, other.sources) if isinstance(part, int)))
