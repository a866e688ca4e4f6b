"""The desk as a web application: routes, their parameters, and the page's files. What is shown is made in `views`, live
events in `live`; stores are passed in and their synchronous calls run in threads.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from alerts.incidents import IncidentStore
from alerts.rules import Rule
from classifier.labels import topics
from stream.desk import views
from stream.desk.guard import LOOPBACK, Guard
from stream.desk.live import Board, Full
from stream.errors import ServerUnavailable
from stream.movers import Measure, Window, heat_map, movers
from stream.stores.protocols import DocumentStore, Resolution, Span, TrendStore
from stream.times import HOUR_MS

STATIC = Path(__file__).parent / "static"
FEED = 40
INCIDENTS = 20

_Word = TypeVar("_Word", bound=str)
_KINDS = ("issuer", "topic", "issuer_topic", "sector", "source", "market")
_RESOLUTIONS: tuple[Resolution, ...] = ("hour", "5m", "day")
_WINDOWS: tuple[Window, ...] = ("day", "hour")
_MEASURES: tuple[Measure, ...] = ("negative", "net")
_SERIES = re.compile(r"(issuer|topic|issuer_topic|sector|source|market):[^\s\x00-\x1f]{1,100}")
_SYMBOL = re.compile(r"[A-Za-z0-9.\-]{1,32}")
_ID = re.compile(r"[A-Za-z0-9_\-]{1,64}")


def create_app(
    trends: TrendStore,
    documents: DocumentStore,
    incidents: IncidentStore,
    *,
    now: Callable[[], int],
    rules: Sequence[Rule] = (),
    names: Mapping[str, tuple[str, str]] | None = None,
    hosts: Iterable[str] = LOOPBACK,
    max_clients: int = 32,
    period_s: float = 1.0,
) -> Starlette:
    """The desk over these stores.

    `now` gives the time of the stream in ms (the record clock's in a demo), `rules` are those in force, `names` a
    company's English and Chinese name by symbol, `hosts` the names under which the desk may be opened, `max_clients`
    how many pages may listen.
    """
    desk = views.Desk(trends, documents, incidents, tuple(rules))
    words = msgspec.json.encode(views.words(topics(), names or {}))

    def read() -> dict[str, bytes]:
        return {
            "overview": msgspec.json.encode(views.overview(desk, now())),
            "posts": msgspec.json.encode(views.posts(desk, FEED)),
            "incidents": msgspec.json.encode(views.incidents(desk, INCIDENTS)),
        }

    board = Board(read, max_clients, period_s)

    async def page(_request: Request) -> Response:
        return FileResponse(STATIC / "index.html", headers={"cache-control": "no-cache"})

    async def get_words(_request: Request) -> Response:
        return Response(words, media_type="application/json")

    async def get_overview(_request: Request) -> Response:
        return _json(await run_in_threadpool(views.overview, desk, now()))

    async def get_series(request: Request) -> Response:
        series = _matched(request.path_params["series"], _SERIES, "series", "kind:key, such as issuer:ABCD")
        hours = _whole(request, "hours", 24, 192)
        return _json(await run_in_threadpool(views.series_view, desk, series, hours, now()))

    async def get_chart(request: Request) -> Response:
        series = _matched(request.path_params["series"], _SERIES, "series", "kind:key, such as issuer:ABCD")
        resolution = _one_of(request, "resolution", _RESOLUTIONS)
        start_ms = now() - _whole(request, "hours", 24, 19_200) * HOUR_MS
        points = await run_in_threadpool(trends.chart, series, resolution, start_ms, now() + 1)
        return _json([point._asdict() for point in points])

    async def get_movers(request: Request) -> Response:
        kind = _one_of(request, "kind", _KINDS)
        window = _one_of(request, "window", _WINDOWS)
        measure = _one_of(request, "measure", _MEASURES)
        limit = _whole(request, "limit", 10, 100)
        return _json(await run_in_threadpool(movers, trends, kind, now(), window, measure, limit))

    async def get_heat_map(request: Request) -> Response:
        span = Span("hour", now() - _whole(request, "hours", 24, 192) * HOUR_MS, now() + 1)
        return _json(await run_in_threadpool(heat_map, trends, span, _whole(request, "limit", 20, 100)))

    async def get_posts(request: Request) -> Response:
        symbol = request.query_params.get("symbol")
        if symbol is not None:
            symbol = _matched(symbol, _SYMBOL, "symbol", "letters, digits, dots and dashes, at most 32")
        return _json(await run_in_threadpool(views.posts, desk, _whole(request, "limit", FEED, 200), symbol))

    async def get_incidents(request: Request) -> Response:
        return _json(await run_in_threadpool(views.incidents, desk, _whole(request, "limit", INCIDENTS, 100)))

    async def get_incident(request: Request) -> Response:
        wanted = _matched(request.path_params["id"], _ID, "id", "an incident's id")
        found = await run_in_threadpool(incidents.get, wanted)
        if found is None:
            raise HTTPException(404, f"no incident {wanted}")
        return _json(found)

    async def get_events(_request: Request) -> Response:
        try:
            board.enter()
        except Full:
            raise HTTPException(503, f"{max_clients} pages listen already; close one") from None
        return board.response()

    async def get_health(_request: Request) -> Response:
        await run_in_threadpool(trends.busiest, "issuer", 1)
        return _json({"status": "ok"})

    return Starlette(
        routes=[
            Route("/", page),
            Route("/health", get_health),
            Route("/events", get_events),
            Route("/api/words", get_words),
            Route("/api/overview", get_overview),
            Route("/api/series/{series}", get_series),
            Route("/api/chart/{series}", get_chart),
            Route("/api/movers", get_movers),
            Route("/api/heatmap", get_heat_map),
            Route("/api/posts", get_posts),
            Route("/api/incidents", get_incidents),
            Route("/api/incidents/{id}", get_incident),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[Middleware(Guard, hosts=tuple(hosts))],
        exception_handlers={HTTPException: _refused, ServerUnavailable: _unavailable},
    )


def server(app: Starlette, host: str = "127.0.0.1", port: int = 8642) -> uvicorn.Server:
    """A server for the desk, to be run with `await server.serve()`; port 0 takes a free one."""
    # pages keep a connection open for events: do not wait for them when the server is asked to stop
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=1,
            lifespan="off",
        )
    )


def _json(value: object) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")


def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return Response(
        msgspec.json.encode({"error": error.detail}), status_code=error.status_code, media_type="application/json"
    )


def _unavailable(_request: Request, error: Exception) -> Response:
    return Response(msgspec.json.encode({"error": str(error)}), status_code=503, media_type="application/json")


def _matched(text: str, pattern: re.Pattern[str], name: str, expected: str) -> str:
    if not pattern.fullmatch(text):
        raise HTTPException(422, f"{name} is not understood; give {expected}")
    return text


def _one_of(request: Request, name: str, known: tuple[_Word, ...]) -> _Word:
    """A parameter that is one of a few words; the first is the default."""
    text = request.query_params.get(name, known[0])
    for word in known:
        if word == text:
            return word
    raise HTTPException(422, f"{name} is not understood; give one of {', '.join(known)}")


def _whole(request: Request, name: str, default: int, most: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and 1 <= int(text) <= most):
        raise HTTPException(422, f"{name} is not understood; give a whole number from 1 to {most}")
    return int(text)
