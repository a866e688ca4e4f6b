"""Records of the alerts room: votes in, alerts out. An alert is a pure function of the opinions known at its minute,
so nothing here knows the wall clock; what joins later (track record, price move) belongs to the incident.
"""

import hashlib
from datetime import UTC, datetime
from typing import Literal

import msgspec

EventKind = Literal["fired", "escalated", "resolved"]
Severity = Literal["warning", "major", "critical"]
MeasureKey = Literal["negative_share", "volume", "silence", "breakout", "lag", "mix", "companies"]
SeriesKind = Literal["issuer", "topic", "issuer_topic", "sector", "source", "market"]


class Evidence(msgspec.Struct, frozen=True):
    """One post shown with an alert. `score` is P(positive) - P(negative); `why` says why it was chosen."""

    id: str
    story: str
    source: str
    published_at: str
    received_at: str
    text: str
    score: float
    why: str
    url: str | None = None
    author: str | None = None


class RuleRef(msgspec.Struct, frozen=True):
    """The rule that fired; `version` is a digest of its content."""

    id: str
    version: str


class SeriesRef(msgspec.Struct, frozen=True):
    """The series that moved; an issuer's key is its primary listing's symbol."""

    kind: SeriesKind
    key: str
    listings: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As series are named elsewhere: `issuer:ABCD`."""
        return f"{self.kind}:{self.key}"


class Measured(msgspec.Struct, frozen=True):
    """What the detector saw in the window that decided (`window_minutes`, ending at `evaluated_at`).

    `negatives` and `total` are votes (independent stories), `stories` those of the window that are negative,
    `posts` all posts behind them, `expected` the usual number of negatives with its 80 % interval, `share` and
    `usual_share` negatives per vote, `score` the calibrated -log10 tail probability, `key` the measure that decided.
    Where that is `companies` (a market incident), `negatives` are companies that fired and `total` those watched.
    `volume`: `stories` are all those of the window, `expected` is the usual number of votes.
    `silence`: the window is the silence, before the post that ends it; `expected` is how many votes it should have had.
    `lag`: `negatives` are posts that came late, among all posts (`total`).
    `mix`: `negatives` are votes of the topic, whatever their mood, among all of the company (`total`).
    `breakout`: `negatives` and `total` are posts of the story, `score` is how many independent sources told it at most
    and `threshold` how many are asked for, the window is from the first to the last of them; nothing is expected.
    """

    negatives: int
    total: int
    stories: int
    posts: int
    stale: int
    expected: float
    expected_low: int
    expected_high: int
    share: float
    usual_share: float
    score: float
    threshold: float
    key: MeasureKey
    window_minutes: int


class Driver(msgspec.Struct, frozen=True):
    """One contributor and its share of the window's negative votes, in [0, 1]."""

    id: str
    share: float


class Drivers(msgspec.Struct, frozen=True):
    """Who moved the series: each list's shares sum to 1, the last entry may be `other`. `companies` are told of series
    wider than one company, `other` being those beside and voices that name none."""

    topics: tuple[Driver, ...]
    sources: tuple[Driver, ...]
    stories: tuple[Driver, ...]
    companies: tuple[Driver, ...] = ()


class Member(msgspec.Struct, frozen=True):
    """A company in a market incident: its symbol, and its own incident."""

    key: str
    incident: str


class Alert(msgspec.Struct, frozen=True):
    """One event of an incident, as sent to `groundswell.alerts` (see contracts: Alert).

    `parent` is the wider incident that held it when it fired. `members` are the companies of a market incident so far,
    in the order in which they fired, at most `alerts.market_alert.MEMBERS_SHOWN`; empty for all others. `told_by` is
    the narrower incident whose surge this is, and which has told it at least as severely (`alerts.nested`).
    """

    incident: str
    id: str
    event: EventKind
    rule: RuleRef
    series: SeriesRef
    parent: str | None
    bucket_start: str
    evaluated_at: str
    severity: Severity
    measured: Measured
    evidence: tuple[Evidence, ...]
    drivers: Drivers
    members: tuple[Member, ...] = ()
    told_by: str | None = None


def utc_text(ms: int) -> str:
    """RFC 3339 in UTC with milliseconds for milliseconds since 1970."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def digest_of(*parts: str) -> str:
    """Twenty hexadecimal digits that stand for these parts in this order."""
    return hashlib.blake2b("\x00".join(parts).encode(), digest_size=10).hexdigest()


def encode_alert(alert: Alert) -> bytes:
    """The alert as JSON; the same alert always gives the same bytes."""
    return _ENCODER.encode(alert)


def decode_alert(raw: bytes) -> Alert:
    """An alert from JSON; `msgspec.ValidationError` names the field that is wrong."""
    return _DECODER.decode(raw)


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Alert)
