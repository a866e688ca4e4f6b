"""What every trend store promises, claimed of the one in memory and of Redis."""

import itertools
import random
import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.crc import key_slot

from alerts.accounts import Account
from alerts.votes import Band, Vote
from stream.errors import Fenced, ServerUnavailable
from stream.stores.memory import MemoryTrends
from stream.stores.protocols import (
    BANDS_KEPT,
    MARKET_SHARD,
    Counted,
    SeriesVote,
    ShardUpdate,
    Span,
    Standing,
    TrendStore,
    shard_of,
)
from stream.stores.redis_common import connect
from stream.stores.redis_trends import RedisTrends
from tests.contract.counted import MINUTE, NEGATIVE, NOW_MS, POSITIVE, Make, doc, vote

HOSTILE = ["a b", "a\nb", "a\x00b", "*", "{s0}", "{}:seen:", "🐻‍❄️", "平安", "x" * 200, "12:34", "|", "é", "e\u0301"]


@pytest.fixture
def store(make: Make) -> TrendStore:
    """An empty store of one shard."""
    return make(1)


def update(closed_until: int, **changes: object) -> ShardUpdate:
    empty: dict[str, object] = {"outbox": {}, "bands": {}, "voted_added": {}, "voted_removed": {}}
    empty |= {"accounts": {}, "born": {}}
    return ShardUpdate(watch=b"state \xff\x00", closed_until=closed_until, **(empty | changes))  # type: ignore[arg-type]


def held(store: TrendStore, shard: int = 0, owner: str = "me") -> int:
    token = store.lease(shard, owner, 60_000, NOW_MS)
    assert token is not None
    return token


def everything(store: TrendStore) -> object:
    """All that can be read of what was counted, in an order of its own."""
    minutes = [
        (m.minute, {s: sorted(v) for s, v in m.votes.items()}, dict(m.stale), dict(m.excerpts))
        for shard in range(store.shards)
        for m in store.minutes(shard, 2 * MINUTE, 10_000)
    ]
    busiest = [store.busiest(kind, 100) for kind in ("market", "issuer", "issuer_topic", "source")]
    names = [name for part in busiest for name, _ in part]
    charts = [
        store.chart(name, resolution, NOW_MS - 3 * 86_400_000, NOW_MS + 3 * 86_400_000)
        for name in names
        for resolution in ("5m", "hour", "day")
    ]
    around = [Span(resolution, NOW_MS - 86_400_000, NOW_MS) for resolution in ("hour", "day", "5m")]
    totals = [store.totals(kind, around, 1) for kind in ("market", "issuer", "issuer_topic", "source")]
    return minutes, busiest, charts, totals, sorted(store.seen_ids())


SERIES = ["market:all", "issuer:AAPL", "issuer_topic:AAPL|earnings", "issuer:600519.SH", "source:a b"]
VOTES = st.lists(
    st.builds(SeriesVote, st.sampled_from(SERIES), st.integers(0, 2), st.integers(-1000, 1000), st.booleans()),
    max_size=4,
    unique_by=lambda v: v.series,
)
DOCS = st.builds(
    lambda post, ms, lag, story, first, stale, votes, novelty_milli, source, teller: Counted(
        post,
        NOW_MS + ms,
        NOW_MS + ms - lag,
        story,
        first,
        stale,
        (vote(), *votes),
        b"excerpt of " + post.encode(),
        novelty_milli,
        source,
        teller,
    ),
    post=st.sampled_from(["a", "b", "B", "_", "é", "🐻", "aa", "\x01"]),
    ms=st.sampled_from([0, 1, 59_999, 60_000, 300_000]),
    lag=st.sampled_from([0, 1, 400_000, 7_200_000]),
    story=st.sampled_from(["s1", "s2"]),
    first=st.booleans(),
    stale=st.booleans(),
    votes=VOTES.map(lambda votes: [v for v in votes if v.series != "market:all"]),
    novelty_milli=st.integers(0, 1000),
    source=st.sampled_from(["", "x", "*", "路透", "a b"]),
    teller=st.sampled_from(["", "x", "1:路透", "a b"]),
)
BATCHES = st.lists(DOCS, max_size=12)


@given(docs=st.lists(DOCS, max_size=12, unique_by=lambda d: d.id), data=st.data(), shards=st.integers(1, 3))
def test_repeats_order_and_cuts_change_nothing(docs: list[Counted], data: st.DataObject, shards: int) -> None:
    plain, other = MemoryTrends(shards), MemoryTrends(shards)
    assert plain.count(docs) == len(docs)
    again = data.draw(st.permutations(docs + docs))
    cut = data.draw(st.integers(0, len(again)))
    assert other.count(again[:cut]) + other.count(again[cut:]) == len(docs)
    assert everything(plain) == everything(other)


@pytest.mark.servers
@settings(max_examples=40, deadline=None)
@given(batches=st.lists(BATCHES, max_size=3), shards=st.integers(1, 3), closes=st.booleans())
def test_redis_counts_what_memory_counts(
    redis_url: str, batches: list[list[Counted]], shards: int, closes: bool
) -> None:
    with connect(redis_url) as client:
        client.flushdb()
        memory, real = MemoryTrends(shards), RedisTrends(client, "h", shards)
        for batch in batches:
            assert memory.count(batch) == real.count(batch)
            if closes:
                for store in (memory, real):
                    for shard in range(shards):
                        store.commit(shard, held(store, shard), update(MINUTE + 1))
        assert everything(memory) == everything(real)


def test_a_post_is_counted_once_in_whatever_order_and_cuts_it_is_repeated(make: Make) -> None:
    docs = [
        doc(f"p{n}", vote(), vote(f"issuer:S{n % 3}", n % 3, n), received_ms=NOW_MS + n * 7_000, story=f"s{n % 4}")
        for n in range(30)
    ]
    once = make(2)
    assert once.count(docs) == 30
    shuffled = docs * 3
    random.Random(7).shuffle(shuffled)
    often = make(2)
    assert sum(often.count(shuffled[start : start + 11]) for start in range(0, 90, 11)) == 30
    assert everything(often) == everything(once)


def test_a_story_has_one_vote_in_a_minute_its_first_members(store: TrendStore) -> None:
    store.count([doc("b", vote(label=POSITIVE), received_ms=NOW_MS + 5)])
    store.count([doc("é", received_ms=NOW_MS + 2), doc("z", vote(label=NEGATIVE), received_ms=NOW_MS + 2)])
    store.count([doc("c", vote(label=NEGATIVE), received_ms=NOW_MS + 9)])
    [minute] = store.minutes(0, MINUTE + 1, 10)
    assert minute.votes == {"market:all": [Vote(NOW_MS + 2, "z", "s1", True, 4, 2)]}


def test_equal_times_are_decided_by_code_points_and_no_locale(make: Make) -> None:
    for low, high in itertools.combinations(sorted(["B", "a", "_", "é", "z", "ab", "平", "🐻", "\uffff", "a\x00"]), 2):
        for pair in ([low, high], [high, low]):
            store = make(1)
            store.count([doc(pair[0])])
            store.count([doc(pair[1])])
            [minute] = store.minutes(0, MINUTE + 1, 1)
            assert [v.id for v in minute.votes["market:all"]] == [low]


def test_a_story_votes_in_each_series_and_minute(store: TrendStore) -> None:
    store.count([doc("a", vote("issuer:A"), vote("issuer:B")), doc("b", vote("issuer:A"), received_ms=NOW_MS + 60_000)])
    first, second = store.minutes(0, MINUTE + 2, 10)
    assert set(first.votes) == {"issuer:A", "issuer:B"}
    assert set(second.votes) == {"issuer:A"}
    assert (first.minute, second.minute) == (MINUTE, MINUTE + 1)


def test_only_watched_series_vote_and_all_are_charted(store: TrendStore) -> None:
    store.count([doc("a", vote("issuer:A", watched=False), vote())])
    [minute] = store.minutes(0, MINUTE + 1, 10)
    assert set(minute.votes) == {"market:all"}
    assert store.chart("issuer:A", "5m", NOW_MS - 600_000, NOW_MS + 600_000)[0].posts == 1


def test_stale_posts_are_counted_beside_and_do_not_vote(store: TrendStore) -> None:
    negative = vote(label=NEGATIVE)
    store.count([doc("a", negative, stale=True, excerpt=b"x"), doc("b", negative, stale=True)])
    [minute] = store.minutes(0, MINUTE + 1, 10)
    assert (dict(minute.votes), minute.stale, minute.excerpts) == ({}, {"market:all": 2}, {})
    assert store.chart("market:all", "day", 0, 2 * NOW_MS)[0].posts == 2


def test_each_teller_of_a_story_has_a_vote_of_its_own(store: TrendStore) -> None:
    store.count([doc("a", teller="1:é|x", received_ms=NOW_MS + 3), doc("b", teller="1:é|x", received_ms=NOW_MS + 1)])
    store.count([doc("c", teller="wire"), doc("d", vote(label=NEGATIVE)), doc("e", teller="wire", story="1:s")])
    [minute] = store.minutes(0, MINUTE + 1, 10)
    assert sorted((one.story, one.source, one.id, one.posts) for one in minute.votes["market:all"]) == [
        ("1:s", "wire", "e", 1),
        ("s1", "", "d", 1),
        ("s1", "1:é|x", "b", 2),
        ("s1", "wire", "c", 1),
    ]


def test_excerpts_that_are_given_stand_beside_their_votes(store: TrendStore) -> None:
    bad, unwatched = bytes(range(256)), vote("issuer:B", watched=False)
    store.count([doc("a", vote(label=NEGATIVE), excerpt=bad), doc("b", vote(label=POSITIVE), excerpt=b"good")])
    store.count([doc("c"), doc("d", unwatched, excerpt=b"nobody watches")])
    [minute] = store.minutes(0, MINUTE + 1, 10)
    assert minute.excerpts == {"a": bad, "b": b"good"}


def test_votes_for_a_closed_minute_are_dropped_and_still_charted(store: TrendStore) -> None:
    store.count([doc("a"), doc("b", received_ms=NOW_MS + 60_000)])
    store.commit(0, held(store), update(MINUTE + 1))
    store.count([doc("late"), doc("in time", received_ms=NOW_MS + 119_999)])
    [minute] = store.minutes(0, MINUTE + 10, 10)
    assert minute.minute == MINUTE + 1
    assert minute.votes["market:all"][0].posts == 2
    assert store.busiest("market", 1) == [("market:all", 4)]


def test_minutes_come_in_order_up_to_the_limit_and_before_until(store: TrendStore) -> None:
    store.count([doc(f"p{n}", received_ms=NOW_MS + n * 60_000) for n in (3, 1, 12, 2, 100)])
    assert [m.minute - MINUTE for m in store.minutes(0, MINUTE + 100, 10)] == [1, 2, 3, 12]
    assert [m.minute - MINUTE for m in store.minutes(0, MINUTE + 3, 1)] == [1]


def test_chart_sums_are_exact(store: TrendStore) -> None:
    store.count(
        [doc(f"a{n}", vote(label=n % 3, milli=n - 500), first=n % 10 == 0, novelty_milli=n) for n in range(1001)]
    )
    store.count([doc("next", vote(label=POSITIVE, milli=1000), published_ms=NOW_MS + 300_000)])
    start = NOW_MS // 300_000 * 300_000
    first, second = store.chart("market:all", "5m", start, start + 600_000)
    squares = sum((n - 500) ** 2 for n in range(1001)) / 1e6
    assert first == (start, 1001, 101, 334, 334, 333, 0.0, squares, 500.5, None)
    assert second == (start + 300_000, 1, 1, 0, 0, 1, 1.0, 1.0, 0.0, None)


def test_a_bucket_says_how_many_sources_spoke_whenever_they_came(store: TrendStore) -> None:
    hour = 3_600_000
    start = NOW_MS // 86_400_000 * 86_400_000
    for n in range(60):  # back and forth between two hours, a few sources in one, many in the other
        store.count(
            [
                doc(f"few{n}", published_ms=start + n % 3, source=f"s{n % 3}"),
                doc(f"many{n}", published_ms=start + hour, source=f"s{n}"),
            ]
        )
        store.count([doc(f"none{n}", published_ms=start + 2 * hour * (n % 2))])
    few, many, none = store.chart("market:all", "hour", start, start + 3 * hour)
    [day] = store.chart("market:all", "day", start, start + 1)
    assert (few.sources, none.sources) == (3, 0)
    assert many.sources == pytest.approx(60, abs=2)
    assert day.sources == pytest.approx(60, abs=2)
    assert [point.sources for point in store.chart("market:all", "5m", start, start + hour)] == [None]


def test_thousands_of_sources_are_estimated_within_three_percent(store: TrendStore) -> None:
    for half in range(2):
        store.count([doc(f"p{n}", source=f"feed-{n}.example") for n in range(half * 1500, 1500 + half * 1500)])
    [day] = store.chart("market:all", "day", 0, 2 * NOW_MS)
    assert day.sources == pytest.approx(3000, rel=0.03)


def test_what_is_published_later_leaves_what_is_older_as_it_was(store: TrendStore) -> None:
    order = [0, 5, 1, 5, 0, 9, 2, 1, 300, 290, 9]
    for n, step in enumerate(order):
        store.count([doc(f"p{n}", vote(milli=n), published_ms=NOW_MS + step * 300_000, source=f"s{n}")])
    points = store.chart("market:all", "5m", NOW_MS, NOW_MS + 301 * 300_000)
    found = {(point.start_ms - NOW_MS) // 300_000: (point.posts, point.score_sum) for point in points}
    assert found == {
        step: (order.count(step), sum(n for n, at in enumerate(order) if at == step) / 1e3) for step in set(order)
    }


def test_charts_run_in_published_time_by_half_open_ranges(store: TrendStore) -> None:
    day = 86_400_000
    days = [0, 1, 2, 40, 800]
    store.count([doc(f"p{n}", published_ms=NOW_MS - n * day) for n in days])
    for resolution in ("5m", "hour", "day"):
        points = store.chart("market:all", resolution, NOW_MS - 900 * day, NOW_MS + day)
        assert [point.posts for point in points] == [1] * 5
        starts = [point.start_ms for point in points]
        assert starts == sorted(starts)
        inner = store.chart("market:all", resolution, starts[1], starts[-1])
        assert [point.start_ms for point in inner] == starts[1:-1]
    assert store.chart("issuer:unknown", "hour", NOW_MS - day, NOW_MS) == []


def test_the_busiest_are_merged_over_shards_ties_by_name(make: Make) -> None:
    store = make(3)
    names = [f"issuer:{chr(65 + n)}" for n in range(12)]
    store.count([doc(f"{name}{k}", vote(name)) for n, name in enumerate(names) for k in range(1 + n // 4)])
    expected = [(name, 3) for name in names[8:]] + [(name, 2) for name in names[4:8]]
    assert store.busiest("issuer", 8) == expected
    assert store.busiest("issuer", 3) == expected[:3]
    assert store.busiest("sector", 5) == []
    assert store.busiest("issuer", 0) == []


def test_totals_are_the_sums_of_the_charts_of_all_series_that_spoke(make: Make) -> None:
    store, hour, day = make(3), 3_600_000, 86_400_000
    start = NOW_MS // day * day
    for n in range(300):  # late ones among them, some silent of late
        name = f"issuer:S{n % 7}"
        published_ms = start + (n * 7919 % 60 - 40) * hour - (n % 7 == 6) * 30 * day
        store.count([doc(f"p{n}", vote(name, n % 3, n), published_ms=published_ms, first=n % 4 > 0)])
    spans = [
        Span("hour", start - 5 * hour, start + 19 * hour),
        Span("day", start - 9 * day, start),
        Span("5m", 0, start),
    ]
    totals = store.totals("issuer", spans, 3)
    assert set(totals) == {f"issuer:S{n}" for n in range(6)}
    for name, found in totals.items():
        for span, total in zip(spans, found, strict=True):
            points = store.chart(name, *span)
            assert total[:5] == tuple(sum(int(point[at] or 0) for point in points) for at in range(1, 6))
            assert total.score_sum == pytest.approx(sum(point.score_sum for point in points))
            assert total.score_squares == pytest.approx(sum(point.score_squares for point in points))
    assert store.totals("issuer", spans, 1000) == store.totals("sector", spans, 1) == {}


def test_a_post_counts_in_every_shard_of_its_series(make: Make) -> None:
    store = make(4)
    names = [f"issuer:S{n}" for n in range(20)]
    assert store.count([doc("a", *(vote(name) for name in names))]) == 1
    found = {name for shard in range(4) for m in store.minutes(shard, MINUTE + 1, 1) for name in m.votes}
    assert found == set(names)
    for name in names:
        assert shard_of(f"issuer_topic:{name[7:]}|risk", 4) == shard_of(name, 4)


def test_names_may_hold_anything(make: Make) -> None:
    store = make(2)
    for name in HOSTILE:
        store.count([doc(name, vote(), vote(f"source:{name}", NEGATIVE), story=name, excerpt=name.encode())])
    assert set(store.seen_ids()) == set(HOSTILE)
    assert dict(store.busiest("source", 100)) == {f"source:{name}": 1 for name in HOSTILE}
    for name in HOSTILE:
        series = f"source:{name}"
        shard = shard_of(series, 2)
        [minute] = store.minutes(shard, MINUTE + 1, 1)
        assert minute.votes[series] == [Vote(NOW_MS, name, name, True, 1, 1)]
        assert minute.excerpts[name] == name.encode()
        assert store.chart(series, "hour", NOW_MS - 3_600_000, NOW_MS + 1)[0].negative == 1
        change = update(
            MINUTE, outbox={name: b"alert"}, voted_added={series: {name: MINUTE}}, bands={series: rows(1, 1)}
        )
        store.commit(shard, held(store, shard), change)
        assert store.load(shard).voted[series] == {name: MINUTE}
        assert store.outbox(shard)[name] == b"alert"
        assert len(store.bands(series, 10)) == 1


def test_a_large_batch_is_one_call(store: TrendStore) -> None:
    docs = [
        doc(f"p{n}", vote(), *(vote(f"issuer:{n}-{k}", NEGATIVE) for k in range(8)), story=f"{n}", excerpt=b"e" * 500)
        for n in range(2000)
    ]
    assert store.count(docs) == 2000
    [minute] = store.minutes(0, MINUTE + 1, 1)
    assert len(minute.votes) == 16_001
    assert len(minute.excerpts) == 2000
    assert store.count([]) == 0


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


@pytest.mark.servers
def test_a_flushed_redis_hands_out_no_old_token_and_takes_no_old_commit(redis_url: str, prefix: str) -> None:
    with connect(redis_url) as client:
        store = RedisTrends(client, prefix, 1)
        old = held(store)
        keys = list(client.scan_iter(match=f"{prefix}*"))
        assert keys
        client.delete(*keys)
        client.script_flush()
        with pytest.raises(Fenced):
            store.commit(0, old, update(MINUTE))
        token = store.lease(0, "you", 60_000, NOW_MS + 1)
        assert token == NOW_MS + 1
        assert token > old


@pytest.mark.servers
def test_what_redis_keeps_for_a_time_only_expires(redis_url: str, prefix: str) -> None:
    with connect(redis_url) as client:
        store = RedisTrends(client, prefix, 1, seen_ttl_s=500)
        for n in range(30):
            store.count([doc(f"p{n}", published_ms=NOW_MS + n % 2 * 86_400_000, source=f"s{n}")])
        ttls = {key.decode().split("}:")[1]: client.ttl(key) for key in client.scan_iter(match=f"{prefix}*")}
    day = 86_400
    for start, ttl_s in {
        "seen:": 500,
        "c:5m": 14 * day,
        "c:hour": 100 * day,
        "c:day": 800 * day,
        "u": 500,
        "m": -1,
        "live": -1,
    }.items():
        found = [ttl for key, ttl in ttls.items() if key.startswith(start)]
        assert found
        assert all(ttl_s - 10 <= ttl <= ttl_s for ttl in found), start


@pytest.mark.servers
def test_all_keys_of_a_shard_lie_in_one_slot_of_a_cluster(redis_url: str, prefix: str) -> None:
    with connect(redis_url) as client:
        store = RedisTrends(client, prefix, 1)
        docs = [doc(f"{{a}}{n}", vote("source:{b}", NEGATIVE), excerpt=b"x", source=f"{n}") for n in range(30)]
        store.count(docs + [d._replace(id=f"{{l}}{d.id}", published_ms=NOW_MS - 86_400_000) for d in docs])
        store.commit(0, held(store), update(MINUTE, outbox={"{c}": b"x"}, bands={"source:{b}": rows(1, 1)}))
        slots = {key_slot(key) for key in client.scan_iter(match=f"{prefix}*")}
    assert slots == {key_slot(b"s0")}


@pytest.mark.servers
def test_two_prefixes_share_nothing(redis_url: str, prefix: str) -> None:
    with connect(redis_url) as client:
        one, other = RedisTrends(client, f"{prefix}*", 1), RedisTrends(client, f"{prefix}*x", 1)
        other.count([doc("theirs")])
        one.count([doc("ours")])
        assert list(one.seen_ids()) == ["ours"]
        assert list(other.seen_ids()) == ["theirs"]


def test_a_redis_that_is_away_is_named_without_its_password() -> None:
    with connect("redis://:s3cret@127.0.0.1:1/0", timeout_s=0.2) as client:
        store = RedisTrends(client, "x", 2)
        calls: list[Callable[[], object]] = [
            lambda: store.count([doc("a", *(vote(f"issuer:{n}") for n in range(9)))]),
            lambda: store.watermark(1),
            lambda: store.load(0),
            lambda: list(store.seen_ids()),
        ]
        for call in calls:
            with pytest.raises(ServerUnavailable, match=r"Redis at 127\.0\.0\.1:1 .*groundswell up") as caught:
                call()
            assert "s3cret" not in str(caught.value)


def rows(start_ms: int, count: int) -> np.ndarray:
    """Bands one millisecond apart."""
    return np.array([[start_ms + n, 0.1, 1 / 3, 1e300, -0.0, 2.5] for n in range(count)], dtype=np.float64)
