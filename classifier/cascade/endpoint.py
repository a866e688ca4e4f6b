"""One attempt at an OpenAI-compatible `/chat/completions`: a request, a bounded answer, and what a failure means.

No retries, no money, no clock: those are `asker.py`'s.
"""

from collections.abc import Callable
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Annotated, NamedTuple, Protocol

import httpx
import msgspec

from classifier.errors import ClassifierError

_MOST_BYTES = 256 * 1024
_MOST_REST_S = 3600.0
_NOT_CHARGED = {500, 503}  # others of 5xx come from a gateway: what is behind it may have answered, and charge
_MAY_PASS = {408, 409, 425, 429}

Tokens = Annotated[int, msgspec.Meta(ge=0, le=10_000_000)]


class Reply(NamedTuple):
    """What the model said, and how many tokens were charged for; None where the endpoint does not tell."""

    content: str | None
    tokens_in: int | None
    tokens_out: int | None


class Failed(ClassifierError):
    """An attempt brought no reply. `charged`: it may still be charged for; `again`: another attempt may help."""

    def __init__(self, reason: str, *, charged: bool, again: bool, after_s: float | None = None) -> None:
        super().__init__(reason)
        self.charged, self.again, self.after_s = charged, again, after_s


class Endpoint(Protocol):
    """Something that answers questions."""

    def ask(self, body: bytes) -> Reply:
        """Send one request; raises Failed."""
        ...


class _Message(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    message: _Message


class _Usage(msgspec.Struct):
    prompt_tokens: Tokens
    completion_tokens: Tokens


class _Completion(msgspec.Struct):
    choices: list[_Choice]


class _Charged(msgspec.Struct):
    usage: _Usage


_COMPLETION, _CHARGED = msgspec.json.Decoder(_Completion), msgspec.json.Decoder(_Charged)


class HttpEndpoint:
    """An endpoint behind an address. `clock_s` is any rising clock in seconds."""

    def __init__(self, address: str, key: str | None, timeout_s: float, workers: int, clock_s: Callable[[], float]):
        base = address.rstrip("/")
        self._url = httpx.URL(base if base.endswith("/chat/completions") else f"{base}/chat/completions")
        self._headers = {"Content-Type": "application/json", "User-Agent": "groundswell", "Accept-Encoding": "identity"}
        if key is not None:
            self._headers["Authorization"] = f"Bearer {key}"
        self._timeout_s, self._clock_s = timeout_s, clock_s
        # A transport and no client: a client logs every URL and asks the environment for proxies; a transport never
        # follows a redirect, which would carry the key elsewhere.
        limits = httpx.Limits(max_connections=workers, max_keepalive_connections=workers)
        self._transport = httpx.HTTPTransport(trust_env=False, limits=limits)

    def ask(self, body: bytes) -> Reply:
        """See `Endpoint.ask`."""
        request = httpx.Request(
            "POST",
            self._url,
            content=body,
            headers=self._headers,
            extensions={"timeout": httpx.Timeout(self._timeout_s).as_dict()},
        )
        try:
            response = self._transport.handle_request(request)
            try:
                content = self._read(response) if response.status_code == 200 else b""
            finally:
                response.close()
        except (httpx.ConnectTimeout, httpx.ConnectError, httpx.PoolTimeout):
            raise Failed("cannot be reached", charged=False, again=True) from None
        except httpx.TimeoutException:
            raise Failed("no answer in time", charged=True, again=True) from None
        except httpx.HTTPError as error:
            # the error's own text may hold the address, so only its kind is told
            raise Failed(f"the connection broke ({type(error).__name__})", charged=True, again=True) from None
        if response.status_code != 200:
            raise _refusal(response)
        return _reply(content)

    def close(self) -> None:
        """Close the connections that were kept."""
        self._transport.close()

    def _read(self, response: httpx.Response) -> bytes:
        """Read the whole answer; the time-outs of a transport are between two bytes, this one is over all of them."""
        until_s, found = self._clock_s() + self._timeout_s, bytearray()
        for part in response.iter_raw():
            found += part
            if len(found) > _MOST_BYTES:
                raise Failed("its answer is too long", charged=True, again=False)
            if self._clock_s() > until_s:
                raise Failed("no answer in time", charged=True, again=True)
        return bytes(found)


def read_key(path: Path | None) -> str | None:
    """Return the secret in a file, or None without one; raises ClassifierError that never holds what is in it."""
    if path is None:
        return None
    try:
        key = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ClassifierError(f"cascade.key_file: {path} cannot be read; put the endpoint's key into it") from None
    if not (key.isascii() and key.isprintable() and key and " " not in key):
        raise ClassifierError(
            f"cascade.key_file: {path} holds no key; put the endpoint's key, and nothing else, into it"
        )
    return key


def _refusal(response: httpx.Response) -> Failed:
    status = response.status_code
    charged = status >= 500 and status not in _NOT_CHARGED
    after_s = _retry_after_s(response.headers)
    if 300 <= status < 400:
        return Failed(
            f"it answered {status}; redirects are not followed, set the final address", charged=False, again=False
        )
    if status in (401, 403):
        return Failed(f"it answered {status}; check cascade.key_file", charged=False, again=False)
    again = status in _MAY_PASS or status >= 500
    return Failed(f"it answered {status}", charged=charged, again=again, after_s=after_s)


def _retry_after_s(headers: httpx.Headers) -> float | None:
    """Return the seconds to wait by Retry-After (seconds, or a date beside the response's own), at most an hour."""
    value = headers.get("Retry-After")
    if value is None:
        return None
    if value.isascii() and value.isdigit():
        return min(float(value[:9]), _MOST_REST_S)
    try:
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, TypeError):
        return None
    return min(max(wait.total_seconds(), 0.0), _MOST_REST_S)


def _reply(content: bytes) -> Reply:
    """Read a completion; one that is none is a reply without content, and may have been charged for."""
    try:
        usage = _CHARGED.decode(content).usage
        charged: tuple[int | None, int | None] = (usage.prompt_tokens, usage.completion_tokens)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        charged = (None, None)
    try:
        choices = _COMPLETION.decode(content).choices
        said = choices[0].message.content if choices else None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        said = None
    return Reply(said, *charged)
