"""Claims about movers and the heat map: what counts as a move, and what is too little to say so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.movers import LEAST_VOICES, heat_map, movers
from stream.stores.memory import MemoryTrends
from stream.stores.protocols import Counted, SeriesVote, Span
from stream.times import DAY_MS, HOUR_MS

NOW_MS = 20_000 * DAY_MS + 15 * HOUR_MS + 7 * 60_000
LAST_WEEK_MS = NOW_MS - 7 * DAY_MS


def said(store: MemoryTrends, name: str, at_ms: int, negative: int, other: int, *, first: bool = True) -> None:
    """Counts so many posts of a series."""
    known = len(list(store.seen_ids()))
    labels = [0] * negative + [2] * other
    store.count(
        [
            Counted(
                id=f"p{known + n}",
                received_ms=at_ms,
                published_ms=at_ms,
                story=f"s{n}",
                first=first,
                stale=False,
                votes=(SeriesVote(name, label, (label - 1) * 800, False), SeriesVote("market:all", label, 0, False)),
                excerpt=b"",
            )
            for n, label in enumerate(labels)
        ]
    )


def test_the_series_that_surely_changed_most_comes_first() -> None:
    store = MemoryTrends()
    for name, (usual, now) in {
        "issuer:MANY": ((100, 900), (30, 70)),  # 10 % -> 30 %, borne out by a hundred voices
        "issuer:FEW": ((10, 90), (3, 3)),  # 10 % -> 50 %, of six
        "issuer:SAME": ((100, 900), (10, 90)),
        "issuer:BETTER": ((500, 500), (0, 100)),
    }.items():
        said(store, name, LAST_WEEK_MS, *usual)
        said(store, name, NOW_MS - HOUR_MS, *now)
    found = movers(store, "issuer", NOW_MS)
    assert [move.series.partition(":")[2] for move in found] == ["BETTER", "MANY", "FEW", "SAME"]
    better, many, few, same = found
    assert (better.value, better.usual, better.change) == (0.0, 0.5, -0.5)
    assert -0.5 < better.sure < -0.3
    assert (many.posts, many.negative, many.usual_posts) == (100, 30, 1000)
    assert 0.1 < many.sure < many.change == 0.2
    assert 0 < few.sure < many.sure
    assert (same.change, same.sure) == (0.0, 0.0)
    assert [move.series for move in movers(store, "issuer", NOW_MS, limit=1)] == ["issuer:BETTER"]
    brighter = movers(store, "issuer", NOW_MS, measure="net")[0]
    assert (brighter.series, brighter.usual, brighter.value) == ("issuer:BETTER", 0.0, 0.8)


@pytest.mark.parametrize(("usual", "now"), [((0, 0), (50, 0)), ((10, 90), (LEAST_VOICES - 1, 0)), ((1, 18), (9, 0))])
def test_too_little_is_no_move(usual: tuple[int, int], now: tuple[int, int]) -> None:
    store = MemoryTrends()
    said(store, "issuer:A", LAST_WEEK_MS, *usual)
    said(store, "issuer:A", NOW_MS - HOUR_MS, *now)
    assert movers(store, "issuer", NOW_MS) == []


def test_forty_copies_of_a_report_are_no_move() -> None:
    store = MemoryTrends()
    said(store, "issuer:A", LAST_WEEK_MS, 10, 90)
    said(store, "issuer:A", NOW_MS - HOUR_MS, 40, 0, first=False)
    assert movers(store, "issuer", NOW_MS) == []


def test_the_last_hour_and_the_last_day_are_told_apart() -> None:
    store = MemoryTrends()
    said(store, "issuer:A", LAST_WEEK_MS, 10, 90)
    said(store, "issuer:A", NOW_MS - 3 * HOUR_MS, 0, 20)
    said(store, "issuer:A", NOW_MS - 60_000, 20, 0)
    said(store, "issuer:A", NOW_MS - 26 * HOUR_MS, 7, 0)  # before the day, and on a day that is not whole before it
    hour, day = movers(store, "issuer", NOW_MS, "hour"), movers(store, "issuer", NOW_MS, "day")
    assert (hour[0].value, hour[0].posts, hour[0].usual_posts) == (1.0, 20, 107)
    assert (day[0].value, day[0].posts, day[0].usual_posts) == (0.5, 40, 100)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(20, 60)), max_size=4))
def test_what_is_sure_never_exceeds_the_change(counts: list[tuple[int, int, int]]) -> None:
    store = MemoryTrends()
    for n, (negative, other, usual) in enumerate(counts):
        said(store, f"issuer:{n}", LAST_WEEK_MS, usual // 3, usual - usual // 3)
        said(store, f"issuer:{n}", NOW_MS, negative, other)
    for move in movers(store, "issuer", NOW_MS) + movers(store, "issuer", NOW_MS, measure="net"):
        assert abs(move.sure) <= abs(move.change) + 1e-4
        assert move.sure * move.change >= 0


def test_the_heat_map_has_the_companies_most_talked_of_by_topics() -> None:
    store = MemoryTrends()
    for name, counts in {"A|risk": (3, 1), "A|deals": (0, 2), "B|risk": (1, 9), "C|risk": (1, 0)}.items():
        said(store, f"issuer_topic:{name}", NOW_MS, *counts)
    said(store, "issuer_topic:A|risk", NOW_MS - DAY_MS, 9, 9)
    span = Span("hour", NOW_MS - 2 * HOUR_MS, NOW_MS + HOUR_MS)
    found = heat_map(store, span, limit=2)
    assert (found.companies, found.topics) == (("B", "A"), ("risk", "deals"))
    assert found.rows[0][1] is None
    cell = found.rows[1][0]
    assert cell is not None
    assert (cell.posts, cell.negative_share, cell.mean_score) == (4, 0.75, -0.4)
    assert heat_map(store, span, only=["C"]).companies == ("C",)
    assert heat_map(store, Span("hour", 0, HOUR_MS)).rows == ()
