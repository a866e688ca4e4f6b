"""Which of 48 seasons a moment belongs to: by the sessions of an exchange, or by the hours of UTC. Sessions come from
`sessions.msgpack.gz`, which `deploy/calendars.py` makes; no clock and no time zones here.
"""

import datetime as dt
import gzip
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from alerts.errors import CalendarError
from alerts.tails import Floats

SEASONS: Final = 48
UTC: Final = ""  # the calendar of a series of which no exchange is known
TABLES: Final = Path(__file__).parent / "sessions.msgpack.gz"
CalendarOf = Callable[[str], str]  # the calendar of a series, by its name
SAME: Final = {"XNAS": "XNYS", "XSHE": "XSHG", "BJSE": "XSHG"}  # of the same days and hours

_HOUR_S: Final = 3600
_WEEK_S: Final = 7 * 86400


class Stretches(NamedTuple):
    """A calendar as stretches of time, the next where one ends.

    Stretch i is [begins_s[i], begins_s[i + 1]) in seconds UTC; its first hour has the season `first[i]`, each further
    hour the next one, up to `last[i]`, which has the rest. Days with a session have the seasons 0 to 23: `before`
    hours before it, `session` hours of it, then those after; days without have 24 to 47. Holidays are `known` on the
    days from the first to the last, in ISO format; beyond, every working day has a session.
    """

    known: tuple[str, str]
    before: int
    session: int
    begins_s: NDArray[np.int64]
    first: NDArray[np.intp]
    last: NDArray[np.intp]


class Calendar:
    """A calendar of stretches; beyond them, their first and their last week repeat. `name` is the exchange's MIC,
    `known` the first and the last day whose holidays are known."""

    def __init__(self, name: str, stretches: Stretches) -> None:
        self.name, self.known = name, stretches.known
        self._before, self._session = stretches.before, stretches.session
        self._begins_s = stretches.begins_s[:-1].astype(np.float64)
        self._start_s, self._end_s = float(stretches.begins_s[0]), float(stretches.begins_s[-1])
        self._first, self._last = stretches.first, stretches.last

    def season_of(self, start_s: Floats) -> NDArray[np.intp]:
        """Seasons of moments in seconds UTC, in [0, SEASONS); same shape."""
        early, late = start_s - self._start_s, start_s - self._end_s
        start_s = np.where(early < 0, self._start_s + early % _WEEK_S, start_s)
        start_s = np.where(late >= 0, self._end_s - _WEEK_S + late % _WEEK_S, start_s)
        at = np.searchsorted(self._begins_s, start_s, side="right") - 1
        hours = ((start_s - self._begins_s[at]) // _HOUR_S).astype(np.intp)
        season: NDArray[np.intp] = np.minimum(self._first[at] + hours, self._last[at])
        return season

    def describe(self, start_s: float) -> str:
        """What a moment's hour is in this calendar, in words."""
        season = int(self.season_of(np.array([start_s]))[0])
        words, day = self._words(season), dt.datetime.fromtimestamp(start_s, dt.UTC).date().isoformat()
        if not self.known[0] <= day <= self.known[1]:
            words += f" (holidays are known from {self.known[0]} to {self.known[1]})"
        return words

    def _words(self, season: int) -> str:
        hour, has_session = season % (SEASONS // 2), season < SEASONS // 2
        if self.name == UTC:
            return f"{hour:02}:00 UTC of a {'working day' if has_session else 'weekend'}"
        if not has_session:
            return f"{self.name}: hour {hour + 1} of a day without a session"
        if hour < self._before:
            return f"{self.name}: hour {self._before - hour} before the open"
        if hour < self._before + self._session:
            return f"{self.name}: hour {hour - self._before + 1} of the session"
        return f"{self.name}: hour {hour - self._before - self._session + 1} after the close"

    @cached_property
    def visits(self) -> Floats:
        """How many hours an average day has of each season; shape (SEASONS,)."""
        lengths = np.diff(self._begins_s, append=self._end_s) / _HOUR_S
        seen = np.zeros(SEASONS)
        for hour in range(SEASONS // 2):
            season = self._first + hour
            is_last = season == self._last
            part = np.clip(lengths - hour, 0.0, np.where(is_last, np.inf, 1.0))
            has = season <= self._last
            seen += np.bincount(season[has], weights=part[has], minlength=SEASONS)
        hours_a_day: Floats = seen * 24 / seen.sum()
        return hours_a_day


class Calendars:
    """The calendars of many series, by numbers given out as they come; 0 is that of UTC hours."""

    def __init__(self, names: Sequence[str] = (UTC,)) -> None:
        self._calendars = [calendar_named(name) for name in names]

    @property
    def names(self) -> list[str]:
        """In the order of their numbers."""
        return [one.name for one in self._calendars]

    def number(self, name: str) -> int:
        """The number of a calendar, a new one where it has none. Raises CalendarError for an unknown name."""
        if name not in self.names:
            self._calendars.append(calendar_named(name))
        return self.names.index(name)

    def season_of(self, numbers: NDArray[np.intp], start_s: Floats) -> NDArray[np.intp]:
        """Seasons of moments in seconds UTC by the calendars of these numbers, all of shape (rows,)."""
        if len(numbers) and (numbers == numbers[0]).all():
            return self._calendars[int(numbers[0])].season_of(start_s)
        season = np.empty(len(start_s), dtype=np.intp)
        for number, one in enumerate(self._calendars):
            rows = numbers == number
            season[rows] = one.season_of(start_s[rows])
        return season

    def visits(self, numbers: NDArray[np.intp]) -> Floats:
        """How many hours an average day has of each season; shape (rows, SEASONS)."""
        return np.stack([one.visits for one in self._calendars])[numbers]


class _Table(msgspec.Struct, array_like=True):
    """Begins in minutes, each less the one before; all in little endian."""

    known: tuple[str, str]
    before: int
    session: int
    begins: bytes
    first: bytes
    last: bytes


class _Tables(msgspec.Struct):
    source: str
    tables: dict[str, _Table]


def pack(source: str, tables: Mapping[str, Stretches]) -> bytes:
    """Return tables as the file holds them; the same tables always give the same bytes."""
    packed = {
        name: _Table(
            one.known,
            one.before,
            one.session,
            np.diff(one.begins_s // 60, prepend=0).astype("<i4").tobytes(),
            one.first.astype("u1").tobytes(),
            one.last.astype("u1").tobytes(),
        )
        for name, one in tables.items()
    }
    return gzip.compress(msgspec.msgpack.encode(_Tables(source, packed)), 9, mtime=0)


@lru_cache(maxsize=1)
def _tables() -> _Tables:
    return msgspec.msgpack.decode(gzip.decompress(TABLES.read_bytes()), type=_Tables)


@lru_cache
def calendar_named(name: str) -> Calendar:
    """Return the calendar of an exchange by its MIC, such as XNYS, or that of UTC hours. Raises CalendarError."""
    if name == UTC:
        return Calendar(UTC, _utc())
    tables = _tables().tables
    if SAME.get(name, name) not in tables:
        raise CalendarError(f"unknown calendar '{name}'; known are {', '.join(sorted([*tables, *SAME]))}")
    table = tables[SAME.get(name, name)]
    begins_s = np.cumsum(np.frombuffer(table.begins, "<i4").astype(np.int64)) * 60
    first, last = (np.frombuffer(part, "u1").astype(np.intp) for part in (table.first, table.last))
    return Calendar(name, Stretches(table.known, table.before, table.session, begins_s, first, last))


def utc_hours(_series: str) -> str:
    """A `CalendarOf` where no exchange is known."""
    return UTC


def _utc() -> Stretches:
    """A week of UTC, Monday to Sunday: working days, Saturday and Sunday without a session."""
    begins_s = (4 + np.arange(8)) * 86400  # 1970-01-05 was a Monday
    first = np.where(np.arange(7) < 5, 0, SEASONS // 2)
    return Stretches(("0001-01-01", "9999-12-31"), 0, SEASONS // 2, begins_s, first, first + SEASONS // 2 - 1)
