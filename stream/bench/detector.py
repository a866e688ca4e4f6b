"""What the surge detector costs: in bulk, one series after the other, a call for a single row, and 100,000 series."""

import time
from collections.abc import Callable
from statistics import median

import numpy as np

from alerts.count_table import RUN
from alerts.detector import SurgeBank
from alerts.tails import Floats

SERIES, BUCKETS, MANY, ROUNDS = 500, 96, 100_000, 5
VOTES, NEGATIVE = 3.0, 0.2  # a bucket: busy enough that most rows have evidence to weigh
START_S, BUCKET_S = 1_767_571_200.0, 900


def run(series: int = SERIES, buckets: int = BUCKETS, many: int = MANY, rounds: int = ROUNDS) -> dict[str, object]:
    """Microseconds of processor time a row, median and range of some rounds: all series in a call; as the baseline one
    series after the other, in runs of its buckets, as `groundswell detect` does with few; and a call for a row.

    `many` series, each with a day behind it, are closed for one bucket. The scores are the same each way.
    """
    rng = np.random.default_rng(1)
    totals = rng.poisson(VOTES, (buckets, series)).astype(float)
    negatives = rng.binomial(totals.astype(int), NEGATIVE).astype(float)
    rows = buckets * series
    bulk = [_us(rows, lambda: together(negatives, totals)) for _ in range(rounds)]
    alone = [_us(rows, lambda: one_after_the_other(negatives, totals)) for _ in range(rounds)]
    single = [_us(buckets, lambda: together(negatives[:, :1], totals[:, :1])) for _ in range(rounds)]
    bank = _many(together(negatives, totals), many)
    counts = np.resize(negatives[-1], many), np.resize(totals[-1], many)
    start_s = np.full(many, START_S + BUCKET_S * buckets)
    closing = [_us(1, lambda: bank.close(np.arange(many), start_s, *counts)) / 1e6 for _ in range(rounds)]
    return {
        "target": "detect",
        "series": series,
        "microseconds_per_row": round(median(bulk), 2),
        "microseconds_per_row_spread": [round(min(bulk), 2), round(max(bulk), 2)],
        "baseline": "one series after the other",
        "baseline_microseconds_per_row": round(median(alone), 1),
        "baseline_microseconds_per_row_spread": [round(min(alone), 1), round(max(alone), 1)],
        "ratio": round(median(alone) / median(bulk), 1),
        "single_row_call_microseconds": round(median(single), 1),
        "many_series": many,
        "many_series_close_s": [round(min(closing), 3), round(median(closing), 3), round(max(closing), 3)],
        "bytes_per_series": round(sum(array.nbytes for array in bank.state().values()) / many),
    }


def together(negatives: Floats, totals: Floats) -> SurgeBank:
    """All series, bucket by bucket; counts have the shape (buckets, series)."""
    bank, slots = SurgeBank(BUCKET_S), np.arange(negatives.shape[1])
    bank.add(len(slots))
    for bucket, counts in enumerate(zip(negatives, totals, strict=True)):
        bank.close(slots, np.full(len(slots), START_S + BUCKET_S * bucket), *counts)
    return bank


def one_after_the_other(negatives: Floats, totals: Floats) -> SurgeBank:
    """The same, each series in runs of its buckets."""
    bank, start_s = SurgeBank(BUCKET_S), START_S + BUCKET_S * np.arange(len(negatives), dtype=np.float64)
    for slot in bank.add(negatives.shape[1]).tolist():
        for first in range(0, len(negatives), RUN):
            of = slice(first, first + RUN)
            bank.close_run(slot, start_s[of], negatives[of, slot], totals[of, slot])
    return bank


def _many(bank: SurgeBank, n: int) -> SurgeBank:
    """A bank of `n` series like those of `bank`."""
    state = {name: np.resize(array, (n, *array.shape[1:])) for name, array in bank.state().items()}
    return SurgeBank.from_state(state, BUCKET_S)


def _us(rows: int, work: Callable[[], object]) -> float:
    start_s = time.process_time()
    work()
    return (time.process_time() - start_s) / rows * 1e6
