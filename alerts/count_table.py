"""A table of counts, scored: many series advance together, one bucket of each in a round; few go one after the other.

Rows come from `count_rows.py`; what is done with the scores is for `detect.py` and `explain.py`.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from alerts.calendars import UTC
from alerts.count_rows import CountRow, Measure, Reject, read_counts
from alerts.detector import Scores, Slots, SurgeBank
from alerts.errors import CountsError
from alerts.tails import Floats
from alerts.volume import VolumeBank, VolumeScores

DEFAULT_BUCKET_S: Final = 900  # of a table whose series have a single row
FEW: Final = 24  # series alive in a mean round: below, runs of one series are faster (measured: equal at 20 to 30)
RUN: Final = 256  # buckets of a run: more gain nothing, and each takes some kilobytes
STEPS_TELLING: Final = 20  # rows of a series that show its width; of fewer, wide steps may be gaps


class Table:
    """The rows as arrays of shape (rows,), and the rounds in which they are scored; each series' rows are in order."""

    def __init__(self, rows: Sequence[CountRow]) -> None:
        slots: dict[str, int] = {}
        self.slot: Slots = np.array([slots.setdefault(row.series, len(slots)) for row in rows], dtype=np.intp)
        self.start_s: Floats = np.array([row.start_s for row in rows])
        self.total: Floats = np.array([row.total for row in rows])
        self.negative: Floats = np.array([row.negative for row in rows])
        self.n_series = len(slots)

    def common_step_s(self) -> int | None:
        """The most common time between neighbouring rows of a series, the shortest of several; None without any."""
        order = np.argsort(self.slot, kind="stable")
        same = self.slot[order][1:] == self.slot[order][:-1]
        steps, seen = np.unique(np.round(np.diff(self.start_s[order])[same]), return_counts=True)
        return max(1, int(steps[seen.argmax()])) if len(steps) else None

    def of_another_width(self, bucket_s: int, told: bool) -> tuple[int, int] | None:
        """Slot and step in seconds of the first series whose rows show that its buckets are not `bucket_s` wide: they
        are mostly closer, or every step between them is a multiple of something wider (of a `told` width: gaps). None
        where all agree."""
        order = np.argsort(self.slot, kind="stable")
        ends = np.cumsum(np.bincount(self.slot, minlength=self.n_series))
        for slot, starts in enumerate(np.split(self.start_s[order], ends[:-1])):
            if len(starts) <= STEPS_TELLING:
                continue
            steps, seen = np.unique(np.round(np.diff(starts)).astype(np.int64), return_counts=True)
            common, widest = int(steps[seen.argmax()]), int(np.gcd.reduce(steps))
            if common < bucket_s or (widest > bucket_s and not told):
                return slot, common
        return None

    def off_grid(self, bucket_s: int) -> Slots:
        """Row numbers whose bucket starts no whole number of buckets after the series' first."""
        away = np.round(self.start_s - self.begins()[self.slot]) % bucket_s
        return np.flatnonzero(away).astype(np.intp)

    def begins(self) -> Floats:
        """When each series' first bucket starts, in seconds UTC."""
        begins = np.full(self.n_series, np.inf)
        np.minimum.at(begins, self.slot, self.start_s)
        return begins

    def ends(self) -> Floats:
        """When each series' last bucket starts, in seconds UTC."""
        ends = np.full(self.n_series, -np.inf)
        np.maximum.at(ends, self.slot, self.start_s)
        return ends

    def rounds(self) -> Iterable[Slots]:
        """Row numbers, split so that the r-th round holds the r-th row of every series."""
        if not self.n_series:
            return []
        order = np.argsort(self.slot, kind="stable")
        sizes = np.bincount(self.slot, minlength=self.n_series)
        first_of_series = np.repeat(np.cumsum(sizes) - sizes, sizes)
        turn = np.empty(len(order), dtype=np.intp)
        turn[order] = np.arange(len(order)) - first_of_series
        by_turn = np.argsort(turn, kind="stable")
        return np.split(by_turn, np.cumsum(np.bincount(turn))[:-1])

    def runs(self) -> Iterator[Slots]:
        """Row numbers, split so that each run holds neighbouring rows of one series."""
        order = np.argsort(self.slot, kind="stable")
        ends = np.cumsum(np.bincount(self.slot, minlength=self.n_series))
        for of_series in np.split(order, ends[:-1]):
            yield from (of_series[start : start + RUN] for start in range(0, len(of_series), RUN))

    def surges(self, bucket_s: int, calendar: str = UTC) -> Iterator[tuple[Slots, Scores]]:
        """Row numbers and scores by the negatives, in rounds or in runs; both give the same scores. Raises
        CalendarError for a calendar that is not known."""
        bank = SurgeBank(bucket_s)
        bank.add(self.n_series, calendar)
        longest = np.bincount(self.slot, minlength=1).max()
        if len(self.slot) < FEW * longest:
            for rows in self.runs():
                slot = int(self.slot[rows[0]])
                yield rows, bank.close_run(slot, self.start_s[rows], self.negative[rows], self.total[rows])
        else:
            for rows in self.rounds():
                yield rows, bank.close(self.slot[rows], self.start_s[rows], self.negative[rows], self.total[rows])

    def volumes(self, bucket_s: int) -> Iterator[tuple[Slots, VolumeScores]]:
        """Row numbers and scores of each round, by the totals alone."""
        bank = VolumeBank(bucket_s, self.n_series)
        for rows in self.rounds():
            yield rows, bank.close(self.slot[rows], self.total[rows])

    def scored(
        self, bucket_s: int, measure: Measure, calendar: str = UTC
    ) -> Iterator[tuple[Slots, Scores | VolumeScores]]:
        """Row numbers and scores, those of a series in order; volumes know no calendar."""
        return self.volumes(bucket_s) if measure == "volume" else self.surges(bucket_s, calendar)


def _split(read: Iterable[CountRow | Reject]) -> tuple[list[CountRow], list[Reject]]:
    """What can be used, and what was refused."""
    rows: list[CountRow] = []
    refused: list[Reject] = []
    for row in read:
        if isinstance(row, CountRow):
            rows.append(row)
        else:
            refused.append(row)
    return rows, refused


def _on_one_grid(source: Path, rows: list[CountRow], bucket_s: int, told: bool) -> tuple[list[CountRow], list[Reject]]:
    """The rows that lie on their series' grid of `bucket_s` seconds (`told` by the caller or found), and rejects of
    the others.

    Raises CountsError where a series is of another width: it would be scored as if it were of this one.
    """
    table = Table(rows)
    if other := table.of_another_width(bucket_s, told):
        slot, step_s = other
        name = rows[int(np.flatnonzero(table.slot == slot)[0])].series
        raise CountsError(
            f"{source}: mixes widths of buckets: {name} has a row every {step_s} s, where {bucket_s} s are expected; "
            "give files of one width, with a row for every bucket"
        )
    off = set(table.off_grid(bucket_s).tolist())
    reason = f"bucket_start is no whole number of {bucket_s} s after the series' first"
    refused = [Reject(rows[number].line, reason, _text(rows[number])) for number in sorted(off)]
    return [row for number, row in enumerate(rows) if number not in off], refused


def _text(row: CountRow) -> str:
    return f"{row.series},{stamp(row.start_s)},{row.total:g},{row.negative:g}"


class Counts(NamedTuple):
    """Tables that were read: usable rows and refused ones of the counts, and alike of an earlier table; all rows lie on
    their series' grids of `width_s` seconds."""

    rows: list[CountRow]
    refused: list[Reject]
    past: list[CountRow]
    refused_past: list[Reject]
    width_s: int


def read_tables(source: Path, warm_up: Path | None, measure: Measure, bucket_s: int | None = None) -> Counts:
    """The counts of `source` and what `warm_up` says of the time before; without `bucket_s` the width is that of most
    steps. Raises CountsError where a table cannot be read or mixes widths."""
    rows, refused = _split(read_counts(source, measure))
    past, refused_past = _split(read_counts(warm_up, measure)) if warm_up else ([], [])
    width_s = bucket_s or Table(rows).common_step_s() or DEFAULT_BUCKET_S
    rows, off = _on_one_grid(source, rows, width_s, bool(bucket_s))
    past, past_off = _on_one_grid(warm_up or source, past, width_s, bool(bucket_s))
    return Counts(rows, sorted([*refused, *off], key=lambda bad: bad.line), past, [*refused_past, *past_off], width_s)


def stamp(start_s: float) -> str:
    """RFC 3339 in UTC for seconds since 1970, with milliseconds where there are any."""
    digits = "seconds" if start_s.is_integer() else "milliseconds"
    return dt.datetime.fromtimestamp(start_s, dt.UTC).isoformat(timespec=digits).replace("+00:00", "Z")


def follows(history: Iterable[CountRow], rows: Sequence[CountRow]) -> list[CountRow]:
    """The rows of `history` that lie before their series' first of `rows`: nothing is learnt from what comes later."""
    begins: dict[str, float] = {}
    for row in rows:
        begins.setdefault(row.series, row.start_s)
    return [row for row in history if row.start_s < begins.get(row.series, -np.inf)]
