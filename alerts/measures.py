"""The measures that rules ask for beside negative surges, each with a detector of its own for the series watched so:
counts of closed buckets in, scores out. What rules make of scores is `applied`'s business.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from alerts import silence
from alerts.calendars import CalendarOf
from alerts.detector import Scores, Slots, SurgeBank
from alerts.errors import StateError
from alerts.falses import Curve
from alerts.rules import Measure, Rule
from alerts.series import Series
from alerts.tails import Floats
from alerts.talk import TalkBank
from alerts.votes import BUCKET_MIN
from alerts.weigher import Weigher

_NONE: Final = np.array([], dtype=np.intp)


class Counts(NamedTuple):
    """A closed bucket: what came in it, over all series of the shard by slot (shape (series,))."""

    bucket: int
    negatives: Floats
    totals: Floats
    posts: Floats
    stale: Floats
    series: Sequence[Series]
    by_name: Mapping[str, int]


Count = Callable[[Counts], tuple[Floats, Floats]]  # hits, and all among which they are, of a bucket


class Found(NamedTuple):
    """The scores of a closed bucket, a row for each of `slots`; `since` says the bucket from which on one is known."""

    slots: Slots
    scores: Scores
    since: Callable[[int], int]


class MeasureState(msgspec.Struct, array_like=True):
    """What a measure remembers: its detector, and of each series there its slot in the watch and its first bucket."""

    detector: bytes
    slots: list[int]
    since: list[int]


class OwnMeasure(ABC):
    """A measure with a detector of its own. Series are named by their slots in the watch, which are not those of the
    detector: only the kinds that a rule watches so are in it."""

    def __init__(self, kinds: frozenset[str]) -> None:
        self._kinds = kinds
        self._slots: list[int] = []
        self._since: list[int] = []
        self._own: NDArray[np.intp] = _NONE  # slot in the watch -> slot in the detector, or -1

    @abstractmethod
    def _grow(self, name: str) -> None:
        """One more series, in the next slot."""

    @abstractmethod
    def _to_bytes(self) -> bytes:
        """The detector's state, exact."""

    @abstractmethod
    def _from_bytes(self, raw: bytes) -> None:
        """Goes on from a detector's state; raises StateError."""

    @abstractmethod
    def skip(self, slot: int, buckets: int) -> None:
        """A series that slept for so many buckets."""

    @abstractmethod
    def _score(self, slots: Slots, own: Slots, counts: Counts, bank: SurgeBank) -> Scores:
        """Scores and learns a bucket of the series `slots`, which are `own` in the detector; see `close` for `bank`."""

    def state(self) -> MeasureState:
        """The state, exact."""
        return MeasureState(self._to_bytes(), self._slots, self._since)

    def resume(self, state: MeasureState) -> None:
        """Goes on from a state; raises StateError."""
        self._from_bytes(state.detector)
        self._slots, self._since = state.slots, state.since
        self._own = np.full(max(self._slots, default=-1) + 1, -1, dtype=np.intp)
        self._own[self._slots] = np.arange(len(self._slots))

    def add(self, slot: int, series: Series, bucket: int) -> None:
        """A series that is first heard in `bucket`, if it is of a kind watched and not known yet."""
        if series.kind not in self._kinds or self._of(slot) >= 0:
            return
        if slot >= len(self._own):
            self._own = np.concatenate([self._own, np.full(slot + 1, -1, dtype=np.intp)])
        self._own[slot] = len(self._slots)
        self._slots.append(slot)
        self._since.append(bucket)
        self._grow(series.name)

    def later(self, buckets: int) -> None:
        """A gap of so many buckets lies behind: times move on."""
        self._since = [since + buckets for since in self._since]

    def close(self, awake: Slots, counts: Counts, bank: SurgeBank) -> Found:
        """Scores and learns a bucket of those of the series `awake` that are known. `bank` is that of negative surges,
        which has not learnt the bucket yet."""
        slots = awake[awake < len(self._own)]
        slots = slots[self._own[slots] >= 0]
        scores = self._score(slots, self._own[slots], counts, bank)
        return Found(slots, scores, lambda slot: self._since[self._of(slot)])

    def _of(self, slot: int) -> int:
        return int(self._own[slot]) if slot < len(self._own) else -1


class PartWeigher(Weigher):
    """Weighs another part of the posts than the negative ones, whose share wanders more (measured)."""

    curve: ClassVar[Curve] = Curve(1.075, 1.02, 0.6, 2.2)


class PartBank(SurgeBank):
    """A `SurgeBank` of such a part."""

    weigher: ClassVar[type[Weigher]] = PartWeigher


class CountedMeasure(OwnMeasure):
    """A measure whose detector is a bank like that of negative surges, to which others are hits among others."""

    def __init__(self, kinds: frozenset[str], bank: type[SurgeBank], calendar_of: CalendarOf, count: Count) -> None:
        super().__init__(kinds)
        self._bank, self._calendar_of, self._count = bank(BUCKET_MIN * 60), calendar_of, count

    def _grow(self, name: str) -> None:
        self._bank.add(calendar=self._calendar_of(name))

    def _to_bytes(self) -> bytes:
        return self._bank.to_bytes()

    def _from_bytes(self, raw: bytes) -> None:
        self._bank = type(self._bank).from_bytes(raw)

    def skip(self, slot: int, buckets: int) -> None:
        """See `OwnMeasure.skip`."""
        if self._of(slot) >= 0:
            self._bank.skip(self._own[slot : slot + 1], np.array([float(buckets)]))

    def _score(self, slots: Slots, own: Slots, counts: Counts, _bank: SurgeBank) -> Scores:
        hits, totals = self._count(counts)
        return self._bank.close(own, _start_s(slots, counts), hits[slots], totals[slots])


class MixMeasure(CountedMeasure):
    """A topic's share of what is said of its company. A topic that is new begins with what is known of the company."""

    def __init__(self, kinds: frozenset[str], calendar_of: CalendarOf) -> None:
        super().__init__(kinds, PartBank, calendar_of, lambda came: (came.totals, came.totals))
        self._companies: NDArray[np.intp] = _NONE  # slot in the bank -> the company's slot in the watch

    def _score(self, slots: Slots, own: Slots, counts: Counts, bank: SurgeBank) -> Scores:
        new = np.full(len(self._slots) - len(self._companies), -1, dtype=np.intp)
        self._companies = np.concatenate([self._companies, new])
        for mine in np.flatnonzero(self._companies < 0).tolist():
            topic = counts.series[self._slots[mine]]
            company = counts.by_name.get(f"issuer:{topic.name.partition(':')[2].partition('|')[0]}")
            if company is None:  # heard of before companies were watched, and not since
                continue
            self._companies[mine] = company
            if topic.born == counts.bucket == self._since[mine]:
                self._bank.begin_as_part(mine, bank, company)
                self._since[mine] = counts.series[company].born
        companies = np.where(self._companies[own] < 0, slots, self._companies[own])
        return self._bank.close(own, _start_s(slots, counts), counts.totals[slots], counts.totals[companies])


class SilenceMeasure(OwnMeasure):
    """That a series says nothing, by the baseline of negative surges (`silence.py`)."""

    def __init__(self, kinds: frozenset[str]) -> None:
        super().__init__(kinds)
        self._state = np.zeros((0, len(silence.FRESH)))

    def _grow(self, _name: str) -> None:
        self._state = np.vstack([self._state, silence.FRESH])

    def _to_bytes(self) -> bytes:
        return self._state.astype("<f8").tobytes()

    def _from_bytes(self, raw: bytes) -> None:
        try:
            self._state = np.frombuffer(raw, dtype="<f8").reshape(-1, len(silence.FRESH)).astype(np.float64)
        except ValueError as error:
            raise StateError(f"silence state cannot be read ({error}); rebuild it from history") from None

    def skip(self, slot: int, buckets: int) -> None:
        """See `OwnMeasure.skip`: in its sleep a series grows no more silent."""

    def later(self, buckets: int) -> None:
        """See `OwnMeasure.later`."""
        super().later(buckets)
        self._state[:, silence.BEGUN] += buckets

    def _score(self, slots: Slots, own: Slots, counts: Counts, bank: SurgeBank) -> Scores:
        rows = self._state[own]
        heard = counts.posts[slots] + counts.stale[slots]
        scores = silence.listen(rows, bank.usual(slots, _start_s(slots, counts)), counts.bucket, heard)
        self._state[own] = rows
        return scores


def _start_s(slots: Slots, counts: Counts) -> Floats:
    return np.full(len(slots), counts.bucket * BUCKET_MIN * 60.0)


_MAKE: Final[Mapping[Measure, Callable[[frozenset[str], CalendarOf], OwnMeasure]]] = {
    "volume": lambda kinds, calendar_of: CountedMeasure(
        kinds, TalkBank, calendar_of, lambda came: (came.negatives, came.totals)
    ),
    "silence": lambda kinds, _: SilenceMeasure(kinds),
    "mix": MixMeasure,
    "lag": lambda kinds, calendar_of: CountedMeasure(
        kinds, PartBank, calendar_of, lambda came: (came.stale, came.stale + came.posts)
    ),
}


class Measures:
    """All measures with detectors that the rules of a watch ask for, beside that of negative surges."""

    def __init__(self, rules: Sequence[Rule], calendar_of: CalendarOf) -> None:
        self._all: dict[Measure, OwnMeasure] = {
            measure: make(
                frozenset(kind for rule in rules if rule.measure == measure for kind in rule.series), calendar_of
            )
            for measure, make in _MAKE.items()
            if any(rule.measure == measure for rule in rules)
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
        """See `OwnMeasure.add`."""
        for one in self._all.values():
            one.add(slot, series, bucket)

    def skip(self, slot: int, buckets: int) -> None:
        """See `OwnMeasure.skip`."""
        for one in self._all.values():
            one.skip(slot, buckets)

    def later(self, buckets: int) -> None:
        """See `OwnMeasure.later`."""
        for one in self._all.values():
            one.later(buckets)

    def close(self, awake: Slots, counts: Counts, bank: SurgeBank) -> dict[Measure, Found]:
        """What each finds in a closed bucket; see `OwnMeasure.close`."""
        return {measure: one.close(awake, counts, bank) for measure, one in self._all.items()}
