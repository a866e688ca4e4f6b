"""The watch over one shard's series: votes by minute in, alerts out. Pure and in received time: the same minutes give
the same bytes, however they are cut into calls. Where minutes come from and alerts go to is the stream room's business.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from alerts.detector import Scores, SurgeBank
from alerts.errors import SnapshotError
from alerts.events import Alert, Driver, Drivers, EventKind, Evidence, Measured, RuleRef, SeriesRef, Severity, utc_text
from alerts.lifecycle import Lifecycle, LifecycleState
from alerts.rules import Rule
from alerts.tails import interval_80

BUCKET_MIN = 15
BUCKET_MS = BUCKET_MIN * 60_000
RING = 16  # buckets of context kept: the detector's longest window, 4 h
EVIDENCE = 5
STORY_WINDOW_MIN = 72 * 60  # a story that voted in a series does not vote there again for three days
DRIVERS = 5
SCHEMA = 1


class Excerpt(msgspec.Struct, frozen=True, array_like=True):
    """What an alert shows of a negative post."""

    id: str
    story: str
    source: str
    published_at: str
    received_at: str
    text: str
    score_milli: int
    topics: tuple[str, ...]
    url: str | None = None
    author: str | None = None


class Vote(NamedTuple):
    """A story's vote in one series and minute: its first member, and how many posts stand behind it."""

    received_ms: int
    id: str
    story: str
    negative: bool
    posts: int
    negative_posts: int


class Minute(NamedTuple):
    """All votes of one minute of received time (minutes since 1970), series -> votes in any order.

    `stale` counts posts that came too late to vote; `excerpts` holds encoded `Excerpt`s of negative posts by id.
    """

    minute: int
    votes: Mapping[str, Sequence[Vote]]
    stale: Mapping[str, int]
    excerpts: Mapping[str, bytes]


class Band(NamedTuple):
    """One closed bucket of a series: what came, what was expected (mean, variance), and the score."""

    start_ms: int
    negatives: float
    total: float
    expected: float
    variance: float
    score: float


class Advance(NamedTuple):
    """What a step of the watch brought: `bands` maps series -> rows of `Band` (float64, shape buckets x 6)."""

    alerts: list[Alert]
    bands: dict[str, NDArray[np.float64]]
    voted_added: dict[str, dict[str, int]]
    voted_removed: dict[str, list[str]]


class _Context(msgspec.Struct, array_like=True):
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


class _Series(msgspec.Struct, array_like=True):
    """Everything about one series but the detector's arrays."""

    name: str
    born: int  # the bucket of its first vote
    contexts: list[_Context] = []
    lifecycles: dict[str, LifecycleState] = {}
    incidents: dict[str, str] = {}


class _State(msgspec.Struct, array_like=True):
    schema: int
    bank: bytes
    bucket: int | None
    series: list[_Series]


class Watch:
    """The state of a shard. `voted` says which story voted in which series at which minute."""

    def __init__(self, rules: Sequence[Rule], voted: Mapping[str, Mapping[str, int]] | None = None) -> None:
        self._rules = tuple(rules)
        self._lifecycles = {
            rule.id: Lifecycle.for_budget(
                rule.budget, min_negatives=rule.min_negatives, min_total=rule.min_total, rest_s=rule.rest_hours * 3600
            )
            for rule in rules
        }
        self._bank = SurgeBank(bucket_s=BUCKET_MIN * 60)
        self._series: list[_Series] = []
        self._slots: dict[str, int] = {}
        self._bucket: int | None = None
        self._voted: dict[str, dict[str, int]] = {k: dict(v) for k, v in (voted or {}).items()}

    def to_bytes(self) -> bytes:
        """The state without `voted`, exact."""
        return msgspec.msgpack.encode(_State(SCHEMA, self._bank.to_bytes(), self._bucket, self._series))

    @classmethod
    def from_bytes(
        cls, raw: bytes, rules: Sequence[Rule], voted: Mapping[str, Mapping[str, int]] | None = None
    ) -> "Watch":
        """The watch that `to_bytes` wrote; `SnapshotError` for another schema or broken bytes."""
        try:
            state = msgspec.msgpack.decode(raw, type=_State)
        except msgspec.MsgspecError as error:
            raise SnapshotError(f"detector state cannot be read ({error}); rebuild it from history") from None
        if state.schema != SCHEMA:
            raise SnapshotError(f"detector state has schema {state.schema}, this version reads {SCHEMA}; rebuild it")
        watch = cls(rules, voted)
        watch._bank = SurgeBank.from_bytes(state.bank)
        watch._series = state.series
        watch._slots = {series.name: slot for slot, series in enumerate(state.series)}
        watch._bucket = state.bucket
        return watch

    def skip_to(self, minute: int) -> None:
        """Goes on at `minute` as if nothing lay between (an outage is a gap, not silence)."""
        self._bucket = minute // BUCKET_MIN

    def advance(self, minutes: Iterable[Minute], until: int) -> Advance:
        """Takes the votes of `minutes` (in order, all before `until`) and closes every bucket that ends by `until`."""
        step = _Step()
        for minute in minutes:
            self._close_before(minute.minute // BUCKET_MIN, step)
            self._take(minute, step)
        self._close_before(until // BUCKET_MIN, step)
        return step.result([series.name for series in self._series])

    def _close_before(self, bucket: int, step: "_Step") -> None:
        if self._bucket is None:
            self._bucket = bucket
        while self._bucket < bucket:
            self._close(self._bucket, step)
            self._bucket += 1

    def _take(self, minute: Minute, step: "_Step") -> None:
        bucket = minute.minute // BUCKET_MIN
        for name, votes in minute.votes.items():
            context = self._context(name, bucket)
            voted = self._voted.setdefault(name, {})
            for vote in sorted(votes):
                context.posts += vote.posts
                earlier = voted.get(vote.story)
                if earlier is not None and minute.minute - earlier < STORY_WINDOW_MIN:
                    if vote.story in context.stories:
                        context.stories[vote.story] += vote.negative_posts
                    continue
                voted[vote.story] = minute.minute
                step.voted_added.setdefault(name, {})[vote.story] = minute.minute
                context.total += 1
                if vote.negative:
                    _add_negative(context, vote, minute.excerpts.get(vote.id))
        for name, count in minute.stale.items():
            self._context(name, bucket).stale += count

    def _context(self, name: str, bucket: int) -> _Context:
        slot = self._slots.get(name)
        if slot is None:
            slot = self._slots[name] = len(self._series)
            self._series.append(_Series(name, bucket))
            self._bank.add()
        contexts = self._series[slot].contexts
        if not contexts or contexts[-1].bucket != bucket:
            contexts.append(_Context(bucket))
            while contexts[0].bucket <= bucket - RING:
                del contexts[0]
        return contexts[-1]

    def _close(self, bucket: int, step: "_Step") -> None:
        n = len(self._series)
        if not n:
            return
        negatives, totals = np.zeros(n), np.zeros(n)
        for slot, series in enumerate(self._series):
            if series.contexts and series.contexts[-1].bucket == bucket:
                negatives[slot], totals[slot] = series.contexts[-1].negatives, series.contexts[-1].total
        starts_s = np.full(n, bucket * BUCKET_MIN * 60.0)
        scores = self._bank.close(np.arange(n), starts_s, negatives, totals)
        step.bands.append(
            np.stack([starts_s * 1000, negatives, totals, scores.expected, scores.expected_variance, scores.score], 1)
        )
        self._forget_stories(bucket, step)
        for rule in self._rules:
            self._apply(rule, bucket, scores, step)

    def _apply(self, rule: Rule, bucket: int, scores: Scores, step: "_Step") -> None:
        lifecycle = self._lifecycles[rule.id]
        due = np.flatnonzero(scores.score >= lifecycle.up).tolist()
        due += [s for s, series in enumerate(self._series) if lifecycle.is_active(series.lifecycles.get(rule.id))]
        for slot in sorted(set(due)):
            series = self._series[slot]
            kind, _, _key = series.name.partition(":")
            if kind not in rule.series or bucket - series.born < rule.learning_days * 86400 / 60 / BUCKET_MIN:
                continue
            state, event, severity = lifecycle.step(
                series.lifecycles.get(rule.id, LifecycleState()),
                bucket * BUCKET_MIN * 60.0,
                float(scores.score[slot]),
                float(scores.negatives_4h[slot]),
                float(scores.totals_4h[slot]),
            )
            series.lifecycles[rule.id] = state
            if event is not None and severity is not None:
                step.alerts.append(self._alert(rule, lifecycle.up, series, slot, bucket, scores, event, severity))

    def _alert(
        self,
        rule: Rule,
        threshold: float,
        series: _Series,
        slot: int,
        bucket: int,
        scores: Scores,
        event: EventKind,
        severity: Severity,
    ) -> Alert:
        evaluated_at = utc_text((bucket + 1) * BUCKET_MS)
        if event == "fired":
            series.incidents[rule.id] = _digest(rule.id, series.name, evaluated_at)
        incident = series.incidents[rule.id]
        window = int(scores.window_buckets[slot])
        contexts = [context for context in series.contexts if context.bucket > bucket - window]
        kind, _, key = series.name.partition(":")
        return Alert(
            incident=incident,
            id=_digest(incident, event, evaluated_at),
            event=event,
            rule=RuleRef(rule.id, rule.version),
            series=SeriesRef(msgspec.convert(kind, SeriesRef.__annotations__["kind"]), key, (key,) * (kind == "issuer")),
            parent=None,
            bucket_start=utc_text(bucket * BUCKET_MS),
            evaluated_at=evaluated_at,
            severity=severity,
            measured=_measured(scores, slot, window, contexts, threshold),
            evidence=_evidence(contexts),
            drivers=_drivers(contexts),
        )

    def _forget_stories(self, bucket: int, step: "_Step") -> None:
        if bucket % (24 * 60 // BUCKET_MIN):
            return
        oldest = bucket * BUCKET_MIN - STORY_WINDOW_MIN
        for name, stories in self._voted.items():
            gone = [story for story, minute in stories.items() if minute <= oldest]
            for story in gone:
                del stories[story]
            if gone:
                step.voted_removed.setdefault(name, []).extend(gone)


class _Step:
    """What one call of `advance` gathers."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self.bands: list[NDArray[np.float64]] = []
        self.voted_added: dict[str, dict[str, int]] = {}
        self.voted_removed: dict[str, list[str]] = {}

    def result(self, names: Sequence[str]) -> Advance:
        bands = {
            name: np.array([rows[slot] for rows in self.bands if slot < len(rows)])
            for slot, name in enumerate(names)
            if self.bands and slot < len(self.bands[-1])
        }
        removed = {
            name: [story for story in stories if story not in self.voted_added.get(name, {})]
            for name, stories in self.voted_removed.items()
        }
        return Advance(self.alerts, bands, self.voted_added, removed)


def _add_negative(context: _Context, vote: Vote, raw: bytes | None) -> None:
    context.negatives += 1
    context.stories[vote.story] = context.stories.get(vote.story, 0) + vote.negative_posts
    if raw is None:
        return
    excerpt = decode_excerpt(raw)
    context.sources[excerpt.source] = context.sources.get(excerpt.source, 0) + 1
    for topic in excerpt.topics:
        # a vote's weight is 840, which 1 to 8 topics divide without a remainder: sums do not depend on order
        context.topics[topic] = context.topics.get(topic, 0) + 840 // len(excerpt.topics)
    context.best.append((excerpt.score_milli, vote.received_ms, vote.id, raw))
    context.best.sort()
    del context.best[EVIDENCE:]


def _measured(scores: Scores, slot: int, window: int, contexts: list[_Context], threshold: float) -> Measured:
    expected, variance = float(scores.window_expected[slot]), float(scores.window_variance[slot])
    low, high = interval_80(expected, variance)
    negatives, total = int(scores.window_negatives[slot]), int(scores.window_totals[slot])
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
        usual_share=round(float(scores.usual_share[slot]), 4),
        score=round(float(scores.score[slot]), 3),
        threshold=round(threshold, 3),
        key="negative_share",
        window_minutes=window * BUCKET_MIN,
    )


def _evidence(contexts: list[_Context]) -> tuple[Evidence, ...]:
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


def _drivers(contexts: list[_Context]) -> Drivers:
    topics: Counter[str] = Counter()
    sources: Counter[str] = Counter()
    stories: Counter[str] = Counter()
    for context in contexts:
        topics.update(context.topics)
        sources.update(context.sources)
        stories.update(context.stories)
    return Drivers(_shares(topics), _shares(sources), _shares(stories))


def _shares(weights: Counter[str]) -> tuple[Driver, ...]:
    """The heaviest few and `other`, in shares of four decimals that sum to 1 exactly."""
    total = sum(weights.values())
    if not total:
        return ()
    ranked = sorted(weights.items(), key=lambda item: (-item[1], item[0]))
    rows = ranked[:DRIVERS] + ([("other", sum(w for _, w in ranked[DRIVERS:]))] if len(ranked) > DRIVERS else [])
    parts = [w * 10_000 // total for _, w in rows]
    parts[0] += 10_000 - sum(parts)
    return tuple(Driver(name, part / 10_000) for (name, _), part in zip(rows, parts, strict=True))


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\x00".join(parts).encode(), digest_size=10).hexdigest()


def encode_excerpt(excerpt: Excerpt) -> bytes:
    """The excerpt as msgpack."""
    return msgspec.msgpack.encode(excerpt)


def decode_excerpt(raw: bytes) -> Excerpt:
    """The excerpt that `encode_excerpt` wrote."""
    return _EXCERPT.decode(raw)


_EXCERPT = msgspec.msgpack.Decoder(Excerpt)
