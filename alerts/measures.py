"""The measures that rules ask for beside negative surges, each with a detector of its own for the series watched so:
counts of closed buckets in, scores out. What rules make of scores is `applied`'s business.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from alerts.detector import Scores, Slots, SurgeBank
from alerts.rules import Measure, Rule
from alerts.series import Series
from alerts.tails import Floats
from alerts.talk import TalkBank
from alerts.votes import BUCKET_MIN

BANKS: Final[Mapping[Measure, type[SurgeBank]]] = {"volume": TalkBank}


class Counts(NamedTuple):
    """What came in a bucket, over all series of the shard by slot (shape (series,))."""

    negatives: Floats
    totals: Floats


class Found(NamedTuple):
    """The scores of a closed bucket, a row for each of `slots`; `since` says the bucket from which on one is known."""

    slots: Slots
    scores: Scores
    since: Callable[[int], int]


class MeasureState(msgspec.Struct, array_like=True):
    """What a measure remembers: its bank, and of each series there its slot in the watch and its first bucket."""

    bank: bytes
    slots: list[int]
    since: list[int]


class CountedMeasure:
    """A measure with a bank. Series are named by their slots in the watch, which are not those of the bank: only the
    kinds that a rule watches so are in it."""

    def __init__(self, measure: Measure, kinds: frozenset[str]) -> None:
        self._measure, self._kinds = measure, kinds
        self._bank = BANKS[measure](BUCKET_MIN * 60)
        self._slots: list[int] = []
        self._since: list[int] = []
        self._own: NDArray[np.intp] = _NONE  # slot in the watch -> slot in the bank, or -1

    def state(self) -> MeasureState:
        """The state, exact."""
        return MeasureState(self._bank.to_bytes(), self._slots, self._since)

    def resume(self, state: MeasureState) -> None:
        """Goes on from a state; raises StateError."""
        self._bank = type(self._bank).from_bytes(state.bank)
        self._slots, self._since = state.slots, state.since
        self._own = np.full(max(self._slots, default=-1) + 1, -1, dtype=np.intp)
        self._own[self._slots] = np.arange(len(self._slots))

    def add(self, slot: int, series: Series, bucket: int) -> None:
        """A series that is first heard in `bucket`, if it is of a kind watched and not known yet."""
        if series.kind not in self._kinds or self._of(slot) >= 0:
            return
        if slot >= len(self._own):
            self._own = np.concatenate([self._own, np.full(slot + 1, -1, dtype=np.intp)])
        self._own[slot] = self._bank.add()[0]
        self._slots.append(slot)
        self._since.append(bucket)

    def skip(self, slot: int, buckets: int) -> None:
        """A series that slept for so many buckets."""
        if self._of(slot) >= 0:
            self._bank.skip(self._own[slot : slot + 1], np.array([float(buckets)]))

    def later(self, buckets: int) -> None:
        """A gap of so many buckets lies behind: times move on."""
        self._since = [since + buckets for since in self._since]

    def close(self, bucket: int, awake: Slots, counts: Counts) -> Found:
        """Scores and learns the bucket of those of the series `awake` that are in the bank."""
        slots = awake[awake < len(self._own)]
        slots = slots[self._own[slots] >= 0]
        start_s = np.full(len(slots), bucket * BUCKET_MIN * 60.0)
        scores = self._bank.close(self._own[slots], start_s, counts.negatives[slots], counts.totals[slots])
        return Found(slots, scores, lambda slot: self._since[self._of(slot)])

    def _of(self, slot: int) -> int:
        return int(self._own[slot]) if slot < len(self._own) else -1


_NONE: Final = np.array([], dtype=np.intp)


class Measures:
    """All measures with banks that the rules of a watch ask for, beside that of negative surges."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        asked = sorted({rule.measure for rule in rules} & BANKS.keys())
        self._all: dict[Measure, CountedMeasure] = {
            measure: CountedMeasure(
                measure, frozenset(kind for rule in rules if rule.measure == measure for kind in rule.series)
            )
            for measure in asked
        }

    def state(self) -> dict[str, MeasureState]:
        """The state of each, exact."""
        return {measure: one.state() for measure, one in self._all.items()}

    def resume(self, states: Mapping[str, MeasureState], series: Sequence[Series], bucket: int | None) -> None:
        """Goes on from states. A measure or kind that was not asked for when they were written starts cold with the
        next bucket; one that is no longer asked for is forgotten. Raises StateError."""
        for measure, one in self._all.items():
            if measure in states:
                one.resume(states[measure])
            for slot, known in enumerate(series):
                one.add(slot, known, known.born if bucket is None else bucket)

    def add(self, slot: int, series: Series, bucket: int) -> None:
        """See `CountedMeasure.add`."""
        for one in self._all.values():
            one.add(slot, series, bucket)

    def skip(self, slot: int, buckets: int) -> None:
        """See `CountedMeasure.skip`."""
        for one in self._all.values():
            one.skip(slot, buckets)

    def later(self, buckets: int) -> None:
        """See `CountedMeasure.later`."""
        for one in self._all.values():
            one.later(buckets)

    def close(self, bucket: int, awake: Slots, counts: Counts) -> dict[Measure, Found]:
        """What each finds in a closed bucket."""
        return {measure: one.close(bucket, awake, counts) for measure, one in self._all.items()}
