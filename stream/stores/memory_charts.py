"""The charts of the trends in memory: sums by bucket of published time, and which sources spoke in it."""

from collections import defaultdict
from typing import NamedTuple

from stream.stores.protocols import RESOLUTION_MS, ChartPoint, Counted, Resolution, SeriesVote


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

    def chart(self, series: str, resolution: Resolution, start_ms: int, end_ms: int) -> list[ChartPoint]:
        """See `TrendStore.chart`."""
        found = self._charts[resolution].get(series, {})
        return [_point(start, resolution, found[start]) for start in sorted(found.copy()) if start_ms <= start < end_ms]

    def busiest(self, kind: str, limit: int) -> list[tuple[str, int]]:
        """See `TrendStore.busiest`."""
        return sorted(self._posts.get(kind, {}).copy().items(), key=lambda item: (-item[1], item[0]))[:limit]


def _point(start_ms: int, resolution: Resolution, bucket: Bucket) -> ChartPoint:
    *counts, milli, squares, novelty = bucket.sums
    posts, voices, negative, neutral, positive = counts
    sources = None if resolution == "5m" else len(bucket.sources)
    return ChartPoint(
        start_ms, posts, voices, negative, neutral, positive, milli / 1e3, squares / 1e6, novelty / 1e3, sources
    )
