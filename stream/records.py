"""The records that travel: post, opinion, dead letter, progress marker, and their JSON. Strict: an error names the
field. Cleaning of what is inside the fields lives in `cleaning`; the alert is the alerts room's own.
"""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from stream.errors import RecordRefused

MAX_MESSAGE_BYTES = 256 * 1024  # 20,000 characters of four bytes, escaped, with room for the rest
MAX_TEXT = 20_000

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Symbol = Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
Kind = Literal["news", "social", "filing", "research"]
Label = Literal["negative", "neutral", "positive"]
LABELS: tuple[Label, Label, Label] = ("negative", "neutral", "positive")


class RawPost(msgspec.Struct, frozen=True):
    """A post as somebody sent it: typed and bounded, not yet cleaned. Unknown fields are dropped."""

    source: Name
    published_at: datetime
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=10 * MAX_TEXT)]
    id: Id | None = None
    native_id: Id | None = None
    kind: Kind | None = None
    received_at: datetime | None = None
    title: Annotated[str, msgspec.Meta(max_length=1000)] | None = None
    lang: Annotated[str, msgspec.Meta(max_length=35)] | None = None
    url: Annotated[str, msgspec.Meta(max_length=2000)] | None = None
    author: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    followers: Annotated[int, msgspec.Meta(ge=0, le=2**53)] | None = None
    is_repost: bool | None = None
    symbols: Annotated[list[Symbol], msgspec.Meta(max_length=100)] | None = None
    targets: Annotated[list[Name], msgspec.Meta(max_length=20)] | None = None


class Post(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A clean post. Times are canonical text (`times.format_ms`); `author` is an HMAC."""

    id: str
    source: str
    kind: Kind
    published_at: str
    received_at: str
    text: str
    title: str | None = None
    lang: str | None = None
    url: str | None = None
    author: str | None = None
    followers: int | None = None
    is_repost: bool | None = None
    symbols: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()


class Sentiment(msgspec.Struct, frozen=True):
    """Calibrated probabilities; `score` = P(positive) - P(negative), in [-1, 1]."""

    label: Label
    score: float
    probabilities: dict[str, float]


class TopicScore(msgspec.Struct, frozen=True):
    """A topic of the taxonomy and its probability."""

    id: str
    probability: float


def label_of(label: str) -> Label:
    """A classifier's label as a record's; ValueError where it is none."""
    return LABELS[LABELS.index(label)]


class EntitySentiment(msgspec.Struct, frozen=True):
    """What a text feels about one entity."""

    label: Label
    score: float


class Entity(msgspec.Struct, frozen=True, omit_defaults=True):
    """A company a text is about; `start` and `end` are character offsets into `text`, null for a source's tag.

    `relevance` says in [0, 1] how much the text is about it; opinions of before it was told have none.
    """

    symbol: str | None
    name: str | None
    market: str | None
    start: int | None
    end: int | None
    reason: str
    confidence: float
    sentiment: EntitySentiment
    relevance: float | None = None


class Story(msgspec.Struct, frozen=True):
    """Near-duplicates share an id; `novelty` 1 = first seen; `size` counts the members known then."""

    id: str
    novelty: float
    size: int


class ModelRef(msgspec.Struct, frozen=True):
    """The model that judged."""

    id: str
    version: str
    digest: str


class Opinion(Post, frozen=True, omit_defaults=True, kw_only=True):
    """A post and what was made of it (see contracts: Opinion)."""

    language: str
    sentiment: Sentiment
    topics: tuple[TopicScore, ...]
    entities: tuple[Entity, ...]
    story: Story
    model: ModelRef
    classified_at: str


MARKER_HEADER = "groundswell-marker"


class Marker(msgspec.Struct, frozen=True):
    """Progress: every post of this partition received before `before_ms` (milliseconds) has gone by."""

    before_ms: int


class Message(msgspec.Struct, frozen=True):
    """One message of a log, Kafka's or an in-memory one. `timestamp_ms` is the broker's."""

    value: bytes | None
    topic: str = ""
    partition: int = 0
    offset: int = 0
    timestamp_ms: int = 0
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()

    def header(self, name: str) -> bytes | None:
        """The first header of that name."""
        return next((value for key, value in self.headers if key == name), None)


class DeadLetter(msgspec.Struct, frozen=True):
    """A refused message, whole, and why it was refused."""

    message: Message
    stage: str
    error: str
    reason: str
    attempt: int = 1


_RAW = msgspec.json.Decoder(RawPost)
_OPINION = msgspec.json.Decoder(Opinion)
_MARKER = msgspec.json.Decoder(Marker)
_ENCODER = msgspec.json.Encoder()


def decode_raw_post(value: bytes) -> RawPost:
    """One JSON object as a `RawPost`; `RecordRefused` says which field is wrong."""
    if len(value) > MAX_MESSAGE_BYTES:
        raise RecordRefused("oversized", f"{len(value)} bytes; at most {MAX_MESSAGE_BYTES} are taken")
    try:
        return _RAW.decode(value)
    except msgspec.ValidationError as error:
        raise RecordRefused("wrong_type", str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecordRefused("undecodable", str(error) or type(error).__name__) from None


def decode_opinion(value: bytes) -> Opinion:
    """One JSON object as an `Opinion`; `RecordRefused` says which field is wrong."""
    try:
        return _OPINION.decode(value)
    except msgspec.ValidationError as error:
        raise RecordRefused("wrong_type", str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecordRefused("undecodable", str(error) or type(error).__name__) from None


def decode_marker(value: bytes | None) -> Marker:
    """A progress marker; `RecordRefused` where it is none."""
    try:
        return _MARKER.decode(value or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RecordRefused("undecodable", f"marker: {error}") from None


def encode(record: Post | Opinion | Marker) -> bytes:
    """A record as JSON; the same record always gives the same bytes."""
    return _ENCODER.encode(record)
