"""Server-sent events: one poller reads the stores about once a second while anybody looks, and each client gets the
parts that changed since it last looked. A slow client skips versions; nothing queues up for it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from stream.errors import ServerUnavailable

Parts = Mapping[str, bytes]
PERIOD_S = 1.0
KEEP_ALIVE_S = 15.0
MAX_CLIENTS = 32


class Full(Exception):
    """Too many clients already listen."""


class Board:
    """The latest parts of the page. `read` makes them from the stores, as JSON by name; it may block."""

    def __init__(self, read: Callable[[], Parts], max_clients: int = MAX_CLIENTS, period_s: float = PERIOD_S) -> None:
        self._read, self._max_clients, self._period_s = read, max_clients, period_s
        self._clients = 0
        self._parts: Parts = {}
        self._changed = asyncio.Event()
        self._poller: asyncio.Task[None] | None = None

    def enter(self) -> None:
        """Takes a place for one client, to be given back with `leave`; `Full` where there is none."""
        if self._clients >= self._max_clients:
            raise Full
        self._clients += 1
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll())

    def leave(self) -> None:
        """Gives the place back; the poller rests when nobody looks."""
        self._clients -= 1

    async def stream(self) -> AsyncIterator[bytes]:
        """Events for one client, without end: at first all parts, then those that changed."""
        known: dict[str, bytes] = {}
        yield b"retry: 2000\n\n"
        while True:
            changed = self._changed
            for name, body in self._parts.items():
                if known.get(name) != body:
                    known[name] = body
                    yield b"event: " + name.encode() + b"\ndata: " + body + b"\n\n"
            try:
                await asyncio.wait_for(changed.wait(), KEEP_ALIVE_S)
            except TimeoutError:
                yield b": still here\n\n"

    def response(self) -> Response:
        """The answer to a client that has entered; however it ends, its place is given back."""
        return _Events(self)

    async def _poll(self) -> None:
        while self._clients:
            parts = await run_in_threadpool(self._read_or_trouble)
            if parts != self._parts:
                self._parts = parts
                changed, self._changed = self._changed, asyncio.Event()
                changed.set()
            await asyncio.sleep(self._period_s)

    def _read_or_trouble(self) -> Parts:
        try:
            return {**self._read(), "trouble": b"null"}
        except ServerUnavailable as error:
            return {**self._parts, "trouble": msgspec.json.encode(str(error))}


class _Events(StreamingResponse):
    def __init__(self, board: Board) -> None:
        super().__init__(board.stream(), media_type="text/event-stream")
        self._board = board

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._board.leave()
