"""From evidence to a score that means something: how often an ordinary series of this kind gets as high by chance.

Counts a series' own episodes of slight evidence, and scales with them a curve measured on many ordinary series.
Arrays in and out, element by element; no names, no clock.
"""

from typing import ClassVar, Final, NamedTuple

import numpy as np
from scipy import special

from alerts.maths import N
from alerts.tails import LN10, Floats

WEEK_S: Final = 7 * 86400
UNIT_S: Final = 900  # a score is about quarters of an hour, whatever the buckets' width

_LOOKS_EXPONENT: Final = 0.3  # finer buckets are looked at more often: with 5 minutes some 1.4 times as many falses
_APART_S: Final = 12 * 3600
_MEMORY_S: Final = 8 * WEEK_S  # half-life
_PRIOR_WEEKS: Final = 8.0  # what is known beforehand counts like so many weeks


class Curve(NamedTuple):
    """How rare false episodes are by evidence, as measured on ordinary series with a bucket of `UNIT_S`."""

    slope: float  # decimal powers by which false episodes get rarer with each decimal power of evidence
    at_nothing: float  # log10 of the weekly false episodes that the straight line has at no evidence
    slight: float  # evidence that opens an episode to be counted
    usually_a_week: float  # such episodes of an ordinary series


SURGES: Final = Curve(1.075, 0.82, 0.6, 1.6)  # of negative voices


class FalseAlarms:
    """The counting of a bucket width (seconds). State, shape (rows, 3): decayed sums of episodes and of weeks, and
    buckets since the last slight evidence."""

    FRESH: ClassVar[Floats] = np.array([0.0, 0.0, 1e6])

    def __init__(self, bucket_s: int, curve: Curve = SURGES) -> None:
        self._slope, self._slight = curve.slope, curve.slight
        looks = min(1.0, bucket_s / UNIT_S) ** -_LOOKS_EXPONENT
        self._at_nothing = curve.at_nothing + float(np.log10(looks * UNIT_S / WEEK_S))
        self._usually = curve.usually_a_week * looks
        self._weeks = bucket_s / WEEK_S
        self._keep = float(0.5 ** (bucket_s / _MEMORY_S))
        self._apart = _APART_S / bucket_s

    def score(self, state: Floats, evidence: Floats) -> Floats:
        """−log10 of the chance that an ordinary quarter of an hour begins an episode of this evidence, at least 0."""
        prior = _PRIOR_WEEKS * self._usually
        ratio = (state[:, 0] + prior) / (state[:, 1] * self._usually + prior)
        score: Floats = self._slope * evidence - self._at_nothing - special.xlogy(1.0, ratio) / LN10
        return np.maximum(score, 0.0)

    def learn(self, state: Floats, evidence: Floats) -> None:
        """Counts a bucket's evidence in place."""
        episodes, weeks, since = state.T
        state[:] = np.stack(self._learnt(episodes, weeks, since, evidence), axis=1)

    def follow(self, state: Floats, evidence: Floats) -> Floats:
        """Counts the evidence of consecutive buckets of the one series whose row `state` is, in place and to the same
        bits as `learn`; returns the state before each of them."""
        episodes, weeks, since = state[0].tolist()
        before: list[tuple[float, float, float]] = []
        for one in evidence.tolist():
            before.append((episodes, weeks, since))
            episodes, weeks, since = self._learnt(episodes, weeks, since, one)
        state[0] = episodes, weeks, since
        return np.array(before)

    def _learnt(self, episodes: N, weeks: N, since: N, evidence: N) -> tuple[N, N, N]:
        slight = evidence >= self._slight
        opens = slight & (since > self._apart)
        return episodes * self._keep + opens, weeks * self._keep + self._weeks, since * (1 - slight) + 1.0

    def skip(self, state: Floats, buckets: Floats) -> None:
        """Ages the state by so many empty buckets."""
        keep = self._keep**buckets
        state[:, 0] *= keep
        state[:, 1] = state[:, 1] * keep + self._weeks * (1.0 - keep) / (1.0 - self._keep)
        state[:, 2] += buckets
