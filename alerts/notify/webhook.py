"""Alerts as signed JSON to a URL. The URL comes from the operator's settings and is trusted as such, so loopback and
private addresses are allowed; what people enter elsewhere must never reach this channel unchecked.
"""

import hashlib
import hmac
from collections.abc import Callable
from email.utils import parsedate_to_datetime

import httpx
import msgspec

from alerts.errors import ChannelError, DeliveryFailed
from alerts.events import Alert
from alerts.message import Message

SIGNATURE = "X-Groundswell-Signature"
TIMESTAMP = "X-Groundswell-Timestamp"
TIMEOUT_S = 10.0
MAX_RETRY_AFTER_S = 7 * 86_400.0
_RECOVERABLE = {408, 425, 429}


class Body(msgspec.Struct, frozen=True):
    """What is posted: the alert whole, and the message as people read it."""

    alert: Alert
    message: Message


class Webhook:
    """Posts to one URL. Any 2xx confirms; redirects are not followed; `now_s` gives seconds since 1970."""

    def __init__(
        self, *, name: str, url: str, secret: str, now_s: Callable[[], float], timeout_s: float = TIMEOUT_S
    ) -> None:
        self.name = name
        self._url = _checked(name, url)
        self._secret = secret
        self._now_s = now_s
        self._timeout = httpx.Timeout(timeout_s).as_dict()
        # A transport and no client: a client logs every URL, which may carry a token, and asks the environment for
        # proxies; a transport never follows a redirect.
        self._transport = httpx.HTTPTransport(trust_env=False)

    def send(self, message: Message, alert: Alert) -> None:
        """See `Channel.send`."""
        body = msgspec.json.encode(Body(alert, message))
        timestamp = str(int(self._now_s()))
        request = httpx.Request(
            "POST",
            self._url,
            content=body,
            headers={
                "Content-Type": "application/json",
                "User-Agent": "groundswell",
                TIMESTAMP: timestamp,
                SIGNATURE: sign(self._secret, timestamp, body),
            },
            extensions={"timeout": self._timeout},
        )
        try:
            response = self._transport.handle_request(request)
            response.close()
        except httpx.TimeoutException:
            raise DeliveryFailed(f"webhook {self.name}: no answer in time", recoverable=True) from None
        except httpx.TransportError as error:
            # the error's own text may hold the address, so only its kind is told
            raise DeliveryFailed(f"webhook {self.name}: {type(error).__name__}", recoverable=True) from None
        self._judge(response)

    def close(self) -> None:
        """Closes the connections that were kept."""
        self._transport.close()

    def _judge(self, response: httpx.Response) -> None:
        status = response.status_code
        if 200 <= status < 300:
            return
        if 300 <= status < 400:
            raise DeliveryFailed(
                f"webhook {self.name}: answered {status}; redirects are not followed, set the final URL",
                recoverable=False,
            )
        raise DeliveryFailed(
            f"webhook {self.name}: answered {status}",
            recoverable=status in _RECOVERABLE or status >= 500,
            retry_after_s=_retry_after_s(response.headers.get("Retry-After"), self._now_s()),
        )


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """`sha256=` and the HMAC-SHA-256 of `timestamp.body` in hexadecimal. A receiver computes the same, compares in
    constant time, and refuses old timestamps."""
    return "sha256=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _checked(name: str, url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        raise ChannelError(f"webhook {name}: its url is no URL") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ChannelError(f"webhook {name}: its url must begin with http:// or https:// and name a host")
    return parsed


def _retry_after_s(value: str | None, now_s: float) -> float | None:
    """Seconds to wait by a Retry-After header (seconds or an HTTP date), at most a week; None if it says nothing."""
    if value is None:
        return None
    if value.isascii() and value.isdigit():
        wait_s = float(value[:9])
    else:
        try:
            wait_s = parsedate_to_datetime(value).timestamp() - now_s
        except (ValueError, OverflowError):
            return None
    return min(max(wait_s, 0.0), MAX_RETRY_AFTER_S)
