"""The surge detector: counts of many series in, scores out, with the state of every series in NumPy arrays.

One numeric path for live, embedded, replay and `groundswell detect`. It knows no thresholds and raises no alerts
(`lifecycle.py`), no names of series and no clock: a series is a slot, and time is a parameter.
"""

import math
from typing import Final, NamedTuple, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from alerts.errors import StateError
from alerts.tails import LN10, Floats, clumped_binomial_tail, interval_80, negative_binomial_tail

__all__ = ["SCHEMA", "WINDOWS_S", "Scores", "Slots", "SurgeBank", "interval_80", "windows_for"]

Slots = NDArray[np.intp]

SCHEMA: Final = 1
SCORE_DECIMALS: Final = 6
WINDOWS_S: Final = (900, 3600, 14400)

_RATE_HALF_LIFE_DAYS: Final = 7.0
_SEASON_HALF_LIFE_H: Final = 28.0  # of a season's own time: 28 visits of an hour
_SEASON_SHRINKAGE_BUCKETS: Final = 4.0  # a seasonal factor starts as if it had seen this many ordinary buckets
_SURGE_LIMIT_SD: Final = 4.0  # winsorising: a surge teaches no more than so many standard deviations
_TAIL_QUANTILE: Final = 0.98
_TAIL_START: Final = -math.log10(1.0 - _TAIL_QUANTILE)
_TAIL_MEMORY: Final = 1000.0  # half-life of the excess over the quantile, in excesses
_TAIL_PRIOR: Final = 200.0  # excesses' worth of belief that share tails are already calibrated
_MIN_COUNT_TAIL: Final = 2.0  # the count key: no score unless "more negatives than usual" has odds under 1 %
_SHARE_PRIOR_TOTAL: Final = 4.5
_SEASONS: Final = 48


class Scores(NamedTuple):
    """What one call found, row by row; every field has shape (rows,). Tails are −log10 of a probability, rounded."""

    count_tail: Floats  # tail of "this many negatives", the largest over the windows
    share_tail: Floats  # tail of "this share of negatives", the largest over the windows
    share_calibrated: Floats  # `share_tail` as an honest tail by the series' own past; 0 under its 98 % quantile
    score: Floats  # `share_calibrated` where `count_tail` is at least 2, else 0
    negatives_4h: Floats  # in the longest window
    totals_4h: Floats
    expected: Floats  # negatives expected in this bucket
    expected_variance: Floats  # of a negative binomial, for `interval_80`
    usual_share: Floats  # of negatives among all, in [0, 1]
    window: NDArray[np.int64]  # the deciding one, in buckets: that of the largest share tail
    window_negatives: Floats  # in the deciding window, as the three that follow
    window_totals: Floats
    window_expected: Floats  # negatives expected
    window_variance: Floats  # of a negative binomial, for `interval_80`


class _Evaluation(NamedTuple):
    """Scores and the intermediate values from which the state learns; leading axis rows, then windows."""

    scores: Scores
    season: NDArray[np.intp]
    season_factor: Floats
    base_rate: Floats
    excess_mean: Floats
    share_tail: Floats
    history: Floats  # (rows, 3, longest): this bucket first, then the ones before it
    sums: Floats  # (rows, 3, windows)
    count_dispersion: Floats  # (rows, windows)
    share_dispersion: Floats
    available: NDArray[np.bool_]


class _Snapshot(msgspec.Struct, frozen=True):
    schema: int
    bucket_s: int
    windows: tuple[int, ...]
    size: int
    arrays: dict[str, bytes]


class SurgeBank:
    """The detector's state of many series; the first axis of each array is the series' slot.

    `bucket_s` is the bucket's width in seconds, `windows` the lengths of the sums in buckets, rising. Every bucket of
    a series is closed once, in time order, empty ones too. Results of a series depend on its own buckets alone, to the
    last bit, whichever others share the call. The model is the one measured in the project's detection notes: an
    exponentially weighted rate with shrunk hour-of-day factors, a negative-binomial tail for the count, a binomial
    tail with a design effect for the share, and an exponential tail (peaks over threshold) that calibrates the latter.
    """

    def __init__(self, bucket_s: int = 900, windows: tuple[int, ...] = (1, 4, 16)) -> None:
        self.bucket_s, self.windows, self.size = bucket_s, windows, 0
        per_day = 86400 / bucket_s
        self._keep: float = 0.5 ** (1 / (per_day * _RATE_HALF_LIFE_DAYS))
        self._season_keep: float = 0.5 ** (bucket_s / (_SEASON_HALF_LIFE_H * 3600))
        self._tail_keep: float = 0.5 ** (1 / _TAIL_MEMORY)
        self._window_buckets = np.array(windows, dtype=np.int64)
        n_windows, longest = len(windows), max(windows)
        self._fresh: dict[str, Floats] = {
            "rate": np.array([1.0, 1.0]),  # decayed sums: negatives, seasonal exposure in buckets
            "share": np.array([1.0, 4.0]),  # decayed sums: negatives, totals
            "tail": np.array([1.7, 0.0, 0.0]),  # 98 % quantile of the share tail, sum of excesses over it, their number
            "closed": np.array(0.0),  # buckets closed so far
            "count_dispersion": np.tile([[2.0], [1.0]], n_windows),  # decayed sums: squared errors, buckets
            "share_dispersion": np.tile([[1.5], [1.0]], n_windows),
            "season": np.zeros((2, _SEASONS)),  # decayed sums: negatives, negatives that the base rate alone expected
            "past": np.zeros((3, longest - 1)),  # negatives, totals, expected negatives; the latest bucket first
        }
        self._state: dict[str, Floats] = {name: np.zeros((0, *v.shape)) for name, v in self._fresh.items()}

    def add(self, n: int = 1) -> Slots:
        """Makes `n` new series and returns their slots; room grows by doubling."""
        first, self.size = self.size, self.size + n
        capacity = len(self._state["closed"])
        if self.size > capacity:
            more = max(self.size, 2 * capacity) - capacity
            for name, fresh in self._fresh.items():
                rows = np.broadcast_to(fresh, (more, *fresh.shape))
                self._state[name] = np.concatenate([self._state[name], rows])
        return np.arange(first, self.size, dtype=np.intp)

    def close(self, slots: Slots, start_s: Floats, negatives: Floats, totals: Floats) -> Scores:
        """Scores one full bucket of each given series, then learns from it.

        All arrays have shape (rows,); slots are distinct; `start_s` is the bucket's start in seconds UTC.
        """
        found = self._evaluate(slots, start_s, negatives, totals, 1.0)
        self._learn(slots, negatives, totals, found)
        return found.scores

    def peek(
        self, slots: Slots, start_s: Floats, negatives: Floats, totals: Floats, elapsed: float | Floats = 1.0
    ) -> Scores:
        """Scores like `close` and learns nothing; `elapsed` is the share of the bucket that has passed, in (0, 1]."""
        return self._evaluate(slots, start_s, negatives, totals, np.maximum(elapsed, 0.05)).scores

    def skip(self, slots: Slots, buckets: Floats) -> None:
        """Ages series by many empty buckets at once, in closed form (seasons taken at their mean of 1).

        `buckets` has shape (rows,), how many to skip for each slot. Differs from closing them one by one only in
        what an empty night or weekend would have taught beyond the mean.
        """
        state, keep = self._state, self._keep**buckets
        length = (1.0 - keep) / (1.0 - self._keep)
        state["rate"][slots] = state["rate"][slots] * keep[:, None] + np.stack([0.0 * length, length], axis=1)
        usual = np.array([1.0, _SHARE_PRIOR_TOTAL])
        state["share"][slots] = usual + (state["share"][slots] - usual) * keep[:, None]
        base_rate = state["rate"][slots, 0] / state["rate"][slots, 1]
        mean = base_rate[:, None] * self._window_buckets
        error = np.stack([mean * mean / np.maximum(mean, 0.05), np.ones(mean.shape)], axis=1)
        state["count_dispersion"][slots] *= keep[:, None, None]
        state["count_dispersion"][slots] += error * length[:, None, None]
        a_day = 86400 / self.bucket_s
        visits = buckets[:, None] / a_day * 3600 / self.bucket_s * np.repeat([5 / 7, 2 / 7], _SEASONS // 2)
        season_keep = self._season_keep**visits
        seen = base_rate[:, None] * (1.0 - season_keep) / (1.0 - self._season_keep)
        state["season"][slots] *= season_keep[:, None, :]
        state["season"][slots, 1] += seen
        excess_mean = (state["tail"][slots, 1] + _TAIL_PRIOR / LN10) / (state["tail"][slots, 2] + _TAIL_PRIOR)
        down = 0.005 * (1.0 - _TAIL_QUANTILE) * excess_mean * buckets
        state["tail"][slots, 0] = np.maximum(0.0, state["tail"][slots, 0] - down)
        state["past"][slots, :2] = 0.0
        state["past"][slots, 2] = base_rate[:, None]
        state["closed"][slots] += buckets

    def state(self) -> dict[str, Floats]:
        """A copy of every array, each of shape (size, …)."""
        return {name: array[: self.size].copy() for name, array in self._state.items()}

    @classmethod
    def from_state(cls, state: dict[str, Floats], bucket_s: int, windows: tuple[int, ...]) -> Self:
        """The bank that `state` was taken from; raises StateError where the arrays are not this version's."""
        bank = cls(bucket_s, windows)
        size = len(state.get("closed", ()))
        for name, fresh in bank._fresh.items():
            if name not in state or state[name].shape != (size, *fresh.shape):
                raise StateError(f"detector state: array '{name}' is missing or has another shape; start it cold")
            bank._state[name] = np.array(state[name], dtype=np.float64)
        bank.size = size
        return bank

    def to_bytes(self) -> bytes:
        """The whole state as msgpack, exact to the last bit, with a schema number."""
        arrays = {name: array.astype("<f8", copy=False).tobytes() for name, array in self.state().items()}
        return msgspec.msgpack.encode(_Snapshot(SCHEMA, self.bucket_s, self.windows, self.size, arrays))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Reads `to_bytes`; raises StateError where it is damaged or of another schema."""
        try:
            snapshot = msgspec.msgpack.decode(data, type=_Snapshot)
        except msgspec.MsgspecError as error:
            raise StateError(f"detector state cannot be read ({error}); start it cold or use another one") from error
        if snapshot.schema != SCHEMA:
            raise StateError(f"detector state has schema {snapshot.schema}, this version reads {SCHEMA}; rebuild it")
        fresh = cls(snapshot.bucket_s, snapshot.windows)._fresh
        try:
            arrays = {
                name: np.frombuffer(snapshot.arrays[name], dtype="<f8").reshape(snapshot.size, *value.shape)
                for name, value in fresh.items()
            }
        except (KeyError, ValueError) as error:
            raise StateError(f"detector state is incomplete ({error}); start it cold or use another one") from error
        return cls.from_state(arrays, snapshot.bucket_s, snapshot.windows)

    def _evaluate(
        self, slots: Slots, start_s: Floats, negatives: Floats, totals: Floats, elapsed: float | Floats
    ) -> _Evaluation:
        state = self._state
        rate, share, tail = state["rate"][slots], state["share"][slots], state["tail"][slots]
        rate_negatives, share_total = rate[:, 0], share[:, 1]
        base_rate, usual_share = rate_negatives / rate[:, 1], share[:, 0] / share_total
        season = _season(start_s)
        season_sums, prior = state["season"][slots, :, season], _SEASON_SHRINKAGE_BUCKETS * base_rate
        season_factor = (season_sums[:, 0] + prior) / (season_sums[:, 1] + prior)
        expected = np.maximum(base_rate * season_factor, 1e-4) * elapsed

        past = state["past"][slots]
        history = np.empty((len(slots), 3, past.shape[2] + 1))
        history[:, 0, 0], history[:, 1, 0], history[:, 2, 0], history[:, :, 1:] = negatives, totals, expected, past
        running = np.cumsum(history, axis=2)  # adds one by one, so a row's sum never depends on the batch
        sums = running[:, :, self._window_buckets - 1]
        k, n, mean = sums[:, 0], sums[:, 1], sums[:, 2]
        available = state["closed"][slots][:, None] >= self._window_buckets - 1

        count_sums, share_sums = state["count_dispersion"][slots], state["share_dispersion"][slots]
        count_dispersion = np.maximum(1.0, count_sums[:, 0] / count_sums[:, 1])
        share_dispersion = np.maximum(1.0, share_sums[:, 0] / share_sums[:, 1])
        rate_doubt = 1.0 / np.maximum(rate_negatives, 1.0)  # the rate itself is uncertain: gamma-distributed
        variance = count_dispersion * mean + mean * mean * rate_doubt[:, None]
        count_tails, share_tails = np.zeros(k.shape), np.zeros(k.shape)
        above = available & (k > mean)
        if above.any():
            count_tails[above] = negative_binomial_tail(k[above], mean[above], variance[above])
        above = available & (k > n * usual_share[:, None])
        if above.any():
            row = above.nonzero()[0]
            design = share_dispersion[above] * (1.0 + n[above] / np.maximum(share_total[row], 1.0))
            share_tails[above] = clumped_binomial_tail(k[above], n[above], usual_share[row], design)

        count_tail, share_tail = np.round(count_tails.max(axis=1), SCORE_DECIMALS), share_tails.max(axis=1)
        excess_mean = (tail[:, 1] + _TAIL_PRIOR / LN10) / (tail[:, 2] + _TAIL_PRIOR)
        excess = share_tail - tail[:, 0]
        calibrated = np.where(excess > 0.0, _TAIL_START + excess / excess_mean / LN10, 0.0)
        calibrated = calibrated.round(SCORE_DECIMALS)
        rows, decides = np.arange(len(slots)), share_tails.argmax(axis=1)
        scores = Scores(
            count_tail=count_tail,
            share_tail=np.round(share_tail, SCORE_DECIMALS),
            share_calibrated=calibrated,
            score=np.where(count_tail >= _MIN_COUNT_TAIL, calibrated, 0.0),
            negatives_4h=running[:, 0, -1],
            totals_4h=running[:, 1, -1],
            expected=expected,
            expected_variance=count_dispersion[:, 0] * expected + expected * expected * rate_doubt,
            usual_share=usual_share,
            window=self._window_buckets[decides],
            window_negatives=k[rows, decides],
            window_totals=n[rows, decides],
            window_expected=mean[rows, decides],
            window_variance=variance[rows, decides],
        )
        dispersions = count_dispersion, share_dispersion
        return _Evaluation(
            scores, season, season_factor, base_rate, excess_mean, share_tail, history, sums, *dispersions, available
        )

    def _learn(self, slots: Slots, negatives: Floats, totals: Floats, found: _Evaluation) -> None:
        """Updates the given series with the bucket just scored; what exceeds four standard deviations is cut."""
        state, keep = self._state, self._keep
        expected, p = found.scores.expected, found.scores.usual_share
        limit = _SURGE_LIMIT_SD * _SURGE_LIMIT_SD
        k, n, mean = found.sums[:, 0], found.sums[:, 1], found.sums[:, 2]

        old = state["count_dispersion"][slots]
        error = np.minimum((k - mean) ** 2 / np.maximum(mean, 0.05), limit * found.count_dispersion)
        new = old * keep + np.stack([error, np.ones(error.shape)], axis=1)
        count_sums = np.where(found.available[:, None, :], new, old)
        state["count_dispersion"][slots] = count_sums

        old, of_share = state["share_dispersion"][slots], n * p[:, None]
        spread = np.maximum(of_share * (1.0 - p)[:, None], 0.05)
        error = np.minimum((k - of_share) ** 2 / spread, limit * found.share_dispersion)
        new = old * keep + np.stack([error, np.ones(error.shape)], axis=1)
        state["share_dispersion"][slots] = np.where((found.available & (n > 0))[:, None, :], new, old)

        dispersion = np.maximum(1.0, count_sums[:, 0, 0] / count_sums[:, 1, 0])
        counted = np.minimum(negatives, expected + _SURGE_LIMIT_SD * np.sqrt(dispersion * expected) + 1.0)
        season, seen = state["season"][slots, :, found.season], np.stack([counted, found.base_rate], axis=1)
        state["season"][slots, :, found.season] = season * self._season_keep + seen
        state["rate"][slots] = state["rate"][slots] * keep + np.stack([counted, found.season_factor], axis=1)

        usual = totals * p
        counted = np.minimum(negatives, usual + _SURGE_LIMIT_SD * np.sqrt(usual * (1.0 - p) + 0.1) + 1.0)
        others = np.maximum(totals - (negatives - counted), counted)
        forgotten = 1.0 - keep  # given back as a weak prior, so that an empty series never loses its share
        share = np.stack([counted + forgotten, others + forgotten * _SHARE_PRIOR_TOTAL], axis=1)
        state["share"][slots] = state["share"][slots] * keep + share

        self._learn_tail(slots, found)
        state["past"][slots] = found.history[:, :, :-1]
        state["closed"][slots] += 1.0

    def _learn_tail(self, slots: Slots, found: _Evaluation) -> None:
        """Moves the 98 % quantile of the share tail by stochastic approximation, and the mean excess over it."""
        tail = self._state["tail"][slots]
        above = found.share_tail > tail[:, 0]
        excess = np.minimum(found.share_tail - tail[:, 0], 4.0 * found.excess_mean)
        step = np.maximum(0.005, 1.0 / (1.0 + 0.02 * self._state["closed"][slots])) * found.excess_mean
        quantile = tail[:, 0] + step * np.where(above, _TAIL_QUANTILE, _TAIL_QUANTILE - 1.0)
        sums = tail[:, 1:] * self._tail_keep + np.stack([excess, np.ones(len(slots))], axis=1)
        self._state["tail"][slots, 0] = np.maximum(0.0, quantile)
        self._state["tail"][slots, 1:] = np.where(above[:, None], sums, tail[:, 1:])


def windows_for(bucket_s: int) -> tuple[int, ...]:
    """15 minutes, 1 hour and 4 hours in buckets of this width; wider buckets have fewer, distinct windows."""
    return tuple(sorted({max(1, seconds // bucket_s) for seconds in WINDOWS_S}))


def _season(start_s: Floats) -> NDArray[np.intp]:
    """Hour of the day in UTC, 0 to 23 on working days and 24 to 47 on Saturday and Sunday."""
    hour = (start_s // 3600).astype(np.int64)
    weekday = (hour // 24 + 3) % 7  # 1970-01-01 was a Thursday
    season: NDArray[np.intp] = (hour % 24 + np.where(weekday >= 5, 24, 0)).astype(np.intp)
    return season
