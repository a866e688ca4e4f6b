"""What stands behind an alert: the posts and the drivers of the buckets that decided. Sums and choices do not depend on
the order in which votes come. The figures beside them are `figures`', when to alert is `applied`'s business.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from alerts.events import Driver, Drivers, Evidence
from alerts.votes import Excerpt, Vote, decode_excerpt

EVIDENCE = 5
DRIVERS = 5
OTHER = "other"
WEIGHT = 840  # of a vote, which 1 to 8 names divide without a remainder: sums do not depend on order


class Told(msgspec.Struct, array_like=True):
    """What was told by some of a bucket's votes: the best posts, and where the votes came from."""

    best: list[tuple[int, int, str, bytes]] = []  # (rank, received_ms, id, excerpt), the lowest rank first
    topics: dict[str, int] = {}
    sources: dict[str, int] = {}
    stories: dict[str, int] = {}  # posts
    companies: dict[str, int] = {}

    def add(self, vote: Vote, raw: bytes | None, posts: int, *, by_posts: bool, wide: bool) -> None:
        """Notes a vote behind which stand so many posts; `raw` is its encoded excerpt, if one was kept. The best posts
        are the most negative ones or, `by_posts`, those of the most told stories. Companies are noted where the series
        is `wide`: where it is about more than one."""
        self.stories[vote.story] = self.stories.get(vote.story, 0) + posts
        if raw is None:
            return
        excerpt = decode_excerpt(raw)
        self.sources[excerpt.source] = self.sources.get(excerpt.source, 0) + 1
        add_vote(self.topics, excerpt.topics)
        if wide:
            add_vote(self.companies, excerpt.companies or (OTHER,))
        self.best.append((-posts if by_posts else excerpt.score_milli, vote.received_ms, vote.id, raw))
        self.best.sort()
        del self.best[EVIDENCE:]

    def retell(self, story: str, posts: int) -> None:
        """A story that was told gains posts; one that was not stays unknown."""
        if story in self.stories:
            self.stories[story] += posts


class Context(msgspec.Struct, array_like=True):
    """What stands behind one bucket of one series. `talk` is of all votes, where a rule asks for it."""

    bucket: int
    negatives: int = 0
    total: int = 0
    posts: int = 0
    stale: int = 0
    negative: Told = msgspec.field(default_factory=Told)
    talk: Told | None = None

    def add(self, vote: Vote, raw: bytes | None, *, wide: bool) -> None:
        """Counts a vote; `raw` is its encoded excerpt, if one was kept; `wide` as in `Told.add`."""
        self.total += 1
        if vote.negative:
            self.negatives += 1
            self.negative.add(vote, raw, vote.negative_posts, by_posts=False, wide=wide)
        if self.talk is not None:
            self.talk.add(vote, raw, vote.posts, by_posts=True, wide=wide)

    def retell(self, vote: Vote) -> None:
        """A story that has voted gains weight as evidence where it voted, and no vote."""
        self.negative.retell(vote.story, vote.negative_posts)
        if self.talk is not None:
            self.talk.retell(vote.story, vote.posts)

    def forget_posts(self) -> None:
        """Drops what could be shown, the bulk of it; figures and drivers stay."""
        self.negative.best.clear()
        if self.talk is not None:
            self.talk.best.clear()


def add_vote(weights: dict[str, int], names: Sequence[str]) -> None:
    """Divides a vote among names, in place."""
    for name in names:
        weights[name] = weights.get(name, 0) + WEIGHT // len(names)


def negative_evidence(told: Sequence[Told]) -> tuple[Evidence, ...]:
    """Up to five posts, most negative first, then first received, then by id; each of another story."""
    stories = _summed(one.stories for one in told)
    best = sorted(entry for one in told for entry in one.best)[:EVIDENCE]
    return tuple(
        _shown(
            decode_excerpt(raw), "strongest negative story" if rank == 1 else f"negative story ranked {rank}", stories
        )
        for rank, (_score, _received, _id, raw) in enumerate(best, start=1)
    )


def talk_evidence(told: Sequence[Told]) -> tuple[Evidence, ...]:
    """Up to five posts, those of the most told stories first, then first received, then by id."""
    stories = _summed(one.stories for one in told)
    excerpts = ((received, post, decode_excerpt(raw)) for one in told for _rank, received, post, raw in one.best)
    best = sorted(excerpts, key=lambda item: (-stories[item[2].story], item[0], item[1]))[:EVIDENCE]
    return tuple(
        _shown(excerpt, "most told story" if rank == 1 else f"story ranked {rank}", stories)
        for rank, (_received, _id, excerpt) in enumerate(best, start=1)
    )


def _shown(excerpt: Excerpt, why: str, stories: Mapping[str, int]) -> Evidence:
    posts = stories[excerpt.story]
    return shown(excerpt, f"{why}, told by {posts} posts" if posts > 1 else why)


def shown(excerpt: Excerpt, why: str) -> Evidence:
    """A post as an alert shows it."""
    return Evidence(
        id=excerpt.id,
        story=excerpt.story,
        source=excerpt.source,
        published_at=excerpt.published_at,
        received_at=excerpt.received_at,
        text=excerpt.text,
        score=excerpt.score_milli / 1000,
        why=why,
        url=excerpt.url,
        author=excerpt.author,
    )


def drivers_of(told: Sequence[Told]) -> Drivers:
    """Which topics, sources, stories and, of a wide series, companies the votes came from."""
    return Drivers(
        shares(_summed(one.topics for one in told)),
        shares(_summed(one.sources for one in told)),
        shares(_summed(one.stories for one in told)),
        shares(_summed(one.companies for one in told)),
    )


def _summed(parts: Iterable[Mapping[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return total


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
