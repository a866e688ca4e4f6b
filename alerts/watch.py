"""The watch over one shard's series: votes by minute in, alerts out. Pure and in received time: the same minutes give
the same bytes, however they are cut into calls. Where minutes come from and alerts go to is the stream room's business.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from alerts.accounts import Account
from alerts.advance import Advance, Gathered
from alerts.detector import Scores, SurgeBank
from alerts.events import Alert, EventKind, RuleRef, SeriesRef, Severity, digest_of, utc_text
from alerts.evidence import Context, add_negative, drivers_of, evidence_of, measured_of
from alerts.lifecycle import Lifecycle, LifecycleState, look_at
from alerts.rules import Rule
from alerts.state import read_state
from alerts.votes import BUCKET_MIN, Minute, Vote

BUCKET_S, BUCKET_MS = BUCKET_MIN * 60.0, BUCKET_MIN * 60_000
RING = 48  # buckets of context kept: the detector's longest window, 12 h
SHOWN = 16  # buckets whose posts can be shown: the bulk of a context
STORY_WINDOW_MIN = 72 * 60  # a story that voted in a series does not vote there again for three days
ASLEEP_AFTER = 2 * 24 * 60 // BUCKET_MIN  # a series without a vote for two days is aged in one step when it wakes
LONGEST_SLEEP = 365 * 24 * 60 // BUCKET_MIN  # what was known a year ago weighs nothing, and soon underflows
GAP_VOTES = 20.0  # a hush in which so many votes of all series were expected is a gap: by chance it is one in e²⁰
SCHEMA = 2


class _Series(msgspec.Struct, array_like=True):
    """Everything about one series but the detector's arrays. A gap moves all its times on (`Watch.skip_to`)."""

    name: str
    born: int  # the bucket of its first vote
    last: int  # the bucket of its last vote
    asleep_since: int | None = None  # the first bucket that was not closed
    contexts: list[Context] = []
    lifecycles: dict[str, LifecycleState] = {}
    incidents: dict[str, str] = {}
    fired: dict[str, int] = {}  # how often, by rule


class _State(msgspec.Struct, array_like=True):
    schema: int
    bank: bytes
    bucket: int | None
    series: list[_Series]
    hush: float = 0.0


class Watch:
    """The state of a shard. `voted` says which story voted in which series at which minute."""

    def __init__(self, rules: Sequence[Rule], voted: Mapping[str, Mapping[str, int]] | None = None) -> None:
        self._rules = tuple(rules)
        self._lifecycles = {
            rule.id: Lifecycle.for_budget(
                rule.series_budget,
                min_negatives=rule.min_negatives,
                min_total=rule.min_total,
                rest_s=rule.rest_hours * 3600,
            )
            for rule in rules
        }
        self._bank = SurgeBank(bucket_s=BUCKET_MIN * 60)
        self._series: list[_Series] = []
        self._slots: dict[str, int] = {}
        self._bucket: int | None = None
        self._awake: NDArray[np.intp] = np.array([], dtype=np.intp)
        self._firing: dict[str, set[int]] = {rule.id: set() for rule in rules}
        self._told = 0  # of how many series the account was given out
        self._now: dict[int, Context] = {}  # slot -> context of the bucket that is filling
        self._hush = 0.0  # votes of all series that were expected since the last one came
        self.voted: dict[str, dict[str, int]] = {k: dict(v) for k, v in (voted or {}).items()}

    def to_bytes(self) -> bytes:
        """The state without `voted`, exact."""
        return msgspec.msgpack.encode(_State(SCHEMA, self._bank.to_bytes(), self._bucket, self._series, self._hush))

    @classmethod
    def from_bytes(
        cls, raw: bytes, rules: Sequence[Rule], voted: Mapping[str, Mapping[str, int]] | None = None
    ) -> "Watch":
        """The watch that `to_bytes` wrote; `StateError` for another schema or broken bytes."""
        state = read_state(raw, _State, SCHEMA, "detector")
        watch = cls(rules, voted)
        watch._bank = SurgeBank.from_bytes(state.bank)
        watch._series = state.series
        watch._slots = {series.name: slot for slot, series in enumerate(state.series)}
        watch._bucket, watch._hush = state.bucket, state.hush
        for slot, series in enumerate(state.series):
            if series.contexts and series.contexts[-1].bucket == state.bucket:
                watch._now[slot] = series.contexts[-1]
            for rule_id, firing in watch._firing.items():
                if Lifecycle.is_active(series.lifecycles.get(rule_id)):
                    firing.add(slot)
        watch._find_awake()
        return watch

    def born(self) -> dict[int, int]:
        """Bucket -> how many companies were first heard in it."""
        return dict(Counter(series.born for series in self._series if series.name.startswith("issuer:")))

    def _changed_accounts(self, alerts: Sequence[Alert]) -> dict[str, Account]:
        """Those of new series and of those that fired; all after a gap and in the first step of a state read anew."""
        fired = [self._series[self._slots[a.series.name]] for a in alerts if a.event == "fired"]
        changed = [*self._series[self._told :], *fired]
        self._told = len(self._series)
        return {one.name: Account(one.born * BUCKET_MS, dict(one.fired)) for one in changed}

    def skip_to(self, minute: int) -> None:
        """Goes on at `minute` as if nothing lay between: an outage is a gap, not silence.

        All that is remembered moves on by its length, so that windows, rests and learning times are of time heard. A
        bucket that was filling goes on filling.
        """
        bucket = minute // BUCKET_MIN
        gap = bucket - (bucket if self._bucket is None else self._bucket)
        self._bucket, self._told = bucket, 0  # accounts tell a birth, so all are given out again
        for series in self._series:
            series.born, series.last = series.born + gap, series.last + gap
            if series.asleep_since is not None:
                series.asleep_since += gap
            for context in series.contexts:
                context.bucket += gap
            for rule_id, state in series.lifecycles.items():
                series.lifecycles[rule_id] = Lifecycle.later(state, gap * BUCKET_S)

    def advance(self, minutes: Iterable[Minute], until: int) -> Advance:
        """Takes the votes of `minutes` (in order, all before `until`) and closes every bucket that ends by `until`."""
        step = Gathered()
        for minute in minutes:
            self._close_before(minute.minute // BUCKET_MIN, step)
            self._take(minute, step)
        self._close_before(until // BUCKET_MIN, step)
        changed = self._changed_accounts(step.alerts)
        return step.result([series.name for series in self._series], changed)

    def _close_before(self, bucket: int, step: Gathered) -> None:
        if self._bucket is None:
            self._bucket = bucket
        while self._bucket < bucket:
            if not len(self._awake):  # years without a voice pass in one step
                self._bucket = bucket
                return
            if self._is_gap(self._bucket):
                self.skip_to(bucket * BUCKET_MIN)
                return
            self._close(self._bucket, step)
            self._bucket += 1
            if self._bucket % ASLEEP_AFTER == 0:
                self._put_to_sleep(self._bucket)

    def _is_gap(self, bucket: int) -> bool:
        """Whether no series has said anything for so long that the stream must be out, this full bucket included."""
        if self._now:
            self._hush = 0.0
        elif self._hush < GAP_VOTES:
            start_s = np.full(len(self._awake), bucket * BUCKET_S)
            self._hush += float(self._bank.votes_expected(self._awake, start_s).sum())
        return self._hush >= GAP_VOTES

    def _take(self, minute: Minute, step: Gathered) -> None:
        bucket = minute.minute // BUCKET_MIN
        for name, votes in sorted(minute.votes.items()):  # new series take their slots in one order
            context, wide = self._context(name, bucket), not name.startswith("issuer")
            voted = self.voted.setdefault(name, {})
            for vote in sorted(votes):
                context.posts += vote.posts
                earlier = voted.get(vote.story)
                if earlier is not None and minute.minute - earlier < STORY_WINDOW_MIN:
                    self._retold(name, vote)
                    continue
                voted[vote.story] = minute.minute
                step.voted_added.setdefault(name, {})[vote.story] = minute.minute
                context.total += 1
                if vote.negative:
                    add_negative(context, vote, minute.excerpts.get(vote.id), wide=wide)
        for name, count in sorted(minute.stale.items()):
            self._context(name, bucket).stale += count

    def _retold(self, name: str, vote: Vote) -> None:
        """A story that has voted gains weight as evidence where it voted, and no vote."""
        for context in self._series[self._slots[name]].contexts:
            if vote.story in context.stories:
                context.stories[vote.story] += vote.negative_posts

    def _context(self, name: str, bucket: int) -> Context:
        slot = self._slots.get(name)
        if slot is None:
            slot = self._slots[name] = len(self._series)
            self._series.append(_Series(name, bucket, bucket))
            self._awake = np.append(self._awake, self._bank.add())
        context = self._now.get(slot)
        if context is None:
            series = self._series[slot]
            if series.asleep_since is not None:
                slept = min(bucket - series.asleep_since, LONGEST_SLEEP)
                self._bank.skip(np.array([slot]), np.array([float(slept)]))
                series.asleep_since = None
                self._awake = np.append(self._awake, slot)
            series.last = bucket
            series.contexts = [kept for kept in series.contexts if kept.bucket > bucket - RING]
            for old in series.contexts:
                if old.bucket <= bucket - SHOWN:
                    old.best.clear()
            context = self._now[slot] = Context(bucket)
            series.contexts.append(context)
        return context

    def _put_to_sleep(self, bucket: int) -> None:
        for slot in self._awake.tolist():
            series = self._series[slot]
            if bucket - series.last > ASLEEP_AFTER:
                series.asleep_since, series.contexts = bucket, []
        self._find_awake()

    def _find_awake(self) -> None:
        awake = [slot for slot, series in enumerate(self._series) if series.asleep_since is None]
        self._awake = np.array(awake, dtype=np.intp)

    def _close(self, bucket: int, step: Gathered) -> None:
        slots = self._awake
        if not len(slots):
            return
        negatives, totals = np.zeros(len(self._series)), np.zeros(len(self._series))
        for slot, context in self._now.items():
            negatives[slot], totals[slot] = context.negatives, context.total
        self._now.clear()
        negatives, totals = negatives[slots], totals[slots]
        starts_s = np.full(len(slots), bucket * BUCKET_S)
        scores = self._bank.close(slots, starts_s, negatives, totals)
        step.slots.append(slots)
        band = starts_s * 1000, negatives, totals, scores.expected, scores.expected_variance, scores.score
        step.bands.append(np.stack(band, axis=1))
        self._forget_stories(bucket, step)
        for rule in self._rules:
            self._apply(rule, bucket, slots, scores, step)

    def _apply(self, rule: Rule, bucket: int, slots: NDArray[np.intp], scores: Scores, step: Gathered) -> None:
        lifecycle, firing = self._lifecycles[rule.id], self._firing[rule.id]
        due = scores.score >= lifecycle.up
        if firing:
            due |= np.isin(slots, list(firing))
        for row in self._parents_first(np.flatnonzero(due), slots):
            slot = int(slots[row])
            series = self._series[slot]
            kind, _, _key = series.name.partition(":")
            if kind not in rule.series or bucket - series.born < rule.learning_days * 24 * 60 / BUCKET_MIN:
                continue
            before = series.lifecycles.get(rule.id, LifecycleState())
            look = look_at(scores, row, bucket * BUCKET_S, BUCKET_MIN * 60)
            state, event, severity = lifecycle.step(before, look)
            series.lifecycles[rule.id] = state
            (firing.add if Lifecycle.is_active(state) else firing.discard)(slot)
            if event is not None and severity is not None:
                step.alerts.append(self._alert(rule, lifecycle.up, series, row, bucket, scores, event, severity))

    def _parents_first(self, rows: NDArray[np.intp], slots: NDArray[np.intp]) -> list[int]:
        """A company before its topics, so that theirs know its incident of the same bucket."""
        return sorted(rows.tolist(), key=lambda row: self._series[slots[row]].name.startswith("issuer_topic:"))

    def _parent(self, rule: Rule, kind: str, key: str) -> str | None:
        """The open incident, by the same rule, of the company whose topic this is."""
        slot = self._slots.get(f"issuer:{key.partition('|')[0]}") if kind == "issuer_topic" else None
        if slot is None or slot not in self._firing[rule.id]:
            return None
        return self._series[slot].incidents[rule.id]

    def _alert(
        self,
        rule: Rule,
        threshold: float,
        series: _Series,
        row: int,
        bucket: int,
        scores: Scores,
        event: EventKind,
        severity: Severity,
    ) -> Alert:
        evaluated_at = utc_text((bucket + 1) * BUCKET_MS)
        if event == "fired":
            series.incidents[rule.id] = digest_of(rule.id, series.name, evaluated_at)
            series.fired[rule.id] = series.fired.get(rule.id, 0) + 1
        incident = series.incidents[rule.id]
        window = int(scores.window[row])
        contexts = [context for context in series.contexts if context.bucket > bucket - window]
        kind, _, key = series.name.partition(":")
        return Alert(
            incident=incident,
            id=digest_of(incident, event, evaluated_at),
            event=event,
            rule=RuleRef(rule.id, rule.version),
            series=SeriesRef(
                msgspec.convert(kind, SeriesRef.__annotations__["kind"]), key, (key,) * (kind == "issuer")
            ),
            parent=self._parent(rule, kind, key),
            bucket_start=utc_text(bucket * BUCKET_MS),
            evaluated_at=evaluated_at,
            severity=severity,
            measured=measured_of(scores, row, window, contexts, threshold),
            evidence=evidence_of(contexts),
            drivers=drivers_of(contexts),
        )

    def _forget_stories(self, bucket: int, step: Gathered) -> None:
        if bucket % (24 * 60 // BUCKET_MIN):
            return
        oldest = bucket * BUCKET_MIN - STORY_WINDOW_MIN
        for name, stories in self.voted.items():
            gone = [story for story, minute in stories.items() if minute <= oldest]
            added = step.voted_added.get(name, {})
            for story in gone:
                del stories[story]
                added.pop(story, None)  # came and went within one step
            if gone:
                step.voted_removed.setdefault(name, []).extend(gone)
