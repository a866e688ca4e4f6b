"""Claims about rules of other measures than negative surges: what fires them, what they say, and that they keep what
the watch promises of all alerts.
"""

import random
from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.events import Alert, encode_alert
from alerts.message import render
from alerts.rules import Rule
from alerts.votes import BUCKET_MIN, Minute, Vote
from alerts.watch import Watch
from tests.alerts.votes_of_days import DAY_MIN, RULE, START_MIN, Burst, days, excerpt, minutes_of, vote

DAYS = 4
END_MIN = START_MIN + DAYS * DAY_MIN
VOLUME = Rule("volume-surge", ("issuer",), measure="volume")


def shown(minutes: Iterable[Minute]) -> list[Minute]:
    """The minutes with an excerpt of every vote."""
    return [
        one._replace(excerpts={v.id: excerpt(v) for votes in one.votes.values() for v in votes} | dict(one.excerpts))
        for one in minutes
    ]


def merged(*histories: Sequence[Minute]) -> list[Minute]:
    """Several histories as one."""
    by_minute: dict[int, Minute] = {}
    for one in (minute for history in histories for minute in history):
        known = by_minute.get(one.minute, Minute(one.minute, {}, {}, {}))
        votes = {n: [*known.votes.get(n, ()), *one.votes.get(n, ())] for n in {*known.votes, *one.votes}}
        stale = {n: known.stale.get(n, 0) + one.stale.get(n, 0) for n in {*known.stale, *one.stale}}
        by_minute[one.minute] = Minute(one.minute, votes, stale, {**known.excerpts, **one.excerpts})
    return [by_minute[minute] for minute in sorted(by_minute)]


def talk(series: str, at_min: int, voices: int, hours: float = 1.0, negative: float = 1 / 6) -> list[tuple[str, Vote]]:
    """So many voices of everyday mood from `at_min` after the start."""
    rng = random.Random(f"{series} {at_min}")
    return [
        (
            series,
            vote(START_MIN + at_min + int(n * hours * 60 / voices), f"t{at_min}-{n}", negative=rng.random() < negative),
        )
        for n in range(voices)
    ]


def run(rules: Sequence[Rule], minutes: Sequence[Minute], end: int = END_MIN) -> list[Alert]:
    return Watch(rules).advance(minutes, end).alerts


def events(alerts: Iterable[Alert]) -> list[tuple[str, str, str]]:
    return [(one.rule.id, one.series.key, one.event) for one in alerts]


LOUD = shown(merged(days(1, DAYS), minutes_of(talk("issuer:C1", 2 * DAY_MIN + 300, 40))))


def test_more_talk_of_the_usual_mood_is_a_volume_surge_and_no_negative_one() -> None:
    alerts = run([RULE, VOLUME], LOUD)
    assert [event for event in events(alerts) if event[2] == "fired"] == [("volume-surge", "C1", "fired")]
    assert alerts[-1].event == "resolved"


def test_a_volume_surge_says_how_many_times_the_usual_with_posts_of_any_mood() -> None:
    fired = run([VOLUME], LOUD)[0]
    found = fired.measured
    assert found.key == "volume"
    assert found.negatives < found.total / 2
    assert found.expected_low <= found.expected <= found.expected_high < found.total
    assert len(fired.evidence) == 5
    assert fired.evidence[0].why.startswith("most told story")
    assert round(sum(driver.share for driver in fired.drivers.sources), 9) == 1
    text = render(fired, "en").text
    assert "volume surge" in text.splitlines()[0]
    assert f"{found.total} independent voices, {found.total / found.expected:.1f}" in text
    assert "倍" in render(fired, "zh").text
    assert "讨论量激增" in render(fired, "zh").text


def test_a_busy_day_as_every_day_is_no_volume_surge() -> None:
    noon = [one for day in range(8) for one in talk("issuer:C0", day * DAY_MIN + 720, 60)]
    alerts = run([VOLUME], merged(days(3, 8), minutes_of(noon)), START_MIN + 8 * DAY_MIN)
    late = [one for one in alerts if one.event == "fired" and one.evaluated_at >= "2026-01-11"]
    assert not late


RULES = (RULE, VOLUME)
HISTORY = shown(merged(days(1, DAYS, [Burst("issuer:C2", 2 * DAY_MIN + 305)]), LOUD))
WHOLE = run(RULES, HISTORY)


def test_the_history_holds_what_the_claims_below_need() -> None:
    assert {rule.id for rule in RULES} == {alert.rule.id for alert in WHOLE if alert.event == "fired"}


@settings(max_examples=10, deadline=None)
@given(cuts=st.lists(st.integers(START_MIN - 10, END_MIN), max_size=12), stored=st.booleans())
def test_however_the_minutes_are_cut_and_stored_between_the_alerts_of_all_measures_are_the_same(
    cuts: list[int], stored: bool
) -> None:
    watch, alerts = Watch(RULES), []
    for start, until in pairwise([0, *sorted(cuts), END_MIN]):
        alerts += watch.advance([one for one in HISTORY if start <= one.minute < until], until).alerts
        if stored:
            watch = Watch.from_bytes(watch.to_bytes(), RULES, watch.voted)
    whole = Watch(RULES)
    whole.advance(HISTORY, END_MIN)
    assert [encode_alert(alert) for alert in alerts] == [encode_alert(alert) for alert in WHOLE]
    assert watch.to_bytes() == whole.to_bytes()


def test_what_comes_later_changes_no_alert_before_it() -> None:
    cut = START_MIN + 2 * DAY_MIN + 420
    early = run(RULES, [one for one in HISTORY if one.minute < cut], cut)
    assert [encode_alert(one) for one in early] == [encode_alert(one) for one in WHOLE][: len(early)]
    assert early


def test_the_order_of_votes_within_a_minute_does_not_matter() -> None:
    mixed = [
        one._replace(votes={name: list(reversed(one.votes[name])) for name in sorted(one.votes, reverse=True)})
        for one in HISTORY
    ]
    assert [encode_alert(one) for one in run(RULES, mixed)] == [encode_alert(one) for one in WHOLE]


@pytest.mark.parametrize("rule", RULES[1:], ids=lambda rule: rule.measure)
def test_a_measure_that_is_added_later_starts_cold_and_learns_before_it_fires(rule: Rule) -> None:
    at = START_MIN + 2 * DAY_MIN
    watch = Watch([RULE])
    watch.advance([one for one in HISTORY if one.minute < at], at)
    added = Watch.from_bytes(watch.to_bytes(), [RULE, rule], watch.voted)
    alerts = added.advance([one for one in HISTORY if one.minute >= at], END_MIN).alerts
    assert not [one for one in alerts if one.rule.id == rule.id and one.evaluated_at < "2026-01-09"]
    again = Watch.from_bytes(added.to_bytes(), [RULE], added.voted)
    assert again.to_bytes() < added.to_bytes() or len(again.to_bytes()) < len(added.to_bytes())


def test_a_rule_of_one_measure_leaves_the_alerts_of_another_as_they_were() -> None:
    alone = [encode_alert(one) for one in run([RULE], HISTORY)]
    assert [encode_alert(one) for one in WHOLE if one.rule.id == RULE.id] == alone


def test_a_gap_moves_what_measures_remember() -> None:
    week = 7 * DAY_MIN
    at = START_MIN + 2 * DAY_MIN + 200
    moved = [
        one
        if one.minute < at
        else one._replace(
            minute=one.minute + week,
            votes={
                n: [v._replace(received_ms=v.received_ms + week * 60_000) for v in vs] for n, vs in one.votes.items()
            },
        )
        for one in HISTORY
    ]
    watch = Watch(RULES)
    before = watch.advance([one for one in moved if one.minute < at], at - at % BUCKET_MIN).alerts
    watch.skip_to(at - at % BUCKET_MIN + week)
    after = watch.advance([one for one in moved if one.minute >= at], END_MIN + week).alerts
    assert [
        (*event, one.measured) for event, one in zip(events([*before, *after]), [*before, *after], strict=True)
    ] == [(*event, one.measured) for event, one in zip(events(WHOLE), WHOLE, strict=True)]
