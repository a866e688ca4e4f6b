"""Claims about the closing of minutes: what is committed once, sent at least once, and by one worker at a time."""

import dataclasses
from collections.abc import Callable

import msgspec
import pytest

from alerts.events import Alert, decode_alert
from alerts.rules import Rule
from alerts.votes import BUCKET_MIN, Minute
from stream.errors import ServerUnavailable
from stream.exchanges import calendars_with
from stream.stores.memory import MemoryTrends
from stream.stores.protocols import MARKET_SHARD, Counted, SeriesVote, ShardUpdate
from stream.times import parse_ms
from stream.trends import LEASE_MS, Closer, Sendable, Snapshot
from tests.alerts.votes_of_days import DAY_MIN, RULE, START_MIN, Burst, days

MINUTE_MS = 60_000
BURST_MIN = 2 * DAY_MIN + 300
HISTORY = days(1, 3, [Burst("issuer:C1", BURST_MIN), Burst("issuer:C0", BURST_MIN + 300)])
END_MS = (START_MIN + 3 * DAY_MIN) * MINUTE_MS


@dataclasses.dataclass
class Hand:
    """A clock that moves when told."""

    ms: int = 1_000_000

    def __call__(self) -> int:
        return self.ms


def counted(minutes: list[Minute]) -> list[Counted]:
    """The minutes' votes as the posts behind them."""
    return [
        Counted(
            id=f"{vote.id}-{copy}",
            received_ms=vote.received_ms,
            published_ms=vote.received_ms,
            story=vote.story,
            first=copy == 0,
            stale=False,
            votes=(SeriesVote(series, 0 if vote.negative else 1, -800 if vote.negative else 0, True),),
            excerpt=minute.excerpts.get(vote.id, b"") if vote.negative else b"",
        )
        for minute in minutes
        for series, votes in minute.votes.items()
        for vote in votes
        for copy in range(vote.posts)
    ]


DOCS = counted(HISTORY)


def filled(store: MemoryTrends, until_ms: int = END_MS) -> MemoryTrends:
    store.count([doc for doc in DOCS if doc.received_ms < until_ms])
    store.progress({0: until_ms})
    return store


def closer(store: MemoryTrends, owner: str = "a", clock: Callable[[], int] = lambda: 0) -> Closer:
    return Closer(store, [RULE], owner, clock)


def take(worker: Closer) -> list[Sendable]:
    """Closes, sends and confirms all that is due."""
    worker.close(1)
    sent = worker.outbox()
    worker.confirm(sent)
    return sent


WHOLE = take(closer(filled(MemoryTrends())))


def test_the_bursts_are_found_and_leave_the_outbox_once_confirmed() -> None:
    fired = [decode_alert(item.value).series.key for item in WHOLE if decode_alert(item.value).event == "fired"]
    assert fired == ["C1", "C0"]
    store = filled(MemoryTrends())
    worker = closer(store)
    assert [item.value for item in take(worker)] == [item.value for item in WHOLE]
    assert store.outbox(0) == {}
    assert take(worker) == []


def test_closing_after_every_few_posts_brings_the_same_alerts_as_closing_once() -> None:
    store, sent = MemoryTrends(), []
    worker = closer(store)
    for start in range(0, len(DOCS), 97):
        store.count(DOCS[start : start + 97])
        store.progress({0: DOCS[min(start + 97, len(DOCS)) - 1].received_ms})
        sent += take(worker)
    store.progress({0: END_MS})
    sent += take(worker)
    assert [item.value for item in sent] == [item.value for item in WHOLE]


def test_series_follow_the_exchanges_that_are_given_also_after_a_restart() -> None:
    by_session = calendars_with("")
    cut_ms = (START_MIN + 2 * DAY_MIN + 33) * MINUTE_MS
    states = []
    for restart in (False, True):
        store = filled(MemoryTrends(), cut_ms)
        first = Closer(store, [RULE], "a", lambda: 0, calendar_of=by_session)
        take(first)
        worker = Closer(store, [RULE], "b", lambda: 2 * LEASE_MS, calendar_of=by_session) if restart else first
        take(worker)
        store.count([doc for doc in DOCS if doc.received_ms >= cut_ms])
        store.progress({0: END_MS})
        take(worker)
        states.append(store.load(0).watch)
    assert states[0] == states[1]
    assert b"XNYS" in (states[0] or b"")
    plain = filled(MemoryTrends())
    take(closer(plain))
    assert b"XNYS" not in (plain.load(0).watch or b"")


def test_shards_divide_the_series_and_change_no_alert() -> None:
    alerts = take(closer(filled(MemoryTrends(shards=3))))
    assert sorted(item.value for item in alerts) == sorted(item.value for item in WHOLE)


CRASHED = 12
CRASH = counted(
    days(4, 3, [Burst(f"issuer:C{n}", 2 * DAY_MIN + 300 + 7 * n) for n in range(CRASHED)], companies=CRASHED)
)


def in_turns(
    docs: list[Counted], shards: int, pieces: int, workers: int, make: Callable[[MemoryTrends, str, Hand], Closer]
) -> list[Alert]:
    """All alerts when the posts come in so many pieces and workers take turns in closing."""
    store, alerts, clock = MemoryTrends(shards), [], Hand()
    owners = [make(store, f"worker {n}", clock) for n in range(workers)]
    size = -(-len(docs) // pieces)
    for place, start in enumerate(range(0, len(docs), size)):
        store.count(docs[start : start + size])
        last = start + size >= len(docs)
        store.progress({0: END_MS if last else docs[start + size].received_ms})
        owner = owners[place % workers]
        alerts += [decode_alert(item.value) for item in take(owner)]
        if place % 3 == 0:
            owner.release()
        clock.ms += LEASE_MS
    return alerts


CRASH_WHOLE = in_turns(CRASH, 1, 1, 1, closer)


def test_a_day_on_which_all_companies_fall_is_one_market_incident() -> None:
    fired = [alert for alert in CRASH_WHOLE if alert.event == "fired"]
    (market,) = [alert for alert in fired if alert.series.kind == "market"]
    assert market.measured.total == CRASHED
    before = [alert for alert in fired if alert.evaluated_at < market.evaluated_at]
    after = [alert for alert in fired if alert not in before and alert is not market]
    assert {alert.parent for alert in before} == {None}
    assert {alert.parent for alert in after} == {market.incident}
    assert len(before) < len(after)
    last = next(alert for alert in reversed(CRASH_WHOLE) if alert.incident == market.incident)
    assert last.event == "resolved"
    assert {member.incident for member in last.members} == {alert.incident for alert in fired} - {market.incident}


@pytest.mark.parametrize(("shards", "pieces", "workers"), [(1, 40, 1), (3, 1, 1), (3, 40, 1), (5, 60, 3)])
def test_shards_pieces_and_workers_change_no_byte_of_it(shards: int, pieces: int, workers: int) -> None:
    assert in_turns(CRASH, shards, pieces, workers, closer) == CRASH_WHOLE


def test_alerts_wait_until_every_shard_has_closed_their_bucket() -> None:
    clock, store = Hand(), filled(MemoryTrends(shards=3))
    slow = next(shard for shard in range(3) if store.minutes(shard, 2**40, 1))
    store.lease(slow, "a worker that has stopped", LEASE_MS, clock.ms)
    worker = closer(store, "b", clock)
    assert take(worker) == []
    clock.ms += LEASE_MS
    assert sorted(item.value for item in take(worker)) == sorted(item.value for item in WHOLE)


@pytest.mark.parametrize("shards", [1, 3])
def test_a_surge_told_early_waits_for_no_bucket_and_for_no_shard_that_is_quiet(shards: int) -> None:
    fired = next(decode_alert(item.value) for item in WHOLE if decode_alert(item.value).event == "fired")
    at_ms = parse_ms(fired.evaluated_at)
    assert at_ms % (BUCKET_MIN * MINUTE_MS)
    store = filled(MemoryTrends(shards), at_ms - 2 * MINUTE_MS)
    worker = closer(store)
    assert take(worker) == []
    mine = [doc for doc in DOCS if at_ms - 2 * MINUTE_MS <= doc.received_ms < at_ms]
    store.count([doc for doc in mine if doc.votes[0].series == "issuer:C1"])  # other shards have nothing to close
    store.progress({0: at_ms})
    assert [decode_alert(item.value) for item in take(worker)] == [fired]


def test_what_the_market_has_taken_leaves_the_outboxes_of_the_shards() -> None:
    store = filled(MemoryTrends(shards=3))
    worker = closer(store)
    worker.close(1)
    assert [store.outbox(shard) for shard in range(3)] == [{}, {}, {}]
    assert len(store.outbox(MARKET_SHARD)) == len(WHOLE)


def test_a_lost_store_goes_on_with_the_markets_open_incident() -> None:
    half = next(alert for alert in CRASH_WHOLE if alert.series.kind == "market").evaluated_at
    until_ms = parse_ms(half) + 4 * MINUTE_MS
    store = MemoryTrends()
    store.count([doc for doc in CRASH if doc.received_ms < until_ms])
    store.progress({0: until_ms})
    before = closer(store)
    told = [decode_alert(item.value) for item in take(before)]
    shard = msgspec.msgpack.encode(Snapshot(until_ms // MINUTE_MS, store.load(0).watch or b"", store.load(0).voted))
    lost = MemoryTrends()
    lost.count([doc for doc in CRASH if doc.received_ms >= until_ms])
    lost.progress({0: END_MS})
    after = Closer(lost, [RULE], "b", lambda: 0, {**before.snapshots, 0: shard})
    told += [decode_alert(item.value) for item in take(after)]
    market = [alert for alert in told if alert.series.kind == "market"]
    assert [alert.event for alert in market if alert.event != "escalated"] == ["fired", "resolved"]
    assert len({alert.id for alert in told}) == len(told)


def test_while_one_partition_has_shown_no_progress_nothing_closes() -> None:
    store = filled(MemoryTrends())
    worker = closer(store)
    worker.close(2)
    assert worker.outbox() == []
    assert store.load(0).watch is None
    store.progress({1: (START_MIN + DAY_MIN) * MINUTE_MS})
    worker.close(2)
    assert store.load(0).closed_until == START_MIN + DAY_MIN


def test_a_minute_that_the_watermark_has_not_passed_stays_open() -> None:
    store = MemoryTrends()
    store.count(DOCS[:10])
    store.progress({0: DOCS[9].received_ms})
    closer(store).close(1)
    minute = DOCS[9].received_ms // MINUTE_MS
    assert [one.minute for one in store.minutes(0, 2**40, 10)] == [minute]


def test_a_second_worker_waits_for_the_lease_and_takes_over_when_it_has_run_out() -> None:
    clock, store = Hand(), filled(MemoryTrends(), (START_MIN + BURST_MIN) * MINUTE_MS)
    first, second = closer(store, "a", clock), closer(store, "b", clock)
    first.close(1)
    filled(store)
    second.close(1)
    assert second.outbox() == []
    clock.ms += LEASE_MS
    assert [item.value for item in take(second)] == [item.value for item in WHOLE]


def test_a_lease_given_back_need_not_run_out() -> None:
    clock, store = Hand(), filled(MemoryTrends())
    first = closer(store, "a", clock)
    first.close(1)
    first.release()
    assert first.outbox() == []
    assert [item.value for item in take(closer(store, "b", clock))] == [item.value for item in WHOLE]


class PausedTrends(MemoryTrends):
    """A store whose next commit or confirmation is preceded by what happens meanwhile."""

    meanwhile: Callable[[], object] | None = None

    def _pause(self) -> None:
        happening, self.meanwhile = self.meanwhile, None
        if happening is not None:
            happening()

    def commit(self, shard: int, token: int, update: ShardUpdate) -> None:
        self._pause()
        super().commit(shard, token, update)

    def sent(self, shard: int, token: int, alert_ids: object) -> None:
        self._pause()
        super().sent(shard, token, alert_ids)  # type: ignore[arg-type]


def test_a_worker_revived_after_another_took_over_changes_nothing() -> None:
    clock, store = Hand(), PausedTrends()
    filled(store)
    first, second = closer(store, "a", clock), closer(store, "b", clock)
    taken: list[Sendable] = []

    def overtake() -> None:
        clock.ms += LEASE_MS
        taken.extend(take(second))

    store.meanwhile = overtake
    first.close(1)
    assert [item.value for item in taken] == [item.value for item in WHOLE]
    assert first.outbox() == []
    fresh = filled(MemoryTrends())
    take(closer(fresh))
    assert store.load(0) == fresh.load(0)
    assert store.bands("issuer:C1", 1000) == fresh.bands("issuer:C1", 1000)


def test_a_commit_that_failed_is_begun_again_from_what_was_committed() -> None:
    def away() -> None:
        raise ServerUnavailable("Redis is away")

    store = PausedTrends()
    filled(store)
    worker = closer(store)
    store.meanwhile = away
    with pytest.raises(ServerUnavailable):
        worker.close(1)
    assert [item.value for item in take(worker)] == [item.value for item in WHOLE]


def test_what_was_lost_after_a_snapshot_is_a_gap_and_not_silence() -> None:
    until_ms = (START_MIN + 2 * DAY_MIN) * MINUTE_MS
    store = filled(MemoryTrends(), (START_MIN + DAY_MIN) * MINUTE_MS - 1)
    before = closer(store)
    before.close(1)
    filled(store, until_ms)
    before.close(1)
    lost = MemoryTrends()
    lost.progress({0: END_MS})
    after = Closer(lost, [RULE], "b", lambda: 0, before.snapshots)
    after.close(1)
    assert lost.bands("issuer:C1", 1000) == []


def test_a_confirmation_that_comes_after_the_lease_was_lost_is_dropped() -> None:
    clock, store = Hand(), PausedTrends()
    filled(store)
    first, second = closer(store, "a", clock), closer(store, "b", clock)
    first.close(1)
    waiting = first.outbox()
    clock.ms += LEASE_MS
    second.close(1)
    first.confirm(waiting)
    assert second.outbox() == waiting == WHOLE


def test_after_a_crash_between_commit_and_confirmation_the_same_alerts_are_sent_again() -> None:
    clock, store = Hand(), filled(MemoryTrends())
    crashed = closer(store, "a", clock)
    crashed.close(1)
    sent_before_the_crash = crashed.outbox()
    clock.ms += LEASE_MS
    again = take(closer(store, "b", clock))
    assert [(item.alert_id, item.value) for item in again] == [
        (item.alert_id, item.value) for item in sent_before_the_crash
    ]
    assert again
    assert store.outbox(0) == {}


def test_a_worker_that_starts_in_the_middle_goes_on_from_what_was_committed() -> None:
    store = filled(MemoryTrends(), (START_MIN + BURST_MIN + 7) * MINUTE_MS)
    first = closer(store)
    sent = take(first)
    first.release()
    filled(store)
    sent += take(closer(store, "b"))
    assert [item.value for item in sent] == [item.value for item in WHOLE]


def test_votes_for_a_closed_minute_are_dropped() -> None:
    store = filled(MemoryTrends())
    worker = closer(store)
    take(worker)
    store.count([doc._replace(id=f"late-{doc.id}") for doc in DOCS[:50]])
    assert store.minutes(0, 2**40, 10) == []


def test_a_lost_store_goes_on_from_the_last_snapshot_with_what_had_been_learned() -> None:
    until_ms = (START_MIN + 2 * DAY_MIN + 60) * MINUTE_MS
    store = filled(MemoryTrends(), (START_MIN + DAY_MIN + 60) * MINUTE_MS)
    before = closer(store)
    before.close(1)
    filled(store, until_ms)
    before.close(1)
    snapshots = before.snapshots
    assert msgspec.msgpack.decode(snapshots[0], type=Snapshot).closed_until == START_MIN + 2 * DAY_MIN + 60
    lost = MemoryTrends()
    lost.count([doc for doc in DOCS if doc.received_ms >= until_ms])
    lost.progress({0: END_MS})
    after = Closer(lost, [RULE], "b", lambda: 0, snapshots)
    learned = [item.value for item in take(after)]
    assert learned == [item.value for item in WHOLE]
    patient = Rule(RULE.id, RULE.series, RULE.budget, learning_days=2.5)
    cold = MemoryTrends()
    cold.count([doc for doc in DOCS if doc.received_ms >= until_ms])
    cold.progress({0: END_MS})
    assert take(Closer(cold, [patient], "b", lambda: 0)) == []
