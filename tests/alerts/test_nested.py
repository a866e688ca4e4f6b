"""Claims about nested series: what a narrower incident has told is not told again by a wider one, the rest is."""

import random
from collections.abc import Mapping, Sequence
from itertools import pairwise

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from alerts.dispatcher import interrupts
from alerts.events import Alert, Driver, Drivers, EventKind, SeriesKind, Severity
from alerts.evidence import drivers_of
from alerts.market import Market
from alerts.nested import MOST
from alerts.rules import Rule
from alerts.votes import BUCKET_MIN, Excerpt, Minute, encode_excerpt
from alerts.watch import Watch
from tests.alerts.examples import measured
from tests.alerts.test_market import START, bucket_of, event
from tests.alerts.votes_of_days import vote
from tests.examples import examples

RULE = Rule("negative-surge", ("sector", "topic", "issuer", "issuer_topic"))
SECTORS = {"A": "chips", "B": "chips", "C": "chips", "Z": "banks"}
BORN = {START - 400: 30}


def told(alerts: Sequence[Alert], cuts: Sequence[int] = (), *, stored: bool = False) -> list[Alert]:
    """What comes out when the alerts come in pieces that end at buckets `cuts`."""
    market, out, end = Market([RULE], SECTORS), [], START + 100
    for start, until in pairwise([0, *sorted(cuts), end]):
        out += market.advance([one for one in alerts if start <= bucket_of(one) < until], BORN, until * BUCKET_MIN)
        if stored:
            market = Market.from_bytes(market.to_bytes(), [RULE], SECTORS)
    return out


def company(key: str, bucket: int, kind: EventKind = "fired", **changes: object) -> Alert:
    """A company, of which 1 negative voice an hour is usual."""
    return measured(event(key, bucket, kind, **changes), expected=1.0, window_minutes=60)  # type: ignore[arg-type]


def wide(
    key: str,
    bucket: int,
    of: SeriesKind = "sector",
    kind: EventKind = "fired",
    *,
    severity: Severity = "warning",
    began: int | None = None,
    negatives: int = 50,
    shares: Mapping[str, float],
) -> Alert:
    """A wide series over 2 hours in which 10 are usual, moved by companies in such shares of its negatives."""
    raised = event(key, bucket, kind, of=of, severity=severity, began=began)
    rest = round(1 - sum(shares.values()), 4)
    drivers = Drivers((), (), (), tuple(Driver(name, part) for name, part in {**shares, "other": rest}.items()))
    raised = msgspec.structs.replace(raised, drivers=drivers)
    return measured(raised, negatives=negatives, expected=10.0, window_minutes=120)


def of(alerts: Sequence[Alert], key: str) -> list[Alert]:
    return [one for one in alerts if one.series.key == key]


LONE = [
    company("A", START),
    wide("chips", START + 2, shares={"A": 0.8}),
    wide("chips", START + 9, kind="resolved", began=START + 2, shares={"A": 0.8}),
    company("A", START + 12, "resolved", began=START),
]


def test_a_sector_that_only_repeats_what_its_company_told_says_so_and_interrupts_nobody() -> None:
    out = told(LONE)
    assert [(one.parent, one.told_by) for one in of(out, "chips")] == [(None, LONE[0].incident)] * 2
    assert [interrupts(one) for one in out] == [True, False, False, True]


def test_three_companies_are_the_sectors_own_surge() -> None:
    alerts = [
        *(company(name, START) for name in "ABC"),
        wide("chips", START + 2, shares={"A": 0.3, "B": 0.3, "C": 0.3}),
    ]
    assert of(told(alerts), "chips")[0].told_by is None


@given(share=st.integers(0, 10_000), negatives=st.integers(11, 500))
@example(share=6400, negatives=50)
def test_it_takes_two_thirds_of_what_is_beyond_the_usual(share: int, negatives: int) -> None:
    """Of the company 2 voices are usual in the sector's window, of the sector 10."""
    found = wide("chips", START + 2, negatives=negatives, shares={"A": share / 10_000})
    own = negatives * (share / 10_000) - 2
    explained = own >= MOST * (negatives - 10)
    assert (of(told([company("A", START), found]), "chips")[0].told_by is not None) == explained


def test_a_company_of_another_sector_one_that_has_resolved_and_one_that_has_not_fired_tell_nothing() -> None:
    over = company("A", START + 1, "resolved", began=START)
    for alerts in ([company("Z", START)], [company("A", START), over], []):
        assert of(told([*alerts, wide("chips", START + 2, shares={"A": 0.9, "Z": 0.1})]), "chips")[0].told_by is None


@pytest.mark.parametrize(
    ("company_is", "sector_is", "again"),
    [("warning", "warning", False), ("warning", "major", True), ("critical", "critical", False)],
)
def test_what_is_graver_than_was_told_is_told(company_is: Severity, sector_is: Severity, again: bool) -> None:
    alerts = [company("A", START, severity=company_is), wide("chips", START + 2, severity=sector_is, shares={"A": 0.9})]
    assert interrupts(of(told(alerts), "chips")[0]) == again


def test_a_sector_in_which_others_join_is_told_from_then_on_and_holds_those_who_come_later() -> None:
    joined = wide(
        "chips",
        START + 5,
        kind="escalated",
        began=START + 2,
        severity="major",
        negatives=90,
        shares={"A": 0.4, "B": 0.5},
    )
    early, late = company("B", START + 4), company("C", START + 6)
    over = wide("chips", START + 9, kind="resolved", began=START + 2, severity="major", shares={"A": 0.4})
    out = told([company("A", START, severity="major"), LONE[1], early, joined, late, over])
    assert [interrupts(one) for one in of(out, "chips")] == [False, True, True]
    assert of(out, "B")[0].parent is None  # a sector that nobody was told of holds nothing
    assert of(out, "C")[0].parent == joined.incident


def test_a_topic_repeats_a_company_in_it_and_a_company_one_of_its_topics() -> None:
    pair = company("A|recall", START, of="issuer_topic")
    topic, other = (
        wide("recall", START + 2, of="topic", shares={"A": 0.9}),
        wide("supply", START + 2, of="topic", shares={"A": 0.9}),
    )
    whole = company("A", START + 3)
    whole = msgspec.structs.replace(
        measured(whole, negatives=20), drivers=Drivers((Driver("recall", 0.9), Driver("supply", 0.1)), (), ())
    )
    later = msgspec.structs.replace(event("A|supply", START + 4, of="issuer_topic"), parent=whole.incident)
    out = told([pair, topic, other, whole, later])
    assert {one.series.name: one.told_by for one in out} == {
        "issuer_topic:A|recall": None,
        "topic:recall": pair.incident,
        "topic:supply": None,
        "issuer:A": pair.incident,
        "issuer_topic:A|supply": None,
    }
    assert of(out, "A|supply")[0].parent is None  # its company was not told


def crowd(seed: int) -> list[Alert]:
    """Many episodes of companies and their sectors at random."""
    rng, alerts = random.Random(seed), []
    begins = {(START + rng.randrange(60), rng.choice("ABCZ")): rng.random() < 0.5 for _ in range(30)}
    taken: set[tuple[str, int]] = set()
    for (bucket, name), narrow in sorted(begins.items()):
        series = name if narrow else SECTORS[name]
        if (series, bucket) in taken:
            continue
        taken.add((series, bucket))
        length, shares = rng.randint(1, 20), {name: rng.choice((0.3, 0.6, 0.9))}
        steps: tuple[tuple[int, EventKind], ...] = ((0, "fired"), (length, "escalated"), (2 * length, "resolved"))
        for later, kind in steps:
            if narrow:
                alerts.append(company(name, bucket + later, kind, began=bucket, severity="major"))
            else:
                alerts.append(
                    wide(SECTORS[name], bucket + later, kind=kind, began=bucket, severity="major", shares=shares)
                )
    return alerts


@examples(40)
@given(seed=st.integers(0, 2**32), cuts=st.lists(st.integers(START, START + 90), max_size=8), stored=st.booleans())
def test_neither_order_nor_cuts_nor_storing_between_change_a_byte(seed: int, cuts: list[int], stored: bool) -> None:
    alerts = crowd(seed)
    mixed = random.Random(seed).sample(alerts, len(alerts))
    assert told(mixed, cuts, stored=stored) == told(alerts)


@examples(40)
@given(seed=st.integers(0, 2**32))
def test_what_is_held_as_told_was_told_by_an_open_incident_of_a_company(seed: int) -> None:
    is_open: set[str] = set()
    for one in sorted(told(crowd(seed)), key=lambda one: (one.evaluated_at, one.event == "resolved")):
        if one.event != "resolved" and one.told_by is not None:
            assert one.told_by in is_open
            assert (one.parent, interrupts(one)) == (None, False)
        if one.series.kind == "issuer" and one.event == "fired":
            is_open.add(one.incident)
        elif one.event == "resolved":
            is_open.discard(one.incident)


def test_a_wide_series_says_which_companies_moved_it_and_a_company_does_not() -> None:
    def minute(number: int, *companies: str) -> Minute:
        one = vote(number, f"s{number}", negative=True)
        raw = encode_excerpt(Excerpt(one.id, one.story, "wire", "", "", "text", -700, ("recall",), companies=companies))
        return Minute(number, {"sector:chips": [one], "issuer:A": [one]}, {}, {one.id: raw})

    watch = Watch([RULE])
    watch.advance([minute(1, "A"), minute(2, "A", "B"), minute(3), minute(4, "A")], 5)
    told = {series.name: [context.negative for context in series.contexts] for series in watch._series}
    assert drivers_of(told["issuer:A"]).companies == ()
    assert drivers_of(told["sector:chips"]).companies == (
        Driver("A", 0.625),
        Driver("B", 0.125),
        Driver("other", 0.25),
    )
