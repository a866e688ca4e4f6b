"""What every trend store promises of leases, commits and outboxes, claimed of the one in memory and of Redis."""

import time

import pytest

from alerts.accounts import Account
from alerts.votes import Band
from stream.errors import Fenced
from stream.stores.protocols import (
    BANDS_KEPT,
    MARKET_SHARD,
    Standing,
    TrendStore,
    shard_of,
)
from tests.contract.counted import HOSTILE, MINUTE, NOW_MS, Make, doc, held, rows, update


def test_accounts_are_those_last_committed_of_all_series_or_of_some(make: Make) -> None:
    store = make(3)
    accounts = {f"issuer:{name}": Account(NOW_MS + n, {"rule": n}) for n, name in enumerate(HOSTILE)}
    assert store.accounts() == store.accounts(["issuer:A"]) == store.accounts([]) == {}
    for fired in (0, 2):
        for name, account in accounts.items():
            accounts[name] = Account(account.born_ms, {**account.fired, "other": fired})
            shard = shard_of(name, 3)
            store.commit(shard, held(store, shard), update(MINUTE + 1, accounts={name: accounts[name]}))
    assert store.accounts() == accounts
    some = list(accounts)[3:8]
    assert store.accounts([*some, "issuer:unknown"]) == {name: accounts[name] for name in some}
    assert store.accounts([]) == {}


def test_the_watermark_is_the_least_progress_and_never_goes_back(store: TrendStore) -> None:
    assert store.watermark(2) is None
    store.progress({0: 1_800_000_000_123})
    assert store.watermark(2) is None
    assert store.watermark(1) == 1_800_000_000_123
    store.progress({1: 1_800_000_000_001, 0: 5})
    assert store.watermark(2) == 1_800_000_000_001
    store.progress({1: 1_800_000_000_200})
    assert store.watermark(2) == 1_800_000_000_123
    store.progress({})
    assert store.watermark(0) is None


def test_a_lease_is_held_by_one_and_renewed_with_its_token(store: TrendStore) -> None:
    token = store.lease(0, "me", 60_000, NOW_MS)
    assert token is not None
    assert token >= NOW_MS
    assert store.lease(0, "you", 60_000, NOW_MS + 10) is None
    assert store.lease(0, "me", 60_000, NOW_MS + 20) == token
    store.release(0, "you")
    assert store.lease(0, "you", 60_000, NOW_MS + 30) is None
    store.release(0, "me")
    assert (store.lease(0, "you", 60_000, NOW_MS - 1_000) or 0) > token


def test_a_lease_that_ends_goes_to_another(store: TrendStore) -> None:
    token = store.lease(0, "me", 50, NOW_MS)
    time.sleep(0.1)
    taken = store.lease(0, "you", 60_000, NOW_MS + 100)
    assert taken is not None
    assert token is not None
    assert taken > token


def test_shards_are_leased_apart(make: Make) -> None:
    store = make(2)
    assert store.lease(0, "me", 60_000, NOW_MS)
    assert store.lease(1, "you", 60_000, NOW_MS)


def test_an_old_token_changes_nothing(store: TrendStore) -> None:
    store.count([doc()])
    old = held(store)
    store.commit(0, old, update(MINUTE - 1, outbox={"a": b"1"}))
    store.release(0, "me")
    held(store, owner="you")
    with pytest.raises(Fenced):
        store.commit(0, old, update(MINUTE + 1, outbox={"b": b"2"}, bands={"market:all": rows(1, 3)}))
    with pytest.raises(Fenced):
        store.sent(0, old, ["a"])
    assert store.load(0).closed_until == MINUTE - 1
    assert store.outbox(0) == {"a": b"1"}
    assert store.bands("market:all", 10) == []
    assert len(store.minutes(0, MINUTE + 1, 10)) == 1


def test_a_shard_without_a_lease_takes_no_commit(store: TrendStore) -> None:
    with pytest.raises(Fenced):
        store.commit(0, NOW_MS, update(MINUTE))


def test_how_far_a_shard_is_can_be_asked_by_who_does_not_hold_it(make: Make) -> None:
    store = make(2)
    assert store.standing(0) is None
    store.commit(0, held(store), update(MINUTE, born={29_000: 3, 29_001: 200}))
    store.commit(1, held(store, 1), update(MINUTE + 5))
    assert store.standing(0) == Standing(MINUTE, {29_000: 3, 29_001: 200})
    assert store.standing(1) == Standing(MINUTE + 5, {})


def test_the_market_has_a_lease_a_state_and_an_outbox_of_its_own(store: TrendStore) -> None:
    token = held(store, MARKET_SHARD)
    store.commit(MARKET_SHARD, token, update(MINUTE, outbox={"a": b"1", "b": b"2"}))
    assert store.load(MARKET_SHARD).watch == b"state \xff\x00"
    store.sent(MARKET_SHARD, token, ["a"])
    assert store.outbox(MARKET_SHARD) == {"b": b"2"}
    assert [store.load(shard).watch for shard in range(store.shards)] == [None] * store.shards
    with pytest.raises(Fenced):
        store.commit(MARKET_SHARD, token - 1, update(MINUTE + 1))


def test_a_commit_brings_state_votes_outbox_and_bands_together(store: TrendStore) -> None:
    assert store.load(0) == (None, None, {})
    store.count([doc("a"), doc("b", received_ms=NOW_MS + 60_000)])
    token = held(store)
    first = update(
        MINUTE + 1,
        outbox={"z": b"\xff1", "y": b"2"},
        bands={"market:all": rows(15, 2)},
        voted_added={"market:all": {"s1": MINUTE, "s2": MINUTE}, "issuer:A": {"s1": MINUTE}},
    )
    store.commit(0, token, first)
    store.commit(0, token, first)  # a repeat, as after a time-out
    second = update(
        MINUTE + 2,
        outbox={"a": b"3"},
        bands={"market:all": rows(17, 1), "issuer:A": rows(17, 1)},
        voted_added={"market:all": {"s3": MINUTE + 1, "s1": MINUTE + 1}},
        voted_removed={"market:all": ["s1", "s2", "unknown"], "issuer:B": ["s1"]},
    )
    store.commit(0, token, second)
    state = store.load(0)
    assert (state.watch, state.closed_until) == (b"state \xff\x00", MINUTE + 2)
    voted = {series: stories for series, stories in state.voted.items() if stories}
    assert voted == {"market:all": {"s3": MINUTE + 1, "s1": MINUTE + 1}, "issuer:A": {"s1": MINUTE}}
    assert list(store.outbox(0).items()) == [("z", b"\xff1"), ("y", b"2"), ("a", b"3")]
    assert [band.start_ms for band in store.bands("market:all", 10)] == [15, 16, 17]
    assert store.bands("issuer:A", 10) == [Band(17, 0.1, 1 / 3, 1e300, -0.0, 2.5)]
    assert store.minutes(0, MINUTE + 2, 10) == []
    store.sent(0, token, ["y", "unknown"])
    assert list(store.outbox(0)) == ["z", "a"]


def test_the_last_bands_are_kept(store: TrendStore) -> None:
    token = held(store)
    for start in range(0, 3000, 100):
        store.commit(0, token, update(MINUTE, bands={"market:all": rows(start, 100)}))
    starts = [band.start_ms for band in store.bands("market:all", 10_000)]
    assert starts == list(range(3000 - BANDS_KEPT, 3000))
    store.commit(0, token, update(MINUTE, bands={"market:all": rows(3000, 2000)}))
    assert [band.start_ms for band in store.bands("market:all", 2)] == [4998, 4999]
    assert len(store.bands("market:all", 10_000)) == BANDS_KEPT
    assert store.bands("market:all", 0) == []


def test_many_votes_and_bands_are_one_commit(store: TrendStore) -> None:
    names = [f"issuer:{n}" for n in range(1000)]
    change = update(
        MINUTE + 1,
        outbox={f"a{n}": b"x" for n in range(1000)},
        bands={name: rows(0, 1) for name in names},
        voted_added={name: {f"s{k}": MINUTE for k in range(20)} for name in names},
    )
    token = held(store)
    store.commit(0, token, change)
    assert sum(map(len, store.load(0).voted.values())) == 20_000
    gone = {name: [f"s{k}" for k in range(20)] for name in names}
    store.commit(0, token, update(MINUTE + 2, voted_removed=gone))
    assert not any(store.load(0).voted.values())
    store.sent(0, token, [f"a{n}" for n in range(1000)])
    assert store.outbox(0) == {}
