"""What retellings do to the surge detector: it runs over invented counts in which reports are retold, once on all posts
and once on stories, as they are found (with the faults measured) and as they truly are.
"""

import csv
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alerts.detect import detect
from stream.times import HOUR_MS, datetime_ms, format_ms

Counts = NDArray[np.int64]

BUCKET_MS = HOUR_MS // 4
DAY, WARM_DAYS, DAYS = 96, 21, 49  # buckets; the detector learns before it is judged
SPREAD = 16  # buckets over which a report is retold
AFTERMATH = DAY  # buckets after a surge in which nothing is judged
ONE_EPISODE = 48  # firings of a series within so many buckets are one
START_MS = 1_767_571_200_000  # 2026-01-05, a Monday


class Surge(NamedTuple):
    """More negative voices, in one series, in buckets [start, end)."""

    series: int
    start: int
    end: int


class World(NamedTuple):
    """Invented counts, each (buckets, series): voices, and retellings of negative and of other reports."""

    voices: Counts
    negative_voices: Counts
    copies: Counts
    negative_copies: Counts
    surges: tuple[Surge, ...]


class Found(NamedTuple):
    """Share of the surges found, and false episodes for each series and week."""

    recall: float
    falses: float


def simulate(seed: int, series: int) -> World:
    """Series of 0.5 to 60 voices an hour with days and weeks in them, one report in eight retold six times on average,
    three reports a series told thirty to eighty times, and two surges of three to ten times the usual negatives."""
    rng = np.random.default_rng(seed)
    buckets = DAYS * DAY
    at = np.arange(buckets)
    rhythm = np.exp(0.8 * np.sin((at % DAY / DAY - 0.375) * 2 * np.pi)) * np.where(at // DAY % 7 < 5, 1.0, 0.45)
    rate = np.geomspace(0.5, 60, series) / 4 * (rhythm / rhythm.mean())[:, None]
    rate = rate * np.exp(_wander(rng, buckets, series, 0.35, DAY * 3))
    share = 1 / (1 + np.exp(-(rng.normal(-1.3, 0.4, series) + _wander(rng, buckets, series, 0.25, DAY / 2))))
    surges, extra = [], np.zeros_like(rate)
    for one in range(series):
        for start in rng.choice(np.arange(WARM_DAYS + 1, DAYS - 2, 4), 2, replace=False) * DAY + rng.integers(
            0, DAY, 2
        ):
            length, size = int(rng.integers(8, 40)), float(rng.choice([3, 5, 10]))
            usual = max(float((rate[start : start + length, one] * share[start : start + length, one]).mean()), 0.15)
            shape = np.minimum(1, (np.arange(length) + 1) / 3) * np.exp(-np.arange(length) / length)
            extra[start : start + length, one] += size * usual * shape
            surges.append(Surge(one, int(start), int(start) + length))
    negative = rng.poisson(rate * share + extra)
    others = rng.poisson(rate * (1 - share))
    viral = np.zeros_like(negative)
    for one in range(series):
        viral[rng.integers(WARM_DAYS * DAY, buckets - SPREAD, 3), one] += rng.integers(30, 80, 3)
    negative_copies = _spread(rng, _copies(rng, negative) + viral)
    other_copies = _spread(rng, _copies(rng, others))
    return World(negative + others, negative, negative_copies + other_copies, negative_copies, tuple(surges))


def _wander(rng: np.random.Generator, buckets: int, series: int, width: float, span: float) -> NDArray[np.float64]:
    """A slow random walk about zero, of standard deviation `width`, that forgets itself within `span` buckets."""
    keep = float(np.exp(-1 / span))
    steps = rng.normal(0, width * np.sqrt(1 - keep**2), (buckets, series))
    for bucket in range(1, buckets):
        steps[bucket] += keep * steps[bucket - 1]
    return steps


def _copies(rng: np.random.Generator, voices: Counts) -> Counts:
    """How often the reports among these voices are retold, counted where they begin."""
    reports = rng.binomial(voices, 1 / 8)
    return np.where(reports > 0, rng.negative_binomial(np.maximum(reports, 1), 1 / 7), 0)


def _spread(rng: np.random.Generator, born: Counts) -> Counts:
    """Retellings moved to when they come: within `SPREAD` buckets, ever fewer."""
    come, left = np.zeros_like(born), born.copy()
    for delay in range(SPREAD):
        now = left if delay == SPREAD - 1 else rng.binomial(left, 0.25)
        come[delay:] += now[: len(now) - delay]
        left = left - now
    return come


def judge(total: Counts, negative: Counts, world: World, budget: float) -> Found:
    """What the detector finds in these counts at this budget."""
    with tempfile.TemporaryDirectory(prefix="groundswell-bench-") as folder:
        source, out = Path(folder, "counts.csv"), Path(folder, "scores.csv")
        stamps = [format_ms(START_MS + bucket * BUCKET_MS) for bucket in range(len(total))]
        with source.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("series", "bucket_start", "total", "negative"))
            for stamp, totals, negatives in zip(stamps, total.tolist(), negative.tolist(), strict=True):
                writer.writerows((f"s{at}", stamp, *row) for at, row in enumerate(zip(totals, negatives, strict=True)))
        detect(source, out, budget=budget)
        with out.open(newline="", encoding="utf-8") as file:
            fires = _fires(csv.DictReader(file))
    return _scored(fires, world)


def _fires(rows: Iterable[Mapping[str, str]]) -> dict[int, list[int]]:
    from datetime import datetime

    fires: dict[int, list[int]] = defaultdict(list)
    for row in rows:
        if row["event"] == "fire":
            at_ms = datetime_ms(datetime.fromisoformat(row["bucket_start"]))
            fires[int(row["series"][1:])].append((at_ms - START_MS) // BUCKET_MS)
    return fires


def _scored(fires: Mapping[int, list[int]], world: World) -> Found:
    found = sum(
        any(surge.start <= fire < surge.end + 4 for fire in fires.get(surge.series, ())) for surge in world.surges
    )
    falses, series = 0, world.voices.shape[1]
    for one, buckets in fires.items():
        own = [surge for surge in world.surges if surge.series == one]
        last = -ONE_EPISODE
        for fire in buckets:
            if fire < WARM_DAYS * DAY or any(surge.start <= fire < surge.end + AFTERMATH for surge in own):
                continue
            falses += fire - last >= ONE_EPISODE
            last = fire
    return Found(found / len(world.surges), falses / series / ((DAYS - WARM_DAYS) / 7))


def compare(missed: float, seed: int = 1, series: int = 60, budget: float = 0.25) -> dict[str, object]:
    """Recall and falses on all posts and on stories, where a share `missed` of retellings counts as new stories."""
    world = simulate(seed, series)
    rng = np.random.default_rng([seed, 1])
    slipped = rng.binomial(world.negative_copies, missed)
    slipped_others = rng.binomial(world.copies - world.negative_copies, missed)
    cases = {
        "posts": (world.voices + world.copies, world.negative_voices + world.negative_copies),
        "stories": (world.voices + slipped + slipped_others, world.negative_voices + slipped),
        "true_stories": (world.voices, world.negative_voices),
    }
    found = {name: judge(*counts, world, budget) for name, counts in cases.items()}
    return {
        "surges": len(world.surges),
        "budget": budget,
        **{
            name: {"recall": round(one.recall, 3), "falses_per_series_week": round(one.falses, 3)}
            for name, one in found.items()
        },
    }
