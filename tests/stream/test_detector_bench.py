"""Claims about `groundswell bench detect`: its ways of closing say the same, and its figures are what they say."""

from typing import Any

import numpy as np

from alerts.count_table import RUN
from stream.bench.detector import one_after_the_other, run, together


def test_the_baseline_does_the_same_work() -> None:
    rng = np.random.default_rng(2)
    totals = rng.poisson(4.0, (RUN + 10, 3)).astype(float)
    negatives = np.floor(totals * rng.random(totals.shape))
    assert one_after_the_other(negatives, totals).to_bytes() == together(negatives, totals).to_bytes()


def test_figures_are_medians_within_their_ranges() -> None:
    found: dict[str, Any] = run(series=20, buckets=40, many=70, rounds=3)
    assert (found["target"], found["series"], found["many_series"]) == ("detect", 20, 70)
    low, middle, high = found["many_series_close_s"]
    assert 0.0 <= low <= middle <= high
    for name in ("microseconds_per_row", "baseline_microseconds_per_row"):
        low, high = found[f"{name}_spread"]
        assert 0.0 < low <= found[name] <= high
    assert 2000 < found["bytes_per_series"] < 2100
