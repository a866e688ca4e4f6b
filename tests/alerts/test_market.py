"""Claims about market incidents: when many companies are one surge, who belongs to it, and that neither the order nor
the cuts in which alerts come change anything."""

import random
from collections.abc import Sequence
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.errors import StateError
from alerts.events import Alert, EventKind, SeriesKind, SeriesRef, Severity, digest_of, utc_text
from alerts.market import FEWEST, SCHEMA, Market, minute_of
from alerts.market_alert import MEMBERS_SHOWN
from alerts.rules import Rule
from alerts.votes import BUCKET_MIN
from tests.alerts.examples import alert, measured, post
from tests.examples import examples

RULE = Rule("negative-surge", ("issuer", "issuer_topic"), budget=0.25)
BUCKET_MS = BUCKET_MIN * 60_000
START = 1_964_064  # 2026-01-06 00:00 UTC
WEEK = 672
BORN = {START - 400: 100, START - 300: 200}


def event(
    key: str,
    bucket: int,
    kind: EventKind = "fired",
    *,
    of: SeriesKind = "issuer",
    began: int | None = None,
    severity: Severity = "warning",
    parent: str | None = None,
    rule: Rule = RULE,
    early: int = 0,
) -> Alert:
    """An alert of a series so many minutes before `bucket` closes, whose incident `began` then or earlier."""
    incident = digest_of(rule.id, of, key, str(bucket if began is None else began))
    return msgspec.structs.replace(
        alert(kind, severity=severity, incident=incident, evidence=(post(1, story=f"story of {key}"), post(2))),
        id=digest_of(incident, kind, str(bucket)),
        rule=msgspec.structs.replace(alert().rule, id=rule.id),
        series=SeriesRef(of, key),
        parent=parent,
        bucket_start=utc_text(bucket * BUCKET_MS),
        evaluated_at=utc_text((bucket + 1) * BUCKET_MS - early * 60_000),
    )


def bucket_of(alert: Alert) -> int:
    return (minute_of(alert) - 1) // BUCKET_MIN


def episode(key: str, bucket: int, buckets: int, early: int = 0) -> list[Alert]:
    return [event(key, bucket, early=early), event(key, bucket + buckets, "resolved", began=bucket)]


def crash(companies: int = 40, at: int = START + 100, seed: int = 1) -> list[Alert]:
    """Companies that fire within three hours and resolve some hours later, with a topic each."""
    rng = random.Random(seed)
    told = []
    for number in range(companies):
        bucket, length = at + rng.randrange(12), rng.randint(6, 30)
        early = rng.choice((0, rng.randrange(BUCKET_MIN)))
        told += episode(f"C{number}", bucket, length, early)
        told.append(event(f"C{number}|recall", bucket, of="issuer_topic", parent=told[-2].incident, early=early))
    return told


def ordinary(weeks: float, companies: int = 300, budget: float = 0.25, seed: int = 3) -> list[Alert]:
    """Each company fires by itself, as often as its budget says."""
    rng = random.Random(seed)
    told = []
    for number in range(companies):
        bucket = START + rng.expovariate(budget / WEEK)
        while bucket < START + weeks * WEEK:
            told += episode(f"C{number}", int(bucket), rng.randint(4, 24))
            bucket += 36 + rng.expovariate(budget / WEEK)
    return told


def run(
    alerts: Sequence[Alert], cuts: Sequence[int] = (), *, end: int = (START + 400) * BUCKET_MIN, stored: bool = False
) -> list[bytes]:
    """What comes out, as bytes, when the alerts come in pieces that end at minutes `cuts`."""
    market, told = Market([RULE]), []
    for start, until in pairwise([0, *sorted(cuts), end]):
        piece = [one for one in alerts if start < minute_of(one) <= until]
        told += market.advance(piece, BORN, until)
        if stored:
            market = Market.from_bytes(market.to_bytes(), [RULE])
    return [msgspec.json.encode(one) for one in told]


def told_by(alerts: Sequence[Alert], end: int = START + 400, born: dict[int, int] | None = None) -> list[Alert]:
    return Market([RULE]).advance(alerts, BORN if born is None else born, end * BUCKET_MIN)


def markets(alerts: Sequence[Alert]) -> list[Alert]:
    return [one for one in alerts if one.series.kind == "market"]


CRASH = crash()


def test_a_surge_of_many_companies_is_one_incident_with_its_members() -> None:
    own = markets(told_by(CRASH))
    assert [one.event for one in own if one.event != "escalated"] == ["fired", "resolved"]
    assert len({one.incident for one in own}) == 1
    first, last = own[0], own[-1]
    assert (first.measured.key, first.measured.total, first.parent) == ("companies", 300, None)
    assert len(first.members) == first.measured.negatives >= FEWEST
    assert first.measured.expected == pytest.approx(300 * 0.25 / 168, abs=1e-3)
    assert {member.key for member in last.members} == {f"C{n}" for n in range(40)}
    assert first.evidence
    assert len({one.story for one in first.evidence}) == len(first.evidence)
    assert sum(driver.share for driver in first.drivers.topics) == pytest.approx(1)


def test_members_name_it_as_parent_but_those_that_were_open_before_stay_as_they_were() -> None:
    told = told_by(CRASH)
    market = markets(told)[0]
    for one in told:
        if one.series.kind != "issuer":
            continue
        fired = next(a for a in told if a.incident == one.incident)
        assert one.parent == (market.incident if minute_of(fired) >= minute_of(market) else None)
    assert {one.parent for one in told if one.series.kind == "issuer"} == {None, market.incident}


def test_a_topic_keeps_its_company_as_parent_and_one_without_has_the_market() -> None:
    at = START + 106
    lone = [
        event("X|recall", at, of="issuer_topic"),
        event("X|recall", at + 5, "resolved", of="issuer_topic", began=at),
    ]
    told = told_by([*CRASH, *lone])
    market = markets(told)[0].incident
    companies = {one.incident for one in told if one.series.kind == "issuer"}
    assert {one.parent for one in told if one.series.key == "X|recall"} == {market}
    assert all(
        one.parent in companies for one in told if one.series.kind == "issuer_topic" and one.series.key[0] == "C"
    )


def test_each_incident_names_the_nearest_wider_one_that_is_open() -> None:
    rule = Rule("negative-surge", ("market", "sector", "topic", "issuer", "issuer_topic"))
    wide = [
        event("all", START, of="market"),
        event("chips", START + 1, of="sector"),
        event("tariffs", START + 1, of="topic"),
    ]
    narrow = [event("A", START + 1), event("A|recall", START + 2, of="issuer_topic"), event("B", START + 2)]
    over = [event("all", START + 5, "resolved", of="market", began=START)]
    over += [event("chips", START + 5, "resolved", of="sector", began=START + 1)]
    later = [event("A", START + 6, "resolved", began=START + 1), event("D", START + 7)]
    alerts = [*wide, *narrow, *over, *later]
    told = Market([rule], {"A": "chips", "D": "chips"}).advance(alerts, BORN, (START + 9) * BUCKET_MIN)
    market, chips = wide[0].incident, wide[1].incident
    assert [(one.series.key, one.parent) for one in told if one.event == "fired"] == [
        ("all", None),
        ("chips", market),
        ("tariffs", market),
        ("A", chips),
        ("B", market),
        ("A|recall", chips),
        ("D", None),
    ]
    assert [one.parent for one in told if one.series.key == "A"] == [chips, chips]


def test_an_incident_keeps_the_parent_it_fired_with() -> None:
    """Else somebody would hear the end of what they were never told, or not the end of what they were."""
    held = [
        event("A|recall", START, of="issuer_topic", parent="company"),
        event("A|recall", START + 9, "resolved", of="issuer_topic", began=START),
    ]
    free = [event("B|recall", START, of="issuer_topic")]
    free.append(event("B|recall", START + 9, "resolved", of="issuer_topic", began=START, parent="company"))
    assert [one.parent for one in told_by(held)] == ["company", "company"]
    assert [one.parent for one in told_by(free)] == [None, None]


def test_nothing_is_lost_repeated_or_changed_but_in_its_parent() -> None:
    def bare(alerts: Sequence[Alert]) -> list[bytes]:
        return sorted(msgspec.json.encode(msgspec.structs.replace(one, parent=None)) for one in alerts)

    assert bare([one for one in told_by(CRASH) if one.series.kind != "market"]) == bare(CRASH)


@pytest.mark.parametrize(
    ("watched", "budget", "enough"),
    [(3, 0.25, 3), (20, 0.25, 3), (87, 0.25, 4), (300, 0.25, 7), (300, 0.05, 4), (3000, 0.25, 40), (300, 2.0, 24)],
)
def test_how_many_it_takes_follows_from_the_number_watched_and_the_budget(
    watched: int, budget: float, enough: int
) -> None:
    rule = Rule("negative-surge", ("issuer",), budget=budget)

    def fires(together: int) -> bool:
        alerts = [event(f"C{n}", START) for n in range(together)]
        return bool(markets(Market([rule]).advance(alerts, {START - 300: watched}, (START + 1) * BUCKET_MIN)))

    assert fires(enough)
    assert not fires(enough - 1)


def test_only_companies_that_have_learned_are_counted_as_watched() -> None:
    alerts = [event(f"C{n}", START) for n in range(5)]
    assert markets(told_by(alerts, born={START - 96: 20, START - 95: 500}))
    assert not markets(told_by(alerts, born={START - 96: 520}))


def test_firings_further_apart_than_an_hour_are_not_one_surge() -> None:
    assert not markets(told_by([event(f"C{n}", START + 2 * n) for n in range(40)]))


@pytest.mark.parametrize("budget", [0.25, 0.05])
def test_companies_that_fire_by_themselves_bring_fewer_market_incidents_than_one_series_may(budget: float) -> None:
    weeks = 100
    rule = Rule("negative-surge", ("issuer",), budget=budget)
    told = Market([rule]).advance(ordinary(weeks, budget=budget), BORN, (START + weeks * WEEK) * BUCKET_MIN)
    assert len([one for one in markets(told) if one.event == "fired"]) <= budget * weeks


CUTS = st.lists(st.integers(START * BUCKET_MIN, (START + 200) * BUCKET_MIN), max_size=12)


@examples(30)
@given(seed=st.integers(0, 2**32), cuts=CUTS, stored=st.booleans())
def test_neither_the_order_of_arrival_nor_the_cuts_nor_storing_between_change_a_byte(
    seed: int, cuts: list[int], stored: bool
) -> None:
    mixed = random.Random(seed).sample(CRASH, len(CRASH))
    assert run(mixed, cuts, stored=stored) == run(CRASH)


@examples(30)
@given(end=st.integers((START + 95) * BUCKET_MIN, (START + 150) * BUCKET_MIN))
def test_what_comes_later_changes_nothing_before_it(end: int) -> None:
    whole = run(CRASH)
    cut = run([one for one in CRASH if minute_of(one) <= end], end=end)
    assert whole[: len(cut)] == cut


def test_alerts_that_were_taken_already_are_dropped() -> None:
    market = Market([RULE])
    assert market.advance(CRASH, BORN, (START + 104) * BUCKET_MIN)
    assert market.advance(CRASH, BORN, (START + 104) * BUCKET_MIN) == []


def test_a_rule_that_watches_no_companies_and_one_that_is_no_more_pass_as_they_are() -> None:
    topics = Rule("topics", ("topic",))
    alerts = [event(f"t{n}", START, of="topic", rule=topics) for n in range(50)]
    gone = [event(f"C{n}", START, rule=Rule("gone", ("issuer",))) for n in range(50)]
    told = Market([topics]).advance([*alerts, *gone], BORN, (START + 9) * BUCKET_MIN)
    assert sorted(one.id for one in told) == sorted(one.id for one in [*alerts, *gone])
    assert {one.parent for one in told} == {None}


def test_a_market_of_thousands_names_some_and_counts_all() -> None:
    (own,) = markets(told_by([event(f"C{n}", START) for n in range(1000)], end=START + 1, born={START - 300: 5000}))
    assert (len(own.members), own.measured.negatives, own.severity) == (MEMBERS_SHOWN, 1000, "critical")


def test_the_strongest_posts_of_different_stories_stand_behind_it() -> None:
    shared = [post(1, story="one story")]
    alerts = [
        msgspec.structs.replace(measured(event(f"C{n}", START), negatives=4), evidence=tuple(shared)) for n in range(20)
    ]
    (own,) = markets(told_by(alerts, end=START + 1))
    assert [one.why for one in own.evidence] == ["strongest negative story of C0, told by 12 posts"]


@pytest.mark.parametrize("raw", [b"", b"\xc1", b"[]", msgspec.msgpack.encode([SCHEMA + 1, 0, {}])])
def test_a_state_that_cannot_be_read_is_refused_with_what_to_do(raw: bytes) -> None:
    with pytest.raises(StateError, match="rebuild"):
        Market.from_bytes(raw, [RULE])


def test_surges_of_talk_of_many_companies_are_no_market_incident_and_a_wider_one_still_holds_them() -> None:
    loud = Rule("loud", ("issuer", "sector"), measure="volume")
    told = [event(f"C{n}", START + 100, rule=loud) for n in range(40)]
    wide = event("robotics", START + 99, of="sector", rule=loud)
    alerts = Market([loud], {"C3": "robotics"}).advance([wide, *told], BORN, (START + 200) * BUCKET_MIN)
    assert len(alerts) == 41
    assert [(one.series.key, one.parent) for one in alerts if one.parent] == [("C3", wide.incident)]


def test_stories_that_break_out_hold_no_other_ones() -> None:
    breakout = Rule("breakout", ("issuer", "market"), measure="breakout")
    told = [event("all", START + 99, of="market", rule=breakout), event("C1", START + 100, rule=breakout)]
    alerts = Market([breakout]).advance(told, BORN, (START + 200) * BUCKET_MIN)
    assert [one.parent for one in alerts] == [None, None]
