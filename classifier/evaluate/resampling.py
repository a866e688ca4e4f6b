"""How sure a figure is: bootstrap intervals, and two models compared on the same rows.

Everything random has a fixed seed: the same answers give the same intervals.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import special

from classifier.evaluate.answers import Answers, Floats

LEVEL = 0.95
RESAMPLES = 1000
SEED = 1
_DRAWN_AT_ONCE = 2_000_000  # rows drawn together: bounds the memory, whatever the size of the set


def described() -> dict[str, Any]:
    """Return how the intervals are made, for whoever reads the figures later."""
    return {"method": "percentile bootstrap over rows", "level": LEVEL, "resamples": RESAMPLES, "seed": SEED}


def intervals(found: Answers, seed: int = SEED) -> dict[str, list[float]]:
    """Return [low, high] of accuracy and macro-F1.

    Percentiles of very few rows can miss the estimate; they are widened to hold it.
    """
    table = _table(found)
    drawn = np.concatenate([_figures(counts @ table, len(table)) for counts in _resamples(len(table), seed)])
    return _limits(drawn, _estimate(table))


def compare(first: Answers, second: Answers, seed: int = SEED) -> dict[str, Any]:
    """Compare two models on the same rows: differences (first less second) with paired intervals, and McNemar's test.

    `agreement` is the share of rows on which both say the same labels.
    """
    ours, theirs, n = _table(first), _table(second), len(first.correct)
    drawn = [_figures(counts @ ours, n) - _figures(counts @ theirs, n) for counts in _resamples(n, seed)]
    difference = _estimate(ours) - _estimate(theirs)
    only_first = int((first.correct & ~second.correct).sum())
    only_second = int((second.correct & ~first.correct).sum())
    return {
        "n": n,
        "accuracy": round(float(difference[0]), 4),
        "macro_f1": round(float(difference[1]), 4),
        "intervals": _limits(np.concatenate(drawn), difference),
        "only_first_right": only_first,
        "only_second_right": only_second,
        "mcnemar_p": float(f"{mcnemar(only_first, only_second):.3g}"),
        "agreement": round(float((first.said == second.said).all(axis=1).mean()), 4),
    }


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the exact two-sided p of so uneven a split of the rows on which one model alone is right."""
    fewer = min(only_first, only_second)
    return min(1.0, 2.0 * float(special.bdtr(fewer, only_first + only_second, 0.5)))


def _table(found: Answers) -> Floats:
    """Return what a resample adds up [n, 1 + 3K]: correct, then hits, said and right by label."""
    columns = (found.correct[:, None], found.right & found.said, found.said, found.right)
    return np.hstack([column.astype(np.float64) for column in columns])


def _figures(sums: Floats, n: int) -> Floats:
    """Return accuracy and macro-F1 [r, 2] of sums over n rows [r, 1 + 3K]; macro-F1 is over the labels that occur."""
    hits, said, right = np.split(sums[:, 1:], 3, axis=1)
    f1 = 2.0 * hits / np.maximum(said + right, 1.0)
    occurs = right > 0
    return np.column_stack([sums[:, 0] / n, (f1 * occurs).sum(axis=1) / occurs.sum(axis=1)])


def _estimate(table: Floats) -> Floats:
    estimate: Floats = _figures(table.sum(axis=0, keepdims=True), len(table))[0]
    return estimate


def _resamples(n: int, seed: int) -> Iterator[Floats]:
    """Give how often each of n rows is drawn [r, n], some resamples at a time."""
    random = np.random.default_rng(seed)
    at_once = max(1, _DRAWN_AT_ONCE // n)
    for start in range(0, RESAMPLES, at_once):
        size = min(at_once, RESAMPLES - start)
        drawn = random.integers(0, n, size=(size, n)) + n * np.arange(size)[:, None]
        yield np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n).astype(np.float64)


def _limits(drawn: Floats, estimate: Floats) -> dict[str, list[float]]:
    tail = 50.0 * (1.0 - LEVEL)
    low, high = np.percentile(drawn, [tail, 100.0 - tail], axis=0)
    low, high = np.minimum(low, estimate), np.maximum(high, estimate)
    return {
        name: [round(float(low[place]), 4), round(float(high[place]), 4)]
        for place, name in enumerate(("accuracy", "macro_f1"))
    }
