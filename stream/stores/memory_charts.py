"""The charts of the trends in memory: sums by bucket of published time, and which sources spoke in it."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from stream.stores.protocols import RESOLUTION_MS, ChartPoint, Counted, Resolution, SeriesVote, Span, Totals


class Bucket(NamedTuple):
    """Posts, voices, negative, neutral, positive, thousandths of score, their squares, thousandths of novelty."""

    sums: list[int]
    sources: set[str]


class MemoryCharts:
    """The charts' part of a `TrendStore`."""

    def __init__(self) -> None:
        self._charts: dict[Resolution, dict[str, dict[int, Bucket]]] = {
            resolution: defaultdict(dict) for resolution in RESOLUTION_MS
        }
        self._posts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))

    def _chart(self, doc: Counted, vote: SeriesVote) -> None:
        self._posts[vote.series.partition(":")[0]][vote.series] += 1
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
