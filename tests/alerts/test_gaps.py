"""Claims about outages: a stream that falls silent as a whole is taken for a gap, in which nothing is learnt, resolved
or forgotten; one source's outage is heard as less talk, and the talk that comes back as no surge.
"""

import random
from collections.abc import Sequence
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.accounts import Account
from alerts.events import Alert, encode_alert
from alerts.rules import Rule
from alerts.votes import BUCKET_MIN, Minute
from alerts.watch import Watch
from tests.alerts.votes_of_days import DAY_MIN, RULE, START_MIN, Burst, days, minutes_of, vote
from tests.examples import examples

WEEK_MIN = 7 * DAY_MIN
BREAK_MIN = 2 * DAY_MIN + 600
BUSY = days(4, 3, [Burst("issuer:C0", BREAK_MIN + 150)], companies=20)  # 45 votes are expected in a bucket
CALM = days(4, 3, [Burst("issuer:C1", BREAK_MIN - 45), Burst("issuer:C0", BREAK_MIN + 500)])
END_MIN = START_MIN + 3 * DAY_MIN


def broken(minutes: Sequence[Minute], gap_min: int, at_min: int = BREAK_MIN) -> list[Minute]:
    """The history with nothing said for `gap_min`, and what was to come from `at_min` on coming after it."""
    moved = gap_min * 60_000
    return [
        minute
        if minute.minute < START_MIN + at_min
        else minute._replace(
            minute=minute.minute + gap_min,
            votes={
                name: [one._replace(received_ms=one.received_ms + moved) for one in votes]
                for name, votes in minute.votes.items()
            },
        )
        for minute in minutes
    ]


def run(minutes: Sequence[Minute], end: int, cuts: Sequence[int] = ()) -> tuple[list[Alert], list[list[float]], bytes]:
    """Alerts, the bands of C0 and the state; written to bytes and read again at each cut."""
    watch, alerts = Watch([RULE]), []
    bands: list[list[float]] = []
    for start, until in pairwise([0, *sorted(cuts), end]):
        step = watch.advance([one for one in minutes if start <= one.minute < until], until)
        alerts += step.alerts
        bands += step.bands["issuer:C0"].tolist() if "issuer:C0" in step.bands else []
        watch = Watch.from_bytes(watch.to_bytes(), [RULE], watch.voted)
    return alerts, bands, watch.to_bytes()


def told(alerts: Sequence[Alert]) -> list[tuple[object, ...]]:
    """What alerts say, but for when."""
    return [
        (one.event, one.severity, one.series, one.measured, [post.id for post in one.evidence], one.drivers)
        for one in alerts
    ]


@pytest.mark.parametrize("weeks", [1, 3])
def test_a_gap_of_a_busy_stream_changes_nothing_but_the_times(weeks: int) -> None:
    alerts, bands, _ = run(BUSY, END_MIN)
    late, late_bands, _ = run(broken(BUSY, weeks * WEEK_MIN), END_MIN + weeks * WEEK_MIN)
    assert told(late) == told(alerts)
    assert next(one.event for one in alerts if one.series.key == "C0") == "fired"
    assert [row[1:] for row in late_bands] == [row[1:] for row in bands]


def test_a_calm_stream_learns_from_an_outage_no_more_than_its_first_hush() -> None:
    one, three = (run(broken(CALM, weeks * WEEK_MIN), END_MIN + weeks * WEEK_MIN) for weeks in (1, 3))
    assert told(one[0]) == told(three[0])
    assert [row[1:] for row in one[1]] == [row[1:] for row in three[1]]
    hush = len(one[1]) - len(run(CALM, END_MIN)[1])
    assert 1 <= hush <= 6  # buckets, of some seven expected votes each


@examples(15)
@given(cuts=st.lists(st.integers(START_MIN, END_MIN + 3 * DAY_MIN), max_size=12), gap_min=st.integers(200, 3 * DAY_MIN))
@pytest.mark.slow
def test_cut_and_resumed_anywhere_in_or_beside_a_gap_alerts_bands_and_state_are_the_same(
    cuts: list[int], gap_min: int
) -> None:
    minutes, end = broken(CALM, gap_min), END_MIN + 3 * DAY_MIN
    whole, pieces = run(minutes, end), run(minutes, end, cuts)
    assert [encode_alert(one) for one in pieces[0]] == [encode_alert(one) for one in whole[0]]
    assert pieces[1:] == whole[1:]


def test_an_incident_open_when_the_stream_goes_out_neither_resolves_in_the_gap_nor_fires_again_after_it() -> None:
    gap = WEEK_MIN
    alerts = run(broken(CALM, gap), END_MIN + gap)[0]
    events = [(one.event, one.evaluated_at) for one in alerts if one.series.key == "C1"]
    assert [event for event, _ in events if event != "escalated"] == ["fired", "resolved"]
    assert events[0][1] < "2026-01-09" < "2026-01-15" < events[-1][1]


def test_what_an_incident_told_before_a_gap_fires_no_other_one_after_it() -> None:
    for ended_before in range(60, 12 * 60, 120):
        history = days(6, 3, [Burst("issuer:C0", BREAK_MIN - ended_before - 180)])
        alerts = run(broken(history, 2 * DAY_MIN), END_MIN + 2 * DAY_MIN)[0]
        assert sum(one.event == "fired" for one in alerts) == 1, ended_before


def test_after_a_loss_in_the_middle_of_a_bucket_what_it_held_counts_with_what_comes() -> None:
    lost, back = START_MIN + BREAK_MIN + 7, START_MIN + BREAK_MIN + 7 + WEEK_MIN
    watch = Watch([RULE])
    before = watch.advance([one for one in CALM if one.minute < lost], lost).bands["issuer:C0"]
    watch = Watch.from_bytes(watch.to_bytes(), [RULE], watch.voted)
    watch.skip_to(back)
    later = [one for one in broken(CALM, WEEK_MIN) if one.minute >= back]
    after = watch.advance(later, END_MIN + WEEK_MIN).bands["issuer:C0"]
    told = sum(len(one.votes.get("issuer:C0", ())) for one in CALM)
    assert before[:, 2].sum() + after[:, 2].sum() == told
    assert after[0, 0] // 60_000 == back - back % BUCKET_MIN


def test_after_a_gap_all_accounts_are_given_out_again_in_time_heard() -> None:
    minutes, end = broken(CALM, WEEK_MIN), END_MIN + WEEK_MIN
    kept: list[dict[str, Account]] = []
    for read_anew in (False, True):
        watch, accounts = Watch([RULE]), dict[str, Account]()
        for start, until in pairwise([0, START_MIN + BREAK_MIN, end - BUCKET_MIN, end]):
            accounts |= watch.advance([one for one in minutes if start <= one.minute < until], until).accounts
            if start == 0:
                before = dict(accounts)
            if read_anew:
                watch = Watch.from_bytes(watch.to_bytes(), [RULE], watch.voted)
        kept.append(accounts)
    assert kept[0] == kept[1]
    moved = {(kept[0][name].born_ms - account.born_ms) // 60_000 for name, account in before.items()}
    assert len(moved) == 1
    assert WEEK_MIN - 60 <= moved.pop() <= WEEK_MIN


def test_time_in_which_nothing_was_heard_is_no_time_to_learn() -> None:
    patient = Rule(RULE.id, RULE.series, RULE.budget, learning_days=2.9)
    burst = days(4, 3, [Burst("issuer:C0", 2 * DAY_MIN + 300)])
    assert Watch([patient]).advance(broken(burst, DAY_MIN, 2 * DAY_MIN), END_MIN + DAY_MIN).alerts == []


def test_empty_nights_are_learnt_within_three_weeks_and_are_no_gap_then() -> None:
    nightly = [one for one in days(8, 18, companies=2) if one.minute % DAY_MIN < 960]
    bands = run(nightly, START_MIN + 18 * DAY_MIN)[1]
    heard = [row for row in bands if row[0] / 60_000 >= START_MIN + 17 * DAY_MIN + 960]
    assert len(heard) == 32
    assert max(row[3] for row in heard) < 0.15  # negatives, of 0.4 by day


def back_after_outage(seed: int, told: float) -> list[Alert]:
    """Alerts after the return of a source that was away for six hours, in which of three series only a share `told`
    was heard. What it published in the last hour comes with it at once (what is older is stale)."""
    rng = random.Random(seed)
    away, back = START_MIN + 2 * DAY_MIN + 540, START_MIN + 2 * DAY_MIN + 900
    minutes = {one.minute: one for one in days(seed, 3, companies=4)}
    for minute in range(away, back):
        if one := minutes.get(minute):
            kept = {name: votes for name, votes in one.votes.items() if name == "issuer:C3" or rng.random() < told}
            minutes[minute] = one._replace(votes=kept)
    late = [
        (f"issuer:C{company}", vote(back, f"late-{company}-{n}", negative=rng.random() < 1 / 6, second=n))
        for company in range(3)
        for n in range(9)
    ]
    come, there = minutes_of(late)[0], minutes.get(back, Minute(back, {}, {}, {}))
    votes = {name: [*there.votes.get(name, ()), *come.votes.get(name, ())] for name in {*come.votes, *there.votes}}
    minutes[back] = Minute(back, votes, {}, {**there.excerpts, **come.excerpts})
    alerts = Watch([RULE]).advance([minutes[minute] for minute in sorted(minutes)], END_MIN).alerts
    return [one for one in alerts if one.event == "fired" and one.evaluated_at >= "2026-01-08T15"]


@pytest.mark.parametrize("told", [0.0, 0.2])
@pytest.mark.slow
def test_one_sources_outage_and_return_seldom_fire(told: float) -> None:
    fired = [alert for seed in range(12) for alert in back_after_outage(seed, told)]
    assert len(fired) <= 2  # of 36 returns; of 180, 4 fired, and the budget of their nine hours is 2.4


def test_a_state_says_its_schema_and_the_time_it_stands_at() -> None:
    state = msgspec.msgpack.decode(run(CALM, END_MIN)[2])
    assert (state[0], state[2] * BUCKET_MIN) == (3, END_MIN)
