"""The watch over one shard's series: votes by minute in, alerts out. Pure and in received time: the same minutes give
the same bytes, however they are cut into calls. Where minutes come from and alerts go to is the stream room's business.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from alerts.accounts import Account
from alerts.advance import Advance, Gathered
from alerts.applied import AppliedRule
from alerts.breakout import AppliedBreakout, Telling
from alerts.calendars import CalendarOf, utc_hours
from alerts.detector import Scores, Slots, SurgeBank
from alerts.events import Alert
from alerts.evidence import Context, Told
from alerts.lifecycle import Lifecycle
from alerts.likelihood import FEWEST_NEGATIVES, RECENT_S
from alerts.measures import Counts, Found, Measures, MeasureState
from alerts.rules import Rule, heard_by
from alerts.series import Series
from alerts.state import read_state
from alerts.votes import BUCKET_MIN, Minute, Vote

BUCKET_S, BUCKET_MS = BUCKET_MIN * 60.0, BUCKET_MIN * 60_000
RING = 48  # buckets of context kept: the detector's longest window, 12 h
SHOWN = 16  # buckets whose posts can be shown: the bulk of a context
STORY_WINDOW_MIN = 72 * 60  # a story that voted in a series does not vote there again for three days
ASLEEP_AFTER = 2 * 24 * 60 // BUCKET_MIN  # a series without a vote for two days is aged in one step when it wakes
LONGEST_SLEEP = 365 * 24 * 60 // BUCKET_MIN  # what was known a year ago weighs nothing, and soon underflows
GAP_VOTES = 20.0  # a hush in which so many votes of all series of a kind were expected is a gap: by chance one in e²⁰
SCHEMA = 3

Voted = Mapping[str, Mapping[str, int]]


class _State(msgspec.Struct, array_like=True):
    schema: int
    bank: bytes
    bucket: int | None
    series: list[Series]
    hush: float = 0.0
    measures: dict[str, MeasureState] = {}
    breakouts: dict[str, dict[int, dict[str, Telling]]] = {}


class Watch:
    """The state of a shard. `voted` says which story voted in which series at which minute; `calendar_of` gives the
    calendar of a new series by its name, which the series then keeps."""

    def __init__(self, rules: Sequence[Rule], voted: Voted | None = None, calendar_of: CalendarOf = utc_hours) -> None:
        self._rules = tuple(AppliedRule(rule) for rule in rules if rule.measure != "breakout")
        self._looking = tuple(rule for rule in self._rules if rule.rule.measure == "negative")
        self._breakouts = tuple(AppliedBreakout(rule) for rule in rules if rule.measure == "breakout")
        self._shown = heard_by(rules).shown
        self._bank, self._calendar_of = SurgeBank(bucket_s=BUCKET_MIN * 60), calendar_of
        self._measures = Measures(rules, calendar_of)
        self._series: list[Series] = []
        self._slots: dict[str, int] = {}
        self._bucket: int | None = None
        self._awake: NDArray[np.intp] = np.array([], dtype=np.intp)
        self._told = 0  # of how many series the account was given out
        self._now: dict[int, Context] = {}  # slot -> context of the bucket that is filling
        self._hush = 0.0  # votes of all series that were expected since the last one came
        self.voted: dict[str, dict[str, int]] = {k: dict(v) for k, v in (voted or {}).items()}

    def to_bytes(self) -> bytes:
        """The state without `voted`, exact."""
        return msgspec.msgpack.encode(
            _State(
                SCHEMA,
                self._bank.to_bytes(),
                self._bucket,
                self._series,
                self._hush,
                self._measures.state(),
                {one.rule.id: one.stories for one in self._breakouts},
            )
        )

    @classmethod
    def from_bytes(
        cls, raw: bytes, rules: Sequence[Rule], voted: Voted | None = None, calendar_of: CalendarOf = utc_hours
    ) -> "Watch":
        """The watch that `to_bytes` wrote; `StateError` for another schema or broken bytes."""
        state = read_state(raw, _State, SCHEMA, "detector")
        watch = cls(rules, voted, calendar_of)
        watch._bank = SurgeBank.from_bytes(state.bank)
        watch._series = state.series
        watch._slots = {series.name: slot for slot, series in enumerate(state.series)}
        watch._bucket, watch._hush = state.bucket, state.hush
        watch._measures.resume(state.measures, state.series, state.bucket)
        for slot, series in enumerate(state.series):
            if series.contexts and series.contexts[-1].bucket == state.bucket:
                watch._now[slot] = series.contexts[-1]
        for rule in watch._rules:
            rule.resume(watch._series)
        for breakout in watch._breakouts:
            breakout.stories = state.breakouts.get(breakout.rule.id, {})
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
        self._measures.later(gap)
        for breakout in self._breakouts:
            breakout.later(gap * BUCKET_MIN)
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
            self._look_early(minute, step)
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
            expected: defaultdict[str, list[float]] = defaultdict(list)
            for slot, votes in zip(self._awake, self._bank.votes_expected(self._awake, start_s), strict=True):
                expected[self._series[slot].kind].append(votes)
            # a post is heard in series of several kinds; `fsum` does not know the order, which a restart changes
            self._hush += max(math.fsum(votes) for votes in expected.values())
        return self._hush >= GAP_VOTES

    def _take(self, minute: Minute, step: Gathered) -> None:
        bucket = minute.minute // BUCKET_MIN
        for name, votes in sorted(minute.votes.items()):  # new series take their slots in one order
            context, wide = self._context(name, bucket), not name.startswith("issuer")
            voted = self.voted.setdefault(name, {})
            slot = self._slots[name]
            breakouts = [one for one in self._breakouts if one.rule.watches(name)]
            for vote in sorted(votes):
                context.posts += vote.posts
                for breakout in breakouts:
                    breakout.tell(slot, vote, minute.minute, minute.excerpts.get(vote.id))
                earlier = voted.get(vote.story)
                if earlier is not None and minute.minute - earlier < STORY_WINDOW_MIN:
                    self._retold(name, vote)
                    continue
                voted[vote.story] = minute.minute
                step.voted_added.setdefault(name, {})[vote.story] = minute.minute
                context.add(vote, minute.excerpts.get(vote.id), wide=wide)
        for name, count in sorted(minute.stale.items()):
            self._context(name, bucket).stale += count

    def _retold(self, name: str, vote: Vote) -> None:
        for context in self._series[self._slots[name]].contexts:
            context.retell(vote)

    def _context(self, name: str, bucket: int) -> Context:
        slot = self._slots.get(name)
        if slot is None:
            slot = self._slots[name] = len(self._series)
            self._series.append(Series(name, bucket, bucket))
            self._awake = np.append(self._awake, self._bank.add(calendar=self._calendar_of(name)))
            self._measures.add(slot, self._series[slot], bucket)
        context = self._now.get(slot)
        if context is None:
            series = self._series[slot]
            if series.asleep_since is not None:
                slept = min(bucket - series.asleep_since, LONGEST_SLEEP)
                self._bank.skip(np.array([slot]), np.array([float(slept)]))
                self._measures.skip(slot, slept)
                series.asleep_since = None
                self._awake = np.append(self._awake, slot)
            series.last = bucket
            series.contexts = [kept for kept in series.contexts if kept.bucket > bucket - RING]
            for old in series.contexts:
                if old.bucket <= bucket - SHOWN:
                    old.forget_posts()
            context = self._now[slot] = Context(bucket, talk=Told() if series.kind in self._shown else None)
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
        came = np.zeros((4, len(self._series)))
        for slot, context in self._now.items():
            came[:, slot] = context.negatives, context.total, context.posts, context.stale
        self._now.clear()
        counts = Counts(bucket, came[0], came[1], came[2], came[3], self._series, self._slots)
        found = self._measures.close(slots, counts, self._bank)
        negatives, totals = came[0, slots], came[1, slots]
        starts_s = np.full(len(slots), bucket * BUCKET_S)
        scores = self._bank.close(slots, starts_s, negatives, totals)
        step.slots.append(slots)
        band = starts_s * 1000, negatives, totals, scores.expected, scores.expected_variance, scores.score
        step.bands.append(np.stack(band, axis=1))
        self._forget_stories(bucket, step)
        found["negative"] = self._found(slots, scores)
        end = (bucket + 1) * BUCKET_MIN
        for rule in self._rules:
            step.alerts += rule.apply(bucket, found[rule.rule.measure], self._series, self._slots, end)
        for breakout in self._breakouts:
            step.alerts += breakout.close(bucket, self._series)

    def _look_early(self, minute: Minute, step: Gathered) -> None:
        """Scores the filling bucket of the series that a negative voice came to in this minute; no others rise."""
        end = minute.minute + 1
        if end % BUCKET_MIN == 0:
            return
        bucket = minute.minute // BUCKET_MIN
        slots = [
            slot
            for name, votes in sorted(minute.votes.items())
            if any(vote.negative for vote in votes)
            and any(rule.rule.watches(name) for rule in self._looking)
            and self._supported(slot := self._slots[name], bucket)
        ]
        if slots:
            rows = np.array(slots, dtype=np.intp)
            negatives, totals = np.array([(self._now[slot].negatives, self._now[slot].total) for slot in slots]).T
            scores = self._bank.peek(
                rows,
                np.full(len(rows), bucket * BUCKET_S),
                negatives.astype(np.float64),
                totals.astype(np.float64),
                end % BUCKET_MIN / BUCKET_MIN,
            )
            for rule in self._looking:
                step.alerts += rule.apply(bucket, self._found(rows, scores), self._series, self._slots, end)

    def _found(self, slots: Slots, scores: Scores) -> Found:
        return Found(slots, scores, lambda slot: self._series[slot].born)

    def _supported(self, slot: int, bucket: int) -> bool:
        """Whether enough negative voices came in the last 4 h to be weighed at all; most series have none."""
        recent = (
            one.negatives for one in self._series[slot].contexts if one.bucket > bucket - RECENT_S // 60 // BUCKET_MIN
        )
        return sum(recent) >= FEWEST_NEGATIVES

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
