"""Claims about the watch: alerts are a function of the votes alone, and what stands in them is so."""

import random
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import TypeVar

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.errors import StateError
from alerts.events import Alert, Driver, encode_alert, utc_text
from alerts.rules import Rule
from alerts.votes import BUCKET_MIN, Minute, Vote
from alerts.watch import STORY_WINDOW_MIN, Watch
from tests.alerts.votes_of_days import DAY_MIN, RULE, START_MIN, Burst, days, excerpt, minutes_of, vote
from tests.examples import examples

parse = datetime.fromisoformat
T = TypeVar("T")
DAYS = 4
END_MIN = START_MIN + DAYS * DAY_MIN
BURSTS = (
    Burst("issuer:C1", 2 * DAY_MIN + 300),
    Burst("issuer:C2", 2 * DAY_MIN + 305, per_hour=9),
    Burst("issuer:C2", 2 * DAY_MIN + 365, per_hour=60),
    Burst("issuer:C0", 3 * DAY_MIN + 900, hours=3, per_hour=60),
)
HISTORY = days(1, DAYS, BURSTS)


def run(
    minutes: Sequence[Minute], cuts: Sequence[int] = (), *, end: int = END_MIN, stored: bool = False
) -> tuple[list[Alert], dict[str, list[list[float]]], Watch]:
    """The history in pieces that end at `cuts`; with `stored` the watch is written and read again between them."""
    watch, alerts = Watch([RULE]), []
    bands: dict[str, list[list[float]]] = {}
    kept: dict[str, dict[str, int]] = {}  # `voted` as a store keeps it
    for start, until in pairwise([0, *sorted(cuts), end]):
        step = watch.advance([minute for minute in minutes if start <= minute.minute < until], until)
        alerts += step.alerts
        for series, rows in step.bands.items():
            bands.setdefault(series, []).extend(rows.tolist())
        for series, gone in step.voted_removed.items():
            for story in gone:
                kept.get(series, {}).pop(story, None)
        for series, added in step.voted_added.items():
            kept.setdefault(series, {}).update(added)
        assert {k: v for k, v in kept.items() if v} == {k: v for k, v in watch.voted.items() if v}
        if stored:
            watch = Watch.from_bytes(watch.to_bytes(), [RULE], kept)
    return alerts, bands, watch


WHOLE = run(HISTORY)


def as_bytes(alerts: Sequence[Alert]) -> list[bytes]:
    return [encode_alert(alert) for alert in alerts]


def test_the_history_holds_what_the_claims_below_need() -> None:
    events = [(alert.event, alert.series.key) for alert in WHOLE[0]]
    assert {("fired", "C0"), ("fired", "C1"), ("fired", "C2"), ("escalated", "C2"), ("resolved", "C1")} <= set(events)


@examples(25)
@given(cuts=st.lists(st.integers(START_MIN - 10, END_MIN), max_size=30), stored=st.booleans())
def test_however_the_minutes_are_cut_and_stored_between_alerts_bands_and_state_are_the_same(
    cuts: list[int], stored: bool
) -> None:
    alerts, bands, watch = run(HISTORY, cuts, stored=stored)
    assert as_bytes(alerts) == as_bytes(WHOLE[0])
    assert bands == WHOLE[1]
    assert watch.to_bytes() == WHOLE[2].to_bytes()
    assert watch.voted == WHOLE[2].voted


def test_minute_by_minute_brings_the_same() -> None:
    alerts, _, _ = run(HISTORY, range(START_MIN, END_MIN))
    assert as_bytes(alerts) == as_bytes(WHOLE[0])


@examples(5)
@given(seed=st.integers(0, 2**32))
def test_the_order_of_votes_series_and_excerpts_within_a_minute_does_not_matter(seed: int) -> None:
    rng = random.Random(seed)

    def shuffled(items: Sequence[T]) -> list[T]:
        return rng.sample(items, len(items))

    mixed = [
        Minute(
            one.minute,
            {series: shuffled(one.votes[series]) for series in shuffled(list(one.votes))},
            one.stale,
            {post: one.excerpts[post] for post in shuffled(list(one.excerpts))},
        )
        for one in HISTORY
    ]
    assert as_bytes(run(mixed)[0]) == as_bytes(WHOLE[0])


def test_what_comes_later_changes_no_alert_before_it() -> None:
    for cut in (START_MIN + 2 * DAY_MIN + 360, START_MIN + 3 * DAY_MIN):
        early = run([minute for minute in HISTORY if minute.minute < cut], end=cut)[0]
        assert as_bytes(early) == as_bytes(WHOLE[0])[: len(early)]
        assert early


def test_an_incident_keeps_its_name_from_firing_to_resolution_and_every_event_has_its_own_id() -> None:
    assert len({alert.id for alert in WHOLE[0]}) == len(WHOLE[0])
    open_by_series: dict[str, str] = {}
    for alert in WHOLE[0]:
        if alert.event == "fired":
            open_by_series[alert.series.key] = alert.incident
        assert alert.incident == open_by_series[alert.series.key]


def test_evidence_is_at_most_five_posts_of_different_stories_the_most_negative_first() -> None:
    for alert in WHOLE[0]:
        scores = [post.score for post in alert.evidence]
        assert len(alert.evidence) <= 5
        assert len({post.story for post in alert.evidence}) == len(alert.evidence)
        assert scores == sorted(scores)
    assert all(len(alert.evidence) == 5 for alert in WHOLE[0] if alert.event == "fired")


def test_of_equally_negative_posts_the_first_received_and_then_the_smaller_id_comes_first() -> None:
    at = START_MIN + 2 * DAY_MIN
    tied = [vote(at + late, f"{name}", negative=True) for late, name in ((1, "a"), (0, "d"), (0, "c"), (2, "b"))]
    strongest = vote(at + 9, "z", negative=True)
    milder = [vote(at + 10, f"m{n}", negative=True) for n in range(8)]
    burst = minutes_of([("issuer:C0", one) for one in [*tied, strongest, *milder]])
    shown = {one.id: excerpt(one, -990 if one is strongest else -800) for one in [*tied, strongest]}
    shown |= {one.id: excerpt(one, -500) for one in milder}
    burst = [one._replace(excerpts={post: shown[post] for post in one.excerpts}) for one in burst]
    alerts = run([*days(1, 2), *burst], end=at + BUCKET_MIN)[0]
    assert [post.story for post in alerts[-1].evidence[:5]] == ["z", "c", "d", "a", "b"]
    assert alerts[-1].evidence[0].why.startswith("strongest")


def test_shares_of_drivers_sum_to_one_and_name_at_most_five_and_other() -> None:
    for alert in WHOLE[0]:
        for drivers in (alert.drivers.topics, alert.drivers.sources, alert.drivers.stories):
            assert not drivers or round(sum(driver.share for driver in drivers), 9) == 1
            assert len(drivers) <= 6
            assert [driver.id for driver in drivers[5:]] in ([], ["other"])


def test_a_vote_with_several_topics_is_shared_between_them() -> None:
    at = START_MIN + 2 * DAY_MIN
    voices = [vote(at, f"s{n}", negative=True, second=n) for n in range(12)]
    topics = {one.id: ("recall",) if n < 6 else ("recall", "supply") for n, one in enumerate(voices)}
    burst = Minute(at, {"issuer:C0": voices}, {}, {one.id: excerpt(one, topics=topics[one.id]) for one in voices})
    quiet = days(1, 2, companies=1)
    alert = run([*quiet[:-60], burst], end=at + BUCKET_MIN)[0][-1]
    shares = {driver.id: driver.share for driver in alert.drivers.topics}
    assert shares["recall"] > 0.7
    assert shares["supply"] == pytest.approx(0.25, abs=0.05)


def test_a_story_votes_once_in_three_days_in_a_series_however_often_it_is_told() -> None:
    told_at = [0, 1, 60, DAY_MIN, STORY_WINDOW_MIN - 1, STORY_WINDOW_MIN, STORY_WINDOW_MIN + 1]
    votes = [("issuer:A", vote(START_MIN + minute, "s", negative=True)) for minute in told_at]
    votes += [("issuer:B", vote(START_MIN + 60, "s", negative=True))]
    bands = run(minutes_of(votes), end=START_MIN + 5 * DAY_MIN)[1]
    assert sum(row[2] for row in bands["issuer:A"]) == 2
    assert sum(row[2] for row in bands["issuer:B"]) == 1


def test_many_copies_of_one_story_raise_nothing() -> None:
    at = START_MIN + 2 * DAY_MIN
    copies = [("issuer:C0", vote(at + n, "wire", negative=True, posts=30)) for n in range(60)]
    assert run([*days(1, 2), *minutes_of(copies)], end=at + 300)[0] == []


def test_a_story_told_again_in_a_later_bucket_weighs_where_it_voted_and_votes_no_more() -> None:
    at = START_MIN + 2 * DAY_MIN
    burst = [("issuer:C0", vote(at + 12 + 3 * n, f"story-{n}", negative=True)) for n in range(16)]
    copies = [("issuer:C0", vote(at + 16 + n, "story-0", negative=True, posts=10)) for n in range(9)]

    def alerts(votes: list[tuple[str, Vote]]) -> list[Alert]:
        minutes = minutes_of(votes)
        strongest = minutes[0]._replace(excerpts={"post-story-0": excerpt(votes[0][1], -999)})
        return run([*days(1, 2), strongest, *minutes[1:]], end=at + 60)[0]

    once, again = alerts(burst)[-1], alerts([*burst, *copies])[-1]
    assert once.measured.negatives == again.measured.negatives
    assert (once.evidence[0].why, again.evidence[0].why) == (
        "strongest negative story",
        "strongest negative story, told by 91 posts",
    )
    assert again.drivers.stories[0].id == "story-0"


def test_a_band_is_a_closed_bucket_and_counts_its_votes() -> None:
    rows = np.array(WHOLE[1]["issuer:C1"])
    assert (np.diff(rows[:, 0]) == BUCKET_MIN * 60_000).all()
    told = sum(len(minute.votes.get("issuer:C1", ())) for minute in HISTORY)
    assert rows[:, 2].sum() == told
    assert (rows[:, 1] <= rows[:, 2]).all()


def test_a_series_younger_than_the_learning_time_fires_nothing() -> None:
    patient = Rule("negative-surge", ("issuer",), learning_days=DAYS + 1)
    assert Watch([patient]).advance(HISTORY, END_MIN).alerts == []


def test_a_rule_hears_its_own_kinds_of_series_alone() -> None:
    deaf = Rule("negative-surge", ("topic",), learning_days=1)
    assert Watch([deaf]).advance(HISTORY, END_MIN).alerts == []


def test_a_sleeping_series_leaves_no_bands_and_wakes_with_what_it_knew() -> None:
    back = START_MIN + 12 * DAY_MIN
    burst = [("issuer:C0", vote(back + n // 4, f"b{n}", negative=True, second=n)) for n in range(40)]
    steady = days(2, 13, companies=1)
    other = [one._replace(votes={"issuer:X": one.votes["issuer:C0"]}) for one in steady]
    sleeper = [one for one in steady if one.minute < START_MIN + 2 * DAY_MIN]
    merged = {one.minute: one for one in other}
    for one in [*sleeper, *minutes_of(burst)]:
        there = merged.get(one.minute)
        merged[one.minute] = (
            one
            if there is None
            else there._replace(votes={**there.votes, **one.votes}, excerpts={**there.excerpts, **one.excerpts})
        )
    alerts, bands, _ = run([merged[minute] for minute in sorted(merged)], end=back + DAY_MIN)
    starts = [row[0] / 60_000 for row in bands["issuer:C0"]]
    assert not [start for start in starts if START_MIN + 7 * DAY_MIN < start < back]
    assert starts[-1] > back
    assert ("fired", "C0") in [(alert.event, alert.series.key) for alert in alerts]
    assert len(bands["issuer:X"]) >= 13 * 96 - 1


def test_waking_with_a_single_grumble_raises_nothing() -> None:
    late = minutes_of([("issuer:C0", vote(START_MIN + 30 * DAY_MIN, "late", negative=True))])
    assert run([*days(3, 2), *late], end=START_MIN + 31 * DAY_MIN)[0] == []


def test_centuries_without_a_voice_pass_at_once() -> None:
    far = START_MIN + 7000 * 365 * DAY_MIN
    watch = Watch([RULE])
    watch.advance(days(3, 1), far)
    watch.advance(minutes_of([("issuer:C0", vote(far, "far", negative=False))]), far + DAY_MIN)


def test_stale_posts_are_counted_beside_the_others_and_raise_nothing() -> None:
    at = START_MIN + 2 * DAY_MIN
    old = [Minute(at + n, {}, {"issuer:C0": 50}, {}) for n in range(30)]
    assert run([*days(1, 2), *old], end=at + 300)[0] == []
    with_burst = [("issuer:C0", vote(at + 16 + n // 4, f"b{n}", negative=True, second=n)) for n in range(40)]
    minutes = minutes_of(with_burst, {at + 16: {"issuer:C0": 50}})
    assert run([*days(1, 2), *minutes], end=at + 30)[0][-1].measured.stale == 50


@pytest.mark.parametrize("raw", [b"", b"\xc1", b"[]", msgspec.msgpack.encode([99, b"", None, []])])
def test_a_state_that_cannot_be_read_is_refused_with_what_to_do(raw: bytes) -> None:
    with pytest.raises(StateError, match="rebuild"):
        Watch.from_bytes(raw, [RULE])


def test_a_vote_whose_excerpt_is_missing_still_counts() -> None:
    at = START_MIN + 2 * DAY_MIN
    burst = [("issuer:C0", vote(at + n // 4, f"b{n}", negative=True, second=n)) for n in range(40)]
    bare = [one._replace(excerpts={}) for one in minutes_of(burst)]
    alert = run([*days(1, 2, companies=1)[:-70], *bare], end=at + BUCKET_MIN)[0][-1]
    assert alert.measured.negatives >= 3
    assert alert.evidence == ()
    assert Driver("other", 0.0) not in alert.drivers.stories


def burst_at(minute: int) -> list[Minute]:
    """Four negative voices a minute for a quarter of an hour, after two ordinary days."""
    burst = [("issuer:C0", vote(minute + n // 4, f"b{n}", negative=True, second=n)) for n in range(60)]
    return [*(one for one in days(1, 2, companies=1) if one.minute < minute), *minutes_of(burst)]


@pytest.mark.parametrize("after", [0, 1, 7])
def test_a_violent_surge_is_told_while_its_bucket_still_fills_and_once(after: int) -> None:
    start = START_MIN + 2 * DAY_MIN - BUCKET_MIN
    alerts = run(burst_at(start + after), end=start + 4 * BUCKET_MIN)[0]
    fired = [alert for alert in alerts if alert.event == "fired"]
    assert len(fired) == 1
    minute = int(parse(fired[0].evaluated_at).timestamp()) // 60
    assert start + after < minute <= start + after + 4
    assert fired[0].bucket_start == utc_text(start * 60_000)
    assert 4 * (minute - start - after) <= fired[0].measured.negatives < 60
    assert [one.id for one in fired[0].evidence]


def test_a_state_kept_within_a_bucket_goes_on_looking() -> None:
    start = START_MIN + 2 * DAY_MIN - BUCKET_MIN
    whole = run(burst_at(start + 2), end=start + 8 * BUCKET_MIN)[0]
    cut = run(burst_at(start + 2), [start + 3, start + 4, start + 9], end=start + 8 * BUCKET_MIN, stored=True)[0]
    assert as_bytes(cut) == as_bytes(whole)


def test_a_topics_alert_names_the_open_incident_of_its_company() -> None:
    at = START_MIN + 2 * DAY_MIN
    calm = days(1, 2, companies=1)
    calm = [one._replace(votes={**one.votes, "issuer_topic:C0|recall": one.votes["issuer:C0"][:1]}) for one in calm]
    burst = [vote(at + n // 4, f"b{n}", negative=True, second=n) for n in range(40)]
    told = minutes_of([(name, one) for one in burst for name in ("issuer_topic:C0|recall", "issuer:C0")])
    rule = Rule("negative-surge", ("issuer", "issuer_topic"), learning_days=1)
    alerts = Watch([rule]).advance([*calm, *told], at + BUCKET_MIN).alerts
    company, topic = (next(a for a in alerts if a.series.kind == kind) for kind in ("issuer", "issuer_topic"))
    assert (company.parent, topic.parent) == (None, company.incident)
    alone = Watch([Rule("negative-surge", ("issuer_topic",), learning_days=1)]).advance([*calm, *told], at + BUCKET_MIN)
    assert {alert.parent for alert in alone.alerts} == {None}
