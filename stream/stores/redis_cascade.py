"""The cascade's money and answers in Redis, shared by all workers. Each day has a hash of sums and counters and one of
what is set aside; all keys share one hash tag and expire.
"""

from collections.abc import Mapping, Sequence
from typing import cast

import redis

from classifier.cascade.budget import DAYS_KEPT, DayLedger, Reservation
from stream.stores.redis_common import Script, faults_named

_DAY_S = 86_400
_RESERVE, _SETTLE = Script("reserve"), Script("settle")
_SPENT = b"spent"
_COUNT = b"n:"


class RedisBudget:
    """A `classifier.cascade.budget.BudgetStore`. `client` answers in bytes; days of one `currency` are told apart."""

    def __init__(self, client: redis.Redis, prefix: str, currency: str) -> None:
        self._client = client
        self._base = f"{prefix}:{{cascade}}:money:{currency}:"

    def reserve(self, reservation: Reservation, budget_micro: int) -> bool:
        """See `BudgetStore.reserve`."""
        ttl_s = DAYS_KEPT * _DAY_S
        return bool(_RESERVE.run(self._client, self._day(reservation.day), *reservation[::2], budget_micro, ttl_s))

    def settle(self, reservation: Reservation, actual_micro: int) -> None:
        """See `BudgetStore.settle`."""
        _SETTLE.run(self._client, self._day(reservation.day), reservation.id, actual_micro)

    def count(self, day: str, counts: Mapping[str, int]) -> None:
        """See `BudgetStore.count`."""
        sums = f"{self._day(day)}sums"
        with faults_named(self._client), self._client.pipeline(transaction=True) as pipeline:
            for name, number in counts.items():
                if number:
                    pipeline.hincrby(sums, _COUNT + name.encode(), number)
            pipeline.expire(sums, DAYS_KEPT * _DAY_S)
            pipeline.execute()

    def days(self, days: Sequence[str]) -> list[DayLedger]:
        """See `BudgetStore.days`."""
        with faults_named(self._client), self._client.pipeline(transaction=True) as pipeline:
            for day in days:
                pipeline.hgetall(f"{self._day(day)}sums")
                pipeline.hvals(f"{self._day(day)}open")
            found = pipeline.execute()
        return [_ledger(day, *rows) for day, rows in zip(days, zip(found[::2], found[1::2], strict=True), strict=True)]

    def _day(self, day: str) -> str:
        return f"{self._base}{day}:"


class RedisAnswers:
    """A `classifier.cascade.budget.AnswerCache` whose answers live for some days."""

    def __init__(self, client: redis.Redis, prefix: str, days: int) -> None:
        self._client, self._ttl_s = client, days * _DAY_S
        self._base = f"{prefix}:{{cascade}}:answer:"

    def get(self, keys: Sequence[str]) -> list[bytes | None]:
        """See `AnswerCache.get`."""
        if not keys:
            return []
        with faults_named(self._client):
            return cast("list[bytes | None]", self._client.mget([self._base + key for key in keys]))

    def put(self, key: str, value: bytes) -> None:
        """See `AnswerCache.put`."""
        with faults_named(self._client):
            self._client.set(self._base + key, value, ex=self._ttl_s)


def _ledger(day: str, sums: Mapping[bytes, bytes], aside: Sequence[bytes]) -> DayLedger:
    counts = {name[len(_COUNT) :].decode(): int(n) for name, n in sorted(sums.items()) if name.startswith(_COUNT)}
    return DayLedger(day, int(sums.get(_SPENT, 0)), sum(map(int, aside)), counts)
