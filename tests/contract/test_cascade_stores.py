"""What every ledger and cache of the cascade promises, claimed of those in memory and of Redis."""

import itertools
import threading
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.cascade.budget import AnswerCache, BudgetStore, DayLedger, Reservation
from classifier.cascade.memory import MemoryAnswers, MemoryBudget
from stream.errors import ServerUnavailable
from stream.stores.redis_cascade import RedisAnswers, RedisBudget
from stream.stores.redis_common import connect

DAY, NEXT_DAY = "2026-01-05", "2026-01-06"


class Stores(NamedTuple):
    """A ledger and a cache."""

    budget: BudgetStore
    answers: AnswerCache


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.servers)])
def stores(request: pytest.FixtureRequest) -> Iterator[Stores]:
    """Empty ones."""
    if request.param == "memory":
        yield Stores(MemoryBudget(), MemoryAnswers())
        return
    prefix = request.getfixturevalue("prefix")
    with connect(request.getfixturevalue("redis_url")) as client:
        yield Stores(RedisBudget(client, prefix, "USD"), RedisAnswers(client, prefix, 1))


def aside(name: str, micro: int, day: str = DAY) -> Reservation:
    return Reservation(name, day, micro)


def spent(budget: BudgetStore, day: str = DAY) -> tuple[int, int]:
    (ledger,) = budget.days([day])
    return ledger.spent_micro, ledger.open_micro


# a call: what is set aside, the part of it that it costs (None: the process dies before it is settled)
CALLS = st.lists(
    st.tuples(st.integers(0, 60), st.one_of(st.none(), st.floats(0, 1)), st.sampled_from([DAY, NEXT_DAY])), max_size=30
)


def play(budget: BudgetStore, calls: list[tuple[int, float | None, str]], limit: int, at_once: int) -> None:
    """Make the calls, `at_once` of them under way together, and hold the ledger against a plain sum after each step."""
    paid, under_way, lost = {DAY: 0, NEXT_DAY: 0}, list[tuple[Reservation, float | None]](), {DAY: 0, NEXT_DAY: 0}

    def settle_first() -> None:
        reservation, part = under_way.pop(0)
        if part is None:
            lost[reservation.day] += reservation.micro
            return
        for _ in range(2):  # a repeated call changes nothing
            budget.settle(reservation, round(reservation.micro * part))
        paid[reservation.day] += round(reservation.micro * part)

    for number, (micro, part, day) in enumerate(calls):
        reservation = aside(f"r{number}", micro, day)
        before, _ = spent(budget, day)
        assert budget.reserve(reservation, limit) == (before + micro <= limit)
        if before + micro <= limit:
            assert budget.reserve(reservation, limit)
            under_way.append((reservation, part))
        if len(under_way) >= at_once:
            settle_first()
        for one in (DAY, NEXT_DAY):
            waiting = sum(held.micro for held, _ in under_way if held.day == one) + lost[one]
            assert spent(budget, one) == (paid[one] + waiting, waiting)
            assert paid[one] + waiting <= limit


@given(CALLS, st.integers(0, 100), st.integers(1, 8))
def test_in_memory_no_history_of_calls_exceeds_the_budget(
    calls: list[tuple[int, float | None, str]], limit: int, at_once: int
) -> None:
    play(MemoryBudget(), calls, limit, at_once)


@pytest.mark.servers
@settings(max_examples=25, deadline=None)
@given(calls=CALLS, limit=st.integers(0, 100), at_once=st.integers(1, 8))
def test_in_redis_no_history_of_calls_exceeds_the_budget(
    redis_url: str, calls: list[tuple[int, float | None, str]], limit: int, at_once: int
) -> None:
    with connect(redis_url) as client:
        client.flushdb()
        play(RedisBudget(client, "h", "USD"), calls, limit, at_once)


def test_the_last_micro_unit_can_be_set_aside_and_no_more(stores: Stores) -> None:
    assert stores.budget.reserve(aside("a", 60), 100)
    assert not stores.budget.reserve(aside("b", 41), 100)
    assert stores.budget.reserve(aside("b", 40), 100)
    assert spent(stores.budget) == (100, 100)


def test_what_is_settled_is_replaced_by_what_it_cost_once(stores: Stores) -> None:
    stores.budget.reserve(aside("a", 60), 100)
    stores.budget.settle(aside("a", 60), 25)
    stores.budget.settle(aside("a", 60), 0)
    stores.budget.settle(aside("never set aside", 60), 7)
    assert spent(stores.budget) == (25, 0)


def test_what_a_crash_left_set_aside_stays_spent(stores: Stores) -> None:
    stores.budget.reserve(aside("lost", 60), 100)
    assert not stores.budget.reserve(aside("b", 50), 100)
    assert spent(stores.budget) == (60, 60)


def test_a_call_that_cost_more_is_told_as_it_is(stores: Stores) -> None:
    stores.budget.reserve(aside("a", 10), 100)
    stores.budget.settle(aside("a", 10), 130)
    assert spent(stores.budget) == (130, 0)
    assert not stores.budget.reserve(aside("b", 0), 100)


def test_each_day_has_its_own_budget_and_pays_for_what_began_in_it(stores: Stores) -> None:
    stores.budget.reserve(aside("a", 100), 100)
    assert stores.budget.reserve(aside("b", 100, NEXT_DAY), 100)
    stores.budget.settle(aside("a", 100), 1)
    assert (spent(stores.budget), spent(stores.budget, NEXT_DAY)) == ((1, 0), (100, 100))


def test_counts_add_up_and_days_come_in_the_order_asked(stores: Stores) -> None:
    stores.budget.count(DAY, {"asked": 2, "changed": 0})
    stores.budget.count(DAY, {"asked": 1, "ignored": 1})
    assert stores.budget.days([NEXT_DAY, DAY]) == [
        DayLedger(NEXT_DAY),
        DayLedger(DAY, 0, 0, {"asked": 3, "ignored": 1}),
    ]
    assert stores.budget.days([]) == []


def test_sums_of_a_milliard_are_exact(stores: Stores) -> None:
    most = 10**15
    assert stores.budget.reserve(aside("a", most - 1), most)
    assert not stores.budget.reserve(aside("b", 2), most)
    assert stores.budget.reserve(aside("c", 1), most)
    stores.budget.settle(aside("a", most - 1), 3)
    assert spent(stores.budget) == (4, 1)


def test_eight_threads_never_exceed_the_budget_together(stores: Stores) -> None:
    won: list[int] = []

    def work(number: int) -> None:
        for turn in itertools.count():
            one = aside(f"{number}.{turn}", 7)
            if not stores.budget.reserve(one, 1000):
                return
            stores.budget.settle(one, 5)
            won.append(5)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    total, waiting = spent(stores.budget)
    assert (total, waiting) == (sum(won), 0)
    assert 1000 - 7 < total <= 1000


def test_answers_are_kept_by_key_and_given_in_order(stores: Stores) -> None:
    stores.answers.put("a", b"1")
    stores.answers.put("b", b"\x00")
    stores.answers.put("a", b"2")
    assert stores.answers.get(["b", "absent", "a"]) == [b"\x00", None, b"2"]
    assert stores.answers.get([]) == []


def test_the_memory_cache_forgets_what_was_not_used_for_longest() -> None:
    cache = MemoryAnswers(2)
    cache.put("a", b"1")
    cache.put("b", b"2")
    cache.get(["a"])
    cache.put("c", b"3")
    assert cache.get(["a", "b", "c"]) == [b"1", None, b"3"]


@pytest.mark.servers
def test_in_redis_all_keys_expire_and_share_a_hash_tag(redis_url: str, prefix: str) -> None:
    with connect(redis_url) as client:
        budget, answers = RedisBudget(client, prefix, "USD"), RedisAnswers(client, prefix, 1)
        budget.reserve(aside("a", 1), 10)
        budget.count(DAY, {"asked": 1})
        answers.put("k", b"v")
        keys: list[bytes] = list(client.scan_iter(f"{prefix}*"))
        assert len(keys) == 3
        assert all(b"{cascade}" in key and client.ttl(key) > 0 for key in keys)


@pytest.mark.servers
def test_in_redis_days_of_another_currency_are_not_mixed_in(redis_url: str, prefix: str) -> None:
    with connect(redis_url) as client:
        RedisBudget(client, prefix, "USD").reserve(aside("a", 10), 10)
        assert RedisBudget(client, prefix, "CNY").reserve(aside("a", 10), 10)


def test_a_redis_that_is_away_is_named() -> None:
    with connect("redis://127.0.0.1:1/0", timeout_s=0.2) as client, pytest.raises(ServerUnavailable, match=r":1 .*up"):
        RedisBudget(client, "x", "USD").days([DAY])
