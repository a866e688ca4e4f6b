"""Claims about the warm-up of a fresh deployment: what it teaches is what a replay would have, and nobody is told."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from alerts.accounts import learning_until
from alerts.events import Alert, decode_alert, encode_alert
from alerts.rules import heard_by
from stream.embedded import Spine, end_of_history
from stream.errors import InputError, NotFresh
from stream.files import Rejects
from stream.ingest import Prepared
from stream.pipeline import Judge, to_counts
from stream.records import Message, Opinion
from stream.stores.memory import MemoryTrends
from stream.stores.memory_stories import MemoryStories
from stream.stores.protocols import MARKET_SHARD, StoryStore, TrendStore
from stream.times import DAY_MS, HOUR_MS, datetime_ms, format_ms, parse_ms
from stream.trends import LEASE_MS, Closer, Snapshot
from stream.warm_up import Warmed, judged, retold, warm_up
from tests.contract.counted import Make
from tests.stream.five_days import POSTS, RULES, START_MS, SURGE_H
from tests.stream.word_classifier import WordClassifier

HEARD = heard_by(RULES)
ROWS = [
    Prepared(datetime_ms(post.published_at), post.id, msgspec.json.encode(post), line)
    for line, post in enumerate(POSTS, start=1)
]


def judge(stories: StoryStore) -> Judge:
    return Judge(WordClassifier(), stories, {}, "record", lambda received_ms: received_ms)


def _whole() -> tuple[list[Opinion], list[Alert]]:
    """All five days in one run."""
    spine = Spine(WordClassifier(), RULES, {}, None)
    fed = spine.feed([Message(row.value) for row in ROWS])
    return fed.opinions, [*fed.alerts, *spine.finish()]


OPINIONS, ALERTS = _whole()


def at(hours: float) -> int:
    return START_MS + round(hours * HOUR_MS)


def before(ms: int) -> list[Opinion]:
    return [one for one in OPINIONS if parse_ms(one.received_at) < ms]


def since(ms: int) -> list[Opinion]:
    return [one for one in OPINIONS if parse_ms(one.received_at) >= ms]


def warmed(store: TrendStore, opinions: Sequence[Opinion], owner: str = "warm-up") -> Warmed:
    batches = retold(opinions, MemoryStories(), {})
    return warm_up(store, batches, rules=RULES, sources={}, sectors={}, owner=owner, now_ms=lambda: 1_000_000)


def live(store: TrendStore, opinions: Sequence[Opinion], pieces: int = 7) -> list[Alert]:
    """What the live path sends for these opinions, which come in so many pieces."""
    closer, told = Closer(store, RULES, "live", lambda: 2_000_000), []
    size = -(-len(opinions) // pieces)
    ends = [parse_ms(one.received_at) for one in opinions[size::size]]
    for start, end_ms in zip(range(0, len(opinions), size), [*ends, end_of_history(at(24 * 5))], strict=True):
        store.count(to_counts(opinions[start : start + size], HEARD, {}, {}))
        store.progress({0: end_ms})
        closer.close(1)
        sent = closer.outbox()
        closer.confirm(sent)
        told += [decode_alert(one.value) for one in sent]
    closer.release()
    return told


def in_order(alerts: Sequence[Alert], after_ms: int = 0) -> list[bytes]:
    """Those of buckets that end after a moment, in one order."""
    late = [one for one in alerts if parse_ms(one.evaluated_at) > after_ms]
    return [encode_alert(one) for one in sorted(late, key=lambda one: (one.evaluated_at, one.id))]


@pytest.mark.parametrize(("shards", "hours"), [(1, SURGE_H + 0.6), (3, 60.0)])  # in the surge, and before
def test_after_it_the_live_path_raises_what_one_long_run_raises(make: Make, shards: int, hours: float) -> None:
    store = make(shards)
    warmed(store, before(at(hours)))
    told = in_order(live(store, since(at(hours))))
    assert told == in_order(ALERTS, at(hours))
    assert told
    assert in_order(live(make(shards), since(at(hours)))) != told


def test_it_tells_nobody_and_leaves_no_vote_waiting(make: Make) -> None:
    store = make(3)
    assert len(in_order(ALERTS)) > 0
    warmed(store, OPINIONS)
    assert {shard: store.outbox(shard) for shard in (0, 1, 2, MARKET_SHARD)} == {key: {} for key in (0, 1, 2, -1)}
    assert [store.minutes(shard, 2**40, 1) for shard in range(3)] == [[], [], []]
    assert Closer(store, RULES, "live", lambda: 2_000_000).outbox() == []


def test_series_with_a_history_do_not_learn_again_and_show_bands_and_charts(make: Make) -> None:
    store, recounted = make(2), MemoryTrends(2)
    found = warmed(store, OPINIONS)
    recounted.count(to_counts(OPINIONS, HEARD, {}, {}))
    accounts = store.accounts()
    end_ms = parse_ms(found.end)
    learning = [name for name, one in accounts.items() if learning_until(one, RULES, name, end_ms)]
    assert (found.series, found.learning) == (len(accounts), len(learning))
    assert "issuer:ORBQ" not in learning
    assert accounts["issuer:ORBQ"].fired == {"negative-surge": 1}
    assert len(store.bands("issuer:ORBQ", 1000)) > 300
    for resolution in ("5m", "hour", "day"):
        chart = store.chart("issuer:ORBQ", resolution, 0, at(24 * 6))
        assert chart == recounted.chart("issuer:ORBQ", resolution, 0, at(24 * 6))


def test_a_story_that_voted_and_a_post_that_was_counted_are_known_live(make: Make) -> None:
    store, stories = make(1), MemoryStories()
    half = ROWS[: len(ROWS) // 2]
    batches = judged(half, judge(stories), _no_rejects())
    found = warm_up(store, batches, rules=RULES, sources={}, sectors={}, owner="me", now_ms=lambda: 1)
    retelling = msgspec.structs.replace(POSTS[len(half) - 1], id="again", source="elsewhere")
    spine = Spine(WordClassifier(), RULES, {}, None)
    old = spine.feed([Message(half[-1].value)]).opinions[0]
    [again] = next(
        judged(
            [Prepared(half[-1].received_ms, "again", msgspec.json.encode(retelling), 1)], judge(stories), _no_rejects()
        )
    )
    assert again.story.id == old.story.id
    assert found.opinions == len(half)
    assert store.count(to_counts(before(half[-1].received_ms), HEARD, {}, {})) == 0


def _no_rejects() -> Rejects:
    return Rejects(Path("never written"))


def test_a_deployment_that_has_begun_is_left_as_it_is(make: Make) -> None:
    store = make(2)
    live(store, before(at(30)))
    states = [store.load(shard) for shard in range(2)]
    with pytest.raises(NotFresh, match=r"has a state already; .* another prefix"):
        warmed(store, before(at(60)))
    assert [store.load(shard) for shard in range(2)] == states
    again = make(2)
    warmed(again, before(at(60)))
    with pytest.raises(NotFresh, match="has a state already"):
        warmed(again, before(at(60)))


def test_while_a_worker_holds_a_shard_nothing_is_committed(make: Make) -> None:
    store = make(2)
    store.lease(1, "a worker", LEASE_MS, 1_000_000)
    with pytest.raises(NotFresh, match="held by a trends worker; stop it"):
        warmed(store, before(at(60)))
    assert [store.standing(shard) for shard in range(2)] == [None, None]
    store.release(1, "a worker")
    warmed(store, before(at(60)))  # posts that were charted by then are not charted again
    assert sum(p.posts for p in store.chart("market:all", "day", 0, at(24 * 6))) == len(before(at(60)))


def test_a_worker_that_begins_meanwhile_wins_and_nothing_is_committed(make: Make) -> None:
    store = make(1)

    def overtaken() -> Iterator[Sequence[Opinion]]:
        yield before(at(30))
        live(store, since(at(60)), pieces=1)

    with pytest.raises(NotFresh):
        warm_up(store, overtaken(), rules=RULES, sources={}, sectors={}, owner="me", now_ms=lambda: 3_000_000)
    assert store.lease(0, "another", LEASE_MS, 4_000_000) is not None


def test_an_empty_history_is_an_error(make: Make) -> None:
    with pytest.raises(InputError, match="nothing usable"):
        warmed(make(1), [])


def test_its_snapshots_bring_the_same_state_to_a_store_that_was_lost() -> None:
    ms, store = at(60), MemoryTrends(2)
    found = warmed(store, before(ms))
    lost = MemoryTrends(2)
    closer = Closer(lost, RULES, "live", lambda: 1, found.snapshots)
    lost.count(to_counts(since(ms), HEARD, {}, {}))
    lost.progress({0: end_of_history(at(24 * 5))})
    closer.close(1)
    assert any(decode_alert(one.value).event == "fired" for one in closer.outbox())
    for shard in range(2):
        kept = msgspec.msgpack.decode(found.snapshots[shard], type=Snapshot)
        assert (kept.watch, kept.closed_until) == store.load(shard)[:2] or store.load(shard).watch is None


@pytest.mark.parametrize("days", [1, 21])
def test_what_was_not_heard_between_history_and_start_raises_nothing(days: int) -> None:
    """An outage is no silence: the surge is found as without a pause, and the return of the voices is none."""
    ms, store = at(60), MemoryTrends(1)
    warmed(store, before(ms))
    later = [_later(one, days * DAY_MS) for one in since(ms)]
    closer, told = Closer(store, RULES, "live", lambda: 2_000_000), []
    for one in later:
        store.count(to_counts([one], HEARD, {}, {}))
    store.progress({0: end_of_history(parse_ms(later[-1].received_at))})
    closer.close(1)
    told = [decode_alert(one.value) for one in closer.outbox()]
    assert [one.series.key for one in told if one.event == "fired"] == ["ORBQ"]


def _later(opinion: Opinion, by_ms: int) -> Opinion:
    moved = {name: format_ms(parse_ms(getattr(opinion, name)) + by_ms) for name in ("received_at", "published_at")}
    return msgspec.structs.replace(opinion, **moved)
