"""The detector of more talk than usual, whatever its mood: counts of many series in, scores out (`--measure volume`).

As in `detector.py` a series is a slot and time a parameter; a series' results depend on its own buckets alone.
"""

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alerts.tails import LN10, Floats, negative_binomial_tail

SCORE_DECIMALS: Final = 6
SUPPORT_S: Final = 4 * 3600
HOLD_S: Final = 12 * 3600
WINDOWS: Final = (1, 4, 16)  # buckets of any width: volume alone has votes enough to decide on a single one

_RATE_HALF_LIFE_S: Final = 7 * 86400
_SURGE_LIMIT_SD: Final = 4.0  # winsorising: a surge teaches no more than so many standard deviations
_TAIL_QUANTILE: Final = 0.98
_TAIL_START: Final = -math.log10(1.0 - _TAIL_QUANTILE)
_TAIL_KEEP: Final = 0.5 ** (1 / 300)  # half-life of the excess over the quantile, in excesses
_TAIL_PRIOR: Final = 30.0  # excesses' worth of belief that tails are already calibrated


class VolumeScores(NamedTuple):
    """What one call found, row by row; every field has shape (rows,)."""

    score: Floats  # −log10 of a calibrated tail probability, the largest over the windows; 0 in the shade of a peak
    recent: Floats  # the same: no window is longer than 4 h
    window: NDArray[np.int64]  # the deciding one, in buckets
    expected: Floats  # votes expected in this bucket
    negatives_4h: Floats  # votes: here each counts
    totals_4h: Floats


class VolumeBank:
    """The state of `n` series for buckets of `bucket_s` seconds. Every bucket of a series is closed once, in order.

    An exponentially weighted rate; for each window a negative-binomial tail whose over-dispersion is learnt, and above
    whose own 98 % quantile the excess is fitted as an exponential (peaks over threshold). For 12 h after a peak only a
    higher one counts.
    """

    def __init__(self, bucket_s: int, n: int) -> None:
        self._keep = float(0.5 ** (bucket_s / _RATE_HALF_LIFE_S))
        self._support, self._hold = max(1, SUPPORT_S // bucket_s), max(1, HOLD_S // bucket_s)
        self._buckets = np.array(WINDOWS)
        self._rate = np.ones((n, 2))  # decayed sums: votes, buckets
        self._dispersion = np.tile([[2.0], [1.0]], (n, 1, len(WINDOWS)))  # decayed sums: squared errors, buckets
        self._tail = np.tile([[1.7], [0.0], [0.0]], (n, 1, len(WINDOWS)))  # quantile, sum of excesses, their number
        self._past = np.zeros((n, 2, max(self._support, *WINDOWS) - 1))  # votes, votes expected; the latest first
        self._held = np.zeros((n, self._hold))  # calibrated tails, the latest first
        self._closed = np.zeros(n)

    def close(self, slots: NDArray[np.intp], votes: Floats) -> VolumeScores:
        """Scores one full bucket of each given series (distinct slots), then learns from it; shapes (rows,).

        Hours are not known to it: a seasonal factor brought more noise than it explained (measured).
        """
        rate = self._rate[slots]
        expected = np.maximum(rate[:, 0] / rate[:, 1], 1e-4)
        history = np.concatenate([np.stack([votes, expected], axis=1)[:, :, None], self._past[slots]], axis=2)
        running = np.cumsum(history, axis=2)  # adds one by one, so a row's sum never depends on the batch
        count, mean = np.moveaxis(running[:, :, self._buckets - 1], 1, 0)
        dispersion = np.maximum(1.0, self._dispersion[slots, 0] / self._dispersion[slots, 1])
        variance = dispersion * mean + mean * mean / np.maximum(rate[:, :1], 1.0)  # the rate is uncertain: gamma
        available = self._closed[slots][:, None] >= self._buckets - 1
        tails = np.zeros(count.shape)
        above = available & (count > mean)
        tails[above] = negative_binomial_tail(count[above], mean[above], variance[above])
        calibrated = self._calibrate(slots, tails)

        limit = _SURGE_LIMIT_SD * _SURGE_LIMIT_SD
        error = np.minimum((count - mean) ** 2 / np.maximum(mean, 0.05), limit * dispersion)
        old = self._dispersion[slots]
        new = old * self._keep + np.stack([error, np.ones(error.shape)], axis=1)
        self._dispersion[slots] = np.where(available[:, None, :], new, old)
        counted = np.minimum(votes, expected + _SURGE_LIMIT_SD * np.sqrt(dispersion[:, 0] * expected) + 1.0)
        self._rate[slots] = rate * self._keep + np.stack([counted, np.ones(len(slots))], axis=1)
        self._past[slots] = history[:, :, :-1]
        self._closed[slots] += 1.0
        score, votes_4h = self._above_the_last_peak(slots, calibrated.max(axis=1)), running[:, 0, self._support - 1]
        return VolumeScores(score, score, self._buckets[calibrated.argmax(axis=1)], expected, votes_4h, votes_4h)

    def _calibrate(self, slots: NDArray[np.intp], tails: Floats) -> Floats:
        """Honest tails by each window's own past, which they are then added to; 0 under the 98 % quantile."""
        quantile, excesses, number = np.moveaxis(self._tail[slots], 1, 0)
        excess_mean = (excesses + _TAIL_PRIOR / LN10) / (number + _TAIL_PRIOR)
        excess = tails - quantile
        above = excess > 0.0
        step = np.maximum(0.005, 1.0 / (1.0 + 0.02 * self._closed[slots]))[:, None] * excess_mean
        moved = np.maximum(0.0, quantile + step * np.where(above, _TAIL_QUANTILE, _TAIL_QUANTILE - 1.0))
        learnt = excesses * _TAIL_KEEP + np.minimum(excess, 4.0 * excess_mean), number * _TAIL_KEEP + 1.0
        after = [moved, np.where(above, learnt[0], excesses), np.where(above, learnt[1], number)]
        self._tail[slots] = np.stack(after, axis=1)
        calibrated: Floats = np.where(above, _TAIL_START + excess / excess_mean / LN10, 0.0)
        return calibrated

    def _above_the_last_peak(self, slots: NDArray[np.intp], score: Floats) -> Floats:
        held = self._held[slots]
        self._held[slots] = np.concatenate([score[:, None], held[:, :-1]], axis=1)
        return np.where(score > held.max(axis=1), score.round(SCORE_DECIMALS), 0.0)
