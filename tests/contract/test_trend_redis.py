"""What Redis alone promises of trends: keys that expire, share a slot and keep apart, and faults that are named."""

from collections.abc import Callable

import pytest
from redis.crc import key_slot

from stream.errors import Fenced, ServerUnavailable
from stream.stores.redis_common import connect
from stream.stores.redis_trends import RedisTrends
from tests.contract.counted import MINUTE, NEGATIVE, NOW_MS, doc, held, rows, update, vote


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
