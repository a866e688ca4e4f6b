"""What stands before the desk: only known Host names are served (a page on another name could otherwise read the desk
through DNS rebinding), and every answer carries security headers. Who a visitor is, nobody asks: the desk is local.
"""

from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
HEADERS = {
    "content-security-policy": "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """ASGI middleware; `hosts` are names without a port."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str] = LOOPBACK) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        if _host_name(Headers(scope=scope).get("host", "")) in self._hosts:
            await self._app(scope, receive, send_guarded)
            return
        refusal = PlainTextResponse("unknown host; open the desk by its own name or set desk.hosts\n", status_code=421)
        await refusal(scope, receive, send_guarded)


def _host_name(host: str) -> str:
    """The Host header without its port: `[::1]:8642` is `[::1]`."""
    host = host.lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]
