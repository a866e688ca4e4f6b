"""Timelines of one series' lifecycle: scores in, one a quarter of an hour, events out."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.errors import BudgetError
from alerts.lifecycle import EARLY, EARLY_COST, Lifecycle, LifecycleState, Look, threshold

QUARTER_S = 900.0
LEVELS = {"warning": 0, "major": 1, "critical": 2}


def look(at_s: float, score: float, negatives: float = 9, total: float = 20, window_s: float = QUARTER_S) -> Look:
    return Look(at_s, score, score, at_s + QUARTER_S - window_s, negatives, total)


def timeline(scores: list[float], negatives: float = 10, total: float = 20, up: float = 3.0) -> list[str]:
    """`bucket event severity` for each event."""
    lifecycle, state, events = Lifecycle(up), LifecycleState(), []
    for i, score in enumerate(scores):
        state, event, severity = lifecycle.step(state, look(i * QUARTER_S, score, negatives, total))
        if event is not None:
            events.append(f"{i} {event} {severity}")
    return events


def test_a_score_at_the_threshold_fires_a_warning() -> None:
    assert timeline([0, 2.99, 3.0]) == ["2 fired warning"]


def test_severity_is_relative_to_the_threshold() -> None:
    assert [timeline([score])[0] for score in (3.9, 4.0, 5.4, 5.5)] == [
        "0 fired warning",
        "0 fired major",
        "0 fired major",
        "0 fired critical",
    ]
    assert timeline([3.9], up=2.0) == ["0 fired major"]


def test_it_escalates_at_most_once_a_level_also_when_the_score_creeps_or_swings() -> None:
    assert timeline([3.0, 3.5, 4.0, 4.5, 5.0, 5.5]) == ["0 fired warning", "2 escalated major", "5 escalated critical"]
    assert timeline([3.0, 4.3, 3.0, 4.3, 6, 3, 6]) == ["0 fired warning", "1 escalated major", "4 escalated critical"]


def test_it_resolves_with_its_peaks_severity_after_an_hour_more_than_one_under_the_threshold() -> None:
    assert timeline([4.5, 2.1, 0, 0, 0, 0]) == ["0 fired major", "5 resolved major"]


def test_a_score_that_comes_back_within_the_hour_keeps_the_episode_open() -> None:
    assert timeline([3, 0, 0, 0, 2.0, 0, 0, 0]) == ["0 fired warning"]


def test_it_rests_three_hours_after_resolving() -> None:
    calm, three_hours = [0.0] * 4, 12
    scores = [3.0, *calm, *[3.0] * (three_hours + 1)]
    assert timeline(scores) == ["0 fired warning", "4 resolved warning", f"{4 + three_hours} fired warning"]


def test_what_an_incident_has_told_fires_no_other_one() -> None:
    lifecycle, ended_s = Lifecycle(3.0, rest_s=0.0), 100 * QUARTER_S
    state = LifecycleState(ended_s=ended_s)
    for age in (1, 2, 40):
        now_s = ended_s + age * QUARTER_S
        whole_day, since_then = look(now_s, 9.0, window_s=96 * QUARTER_S), look(now_s, 9.0, window_s=age * QUARTER_S)
        assert lifecycle.step(state, whole_day).event is None
        assert lifecycle.step(state, since_then).event == "fired"


def test_an_incident_ends_when_its_last_hours_are_calm_though_the_half_day_is_not() -> None:
    lifecycle, state, events = Lifecycle(3.0), LifecycleState(), []
    for i, recent in enumerate([5.0, 5.0, *[0.0] * 5]):
        state, event, _ = lifecycle.step(state, look(i * QUARTER_S, 5.0)._replace(recent=recent))
        events.append(event)
    assert events == ["fired", *[None] * 4, "resolved", None]


def test_a_bucket_that_still_fills_fires_half_a_power_higher() -> None:
    lifecycle = Lifecycle(3.0)
    assert lifecycle.early(LifecycleState(), look(0, 3.0 + EARLY - 0.01)).event is None
    assert lifecycle.early(LifecycleState(), look(0, 3.0 + EARLY)) == lifecycle.step(LifecycleState(), look(0, 3.5))
    assert lifecycle.early(LifecycleState(), look(0, 9.0, negatives=2)).event is None


@given(st.lists(st.tuples(st.floats(0, 12), st.booleans()), max_size=60))
def test_a_bucket_that_still_fills_changes_no_open_incident(looks: list[tuple[float, bool]]) -> None:
    lifecycle, state = Lifecycle.for_budget(0.25).looking_early(), LifecycleState()
    for i, (score, fills) in enumerate(looks):
        found = (lifecycle.early if fills else lifecycle.step)(state, look(i * QUARTER_S, score))
        if fills and state.firing:
            assert found == (state, None, None)
        if fills and not state.firing:
            assert found.event in (None, "fired")
            assert found.state.firing == (found.event == "fired")
        state = found.state


def test_looking_early_saves_at_full_buckets_what_it_spends() -> None:
    assert Lifecycle.for_budget(0.25).looking_early().up == pytest.approx(threshold(0.25) + EARLY_COST)


@pytest.mark.parametrize(("negatives", "total"), [(2, 50), (2, 2)])
def test_too_few_voices_in_four_hours_never_fire(negatives: float, total: float) -> None:
    assert timeline([9.0] * 5, negatives, total) == []


def test_the_threshold_is_the_budget_a_quarter_of_an_hour() -> None:
    assert threshold(6.72) == pytest.approx(2.0)
    assert threshold(0.25) == pytest.approx(3.429, abs=1e-3)
    assert threshold(0.05) == pytest.approx(4.128, abs=1e-3)


@given(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6))
def test_a_smaller_budget_never_has_a_lower_threshold(a: float, b: float) -> None:
    assert threshold(min(a, b)) >= threshold(max(a, b)) >= 1.5


@pytest.mark.parametrize("budget", [0.0, -1.0, float("nan"), float("inf")])
def test_a_budget_that_is_not_positive_is_refused(budget: float) -> None:
    with pytest.raises(BudgetError, match="positive"):
        Lifecycle.for_budget(budget)


@given(st.lists(st.floats(0, 12), max_size=80), st.integers(0, 80))
def test_a_state_that_was_written_and_read_goes_on_the_same(scores: list[float], cut: int) -> None:
    lifecycle, state, kept, events = Lifecycle(2.2), LifecycleState(), LifecycleState(), []
    for i, score in enumerate(scores):
        step = lifecycle.step(state, look(i * QUARTER_S, score))
        if i == cut:
            kept = msgspec.msgpack.decode(msgspec.msgpack.encode(kept), type=LifecycleState)
        again = lifecycle.step(kept, look(i * QUARTER_S, score))
        assert step == again
        state, kept = step.state, again.state
        events.append((step.event, step.severity))
    told = [event for event, _ in events if event is not None]
    opened = [event for event in told if event != "escalated"]
    assert opened == ["fired", "resolved"] * (len(opened) // 2) + ["fired"] * (len(opened) % 2)
    level = -1
    for event, severity in events:
        if event in ("fired", "escalated") and severity is not None:
            assert event == "fired" or LEVELS[severity] > level
            level = LEVELS[severity]
