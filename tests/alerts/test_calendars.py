"""Claims about calendars: every moment has one season; sessions, holidays and summer time are those of the exchange."""

import warnings
from datetime import UTC as UTC_ZONE
from datetime import date, datetime, time, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.calendars import SAME, SEASONS, TABLES, UTC, calendar_named
from alerts.errors import CalendarError
from deploy.calendars import EXCHANGES as TABLED
from deploy.calendars import build

EXCHANGES = (*TABLED, *SAME)
MOMENTS = st.floats(-1e11, 1e12) | st.integers(946_684_800, 2_300_000_000).map(float)


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def season(exchange: str, text: str) -> int:
    return int(calendar_named(exchange).season_of(np.array([at(text)]))[0])


def hours(exchange: str, start: str) -> list[int]:
    """The seasons of the 24 hours from a moment on."""
    moments = at(start) + np.arange(0, 24 * 3600, 3600, dtype=np.float64)
    return [int(one) for one in calendar_named(exchange).season_of(moments)]


@settings(deadline=None)
@given(st.sampled_from((UTC, *EXCHANGES)), st.lists(MOMENTS, min_size=1, max_size=20))
def test_every_moment_has_one_season_whatever_it_is_asked_with(exchange: str, moments: list[float]) -> None:
    found = calendar_named(exchange).season_of(np.array(moments))
    assert ((found >= 0) & (found < SEASONS)).all()
    assert [int(calendar_named(exchange).season_of(np.array([one]))[0]) for one in moments] == found.tolist()


@settings(deadline=None)
@given(st.integers(-(10**8), 10**8))
def test_without_an_exchange_a_season_is_an_hour_of_utc_on_a_working_day_or_weekend(quarter: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC_ZONE) + timedelta(minutes=15) * (quarter % 10**7)
    found = calendar_named(UTC).season_of(np.array([moment.timestamp()]))
    assert found.tolist() == [moment.hour + 24 * (moment.weekday() >= 5)]


@pytest.mark.parametrize(
    ("exchange", "winter", "summer"),
    [
        ("XNYS", "2026-03-06T05:30Z", "2026-03-09T04:30Z"),
        ("XNAS", "2026-11-02T05:30Z", "2026-10-30T04:30Z"),
        ("XLON", "2026-03-27T00:00Z", "2026-03-29T23:00Z"),
        ("XETR", "2026-03-26T23:00Z", "2026-03-29T22:00Z"),
    ],
)
def test_summer_time_moves_the_hours_of_utc_and_no_season(exchange: str, winter: str, summer: str) -> None:
    assert hours(exchange, winter) == hours(exchange, summer)
    assert season(UTC, winter) != season(UTC, summer)


def test_a_session_day_of_new_york_begins_before_the_open_and_tells_open_and_close_apart() -> None:
    assert season("XNYS", "2026-01-06T05:29Z") == SEASONS // 2 - 1  # what is left of Monday evening
    assert hours("XNYS", "2026-01-06T05:30Z")[:16] == list(range(16))
    assert season("XNYS", "2026-01-06T14:29Z") == 8
    assert season("XNYS", "2026-01-06T14:30Z") == 9  # the open, 9:30 in New York
    assert season("XNYS", "2026-01-06T20:59Z") == 15
    assert season("XNYS", "2026-01-06T21:00Z") == 16  # the close


@pytest.mark.parametrize("moment", ["2026-11-27T18:00Z", "2026-12-24T18:00Z", "2026-01-06T21:00Z"])
def test_after_an_early_close_come_the_hours_after_a_close(moment: str) -> None:
    assert season("XNYS", moment) == 16
    assert season("XNYS", (datetime.fromisoformat(moment) - timedelta(minutes=1)).isoformat()) < 16


@pytest.mark.parametrize(
    ("exchange", "holiday"),
    [
        ("XNYS", "2026-11-26"),  # Thanksgiving
        ("XNYS", "2026-01-03"),  # a Saturday
        ("XSHG", "2026-02-17"),  # Chinese New Year
        ("XSHE", "2026-10-01"),  # Golden Week
        ("BJSE", "2026-10-07"),
        ("XHKG", "2026-02-17"),
        ("XTKS", "2026-05-04"),
    ],
)
def test_a_holiday_has_no_session_from_its_first_hour_to_its_last(exchange: str, holiday: str) -> None:
    noon = datetime.fromisoformat(f"{holiday}T12:00-05:00" if exchange == "XNYS" else f"{holiday}T12:00+08:00")
    around = (noon + timedelta(hours=hour) for hour in range(-10, 11))
    assert min(season(exchange, one.isoformat()) for one in around) >= SEASONS // 2


def test_lunch_in_shanghai_has_an_hour_of_its_own() -> None:
    assert season("XSHG", "2026-01-06T11:29+08:00") != season("XSHG", "2026-01-06T11:45+08:00")
    assert season("XSHG", "2026-01-06T11:45+08:00") != season("XSHG", "2026-01-06T13:30+08:00")


def test_where_holidays_are_not_known_working_days_have_a_session_at_the_local_hours() -> None:
    assert season("XSHG", "2031-10-01T10:00+08:00") == season("XSHG", "2026-01-06T10:00+08:00")
    assert season("XSHG", "2031-10-04T10:00+08:00") >= SEASONS // 2
    assert season("XNYS", "2039-07-05T09:30-04:00") == season("XNYS", "2026-01-06T09:30-05:00")
    assert season("XNYS", "2531-01-05T09:30-05:00") == season("XNYS", "1891-01-05T09:30-05:00") == 9  # Mondays both
    assert "holidays are known from 2000-01-01 to " in calendar_named("XSHG").describe(at("2031-10-01T10:00+08:00"))


@pytest.mark.parametrize(
    ("exchange", "moment", "words"),
    [
        (UTC, "2026-01-06T14:30Z", "14:00 UTC of a working day"),
        (UTC, "2026-01-10T00:00Z", "00:00 UTC of a weekend"),
        ("XNAS", "2026-01-06T14:00Z", "XNAS: hour 1 before the open"),
        ("XNAS", "2026-01-06T14:30Z", "XNAS: hour 1 of the session"),
        ("XNAS", "2026-01-06T22:30Z", "XNAS: hour 2 after the close"),
        ("XNAS", "2026-01-10T12:00Z", "XNAS: hour 7 of a day without a session"),
    ],
)
def test_an_hour_is_said_in_words(exchange: str, moment: str, words: str) -> None:
    assert calendar_named(exchange).describe(at(moment)) == words


@pytest.mark.parametrize("exchange", [UTC, *EXCHANGES])
def test_an_average_day_has_24_hours_of_all_seasons(exchange: str) -> None:
    visits = calendar_named(exchange).visits
    assert visits.sum() == pytest.approx(24)
    assert visits[SEASONS // 2 :].sum() == pytest.approx(24 * (2 / 7 if exchange == UTC else 0.32), abs=0.7)


@pytest.mark.parametrize("name", ["XXXX", "xnys", "NYSE", " "])
def test_an_exchange_that_is_not_known_is_told_in_one_line_with_those_that_are(name: str) -> None:
    with pytest.raises(CalendarError, match=f"unknown calendar '{name}'; known are BJSE, .*XNAS, XNYS") as error:
        calendar_named(name)
    assert "\n" not in str(error.value)


@pytest.mark.slow
def test_the_tables_are_those_of_the_package() -> None:
    """Where the package is renewed, `python -m deploy.calendars` renews them."""
    assert build() == TABLES.read_bytes()


def test_every_session_of_the_package_opens_and_closes_where_the_tables_say() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import exchange_calendars

        schedule = exchange_calendars.get_calendar("XHKG", start="2009-01-01", end="2026-12-31").schedule
        opens, closes = (schedule[name].dt.tz_convert(None).to_numpy() for name in ("open", "close"))
    seconds = [part.astype("datetime64[s]").astype(np.float64) for part in (opens, closes)]
    hong_kong = calendar_named("XHKG")
    assert set(hong_kong.season_of(seconds[0])) == {9}
    assert set(hong_kong.season_of(seconds[1])) == {16}
    sessions = {day.date() for day in schedule.index}
    noons = [date(2009, 1, 1) + timedelta(days=n) for n in range(6573)]
    found = hong_kong.season_of(np.array([datetime.combine(day, time(4), UTC_ZONE).timestamp() for day in noons]))
    assert [day in sessions for day in noons] == (found < SEASONS // 2).tolist()
