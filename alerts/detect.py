"""Scoring a table of counts: what stands behind `groundswell detect`. All series advance together, one bucket a round.

Reading and refusing rows is `count_rows.py`; the numbers come from the same detector and lifecycle as live alerts.
"""

import csv
import datetime as dt
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np

from alerts.count_rows import CountRow, Measure, Reject, read_counts
from alerts.detector import Scores, Slots, SurgeBank
from alerts.errors import CountsError
from alerts.events import EventKind
from alerts.lifecycle import Lifecycle, LifecycleState, look_at
from alerts.tails import Floats
from alerts.volume import VolumeBank, VolumeScores

HEADER: Final = ("series", "bucket_start", "total", "negative", "expected", "score", "event", "severity")
DEFAULT_BUCKET_S: Final = 900

_EVENT_NAMES: Final[dict[EventKind, str]] = {"fired": "fire", "escalated": "escalate", "resolved": "resolve"}


class Summary(NamedTuple):
    """What a run did. `bucket_s` is the width that was used, `rejects` the file of refused rows, if any."""

    rows: int
    rejected: int
    series: int
    fired: int
    bucket_s: int
    threshold: float
    rejects: str | None


def detect(
    source: Path,
    out: Path,
    measure: Measure = "negative",
    budget: float = 0.25,
    rejects: Path | None = None,
    bucket_s: int | None = None,
) -> Summary:
    """Scores every usable row of `source` (`-`: standard input) and writes them to `out` as CSV, in the same order.

    `budget` is the accepted number of false episodes per series and week. `bucket_s` is the buckets' width in seconds;
    without it, the most common step of the file. Rows that a series lacks are skipped, not taken for silence. Refused
    rows go to `rejects` (default: beside `out`, written only where there are any).
    Raises CountsError where nothing was usable or can be written, BudgetError for a budget that is not positive.
    """
    Lifecycle.for_budget(budget)  # a wrong budget is refused before the table is read
    rows, refused = _split(read_counts(source, measure))
    rejects_path = rejects or out.with_name(f"{out.stem}.rejects.jsonl")
    try:
        _write_rejects(rejects_path, refused, always=rejects is not None)
    except OSError as error:
        raise CountsError(f"{rejects_path}: cannot be written ({error.strerror})") from None
    if refused and not rows:
        first = refused[0]
        raise CountsError(
            f"{source}: none of {len(refused)} rows is usable (line {first.line}: {first.reason}); see {rejects_path}"
        )
    table = _Table(rows)
    width_s = bucket_s or table.common_step_s() or DEFAULT_BUCKET_S
    lifecycle = Lifecycle.for_budget(budget)
    expected, score, events = _score(table, width_s, measure, lifecycle)
    try:
        _write_scores(out, rows, measure, expected, score, events)
    except OSError as error:
        raise CountsError(f"{out}: cannot be written ({error.strerror})") from None
    fired = sum(event == "fire" for event, _ in events.values())
    path = str(rejects_path) if refused or rejects else None
    return Summary(len(rows), len(refused), table.n_series, fired, width_s, lifecycle.up, path)


class _Table:
    """The rows as arrays of shape (rows,), and the rounds in which they are scored."""

    def __init__(self, rows: list[CountRow]) -> None:
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

    def rounds(self) -> Iterable[Slots]:
        """Row numbers, split so that the r-th round holds the r-th row of every series."""
        order = np.argsort(self.slot, kind="stable")
        sizes = np.bincount(self.slot, minlength=self.n_series)
        first_of_series = np.repeat(np.cumsum(sizes) - sizes, sizes)
        turn = np.empty(len(order), dtype=np.intp)
        turn[order] = np.arange(len(order)) - first_of_series
        by_turn = np.argsort(turn, kind="stable")
        return np.split(by_turn, np.cumsum(np.bincount(turn))[:-1])


_Events = dict[int, tuple[str, str]]  # row number -> event, severity


def _score(table: _Table, bucket_s: int, measure: Measure, lifecycle: Lifecycle) -> tuple[Floats, Floats, _Events]:
    close = _closer(table, bucket_s, measure)
    states = [LifecycleState() for _ in range(table.n_series)]
    expected, score = np.zeros(len(table.slot)), np.zeros(len(table.slot))
    events: _Events = {}
    firing = np.zeros(table.n_series, dtype=np.bool_)
    for rows in table.rounds() if len(table.slot) else ():
        slots, start_s = table.slot[rows], table.start_s[rows]
        found = close(rows)
        expected[rows], score[rows] = found.expected, found.score
        for i in np.flatnonzero((found.score >= lifecycle.up) | firing[slots]):
            slot = slots[i]
            look = look_at(found, int(i), float(start_s[i]), bucket_s)
            states[slot], event, severity = lifecycle.step(states[slot], look)
            firing[slot] = states[slot].firing
            if event is not None and severity is not None:
                events[int(rows[i])] = _EVENT_NAMES[event], severity
    return expected, score, events


def _closer(table: _Table, bucket_s: int, measure: Measure) -> Callable[[Slots], Scores | VolumeScores]:
    """Scores the rows of a round, and learns from them."""
    if measure == "volume":
        volume = VolumeBank(bucket_s, table.n_series)
        return lambda rows: volume.close(table.slot[rows], table.start_s[rows], table.total[rows])
    bank = SurgeBank(bucket_s)
    bank.add(table.n_series)
    return lambda rows: bank.close(table.slot[rows], table.start_s[rows], table.negative[rows], table.total[rows])


def _split(read: Iterable[CountRow | Reject]) -> tuple[list[CountRow], list[Reject]]:
    rows: list[CountRow] = []
    refused: list[Reject] = []
    for row in read:
        if isinstance(row, CountRow):
            rows.append(row)
        else:
            refused.append(row)
    return rows, refused


def _write_scores(
    out: Path, rows: list[CountRow], measure: Measure, expected: Floats, score: Floats, events: _Events
) -> None:
    stamps: dict[float, str] = {}
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for number, (row, mean, tail) in enumerate(zip(rows, expected.tolist(), score.tolist(), strict=True)):
            stamp = stamps.get(row.start_s) or stamps.setdefault(row.start_s, _stamp(row.start_s))
            negative = "" if measure == "volume" else _plain(row.negative)
            event = events.get(number, ("", ""))
            writer.writerow((row.series, stamp, _plain(row.total), negative, f"{mean:.4f}", f"{tail:.6f}", *event))


def _write_rejects(path: Path, refused: list[Reject], always: bool) -> None:
    if refused or always:
        lines = (msgspec.json.encode(_printable(reject)) + b"\n" for reject in refused)
        path.write_bytes(b"".join(lines))
    else:
        path.unlink(missing_ok=True)  # what an earlier run refused would be taken for this one's


def _printable(reject: Reject) -> Reject:
    raw = reject.raw.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return Reject(reject.line, reject.reason, raw)


def _plain(count: float) -> str:
    return str(int(count)) if count.is_integer() else repr(count)


def _stamp(start_s: float) -> str:
    moment = dt.datetime.fromtimestamp(start_s, dt.UTC)
    digits = "seconds" if start_s.is_integer() else "milliseconds"
    return moment.isoformat(timespec=digits).replace("+00:00", "Z")
