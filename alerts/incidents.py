"""Incidents: what the alerts of one rule, series and episode add up to, with a timeline. Pure and in received time;
where incidents are kept is the stores' business, who is told is the dispatcher's.
"""

import builtins
from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from alerts.events import Alert, RuleRef, SeriesRef, Severity

IncidentState = Literal["open", "acknowledged", "resolved", "dismissed"]
STATES: tuple[IncidentState, ...] = ("open", "acknowledged", "resolved", "dismissed")
DETECTOR = "detector"

_ORDER: dict[str, int] = {"fired": 0, "escalated": 1, "resolved": 2}


class TimelineEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that happened: `at` in received time, `by` the detector or a person, `alert` the id that told it."""

    at: str
    event: str
    severity: Severity
    by: str
    alert: str | None = None


class Incident(msgspec.Struct, frozen=True):
    """One episode. Times are canonical text (RFC 3339, UTC, milliseconds); `last` is the latest alert, whole, and
    `raised` the latest that fired or escalated: what it is about, when a resolution has nothing left to show.

    The timeline is in order of time and also says which alert ids have been seen.
    """

    id: str
    rule: RuleRef
    series: SeriesRef
    state: IncidentState
    severity: Severity
    opened_at: str
    updated_at: str
    resolved_at: str | None
    last: Alert
    raised: Alert
    timeline: tuple[TimelineEvent, ...]

    @property
    def parent(self) -> str | None:
        """The wider incident that holds it."""
        return self.last.parent

    def has_seen(self, alert_id: str) -> bool:
        """Whether this alert is on the timeline."""
        return any(event.alert == alert_id for event in self.timeline)


def apply(incident: Incident | None, alert: Alert) -> Incident:
    """The incident after an alert. The order of arrival does not matter: a repeated alert changes nothing, one that is
    older than the latest only takes its place on the timeline.

    What people decided stays: an acknowledged incident stays so until it resolves, a dismissed one for good.
    """
    if incident is None:
        timeline: tuple[TimelineEvent, ...] = (_event(alert),)
        last = raised = alert
    elif incident.has_seen(alert.id):
        return incident
    else:
        timeline = tuple(sorted((*incident.timeline, _event(alert)), key=_place))
        last = max(incident.last, alert, key=_rank)
        raised = max(incident.raised, alert, key=_weight)
    return Incident(
        id=alert.incident,
        rule=last.rule,
        series=last.series,
        state=_state(incident, last),
        severity=last.severity,
        opened_at=timeline[0].at,
        updated_at=timeline[-1].at,
        resolved_at=last.evaluated_at if last.event == "resolved" else None,
        last=last,
        raised=raised,
        timeline=timeline,
    )


def _event(alert: Alert) -> TimelineEvent:
    return TimelineEvent(alert.evaluated_at, alert.event, alert.severity, DETECTOR, alert.id)


def _place(event: TimelineEvent) -> tuple[str, int, str]:
    return event.at, _ORDER.get(event.event, len(_ORDER)), event.alert or ""


def _rank(alert: Alert) -> tuple[str, int, str]:
    return alert.evaluated_at, _ORDER[alert.event], alert.id


def _weight(alert: Alert) -> tuple[bool, tuple[str, int, str]]:
    return alert.event != "resolved", _rank(alert)


def _state(before: Incident | None, last: Alert) -> IncidentState:
    if before is not None and before.state == "dismissed":
        return "dismissed"
    if last.event == "resolved":
        return "resolved"
    return "acknowledged" if before is not None and before.state == "acknowledged" else "open"


class IncidentStore(Protocol):
    """The incident book. Calls are synchronous and safe to repeat."""

    def apply(self, alerts: Sequence[Alert]) -> builtins.list[bool]:
        """Takes alerts into their incidents; for each, in order, whether its id was new."""
        ...

    def get(self, incident_id: str) -> Incident | None:
        """One incident by its id."""
        ...

    def list(self, limit: int, state: IncidentState | None = None) -> builtins.list[Incident]:
        """Up to `limit` incidents, the last opened first, ties by id; of one state where it is given."""
        ...


class SentLog(Protocol):
    """Which alert a channel's receiver has confirmed. Written only after the confirmation."""

    def was_sent(self, alert_id: str, channel: str) -> bool:
        """Whether the channel's receiver has confirmed the alert."""
        ...

    def mark_sent(self, alert_id: str, channel: str) -> None:
        """Remembers the confirmation."""
        ...


def encode_incident(incident: Incident) -> bytes:
    """The incident as JSON; the same incident always gives the same bytes."""
    return _ENCODER.encode(incident)


def decode_incident(raw: bytes | str) -> Incident:
    """An incident from JSON; `msgspec.ValidationError` names the field that is wrong."""
    return _DECODER.decode(raw)


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Incident)
