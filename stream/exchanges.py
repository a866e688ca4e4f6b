"""Which exchange's calendar a series follows: a company's that of its primary listing, any other that of the settings.
Told by the series' name alone, so that live and replay agree.
"""

from typing import Final

from alerts.calendars import CalendarOf, calendar_named
from stream.linking import market_of

_CALENDARS: Final = {"US": "XNYS", "SH": "XSHG", "SZ": "XSHE", "BJ": "BJSE", "HK": "XHKG"}


def calendars_with(other: str) -> CalendarOf:
    """The calendar of each series, with `other` for those of no company. Raises CalendarError where it is not known."""
    calendar_named(other)

    def calendar_of(series: str) -> str:
        kind, _, key = series.partition(":")
        return _CALENDARS[market_of(key.partition("|")[0])] if kind in ("issuer", "issuer_topic") else other

    return calendar_of


def unknown_on(day: str, other: str) -> dict[str, str]:
    """The exchanges whose holidays are not known on a day, such as 2026-01-05, each with the last one that is."""
    known = {name: calendar_named(name).known[1] for name in (*_CALENDARS.values(), other)}
    return {name: last for name, last in known.items() if last < day}
