"""What every trend store promises of counting and of votes, claimed of the one in memory and of Redis."""

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.votes import Vote
from stream.stores.memory import MemoryTrends
from stream.stores.protocols import (
    Counted,
    SeriesVote,
    Span,
    TrendStore,
    shard_of,
)
from stream.stores.redis_common import connect
from stream.stores.redis_trends import RedisTrends
from tests.contract.counted import HOSTILE, MINUTE, NEGATIVE, NOW_MS, POSITIVE, Make, doc, held, rows, update, vote


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
