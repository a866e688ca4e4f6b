"""Claims about the evidence for a surge: a likelihood ratio written out, and what speaks for and against."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from alerts.likelihood import LEVEL_SHAPE, capped_level, evidence, windows_for
from alerts.tails import Floats

RATES = st.floats(0.05, 50)


def one(negatives: float, totals: float, usual: float, share: float, doubt: float = 0.0, shape: float = 8.0) -> float:
    """The evidence of a single window at a level of 1."""
    cells = [np.array([[value]]) for value in (negatives, totals, usual, share, doubt)]
    level = np.array([[shape]]), np.array([[shape]])
    return float(evidence(windows_for(86400), cells[0], cells[1], cells[2], cells[3], cells[4], level).total[0])


@pytest.mark.parametrize(
    ("bucket_s", "windows"),
    [
        (900, (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48)),
        (300, (3, 6, 9, 12, 18, 24, 36, 48, 72, 96, 144)),
        (3600, (1, 2, 3, 4, 6, 8, 12)),
        (86400, (1,)),
    ],
)
def test_windows_are_a_quarter_of_an_hour_to_twelve_hours(bucket_s: int, windows: tuple[int, ...]) -> None:
    found = windows_for(bucket_s)
    assert found.buckets == windows
    assert found.prior.sum() == pytest.approx(1.0)
    assert len(found.height) == len(windows)


@given(st.integers(0, 30), st.integers(0, 30), RATES, st.floats(0.02, 0.9), st.floats(0.001, 0.4))
def test_the_shares_part_is_a_likelihood_ratio_of_scipys_beta_binomials(
    negatives: int, others: int, usual: float, share: float, doubt: float
) -> None:
    windows, total, voices = windows_for(86400), negatives + others, 1 / doubt - 1
    cells: list[Floats] = [np.array([[float(v)]]) for v in (negatives, total, usual, share, doubt, 1.0, 1.0)]
    found = evidence(windows, cells[0], cells[1], cells[2], cells[3], cells[4], (cells[5], cells[6]))

    def logpmf(p: float) -> float:
        return float(stats.betabinom.logpmf(negatives, total, p * voices, (1 - p) * voices))

    ratios = []
    for multiplier in (3.0, 5.0, 10.0):
        m = multiplier * float(windows.height[0])
        ratios.append((logpmf(share * (1 + m) / (1 + share * m)) - logpmf(share)) / math.log(10))
    assert min(abs(found.share[0, 0] - ratio) for ratio in ratios) < 1e-6


@given(st.integers(3, 30), st.integers(0, 30), RATES, st.floats(0.02, 0.9), st.floats(0.0, 0.5))
def test_a_negative_voice_in_place_of_another_never_weakens_the_evidence(
    negatives: int, others: int, usual: float, share: float, doubt: float
) -> None:
    total = negatives + others + 1.0
    assert one(negatives + 1, total, usual, share, doubt) >= one(negatives, total, usual, share, doubt) - 1e-9


def test_the_less_is_known_about_the_share_the_weaker_is_the_evidence() -> None:
    found = [one(20, 36, 20, 0.2, doubt) for doubt in (0.0, 0.01, 0.03, 0.1, 0.3)]
    assert found == sorted(found, reverse=True)
    assert found[0] > 2 * found[-1] > 0.0


def test_a_burst_of_talk_with_an_ordinary_share_speaks_against_a_surge() -> None:
    assert one(20, 100, 20, 0.2) < one(4, 20, 20, 0.2) < 0.0 < one(20, 36, 20, 0.2)


def test_a_capped_level_keeps_its_mean() -> None:
    shape, rate = capped_level(np.array([2.0, 40.0]), np.array([4.0, 20.0]))
    assert (shape / rate).tolist() == pytest.approx([0.5, 2.0])
    assert shape.max() == LEVEL_SHAPE
