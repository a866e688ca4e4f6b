"""Claims about the detector's numbers: equal to a second implementation, causal, independent of the batch, exact on
disk. `golden_surge.json` holds invented counts and what the notebook that the detector was measured with said of them.
"""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from alerts.detector import BLOCK, Scores, SurgeBank
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


def fresh(n: int = 1, calendar: str = "") -> SurgeBank:
    bank = SurgeBank()
    bank.add(n, calendar)
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


def test_more_series_than_are_closed_at_a_time_score_as_few_do() -> None:
    rng = np.random.default_rng(4)
    few = BLOCK - 2 + np.arange(5)  # on both sides of the seam
    many, some = fresh(BLOCK + 3), fresh(5)
    for i in range(20):
        totals = rng.poisson(3.0, BLOCK + 3).astype(float)
        negatives = np.round(totals * 0.4)
        start_s = np.full(BLOCK + 3, START_S + 900.0 * i)
        together = many.close(np.arange(BLOCK + 3), start_s, negatives, totals)
        apart = some.close(np.arange(5), start_s[few], negatives[few], totals[few])
        assert same(Scores._make(field[few] for field in together), apart)


@examples(60)
@given(BUCKETS, st.data(), st.sampled_from([60, 300, 900, 3600, 6 * 3600, 86400]), st.sampled_from([1.0, 0.37]))
def test_a_run_of_buckets_is_closed_to_the_same_bits_and_state_as_one_after_the_other(
    buckets: list[tuple[int, int]], data: st.DataObject, bucket_s: int, weight: float
) -> None:
    one_by_one, in_runs = SurgeBank(bucket_s), SurgeBank(bucket_s)
    one_by_one.add(2, "XHKG")
    in_runs.add(2, "XHKG")
    counts = np.array([*buckets, *buckets, *buckets], dtype=np.float64) * weight
    start_s = START_S + bucket_s * np.arange(len(counts), dtype=np.float64)
    cuts = sorted({0, len(counts), *data.draw(st.lists(st.integers(0, len(counts)), max_size=4))})
    for first, end in pairwise(cuts):
        found = in_runs.close_run(1, start_s[first:end], counts[first:end, 0], counts[first:end, 1])
        for i in range(first, end):
            alone = one_by_one.close(np.array([1]), start_s[i : i + 1], *counts[i, :, None])
            assert same(Scores._make(field[i - first : i - first + 1] for field in found), alone)
    assert in_runs.to_bytes() == one_by_one.to_bytes()


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


@pytest.mark.parametrize("calendar", ["", "XNYS", "XTAI"])
def test_sleep_in_one_step_is_nearly_sleep_bucket_by_bucket(calendar: str) -> None:
    rng = np.random.default_rng(5)
    calm = [(int(rng.binomial(6, 0.2)), 6) for _ in range(28 * 96)]
    stepwise, at_once = fresh(calendar=calendar), fresh(calendar=calendar)
    week = 7 * 96
    feed(stepwise, calm + [(0, 0)] * week)
    feed(at_once, calm)
    at_once.skip(np.array([0]), np.array([float(week)]))
    surge = [(8, 10)] * 4
    a, b = feed(stepwise, surge, first=5 * week), feed(at_once, surge, first=5 * week)
    assert [x.score[0] for x in a] == pytest.approx([x.score[0] for x in b], abs=0.6)


def test_a_series_takes_two_kilobytes_with_buckets_of_a_quarter_of_an_hour() -> None:
    assert len(fresh(1000).to_bytes()) / 1000 < 2100


MIXED = ("XNYS", "", "XSHG", "XHKG", "XNYS")


def mixed() -> SurgeBank:
    bank = SurgeBank()
    for calendar in MIXED:
        bank.add(calendar=calendar)
    return bank


@examples(20)
@given(st.lists(st.lists(COUNTS, min_size=5, max_size=5), min_size=2, max_size=30), st.integers(0, 40_000))
def test_series_of_several_exchanges_score_as_each_does_alone(rows: list[list[tuple[int, int]]], start: int) -> None:
    together, alone = mixed(), [SurgeBank() for _ in MIXED]
    for bank, calendar in zip(alone, MIXED, strict=True):
        bank.add(calendar=calendar)
    for i, row in enumerate(rows):
        counts = np.array(row, dtype=np.float64)
        start_s = np.full(len(row), START_S + 900.0 * (start + i))
        found = together.close(np.arange(len(row)), start_s, counts[:, 0], counts[:, 1])
        together = SurgeBank.from_bytes(together.to_bytes())  # as a restart does
        for slot, bank in enumerate(alone):
            one = bank.close(np.array([0]), start_s[:1], counts[slot : slot + 1, 0], counts[slot : slot + 1, 1])
            assert same(Scores._make(field[slot : slot + 1] for field in found), one)


def test_an_exchange_knows_its_holiday_where_hours_of_utc_expect_a_working_day() -> None:
    bank = mixed()
    day_s, weeks = 86400, 3
    monday_s = 1_771_200_000.0 - 7 * day_s * weeks  # three weeks before 2026-02-16
    quarter = np.arange(0, day_s, 900.0)
    for day in range(7 * weeks):
        said = 20.0 if day % 7 < 5 else 1.0
        for start in monday_s + day * day_s + quarter:
            every = np.full(5, 1.0)
            bank.close(np.arange(5), start * every, 0 * every, said * every)
    holiday_noon_s = np.full(5, 1_771_300_800.0)  # 2026-02-17 12:00 in Shanghai, Chinese New Year
    expected = bank.votes_expected(np.arange(5), holiday_noon_s)
    assert expected[2] < expected[1] / 3


@pytest.mark.parametrize("calendars", [["", "XNOWHERE"], [""]])
def test_a_state_whose_calendars_are_not_known_is_refused(calendars: list[str]) -> None:
    record = msgspec.msgpack.decode(mixed().to_bytes())
    with pytest.raises(StateError, match="calendar") as error:
        SurgeBank.from_bytes(msgspec.msgpack.encode({**record, "calendars": calendars}))
    assert "\n" not in str(error.value)


def test_a_state_from_before_there_were_calendars_says_that_it_must_be_rebuilt() -> None:
    record = msgspec.msgpack.decode(fresh().to_bytes())
    del record["calendars"], record["arrays"]["calendar"]
    with pytest.raises(StateError, match="schema 2, this version reads 3; rebuild it"):
        SurgeBank.from_bytes(msgspec.msgpack.encode({**record, "schema": 2}))


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
