"""Claims about stories that break out: when, how gravely, and that each does so once."""

from collections.abc import Sequence

import pytest

from alerts.events import Alert
from alerts.message import render
from alerts.votes import Minute
from tests.alerts.test_measures import BREAKOUT, merged, run, spread, talk
from tests.alerts.votes_of_days import DAY_MIN, START_MIN, minutes_of, vote


def breakouts(*histories: Sequence[Minute], days_: int = 4) -> list[Alert]:
    return run([BREAKOUT], merged(*histories), START_MIN + days_ * DAY_MIN)


def test_a_story_breaks_out_once_when_enough_sources_tell_it_in_time() -> None:
    alerts = breakouts(
        spread("issuer:A", "s", [0, 20, 40, 59, 65], posts=2), spread("issuer:A", "s", [300, 301, 302, 303])
    )
    assert [one.event for one in alerts] == ["fired", "resolved"]
    fired = alerts[0]
    assert (fired.measured.key, fired.measured.score, fired.measured.threshold) == ("breakout", 4, 4)
    assert (fired.measured.window_minutes, fired.measured.posts, fired.measured.share) == (59, 8, 1.0)
    assert [post.source for post in fired.evidence] == [f"source-{n}" for n in range(4)]
    assert [post.why for post in fired.evidence][:2] == ["first told here", "source 2 to tell it"]
    assert [driver.id for driver in fired.drivers.sources] == [f"source-{n}" for n in range(4)]
    assert [(driver.id, driver.share) for driver in fired.drivers.stories] == [("s", 1.0)]
    text, chinese = render(fired, "en").text, render(fired, "zh").text
    assert "4 independent sources told one story, in 8 posts within 59 min (to 2026-01-06 01:00 UTC)" in text
    assert "the rule asks for 4 sources" in text
    assert text.count("“text of s”") == 4
    assert "4 个独立来源转述同一事件" in chinese
    assert "最先报道" in chinese
    assert "No longer told by 4 sources" in render(alerts[1], "en").text


def test_sources_that_take_longer_or_repeat_themselves_are_no_breakout() -> None:
    slow = spread("issuer:A", "s", [0, 21, 42, 63, 84])
    one_source = [(series, vote._replace(source="loud")) for series, vote in talk("issuer:A", 0, 30)]
    assert breakouts(slow, minutes_of((s, v._replace(story="same")) for s, v in one_source)) == []


@pytest.mark.parametrize(
    ("at", "severity"),
    [
        ([0, 20, 40, 59], "warning"),
        ([0, 5, 10, 14], "major"),
        ([0, *range(15, 58, 6)], "major"),
        ([*range(8)], "critical"),
        ([0, *range(15, 60, 3)], "critical"),
    ],
)
def test_reach_and_speed_make_it_graver(at: list[int], severity: str) -> None:
    alerts = breakouts(spread("issuer:A", "s", at))
    assert max(("warning", "major", "critical").index(one.severity) for one in alerts) == (
        "warning",
        "major",
        "critical",
    ).index(severity)


def test_a_story_that_goes_on_to_spread_escalates() -> None:
    alerts = breakouts(spread("issuer:A", "s", [0, 20, 40, 59, *range(61, 75)]))
    assert [(one.event, one.severity) for one in alerts] == [
        ("fired", "warning"),
        ("escalated", "critical"),
        ("resolved", "critical"),
    ]
    assert len({one.incident for one in alerts}) == 1


def test_each_story_and_each_series_is_an_incident_of_its_own() -> None:
    told = [spread(series, story, range(4)) for series in ("issuer:A", "market:all") for story in ("s", "t")]
    alerts = [one for one in breakouts(*told) if one.event == "fired"]
    assert len(alerts) == len({one.incident for one in alerts}) == 4


def test_a_story_that_has_voted_long_ago_counts_for_reach() -> None:
    first = minutes_of([("issuer:A", vote(START_MIN, "s", negative=True))])
    assert [one.event for one in breakouts(first, spread("issuer:A", "s", range(600, 604)))] == ["fired", "resolved"]
