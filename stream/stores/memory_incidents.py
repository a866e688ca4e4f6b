"""The incident book and the sent-log in memory, for the embedded mode and tests. Safe to share between threads."""

import builtins
from collections.abc import Sequence
from threading import Lock

from alerts import incidents
from alerts.events import Alert
from alerts.incidents import Incident, IncidentState


class MemoryIncidents:
    """`alerts.incidents.IncidentStore` and `SentLog` in two containers."""

    def __init__(self) -> None:
        self._incidents: dict[str, Incident] = {}
        self._sent: set[tuple[str, str]] = set()
        self._lock = Lock()

    def apply(self, alerts: Sequence[Alert]) -> builtins.list[bool]:
        """See `IncidentStore.apply`."""
        fresh = []
        with self._lock:
            for alert in alerts:
                before = self._incidents.get(alert.incident)
                after = self._incidents[alert.incident] = incidents.apply(before, alert)
                fresh.append(after is not before)
        return fresh

    def get(self, incident_id: str) -> Incident | None:
        """See `IncidentStore.get`."""
        return self._incidents.get(incident_id)

    def list(self, limit: int, state: IncidentState | None = None) -> builtins.list[Incident]:
        """See `IncidentStore.list`."""
        with self._lock:
            chosen = [one for one in self._incidents.values() if state is None or one.state == state]
        return sorted(chosen, key=lambda one: (one.opened_at, one.id), reverse=True)[:limit]

    def was_sent(self, alert_id: str, channel: str) -> bool:
        """See `SentLog.was_sent`."""
        return (alert_id, channel) in self._sent

    def mark_sent(self, alert_id: str, channel: str) -> None:
        """See `SentLog.mark_sent`."""
        self._sent.add((alert_id, channel))
