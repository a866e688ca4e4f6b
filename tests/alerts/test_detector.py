"""Claims about the detector's numbers: equal to a second implementation, causal, independent of the batch, exact on
disk. `golden_surge.json` holds invented counts and what the notebook that the detector was measured with said of them.
"""

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from alerts.detector import Scores, SurgeBank
from alerts.errors import StateError
from alerts.tails import interval_80
from tests.examples import examples

GOLDEN: list[dict[str, Any]] = json.loads(Path(__file__).with_name("golden_surge.json").read_text())
START_S = 1_767_974_400.0
COUNTS = st.integers(0, 40).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total)))
BUCKETS = st.lists(COUNTS, min_size=1, max_size=40)


def feed(bank: SurgeBank, buckets: list[tuple[int, int]], slot: int = 0, first: int = 0) -> list[Scores]:
    """Closes the buckets of one series, one call each."""
    return [
        bank.close(
            np.array([slot]), np.array([START_S + bank.bucket_s * i]), np.array([float(k)]), np.array([float(n)])
        )
        for i, (k, n) in enumerate(buckets, first)
    ]


def fresh(n: int = 1) -> SurgeBank:
    bank = SurgeBank()
    bank.add(n)
    return bank


def same(a: Scores, b: Scores) -> bool:
    """Whether every number is the same to the last bit."""
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: str(case["name"]))
def test_evidence_equals_a_second_implementation(case: dict[str, Any]) -> None:
    bank = SurgeBank()
    slots = bank.add()
    for i, (negatives, total, expected) in enumerate(case["rows"]):
        start_s = np.array([case["start_s"] + i * bank.bucket_s], dtype=np.float64)
        found = bank.close(slots, start_s, np.array([float(negatives)]), np.array([float(total)]))
        supported = found.negatives_4h[0] >= 3
        assert found.evidence[0] == pytest.approx(expected if supported else 0.0, rel=1e-5, abs=1e-4), f"bucket {i}"


@examples(30)
@given(st.lists(st.lists(COUNTS, min_size=24, max_size=24), min_size=2, max_size=9))
def test_a_series_scores_the_same_bits_in_any_company(series: list[list[tuple[int, int]]]) -> None:
    together, slots = fresh(len(series)), np.arange(len(series))
    counts: NDArray[np.float64] = np.array(series, dtype=np.float64)
    alone = [feed(fresh(), buckets) for buckets in series]
    for i in range(counts.shape[1]):
        order = slots[::-1] if i % 2 else slots
        start_s = np.full(len(series), START_S + 900.0 * i)
        found = together.close(order, start_s, counts[order, i, 0], counts[order, i, 1])
        for row, slot in enumerate(order):
            assert same(Scores._make(field[row : row + 1] for field in found), alone[slot][i])


@given(BUCKETS, BUCKETS)
def test_scores_never_depend_on_later_buckets(before: list[tuple[int, int]], after: list[tuple[int, int]]) -> None:
    whole = feed(fresh(), before + after)
    assert all(same(a, b) for a, b in zip(feed(fresh(), before), whole, strict=False))


@given(BUCKETS, BUCKETS)
def test_a_bank_read_back_from_bytes_goes_on_exactly(
    before: list[tuple[int, int]], after: list[tuple[int, int]]
) -> None:
    bank = fresh()
    feed(bank, before)
    restored = SurgeBank.from_bytes(bank.to_bytes())
    assert restored.to_bytes() == bank.to_bytes()
    pairs = zip(feed(bank, after, first=len(before)), feed(restored, after, first=len(before)), strict=True)
    assert all(same(a, b) for a, b in pairs)
    assert restored.add().tolist() == [1]


@given(BUCKETS, COUNTS)
def test_peek_says_what_close_would_and_learns_nothing(before: list[tuple[int, int]], last: tuple[int, int]) -> None:
    bank = fresh()
    feed(bank, before)
    state = bank.to_bytes()
    at = np.array([START_S + 900.0 * len(before)])
    peeked = bank.peek(np.array([0]), at, np.array([float(last[0])]), np.array([float(last[1])]))
    assert bank.to_bytes() == state
    assert same(peeked, feed(bank, [last], first=len(before))[0])


def test_growth_leaves_the_series_that_were_there_alone() -> None:
    bank, still = fresh(), fresh()
    for i in range(20):
        bank.add(i)
        assert same(feed(bank, [(i % 3, 5)], first=i)[0], feed(still, [(i % 3, 5)], first=i)[0])


def test_empty_buckets_score_nothing_and_are_finite_for_a_year() -> None:
    bank = fresh()
    for i in range(0, 365 * 96, 97):
        found = feed(bank, [(0, 0)], first=i)[0]
        assert found.score[0] == found.negatives_4h[0] == 0.0
    assert all(np.isfinite(array).all() for array in bank.state().values())


def test_a_surge_of_negatives_scores_and_the_same_burst_of_talk_does_not() -> None:
    rng = np.random.default_rng(3)
    calm = [(int(rng.binomial(20, 0.2)), 20) for _ in range(600)]
    angry, loud = [(60, 80)] * 4, [(int(rng.binomial(80, 0.2)), 80) for _ in range(4)]
    assert max(found.score[0] for found in feed(fresh(), calm + angry)[-4:]) > 6
    assert max(found.score[0] for found in feed(fresh(), calm + loud)[-4:]) < 2


def test_two_negatives_are_no_surge_whatever_their_odds() -> None:
    calm = [(0, 0)] * 900
    assert feed(fresh(), [*calm, (2, 2)])[-1].score[0] == 0.0
    assert feed(fresh(), [*calm, (3, 3)])[-1].score[0] > 0.0


def test_the_deciding_window_is_told_with_its_counts() -> None:
    found = feed(fresh(), [(1, 5)] * 60 + [(5, 5)] * 4)[-1]
    assert found.window[0] in (3, 4, 6)
    surging = min(4, int(found.window[0]))
    assert found.window_negatives[0] == 5.0 * surging + (found.window[0] - surging)
    assert found.window_totals[0] == 5.0 * found.window[0]
    low, high = interval_80(float(found.window_expected[0]), float(found.window_variance[0]))
    assert low <= found.window_expected[0] <= high < found.window_negatives[0]
    assert found.window_share[0] > 0.0


@examples(30)
@given(BUCKETS, st.integers(1, 2000), BUCKETS)
def test_a_series_that_slept_goes_on_with_finite_numbers(
    before: list[tuple[int, int]], asleep: int, after: list[tuple[int, int]]
) -> None:
    bank = fresh()
    feed(bank, before)
    bank.skip(np.array([0]), np.array([float(asleep)]))
    found = feed(bank, after, first=len(before) + asleep)
    assert all(np.isfinite(field).all() for scores in found for field in scores)


def test_sleep_in_one_step_is_nearly_sleep_bucket_by_bucket() -> None:
    rng = np.random.default_rng(5)
    calm = [(int(rng.binomial(6, 0.2)), 6) for _ in range(28 * 96)]
    stepwise, at_once = fresh(), fresh()
    week = 7 * 96
    feed(stepwise, calm + [(0, 0)] * week)
    feed(at_once, calm)
    at_once.skip(np.array([0]), np.array([float(week)]))
    surge = [(8, 10)] * 4
    a, b = feed(stepwise, surge, first=5 * week), feed(at_once, surge, first=5 * week)
    assert [x.score[0] for x in a] == pytest.approx([x.score[0] for x in b], abs=0.6)


def test_a_series_takes_two_kilobytes_with_buckets_of_a_quarter_of_an_hour() -> None:
    assert len(fresh(1000).to_bytes()) / 1000 < 2100


@pytest.mark.parametrize("damage", [b"", b"\xc1", b"\x80"])
def test_a_damaged_state_is_refused_in_one_line(damage: bytes) -> None:
    with pytest.raises(StateError) as error:
        SurgeBank.from_bytes(damage)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("field", "value"), [("schema", 99), ("size", 7), ("arrays", {}), ("bucket_s", 300)])
def test_a_state_of_another_make_is_refused(field: str, value: object) -> None:
    record = msgspec.msgpack.decode(fresh().to_bytes())
    with pytest.raises(StateError):
        SurgeBank.from_bytes(msgspec.msgpack.encode({**record, field: value}))
