"""What every trend store promises of its size: series stay few, each takes little, and a question is one round trip."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from redis import Connection, ConnectionPool, Redis

from stream.stores.protocols import RESOLUTION_MS, Span
from stream.stores.redis_common import connect
from stream.stores.redis_trends import RedisTrends
from tests.contract.counted import NOW_MS, Make, doc, vote


def test_the_least_active_pairs_fold_into_other_and_nothing_is_lost(make: Make) -> None:
    store, day = make(1, 10), 86_400_000
    for n in range(10):  # the first has been silent for three weeks, since eight posts; the others said more and more
        for m in range(8 if n == 0 else n):
            at_ms = NOW_MS - 21 * day * (n == 0) - m * 3_600_000
            store.count(
                [doc(f"p{n}.{m}", vote(f"issuer_topic:S{n}|t", m % 3, 100), published_ms=at_ms, source=f"s{m}")]
            )
    assert store.folded("issuer_topic") == 0
    store.count([doc("new", vote("issuer_topic:NEW|t"))])
    assert store.folded("issuer_topic") == 2  # one for the new one, a tenth beside
    kept = dict(store.busiest("issuer_topic", 99))
    assert set(kept) == {"issuer_topic:NEW|t", *(f"issuer_topic:S{n}|t" for n in range(2, 10))}
    for resolution in RESOLUTION_MS:
        other = store.chart("issuer_topic:(other)", resolution, 0, 2 * NOW_MS)
        assert sum(point.posts for point in other) == 9
        assert sum(point.score_sum for point in other) == pytest.approx(0.9)
        assert store.chart("issuer_topic:S0|t", resolution, 0, 2 * NOW_MS) == []
    oldest, *_, newest = store.chart("issuer_topic:(other)", "day", 0, 2 * NOW_MS)
    assert (oldest.start_ms // day, oldest.sources) == ((NOW_MS - 21 * day) // day, 8)
    assert (newest.posts, newest.sources) == (1, 1)
    assert "issuer_topic:(other)" not in store.totals("issuer_topic", [Span("day", 0, 2 * NOW_MS)], 1)
    store.count([doc("back", vote("issuer_topic:S1|t"))])  # it begins anew
    assert dict(store.busiest("issuer_topic", 99))["issuer_topic:S1|t"] == 1


@pytest.mark.parametrize("shards", [1, 3])
def test_series_stay_few_whatever_names_come(make: Make, shards: int) -> None:
    store, batch, kept = make(shards, 30), 15, 30
    rng = random.Random(5)
    posts = 0
    for n in range(40):
        names = [
            f"issuer_topic:S{rng.randrange(10) if rng.random() < 0.5 else rng.randrange(10_000)}|t" for _ in "." * batch
        ]
        store.count([doc(f"p{n}.{m}", vote(name), published_ms=NOW_MS + n * 3_600_000) for m, name in enumerate(names)])
        posts += batch
        assert len(store.busiest("issuer_topic", 10_000)) <= kept + batch
    alive = [name for name, _ in store.busiest("issuer_topic", 10_000)]
    assert {f"issuer_topic:S{n}|t" for n in range(10)} <= set(alive)
    for resolution in RESOLUTION_MS:
        points = [p for name in [*alive, "issuer_topic:(other)"] for p in store.chart(name, resolution, 0, 2 * NOW_MS)]
        assert sum(point.posts for point in points) == posts
    assert sum(point.posts for point in store.chart("market:all", "day", 0, 2 * NOW_MS)) == 0
    assert store.folded("issuer_topic") > 100
    assert store.folded("issuer") == 0


@pytest.mark.servers
def test_what_was_folded_leaves_no_key(redis_url: str, prefix: str) -> None:
    with connect(redis_url) as client:
        store = RedisTrends(client, prefix, 1, series_kept=5)
        for n in range(40):
            late = (NOW_MS, NOW_MS - 86_400_000, NOW_MS - 7 * 86_400_000)
            store.count([doc(f"p{n}.{ms}", vote(f"issuer_topic:S{n}|t"), published_ms=ms) for ms in late])
        named = {key.decode().rpartition("issuer_topic:")[2] for key in client.scan_iter(match=f"{prefix}*:c:*")}
        alive = {name.partition(":")[2] for name, _ in store.busiest("issuer_topic", 99)}
    assert named == alive | {"(other)"}


@pytest.mark.servers
@pytest.mark.parametrize("sources", [3, 12, 150])
def test_a_busy_series_takes_at_most_two_kilobytes_an_hour(redis_url: str, prefix: str, sources: int) -> None:
    series, hours, posts = 4, 30, 180  # in every bucket of five minutes fifteen posts
    with connect(redis_url) as client:
        store = RedisTrends(client, prefix, 1)
        for n in range(hours):
            start = NOW_MS + n * 3_600_000
            store.count(
                [
                    doc(
                        f"{n}.{m}.{s}",
                        vote(f"issuer:S{s}", m % 3, m * 7919 % 1000),
                        published_ms=start + m * 20_000,
                        novelty_milli=1000,
                        source=f"source-{m % sources}",
                    )
                    for m in range(posts)
                    for s in range(series)
                ]
            )
        keys = [key for part in ("c", "u", "live") for key in client.scan_iter(match=f"{prefix}:*:{part}:*")]
        kept = sum(client.memory_usage(key, samples=0) for key in keys)
    assert len(keys) > series
    assert kept / (series * hours) <= 2048


class _CountedConnection(Connection):
    """A connection that counts how often it sends."""

    sent = 0

    def send_packed_command(self, *args: Any, **options: Any) -> None:
        type(self).sent += 1
        super().send_packed_command(*args, **options)  # type: ignore[no-untyped-call]


@pytest.mark.servers
def test_each_question_is_one_round_trip(redis_url: str, prefix: str) -> None:
    day = 86_400_000
    spans = [Span("hour", NOW_MS - day, NOW_MS), Span("day", NOW_MS - 28 * day, NOW_MS)]
    with Redis(connection_pool=ConnectionPool.from_url(redis_url, connection_class=_CountedConnection)) as client:
        store = RedisTrends(client, prefix, 2)
        store.count([doc(f"p{n}", vote(f"issuer:S{n}"), published_ms=NOW_MS - n * day) for n in range(30)])
        questions: list[Callable[[], object]] = [
            lambda: store.chart("issuer:S1", "5m", NOW_MS - 14 * day, NOW_MS),
            lambda: store.chart("issuer:S1", "day", NOW_MS - 800 * day, NOW_MS),
            lambda: store.totals("issuer", spans, 1),
            lambda: store.busiest("issuer", 10),
        ]
        for ask in questions:
            assert ask()  # the first time may load a script, which is a trip of its own
            before = _CountedConnection.sent
            ask()
            assert _CountedConnection.sent - before == 1
