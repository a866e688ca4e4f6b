"""Surges of many companies at once, told as one: the watches' alerts of closed buckets in, the same out with their
parents, and those of the market's own incidents among them. Pure and in received time, like the watch: however shards
and calls cut the alerts, what comes out is the same.
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
from alerts.rules import Rule
from alerts.state import read_state
from alerts.votes import BUCKET_MIN

FEWEST: Final = 3  # two companies are a pair and no market
WINDOW: Final = 60 // BUCKET_MIN  # buckets in which companies fire together
SCHEMA: Final = 1
_BUCKET_S: Final = BUCKET_MIN * 60
_WEEK: Final = 7 * 24 * 60 // BUCKET_MIN
_DAY: Final = 24 * 60 // BUCKET_MIN
_WIDEST_FIRST: Final = ("market", "sector", "topic", "source", "issuer", "issuer_topic")
_PRIOR_WEEKS: Final = 1.0  # of all companies: what the budget says counts like so many


class _Group(msgspec.Struct, array_like=True):
    """Where a rule stands. `onsets` are the companies' firings of the last hour, with their strongest post; `alone` is
    how many there were that belonged to no market incident; `parents` the parent of each incident that is open, `wide`
    those of sectors and of the market series, by series."""

    lifecycle: LifecycleState = LifecycleState()
    incident: str = ""
    onsets: list[Alert] = []
    alone: int = 0
    members: list[Member] = []
    parents: dict[str, str | None] = {}
    wide: dict[str, str] = {}


class _State(msgspec.Struct, array_like=True):
    schema: int
    bucket: int
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
        self._bucket = -(2**62)
        self._groups: dict[str, _Group] = {name: _Group() for name in self._rules}

    def to_bytes(self) -> bytes:
        """The whole state, exact."""
        return msgspec.msgpack.encode(_State(SCHEMA, self._bucket, self._groups))

    @classmethod
    def from_bytes(cls, raw: bytes, rules: Sequence[Rule], sectors: Mapping[str, str] | None = None) -> "Market":
        """The market that `to_bytes` wrote; `StateError` for another schema or broken bytes."""
        state = read_state(raw, _State, SCHEMA, "market")
        market = cls(rules, sectors)
        market._bucket = state.bucket
        market._groups |= {name: group for name, group in state.groups.items() if name in market._rules}
        return market

    @property
    def bucket(self) -> int:
        """The first bucket that was not taken."""
        return self._bucket

    @property
    def is_busy(self) -> bool:
        """Whether buckets without an alert may change anything."""
        return any(group.onsets or group.lifecycle.firing for group in self._groups.values())

    def advance(self, alerts: Sequence[Alert], born: Mapping[int, int], until: int) -> list[Alert]:
        """Takes the alerts of the buckets that end by minute `until`, which must be all there are of them, in any
        order; those of buckets taken before are dropped. `born` maps a bucket to the number of companies whose first
        voice fell into it, for all buckets that end by `until`.

        Returns them by bucket, rule and series, the market's own first, the wider before the narrower.
        """
        end = until // BUCKET_MIN
        by_bucket: dict[int, list[Alert]] = defaultdict(list)
        for alert in alerts:
            bucket = bucket_of(alert)
            if self._bucket <= bucket < end:
                by_bucket[bucket].append(alert)
        told = []
        for bucket in self._due(by_bucket, end):
            told += self._step(bucket, by_bucket.get(bucket, []), born)
        self._bucket = max(self._bucket, end)
        return told

    def _due(self, by_bucket: Mapping[int, object], end: int) -> Iterator[int]:
        """The buckets to step through: those with alerts, and all in which the state may change by itself."""
        waiting = sorted(by_bucket, reverse=True)
        bucket = self._bucket
        while True:
            while waiting and waiting[-1] < bucket:
                waiting.pop()
            if not self.is_busy:
                bucket = waiting[-1] if waiting else end
            if bucket >= end:
                return
            yield bucket
            bucket += 1

    def _step(self, bucket: int, alerts: Sequence[Alert], born: Mapping[int, int]) -> list[Alert]:
        by_rule: dict[str, list[Alert]] = defaultdict(list)
        for alert in sorted(alerts, key=lambda one: (_WIDEST_FIRST.index(one.series.kind), one.series.key, one.id)):
            by_rule[alert.rule.id].append(alert)
        told = []
        for name in sorted(self._groups.keys() | by_rule.keys()):
            if name in self._rules:
                told += self._group_step(self._rules[name], bucket, by_rule[name], born)
            else:  # of breakouts, or of a rule that is no more
                told += by_rule[name]
        return told

    def _group_step(self, rule: Rule, bucket: int, alerts: list[Alert], born: Mapping[int, int]) -> list[Alert]:
        group = self._groups[rule.id]
        _pass_the_hour(group, bucket)
        if rule.measure == "negative":  # what companies do together is counted of negative surges alone
            group.onsets += [_with_its_strongest(alert) for alert in alerts if _is_onset(alert)]
        watched, by_chance = _expected(rule, group, bucket, born)
        look = _look(group, bucket, by_chance)
        lifecycle = self._lifecycles[rule.id]
        group.lifecycle, event, severity = lifecycle.step(group.lifecycle, look)
        if event == "fired":
            group.incident = digest_of(rule.id, "companies", utc_text((bucket + 1) * _BUCKET_S * 1000))
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
                window_minutes=WINDOW * BUCKET_MIN,
            )
            ref = RuleRef(rule.id, rule.version)
            told.append(
                market_alert(ref, group.incident, bucket, event, severity, measured, group.onsets, group.members)
            )
        told += [self._with_parent(group, alert, group.incident if gathers else None) for alert in alerts]
        if not group.lifecycle.firing:
            group.members = []
        return told

    def _with_parent(self, group: _Group, alert: Alert, own: str | None) -> Alert:
        """An incident keeps the parent that it had when it fired: nobody hears the end of what they were not told."""
        if alert.event == "fired":
            group.parents[alert.incident] = alert.parent or self._wider(group, alert.series, own)
            if alert.series.kind in ("sector", "market"):
                group.wide[f"{alert.series.kind}:{alert.series.key}"] = alert.incident
        parent = group.parents.get(alert.incident, alert.parent)
        if alert.event == "resolved":
            group.parents.pop(alert.incident, None)
            group.wide = {name: incident for name, incident in group.wide.items() if incident != alert.incident}
        return alert if parent == alert.parent else msgspec.structs.replace(alert, parent=parent)

    def _wider(self, group: _Group, series: SeriesRef, own: str | None) -> str | None:
        """The nearest open incident that holds a series: its sector's, the companies' together, the market series'."""
        sector = self._sectors.get(series.key.partition("|")[0]) if series.kind in ("issuer", "issuer_topic") else None
        whole = group.wide.get("market:all") if series.kind != "market" else None
        return group.wide.get(f"sector:{sector}") or own or whole


def _pass_the_hour(group: _Group, bucket: int) -> None:
    """Lets firings of more than an hour ago go. Those of no market incident teach what is usual."""
    members = {member.incident for member in group.members}
    gone = [onset for onset in group.onsets if bucket_of(onset) <= bucket - WINDOW]
    group.alone += sum(onset.incident not in members for onset in gone)
    group.onsets = group.onsets[len(gone) :]


def _expected(rule: Rule, group: _Group, bucket: int, born: Mapping[int, int]) -> tuple[int, float]:
    """How many companies are watched, and how many firings an hour brings when each goes its own way: as many as the
    budget allows or, where true surges are commoner than that, as many as there were so far."""
    learning = rule.learning_days * _DAY
    ages = [(bucket - first - learning, number) for first, number in sorted(born.items()) if bucket - first >= learning]
    watched = max(sum(number for _, number in ages), len(group.onsets))
    weeks = sum(age * number for age, number in ages) / _WEEK
    own = (
        (group.alone + _PRIOR_WEEKS * watched * rule.series_budget) / (weeks + _PRIOR_WEEKS * watched)
        if watched
        else 0.0
    )
    return watched, watched * max(rule.series_budget, own) * WINDOW / _WEEK


def _look(group: _Group, bucket: int, by_chance: float) -> Look:
    together = len({onset.series.key for onset in group.onsets})
    still = sum(member.incident in group.parents for member in group.members)
    return Look(
        at_s=bucket * _BUCKET_S,
        score=unlikely(together, by_chance),
        recent=unlikely(still, by_chance),
        since_s=(bucket + 1 - WINDOW) * _BUCKET_S,
        negatives_4h=together,
        totals_4h=together,
    )


def unlikely(together: int, by_chance: float) -> float:
    """−log10 of the chance that `together` or more companies fire in a window in which `by_chance` (> 0) do on average.

    The chance is geometric: of all distributions of a count of which no more than the mean is known, the widest. It
    leaves room for hours in which surges are commoner than in others.
    """
    return together * math.log1p(1.0 / by_chance) / math.log(10.0) if together else 0.0


def bucket_of(alert: Alert) -> int:
    """The number of the bucket at whose close the alert was raised."""
    return int(datetime.fromisoformat(alert.bucket_start).timestamp()) // _BUCKET_S


def _is_onset(alert: Alert) -> bool:
    return alert.event == "fired" and alert.series.kind == "issuer"


def _with_its_strongest(alert: Alert) -> Alert:
    return msgspec.structs.replace(alert, evidence=alert.evidence[:1])
