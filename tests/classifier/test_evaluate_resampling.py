"""Intervals and paired comparisons: invariants on random answers, and cases worked out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from classifier.evaluate.answers import Answers
from classifier.evaluate.resampling import compare, intervals, mcnemar
from classifier.evaluate.scores import summary

LABELS = ("negative", "neutral", "positive")
FEW = settings(max_examples=40, deadline=None)


def answered(pairs: list[tuple[int, int]], confidence: float = 0.9) -> Answers:
    """Answers of (right, said), as positions in LABELS."""
    kinds = np.eye(len(LABELS), dtype=np.bool_)
    right, said = kinds[[pair[0] for pair in pairs]], kinds[[pair[1] for pair in pairs]]
    return Answers(LABELS, right, said, np.asarray((right & said).any(axis=1)), np.full(len(pairs), confidence))


PLACES = st.integers(min_value=0, max_value=2)
PAIRS = st.lists(st.tuples(PLACES, PLACES), min_size=1, max_size=60)


@FEW
@given(PAIRS)
def test_an_interval_holds_its_estimate(pairs: list[tuple[int, int]]) -> None:
    found = answered(pairs)
    estimate, limits = summary(found), intervals(found)
    for name in ("accuracy", "macro_f1"):
        low, high = limits[name]
        assert 0.0 <= low <= estimate[name] <= high <= 1.0


@FEW
@given(PAIRS)
def test_an_interval_is_the_same_each_time_for_a_seed(pairs: list[tuple[int, int]]) -> None:
    assert intervals(answered(pairs)) == intervals(answered(pairs))


def test_an_interval_of_accuracy_is_about_that_of_the_binomial() -> None:
    found = answered([(0, 0)] * 300 + [(0, 1)] * 100)
    spread = 1.96 * np.sqrt(0.75 * 0.25 / 400)
    assert intervals(found)["accuracy"] == pytest.approx([0.75 - spread, 0.75 + spread], abs=0.01)


def test_more_rows_make_a_narrower_interval() -> None:
    widths = []
    for times in (1, 16):
        low, high = intervals(answered([(0, 0), (1, 1), (2, 0), (1, 2), (0, 0), (2, 2)] * 5 * times))["macro_f1"]
        widths.append(high - low)
    assert widths[1] == pytest.approx(widths[0] / 4, rel=0.25)


def test_what_is_never_wrong_has_no_width() -> None:
    assert intervals(answered([(0, 0), (2, 2)] * 10)) == {"accuracy": [1.0, 1.0], "macro_f1": [1.0, 1.0]}


def test_many_rows_are_drawn_in_parts_of_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    found = answered([(0, 0), (1, 2), (2, 2)] * 7)
    whole = intervals(found)
    monkeypatch.setattr("classifier.evaluate.resampling._DRAWN_AT_ONCE", 50)
    assert intervals(found) == whole


@FEW
@given(PAIRS)
def test_a_model_does_not_differ_from_itself(pairs: list[tuple[int, int]]) -> None:
    same = compare(answered(pairs), answered(pairs))
    assert (same["accuracy"], same["macro_f1"], same["mcnemar_p"], same["agreement"]) == (0.0, 0.0, 1.0, 1.0)
    assert same["intervals"] == {"accuracy": [0.0, 0.0], "macro_f1": [0.0, 0.0]}


@FEW
@given(st.lists(st.tuples(PLACES, PLACES, PLACES), min_size=1, max_size=60))
def test_a_difference_turns_round_with_its_models(rows: list[tuple[int, int, int]]) -> None:
    first, second = answered([row[:2] for row in rows]), answered([(row[0], row[2]) for row in rows])
    there, back = compare(first, second), compare(second, first)
    for name in ("accuracy", "macro_f1"):
        low, high = there["intervals"][name]
        assert low <= there[name] <= high
        assert there[name] == pytest.approx(-back[name])
        assert back["intervals"][name] == pytest.approx([-high, -low], abs=2e-4)
    assert there["mcnemar_p"] == back["mcnemar_p"]
    assert there["agreement"] == back["agreement"]
    gained = (there["only_first_right"] - there["only_second_right"]) / len(rows)
    assert there["accuracy"] == pytest.approx(gained, abs=1e-4)


def test_a_clear_difference_is_told_although_single_intervals_overlap() -> None:
    """The reason to compare in pairs: what both get wrong says nothing of which one is better."""
    rows = [(0, 1, 1)] * 90 + [(0, 0, 0)] * 100 + [(0, 0, 1)] * 12
    first, second = answered([row[:2] for row in rows]), answered([(row[0], row[2]) for row in rows])
    assert intervals(first)["accuracy"][0] < intervals(second)["accuracy"][1]
    found = compare(first, second)
    assert found["intervals"]["accuracy"][0] > 0
    assert found["mcnemar_p"] < 0.001
    assert (found["only_first_right"], found["only_second_right"]) == (12, 0)


@given(st.integers(min_value=0, max_value=300), st.integers(min_value=0, max_value=300))
def test_mcnemar_is_the_exact_binomial_test(first: int, second: int) -> None:
    expected = stats.binomtest(first, first + second, 0.5).pvalue if first + second else 1.0
    assert mcnemar(first, second) == pytest.approx(expected, rel=1e-6)
