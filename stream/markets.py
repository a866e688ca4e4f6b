"""What is decided over all shards: under a lease of its own one worker takes the alerts that the shards have committed,
once all of them have come to a minute, and commits them with parents and market incidents to the outbox that is sent.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from alerts.events import Alert, decode_alert, encode_alert
from alerts.market import Market, minute_of
from alerts.rules import Rule
from alerts.votes import BUCKET_MIN
from stream.errors import Fenced
from stream.stores.protocols import MARKET_SHARD, ShardUpdate, Standing, TrendStore


class _Held(NamedTuple):
    token: int
    market: Market


class MarketCloser:
    """One instance a worker. `lease` gives the token of a shard that this worker holds or gets, else None; `snapshot`
    is the state to go on from where the store has none."""

    def __init__(
        self,
        store: TrendStore,
        rules: Sequence[Rule],
        sectors: Mapping[str, str],
        lease: Callable[[int], int | None],
        snapshot: bytes | None,
    ) -> None:
        self._store, self._rules, self._sectors = store, tuple(rules), dict(sectors)
        self._lease, self._restored = lease, snapshot
        self._held: _Held | None = None

    def close(self, until: int) -> bytes | None:
        """Takes what every shard has closed; minute `until` is where the watermark stands. Returns the new state where
        there is one. Raises `Fenced` where another worker has taken over."""
        token = self._lease(MARKET_SHARD)
        if token is None:
            self._held = None
            return None
        if self._held is None or self._held.token != token:
            self._held = _Held(token, self._load())
        try:
            return self._step(self._held, until)
        except BaseException:
            self._held = None  # it may have taken alerts that were not committed
            raise

    def _load(self) -> Market:
        raw = self._store.load(MARKET_SHARD).watch or self._restored
        if raw is None:
            return Market(self._rules, self._sectors)
        return Market.from_bytes(raw, self._rules, self._sectors)

    def _step(self, held: _Held, until: int) -> bytes | None:
        shards = range(self._store.shards)
        if not (held.market.is_busy or any(self._store.outbox(shard) for shard in shards)):
            return None
        standings = [self._store.standing(shard) for shard in shards]
        end = self._closed_by_all(standings, until)
        if end is None:
            return None
        waiting = [alert for shard in shards for alert in self._committed(shard)]
        due = [alert for alert in waiting if held.market.until < minute_of(alert) <= end]
        if not due and not (held.market.is_busy and held.market.until // BUCKET_MIN < end // BUCKET_MIN):
            return None
        born: Counter[int] = Counter()
        for standing in standings:
            born.update(standing.born if standing else {})
        told = held.market.advance(due, born, end)
        state = held.market.to_bytes()
        outbox = {alert.id: encode_alert(alert) for alert in told}
        update = ShardUpdate(state, end, {}, outbox, bands={}, voted_added={}, voted_removed={}, accounts={})
        self._store.commit(MARKET_SHARD, held.token, update)
        return state

    def _closed_by_all(self, standings: Sequence[Standing | None], until: int) -> int | None:
        """The minute up to which no shard can bring another alert. Where no votes wait and no bucket ends there is
        nothing to close: such a shard holds up no other, nor does one that has never closed anything."""
        if not any(standings):
            return None
        ends = [self._closed(shard, standing, until) for shard, standing in enumerate(standings)]
        return None if None in ends else min(end for end in ends if end is not None)

    def _closed(self, shard: int, standing: Standing | None, until: int) -> int | None:
        closed = standing.closed_until if standing else None
        if closed is not None and closed // BUCKET_MIN < until // BUCKET_MIN:
            return closed
        if self._store.minutes(shard, until, 1):
            return closed
        return until if closed is None else max(until, closed)

    def _committed(self, shard: int) -> list[Alert]:
        return [decode_alert(value) for value in self._store.outbox(shard).values()]

    def taken(self, shard: int) -> list[str]:
        """Ids of the shard's alerts that have been taken, by whichever worker: they can leave its outbox."""
        standing = self._store.standing(MARKET_SHARD)
        if standing is None:
            return []
        return [alert.id for alert in self._committed(shard) if minute_of(alert) <= standing.closed_until]

    def outbox(self) -> dict[str, bytes]:
        """Alerts that wait to be sent, if this worker is to send them."""
        return self._store.outbox(MARKET_SHARD) if self._held else {}

    def confirm(self, alert_ids: Sequence[str]) -> None:
        """Takes what was sent out of the outbox. Whoever has taken over sends it again; readers drop ids that they
        have seen."""
        if self._held is None or not alert_ids:
            return
        try:
            self._store.sent(MARKET_SHARD, self._held.token, alert_ids)
        except Fenced:
            self._held = None

    def release(self) -> None:
        """Forgets what it holds, when the lease is given back."""
        self._held = None
