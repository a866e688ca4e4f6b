"""What an alert of each measure says: its figures, posts and drivers, from the scores and contexts of the window that
decided. Which posts are chosen is `evidence`'s business, what is made of it in words `message`'s.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from alerts.detector import Scores
from alerts.events import Drivers, Evidence, Measured, MeasureKey
from alerts.evidence import Context, drivers_of, negative_evidence, talk_evidence
from alerts.rules import Measure
from alerts.tails import interval_80
from alerts.votes import BUCKET_MIN


class Window(NamedTuple):
    """The series at `row` of `scores` over the window that decided, whose contexts are given."""

    scores: Scores
    row: int
    contexts: Sequence[Context]
    threshold: float

    @property
    def buckets(self) -> int:
        """How long it is."""
        return int(self.scores.window[self.row])


class Said(NamedTuple):
    """What an alert says of a window."""

    measured: Measured
    evidence: tuple[Evidence, ...]
    drivers: Drivers


def _negative(window: Window) -> Said:
    told = [context.negative for context in window.contexts]
    return Said(_measured(window, "negative_share"), negative_evidence(told), drivers_of(told))


def _volume(window: Window) -> Said:
    told = [context.talk for context in window.contexts if context.talk is not None]
    negatives = sum(context.negatives for context in window.contexts)
    return Said(_measured(window, "volume", negatives), talk_evidence(told), drivers_of(told))


def _silence(window: Window) -> Said:
    measured = _measured(window, "silence")
    return Said(measured, (), Drivers((), (), ()))  # there is nothing to show


def _lag(window: Window) -> Said:
    return Said(_measured(window, "lag"), (), Drivers((), (), ()))  # what came late was not kept


def _mix(window: Window) -> Said:
    told = [context.talk for context in window.contexts if context.talk is not None]
    return Said(_measured(window, "mix"), talk_evidence(told), drivers_of(told))


SAID: Final[Mapping[Measure, Callable[[Window], Said]]] = {
    "negative": _negative,
    "volume": _volume,
    "silence": _silence,
    "lag": _lag,
    "mix": _mix,
}


def _measured(window: Window, key: MeasureKey, negatives: int | None = None) -> Measured:
    """The figures of a window in which so many votes were negative (by default those that the scores are about)."""
    scores, row, contexts = window.scores, window.row, window.contexts
    expected, variance = float(scores.window_expected[row]), float(scores.window_variance[row])
    low, high = interval_80(expected, variance)
    counted, total = int(scores.window_negatives[row]), int(scores.window_totals[row])
    negatives = counted if negatives is None else negatives
    return Measured(
        negatives=negatives,
        total=total,
        stories=counted,
        posts=sum(context.posts for context in contexts),
        stale=sum(context.stale for context in contexts),
        expected=round(expected, 3),
        expected_low=low,
        expected_high=high,
        share=round(negatives / total, 4) if total else 0.0,
        usual_share=round(float(scores.usual_share[row]), 4),
        score=round(float(scores.score[row]), 3),
        threshold=round(window.threshold, 3),
        key=key,
        window_minutes=window.buckets * BUCKET_MIN,
    )
