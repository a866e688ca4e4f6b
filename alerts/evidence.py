"""What stands behind an alert: the figures, the posts and the drivers of the buckets that decided. Sums and choices do
not depend on the order in which votes come. When to alert is `watch`'s business.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from alerts.detector import Scores
from alerts.events import Driver, Drivers, Evidence, Measured
from alerts.tails import interval_80
from alerts.votes import BUCKET_MIN, Vote, decode_excerpt

EVIDENCE = 5
DRIVERS = 5
OTHER = "other"


class Context(msgspec.Struct, array_like=True):
    """What stands behind one bucket of one series."""

    bucket: int
    negatives: int = 0
    total: int = 0
    posts: int = 0
    stale: int = 0
    best: list[tuple[int, int, str, bytes]] = []  # (score_milli, received_ms, id, excerpt), strongest first
    topics: dict[str, int] = {}
    sources: dict[str, int] = {}
    stories: dict[str, int] = {}
    companies: dict[str, int] = {}


def add_negative(context: Context, vote: Vote, raw: bytes | None, *, wide: bool) -> None:
    """Notes a negative vote; `raw` is its encoded excerpt, if one was kept. Companies are noted where the series is
    `wide`: where it is about more than one."""
    context.negatives += 1
    context.stories[vote.story] = context.stories.get(vote.story, 0) + vote.negative_posts
    if raw is None:
        return
    excerpt = decode_excerpt(raw)
    context.sources[excerpt.source] = context.sources.get(excerpt.source, 0) + 1
    _add_vote(context.topics, excerpt.topics)
    if wide:
        _add_vote(context.companies, excerpt.companies or (OTHER,))
    context.best.append((excerpt.score_milli, vote.received_ms, vote.id, raw))
    context.best.sort()
    del context.best[EVIDENCE:]


def _add_vote(weights: dict[str, int], names: Sequence[str]) -> None:
    """Divides a vote among names: its weight is 840, which 1 to 8 divide without a remainder."""
    for name in names:
        weights[name] = weights.get(name, 0) + 840 // len(names)


def measured_of(scores: Scores, row: int, window: int, contexts: Sequence[Context], threshold: float) -> Measured:
    """The figures of the series at `row` of `scores` over its last `window` buckets, whose contexts are given."""
    expected, variance = float(scores.window_expected[row]), float(scores.window_variance[row])
    low, high = interval_80(expected, variance)
    negatives, total = int(scores.window_negatives[row]), int(scores.window_totals[row])
    return Measured(
        negatives=negatives,
        total=total,
        stories=negatives,
        posts=sum(context.posts for context in contexts),
        stale=sum(context.stale for context in contexts),
        expected=round(expected, 3),
        expected_low=low,
        expected_high=high,
        share=round(negatives / total, 4) if total else 0.0,
        usual_share=round(float(scores.usual_share[row]), 4),
        score=round(float(scores.score[row]), 3),
        threshold=round(threshold, 3),
        key="negative_share",
        window_minutes=window * BUCKET_MIN,
    )


def evidence_of(contexts: Sequence[Context]) -> tuple[Evidence, ...]:
    """Up to five posts, most negative first, then first received, then by id; each of another story."""
    best = sorted(entry for context in contexts for entry in context.best)[:EVIDENCE]
    stories: Counter[str] = Counter()
    for context in contexts:
        stories.update(context.stories)
    chosen = []
    for rank, (score_milli, _received, _id, raw) in enumerate(best, start=1):
        excerpt = decode_excerpt(raw)
        posts = stories[excerpt.story]
        why = "strongest negative story" if rank == 1 else f"negative story ranked {rank}"
        chosen.append(
            Evidence(
                id=excerpt.id,
                story=excerpt.story,
                source=excerpt.source,
                published_at=excerpt.published_at,
                received_at=excerpt.received_at,
                text=excerpt.text,
                score=score_milli / 1000,
                why=f"{why}, told by {posts} posts" if posts > 1 else why,
                url=excerpt.url,
                author=excerpt.author,
            )
        )
    return tuple(chosen)


def drivers_of(contexts: Sequence[Context]) -> Drivers:
    """Which topics, sources, stories and, of a wide series, companies the negative votes came from."""
    topics: Counter[str] = Counter()
    sources: Counter[str] = Counter()
    stories: Counter[str] = Counter()
    companies: Counter[str] = Counter()
    for context in contexts:
        topics.update(context.topics)
        sources.update(context.sources)
        stories.update(context.stories)
        companies.update(context.companies)
    return Drivers(shares(topics), shares(sources), shares(stories), shares(companies))


def shares(weights: Mapping[str, int]) -> tuple[Driver, ...]:
    """The heaviest few and `other`, in shares of four decimals that sum to 1 exactly."""
    total = sum(weights.values())
    if not total:
        return ()
    ranked = sorted(((n, w) for n, w in weights.items() if n != OTHER), key=lambda item: (-item[1], item[0]))
    rest = total - sum(w for _, w in ranked[:DRIVERS])
    rows = ranked[:DRIVERS] + ([(OTHER, rest)] if rest else [])
    parts = [w * 10_000 // total for _, w in rows]
    parts[0] += 10_000 - sum(parts)
    return tuple(Driver(name, part / 10_000) for (name, _), part in zip(rows, parts, strict=True))
