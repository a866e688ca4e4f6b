"""Receivers to try channels against: a real HTTP server and a real SMTP sink on loopback, both scripted, and a channel
that keeps what it is given. For tests and rehearsals; nothing here belongs in a service.
"""

import socketserver
import threading
from collections.abc import Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import NamedTuple, Self

from alerts.errors import DeliveryFailed
from alerts.events import Alert
from alerts.message import Message


class Answer(NamedTuple):
    """What the HTTP receiver says to one request."""

    status: int
    headers: Mapping[str, str] = {}


class Request(NamedTuple):
    """What the HTTP receiver got; header names are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class Mail(NamedTuple):
    """What the SMTP sink got; `login` is the decoded AUTH PLAIN or empty."""

    sender: str
    recipients: tuple[str, ...]
    data: bytes
    login: str


class _Server:
    """A threading server on a free port of 127.0.0.1, up between enter and exit."""

    def __init__(self, server: socketserver.TCPServer) -> None:
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.port: int = server.server_address[1]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class HttpReceiver(_Server):
    """Records every request and gives the scripted answers in order, then 204. `url` is where to post."""

    def __init__(self, answers: Iterable[Answer] = ()) -> None:
        self.requests: list[Request] = []
        script = iter(tuple(answers))
        requests = self.requests

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                requests.append(Request(self.path, headers, body))
                answer = next(script, Answer(204))
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        super().__init__(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        self.url = f"http://127.0.0.1:{self.port}/hook"


class SmtpSink(_Server):
    """Takes mail as RFC 5321 has it, without TLS. `script` maps a command (`RCPT`, `AUTH`, `DATA` for the end of the
    data) to its answers in order; after them, and for all else, it says yes."""

    def __init__(self, script: Mapping[str, Iterable[str]] | None = None) -> None:
        self.mails: list[Mail] = []
        answers = {command: iter(tuple(lines)) for command, lines in (script or {}).items()}
        mails = self.mails

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self._sender, self._recipients, self._login = "", list[str](), ""
                self._say("220 sink")
                while line := self.rfile.readline().decode("ascii", "replace").rstrip("\r\n"):
                    command, _, rest = line.partition(" ")
                    if not self._take(command.upper(), rest):
                        return

            def _take(self, command: str, rest: str) -> bool:
                if command == "EHLO":
                    self._say("250-sink", "250-AUTH PLAIN", "250 8BITMIME")
                elif command == "AUTH":
                    self._login = rest.partition(" ")[2]
                    self._say(next(answers.get("AUTH", iter(())), "235 yes"))
                elif command == "MAIL":
                    self._sender, self._recipients = _address(rest), []
                    self._say("250 yes")
                elif command == "RCPT":
                    self._recipients.append(_address(rest))
                    self._say(next(answers.get("RCPT", iter(())), "250 yes"))
                elif command == "DATA":
                    self._say("354 go on")
                    self._keep(self._data())
                elif command == "QUIT":
                    self._say("221 bye")
                else:
                    self._say("250 yes" if command in ("RSET", "NOOP", "HELO") else "502 unknown")
                return command != "QUIT"

            def _data(self) -> bytes:
                lines = []
                while (line := self.rfile.readline()) not in (b".\r\n", b""):
                    lines.append(line[1:] if line.startswith(b".") else line)
                return b"".join(lines)

            def _keep(self, data: bytes) -> None:
                answer = next(answers.get("DATA", iter(())), "250 kept")
                if answer.startswith("2"):
                    mails.append(Mail(self._sender, tuple(self._recipients), data, self._login))
                self._say(answer)

            def _say(self, *lines: str) -> None:
                self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())

        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        super().__init__(server)


class ScriptedChannel:
    """Raises its faults in order, then takes everything into `taken`."""

    def __init__(self, name: str, faults: Iterable[Exception | None] = ()) -> None:
        self.name = name
        self.taken: list[tuple[Message, Alert]] = []
        self._faults = iter(tuple(faults))

    def send(self, message: Message, alert: Alert) -> None:
        """See `Channel.send`."""
        fault = next(self._faults, None)
        if fault is not None:
            raise fault
        self.taken.append((message, alert))


def busy(retry_after_s: float | None = None) -> DeliveryFailed:
    """A fault that may pass."""
    return DeliveryFailed("busy", recoverable=True, retry_after_s=retry_after_s)


def refused() -> DeliveryFailed:
    """A fault that stays."""
    return DeliveryFailed("refused", recoverable=False)


def _address(rest: str) -> str:
    return rest.partition("<")[2].partition(">")[0]
