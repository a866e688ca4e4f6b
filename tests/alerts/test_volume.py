"""Claims about volume: a rise of talk scores once, ordinary ups and downs do not, and no company changes a score."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from alerts.volume import VolumeBank, VolumeScores
from tests.examples import examples

BUCKETS = st.lists(st.integers(0, 60), min_size=1, max_size=60)


def feed(bank: VolumeBank, votes: list[int], slot: int = 0) -> list[VolumeScores]:
    return [bank.close(np.array([slot]), np.array([float(n)])) for n in votes]


def scores(votes: list[int]) -> list[float]:
    return [float(found.score[0]) for found in feed(VolumeBank(300, 1), votes)]


def calm(buckets: int, mean: float = 30.0, seed: int = 2) -> list[int]:
    votes: list[int] = np.random.default_rng(seed).poisson(mean, buckets).tolist()
    return votes


def test_a_rise_of_talk_scores_and_its_aftermath_does_not() -> None:
    found = scores([*calm(2000), 150, 400, 150, 150, *calm(140, seed=3)])
    assert min(found[2000:2002]) > 6.0
    assert found[2001] > found[2000]
    assert max(found[2004:]) == 0.0


def test_after_twelve_hours_a_peak_counts_again() -> None:
    found = scores([*calm(2000), 300, *calm(150, seed=3), 250])
    assert found[-1] > 3.0


def test_an_ordinary_day_passes_the_score_of_two_about_as_often_as_it_says() -> None:
    found = np.array(scores(calm(8000)))[2000:]
    assert 0.0 < (found >= 2.0).mean() < 0.01


@examples(20)
@given(BUCKETS, BUCKETS)
def test_scores_depend_neither_on_later_buckets_nor_on_other_series(votes: list[int], later: list[int]) -> None:
    alone = scores(votes)
    assert scores(votes + later)[: len(votes)] == alone
    bank, together = VolumeBank(300, 2), []
    for i, n in enumerate(votes):
        together.append(bank.close(np.array([1, 0]), np.array([float(later[i % len(later)]), float(n)])).score[1])
    assert together == alone


def test_the_deciding_window_and_the_support_are_told() -> None:
    found = feed(VolumeBank(300, 1), [*calm(1000), 35, 42, 45, 44, 45, 46, 41, 45, 47, 45, 44, 43])[-1]
    assert found.window[0] in (4, 16)
    assert found.totals_4h[0] > 1000
    assert 20 < found.expected[0] < 40
