"""The charts of the trends in memory: sums by bucket of published time, and which sources spoke in it."""

import heapq
from collections import defaultdict
from collections.abc import Sequence
from math import log
from typing import NamedTuple

from stream.stores.protocols import OTHER, RESOLUTION_MS, ChartPoint, Counted, Resolution, SeriesVote, Span, Totals
from stream.times import DAY_MS


class Bucket(NamedTuple):
    """Posts, voices, negative, neutral, positive, thousandths of score, their squares, thousandths of novelty."""

    sums: list[int]
    sources: set[str]


class MemoryCharts:
    """The charts' part of a `TrendStore`."""

    def __init__(self, series_kept: int) -> None:
        self._most_series = series_kept
        self._folded: dict[str, int] = defaultdict(int)
        self._charts: dict[Resolution, dict[str, dict[int, Bucket]]] = {
            resolution: defaultdict(dict) for resolution in RESOLUTION_MS
        }
        self._posts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))

    def _chart(self, doc: Counted, vote: SeriesVote) -> None:
        kind = vote.series.partition(":")[0]
        posts = self._posts[kind]
        if vote.series not in posts and len(posts) >= self._most_series:
            self._make_room(kind)
        posts[vote.series] += 1
        for resolution, width_ms in RESOLUTION_MS.items():
            start_ms = doc.published_ms // width_ms * width_ms
            sums, sources = self._charts[resolution][vote.series].setdefault(start_ms, Bucket([0] * 8, set()))
            sums[0] += 1
            sums[1] += doc.first
            sums[2 + vote.label] += 1
            sums[5] += vote.score_milli
            sums[6] += vote.score_milli**2
            sums[7] += doc.novelty_milli
            if doc.source:
                sources.add(doc.source)

    def _make_room(self, kind: str) -> None:
        posts = self._posts[kind]
        over = len(posts) + 1 - self._most_series + min(20, self._most_series // 10)
        for series in heapq.nsmallest(over, posts, key=self._activity):
            for charts in self._charts.values():
                others = charts[kind + OTHER]
                for start_ms, bucket in charts.pop(series).items():
                    old = others.setdefault(start_ms, Bucket([0] * 8, set()))
                    old.sums[:] = map(sum, zip(old.sums, bucket.sums, strict=True))
                    old.sources.update(bucket.sources)
            del posts[series]
            self._folded[kind] += 1

    def _activity(self, series: str) -> tuple[float, str]:
        """Posts so far, where a week later counts twice, as in fold.lua; ties by name."""
        newest_ms = max(self._charts["day"][series])
        posts = self._posts[series.partition(":")[0]][series]
        return log(posts) / log(2) + newest_ms // DAY_MS / 7, series

    def folded(self, kind: str) -> int:
        """See `TrendStore.folded`."""
        return self._folded.get(kind, 0)

    def _within(self, series: str, span: Span) -> list[tuple[int, Bucket]]:
        buckets = self._charts[span.resolution].get(series, {}).copy()  # the writer may be another thread
        return sorted((start, buckets[start]) for start in buckets if span.start_ms <= start < span.end_ms)

    def chart(self, series: str, resolution: Resolution, start_ms: int, end_ms: int) -> list[ChartPoint]:
        """See `TrendStore.chart`."""
        found = self._within(series, Span(resolution, start_ms, end_ms))
        return [_point(start, resolution, bucket) for start, bucket in found]

    def totals(self, kind: str, spans: Sequence[Span], least: int) -> dict[str, tuple[Totals, ...]]:
        """See `TrendStore.totals`."""
        found = {
            series: tuple(_totals([bucket for _, bucket in self._within(series, span)]) for span in spans)
            for series in self._posts.get(kind, {}).copy()
        }
        return {series: totals for series, totals in found.items() if totals[0].voices >= least}

    def busiest(self, kind: str, limit: int) -> list[tuple[str, int]]:
        """See `TrendStore.busiest`."""
        return sorted(self._posts.get(kind, {}).copy().items(), key=lambda item: (-item[1], item[0]))[:limit]


def _totals(buckets: Sequence[Bucket]) -> Totals:
    posts, voices, negative, neutral, positive, milli, squares, _ = (
        sum(column) for column in zip([0] * 8, *(bucket.sums for bucket in buckets), strict=True)
    )
    return Totals(posts, voices, negative, neutral, positive, milli / 1e3, squares / 1e6)


def _point(start_ms: int, resolution: Resolution, bucket: Bucket) -> ChartPoint:
    *counts, milli, squares, novelty = bucket.sums
    posts, voices, negative, neutral, positive = counts
    sources = None if resolution == "5m" else len(bucket.sources)
    return ChartPoint(
        start_ms, posts, voices, negative, neutral, positive, milli / 1e3, squares / 1e6, novelty / 1e3, sources
    )
