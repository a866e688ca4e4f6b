"""What the cascade asks of its stores: the ledger of a day's money, and answers kept for texts that come again.

Each Protocol has an implementation in memory (`memory.py`) and one in Redis, under one suite of contract tests.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

DAYS_KEPT = 400


class Reservation(NamedTuple):
    """Money set aside for one call: an id of its own, the day (`2026-01-05`, UTC), and micro-units."""

    id: str
    day: str
    micro: int


class DayLedger(NamedTuple):
    """What a day cost. `spent_micro` holds `open_micro`: what calls still under way, or lost in a crash, set aside.

    `counts` says how often what happened: see `cascade.COUNTS`.
    """

    day: str
    spent_micro: int = 0
    open_micro: int = 0
    counts: Mapping[str, int] = {}


class BudgetStore(Protocol):
    """The money of each day. Any process may use it at any time; every call is one step and safe to repeat."""

    def reserve(self, reservation: Reservation, budget_micro: int) -> bool:
        """Set money aside and say True, or change nothing and say False where the day's budget would be exceeded.

        What is never settled stays spent.
        """
        ...

    def settle(self, reservation: Reservation, actual_micro: int) -> None:
        """Replace the money set aside by what the call did cost; a second time for one reservation changes nothing."""
        ...

    def count(self, day: str, counts: Mapping[str, int]) -> None:
        """Add to the day's counters."""
        ...

    def days(self, days: Sequence[str]) -> list[DayLedger]:
        """Return the ledgers of some days in the order given; a day without any is empty."""
        ...


class AnswerCache(Protocol):
    """Encoded answers by key. May forget at any time."""

    def get(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return what is kept under each key, in order."""
        ...

    def put(self, key: str, value: bytes) -> None:
        """Keep a value."""
        ...


def day_of(now_ms: int) -> str:
    """Return the UTC day of a time in milliseconds since 1970: `2026-01-05`."""
    return datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y-%m-%d")


def days_until(now_ms: int, number: int) -> list[str]:
    """Return the last so many UTC days, today first."""
    today = datetime.fromtimestamp(now_ms / 1000, UTC)
    return [(today - timedelta(days=back)).strftime("%Y-%m-%d") for back in range(number)]
