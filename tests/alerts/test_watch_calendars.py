"""Claims about series that follow an exchange: the calendar is that of a series' birth, and a holiday is no outage."""

from collections.abc import Sequence

import numpy as np
import pytest

from alerts.calendars import UTC, CalendarOf, calendar_named
from alerts.votes import Minute
from alerts.watch import Watch
from tests.alerts.votes_of_days import DAY_MIN, RULE, START_MIN, days, minutes_of, vote

SESSION_HOURS = range(9, 15)  # the seasons of a session in Shanghai
NEW_YEAR_MIN = START_MIN + 40 * DAY_MIN  # 2026-02-15, a Sunday; no session before the 24th


def shanghai(series: str) -> str:
    return "XSHG" if series.startswith("issuer:") else UTC


def talk_around_sessions(length_days: int) -> list[Minute]:
    """Six companies that are spoken of every ten minutes while Shanghai trades, and every three hours while not."""
    minutes = np.arange(START_MIN, START_MIN + length_days * DAY_MIN, 10, dtype=np.float64)
    trading = np.isin(calendar_named("XSHG").season_of(minutes * 60), SESSION_HOURS)
    spoken = [int(minute) for minute in minutes[trading | (minutes % 180 == 0)]]
    return minutes_of(
        (f"issuer:C{n}", vote(minute, f"{n}-{minute}", negative=minute % 60 == 0))
        for minute in spoken
        for n in range(6)
    )


@pytest.mark.parametrize(("calendar_of", "is_gap"), [(shanghai, False), (lambda _series: UTC, True)])
def test_a_holiday_of_the_exchange_is_no_outage(calendar_of: CalendarOf, is_gap: bool) -> None:
    watch = Watch([RULE], calendar_of=calendar_of)
    minutes = talk_around_sessions(45)
    watch.advance([one for one in minutes if one.minute < NEW_YEAR_MIN], NEW_YEAR_MIN)
    born = watch.born()
    watch.advance([one for one in minutes if one.minute >= NEW_YEAR_MIN], NEW_YEAR_MIN + 5 * DAY_MIN)
    assert (watch.born() != born) == is_gap  # a gap moves births on


def resumed(minutes: Sequence[Minute], cut: int, end: int, first: CalendarOf, then: CalendarOf) -> bytes:
    """The state at the end, written and read again at the cut."""
    watch = Watch([RULE], calendar_of=first)
    watch.advance([one for one in minutes if one.minute < cut], cut)
    watch = Watch.from_bytes(watch.to_bytes(), [RULE], watch.voted, then)
    watch.advance([one for one in minutes if one.minute >= cut], end)
    return watch.to_bytes()


def test_a_series_keeps_the_calendar_that_it_was_born_with() -> None:
    minutes, cut, end = days(2, 3), START_MIN + DAY_MIN + 7, START_MIN + 3 * DAY_MIN
    whole = Watch([RULE], calendar_of=shanghai)
    whole.advance(minutes, end)
    assert resumed(minutes, cut, end, shanghai, shanghai) == whole.to_bytes()
    assert resumed(minutes, cut, end, shanghai, lambda _series: "XNYS") == whole.to_bytes()
    assert resumed(minutes, cut, end, lambda _series: "XNYS", shanghai) != whole.to_bytes()
