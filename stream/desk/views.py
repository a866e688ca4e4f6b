"""What the desk shows, made from the stores: overview, one series, posts, incidents. Plain functions that return what
goes out as JSON; they are synchronous and know no web. Numbers only: words are the page's, in its language.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

import msgspec

from alerts.accounts import Account, Spent, all_spent, learning_until
from alerts.incidents import Incident, IncidentStore
from alerts.rules import Rule
from alerts.tails import interval_80
from alerts.votes import Band
from alerts.watch import BUCKET_MS
from classifier.labels import Topic
from stream.linking import COUNTS_FROM
from stream.records import Opinion
from stream.stores.protocols import ChartPoint, DocumentStore, TrendStore
from stream.times import DAY_MS, HOUR_MS

MARKET = "market:all"
MOVERS = 14
BANDS_KEPT = 768  # as many as a `TrendStore` keeps, eight days
WINDOW = 16  # buckets of "now": 4 h, the detector's longest window
FEWEST_VOTES = 5  # below this a share is noise
FEWEST_BLOCKS = 12  # hours of history before a mood can be called usual or not
SPARK_H = 24

MoodState = Literal["too_few", "much_gloomier", "gloomier", "usual", "brighter", "much_brighter"]


class Mood(msgspec.Struct, frozen=True):
    """Mean score of the last 4 h in published time, in [-1, 1], beside the 80 % of earlier 4 h windows that are most
    usual. Everything but `posts` and `state` is None where there are too few to say."""

    posts: int
    score: float | None
    usual_low: float | None
    usual_high: float | None
    state: MoodState


class Mover(msgspec.Struct, frozen=True):
    """A company: the last 4 h of votes against its usual share. `surprise` is the detector's score at the last close
    (-log10 of a tail probability, 0: as usual); `spark` the mean score of each of the last 24 h, None where silent."""

    symbol: str
    posts_24h: int
    negatives: int
    votes: int
    share: float | None
    usual_share: float | None
    surprise: float
    mood: float | None
    spark: tuple[float | None, ...]
    learning_until_ms: int | None


class Overview(msgspec.Struct, frozen=True):
    """The page's head: `closed_ms` is the end of the last closed bucket of received time, None before the first;
    `folded` is how often a company was found too quiet to be kept apart."""

    now_ms: int
    closed_ms: int | None
    market: Mood
    movers: tuple[Mover, ...]
    open_incidents: int
    folded: int


class Bucket(msgspec.Struct, frozen=True, array_like=True):
    """One closed bucket for the chart, with the 80 % interval of its expected negatives."""

    start_ms: int
    negatives: int
    votes: int
    expected: float
    low: int
    high: int
    score: float


class Mark(msgspec.Struct, frozen=True):
    """An event of an incident, to be marked on the chart."""

    at: str
    event: str
    severity: str
    incident: str


class SeriesView(msgspec.Struct, frozen=True):
    """One series in received time."""

    series: str
    bucket_ms: int
    buckets: tuple[Bucket, ...]
    usual_share: float | None
    learning_until_ms: int | None
    spent: tuple[Spent, ...]
    marks: tuple[Mark, ...]


class PostView(msgspec.Struct, frozen=True):
    """One opinion of the feed."""

    id: str
    source: str
    kind: str
    published_at: str
    received_at: str
    text: str
    language: str
    label: str
    score: float
    topics: tuple[str, ...]
    symbols: tuple[str, ...]
    told: int
    url: str | None


class Desk(NamedTuple):
    """The stores behind the page, and the rules in force."""

    trends: TrendStore
    documents: DocumentStore
    incidents: IncidentStore
    rules: tuple[Rule, ...] = ()


def overview(desk: Desk, now_ms: int) -> Overview:
    """Market mood, the busiest companies (most surprising first) and how many incidents are open."""
    movers = []
    closed_ms: int | None = None
    busiest = [series for series, _posts in desk.trends.busiest("issuer", MOVERS)]
    accounts = desk.trends.accounts(busiest)
    for series in busiest:
        bands = desk.trends.bands(series, BANDS_KEPT)
        if bands:
            closed_ms = max(closed_ms or 0, bands[-1].start_ms + BUCKET_MS)
        hours = desk.trends.chart(series, "hour", now_ms - (SPARK_H + 1) * HOUR_MS, now_ms + 1)
        learning_ms = _learning_until(desk, series, accounts.get(series), now_ms)
        movers.append(_mover(series.partition(":")[2], bands, hours, now_ms, learning_ms))
    movers.sort(key=lambda mover: (-mover.surprise, -mover.posts_24h, mover.symbol))
    history = desk.trends.chart(MARKET, "hour", now_ms - 8 * DAY_MS, now_ms + 1)
    still_open = desk.incidents.list(100, "open")
    folded = desk.trends.folded("issuer")
    return Overview(now_ms, closed_ms, market_mood(history, now_ms), tuple(movers), len(still_open), folded)


def market_mood(hours: Sequence[ChartPoint], now_ms: int) -> Mood:
    """The last four hours beside all earlier windows of four hours, each with at least `FEWEST_VOTES` posts."""
    by_start = {point.start_ms: point for point in hours}
    last = now_ms // HOUR_MS * HOUR_MS
    now = _mean_score([by_start.get(last - h * HOUR_MS) for h in range(4)])
    posts = sum(by_start[last - h * HOUR_MS].posts for h in range(4) if last - h * HOUR_MS in by_start)
    first = min(by_start, default=last)
    earlier = sorted(
        score
        for end in range(first + 3 * HOUR_MS, last - 3 * HOUR_MS, HOUR_MS)
        if (score := _mean_score([by_start.get(end - h * HOUR_MS) for h in range(4)])) is not None
    )
    if now is None or len(earlier) < FEWEST_BLOCKS:
        return Mood(posts, now, None, None, "too_few")
    low, high = earlier[len(earlier) // 10], earlier[-1 - len(earlier) // 10]
    return Mood(posts, now, low, high, _mood_state(now, low, high, earlier))


def _mood_state(now: float, low: float, high: float, earlier: Sequence[float]) -> MoodState:
    if now < low:
        return "much_gloomier" if now < earlier[0] else "gloomier"
    if now > high:
        return "much_brighter" if now > earlier[-1] else "brighter"
    return "usual"


def _mean_score(points: Sequence[ChartPoint | None]) -> float | None:
    there = [point for point in points if point is not None]
    posts = sum(point.posts for point in there)
    return round(sum(point.score_sum for point in there) / posts, 4) if posts >= FEWEST_VOTES else None


def _mover(
    symbol: str, bands: Sequence[Band], hours: Sequence[ChartPoint], now_ms: int, learning_ms: int | None
) -> Mover:
    window = bands[-WINDOW:]
    negatives, votes = round(sum(b.negatives for b in window)), round(sum(b.total for b in window))
    by_start = {point.start_ms: point for point in hours}
    last = now_ms // HOUR_MS * HOUR_MS
    spark = []
    for back in range(SPARK_H - 1, -1, -1):
        point = by_start.get(last - back * HOUR_MS)
        spark.append(round(point.score_sum / point.posts, 3) if point and point.posts >= 2 else None)
    return Mover(
        symbol=symbol,
        posts_24h=sum(point.posts for start, point in by_start.items() if start > last - SPARK_H * HOUR_MS),
        negatives=negatives,
        votes=votes,
        share=round(negatives / votes, 4) if votes >= FEWEST_VOTES else None,
        usual_share=_usual_share(bands),
        surprise=round(bands[-1].score, 2) if bands else 0.0,
        mood=_mean_score([by_start.get(last - h * HOUR_MS) for h in range(4)]),
        spark=tuple(spark),
        learning_until_ms=learning_ms,
    )


def _usual_share(bands: Sequence[Band]) -> float | None:
    """Negatives per vote before the current window; None while there are too few votes for it."""
    before = bands[:-WINDOW]
    votes = sum(band.total for band in before)
    return round(sum(band.negatives for band in before) / votes, 4) if votes >= 10 * FEWEST_VOTES else None


def _learning_until(desk: Desk, series: str, account: Account | None, now_ms: int) -> int | None:
    return learning_until(account, desk.rules, series, now_ms) if account else None


def series_view(desk: Desk, series: str, hours: int, now_ms: int) -> SeriesView:
    """The last `hours` of a watched series with its expected band, what its incidents did in that time, and what it has
    spent of its budget."""
    account = desk.trends.accounts([series]).get(series)
    bands = desk.trends.bands(series, BANDS_KEPT)
    shown = bands[-hours * 4 :]
    kind, _, key = series.partition(":")
    marks = [
        Mark(event.at, event.event, event.severity, incident.id)
        for incident in desk.incidents.list(100)
        if (incident.series.kind, incident.series.key) == (kind, key)
        for event in incident.timeline
    ]
    return SeriesView(
        series=series,
        bucket_ms=BUCKET_MS,
        buckets=tuple(_bucket(band) for band in shown),
        usual_share=_usual_share(bands),
        learning_until_ms=_learning_until(desk, series, account, now_ms),
        spent=all_spent(account, desk.rules, series, now_ms) if account else (),
        marks=tuple(sorted(marks, key=lambda mark: mark.at)),
    )


def _bucket(band: Band) -> Bucket:
    low, high = _interval(round(band.expected, 3), round(band.variance, 3))
    return Bucket(
        band.start_ms,
        round(band.negatives),
        round(band.total),
        round(band.expected, 3),
        low,
        high,
        round(band.score, 3),
    )


@lru_cache(maxsize=8192)
def _interval(mean: float, variance: float) -> tuple[int, int]:
    return interval_80(mean, variance)


def posts(desk: Desk, limit: int, symbol: str | None = None) -> tuple[PostView, ...]:
    """The opinions last received, newest first; of a company those that count for it, and so fewer than `limit`."""
    latest = desk.documents.latest(limit, symbol)
    return tuple(_post(opinion) for opinion in latest if symbol is None or symbol in _companies(opinion))


def _companies(opinion: Opinion) -> dict[str, None]:
    """The companies that an opinion counts for, in order; candidates are none."""
    return dict.fromkeys(one.symbol for one in opinion.entities if one.symbol and one.confidence >= COUNTS_FROM)


def _post(opinion: Opinion) -> PostView:
    found = _companies(opinion)
    return PostView(
        id=opinion.id,
        source=opinion.source,
        kind=opinion.kind,
        published_at=opinion.published_at,
        received_at=opinion.received_at,
        text=opinion.text[:600],
        language=opinion.language,
        label=opinion.sentiment.label,
        score=round(opinion.sentiment.score, 3),
        topics=tuple(topic.id for topic in opinion.topics[:2]),
        symbols=tuple(found)[:6],
        told=opinion.story.size,
        url=opinion.url,
    )


def incidents(desk: Desk, limit: int) -> tuple[Incident, ...]:
    """The incidents last opened, newest first."""
    return tuple(desk.incidents.list(limit))


def words(topics: Sequence[Topic], names: Mapping[str, tuple[str, str]]) -> dict[str, object]:
    """What the page needs to speak: topics and companies in English and Chinese."""
    return {
        "topics": {topic.id: {"en": topic.en, "zh": topic.zh} for topic in topics},
        "names": {symbol: {"en": english, "zh": chinese} for symbol, (english, chinese) in names.items()},
    }
