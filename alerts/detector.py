"""The surge detector: counts of many series in, scores out, with the state of every series in NumPy arrays.

One numeric path for live, embedded, replay and `groundswell detect`. It knows no thresholds and raises no alerts
(`lifecycle.py`), no names of series and no clock: a series is a slot, and time is a parameter.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from alerts import likelihood, past
from alerts.baseline import FRESH, Baseline, Bucket, Run, Usual
from alerts.calendars import UTC, Calendars
from alerts.errors import CalendarError, StateError
from alerts.falses import FalseAlarms
from alerts.likelihood import LEVEL_SHAPE, RECENT_S, VOLUME_CLUMPING, Evidence
from alerts.tails import Floats

__all__ = ["SCHEMA", "Scores", "Slots", "SurgeBank"]

Slots = NDArray[np.intp]

SCHEMA: Final = 3
SCORE_DECIMALS: Final = 6
BLOCK: Final = 1024  # series closed at a time: their numbers stay in the processor's cache, and memory stays flat


class Scores(NamedTuple):
    """What one call found, row by row; every field has shape (rows,). Logarithms are decimal and rounded."""

    score: Floats  # −log10 of the chance that an ordinary quarter of an hour begins an episode as high
    recent: Floats  # the same by the last 4 h alone
    evidence: Floats  # log10 of how much likelier a surge makes the last 12 h than an ordinary day does, or 0
    negatives_4h: Floats
    totals_4h: Floats
    expected: Floats  # negatives expected in this bucket, as much being said as there is
    expected_variance: Floats  # of a negative binomial, for `interval_80`
    usual_share: Floats  # of negatives among all, in [0, 1]
    window: NDArray[np.int64]  # the deciding one, in buckets: that with the largest part of the evidence
    window_negatives: Floats  # in the deciding window, as the five that follow
    window_totals: Floats
    window_expected: Floats  # negatives expected, as much being said as before it
    window_variance: Floats  # of a negative binomial, for `interval_80`
    window_share: Floats  # log10 of what the share of negatives says for a surge
    window_votes: Floats  # what the number of votes says, alike


class _Weighed(NamedTuple):
    """Buckets with what came before them, row by row, and what that says for a surge."""

    running: Floats  # (rows, 3, longest): sums of votes from this bucket back
    cells: tuple[Floats, ...]  # (rows, windows): negatives, votes, votes expected, usual share, shape and rate of level
    supported: NDArray[np.bool_]
    evidence: Evidence

    def telling(self) -> Floats:
        """The evidence from which false alarms are counted."""
        return np.where(self.supported, self.evidence.total.round(SCORE_DECIMALS), -np.inf)


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
    ordinary is learnt in `baseline.py`, weighed in `likelihood.py`, and its false alarms are counted in `falses.py`.
    """

    def __init__(self, bucket_s: int = 900, calendars: Sequence[str] = (UTC,)) -> None:
        self.bucket_s, self.size = bucket_s, 0
        self._calendars = Calendars(calendars)
        self._windows = likelihood.windows_for(bucket_s)
        self._buckets = np.array(self._windows.buckets, dtype=np.int64)
        self._support = max(1, RECENT_S // bucket_s)
        self._baseline, self._falses = Baseline(bucket_s, self._calendars), FalseAlarms(bucket_s)
        longest = max(int(self._buckets[-1]), self._support)
        usual = self._baseline.usual({name: array[None] for name, array in FRESH.items()}, np.zeros(1, np.intp))
        none = np.zeros(1)
        before = past.columns(none, none, usual._replace(votes=none)).astype(np.float32)
        self._fresh: dict[str, NDArray[Any]] = {
            **FRESH,
            "past": np.repeat(before, longest - 1, axis=1),  # the bulk of the state
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
        found = self._weigh(history, usual)
        scores = self._scores(usual, found, self._falses.follow(rows["falses"], found.telling()))
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
        return self._scores(usual, self._weigh(history, usual), rows["falses"])

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

    def votes_expected(self, slots: Slots, start_s: Floats) -> Floats:
        """How many votes a full bucket of each series would ordinarily bring; shapes as in `close`."""
        rows = {name: self._state[name][slots] for name in FRESH}
        usual = self._baseline.usual(rows, self._baseline.season(rows, start_s))
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
        found = self._weigh(history, usual)
        scores = self._scores(usual, found, rows["falses"])
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

    def _weigh(self, history: Floats, usual: Usual[Floats]) -> _Weighed:
        """The evidence of the supported rows; 0 of the others, which are most of the sparse ones."""
        running = np.cumsum(history[:, :3], axis=2)  # adds one by one, so a row's sum never depends on the batch
        k, n, votes = np.moveaxis(running[:, :, self._buckets - 1], 1, 0)
        share, shape, rate = np.moveaxis(history[:, 3:, self._buckets - 1], 1, 0)
        cells = k, n, votes, share, *likelihood.capped_level(shape, rate)
        supported = running[:, 0, self._support - 1] >= likelihood.FEWEST_NEGATIVES
        evidence = Evidence(*np.zeros((2, len(k))), *np.zeros((3, *k.shape)))
        if supported.any():
            doubt = likelihood.share_doubt(usual.waver, usual.known_from)[supported, None]
            k, n, votes, share, shape, rate = (cell[supported] for cell in cells)
            weighed = likelihood.evidence(self._windows, k, n, votes, share, doubt, (shape, rate))
            for column, values in zip(evidence, weighed, strict=True):
                column[supported] = values
        return _Weighed(running, cells, supported, evidence)

    def _scores(self, usual: Usual[Floats], found: _Weighed, falses: Floats) -> Scores:
        evidence = found.evidence
        score, recent = (
            self._falses.score(falses, np.where(found.supported, ratio, -np.inf))
            for ratio in (evidence.total, evidence.recent)
        )
        rows, decides = np.arange(len(score)), evidence.by_window.argmax(axis=1)
        k, n, *of_window = (cell[rows, decides] for cell in found.cells)
        expected = _negatives(usual.votes, usual.share, usual.level_shape, usual.level_rate)
        window = _negatives(*of_window)
        return Scores(
            score=np.round(score, SCORE_DECIMALS),
            recent=np.round(recent, SCORE_DECIMALS),
            evidence=np.round(evidence.total, SCORE_DECIMALS),
            negatives_4h=found.running[:, 0, self._support - 1],
            totals_4h=found.running[:, 1, self._support - 1],
            expected=expected[0],
            expected_variance=expected[1],
            usual_share=usual.long_share,
            window=self._buckets[decides],
            window_negatives=k,
            window_totals=n,
            window_expected=window[0],
            window_variance=window[1],
            window_share=np.round(evidence.share[rows, decides], SCORE_DECIMALS),
            window_votes=np.round(evidence.votes[rows, decides], SCORE_DECIMALS),
        )


def _little(array: NDArray[Any]) -> NDArray[Any]:
    return array.astype(array.dtype.newbyteorder("<"), copy=False)


def _negatives(votes: Floats, share: Floats, shape: Floats, rate: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of the negatives among `votes` at a level that is gamma-distributed; of the votes' clumping a
    part is left that falls with the share."""
    mean = votes * share * shape / rate
    return mean, (1.0 + (VOLUME_CLUMPING - 1.0) * share) * mean + mean * mean / np.minimum(shape, LEVEL_SHAPE)
