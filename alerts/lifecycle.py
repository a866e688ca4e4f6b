"""When a series fires, escalates and resolves, given its score bucket by bucket. Pure: the state goes in and comes out.

Scores come from `detector.py`; who is told about an event, and how often, is the notifier's business.
"""

import math
from typing import Final, NamedTuple, Protocol, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from alerts.errors import BudgetError
from alerts.events import EventKind, Severity
from alerts.tails import Floats

RESOLVE_UNDER: Final = 1.0
KEEP_S: Final = 3600.0
REST_S: Final = 3 * 3600.0

_ESCALATION: Final[tuple[tuple[float, Severity], ...]] = ((2.5, "critical"), (1.0, "major"), (0.0, "warning"))
_RANK: Final[dict[Severity, int]] = {"warning": 0, "major": 1, "critical": 2}
_QUARTERS_A_WEEK: Final = 672  # a score is about the chance of a quarter of an hour
EARLY: Final = 0.5  # a bucket that still fills is looked at every minute, so it must score so much more to fire
EARLY_COST: Final = 0.03  # what such looks spend beyond the budget, saved at full buckets
_LOWEST_THRESHOLD: Final = 1.5  # some twenty false episodes a week; below, scores tell nothing apart


def rank(severity: Severity) -> int:
    """How grave: 0 for a warning, 2 for critical."""
    return _RANK[severity]


class LifecycleState(msgspec.Struct, frozen=True, array_like=True):
    """Where a series stands; times in seconds UTC. The initial state is normal and has never fired."""

    firing: bool = False
    peak: float = 0.0  # the highest score of the current or last episode
    active_s: float = -1e18  # the last time that the score was not low, while firing
    ended_s: float = -1e18  # when the last episode resolved


class Look(NamedTuple):
    """A series at the close of a bucket."""

    at_s: float  # the bucket's start, in seconds UTC, rising from look to look
    score: float
    recent: float  # the score by the last 4 h alone
    since_s: float  # start of the window that decided
    negatives_4h: float
    totals_4h: float


class Looked(Protocol):
    """What the lifecycle reads of the scores of many series; every array has shape (rows,)."""

    @property
    def score(self) -> Floats: ...
    @property
    def recent(self) -> Floats: ...
    @property
    def window(self) -> NDArray[np.int64]: ...
    @property
    def negatives_4h(self) -> Floats: ...
    @property
    def totals_4h(self) -> Floats: ...


def look_at(scores: Looked, row: int, at_s: float, bucket_s: int) -> Look:
    """The series at `row` of the scores of a bucket that started at `at_s` and is `bucket_s` seconds wide."""
    return Look(
        at_s,
        float(scores.score[row]),
        float(scores.recent[row]),
        at_s + bucket_s * (1.0 - float(scores.window[row])),
        float(scores.negatives_4h[row]),
        float(scores.totals_4h[row]),
    )


class Step(NamedTuple):
    """The state after a bucket, and what happened in it: event and severity are None together."""

    state: LifecycleState
    event: EventKind | None
    severity: Severity | None


class Lifecycle(msgspec.Struct, frozen=True):
    """Fires at a score of `up` with enough support in 4 h, resolves after `keep_s` in which the last 4 h score
    more than `under` below it, then rests `rest_s`.

    Severity is relative to `up`: major from 1 above it (ten times as rare), critical from 2.5. An episode escalates
    when it first reaches a level above the one it was announced with, so at most once a level.
    """

    up: float
    under: float = RESOLVE_UNDER
    min_negatives: float = 3
    min_total: float = 3
    keep_s: float = KEEP_S
    rest_s: float = REST_S

    @classmethod
    def for_budget(
        cls, budget_per_week: float, *, min_negatives: float = 3, min_total: float = 3, rest_s: float = REST_S
    ) -> Self:
        """The lifecycle whose threshold spends about this many false episodes per series and week."""
        return cls(threshold(budget_per_week), min_negatives=min_negatives, min_total=min_total, rest_s=rest_s)

    def looking_early(self) -> Self:
        """The lifecycle for a series that is looked at every minute, `early` and at the close: the same budget."""
        return msgspec.structs.replace(self, up=round(self.up + EARLY_COST, 6))

    @staticmethod
    def is_active(state: LifecycleState | None) -> bool:
        """Whether the state needs a step even when its score is under the threshold."""
        return state is not None and state.firing

    @staticmethod
    def later(state: LifecycleState, by_s: float) -> LifecycleState:
        """The state with its times moved on by so many seconds, in which nothing was heard."""
        return msgspec.structs.replace(state, active_s=state.active_s + by_s, ended_s=state.ended_s + by_s)

    def severity(self, score: float) -> Severity:
        """The level of a score at or above the threshold; lower ones are a warning too."""
        return next((name for above, name in _ESCALATION if score >= self.up + above), "warning")

    def step(self, state: LifecycleState, look: Look) -> Step:
        """Takes one closed bucket. What an earlier episode has told already never fires again."""
        if state.firing:
            return self._while_firing(state, look)
        supported = look.negatives_4h >= self.min_negatives and look.totals_4h >= self.min_total
        told = look.since_s < state.ended_s or look.at_s - state.ended_s < self.rest_s
        if look.score < self.up or told or not supported:
            return Step(state, None, None)
        return Step(LifecycleState(True, look.score, look.at_s, state.ended_s), "fired", self.severity(look.score))

    def early(self, state: LifecycleState, look: Look) -> Step:
        """Takes a bucket that still fills: it can fire, and changes nothing else."""
        if state.firing or look.score < self.up + EARLY:
            return Step(state, None, None)
        return self.step(state, look)

    def _while_firing(self, state: LifecycleState, look: Look) -> Step:
        peak = max(state.peak, look.score)
        active_s = look.at_s if look.recent >= self.up - self.under else state.active_s
        if look.at_s - active_s >= self.keep_s:
            return Step(LifecycleState(False, peak, active_s, look.at_s), "resolved", self.severity(peak))
        after = LifecycleState(True, peak, active_s, state.ended_s)
        if rank(self.severity(peak)) > rank(self.severity(state.peak)):
            return Step(after, "escalated", self.severity(peak))
        return Step(after, None, None)


def threshold(budget_per_week: float) -> float:
    """The score at which a series fires, for an accepted number of false episodes per series and week (> 0).

    The score of an ordinary quarter of an hour is as high as x with a chance of 10⁻ˣ, so the budget is the threshold.
    Not under 1.5. Raises BudgetError.
    """
    if not (math.isfinite(budget_per_week) and budget_per_week > 0):
        raise BudgetError(f"budget is {budget_per_week}; give a positive number of false episodes per series and week")
    return round(max(_LOWEST_THRESHOLD, -math.log10(budget_per_week / _QUARTERS_A_WEEK)), 6)
