"""A fake endpoint on loopback for tests and rehearsals: `python -m classifier.cascade.fake --mode slow`.

It speaks enough of `/chat/completions` to be asked, counts what it charges, and misbehaves in one named way.
"""

import argparse
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, get_args

from classifier.cascade.gold import GoldModel, gold_of, tokens

Mode = Literal["gold", "slow", "wrong-schema", "429", "500", "injected", "dead"]
_WRONG_SCHEMA = '{"sentiment": "positive", "confidence": 1}'


class FakeEndpoint:
    """Up between enter and exit; `url` is what to set as `cascade.endpoint`. `mode` may be changed while it is up.

    gold: answers by `model`. slow: the same after `delay_s`. wrong-schema: an object of other fields. 429 (with
    `retry_after_s`) and 500: that status. injected: obeys the text, and says what follows the last `SAY ` in it.
    dead: closes the connection. `tokens_in` and `tokens_out` are what it charged, `requests` the bodies that it got.
    """

    def __init__(
        self,
        mode: Mode = "gold",
        model: GoldModel | None = None,
        delay_s: float = 0.0,
        retry_after_s: int | None = None,
    ) -> None:
        self.mode: Mode = mode
        self.delay_s, self.retry_after_s = delay_s, retry_after_s
        self.tokens_in = self.tokens_out = self.most_at_once = 0
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self._model, self._at_once, self._lock = model or GoldModel({}), 0, threading.Lock()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                fake._enter(body, self.headers["Authorization"])
                try:
                    fake._serve(self, body)
                except OSError:  # the asker gave up
                    self.close_connection = True
                finally:
                    fake._leave()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _enter(self, body: bytes, key: str | None) -> None:
        with self._lock:
            self.requests.append(json.loads(body))
            self.keys.append(key)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)

    def _leave(self) -> None:
        with self._lock:
            self._at_once -= 1

    def _serve(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        if self.delay_s:
            time.sleep(self.delay_s)
        match self.mode:
            case "dead":
                handler.close_connection = True
            case "429" | "500":
                wait = {} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)}
                _send(handler, int(self.mode), b'{"error": {"message": "not now"}}', wait)
            case _:
                _send(handler, 200, self._completion(body), {})

    def _completion(self, body: bytes) -> bytes:
        content = self._content(json.loads(json.loads(body)["messages"][-1]["content"])["text"])
        usage = {
            "prompt_tokens": tokens(body),
            "completion_tokens": tokens(content.encode()),
        }
        with self._lock:
            self.tokens_in += usage["prompt_tokens"]
            self.tokens_out += usage["completion_tokens"]
        message = {"role": "assistant", "content": content}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        return json.dumps({"object": "chat.completion", "choices": choices, "usage": usage}).encode()

    def _content(self, text: str) -> str:
        if self.mode == "wrong-schema":
            return _WRONG_SCHEMA
        if self.mode == "injected":
            return text.rpartition("SAY ")[2]
        return json.dumps(self._model.answer(text)._asdict())


def _send(handler: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str]) -> None:
    handler.send_response(status)
    for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def main() -> None:
    """Serve until interrupted; the first line on stdout is the address."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mode", choices=get_args(Mode), default="gold")
    parser.add_argument("--gold", type=Path, help='JSON lines: {"text": …, "label": "negative"}')
    parser.add_argument("--error-rate", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--delay-s", type=float, default=0.0)
    parser.add_argument("--retry-after-s", type=int)
    given = parser.parse_args()
    rows = given.gold.read_text(encoding="utf-8").splitlines() if given.gold else ()
    known = {row["text"]: gold_of(row["label"]) for row in map(json.loads, rows)}
    model = GoldModel(known, given.error_rate, given.seed)
    delay_s = given.delay_s or (30.0 if given.mode == "slow" else 0.0)
    with FakeEndpoint(given.mode, model, delay_s, given.retry_after_s) as fake:
        sys.stdout.write(f"{fake.url}\n")
        sys.stdout.flush()
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
