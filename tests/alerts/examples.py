"""Invented alerts for the tests of the way out: one incident that fires, escalates and resolves."""

import msgspec

from alerts.events import Alert, Driver, Drivers, EventKind, Evidence, Measured, RuleRef, SeriesRef, Severity

TOPICS_EN = {"recall": "Recall", "supply": "Battery supply", "company_news": "Company news"}
TOPICS_ZH = {"recall": "召回传闻", "supply": "电池供应", "company_news": "公司"}


def post(number: int, text: str = "Northlake recalls its cars, brakes fail", story: str | None = None) -> Evidence:
    """One negative post; every number has a story of its own unless one is given."""
    return Evidence(
        id=f"post-{number}",
        story=story or f"story-{number}",
        source="snowball",
        published_at=f"2026-01-05T12:{number:02d}:00.000Z",
        received_at=f"2026-01-05T12:{number:02d}:05.000Z",
        text=text,
        score=-0.934,
        why="strongest negative story, told by 12 posts" if number == 1 else f"negative story ranked {number}",
        url=f"https://news.example/{number}",
    )


def alert(
    event: EventKind = "fired",
    minute: int = 0,
    severity: Severity = "critical",
    incident: str = "inc-1",
    evidence: tuple[Evidence, ...] | None = None,
) -> Alert:
    """An alert of 2026-01-05, evaluated `minute` minutes past 13:00 UTC."""
    at = f"2026-01-05T13:{minute:02d}:00.000Z"
    return Alert(
        incident=incident,
        id=f"{incident}-{event}-{minute}",
        event=event,
        rule=RuleRef("negative-surge", "abc123"),
        series=SeriesRef("issuer", "002594.SZ", ("002594.SZ", "1211.HK")),
        parent=None,
        bucket_start=f"2026-01-05T12:{minute:02d}:00.000Z",
        evaluated_at=at,
        severity=severity,
        measured=Measured(
            negatives=47,
            total=66,
            stories=47,
            posts=120,
            stale=3,
            expected=6.0,
            expected_low=2,
            expected_high=11,
            share=0.7121,
            usual_share=0.24,
            score=4.9,
            threshold=2.2,
            key="negative_share",
            window_minutes=60,
        ),
        evidence=tuple(post(n) for n in range(1, 4)) if evidence is None else evidence,
        drivers=Drivers(
            topics=(Driver("recall", 0.62), Driver("supply", 0.21), Driver("other", 0.17)),
            sources=(Driver("snowball", 0.5), Driver("wire", 0.3), Driver("forum", 0.2)),
            stories=(Driver("story-1", 1.0),),
        ),
    )


def episode(incident: str = "inc-1") -> tuple[Alert, Alert, Alert]:
    """Fired as a warning, escalated to critical, resolved."""
    return (
        alert("fired", 0, "warning", incident),
        alert("escalated", 15, "critical", incident),
        alert("resolved", 45, "critical", incident),
    )


def measured(of: Alert, **changes: object) -> Alert:
    """The alert with other figures."""
    return msgspec.structs.replace(of, measured=msgspec.structs.replace(of.measured, **changes))
