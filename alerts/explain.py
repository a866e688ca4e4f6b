"""Why the detector scored a bucket as it did: `groundswell detect --explain SERIES@TIME`, in figures and in words."""

import datetime as dt
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from alerts.calendars import UTC, calendar_named
from alerts.count_table import Table, follows, read_tables, stamp
from alerts.errors import CountsError
from alerts.lifecycle import Lifecycle
from alerts.tails import interval_80


class Explanation(NamedTuple):
    """One bucket of a series. Counts and shares are of the deciding window, which ends with the bucket."""

    series: str
    bucket_start: str
    hour: str  # what the bucket's hour is in the calendar
    window_minutes: int
    negatives: int
    total: int
    expected: float
    expected_low: int  # 80 % interval
    expected_high: int
    share: float
    usual_share: float
    score: float
    threshold: float
    chance: float  # that an ordinary quarter of an hour begins an episode as high: 10 to the power of −score
    key: Literal["share", "votes"]  # what spoke louder: the share of negatives, or how many voices there were
    share_evidence: float  # log10 of a likelihood ratio, for a surge where positive
    votes_evidence: float

    def text(self) -> str:
        """The same in words."""
        fires = "at or above" if self.score >= self.threshold else "below"
        loudest = "the share of negatives" if self.key == "share" else "the number of voices"
        return (
            f"{self.series} {self.bucket_start}: "
            f"{self.negatives} negative of {self.total} in {self.window_minutes} minutes\n"
            f"  {self.hour}: expected {self.expected:g} (80 %: {self.expected_low} to {self.expected_high}); "
            f"share {self.share:.0%}, usually {self.usual_share:.0%}\n"
            f"  score {self.score:.2f}, {fires} the threshold of {self.threshold:.2f}: "
            f"one in {1 / self.chance:,.0f} ordinary quarters of an hour begins as much\n"
            f"  for a surge spoke {loudest}: "
            f"share {self.share_evidence:+.2f}, voices {self.votes_evidence:+.2f} (powers of ten)"
        )


def explain(
    source: Path, target: str, budget: float = 0.25, warm_up: Path | None = None, calendar: str = UTC
) -> Explanation:
    """The bucket of `target` ("SERIES@TIME", any moment within the bucket) in a table of negatives and totals.

    Raises CountsError where the table holds no such bucket or mixes widths, BudgetError for a budget not positive,
    CalendarError for an exchange that is not known.
    """
    lifecycle, hours = Lifecycle.for_budget(budget), calendar_named(calendar)
    series, at_s = _target(target)
    rows, _, past, _, width_s = read_tables(source, warm_up, "negative")
    mine = [row for row in rows if row.series == series]
    wanted = [number for number, row in enumerate(mine) if row.start_s <= at_s < row.start_s + width_s]
    if not wanted:
        raise CountsError(f"{source}: has no bucket of series {series!r} at {target.rpartition('@')[2]}")
    past = [row for row in follows(past, mine) if row.series == series]
    *_, (_, found) = Table([*past, *mine[: wanted[-1] + 1]]).surges(width_s, calendar)
    start_s = mine[wanted[-1]].start_s
    low, high = interval_80(float(found.window_expected[-1]), float(found.window_variance[-1]))
    negatives, total = int(found.window_negatives[-1]), int(found.window_totals[-1])
    score, share, votes = (float(values[-1]) for values in (found.score, found.window_share, found.window_votes))
    return Explanation(
        series=series,
        bucket_start=stamp(start_s),
        hour=hours.describe(start_s),
        window_minutes=int(found.window[-1]) * width_s // 60,
        negatives=negatives,
        total=total,
        expected=round(float(found.window_expected[-1]), 3),
        expected_low=low,
        expected_high=high,
        share=round(negatives / total, 4) if total else 0.0,
        usual_share=round(float(found.usual_share[-1]), 4),
        score=score,
        threshold=lifecycle.up,
        chance=max(10.0**-score, float(np.finfo(np.float64).tiny)),
        key="share" if share >= votes else "votes",
        share_evidence=share,
        votes_evidence=votes,
    )


def _target(target: str) -> tuple[str, float]:
    series, at, time = target.rpartition("@")
    try:
        moment = dt.datetime.fromisoformat(time)
    except ValueError:
        moment = None
    if not (at and series and moment and moment.tzinfo):
        raise CountsError(f"--explain takes SERIES@TIME such as ORBQ@2026-01-05T14:30:00Z, not {target!r}")
    return series, moment.timestamp()
