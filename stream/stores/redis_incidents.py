"""The incident book and the sent-log in Redis: an incident's JSON by id, sorted sets of ids by opening time (all, and
one a state), and a set of what was sent. All keys bear one hash tag, so that a cluster keeps them together.
"""

import builtins
from collections.abc import Sequence
from typing import cast

import redis

from alerts import incidents
from alerts.events import Alert
from alerts.incidents import STATES, Incident, IncidentState, decode_incident, encode_incident
from stream.stores.redis_common import faults_named
from stream.times import parse_ms

PAGE = 200

# KEYS: the incident, the index of all, the index of its new state, the indices of the other states.
# ARGV: the incident as it was read (empty: absent), as it shall be, its id, its opening in ms.
_REPLACE = """
local now = redis.call('GET', KEYS[1]) or ''
if now ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('ZADD', KEYS[2], ARGV[4], ARGV[3])
redis.call('ZADD', KEYS[3], ARGV[4], ARGV[3])
for i = 4, #KEYS do redis.call('ZREM', KEYS[i], ARGV[3]) end
return 1
"""


class RedisIncidents:
    """`alerts.incidents.IncidentStore` and `SentLog`; `client` must answer in bytes, which is redis-py's default.

    Nothing expires: an incident takes some 5 KB, a mark in the sent-log some 60 bytes, and a mark that is forgotten
    would let a replayed topic send old alerts again. Faults of the connection are raised as `ServerUnavailable`.
    """

    def __init__(self, client: redis.Redis, prefix: str = "groundswell") -> None:
        self._client = client
        self._base = f"{{{prefix}:incidents}}"
        self._all = f"{self._base}:all"
        self._sent = f"{self._base}:sent"
        self._replace = client.register_script(_REPLACE)

    def apply(self, alerts: Sequence[Alert]) -> builtins.list[bool]:
        """See `IncidentStore.apply`. Each incident changes in one step; who loses a race reads again."""
        pending: dict[str, list[int]] = {}
        for index, alert in enumerate(alerts):
            pending.setdefault(alert.incident, []).append(index)
        fresh = [False] * len(alerts)
        with faults_named(self._client):
            while pending:
                pending = self._try(pending, alerts, fresh)
        return fresh

    def _try(
        self, pending: dict[str, builtins.list[int]], alerts: Sequence[Alert], fresh: builtins.list[bool]
    ) -> dict[str, builtins.list[int]]:
        """One attempt at every pending incident; returns those that somebody else changed meanwhile."""
        raws = self._client.mget([self._key(incident) for incident in pending])
        written = []
        with self._client.pipeline(transaction=False) as pipe:
            for (incident_id, indices), raw in zip(pending.items(), raws, strict=True):
                before = incident = decode_incident(raw) if raw else None
                for index in indices:
                    after = incidents.apply(incident, alerts[index])
                    fresh[index] = after is not incident
                    incident = after
                if incident is None or incident is before:
                    continue
                others = [self._index(state) for state in STATES if state != incident.state]
                self._replace(
                    keys=[self._key(incident_id), self._all, self._index(incident.state), *others],
                    args=[raw or b"", encode_incident(incident), incident_id, parse_ms(incident.opened_at)],
                    client=pipe,
                )
                written.append(incident_id)
            done = pipe.execute()
        return {name: pending[name] for name, won in zip(written, done, strict=True) if not won}

    def get(self, incident_id: str) -> Incident | None:
        """See `IncidentStore.get`."""
        with faults_named(self._client):
            raw = self._client.get(self._key(incident_id))
        return decode_incident(raw) if raw else None

    def list(self, limit: int, state: IncidentState | None = None) -> builtins.list[Incident]:
        """See `IncidentStore.list`."""
        if limit < 1:
            return []
        with faults_named(self._client):
            index = self._all if state is None else self._index(state)
            ids = cast("builtins.list[bytes]", self._client.zrevrange(index, 0, limit - 1))
            found: builtins.list[Incident] = []
            for start in range(0, len(ids), PAGE):
                keys = [self._key(one.decode()) for one in ids[start : start + PAGE]]
                found += [decode_incident(raw) for raw in self._client.mget(keys) if raw]
        return found

    def was_sent(self, alert_id: str, channel: str) -> bool:
        """See `SentLog.was_sent`."""
        with faults_named(self._client):
            return bool(self._client.sismember(self._sent, f"{alert_id} {channel}"))

    def mark_sent(self, alert_id: str, channel: str) -> None:
        """See `SentLog.mark_sent`."""
        with faults_named(self._client):
            self._client.sadd(self._sent, f"{alert_id} {channel}")

    def _key(self, incident_id: str) -> str:
        return f"{self._base}:one:{incident_id}"

    def _index(self, state: IncidentState) -> str:
        return f"{self._base}:state:{state}"
