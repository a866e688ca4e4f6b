"""What every trend store promises of charts, sums and the busiest, claimed of the one in memory and of Redis."""

import pytest

from stream.stores.protocols import (
    Span,
    TrendStore,
)
from tests.contract.counted import NOW_MS, POSITIVE, Make, doc, vote


def test_chart_sums_are_exact(store: TrendStore) -> None:
    store.count(
        [doc(f"a{n}", vote(label=n % 3, milli=n - 500), first=n % 10 == 0, novelty_milli=n) for n in range(1001)]
    )
    store.count([doc("next", vote(label=POSITIVE, milli=1000), published_ms=NOW_MS + 300_000)])
    start = NOW_MS // 300_000 * 300_000
    first, second = store.chart("market:all", "5m", start, start + 600_000)
    squares = sum((n - 500) ** 2 for n in range(1001)) / 1e6
    assert first == (start, 1001, 101, 334, 334, 333, 0.0, squares, 500.5, None)
    assert second == (start + 300_000, 1, 1, 0, 0, 1, 1.0, 1.0, 0.0, None)


def test_a_bucket_says_how_many_sources_spoke_whenever_they_came(store: TrendStore) -> None:
    hour = 3_600_000
    start = NOW_MS // 86_400_000 * 86_400_000
    for n in range(60):  # back and forth between two hours, a few sources in one, many in the other
        store.count(
            [
                doc(f"few{n}", published_ms=start + n % 3, source=f"s{n % 3}"),
                doc(f"many{n}", published_ms=start + hour, source=f"s{n}"),
            ]
        )
        store.count([doc(f"none{n}", published_ms=start + 2 * hour * (n % 2))])
    few, many, none = store.chart("market:all", "hour", start, start + 3 * hour)
    [day] = store.chart("market:all", "day", start, start + 1)
    assert (few.sources, none.sources) == (3, 0)
    assert many.sources == pytest.approx(60, abs=2)
    assert day.sources == pytest.approx(60, abs=2)
    assert [point.sources for point in store.chart("market:all", "5m", start, start + hour)] == [None]


def test_thousands_of_sources_are_estimated_within_three_percent(store: TrendStore) -> None:
    for half in range(2):
        store.count([doc(f"p{n}", source=f"feed-{n}.example") for n in range(half * 1500, 1500 + half * 1500)])
    [day] = store.chart("market:all", "day", 0, 2 * NOW_MS)
    assert day.sources == pytest.approx(3000, rel=0.03)


def test_what_is_published_later_leaves_what_is_older_as_it_was(store: TrendStore) -> None:
    order = [0, 5, 1, 5, 0, 9, 2, 1, 300, 290, 9]
    for n, step in enumerate(order):
        store.count([doc(f"p{n}", vote(milli=n), published_ms=NOW_MS + step * 300_000, source=f"s{n}")])
    points = store.chart("market:all", "5m", NOW_MS, NOW_MS + 301 * 300_000)
    found = {(point.start_ms - NOW_MS) // 300_000: (point.posts, point.score_sum) for point in points}
    assert found == {
        step: (order.count(step), sum(n for n, at in enumerate(order) if at == step) / 1e3) for step in set(order)
    }


def test_charts_run_in_published_time_by_half_open_ranges(store: TrendStore) -> None:
    day = 86_400_000
    days = [0, 1, 2, 40, 800]
    store.count([doc(f"p{n}", published_ms=NOW_MS - n * day) for n in days])
    for resolution in ("5m", "hour", "day"):
        points = store.chart("market:all", resolution, NOW_MS - 900 * day, NOW_MS + day)
        assert [point.posts for point in points] == [1] * 5
        starts = [point.start_ms for point in points]
        assert starts == sorted(starts)
        inner = store.chart("market:all", resolution, starts[1], starts[-1])
        assert [point.start_ms for point in inner] == starts[1:-1]
    assert store.chart("issuer:unknown", "hour", NOW_MS - day, NOW_MS) == []


def test_the_busiest_are_merged_over_shards_ties_by_name(make: Make) -> None:
    store = make(3)
    names = [f"issuer:{chr(65 + n)}" for n in range(12)]
    store.count([doc(f"{name}{k}", vote(name)) for n, name in enumerate(names) for k in range(1 + n // 4)])
    expected = [(name, 3) for name in names[8:]] + [(name, 2) for name in names[4:8]]
    assert store.busiest("issuer", 8) == expected
    assert store.busiest("issuer", 3) == expected[:3]
    assert store.busiest("sector", 5) == []
    assert store.busiest("issuer", 0) == []


def test_totals_are_the_sums_of_the_charts_of_all_series_that_spoke(make: Make) -> None:
    store, hour, day = make(3), 3_600_000, 86_400_000
    start = NOW_MS // day * day
    for n in range(300):  # late ones among them, some silent of late
        name = f"issuer:S{n % 7}"
        published_ms = start + (n * 7919 % 60 - 40) * hour - (n % 7 == 6) * 30 * day
        store.count([doc(f"p{n}", vote(name, n % 3, n), published_ms=published_ms, first=n % 4 > 0)])
    spans = [
        Span("hour", start - 5 * hour, start + 19 * hour),
        Span("day", start - 9 * day, start),
        Span("5m", 0, start),
    ]
    totals = store.totals("issuer", spans, 3)
    assert set(totals) == {f"issuer:S{n}" for n in range(6)}
    for name, found in totals.items():
        for span, total in zip(spans, found, strict=True):
            points = store.chart(name, *span)
            assert total[:5] == tuple(sum(int(point[at] or 0) for point in points) for at in range(1, 6))
            assert total.score_sum == pytest.approx(sum(point.score_sum for point in points))
            assert total.score_squares == pytest.approx(sum(point.score_squares for point in points))
    assert store.totals("issuer", spans, 1000) == store.totals("sector", spans, 1) == {}
