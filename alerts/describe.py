"""Incidents in words, for the shell: one on a line, or one in full. Pure; colours and columns are the shell's."""

from collections.abc import Mapping

from alerts.incidents import Incident
from alerts.message import Language, clock, figures, render, subject_of
from alerts.plain import plain
from alerts.words import WORDS


def describe_line(incident: Incident, language: Language = "en", topic_names: Mapping[str, str] | None = None) -> str:
    """Opening, state, severity, who, what, the figures that raised it last, and the id to ask for more."""
    found, speak = incident.raised.measured, WORDS[language]
    return (
        f"{clock(incident.opened_at)}  {incident.state:<12}  {speak.severity[incident.severity]:<8}  "
        f"{subject_of(incident.raised, language, topic_names or {})} · {speak.measure[found.key]}  "
        f"{figures(found)}  "
        f"{incident.id}"
    )


def describe(
    incident: Incident,
    language: Language = "en",
    desk_url: str | None = None,
    topic_names: Mapping[str, str] | None = None,
) -> str:
    """What raised it last, as its message; then state, rule and the timeline, in lines; ends with a line feed."""
    lines = [
        render(incident.raised, language, desk_url, topic_names).text,
        f"incident {incident.id} · {incident.state} · rule {incident.rule.id} {incident.rule.version}",
    ]
    lines += [
        f"  {clock(event.at)}  {plain(event.event):<12}  {event.severity:<8}  {plain(event.by)}"
        for event in incident.timeline
    ]
    return "\n".join(lines) + "\n"
