"""Stories that break out: who tells which story of a series, and the alerts of those that so many independent sources
told within so short a time. Each story is an incident of its own. Pure and in received time, like the watch.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from alerts.events import Alert, Drivers, EventKind, Evidence, Measured, RuleRef, Severity, digest_of, utc_text
from alerts.evidence import EVIDENCE, add_vote, shares, shown
from alerts.rules import Rule
from alerts.series import Series
from alerts.votes import BUCKET_MIN, Excerpt, Vote, decode_excerpt

SEVERITIES: Final[tuple[Severity, ...]] = ("warning", "major", "critical")
ONCE_MIN: Final = 72 * 60  # a story that broke out does so no second time while it was told within three days


class Telling(msgspec.Struct, array_like=True):
    """A story in a series. Minutes are of received time, since 1970; `sources` are those of the last `within_minutes`,
    with the minute in which each told it last."""

    last: int
    sources: dict[str, int] = {}
    posts: int = 0
    negative: int = 0
    tellings: list[bytes] = []  # excerpts, each of another source, in the order in which they came
    reach: int = 0  # the most sources at once
    took: int = 0  # minutes from the first to the last of them
    quick: bool = False  # whether as many as are asked for came within a quarter of the time
    incident: str = ""
    severity: Severity = "warning"
    is_open: bool = False


class AppliedBreakout:
    """One rule of breakouts over the series of a shard, by their slots."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.stories: dict[int, dict[str, Telling]] = {}

    def tell(self, slot: int, vote: Vote, minute: int, raw: bytes | None) -> None:
        """A source tells a story; votes of a minute come in order of received time. `raw` is the excerpt, if any."""
        telling = self.stories.setdefault(slot, {}).setdefault(vote.story, Telling(minute))
        telling.last, telling.posts = minute, telling.posts + vote.posts
        telling.negative += vote.negative_posts
        self._forget_sources(telling, minute)
        if vote.source not in telling.sources and raw is not None and len(telling.tellings) < EVIDENCE:
            telling.tellings.append(raw)
        telling.sources.pop(vote.source, None)  # in order of their last telling
        telling.sources[vote.source] = minute
        if len(telling.sources) > telling.reach:
            telling.reach = len(telling.sources)
            telling.took = minute - min(telling.sources.values())
        if len(telling.sources) >= self.rule.asked_sources:
            newest = list(telling.sources.values())[-self.rule.asked_sources :]
            telling.quick |= newest[-1] - newest[0] <= self.rule.asked_minutes / 4

    def later(self, minutes: int) -> None:
        """A gap of so many minutes lies behind: times move on."""
        for telling in (one for stories in self.stories.values() for one in stories.values()):
            telling.last += minutes
            telling.sources = {source: minute + minutes for source, minute in telling.sources.items()}

    def close(self, bucket: int, series: Sequence[Series]) -> Iterator[Alert]:
        """The alerts of a bucket whose votes were told; stories that are over are forgotten."""
        end = (bucket + 1) * BUCKET_MIN
        for slot, stories in self.stories.items():
            for story, telling in stories.items():
                self._forget_sources(telling, end - 1)
                event = self._event(telling)
                if event is not None:
                    yield self._alert(series[slot], story, telling, bucket, event)
        self.stories = {
            slot: kept
            for slot, stories in self.stories.items()
            if (kept := {name: one for name, one in stories.items() if not _is_over(one, end)})
        }

    def _forget_sources(self, telling: Telling, minute: int) -> None:
        oldest = minute - self.rule.asked_minutes
        if any(told <= oldest for told in telling.sources.values()):
            telling.sources = {source: told for source, told in telling.sources.items() if told > oldest}

    def _event(self, telling: Telling) -> EventKind | None:
        """What happened to the story by the end of a bucket; takes it on."""
        if telling.reach < self.rule.asked_sources:
            return None
        before, telling.severity = telling.severity, self._severity(telling)
        if not telling.incident:
            telling.is_open = True
            return "fired"
        if telling.is_open and len(telling.sources) < self.rule.asked_sources:
            telling.is_open = False
            return "resolved"
        return "escalated" if telling.is_open and telling.severity != before else None

    def _severity(self, telling: Telling) -> Severity:
        """By reach and speed: a step for twice the sources asked for, one for four times, one for a quarter of the
        time."""
        far = (telling.reach >= 2 * self.rule.asked_sources) + (telling.reach >= 4 * self.rule.asked_sources)
        return SEVERITIES[min(far + telling.quick, 2)]

    def _alert(self, one: Series, story: str, telling: Telling, bucket: int, event: EventKind) -> Alert:
        evaluated_at = utc_text((bucket + 1) * BUCKET_MIN * 60_000)
        if event == "fired":
            telling.incident = digest_of(self.rule.id, one.name, story, evaluated_at)
            one.fired[self.rule.id] = one.fired.get(self.rule.id, 0) + 1
        excerpts = [decode_excerpt(raw) for raw in telling.tellings]
        topics: dict[str, int] = {}
        for excerpt in excerpts:
            add_vote(topics, excerpt.topics)
        return Alert(
            incident=telling.incident,
            id=digest_of(telling.incident, event, evaluated_at),
            event=event,
            rule=RuleRef(self.rule.id, self.rule.version),
            series=one.ref,
            parent=None,
            bucket_start=utc_text(bucket * BUCKET_MIN * 60_000),
            evaluated_at=evaluated_at,
            severity=telling.severity,
            measured=self._measured(telling),
            evidence=tuple(_evidence(rank, e) for rank, e in enumerate(excerpts, start=1)),
            drivers=Drivers(shares(topics), shares(dict.fromkeys(telling.sources, 1)), shares({story: 1})),
        )

    def _measured(self, telling: Telling) -> Measured:
        return Measured(
            negatives=telling.negative,
            total=telling.posts,
            stories=1,
            posts=telling.posts,
            stale=0,
            expected=0.0,
            expected_low=0,
            expected_high=0,
            share=round(telling.negative / telling.posts, 4),
            usual_share=0.0,
            score=float(telling.reach),
            threshold=float(self.rule.asked_sources),
            key="breakout",
            window_minutes=max(telling.took, 1),
        )


def _is_over(telling: Telling, end: int) -> bool:
    if telling.is_open:
        return False
    return telling.last <= end - ONCE_MIN if telling.incident else not telling.sources


def _evidence(rank: int, excerpt: Excerpt) -> Evidence:
    return shown(excerpt, "first told here" if rank == 1 else f"source {rank} to tell it")
