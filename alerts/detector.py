"""The surge detector: counts of many series in, scores out, with the state of every series in NumPy arrays.

One numeric path for live, embedded, replay and `groundswell detect`. It knows no thresholds and raises no alerts
(`lifecycle.py`), no names of series and no clock: a series is a slot, and time is a parameter.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Final, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from alerts import past
from alerts.baseline import FRESH, Baseline, Bucket, Run, Usual
from alerts.calendars import UTC, Calendars
from alerts.errors import CalendarError, StateError
from alerts.falses import FalseAlarms
from alerts.tails import Floats
from alerts.weigher import Scores, Weigher

__all__ = ["SCHEMA", "Scores", "Slots", "SurgeBank"]

Slots = NDArray[np.intp]

SCHEMA: Final = 3
BLOCK: Final = 1024  # series closed at a time: their numbers stay in the processor's cache, and memory stays flat


class _Snapshot(msgspec.Struct, frozen=True):
    schema: int
    bucket_s: int
    size: int
    arrays: dict[str, bytes]
    calendars: tuple[str, ...] = (UTC,)


class SurgeBank:
    """The detector's state of many series; the first axis of each array is the series' slot.

    `bucket_s` is the bucket's width in seconds. Every bucket of a series is closed once, in time order, empty ones too.
    Results of a series depend on its own buckets alone, to the last bit, whichever others share the call. What is
    ordinary is learnt in `baseline.py`, weighed by a `weigher`, and its false alarms are counted in `falses.py`.
    """

    weigher: ClassVar[type[Weigher]] = Weigher

    def __init__(self, bucket_s: int = 900, calendars: Sequence[str] = (UTC,)) -> None:
        self.bucket_s, self.size = bucket_s, 0
        self._calendars = Calendars(calendars)
        self._baseline, self._weigher = Baseline(bucket_s, self._calendars), self.weigher(bucket_s)
        self._falses = self._weigher.falses
        usual = self._baseline.usual({name: array[None] for name, array in FRESH.items()}, np.zeros(1, np.intp))
        none = np.zeros(1)
        before = past.columns(none, none, usual._replace(votes=none)).astype(np.float32)
        self._fresh: dict[str, NDArray[Any]] = {
            **FRESH,
            "past": np.repeat(before, self._weigher.longest - 1, axis=1),  # the bulk of the state
            "falses": FalseAlarms.FRESH,
            "closed": np.array(0.0),
        }
        self._state = {name: np.zeros((0, *v.shape), v.dtype) for name, v in self._fresh.items()}

    def add(self, n: int = 1, calendar: str = UTC) -> Slots:
        """Makes `n` new series of a calendar and returns their slots; room grows by doubling.

        Raises CalendarError for one that is not known.
        """
        number = self._calendars.number(calendar)
        first, self.size = self.size, self.size + n
        capacity = len(self._state["closed"])
        if self.size > capacity:
            more = max(self.size, 2 * capacity) - capacity
            for name, fresh in self._fresh.items():
                rows = np.broadcast_to(fresh, (more, *fresh.shape))
                self._state[name] = np.concatenate([self._state[name], rows])
        self._state["calendar"][first : self.size] = number
        return np.arange(first, self.size, dtype=np.intp)

    def close(self, slots: Slots, start_s: Floats, negatives: Floats, totals: Floats) -> Scores:
        """Scores one full bucket of each given series, then learns from it.

        All arrays have shape (rows,); slots are distinct; `start_s` is the bucket's start in seconds UTC.
        """
        blocks = (slice(first, first + BLOCK) for first in range(0, max(1, len(slots)), BLOCK))
        found = [self._close(slots[of], start_s[of], negatives[of], totals[of]) for of in blocks]
        return found[0] if len(found) == 1 else Scores(*map(np.concatenate, zip(*found, strict=True)))

    def close_run(self, slot: int, start_s: Floats, negatives: Floats, totals: Floats) -> Scores:
        """Closes consecutive buckets of one series; to the last bit what `close` does with one after the other.

        All arrays have shape (buckets,), at least one; some kilobytes are used for each. What the next bucket is judged
        by is learnt in plain floats; the evidence, from which only the count of false alarms learns, is weighed for all
        at once.
        """
        slots = np.array([slot])
        rows, before = self._rows(slots), self._state["past"][slot]
        last = self._baseline.waver_buckets - 1
        counts = past.of_one(np.stack([negatives, totals]), before[:2])[:, :, : last + 1].cumsum(axis=2)[:, :, last]
        run = Run(self._baseline.season(rows, start_s).tolist(), *np.stack([negatives, totals, *counts.T]).tolist())
        usual = self._baseline.follow(rows, run, float(rows["closed"][0]), before[3])
        history = past.of_one(past.columns(negatives, totals, usual), before)
        found = self._weigher.weigh(history, usual)
        scores = self._weigher.scores(usual, found, self._falses.follow(rows["falses"], found.telling()))
        rows["past"] = history[-1:, :, :-1]
        rows["closed"] += len(start_s)
        self._put(slots, rows)
        return scores

    def peek(
        self, slots: Slots, start_s: Floats, negatives: Floats, totals: Floats, elapsed: float | Floats = 1.0
    ) -> Scores:
        """Scores like `close` and learns nothing; `elapsed` is the share of the bucket that has passed, in (0, 1]."""
        rows = self._rows(slots)
        usual = self._baseline.usual(rows, self._baseline.season(rows, start_s))
        usual = usual._replace(votes=usual.votes * np.maximum(elapsed, 0.05))
        history = past.of_many(past.columns(negatives, totals, usual), rows["past"])
        return self._weigher.scores(usual, self._weigher.weigh(history, usual), rows["falses"])

    def begin_as_part(self, slot: int, whole: "SurgeBank", of: int) -> None:
        """Begins a new series as a part of the series `of` in the bank `whole`: it knows what was said there until now,
        none of which was a hit."""
        for name in ("rate", "season", "level", "share", "near", "past", "closed"):
            self._state[name][slot] = whole._state[name][of]
        mine = self._rows(np.array([slot]))
        mine["share"][:, 0] = mine["near"][:, 0] = mine["past"][:, 0] = 0.0
        mine["past"][:, 3] = self._baseline.usual(mine, np.zeros(1, np.intp)).share[:, None]
        self._put(np.array([slot]), mine)

    def skip(self, slots: Slots, buckets: Floats) -> None:
        """Ages series by many empty buckets at once, in closed form (seasons taken at their mean of 1).

        `buckets` has shape (rows,), how many to skip for each slot. Differs from closing them one by one only in
        what an empty night or weekend would have taught beyond the mean.
        """
        rows = self._rows(slots)
        self._baseline.skip(rows, buckets)
        self._falses.skip(rows["falses"], buckets)
        usual = self._baseline.usual(rows, np.zeros(len(slots), np.intp))
        none = np.zeros(len(slots))
        rows["past"][:] = past.columns(none, none, usual._replace(votes=usual.rate)).T[:, :, None]
        rows["closed"] += buckets
        self._put(slots, rows)

    def usual(self, slots: Slots, start_s: Floats) -> Usual[Floats]:
        """What is ordinary for a bucket of each series; shapes as in `close`."""
        rows = {name: self._state[name][slots] for name in FRESH}
        return self._baseline.usual(rows, self._baseline.season(rows, start_s))

    def votes_expected(self, slots: Slots, start_s: Floats) -> Floats:
        """How many votes a full bucket of each series would ordinarily bring; shapes as in `close`."""
        usual = self.usual(slots, start_s)
        votes: Floats = usual.votes * usual.level_shape / usual.level_rate
        return votes

    def state(self) -> dict[str, NDArray[Any]]:
        """A copy of every array, each of shape (size, …)."""
        return {name: array[: self.size].copy() for name, array in self._state.items()}

    @classmethod
    def from_state(cls, state: dict[str, NDArray[Any]], bucket_s: int, calendars: Sequence[str] = (UTC,)) -> Self:
        """The bank that `state` was taken from; raises StateError where the arrays are not this version's."""
        try:
            bank = cls(bucket_s, calendars)
        except CalendarError as error:
            raise StateError(f"detector state: {error}; start it cold or use the version that wrote it") from None
        size = len(state.get("closed", ()))
        for name, fresh in bank._fresh.items():
            if name not in state or state[name].shape != (size, *fresh.shape):
                raise StateError(f"detector state: array '{name}' is missing or has another shape; start it cold")
            bank._state[name] = np.array(state[name], dtype=fresh.dtype)
        if not np.isin(bank._state["calendar"], np.arange(len(calendars))).all():
            raise StateError("detector state: a series has no calendar; start it cold")
        bank.size = size
        return bank

    def to_bytes(self) -> bytes:
        """The whole state as msgpack, exact to the last bit, with a schema number."""
        arrays = {name: _little(array).tobytes() for name, array in self.state().items()}
        return msgspec.msgpack.encode(_Snapshot(SCHEMA, self.bucket_s, self.size, arrays, tuple(self._calendars.names)))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Reads `to_bytes`; raises StateError where it is damaged or of another schema."""
        try:
            snapshot = msgspec.msgpack.decode(data, type=_Snapshot)
        except msgspec.MsgspecError as error:
            raise StateError(f"detector state cannot be read ({error}); start it cold or use another one") from error
        if snapshot.schema != SCHEMA:
            raise StateError(f"detector state has schema {snapshot.schema}, this version reads {SCHEMA}; rebuild it")
        try:
            arrays = {
                name: np.frombuffer(snapshot.arrays[name], dtype=_little(value).dtype).reshape(
                    snapshot.size, *value.shape
                )
                for name, value in cls(snapshot.bucket_s)._fresh.items()
            }
        except (KeyError, ValueError) as error:
            raise StateError(f"detector state is incomplete ({error}); start it cold or use another one") from error
        return cls.from_state(arrays, snapshot.bucket_s, snapshot.calendars)

    def _rows(self, slots: Slots) -> dict[str, NDArray[Any]]:
        return {name: array[slots] for name, array in self._state.items()}

    def _close(self, slots: Slots, start_s: Floats, negatives: Floats, totals: Floats) -> Scores:
        rows = self._rows(slots)
        season = self._baseline.season(rows, start_s)
        usual = self._baseline.usual(rows, season)
        history = past.of_many(past.columns(negatives, totals, usual), rows["past"])
        found = self._weigher.weigh(history, usual)
        scores = self._weigher.scores(usual, found, rows["falses"])
        self._falses.learn(rows["falses"], found.telling())
        last = self._baseline.waver_buckets - 1
        window = found.running[:, 0, last], found.running[:, 1, last], history[:, 3, last]
        self._baseline.learn(rows, season, usual, Bucket(negatives, totals, *window, rows["closed"] > last))
        rows["past"] = history[:, :, :-1]
        rows["closed"] += 1.0
        self._put(slots, rows)
        return scores

    def _put(self, slots: Slots, rows: dict[str, NDArray[Any]]) -> None:
        for name, array in rows.items():
            self._state[name][slots] = array


def _little(array: NDArray[Any]) -> NDArray[Any]:
    return array.astype(array.dtype.newbyteorder("<"), copy=False)
