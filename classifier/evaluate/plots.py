"""Where the marks of the report's pictures stand: coordinates for inline SVG, no markup and no colours."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

SIZE = 200.0  # side of the square that a curve is drawn in, in units of its viewBox
BAR = 100.0  # length of the line that an interval is drawn on


class Dot(NamedTuple):
    """One point of a curve, its radius, and what it says."""

    x: float
    y: float
    r: float
    says: str


class Whisker(NamedTuple):
    """An estimate with its interval on a line of length BAR."""

    low: float
    at: float
    high: float


def calibration(bins: Sequence[dict[str, Any]]) -> list[Dot]:
    """Return a dot a bin, as large as it has rows: confidence to the right, accuracy upwards."""
    total = sum(one["n"] for one in bins)
    return [
        Dot(
            _at(one["confidence"] * SIZE),
            _at(SIZE - one["accuracy"] * SIZE),
            _at(2.0 + 10.0 * math.sqrt(one["n"] / total)),
            f"says {one['confidence']:.0%}, right {one['accuracy']:.0%}, {one['n']} rows",
        )
        for one in bins
    ]


def floor(curves: Sequence[Sequence[dict[str, Any]]]) -> float:
    """Return where the accuracy axis of some abstention curves begins, a whole tenth."""
    lowest: float = min(point["accuracy"] for curve in curves for point in curve)
    return min(math.floor(lowest * 10.0) / 10.0, 0.9)


def abstention(curve: Sequence[dict[str, Any]], lowest: float) -> str:
    """Return the points of a line: share kept to the right, accuracy upwards from `lowest` to 1."""
    return " ".join(
        f"{_at(point['share'] * SIZE)},{_at(SIZE * (1.0 - point['accuracy']) / (1.0 - lowest))}" for point in curve
    )


def whisker(interval: Sequence[float], value: float, low: float, high: float) -> Whisker:
    """Place an estimate and its interval on an axis from `low` to `high`."""
    return Whisker(*(_at(BAR * (point - low) / (high - low)) for point in (interval[0], value, interval[1])))


def around(intervals: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Return an axis of whole tenths that holds all intervals of shares."""
    low = math.floor(min(low for low, _ in intervals) * 10.0) / 10.0
    high = math.ceil(max(high for _, high in intervals) * 10.0) / 10.0
    return (low, high) if high > low else (low, low + 0.1)


def about_zero(intervals: Sequence[Sequence[float]]) -> float:
    """Return the end of an axis of whole hundredths, the same both ways, that holds all intervals of differences."""
    return max(math.ceil(max(abs(end) for interval in intervals for end in interval) * 100.0) / 100.0, 0.01)


def _at(value: float) -> float:
    return round(value, 1)
