"""Claims about tails and intervals, against sums written out and SciPy's own distributions."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from alerts.tails import interval_80, negative_binomial_tail


def tail(count: float, mean: float, variance: float) -> float:
    return float(negative_binomial_tail(np.array([count]), np.array([mean]), np.array([variance]))[0])


@given(st.integers(1, 300), st.floats(0.01, 100), st.floats(1.01, 20))
def test_the_count_tail_is_scipys_negative_binomial(count: int, mean: float, dispersion: float) -> None:
    variance = mean * dispersion
    size, success = mean * mean / (variance - mean), mean / variance
    expected = -stats.nbinom.logsf(count - 1, size, success) / math.log(10)
    if count > mean and expected < 200:
        assert tail(count, mean, variance) == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_the_count_tail_without_extra_spread_is_poissons() -> None:
    assert tail(9, 3, 3) == pytest.approx(-stats.poisson.logsf(8, 3) / math.log(10), abs=1e-4)


def test_tails_go_on_smoothly_where_probabilities_underflow() -> None:
    counts = np.arange(400.0, 2000.0)
    tails = negative_binomial_tail(counts, np.full(1600, 3.0), np.full(1600, 4.0))
    steps = np.diff(tails)
    assert tails[0] < 280 < 320 < tails[-1]
    assert np.all(steps > 0)
    assert np.all(np.abs(np.diff(steps)) < 1e-3)


@given(st.floats(0.01, 1e4), st.floats(1.05, 30))
def test_the_interval_leaves_at_most_a_tenth_on_either_side(mean: float, dispersion: float) -> None:
    variance = mean * dispersion
    low, high = interval_80(mean, variance)
    law = stats.nbinom(mean * mean / (variance - mean), mean / variance)
    assert 0 <= low <= high
    assert law.cdf(low) >= 0.1 - 1e-9
    assert law.cdf(high) >= 0.9 - 1e-9
    assert low == 0 or law.cdf(low - 1) < 0.1 + 1e-9
    assert high == 0 or law.cdf(high - 1) < 0.9 + 1e-9


def test_nothing_expected_is_an_interval_of_nothing() -> None:
    assert interval_80(0.0, 0.0) == (0, 0)
