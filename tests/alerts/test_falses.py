"""Claims about the score: as rare as it says, stricter where a series is restless, the same however time is cut."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.falses import FalseAlarms

QUARTERS_A_WEEK = 672


def state(rows: int = 1) -> np.ndarray:
    return np.tile(FalseAlarms.FRESH, (rows, 1))


def scored(falses: FalseAlarms, at: np.ndarray, evidence: float) -> float:
    return float(falses.score(at, np.full(len(at), evidence))[0])


@given(st.floats(-5, 200), st.floats(-5, 200))
def test_more_evidence_never_scores_less_and_none_scores_nothing(a: float, b: float) -> None:
    falses = FalseAlarms(900)
    assert scored(falses, state(), min(a, b)) <= scored(falses, state(), max(a, b))
    assert scored(falses, state(), -np.inf) == 0.0


def after(episodes_a_week: float, weeks: int = 12) -> np.ndarray:
    falses, at = FalseAlarms(900), state()
    every = round(QUARTERS_A_WEEK / episodes_a_week)
    for i in range(weeks * QUARTERS_A_WEEK):
        falses.learn(at, np.array([1.5 if i % every == 0 else -1.0]))
    return at


def test_a_restless_series_is_scored_lower_and_a_calm_one_higher_but_not_without_bounds() -> None:
    calm, usual, restless = (scored(FalseAlarms(900), after(n), 2.0) for n in (0.3, 1.6, 7.0))
    assert calm > usual > restless
    assert usual == pytest.approx(scored(FalseAlarms(900), state(), 2.0), abs=0.02)
    assert calm - restless < 1.2


def test_an_episode_counts_once_however_long_it_lasts() -> None:
    falses, at = FalseAlarms(900), state()
    for _ in range(200):
        falses.learn(at, np.array([2.0]))
    assert at[0, 0] == pytest.approx(1.0, abs=0.05)


def test_finer_buckets_ask_for_more() -> None:
    assert scored(FalseAlarms(300), state(), 2.0) < scored(FalseAlarms(900), state(), 2.0)


@given(st.integers(1, 3000))
def test_sleep_in_one_step_is_sleep_bucket_by_bucket(buckets: int) -> None:
    falses, stepwise, at_once = FalseAlarms(900), after(3.0, 1), after(3.0, 1)
    for _ in range(buckets):
        falses.learn(stepwise, np.array([-np.inf]))
    falses.skip(at_once, np.array([float(buckets)]))
    assert at_once == pytest.approx(stepwise)
