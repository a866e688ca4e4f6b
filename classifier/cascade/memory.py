"""The cascade's stores in memory: for one process, measurements and tests. They keep the promises of the real ones."""

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Mapping, Sequence
from threading import Lock

from classifier.cascade.budget import DayLedger, Reservation


class _Day:
    def __init__(self) -> None:
        self.spent_micro = 0
        self.open: dict[str, int] = {}
        self.counts: Counter[str] = Counter()


class MemoryBudget:
    """A `BudgetStore` in one process, shared by its threads."""

    def __init__(self) -> None:
        self._days: defaultdict[str, _Day] = defaultdict(_Day)
        self._lock = Lock()

    def reserve(self, reservation: Reservation, budget_micro: int) -> bool:
        """See `BudgetStore.reserve`."""
        with self._lock:
            day = self._days[reservation.day]
            if reservation.id in day.open:
                return True
            if day.spent_micro + reservation.micro > budget_micro:
                return False
            day.open[reservation.id] = reservation.micro
            day.spent_micro += reservation.micro
            return True

    def settle(self, reservation: Reservation, actual_micro: int) -> None:
        """See `BudgetStore.settle`."""
        with self._lock:
            day = self._days[reservation.day]
            aside = day.open.pop(reservation.id, None)
            if aside is not None:
                day.spent_micro += actual_micro - aside

    def count(self, day: str, counts: Mapping[str, int]) -> None:
        """See `BudgetStore.count`."""
        with self._lock:
            self._days[day].counts.update(counts)

    def days(self, days: Sequence[str]) -> list[DayLedger]:
        """See `BudgetStore.days`."""
        with self._lock:
            return [_ledger(name, self._days[name]) if name in self._days else DayLedger(name) for name in days]


class MemoryAnswers:
    """An `AnswerCache` of the answers last used."""

    def __init__(self, size: int = 20_000) -> None:
        self._size = size
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._lock = Lock()

    def get(self, keys: Sequence[str]) -> list[bytes | None]:
        """See `AnswerCache.get`."""
        with self._lock:
            for key in keys:
                if key in self._kept:
                    self._kept.move_to_end(key)
            return [self._kept.get(key) for key in keys]

    def put(self, key: str, value: bytes) -> None:
        """See `AnswerCache.put`."""
        with self._lock:
            self._kept[key] = value
            self._kept.move_to_end(key)
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)


def _ledger(name: str, day: _Day) -> DayLedger:
    counts = {key: number for key, number in sorted(day.counts.items()) if number}
    return DayLedger(name, day.spent_micro, sum(day.open.values()), counts)
