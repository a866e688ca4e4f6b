"""Scoring a table of counts: what stands behind `groundswell detect`.

Reading and refusing rows is `count_rows.py`; the numbers come from the same detector and lifecycle as live alerts.
"""

import csv
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np

from alerts.calendars import UTC, calendar_named
from alerts.count_rows import CountRow, Measure, Reject
from alerts.count_table import Table, follows, read_tables, stamp
from alerts.errors import CountsError
from alerts.events import EventKind
from alerts.lifecycle import Lifecycle, LifecycleState, look_at
from alerts.tails import Floats

HEADER: Final = ("series", "bucket_start", "total", "negative", "expected", "score", "event", "severity")
LEARNING_S: Final = 86400.0  # a series that was never seen before fires nothing in its first day
_WEEK_S: Final = 7 * 86400.0

_EVENT_NAMES: Final[dict[EventKind, str]] = {"fired": "fire", "escalated": "escalate", "resolved": "resolve"}


class Summary(NamedTuple):
    """What a run did. `bucket_s` is the width that was used, `rejects` the file of refused rows, if any; `warmed` the
    rows of history that were learnt from; `fired_a_week` per series; `learning` the series that were seen for less than
    a day by the end, and `learning_until` when the last of them is ready."""

    rows: int
    rejected: int
    series: int
    fired: int
    bucket_s: int
    threshold: float
    rejects: str | None
    warmed: int
    fired_a_week: float
    learning: int
    learning_until: str | None


def detect(
    source: Path,
    out: Path,
    measure: Measure = "negative",
    budget: float = 0.25,
    rejects: Path | None = None,
    bucket_s: int | None = None,
    warm_up: Path | None = None,
    calendar: str = UTC,
) -> Summary:
    """Scores every usable row of `source` (`-`: standard input) and writes them to `out` as CSV, in the same order.

    `budget` is the accepted number of false episodes per series and week. `bucket_s` is the buckets' width in seconds;
    without it, the most common step of the file. `warm_up` is a table of the same kind: what it says of a series before
    the series' first row in `source` is learnt from, and nothing else. All series follow the sessions of the exchange
    `calendar`, or the hours of UTC. Rows that a series lacks are skipped, not taken for silence; those off its grid of
    whole buckets are refused. Refused rows go to `rejects` (default: beside `out`, written only where there are any).

    Raises CountsError where nothing was usable or can be written or widths of buckets are mixed, BudgetError for a
    budget that is not positive, CalendarError for an exchange that is not known.
    """
    lifecycle = Lifecycle.for_budget(budget)  # what is wrong with the call is told before the table is read
    calendar_named(calendar)
    rows, refused, past, refused_past, width_s = read_tables(source, warm_up, measure, bucket_s)
    refused += [Reject(bad.line, f"{warm_up}: {bad.reason}", bad.raw) for bad in refused_past]
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
    past = follows(past, rows)
    table = Table([*past, *rows])
    expected, score, events = _score(table, len(past), width_s, measure, lifecycle, calendar)
    try:
        _write_scores(out, rows, measure, expected, score, events)
    except OSError as error:
        raise CountsError(f"{out}: cannot be written ({error.strerror})") from None
    fired = sum(event == "fire" for event, _ in events.values())
    path = str(rejects_path) if refused or rejects else None
    series_weeks = max(len(rows), 1) * width_s / _WEEK_S
    learning, until = _learning(table, width_s)
    return Summary(
        rows=len(rows),
        rejected=len(refused),
        series=table.n_series,
        fired=fired,
        bucket_s=width_s,
        threshold=lifecycle.up,
        rejects=path,
        warmed=len(past),
        fired_a_week=round(fired / series_weeks, 4),
        learning=learning,
        learning_until=until,
    )


_Events = dict[int, tuple[str, str]]  # row number -> event, severity


def _score(
    table: Table, warmed: int, bucket_s: int, measure: Measure, lifecycle: Lifecycle, calendar: str
) -> tuple[Floats, Floats, _Events]:
    """Expected count, score and events of the rows after the first `warmed` ones, numbered from 0."""
    states = [LifecycleState() for _ in range(table.n_series)]
    expected, score = np.zeros(len(table.slot)), np.zeros(len(table.slot))
    events: _Events = {}
    ready_s = table.begins() + LEARNING_S
    for rows, found in table.scored(bucket_s, measure, calendar):
        slots, start_s = table.slot[rows], table.start_s[rows]
        expected[rows], score[rows] = found.expected, found.score
        high = found.score >= lifecycle.up
        due = np.flatnonzero((rows >= warmed) & (start_s >= ready_s[slots]))
        for i, slot, is_high in zip(due.tolist(), slots[due].tolist(), high[due].tolist(), strict=True):
            if not (is_high or states[slot].firing):
                continue
            look = look_at(found, i, float(start_s[i]), bucket_s)
            states[slot], event, severity = lifecycle.step(states[slot], look)
            if event is not None and severity is not None:
                events[int(rows[i]) - warmed] = _EVENT_NAMES[event], severity
    return expected[warmed:], score[warmed:], events


def _learning(table: Table, bucket_s: int) -> tuple[int, str | None]:
    """How many series were seen for less than the learning time by their last row, and when the last is ready."""
    ready_s = table.begins() + LEARNING_S
    waiting = ready_s[ready_s > table.ends() + bucket_s]
    return len(waiting), stamp(float(waiting.max())) if len(waiting) else None


def _write_scores(
    out: Path, rows: list[CountRow], measure: Measure, expected: Floats, score: Floats, events: _Events
) -> None:
    stamps: dict[float, str] = {}
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for number, (row, mean, tail) in enumerate(zip(rows, expected.tolist(), score.tolist(), strict=True)):
            start = stamps.get(row.start_s) or stamps.setdefault(row.start_s, stamp(row.start_s))
            negative = "" if measure == "volume" else _plain(row.negative)
            event = events.get(number, ("", ""))
            writer.writerow((row.series, start, _plain(row.total), negative, f"{mean:.4f}", f"{tail:.6f}", *event))


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
