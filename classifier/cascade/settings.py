"""What a user says of a large model to ask: the table `[cascade]` of the settings. Asks nothing."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec

Price = Annotated[float, msgspec.Meta(ge=0, le=1e6)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
Seconds = Annotated[float, msgspec.Meta(gt=0)]

_NEEDED = {
    "model": "the name that the endpoint knows it by",
    "price_in": "money per million tokens read",
    "price_out": "money per million tokens written",
    "daily_budget": "money that a day may cost at most",
}


class CascadeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Off while `endpoint` is empty. `endpoint` is the base address of an OpenAI-compatible API (`…/v1`).

    A text is asked where the model's confidence is under `confidence_below`, and its author has `followers_from`
    followers, or one of its companies is on the `watchlist` or, with `surges`, in an incident in progress.
    `price_in` and `price_out` are money per million tokens, `daily_budget` is money a day (UTC), all in `currency`.
    `key_file` holds the secret. One attempt may take `timeout_s`, a batch of posts waits `batch_s` for all its answers.
    """

    endpoint: str = ""
    model: str = ""
    key_file: Path | None = None
    price_in: Price | None = None
    price_out: Price | None = None
    daily_budget: Annotated[float, msgspec.Meta(gt=0, le=1e9)] | None = None
    currency: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$")] = "USD"
    confidence_below: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.6
    followers_from: Annotated[int, msgspec.Meta(ge=0)] | None = 10_000
    watchlist: tuple[str, ...] = ()
    surges: bool = True
    max_characters: Positive = 2000
    max_tokens: Positive = 100
    timeout_s: Seconds = 10.0
    batch_s: Seconds = 5.0
    retries: Annotated[int, msgspec.Meta(ge=0, le=10)] = 2
    workers: Annotated[int, msgspec.Meta(ge=1, le=256)] = 8
    failures_to_rest: Positive = 5
    rest_s: Seconds = 30.0
    cache_days: Positive = 7

    def __post_init__(self) -> None:
        if not self.endpoint:
            return
        missing = [name for name in _NEEDED if getattr(self, name) in (None, "")]
        if missing:
            what = ", ".join(f"cascade.{name} ({_NEEDED[name]})" for name in missing)
            raise ValueError(f"the cascade has an endpoint and no {what}; set it, or leave out cascade.endpoint")
        _check(self.endpoint)

    def __repr__(self) -> str:
        return f"CascadeSettings(endpoint={self.host!r}, model={self.model!r}, key_file='***')"

    @property
    def host(self) -> str:
        """Return the endpoint's host and port: all of its address that is ever shown."""
        return urlsplit(self.endpoint).netloc.rpartition("@")[2]


def _check(endpoint: str) -> None:
    """Refuse an address that is none, or holds a secret; the secret is never part of what is said."""
    try:
        parts = urlsplit(endpoint)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine:
        raise ValueError("cascade.endpoint is no address; give one such as https://llm.example/v1")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise ValueError("cascade.endpoint must be a plain address; put the key into a file and name it in key_file")
