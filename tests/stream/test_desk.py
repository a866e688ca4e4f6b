"""Claims about the desk's routes: what they show, what they refuse, and that one page cannot exhaust or deceive it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette

from alerts.rules import Rule
from alerts.votes import Band
from classifier.inference import LINEAR, load
from stream.desk.app import create_app
from stream.desk.live import Board, Full
from stream.desk.views import market_mood
from stream.embedded import Spine
from stream.errors import ServerUnavailable
from stream.records import Message
from stream.stores.memory import MemoryDocuments, MemoryTrends
from stream.stores.memory_incidents import MemoryIncidents
from stream.stores.protocols import ChartPoint
from stream.times import HOUR_MS
from tests.contract.counted import doc, vote
from tests.stream.desk_stores import RULE, Filled, fill, serving


@pytest.fixture(scope="module")
def filled() -> Filled:
    return fill()


@pytest.fixture(scope="module")
def app(filled: Filled) -> Starlette:
    return create_app(filled.trends, filled.documents, filled.incidents, now=lambda: filled.now_ms, rules=(RULE,))


def get(app: Starlette, path: str, host: str = "127.0.0.1:8642") -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.get(path, headers={"host": host})

    return asyncio.run(ask())


def test_the_overview_puts_the_company_of_the_surge_first_and_says_that_its_share_is_unusual(
    app: Starlette, filled: Filled
) -> None:
    shown = get(app, "/api/overview").json()
    first = shown["movers"][0]
    assert first["symbol"] == filled.sample.surge.symbol
    assert first["surprise"] > 3
    assert first["share"] > first["usual_share"] + 0.1
    assert shown["open_incidents"] == 1
    assert filled.now_ms - 15 * 60_000 <= shown["closed_ms"] <= filled.now_ms


def test_a_series_shows_its_buckets_with_an_interval_around_what_is_expected_and_the_marks_of_its_alert(
    app: Starlette, filled: Filled
) -> None:
    view = get(app, f"/api/series/issuer:{filled.sample.surge.symbol}?hours=24").json()
    assert len(view["buckets"]) == 96
    for _start, negatives, votes, expected, low, high, _score in view["buckets"]:
        assert 0 <= negatives <= votes
        assert low <= max(1.0, expected) <= high + 1
    assert view["marks"][0]["event"] == "fired"
    assert view["learning_until_ms"] is None


def test_a_series_says_what_it_has_spent_of_its_budget_and_until_when_it_learns(app: Starlette, filled: Filled) -> None:
    path = f"/api/series/issuer:{filled.sample.surge.symbol}"
    [spent] = get(app, path).json()["spent"]
    assert (spent["rule"], spent["budget"], spent["firings"], spent["a_week"]) == ("negative-surge", 0.05, 1, None)
    assert 0.4 < spent["weeks"] < 0.6
    patient = Rule("patient", ("issuer",), learning_days=30.0)
    later = create_app(
        filled.trends, filled.documents, filled.incidents, now=lambda: filled.now_ms, rules=(RULE, patient)
    )
    view = get(later, path).json()
    assert [one["rule"] for one in view["spent"]] == ["negative-surge"]
    assert 25 * 24 * HOUR_MS < view["learning_until_ms"] - filled.now_ms < 26 * 24 * HOUR_MS
    movers = get(later, "/api/overview").json()["movers"]
    assert all(mover["learning_until_ms"] > filled.now_ms for mover in movers)
    assert get(app, "/api/series/issuer:NOSUCH").json()["spent"] == []


def test_a_series_nobody_has_heard_of_is_empty_and_no_fault(app: Starlette) -> None:
    assert get(app, "/api/series/issuer:NOSUCH").json()["buckets"] == []


def test_the_chart_movers_and_heat_map_say_what_the_stores_hold(filled: Filled, app: Starlette) -> None:
    symbol = filled.sample.surge.symbol
    chart = get(app, f"/api/chart/issuer:{symbol}?hours=48").json()
    posts = sum(point["posts"] for point in chart)
    assert posts > 0
    assert all(point["negative"] + point["neutral"] + point["positive"] == point["posts"] for point in chart)
    moves = get(app, "/api/movers?window=hour&limit=3").json()
    assert moves[0]["series"] == f"issuer:{symbol}"
    assert moves[0]["sure"] > 0
    heat = get(app, "/api/heatmap?hours=48&limit=100").json()
    row = heat["rows"][heat["companies"].index(symbol)]
    assert sum(cell["posts"] for cell in row if cell) >= posts  # a post may have several topics


def test_posts_can_be_asked_for_one_company_and_come_newest_first(app: Starlette) -> None:
    posts = get(app, "/api/posts?symbol=ORBQ&limit=30").json()
    assert len(posts) == 30
    assert all("ORBQ" in post["symbols"] for post in posts)
    assert [post["received_at"] for post in posts] == sorted((post["received_at"] for post in posts), reverse=True)


def test_a_post_is_not_shown_for_a_company_that_is_but_a_candidate() -> None:
    documents, trends = MemoryDocuments(), MemoryTrends()
    post = {"source": "forum", "published_at": "2026-01-05T09:30:00Z", "text": "平安今天怎么样", "id": "a"}
    Spine(load(LINEAR), (RULE,), {}, documents, trends=trends).feed([Message(msgspec.json.encode(post))])
    opinion = documents.get("a")
    assert opinion is not None
    assert "601318.SH" in {entity.symbol for entity in opinion.entities}
    app = create_app(trends, documents, MemoryIncidents(), now=lambda: 1767605400000)
    (shown,) = get(app, "/api/posts").json()
    assert shown["symbols"] == []
    assert get(app, "/api/posts?symbol=601318.SH").json() == []


def test_an_incident_comes_with_its_evidence_and_one_that_is_not_there_is_404(app: Starlette) -> None:
    listed = get(app, "/api/incidents").json()
    assert len(listed) == 1
    whole = get(app, f"/api/incidents/{listed[0]['id']}").json()
    assert 3 <= len(whole["last"]["evidence"]) <= 5
    assert len({item["story"] for item in whole["last"]["evidence"]}) == len(whole["last"]["evidence"])
    assert get(app, "/api/incidents/none").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/api/chart/nonsense",
        "/api/chart/issuer:A?resolution=week",
        "/api/movers?kind=planet",
        "/api/movers?window=year",
        "/api/movers?measure=1",
        "/api/heatmap?hours=0",
        "/api/posts?limit=0",
        "/api/posts?limit=201",
        "/api/posts?limit=ten",
        "/api/posts?limit=%D9%A3",
        "/api/posts?symbol=<script>",
        "/api/posts?symbol=" + "A" * 33,
        "/api/series/nonsense",
        "/api/series/issuer:" + "A" * 101,
        "/api/series/issuer:A%0A",
        "/api/series/issuer:A?hours=-1",
        "/api/series/issuer:A?hours=193",
        "/api/incidents?limit=1e3",
        "/api/incidents/a.b",
    ],
)
def test_what_is_not_understood_is_422_with_one_line_that_says_what_to_give(app: Starlette, path: str) -> None:
    answer = get(app, path)
    assert answer.status_code == 422
    assert "; give " in answer.json()["error"]
    assert "\n" not in answer.json()["error"]


@given(st.text(st.characters(codec="utf-8"), max_size=40), st.text(st.characters(codec="utf-8"), max_size=10))
def test_no_symbol_and_no_limit_makes_the_desk_fail(symbol: str, limit: str) -> None:
    app = create_app(MemoryTrends(), MemoryDocuments(), MemoryIncidents(), now=lambda: 0)
    query = str(httpx.QueryParams({"symbol": symbol, "limit": limit}))
    assert get(app, f"/api/posts?{query}").status_code in (200, 422)


@pytest.mark.parametrize("path", ["/", "/api/overview", "/static/desk.js", "/nowhere", "/api/posts?limit=0"])
def test_every_answer_carries_the_security_headers(app: Starlette, path: str) -> None:
    headers = get(app, path).headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("host", ["localhost:8642", "LOCALHOST", "127.0.0.1", "[::1]:8642"])
def test_loopback_names_are_served(app: Starlette, host: str) -> None:
    assert get(app, "/health", host).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "[::2]", "", "localhost.evil:8642"])
def test_another_host_name_is_refused(app: Starlette, host: str) -> None:
    assert get(app, "/api/overview", host).status_code == 421


def test_a_configured_host_name_is_served() -> None:
    app = create_app(MemoryTrends(), MemoryDocuments(), MemoryIncidents(), now=lambda: 0, hosts=["desk.example"])
    assert get(app, "/health", "desk.example:8642").status_code == 200
    assert get(app, "/health", "localhost").status_code == 421


def test_an_empty_desk_says_that_there_is_too_little() -> None:
    app = create_app(MemoryTrends(), MemoryDocuments(), MemoryIncidents(), now=lambda: 0)
    shown = get(app, "/api/overview").json()
    assert shown["market"]["state"] == "too_few"
    assert shown["movers"] == []
    assert shown["closed_ms"] is None


def test_the_overview_tells_how_many_companies_are_too_quiet_to_be_kept_apart() -> None:
    trends = MemoryTrends(series_kept=3)
    trends.count([doc(f"p{number}", vote(f"issuer:S{number}")) for number in range(9)])
    app = create_app(trends, MemoryDocuments(), MemoryIncidents(), now=lambda: 0)
    assert get(app, "/api/overview").json()["folded"] == trends.folded("issuer") > 0


class _Away(MemoryTrends):
    def busiest(self, kind: str, limit: int) -> list[tuple[str, int]]:
        raise ServerUnavailable("redis://127.0.0.1:1 does not answer; start it with `groundswell up`")

    def bands(self, series: str, limit: int) -> list[Band]:
        raise ServerUnavailable("redis://127.0.0.1:1 does not answer; start it with `groundswell up`")


@pytest.mark.parametrize("path", ["/health", "/api/overview", "/api/series/issuer:A"])
def test_a_store_that_is_away_is_503_and_says_what_to_do(path: str) -> None:
    app = create_app(_Away(), MemoryDocuments(), MemoryIncidents(), now=lambda: 0)
    answer = get(app, path)
    assert answer.status_code == 503
    assert "groundswell up" in answer.json()["error"]


def _hour(start_ms: int, score: float, posts: int = 20) -> ChartPoint:
    return ChartPoint(start_ms, posts, posts, 0, posts, 0, score * posts, posts)


def test_the_market_is_gloomier_only_below_the_usual_range_and_needs_history_to_say_so() -> None:
    now_ms = 100 * HOUR_MS
    calm = [_hour(h * HOUR_MS, 0.1 + 0.01 * (h % 5)) for h in range(97)]
    late = range(97, 101)
    assert market_mood([*calm, *(_hour(h * HOUR_MS, 0.12) for h in late)], now_ms).state == "usual"
    assert market_mood([*calm, *(_hour(h * HOUR_MS, -0.4) for h in late)], now_ms).state == "much_gloomier"
    assert market_mood([*calm, *(_hour(h * HOUR_MS, 0.6) for h in late)], now_ms).state == "much_brighter"
    assert market_mood([_hour(h * HOUR_MS, -0.4) for h in late], now_ms).state == "too_few"


async def _take(stream: AsyncIterator[bytes], events: int) -> list[tuple[str, object]]:
    taken: list[tuple[str, object]] = []
    async for chunk in stream:
        if chunk.startswith(b"event: "):
            name, _, data = chunk.decode().strip().partition("\ndata: ")
            taken.append((name.removeprefix("event: "), json.loads(data)))
        if len(taken) == events:
            break
    return taken


def test_events_bring_all_parts_at_first_and_then_only_what_changed() -> None:
    parts = {"a": b"1", "b": b"2"}

    async def listen() -> list[tuple[str, object]]:
        board = Board(lambda: dict(parts), period_s=0.01)
        board.enter()
        stream = board.stream()
        first = await _take(stream, 3)
        parts["b"] = b"3"
        return first + await asyncio.wait_for(_take(stream, 1), 2)

    assert asyncio.run(listen()) == [("a", 1), ("b", 2), ("trouble", None), ("b", 3)]


def test_a_fault_of_a_store_is_told_and_the_last_state_stays() -> None:
    def read() -> dict[str, bytes]:
        raise ServerUnavailable("redis is away; start it")

    async def listen() -> list[tuple[str, object]]:
        board = Board(read, period_s=0.01)
        board.enter()
        return await asyncio.wait_for(_take(board.stream(), 1), 2)

    assert asyncio.run(listen()) == [("trouble", "redis is away; start it")]


def test_no_more_pages_listen_than_allowed_and_a_place_given_back_is_free() -> None:
    async def fill_up() -> None:
        board = Board(dict, max_clients=2, period_s=0.01)
        board.enter()
        board.enter()
        with pytest.raises(Full):
            board.enter()
        board.leave()
        board.enter()

    asyncio.run(fill_up())


def test_a_page_that_is_closed_gives_its_place_to_another_and_one_too_many_is_told_so() -> None:
    app = create_app(MemoryTrends(), MemoryDocuments(), MemoryIncidents(), now=lambda: 0, max_clients=1, period_s=0.02)
    with serving(app) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=5) as client:
        for _ in range(3):
            with client.stream("GET", "/events") as listening:
                assert listening.status_code == 200
                lines = listening.iter_lines()  # held, for letting it go closes the stream
                assert next(lines) == "retry: 2000"
                refused = client.get("/events")
                assert refused.status_code == 503
                assert "close one" in refused.json()["error"]
            for _ in range(100):
                with client.stream("GET", "/events") as again:
                    if again.status_code == 200:
                        break
                time.sleep(0.02)
            assert again.status_code == 200
            time.sleep(0.2)
