"""Claims about incidents as a pure function of their alerts."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from alerts.incidents import Incident, apply, decode_incident, encode_incident
from tests.alerts.examples import alert, episode


def after(*alerts: object) -> Incident:
    incident = None
    for one in alerts:
        incident = apply(incident, one)  # type: ignore[arg-type]
    assert incident is not None
    return incident


def test_an_episode_is_one_incident_with_a_timeline() -> None:
    incident = after(*episode())
    assert [(e.at[11:16], e.event, e.severity, e.by) for e in incident.timeline] == [
        ("13:00", "fired", "warning", "detector"),
        ("13:15", "escalated", "critical", "detector"),
        ("13:45", "resolved", "critical", "detector"),
    ]
    assert (incident.state, incident.severity, incident.last.event) == ("resolved", "critical", "resolved")
    assert incident.opened_at == "2026-01-05T13:00:00.000Z"
    assert incident.updated_at == incident.resolved_at == "2026-01-05T13:45:00.000Z"


def test_an_open_incident_has_no_resolution() -> None:
    incident = after(*episode()[:2])
    assert (incident.state, incident.severity, incident.resolved_at) == ("open", "critical", None)


def test_a_resolved_incident_still_shows_what_raised_it() -> None:
    fired, escalated, resolved = episode()
    assert after(fired, escalated, resolved).raised == after(resolved, escalated, fired).raised == escalated
    assert after(resolved).raised == resolved


def test_a_repeated_alert_changes_nothing() -> None:
    fired, escalated, _ = episode()
    incident = after(fired, escalated)
    assert apply(incident, fired) is incident
    assert apply(incident, escalated) is incident


def test_an_older_alert_does_not_reopen_a_resolved_incident() -> None:
    fired, escalated, resolved = episode()
    incident = after(fired, resolved, escalated)
    assert incident.state == "resolved"
    assert incident.last == resolved


@given(st.permutations([*episode(), *episode()]))
def test_any_order_and_any_repetition_give_the_same_incident(alerts: list[object]) -> None:
    assert after(*alerts) == after(*episode())


def test_what_people_decided_stays() -> None:
    fired, escalated, resolved = episode()
    acknowledged = msgspec.structs.replace(after(fired), state="acknowledged")
    assert apply(acknowledged, escalated).state == "acknowledged"
    assert apply(acknowledged, resolved).state == "resolved"
    dismissed = msgspec.structs.replace(after(fired), state="dismissed")
    assert apply(apply(dismissed, escalated), resolved).state == "dismissed"


def test_an_incident_survives_its_json() -> None:
    incident = after(*episode())
    assert decode_incident(encode_incident(incident)) == incident
    assert alert().incident == incident.id
