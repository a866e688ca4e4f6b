"""What a market incident says: its figures, members, posts and drivers, from the firings of its companies. When one
begins and ends is `market`'s business.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from alerts.events import (
    Alert,
    Driver,
    Drivers,
    EventKind,
    Evidence,
    Measured,
    Member,
    RuleRef,
    SeriesRef,
    Severity,
    digest_of,
    utc_text,
)
from alerts.evidence import EVIDENCE, shares
from alerts.tails import interval_80
from alerts.votes import BUCKET_MIN

MEMBERS_SHOWN: Final = 200  # an alert stays under 100 kB


def market_alert(
    rule: RuleRef,
    incident: str,
    minute: int,
    event: EventKind,
    severity: Severity,
    measured: Measured,
    onsets: Sequence[Alert],
    members: Sequence[Member],
) -> Alert:
    """An event of a market incident at the start of `minute`, after the firings `onsets`, with all `members` so far."""
    evaluated_at = utc_text(minute * 60_000)
    return Alert(
        incident=incident,
        id=digest_of(incident, event, evaluated_at),
        event=event,
        rule=rule,
        series=SeriesRef("market", "all"),
        parent=None,
        bucket_start=utc_text((minute - 1) // BUCKET_MIN * BUCKET_MIN * 60_000),
        evaluated_at=evaluated_at,
        severity=severity,
        measured=measured,
        evidence=_evidence(onsets),
        drivers=Drivers(
            topics=_drivers(onsets, lambda drivers: drivers.topics),
            sources=_drivers(onsets, lambda drivers: drivers.sources),
            stories=_drivers(onsets, lambda drivers: drivers.stories),
        ),
        members=tuple(members[:MEMBERS_SHOWN]),
    )


def measured_together(
    onsets: Sequence[Alert],
    *,
    together: int,
    watched: int,
    by_chance: float,
    score: float,
    threshold: float,
    window_minutes: int,
) -> Measured:
    """The figures of `together` companies out of `watched` that fired within the window, `by_chance` being usual."""
    low, high = interval_80(by_chance, by_chance + by_chance**2)
    return Measured(
        negatives=together,
        total=watched,
        stories=sum(onset.measured.stories for onset in onsets),
        posts=sum(onset.measured.posts for onset in onsets),
        stale=sum(onset.measured.stale for onset in onsets),
        expected=round(by_chance, 3),
        expected_low=low,
        expected_high=high,
        share=round(together / watched, 4) if watched else 0.0,
        usual_share=round(by_chance / watched, 4) if watched else 0.0,
        score=round(score, 3),
        threshold=round(threshold, 3),
        key="companies",
        window_minutes=window_minutes,
    )


def _evidence(onsets: Sequence[Alert]) -> tuple[Evidence, ...]:
    """The strongest post of each company, the most negative first, each of another story."""
    best = [(onset.series.key, post) for onset in onsets for post in onset.evidence]
    best.sort(key=lambda item: (item[1].score, item[1].received_at, item[1].id, item[0]))
    chosen: dict[str, Evidence] = {}
    for company, post in best:
        why = post.why.replace("strongest negative story", f"strongest negative story of {company}")
        chosen.setdefault(post.story, msgspec.structs.replace(post, why=why))
    return tuple(chosen.values())[:EVIDENCE]


def _drivers(onsets: Sequence[Alert], which: Callable[[Drivers], tuple[Driver, ...]]) -> tuple[Driver, ...]:
    """Drivers of one kind over all companies, by their parts in the companies' negative voices."""
    weights: Counter[str] = Counter()
    for onset in onsets:
        for driver in which(onset.drivers):
            weights[driver.id] += round(driver.share * 10_000) * onset.measured.negatives
    return shares(weights)
