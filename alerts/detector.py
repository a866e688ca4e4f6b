"""The surge detector: counts of many series in, scores out, with the state of every series in NumPy arrays.

One numeric path for live, embedded, replay and `groundswell detect`. It knows no thresholds and raises no alerts
(`lifecycle.py`), no names of series and no clock: a series is a slot, and time is a parameter.
"""

from typing import Any, ClassVar, Final, NamedTuple, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from alerts import likelihood
from alerts.baseline import FRESH, Baseline, State, Usual
from alerts.errors import StateError
from alerts.falses import SURGES, Curve, FalseAlarms
from alerts.likelihood import LEVEL_SHAPE, RECENT_S, VOLUME_CLUMPING, Evidence
from alerts.tails import Floats

__all__ = ["SCHEMA", "Scores", "Slots", "SurgeBank"]

Slots = NDArray[np.intp]

SCHEMA: Final = 2
SCORE_DECIMALS: Final = 6


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


class Evaluation(NamedTuple):
    """Scores and the values from which the state learns."""

    scores: Scores
    usual: Usual
    history: Floats  # (rows, 6, longest): this bucket first, then the ones before it
    running: Floats  # (rows, 3, longest): sums of votes from this bucket back
    supported: NDArray[np.bool_]


class _Snapshot(msgspec.Struct, frozen=True):
    schema: int
    bucket_s: int
    size: int
    arrays: dict[str, bytes]


class SurgeBank:
    """The detector's state of many series; the first axis of each array is the series' slot.

    `bucket_s` is the bucket's width in seconds. Every bucket of a series is closed once, in time order, empty ones too.
    Results of a series depend on its own buckets alone, to the last bit, whichever others share the call. What is
    ordinary is learnt in `baseline.py`, weighed in `likelihood.py`, and its false alarms are counted in `falses.py`.
    """

    curve: ClassVar[Curve] = SURGES

    def __init__(self, bucket_s: int = 900) -> None:
        self.bucket_s, self.size = bucket_s, 0
        self._windows = likelihood.windows_for(bucket_s)
        self._buckets = np.array(self._windows.buckets, dtype=np.int64)
        self._support = max(1, RECENT_S // bucket_s)
        self._baseline, self._falses = Baseline(bucket_s), FalseAlarms(bucket_s, self.curve)
        longest = max(int(self._buckets[-1]), self._support)
        usual = self._baseline.usual({name: array[None] for name, array in FRESH.items()}, np.zeros(1))
        # the latest bucket first: negatives, votes, votes expected, share, level; the bulk of the state, so in 4 bytes
        past = np.zeros((6, longest - 1), dtype=np.float32)
        past[3], past[4:] = usual.share[0], usual.level[0][:, None]
        self._fresh: dict[str, NDArray[Any]] = {
            **FRESH,
            "past": past,
            "falses": FalseAlarms.FRESH,
            "closed": np.array(0.0),
        }
        self._state = {name: np.zeros((0, *v.shape), v.dtype) for name, v in self._fresh.items()}

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
        rows = self._rows(slots)
        found = self._evaluate(rows, start_s, negatives, totals, 1.0)
        self._learn(rows, negatives, totals, found)
        for name, array in rows.items():
            self._state[name][slots] = array
        return found.scores

    def peek(
        self, slots: Slots, start_s: Floats, negatives: Floats, totals: Floats, elapsed: float | Floats = 1.0
    ) -> Scores:
        """Scores like `close` and learns nothing; `elapsed` is the share of the bucket that has passed, in (0, 1]."""
        rows = self._rows(slots)
        return self._evaluate(rows, start_s, negatives, totals, np.maximum(elapsed, 0.05)).scores

    def begin_as_part(self, slot: int, whole: "SurgeBank", of: int) -> None:
        """Begins a new series as a part of the series `of` in the bank `whole`: it knows what was said there until now,
        none of which was a hit."""
        for name in ("rate", "season", "level", "share", "near", "past", "closed"):
            self._state[name][slot] = whole._state[name][of]
        mine = self._rows(np.array([slot]))
        mine["share"][:, 0] = mine["near"][:, 0] = mine["past"][:, 0] = 0.0
        mine["past"][:, 3] = self._baseline.usual(mine, np.zeros(1)).share[:, None]
        for name, array in mine.items():
            self._state[name][slot] = array[0]

    def skip(self, slots: Slots, buckets: Floats) -> None:
        """Ages series by many empty buckets at once, in closed form (seasons taken at their mean of 1).

        `buckets` has shape (rows,), how many to skip for each slot. Differs from closing them one by one only in
        what an empty night or weekend would have taught beyond the mean.
        """
        rows = self._rows(slots)
        self._baseline.skip(rows, buckets)
        self._falses.skip(rows["falses"], buckets)
        usual = self._baseline.usual(rows, np.zeros(len(slots)))
        rows["past"][:, :2] = 0.0
        rows["past"][:, 2], rows["past"][:, 3] = usual.rate[:, None], usual.share[:, None]
        rows["past"][:, 4:] = usual.level[:, :, None]
        rows["closed"] += buckets
        for name, array in rows.items():
            self._state[name][slots] = array

    def usual(self, slots: Slots, start_s: Floats) -> Usual:
        """What is ordinary for a bucket of each series; shapes as in `close`."""
        return self._baseline.usual({name: self._state[name][slots] for name in FRESH}, start_s)

    def votes_expected(self, slots: Slots, start_s: Floats) -> Floats:
        """How many votes a full bucket of each series would ordinarily bring; shapes as in `close`."""
        usual = self.usual(slots, start_s)
        votes: Floats = usual.votes * usual.level[:, 0] / usual.level[:, 1]
        return votes

    def state(self) -> dict[str, NDArray[Any]]:
        """A copy of every array, each of shape (size, …)."""
        return {name: array[: self.size].copy() for name, array in self._state.items()}

    @classmethod
    def from_state(cls, state: dict[str, NDArray[Any]], bucket_s: int) -> Self:
        """The bank that `state` was taken from; raises StateError where the arrays are not this version's."""
        bank = cls(bucket_s)
        size = len(state.get("closed", ()))
        for name, fresh in bank._fresh.items():
            if name not in state or state[name].shape != (size, *fresh.shape):
                raise StateError(f"detector state: array '{name}' is missing or has another shape; start it cold")
            bank._state[name] = np.array(state[name], dtype=fresh.dtype)
        bank.size = size
        return bank

    def to_bytes(self) -> bytes:
        """The whole state as msgpack, exact to the last bit, with a schema number."""
        arrays = {name: _little(array).tobytes() for name, array in self.state().items()}
        return msgspec.msgpack.encode(_Snapshot(SCHEMA, self.bucket_s, self.size, arrays))

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
        return cls.from_state(arrays, snapshot.bucket_s)

    def _rows(self, slots: Slots) -> dict[str, NDArray[Any]]:
        return {name: array[slots] for name, array in self._state.items()}

    def _evaluate(
        self, state: State, start_s: Floats, negatives: Floats, totals: Floats, elapsed: float | Floats
    ) -> Evaluation:
        usual = self._baseline.usual(state, start_s)
        usual = usual._replace(votes=usual.votes * elapsed)
        past = state["past"]
        history = np.empty((len(negatives), 6, past.shape[2] + 1))
        history[:, 0, 0], history[:, 1, 0], history[:, 2, 0] = negatives, totals, usual.votes
        history[:, 3, 0], history[:, 4:, 0], history[:, :, 1:] = usual.share, usual.level, past
        running = np.cumsum(history[:, :3], axis=2)  # adds one by one, so a row's sum never depends on the batch
        k, n, votes = np.moveaxis(running[:, :, self._buckets - 1], 1, 0)
        share, shape, rate = np.moveaxis(history[:, 3:, self._buckets - 1], 1, 0)
        level = likelihood.capped_level(shape, rate)
        doubt = likelihood.share_doubt(usual.waver, usual.known_from)[:, None]
        supported = running[:, 0, self._support - 1] >= likelihood.FEWEST_NEGATIVES
        evidence = self._weigh(supported, k, n, votes, share, doubt, *level)
        score, recent = (
            self._falses.score(state["falses"], np.where(supported, ratio, -np.inf))
            for ratio in (evidence.total, evidence.recent)
        )

        rows, decides = np.arange(len(negatives)), evidence.by_window.argmax(axis=1)
        expected = _negatives(usual.votes, usual.share, usual.level[:, 0], usual.level[:, 1])
        window = _negatives(votes, share, *level)
        scores = Scores(
            score=np.round(score, SCORE_DECIMALS),
            recent=np.round(recent, SCORE_DECIMALS),
            evidence=np.round(evidence.total, SCORE_DECIMALS),
            negatives_4h=running[:, 0, self._support - 1],
            totals_4h=running[:, 1, self._support - 1],
            expected=expected[0],
            expected_variance=expected[1],
            usual_share=usual.long_share,
            window=self._buckets[decides],
            window_negatives=k[rows, decides],
            window_totals=n[rows, decides],
            window_expected=window[0][rows, decides],
            window_variance=window[1][rows, decides],
            window_share=np.round(evidence.share[rows, decides], SCORE_DECIMALS),
            window_votes=np.round(evidence.votes[rows, decides], SCORE_DECIMALS),
        )
        return Evaluation(scores, usual, history, running, supported)

    def _weigh(self, supported: NDArray[np.bool_], *cells: Floats) -> Evidence:
        """The evidence of the supported rows; 0 of the others, which are most of the sparse ones."""
        shape = (len(supported), len(self._buckets))
        found = Evidence(np.zeros(shape[0]), np.zeros(shape[0]), np.zeros(shape), np.zeros(shape), np.zeros(shape))
        if supported.any():
            k, n, votes, share, doubt, *level = (cell[supported] for cell in cells)
            weighed = likelihood.evidence(self._windows, k, n, votes, share, doubt, (level[0], level[1]))
            for column, values in zip(found, weighed, strict=True):
                column[supported] = values
        return found

    def _learn(self, state: State, negatives: Floats, totals: Floats, found: Evaluation) -> None:
        """Updates `state` in place with the bucket just scored."""
        last = self._baseline.waver_buckets - 1
        window = found.running[:, 0, last], found.running[:, 1, last]
        whole = state["closed"] > last
        self._falses.learn(state["falses"], np.where(found.supported, found.scores.evidence, -np.inf))
        self._baseline.learn(state, found.usual, negatives, totals, window, found.history[:, 3, last], whole)
        state["past"] = found.history[:, :, :-1]
        state["closed"] += 1.0


def _little(array: NDArray[Any]) -> NDArray[Any]:
    return array.astype(array.dtype.newbyteorder("<"), copy=False)


def _negatives(votes: Floats, share: Floats, shape: Floats, rate: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of the negatives among `votes` at a level that is gamma-distributed; of the votes' clumping a
    part is left that falls with the share."""
    mean = votes * share * shape / rate
    return mean, (1.0 + (VOLUME_CLUMPING - 1.0) * share) * mean + mean * mean / np.minimum(shape, LEVEL_SHAPE)
