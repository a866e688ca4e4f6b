"""Claims about rules of other measures than negative surges: what fires them, what they say, and that they keep what
the watch promises of all alerts.
"""

import random
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.describe import describe_line
from alerts.events import Alert, MeasureKey, encode_alert
from alerts.incidents import apply
from alerts.message import render
from alerts.rules import Rule
from alerts.votes import BUCKET_MIN, Minute, Vote
from alerts.watch import Watch
from alerts.words import WORDS
from tests.alerts.votes_of_days import DAY_MIN, RULE, START_MIN, Burst, days, excerpt, minutes_of, vote
from tests.examples import examples

DAYS = 4
END_MIN = START_MIN + DAYS * DAY_MIN
VOLUME = Rule("volume-surge", ("issuer",), measure="volume")
BREAKOUT = Rule("breakout", ("issuer", "market"), measure="breakout", sources=4, within_minutes=60)
MIX = Rule("mix", ("issuer_topic",), measure="mix")
LAG = Rule("lag", ("source",), measure="lag", min_negatives=5)
SILENCE = Rule("silence", ("issuer", "source"), measure="silence", learning_days=8.0)


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


HUSH_MIN = 9 * DAY_MIN + 605


def hushed(history: Sequence[Minute], series: str, from_min: int, until_min: int) -> list[Minute]:
    """The history in which a series says nothing in these minutes after the start."""
    away = range(START_MIN + from_min, START_MIN + until_min)
    return [
        one._replace(votes={n: v for n, v in one.votes.items() if n != series}) if one.minute in away else one
        for one in history
    ]


LONG = days(7, 12, companies=4)
QUIET = hushed(LONG, "issuer:C0", HUSH_MIN, HUSH_MIN + 600)


def test_a_busy_series_that_says_nothing_fires_grows_and_ends_with_its_next_post() -> None:
    alerts = run([RULE, SILENCE], QUIET, START_MIN + 12 * DAY_MIN)
    told = [(one.series.key, one.event) for one in alerts if one.rule.id == "silence"]
    assert told[0] == ("C0", "fired")
    assert told[-1] == ("C0", "resolved")
    assert {key for key, _ in told} == {"C0"}
    fired, *_, resolved = (one for one in alerts if one.rule.id == "silence")
    found = fired.measured
    assert (found.key, found.total, found.negatives, found.posts) == ("silence", 0, 0, 0)
    assert found.expected == pytest.approx(found.window_minutes * 0.15, rel=0.4)
    assert resolved.measured.window_minutes == pytest.approx(600, abs=30)
    assert "no post came, where about" in render(fired, "en").text
    assert "Heard again" in render(resolved, "en").text
    assert "没有任何帖子" in render(fired, "zh").text
    assert "已恢复发帖" in render(resolved, "zh").text


def test_a_series_that_talks_rarely_is_never_silent() -> None:
    rarely = [("source:blog", vote(START_MIN + n * 700, f"blog{n}", negative=False)) for n in range(18)]
    alerts = run([SILENCE], merged(LONG, minutes_of(rarely)), START_MIN + 12 * DAY_MIN)
    assert [one for one in alerts if one.series.key == "blog"] == []


def test_nights_in_which_a_series_never_speaks_are_no_silence() -> None:
    daily = [one for one in days(8, 14, companies=1) if one.minute % DAY_MIN < 960]
    by_day = [one._replace(votes={"source:wire": one.votes["issuer:C0"]}) for one in daily if "issuer:C0" in one.votes]
    alerts = run([SILENCE], merged(days(9, 14, companies=4), by_day), START_MIN + 14 * DAY_MIN)
    assert [one for one in alerts if one.series.key == "wire"] == []


def test_an_outage_of_the_whole_stream_is_no_silence_of_anybody() -> None:
    out = [one for one in LONG if not START_MIN + HUSH_MIN <= one.minute < START_MIN + HUSH_MIN + 1200]
    assert run([SILENCE], out, START_MIN + 12 * DAY_MIN) == []


def test_a_silence_of_which_a_series_falls_asleep_ends_when_it_wakes() -> None:
    gone = hushed(LONG, "issuer:C0", 8 * DAY_MIN + 300, 12 * DAY_MIN - 100)
    alerts = run([SILENCE], gone, START_MIN + 12 * DAY_MIN)
    assert [one.event for one in alerts if one.event != "escalated"] == ["fired", "resolved"]
    assert alerts[-1].evaluated_at > "2026-01-17T22"
    assert alerts[-1].measured.window_minutes > 3 * DAY_MIN


def test_the_first_post_after_a_silence_may_be_a_late_one() -> None:
    late = Minute(START_MIN + HUSH_MIN + 500, {}, {"issuer:C0": 3}, {})
    alerts = run([SILENCE], merged(QUIET, [late]), START_MIN + 12 * DAY_MIN)
    assert [one.event for one in alerts if one.event != "escalated"][:2] == ["fired", "resolved"]
    assert alerts[-1].measured.stale == 3


def spread(series: str, story: str, at: Sequence[int], posts: int = 1, negative: bool = True) -> list[Minute]:
    """A story that source n tells at minute `at[n]` after the start."""
    told = [
        (
            series,
            Vote(
                (START_MIN + minute) * 60_000 + n,
                f"{story}-{n}",
                story,
                negative,
                posts,
                posts * negative,
                f"source-{n}",
            ),
        )
        for n, minute in enumerate(at)
    ]
    raw = {one.id: excerpt(one, source=one.source) for _, one in told}
    return [one._replace(excerpts={v.id: raw[v.id] for v in one.votes[series]}) for one in minutes_of(told)]


def test_votes_kept_apart_by_source_raise_the_same_negative_alerts() -> None:
    rng = random.Random(3)

    def apart(one: Vote) -> list[Vote]:
        ids = [one.id, *(f"{one.id}+{n}" for n in range(1, one.posts))]
        return [
            Vote(one.received_ms + n, post, one.story, one.negative, 1, int(one.negative), f"source-{n}")
            for n, post in enumerate(ids)
        ]

    history = days(1, DAYS, [Burst("issuer:C1", 2 * DAY_MIN + 300)])
    split = [
        one._replace(
            votes={
                name: rng.sample(v := [p for vote in vs for p in apart(vote)], len(v)) for name, vs in one.votes.items()
            }
        )
        for one in history
    ]
    assert [encode_alert(one) for one in run([RULE], split)] == [encode_alert(one) for one in run([RULE], history)]


def late(
    history: Sequence[Minute], source: str, seed: int, usually: float, from_min: int, until_min: int
) -> list[Minute]:
    """What C0 says, from a source of which few posts come late, and in these minutes after the start two of three."""
    rng, minutes = random.Random(seed), []
    for one in history:
        votes = one.votes.get("issuer:C0", ())
        away = from_min <= one.minute - START_MIN < until_min
        held = [vote for vote in votes if rng.random() < (0.67 if away else usually)]
        told = [vote for vote in votes if vote not in held]
        minutes.append(Minute(one.minute, {source: told} if told else {}, {source: len(held)} if held else {}, {}))
    return minutes


def test_a_source_whose_posts_come_late_fires_with_the_share_that_did() -> None:
    feed = late(LONG, "source:wire", 1, 0.02, 9 * DAY_MIN, 9 * DAY_MIN + 240)
    alerts = [one for one in run([LAG], feed, START_MIN + 11 * DAY_MIN) if one.evaluated_at > "2026-01-15"]
    told = [(one.event, one.series.name) for one in alerts if one.event != "escalated"]
    assert told == [("fired", "source:wire"), ("resolved", "source:wire")]
    fired = alerts[0]
    found = fired.measured
    assert found.key == "lag"
    assert found.share >= 0.4
    assert found.usual_share < 0.06
    assert found.negatives == found.stale
    text = render(fired, "en").text
    assert f"{found.negatives} out of {found.total} posts came late, a share of" in text
    assert "old posts arrived late" not in text
    assert "帖迟到，占" in render(fired, "zh").text


def test_more_posts_of_which_as_few_come_late_as_ever_are_no_lag() -> None:
    feed = late(LONG, "source:wire", 2, 0.02, 0, 0)
    more = minutes_of(talk("source:wire", 9 * DAY_MIN, 200, hours=4))
    assert run([LAG], merged(feed, more), START_MIN + 11 * DAY_MIN) == []


def topical(history: Sequence[Minute], topic: str, share: float, seed: int, at: range = range(0)) -> list[Minute]:
    """The history in which a share of a company's votes is about a topic, and all in the minutes `at`."""
    rng, minutes = random.Random(seed), []
    for one in history:
        votes = dict(one.votes)
        for name, mine in one.votes.items():
            about = [vote for vote in mine if rng.random() < share or one.minute - START_MIN in at]
            if about:
                votes[f"issuer_topic:{name.partition(':')[2]}|{topic}"] = about
        minutes.append(one._replace(votes=votes))
    return shown(minutes)


SHIFT = range(4 * DAY_MIN + 600, 4 * DAY_MIN + 780)


@pytest.mark.parametrize("share", [0.1, 0.0], ids=["a known topic", "a topic never heard before"])
def test_a_topic_that_takes_over_what_is_said_of_a_company_fires_and_is_named(share: float) -> None:
    history = topical(days(11, 6, companies=1), "recall", share, 4, SHIFT)
    alerts = [one for one in run([MIX, RULE], history, START_MIN + 6 * DAY_MIN) if one.rule.id == "mix"]
    assert [one.event for one in alerts if one.event != "escalated"] == ["fired", "resolved"]
    fired = alerts[0]
    found = fired.measured
    assert (fired.series.name, found.key) == ("issuer_topic:C0|recall", "mix")
    assert found.share > 0.7
    assert found.usual_share == pytest.approx(share, abs=0.05)
    assert 0 < len(fired.evidence) <= 5
    text = render(fired, "en", None, {"recall": "Recall"}).text
    assert text.startswith("C0, Recall · shift of topics")
    assert f"{found.negatives} out of {found.total} independent voices about the company spoke of this topic" in text
    assert "谈及此主题，占" in render(fired, "zh").text


def test_more_talk_of_the_usual_topics_is_no_shift() -> None:
    loud = merged(days(11, 6, companies=1), minutes_of(talk("issuer:C0", 4 * DAY_MIN + 600, 120, hours=3)))
    assert run([MIX], topical(loud, "recall", 0.2, 5), START_MIN + 6 * DAY_MIN) == []


SPREADING = (
    spread("issuer:C0", "early", [2 * DAY_MIN + 100 + 9 * n for n in range(6)]),
    spread("issuer:C0", "late", [2 * DAY_MIN + 330 + 2 * n for n in range(20)], negative=False),
)
LATE = late(days(5, DAYS, companies=1), "source:wire", 3, 0.02, 3 * DAY_MIN, 3 * DAY_MIN + 300)
HUSH = Rule("hush", ("issuer",), measure="silence")  # a file's rule must learn for longer
RULES = (RULE, VOLUME, BREAKOUT, LAG, MIX, HUSH)
BASE = shown(merged(days(1, DAYS, [Burst("issuer:C2", 2 * DAY_MIN + 305)]), LOUD, LATE, *SPREADING))
HISTORY = topical(
    hushed(BASE, "issuer:C1", 3 * DAY_MIN + 100, 3 * DAY_MIN + 760),
    "recall",
    0.1,
    6,
    range(3 * DAY_MIN + 700, 3 * DAY_MIN + 1000),
)
WHOLE = run(RULES, HISTORY)


def test_the_history_holds_what_the_claims_below_need() -> None:
    assert {rule.id for rule in RULES} == {alert.rule.id for alert in WHOLE if alert.event == "fired"}


@pytest.mark.slow
@examples(10)
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


def test_each_measure_has_a_line_in_the_list_of_incidents() -> None:
    lines = {one.rule.id: describe_line(apply(None, one)) for one in WHOLE if one.event == "fired"}
    says = {
        RULE: r"negative surge  \d+/\d+ \(",
        VOLUME: r"volume surge  \d+ \(",
        BREAKOUT: r"story breakout  \d+ \(4\)",
        LAG: r"source lag  \d+/\d+ \(",
        MIX: r"shift of topics  \d+/\d+ \(",
        HUSH: r"silence  0 \([\d.]+, \d+–\d+\)",
    }
    for rule, line in says.items():
        assert re.search(line, lines[rule.id]), lines[rule.id]


def test_every_measure_has_words_in_both_languages_and_on_the_desk() -> None:
    keys = set(get_args(MeasureKey))
    for speak in WORDS.values():
        assert set(speak.told) == set(speak.measure) == keys
    desk = (Path(__file__).parents[2] / "stream" / "desk" / "static" / "words.js").read_text(encoding="utf-8")
    for key in keys - {"companies"}:
        assert len(re.findall(rf"\b{key}: \(m\) =>", desk)) == 2, key
        assert len(re.findall(rf"\b{key}: \"", desk)) == 2, key


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
    learns = rule.has_budget
    assert not [one for one in alerts if learns and one.rule.id == rule.id and one.evaluated_at < "2026-01-09"]
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
