"""The detector of more talk than usual, whatever its mood: counts of many series in, scores out (`--measure volume`).

As in `detector.py` a series is a slot and time a parameter; a series' results depend on its own buckets alone.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alerts.baseline import SEASONS, season_of
from alerts.tails import Floats, negative_binomial_tail

SCORE_DECIMALS: Final = 6
SUPPORT_S: Final = 4 * 3600
WINDOWS: Final = (1, 4, 16)  # buckets of any width: volume alone has votes enough to decide on a single one

_RATE_HALF_LIFE_S: Final = 7 * 86400
_SEASON_HALF_LIFE_S: Final = 28 * 3600  # of a season's own time
_SEASON_SHRINKAGE: Final = 4.0  # a seasonal factor starts as if it had seen this many ordinary buckets
_SURGE_LIMIT_SD: Final = 4.0  # winsorising: a surge teaches no more than so many standard deviations


class VolumeScores(NamedTuple):
    """What one call found, row by row; every field has shape (rows,)."""

    score: Floats  # −log10 of the probability of so many votes, the largest over the windows
    recent: Floats  # the same: no window is longer
    window: NDArray[np.int64]  # the deciding one, in buckets
    expected: Floats  # votes expected in this bucket
    negatives_4h: Floats  # votes: here each counts
    totals_4h: Floats


class VolumeBank:
    """The state of `n` series for buckets of `bucket_s` seconds. Every bucket of a series is closed once, in order.

    An exponentially weighted rate with shrunk hour-of-day factors, and a negative-binomial tail whose over-dispersion
    is learnt for each window.
    """

    def __init__(self, bucket_s: int, n: int) -> None:
        self._keep = float(0.5 ** (bucket_s / _RATE_HALF_LIFE_S))
        self._season_keep = float(0.5 ** (bucket_s / _SEASON_HALF_LIFE_S))
        self._support = max(1, SUPPORT_S // bucket_s)
        self._buckets = np.array(WINDOWS)
        self._rate = np.ones((n, 2))  # decayed sums: votes, seasonal exposure in buckets
        self._season = np.zeros((n, 2, SEASONS))  # decayed sums: votes, votes that the rate alone expected
        self._dispersion = np.tile([[2.0], [1.0]], (n, 1, len(WINDOWS)))  # decayed sums: squared errors, buckets
        self._past = np.zeros((n, 2, max(self._support, *WINDOWS) - 1))  # votes, votes expected; the latest first
        self._closed = np.zeros(n)

    def close(self, slots: NDArray[np.intp], start_s: Floats, votes: Floats) -> VolumeScores:
        """Scores one full bucket of each given series (distinct slots), then learns from it; shapes (rows,)."""
        rate, season = self._rate[slots], season_of(start_s)
        base_rate, sums = rate[:, 0] / rate[:, 1], self._season[slots, :, season]
        prior = _SEASON_SHRINKAGE * base_rate
        factor = (sums[:, 0] + prior) / (sums[:, 1] + prior)
        expected = np.maximum(base_rate * factor, 1e-4)
        history = np.concatenate([np.stack([votes, expected], axis=1)[:, :, None], self._past[slots]], axis=2)
        running = np.cumsum(history, axis=2)  # adds one by one, so a row's sum never depends on the batch
        count, mean = np.moveaxis(running[:, :, self._buckets - 1], 1, 0)
        dispersion = np.maximum(1.0, self._dispersion[slots, 0] / self._dispersion[slots, 1])
        variance = dispersion * mean + mean * mean / np.maximum(rate[:, :1], 1.0)  # the rate is uncertain: gamma
        available = self._closed[slots][:, None] >= self._buckets - 1
        tails = np.zeros(count.shape)
        above = available & (count > mean)
        tails[above] = negative_binomial_tail(count[above], mean[above], variance[above])

        limit = _SURGE_LIMIT_SD * _SURGE_LIMIT_SD
        error = np.minimum((count - mean) ** 2 / np.maximum(mean, 0.05), limit * dispersion)
        old = self._dispersion[slots]
        new = old * self._keep + np.stack([error, np.ones(error.shape)], axis=1)
        new = self._dispersion[slots] = np.where(available[:, None, :], new, old)
        spread = np.sqrt(np.maximum(1.0, new[:, 0, 0] / new[:, 1, 0]) * expected)
        counted = np.minimum(votes, expected + _SURGE_LIMIT_SD * spread + 1.0)
        self._season[slots, :, season] = sums * self._season_keep + np.stack([counted, base_rate], axis=1)
        self._rate[slots] = rate * self._keep + np.stack([counted, factor], axis=1)
        self._past[slots] = history[:, :, :-1]
        self._closed[slots] += 1.0
        votes_4h = running[:, 0, self._support - 1]
        score = np.round(tails.max(axis=1), SCORE_DECIMALS)
        return VolumeScores(score, score, self._buckets[tails.argmax(axis=1)], expected, votes_4h, votes_4h)
