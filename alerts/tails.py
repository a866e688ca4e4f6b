"""Upper tails and quantiles of the count distribution that the detectors believe in.

Pure functions of numbers. Only element-wise operations are used, so that a value never depends on its neighbours in an
array; what is tested against what is the detector's business (`detector.py`).
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]

LN10 = math.log(10.0)
# A negative binomial with this many "failures" is a Poisson distribution for every count that a stream can bring.
_POISSON_SIZE = 1e6
# Below this, double precision holds the probability badly or not at all, and the logarithm is computed directly.
_SMALLEST_DIRECT = 1e-280
_TINY = 1e-300


def negative_binomial_tail(count: Floats, mean: Floats, variance: Floats) -> Floats:
    """−log10 P(Y ≥ count), Y negative-binomial with this mean and variance (counts; variance in counts²).

    All arrays have one shape; `count` > `mean` > 0 is expected. A variance at or under the mean means Poisson.
    Uses P(Y ≥ y) = I_x(y, r) with x = mean / (mean + r) (NIST DLMF 8.17; moment-matched r).
    """
    size = _size(mean, variance)
    return _minus_log10_beta(count, size, mean / (mean + size))


def interval_80(mean: float, variance: float) -> tuple[int, int]:
    """The 10 % and 90 % quantiles (whole counts, both ends included) of a negative binomial; (0, 0) for a mean of 0."""
    if mean <= 0.0:
        return 0, 0
    size = float(_size(np.float64(mean), np.float64(variance)))
    success = mean / (mean + size)
    return _quantile(0.1, size, success, mean), _quantile(0.9, size, success, mean)


def _size(mean: Floats | np.float64, variance: Floats | np.float64) -> Floats:
    excess = np.maximum(variance - mean, mean * 0.001)
    size = np.minimum(_POISSON_SIZE, mean * mean / excess)
    return np.asarray(np.where(variance > mean * 1.001, size, _POISSON_SIZE), dtype=np.float64)


def _quantile(probability: float, size: float, success: float, mean: float) -> int:
    """The smallest k with P(Y ≤ k) ≥ probability, by doubling and then halving."""

    def reaches(k: int) -> bool:
        return float(special.betaincc(k + 1.0, size, success)) >= probability

    if reaches(0):
        return 0
    low, high = 0, max(1, math.ceil(mean))
    while not reaches(high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reaches(middle) else (middle, high)
    return high


def _minus_log10_beta(a: Floats, b: Floats, x: Floats) -> Floats:
    """−log10 of the regularised incomplete beta function I_x(a, b), also where it underflows."""
    probability = special.betainc(a, b, np.minimum(x, 1.0))
    # xlogy runs one number at a time; numpy's own log may take another path for the last few of an array.
    tail: Floats = -special.xlogy(1.0, np.maximum(probability, _SMALLEST_DIRECT)) / LN10
    for i in np.flatnonzero(probability < _SMALLEST_DIRECT):
        tail[i] = _far_tail(float(a[i]), float(b[i]), float(x[i]))
    return np.maximum(tail, 0.0)


def _far_tail(a: float, b: float, x: float) -> float:
    """−log10 I_x(a, b) for the far lower tail, from the continued fraction (DLMF 8.17.22, modified Lentz)."""
    if x <= 0.0:
        return 300.0
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    numerator, denominator = 1.0, 1.0 - (a + b) * x / (a + 1.0)
    denominator = 1.0 / (denominator if abs(denominator) > _TINY else _TINY)
    fraction = denominator
    for m in range(1, 1000):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        for term in (even, odd):
            denominator = 1.0 + term * denominator
            denominator = 1.0 / (denominator if abs(denominator) > _TINY else _TINY)
            numerator = 1.0 + term / numerator
            numerator = numerator if abs(numerator) > _TINY else _TINY
            fraction *= numerator * denominator
        if abs(numerator * denominator - 1.0) < 1e-12:
            break
    return -(log_front + math.log(max(fraction / a, _TINY))) / LN10
