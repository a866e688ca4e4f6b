"""Closing of minutes: under a fenced lease each shard's watch takes the votes the watermark allows and commits state
and alerts in one step. Counting is the pipeline's; storing is the stores'; what all shards say together, `markets`'.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

import msgspec

from alerts.calendars import CalendarOf, utc_hours
from alerts.events import decode_alert, encode_alert
from alerts.rules import Rule
from alerts.votes import BUCKET_MIN
from alerts.watch import Watch
from stream.errors import Fenced
from stream.markets import MarketCloser
from stream.stores.protocols import MARKET_SHARD, ShardUpdate, TrendStore
from stream.times import MINUTE_MS

LEASE_MS = 15_000
MINUTES_A_STEP = 500
DAY_MIN = 1440


class Snapshot(msgspec.Struct, frozen=True, array_like=True):
    """A shard's state at a minute, as it is kept in the compacted topic `groundswell.state`."""

    closed_until: int
    watch: bytes
    voted: dict[str, dict[str, int]]


class Sendable(NamedTuple):
    """A committed alert on its way: to be confirmed with `Closer.confirm` once the log has it."""

    alert_id: str
    incident: str
    value: bytes


class _Held(NamedTuple):
    token: int
    watch: Watch
    closed_until: int | None


class Closer:
    """Closes the minutes of all shards whose lease `owner` can get. One instance a worker, one thread at a time.

    `snapshots` are the states to go on from where the store has none (after a loss of Redis); `sectors` names the
    sector of a company by its symbol, where it is known; `calendar_of` gives the calendar of a series.
    """

    def __init__(
        self,
        store: TrendStore,
        rules: Sequence[Rule],
        owner: str,
        now_ms: Callable[[], int],
        snapshots: Mapping[int, bytes] | None = None,
        sectors: Mapping[str, str] | None = None,
        calendar_of: CalendarOf = utc_hours,
    ) -> None:
        self._store, self._rules, self._owner, self._now_ms = store, tuple(rules), owner, now_ms
        self._calendar_of = calendar_of
        self._restored = dict(snapshots or {})
        self._market = MarketCloser(store, rules, sectors or {}, self._lease, self._restored.get(MARKET_SHARD))
        self._held: dict[int, _Held] = {}
        # taken at the close of a day, the market's at each change; to be sent and cleared by the caller
        self.snapshots: dict[int, bytes] = {}

    def close(self, partitions: int) -> None:
        """Closes what the watermark over `partitions` allows, of every shard that can be held."""
        watermark_ms = self._store.watermark(partitions)
        if watermark_ms is None:
            return
        for shard in range(self._store.shards):
            with suppress(Fenced):  # the new holder starts from what was committed
                self._close_shard(shard, watermark_ms // MINUTE_MS)
        with suppress(Fenced):
            state = self._market.close(watermark_ms // MINUTE_MS)
            if state is not None:
                self.snapshots[MARKET_SHARD] = state
        self._hand_over()

    def _hand_over(self) -> None:
        """Takes out of the shards' outboxes what the market has taken."""
        for shard, held in list(self._held.items()):
            taken = self._market.taken(shard)
            try:
                if taken:
                    self._store.sent(shard, held.token, taken)
            except Fenced:
                self._held.pop(shard)

    def _lease(self, shard: int) -> int | None:
        return self._store.lease(shard, self._owner, LEASE_MS, self._now_ms())

    def _close_shard(self, shard: int, until: int) -> None:
        try:
            while self._hold(shard, until) and self._step(shard, until):
                pass
        except BaseException:
            # the watch in hand may have taken votes that were not committed: begin again from what was
            self._held.pop(shard, None)
            raise

    def _hold(self, shard: int, until: int) -> bool:
        token = self._lease(shard)
        if token is None:
            self._held.pop(shard, None)
            return False
        if shard not in self._held or self._held[shard].token != token:
            self._held[shard] = _Held(token, *self._load(shard, until))
        return True

    def _load(self, shard: int, until: int) -> tuple[Watch, int | None]:
        state = self._store.load(shard)
        if state.watch is not None:
            return Watch.from_bytes(state.watch, self._rules, state.voted, self._calendar_of), state.closed_until
        if shard not in self._restored:
            return Watch(self._rules, calendar_of=self._calendar_of), None
        snapshot = msgspec.msgpack.decode(self._restored[shard], type=Snapshot)
        watch = Watch.from_bytes(snapshot.watch, self._rules, snapshot.voted, self._calendar_of)
        waiting = self._store.minutes(shard, until, 1)
        # what came between the snapshot and the first minute in the store is lost here: a gap, not silence
        start = max(waiting[0].minute if waiting else until, snapshot.closed_until)
        watch.skip_to(start)
        return watch, start

    def _step(self, shard: int, until: int) -> bool:
        held = self._held[shard]
        minutes = self._store.minutes(shard, until, MINUTES_A_STEP)
        if len(minutes) == MINUTES_A_STEP:
            until = minutes[-1].minute + 1
        boundary = held.closed_until is not None and until // BUCKET_MIN > held.closed_until // BUCKET_MIN
        if not (minutes or boundary):
            return False
        advance = held.watch.advance(minutes, until)
        watch = held.watch.to_bytes()
        self._store.commit(
            shard,
            held.token,
            ShardUpdate(
                watch=watch,
                closed_until=until,
                born=held.watch.born(),
                outbox={alert.id: encode_alert(alert) for alert in advance.alerts},
                bands=advance.bands,
                voted_added=advance.voted_added,
                voted_removed=advance.voted_removed,
                accounts=advance.accounts,
            ),
        )
        self._held[shard] = _Held(held.token, held.watch, until)
        if held.closed_until is not None and until // DAY_MIN > held.closed_until // DAY_MIN:
            self.snapshots[shard] = msgspec.msgpack.encode(Snapshot(until, watch, held.watch.voted))
        return len(minutes) == MINUTES_A_STEP

    def outbox(self) -> list[Sendable]:
        """Alerts that wait to be sent, in the order they were committed, if this worker holds the market's lease."""
        return [
            Sendable(alert_id, decode_alert(value).incident, value) for alert_id, value in self._market.outbox().items()
        ]

    def confirm(self, sent: Sequence[Sendable]) -> None:
        """Takes alerts that the log has confirmed out of the outbox."""
        self._market.confirm([item.alert_id for item in sent])

    def release(self) -> None:
        """Gives all leases back, so that another worker need not wait for them to run out."""
        for shard in (*self._held, MARKET_SHARD):
            self._store.release(shard, self._owner)
        self._held.clear()
        self._market.release()
