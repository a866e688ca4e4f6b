"""Makes `alerts/sessions.msgpack.gz`, the trading days of exchanges, from the package exchange-calendars (extra `dev`):

python -m deploy.calendars [--out FILE]
"""

import argparse
import math
import warnings
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from alerts.calendars import SEASONS, TABLES, Stretches, pack

EXCHANGES = (
    "XNYS",  # and Nasdaq: the same days and hours
    "XSHG",  # and Shenzhen and Beijing
    "XHKG",
    *("XLON", "XETR", "XPAR", "XSWX", "XTSE", "XTKS", "XKRX", "XTAI", "XSES", "XBOM", "XASX"),
)
SINCE, UNTIL = date(2000, 1, 1), date(2040, 12, 31)
KNOWN_UNTIL = date(2035, 12, 31)  # holidays that follow rules are computed up to here, announced ones up to their last
_DAY = timedelta(days=1)


class Session(NamedTuple):
    """Seconds UTC."""

    opens_s: int
    closes_s: int


def build() -> bytes:
    """Return the file; the same package gives the same bytes."""
    import exchange_calendars

    tables = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the package's, of its own use of pandas
        for name in EXCHANGES:
            kind = type(exchange_calendars.get_calendar(name))
            last = min(_day(kind.bound_max()), KNOWN_UNTIL)
            first = max(_day(kind.bound_min(), SINCE), SINCE)
            tables[name] = _stretches(kind(start=first.isoformat(), end=last.isoformat()), first, last)
    return pack(f"exchange-calendars {version('exchange-calendars')}", tables)


def _day(bound: Any, otherwise: date = KNOWN_UNTIL) -> date:
    return otherwise if bound is None else bound.date()


def _stretches(calendar: Any, first: date, last: date) -> Stretches:
    """The days of an exchange, one after the other: those with a session in three stretches, the others in one.

    Where the package knows no holidays yet, or any more, every working day has a session at the usual hours.
    """
    sessions = _sessions(calendar)
    before = math.floor(_usual(calendar.open_times, last).hour)
    session = math.ceil(max(one.closes_s - one.opens_s for one in sessions.values()) / 3600)
    begins, firsts, lasts = [], [], []
    for day in _days(SINCE, UNTIL):
        opens = _usual(calendar.open_times, day)
        local = datetime.combine(day, opens, calendar.tz)
        hours = sessions.get(day)
        if hours is None and not first <= day <= last and day.weekday() < 5:
            closes = datetime.combine(day, _usual(calendar.close_times, day), calendar.tz)
            hours = Session(_seconds(local), _seconds(closes))
        start_s = _seconds(local - timedelta(hours=before))
        if hours is None:
            rows = [(start_s, SEASONS // 2, SEASONS - 1)]
        else:
            opened, closed = before, before + session
            rows = [
                (start_s, 0, opened - 1),
                (hours.opens_s, opened, closed - 1),
                (hours.closes_s, closed, SEASONS // 2 - 1),
            ]
        begins += [row[0] for row in rows]
        firsts += [row[1] for row in rows]
        lasts += [row[2] for row in rows]
    if any(after <= earlier for earlier, after in pairwise(begins)):
        raise ValueError(f"{calendar.name}: a session reaches into the next day")
    end_s = _seconds(datetime.combine(UNTIL + _DAY, opens, calendar.tz) - timedelta(hours=before))
    return Stretches(
        known=(first.isoformat(), last.isoformat()),
        before=before,
        session=session,
        begins_s=np.array([*begins, end_s], dtype=np.int64),
        first=np.array(firsts, dtype=np.intp),
        last=np.array(lasts, dtype=np.intp),
    )


def _sessions(calendar: Any) -> dict[date, Session]:
    opens, closes = (
        calendar.schedule[column].dt.tz_convert(None).to_numpy().astype("datetime64[s]").astype(np.int64).tolist()
        for column in ("open", "close")
    )
    days = (day.date() for day in calendar.schedule.index)
    return {day: Session(*hours) for day, *hours in zip(days, opens, closes, strict=True)}


def _usual(times: Any, day: date) -> time:
    """What holds on a day of (first day or None, time), in order of the days."""
    return next(at for since, at in reversed(times) if since is None or since.date() <= day)  # type: ignore[no-any-return]


def _days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += _DAY


def _seconds(local: datetime) -> int:
    return int(local.astimezone(UTC).timestamp())


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=TABLES)
    parser.parse_args().out.write_bytes(build())


if __name__ == "__main__":
    main()
