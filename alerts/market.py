"""Surges of many companies at once, told as one: the watches' alerts in, the same out with their parents, and those of
the market's own incidents among them. Pure and in received time, like the watch: however shards and calls cut the
alerts, what comes out is the same.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from alerts.events import Alert, Member, RuleRef, SeriesRef, digest_of, utc_text
from alerts.lifecycle import Lifecycle, LifecycleState, Look
from alerts.market_alert import market_alert, measured_together
from alerts.nested import Nest
from alerts.rules import Rule
from alerts.state import read_state
from alerts.votes import BUCKET_MIN

FEWEST: Final = 3  # two companies are a pair and no market
WINDOW: Final = 60  # minutes in which companies fire together
SCHEMA: Final = 2
_WEEK: Final = 7 * 24 * 60  # minutes
_DAY: Final = 24 * 60
_WIDEST_FIRST: Final = ("market", "sector", "topic", "source", "issuer", "issuer_topic")
_PRIOR_WEEKS: Final = 1.0  # of all companies: what the budget says counts like so many


class _Group(msgspec.Struct, array_like=True):
    """Where a rule stands. `onsets` are the companies' firings of the last hour, with their strongest post; `alone` is
    how many there were that belonged to no market incident; `parents` the parent of each incident that is open, `wide`
    those of sectors and of the market series that people were told of, by series."""

    lifecycle: LifecycleState = LifecycleState()
    incident: str = ""
    onsets: list[Alert] = []
    alone: int = 0
    members: list[Member] = []
    parents: dict[str, str | None] = {}
    wide: dict[str, str] = {}
    nest: Nest = msgspec.field(default_factory=Nest)


class _State(msgspec.Struct, array_like=True):
    schema: int
    until: int
    groups: dict[str, _Group]


class Market:
    """The companies of all shards, rule by rule. `sectors` names the sector of a company by its symbol, where known.

    The score is −log10 of the chance that as many companies fire within an hour when each goes its own way. A market
    incident fires and escalates at the threshold of the rule's budget, as one more series would, and lasts while more
    of its members are open than would fire by chance.
    """

    def __init__(self, rules: Sequence[Rule], sectors: Mapping[str, str] | None = None) -> None:
        self._sectors = sectors or {}
        # stories break out one by one: none holds another
        self._rules = {rule.id: rule for rule in rules if rule.measure != "breakout"}
        self._lifecycles = {
            rule.id: Lifecycle.for_budget(
                rule.series_budget, min_negatives=FEWEST, min_total=FEWEST, rest_s=rule.rest_hours * 3600
            )
            for rule in self._rules.values()
        }
        self._until = -(2**62)
        self._groups: dict[str, _Group] = {name: _Group() for name in self._rules}

    def to_bytes(self) -> bytes:
        """The whole state, exact."""
        return msgspec.msgpack.encode(_State(SCHEMA, self._until, self._groups))

    @classmethod
    def from_bytes(cls, raw: bytes, rules: Sequence[Rule], sectors: Mapping[str, str] | None = None) -> "Market":
        """The market that `to_bytes` wrote; `StateError` for another schema or broken bytes."""
        state = read_state(raw, _State, SCHEMA, "market")
        market = cls(rules, sectors)
        market._until = state.until
        market._groups |= {name: group for name, group in state.groups.items() if name in market._rules}
        return market

    @property
    def until(self) -> int:
        """The minute up to which everything was taken."""
        return self._until

    @property
    def is_busy(self) -> bool:
        """Whether the ends of buckets without an alert may change anything."""
        return any(group.onsets or group.lifecycle.firing for group in self._groups.values())

    def advance(self, alerts: Sequence[Alert], born: Mapping[int, int], until: int) -> list[Alert]:
        """Takes the alerts that were raised by minute `until`, which must be all there are of them, in any order; those
        taken before are dropped. `born` maps a bucket to the number of companies whose first voice fell into it, for
        all buckets that end by `until`.

        Returns them by minute, rule and series, the market's own first, the wider before the narrower.
        """
        by_minute: dict[int, list[Alert]] = defaultdict(list)
        for alert in alerts:
            minute = minute_of(alert)
            if self._until < minute <= until:
                by_minute[minute].append(alert)
        told = []
        for minute in self._due(by_minute, until):
            told += self._step(minute, by_minute.get(minute, []), born)
        self._until = max(self._until, until)
        return told

    def _due(self, by_minute: Mapping[int, object], until: int) -> Iterator[int]:
        """The minutes to step through: those with alerts, and ends of buckets while the state may change by itself."""
        waiting = sorted(by_minute, reverse=True)
        minute = self._until
        while True:
            steps = [waiting[-1]] if waiting else []
            if self.is_busy:
                steps.append((minute // BUCKET_MIN + 1) * BUCKET_MIN)
            minute = min(steps, default=until + 1)
            if minute > until:
                return
            if waiting and waiting[-1] == minute:
                waiting.pop()
            yield minute

    def _step(self, minute: int, alerts: Sequence[Alert], born: Mapping[int, int]) -> list[Alert]:
        by_rule: dict[str, list[Alert]] = defaultdict(list)
        for alert in sorted(alerts, key=lambda one: (_WIDEST_FIRST.index(one.series.kind), one.series.key, one.id)):
            by_rule[alert.rule.id].append(alert)
        told = []
        for name in sorted(self._groups.keys() | by_rule.keys()):
            if name in self._rules:
                told += self._group_step(self._rules[name], minute, by_rule[name], born)
            else:  # of breakouts, or of a rule that is no more
                told += by_rule[name]
        return told

    def _group_step(self, rule: Rule, minute: int, alerts: list[Alert], born: Mapping[int, int]) -> list[Alert]:
        group = self._groups[rule.id]
        _pass_the_hour(group, minute)
        if rule.measure == "negative":  # what companies do together is counted of negative surges alone
            group.onsets += [_with_its_strongest(alert) for alert in alerts if _is_onset(alert)]
        watched, by_chance = _expected(rule, group, minute, born)
        look = _look(group, minute, by_chance)
        lifecycle = self._lifecycles[rule.id]
        group.lifecycle, event, severity = lifecycle.step(group.lifecycle, look)
        if event == "fired":
            group.incident = digest_of(rule.id, "companies", utc_text(minute * 60_000))
        # what fires when the others have long done so is a surge of its own
        gathers = group.lifecycle.firing and look.score >= lifecycle.up - lifecycle.under
        if gathers:
            known = {member.incident for member in group.members}
            group.members += [Member(o.series.key, o.incident) for o in group.onsets if o.incident not in known]
        told = []
        if event is not None and severity is not None:
            measured = measured_together(
                group.onsets,
                together=int(look.totals_4h),
                watched=watched,
                by_chance=by_chance,
                score=look.score,
                threshold=lifecycle.up,
                window_minutes=WINDOW,
            )
            ref = RuleRef(rule.id, rule.version)
            told.append(
                market_alert(ref, group.incident, minute, event, severity, measured, group.onsets, group.members)
            )
        told += [self._nested(group, alert, group.incident if gathers else None) for alert in alerts]
        if not group.lifecycle.firing:
            group.members = []
        return told

    def _nested(self, group: _Group, alert: Alert, own: str | None) -> Alert:
        """The alert with its parent, or with the narrower incident that has told it. An incident keeps the parent that
        it had when it fired: nobody hears the end of what they were not told."""
        if alert.event == "fired":
            held_by = None if alert.parent in group.nest.told_by else alert.parent  # what was not told holds nothing
            group.parents[alert.incident] = held_by or self._wider(group, alert.series, own)
        parent = group.parents.get(alert.incident, alert.parent)
        told_by = group.nest.take(alert, self._sectors, held=parent is not None)
        if alert.event == "resolved":
            group.parents.pop(alert.incident, None)
            group.wide = {name: incident for name, incident in group.wide.items() if incident != alert.incident}
        elif alert.series.kind in ("sector", "market") and told_by is None:
            group.wide[alert.series.name] = alert.incident
        if (parent, told_by) == (alert.parent, alert.told_by):
            return alert
        return msgspec.structs.replace(alert, parent=parent, told_by=told_by)

    def _wider(self, group: _Group, series: SeriesRef, own: str | None) -> str | None:
        """The nearest open incident that holds a series: its sector's, the companies' together, the market series'."""
        sector = self._sectors.get(series.key.partition("|")[0]) if series.kind in ("issuer", "issuer_topic") else None
        whole = group.wide.get("market:all") if series.kind != "market" else None
        return group.wide.get(f"sector:{sector}") or own or whole


def _pass_the_hour(group: _Group, minute: int) -> None:
    """Lets firings of more than an hour ago go. Those of no market incident teach what is usual."""
    members = {member.incident for member in group.members}
    gone = [onset for onset in group.onsets if minute_of(onset) <= minute - WINDOW]
    group.alone += sum(onset.incident not in members for onset in gone)
    group.onsets = group.onsets[len(gone) :]


def _expected(rule: Rule, group: _Group, minute: int, born: Mapping[int, int]) -> tuple[int, float]:
    """How many companies are watched, and how many firings an hour brings when each goes its own way: as many as the
    budget allows or, where true surges are commoner than that, as many as there were so far."""
    learnt_by = minute - BUCKET_MIN - rule.learning_days * _DAY
    ages = [(learnt_by - first * BUCKET_MIN, number) for first, number in sorted(born.items())]
    ages = [(age, number) for age, number in ages if age >= 0]
    watched = max(sum(number for _, number in ages), len(group.onsets))
    weeks = sum(age * number for age, number in ages) / _WEEK
    own = (
        (group.alone + _PRIOR_WEEKS * watched * rule.series_budget) / (weeks + _PRIOR_WEEKS * watched)
        if watched
        else 0.0
    )
    return watched, watched * max(rule.series_budget, own) * WINDOW / _WEEK


def _look(group: _Group, minute: int, by_chance: float) -> Look:
    together = len({onset.series.key for onset in group.onsets})
    still = sum(member.incident in group.parents for member in group.members)
    return Look(
        at_s=(minute - BUCKET_MIN) * 60.0,
        score=unlikely(together, by_chance),
        recent=unlikely(still, by_chance),
        since_s=(minute - WINDOW) * 60.0,
        negatives_4h=together,
        totals_4h=together,
    )


def unlikely(together: int, by_chance: float) -> float:
    """−log10 of the chance that `together` or more companies fire in a window in which `by_chance` (> 0) do on average.

    The chance is geometric: of all distributions of a count of which no more than the mean is known, the widest. It
    leaves room for hours in which surges are commoner than in others.
    """
    return together * math.log1p(1.0 / by_chance) / math.log(10.0) if together else 0.0


def minute_of(alert: Alert) -> int:
    """The minute at whose beginning the alert was raised, since 1970."""
    return int(datetime.fromisoformat(alert.evaluated_at).timestamp()) // 60


def _is_onset(alert: Alert) -> bool:
    return alert.event == "fired" and alert.series.kind == "issuer"


def _with_its_strongest(alert: Alert) -> Alert:
    return msgspec.structs.replace(alert, evidence=alert.evidence[:1])
