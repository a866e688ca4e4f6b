"""What an analyst asks of the trends: which series moved most against their usual, and which companies are talked of in
which topics, in which mood. Plain functions over one call to the store each.
"""

from collections import defaultdict
from collections.abc import Collection
from math import sqrt
from typing import Literal

import msgspec

from stream.stores.protocols import RESOLUTION_MS, Resolution, Span, Totals, TrendStore
from stream.times import DAY_MS

Measure = Literal["negative", "net"]
Window = Literal["hour", "day"]

USUAL_DAYS = 28
LEAST_VOICES = 5  # in the window; a share of fewer is noise
LEAST_USUAL = 20  # voices before it
SURE = 1.96  # standard errors that a change must exceed to be more than chance, 95 %
_FINER: dict[Window, tuple[Resolution, int]] = {"hour": ("5m", 12), "day": ("hour", 24)}


class Move(msgspec.Struct, frozen=True):
    """A series whose mood changed. `value` is the share of negative posts or the mean score of the last hour or day,
    `usual` that of the 28 days before; `change` is their difference, and `sure` as much of it as is no chance at 95 %
    (0: all of it may be), where copies of a story count as one voice."""

    series: str
    posts: int
    voices: int
    negative: int
    value: float
    usual: float
    usual_posts: int
    usual_voices: int
    change: float
    sure: float


class Cell(msgspec.Struct, frozen=True):
    """What was said of a company in a topic."""

    posts: int
    voices: int
    negative_share: float
    mean_score: float


class HeatMap(msgspec.Struct, frozen=True):
    """Companies by topics, most talked of first; `rows[company][topic]` is None where nothing was said. A post with
    several topics is in several cells."""

    start_ms: int
    end_ms: int
    companies: tuple[str, ...]
    topics: tuple[str, ...]
    rows: tuple[tuple[Cell | None, ...], ...]


def movers(
    store: TrendStore, kind: str, now_ms: int, window: Window = "day", measure: Measure = "negative", limit: int = 10
) -> list[Move]:
    """The series of a kind that moved most, by what of the change is sure, then by its size, ties by name.

    The window is the last 12 buckets of 5 minutes or 24 of an hour in published time, the one that runs included; the
    usual are the 28 whole days (UTC) before it began. Left out are series with fewer than `LEAST_VOICES` in the window
    or `LEAST_USUAL` before.
    """
    resolution, buckets = _FINER[window]
    width_ms = RESOLUTION_MS[resolution]
    end_ms = (now_ms // width_ms + 1) * width_ms
    start_ms = end_ms - buckets * width_ms
    before_ms = start_ms // DAY_MS * DAY_MS
    spans = [Span(resolution, start_ms, end_ms), Span("day", before_ms - USUAL_DAYS * DAY_MS, before_ms)]
    moves = [
        _move(series, now, usual, measure)
        for series, (now, usual) in store.totals(kind, spans, LEAST_VOICES).items()
        if usual.voices >= LEAST_USUAL
    ]
    return sorted(moves, key=lambda move: (-abs(move.sure), -abs(move.change), move.series))[:limit]


def _move(series: str, now: Totals, usual: Totals, measure: Measure) -> Move:
    posts = now.posts + usual.posts
    if measure == "negative":
        value, before = now.negative / now.posts, usual.negative / usual.posts
        mean = (now.negative + usual.negative) / posts
        variance = mean * (1 - mean)
    else:
        value, before = now.score_sum / now.posts, usual.score_sum / usual.posts
        mean = (now.score_sum + usual.score_sum) / posts
        variance = max(0.0, (now.score_squares + usual.score_squares) / posts - mean * mean)
    change = value - before
    chance = SURE * sqrt(variance * (1 / now.voices + 1 / usual.voices))
    sure = max(0.0, abs(change) - chance) * (1 if change > 0 else -1)
    return Move(
        series=series,
        posts=now.posts,
        voices=now.voices,
        negative=now.negative,
        value=round(value, 4),
        usual=round(before, 4),
        usual_posts=usual.posts,
        usual_voices=usual.voices,
        change=round(change, 4),
        sure=round(sure, 4) + 0.0,  # no minus before nothing
    )


def heat_map(store: TrendStore, span: Span, limit: int = 20, only: Collection[str] = ()) -> HeatMap:
    """The companies most talked of in a span (or those of `only`) by topics."""
    by_company: dict[str, dict[str, Totals]] = defaultdict(dict)
    for series, (totals,) in store.totals("issuer_topic", [span], 1).items():
        company, _, topic = series.partition(":")[2].rpartition("|")
        if not only or company in only:
            by_company[company][topic] = totals
    companies = _most({company: sum(t.posts for t in topics.values()) for company, topics in by_company.items()}, limit)
    posts: dict[str, int] = defaultdict(int)
    for company in companies:
        for topic, totals in by_company[company].items():
            posts[topic] += totals.posts
    topics = _most(posts, len(posts))
    rows = tuple(tuple(_cell(by_company[company].get(topic)) for topic in topics) for company in companies)
    return HeatMap(span.start_ms, span.end_ms, companies, topics, rows)


def _most(posts: dict[str, int], limit: int) -> tuple[str, ...]:
    return tuple(sorted(posts, key=lambda name: (-posts[name], name))[:limit])


def _cell(totals: Totals | None) -> Cell | None:
    if totals is None:
        return None
    share, score = totals.negative / totals.posts, totals.score_sum / totals.posts
    return Cell(totals.posts, totals.voices, round(share, 4), round(score, 4))
