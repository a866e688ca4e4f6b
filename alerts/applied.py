"""A rule at work: scores of buckets in, alerts of the series that it watches out. Where scores come from is the
watch's business, when a series fires and resolves the lifecycle's.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from alerts.events import Alert, EventKind, RuleRef, Severity, digest_of, utc_text
from alerts.figures import SAID, Window
from alerts.lifecycle import Lifecycle, LifecycleState, look_at
from alerts.measures import Found
from alerts.rules import Rule
from alerts.series import Series
from alerts.votes import BUCKET_MIN

BUCKET_S, BUCKET_MS, MINUTE_MS = BUCKET_MIN * 60.0, BUCKET_MIN * 60_000, 60_000


class AppliedRule:
    """One rule over the series of a shard, which are known by their slots. It keeps nothing but what the series' own
    records say, too (`resume`)."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._lifecycle = _lifecycle(rule)
        self._firing: set[int] = set()

    def resume(self, series: Sequence[Series]) -> None:
        """Finds which series have an open incident, after their records were read."""
        active = (Lifecycle.is_active(one.lifecycles.get(self.rule.id)) for one in series)
        self._firing = {slot for slot, firing in enumerate(active) if firing}

    def apply(
        self, bucket: int, found: Found, series: Sequence[Series], by_name: Mapping[str, int], end: int
    ) -> Iterator[Alert]:
        """The alerts at the end of a minute: of a bucket that ends with it or, earlier, that still fills. In it the
        rule's measure `found` what it did; `by_name` are the slots of all series, `end` the next minute's number. Takes
        the lifecycles in the series' records on."""
        fills = end < (bucket + 1) * BUCKET_MIN
        due = found.scores.score >= self._lifecycle.up
        if self._firing and not fills:
            due |= np.isin(found.slots, list(self._firing))
        for row in _parents_first(np.flatnonzero(due), found.slots, series):
            slot = int(found.slots[row])
            one = series[slot]
            known = bucket - found.since(slot)
            if one.kind not in self.rule.series or known < self.rule.learning_days * 24 * 60 / BUCKET_MIN:
                continue
            before = one.lifecycles.get(self.rule.id, LifecycleState())
            look = look_at(found.scores, row, bucket * BUCKET_S, BUCKET_MIN * 60)
            state, event, severity = (self._lifecycle.early if fills else self._lifecycle.step)(before, look)
            one.lifecycles[self.rule.id] = state
            (self._firing.add if Lifecycle.is_active(state) else self._firing.discard)(slot)
            if event is not None and severity is not None:
                yield self._alert(one, self._parent(one, series, by_name), row, bucket, found, end, event, severity)

    def _parent(self, one: Series, series: Sequence[Series], by_name: Mapping[str, int]) -> str | None:
        """The open incident, by the same rule, of the company whose topic this is."""
        kind, _, key = one.name.partition(":")
        slot = by_name.get(f"issuer:{key.partition('|')[0]}") if kind == "issuer_topic" else None
        return series[slot].incidents[self.rule.id] if slot is not None and slot in self._firing else None

    def _alert(
        self,
        one: Series,
        parent: str | None,
        row: int,
        bucket: int,
        found: Found,
        end: int,
        event: EventKind,
        severity: Severity,
    ) -> Alert:
        rule, evaluated_at = self.rule, utc_text(end * MINUTE_MS)
        if event == "fired":
            one.incidents[rule.id] = digest_of(rule.id, one.name, evaluated_at)
            one.fired[rule.id] = one.fired.get(rule.id, 0) + 1
        incident = one.incidents[rule.id]
        since = bucket - int(found.scores.window[row])
        contexts = [context for context in one.contexts if context.bucket > since]
        said = SAID[rule.measure](Window(found.scores, row, contexts, self._lifecycle.up))
        return Alert(
            incident=incident,
            id=digest_of(incident, event, evaluated_at),
            event=event,
            rule=RuleRef(rule.id, rule.version),
            series=one.ref,
            parent=parent,
            bucket_start=utc_text(bucket * BUCKET_MS),
            evaluated_at=evaluated_at,
            severity=severity,
            measured=said.measured,
            evidence=said.evidence,
            drivers=said.drivers,
        )


def _lifecycle(rule: Rule) -> Lifecycle:
    rest_s = rule.rest_hours * 3600
    if rule.measure == "silence":  # which ends with the first post
        ends_at_once = Lifecycle.for_budget(rule.series_budget, min_negatives=0, min_total=0, rest_s=rest_s)
        return msgspec.structs.replace(ends_at_once, keep_s=BUCKET_S / 2)
    usual = Lifecycle.for_budget(
        rule.series_budget, min_negatives=rule.min_negatives, min_total=rule.min_total, rest_s=rest_s
    )
    return usual.looking_early() if rule.measure == "negative" else usual


def _parents_first(rows: NDArray[np.intp], slots: NDArray[np.intp], series: Sequence[Series]) -> list[int]:
    """A company before its topics, so that theirs know its incident of the same bucket."""
    return sorted(rows.tolist(), key=lambda row: series[int(slots[row])].kind == "issuer_topic")
