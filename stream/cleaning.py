"""Cleaning of one post: text, times, kind, id, language, author. Pure; secrets and configured sources are passed in.
Shape and bounds of the record are `records`' business; what the text means is the classifier's.
"""

import hashlib
import hmac
import re
import sys
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec
import py3langid

from stream.errors import RecordRefused
from stream.records import MAX_TEXT, Kind, Post, RawPost
from stream.times import DAY_MS, HOUR_MS, datetime_ms, format_ms

FUTURE_TOLERANCE_MS = 5 * 60_000


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is configured about one source. `usual_lag_p99_s` is the 99th percentile of received - published.

    `family` is the house that prints it: a wire and its reprints are one voice. Where anybody writes there is none.
    """

    kind: Kind = "social"
    time_zone: str | None = None
    usual_lag_p99_s: int = 3600
    family: str = ""

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.time_zone or "UTC")
        except (KeyError, ValueError, OSError):
            raise ValueError(f"time_zone '{self.time_zone}' is no IANA zone, such as Asia/Shanghai") from None


DEFAULT_SOURCE = Source()
Sources = Mapping[str, Source]


def _class_of(categories: frozenset[str], keep: str) -> str:
    points = (c for c in range(sys.maxunicode + 1) if unicodedata.category(chr(c)) in categories and chr(c) not in keep)
    return "[" + "".join(re.escape(chr(c)) for c in points) + "]"


@lru_cache(maxsize=1)
def _unwanted() -> re.Pattern[str]:
    # Format characters (zero-width, bidi, tags) hide text from people; controls break logs and terminals.
    return re.compile(_class_of(frozenset({"Cf", "Cc"}), keep="\n\t"))


def clean_text(text: str) -> str:
    """The text without format (Cf) and control characters, trimmed; line breaks and tabs stay."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not (text.isascii() and text.isprintable()):
        text = _unwanted().sub("", text)
    return text.strip()


def matching_form(text: str) -> str:
    """The form in which texts are compared: NFKC, lower case. Offsets into it are not offsets into the original."""
    text = text.lower()
    return text if text.isascii() else unicodedata.normalize("NFKC", text).lower()


_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_KANA = re.compile(r"[\u3040-\u30ff]")
_HANGUL = re.compile(r"[\uac00-\ud7af]")
_LATIN_WORD = re.compile(r"[A-Za-z\u00c0-\u024f]{2,}")
_ENGLISH = frozenset(
    ("the", "and", "of", "to", "for", "with", "that", "this", "are", "from", "have", "will", "not", "has", "its", "by")
)
_NOT_PROSE = re.compile(r"https?://\S+|[@#$]\w+")


@lru_cache(maxsize=1)
def _identifier() -> py3langid.langid.LanguageIdentifier:
    return py3langid.langid.LanguageIdentifier.from_model_file(py3langid.langid.MODEL_FILE, norm_probs=True)


def detect_language(text: str, hint: str | None = None) -> str:
    """`zh`, `en` or another ISO 639-1 code; `hint` (BCP 47) wins, script comes next, words last.

    Short Latin texts are taken for English unless another language is near certain: tickers and slang mislead.
    """
    if hint:
        return hint.split("-")[0].split("_")[0].lower()
    if _KANA.search(text):
        return "ja"
    if _HANGUL.search(text):
        return "ko"
    han, words = len(_HAN.findall(text)), len(_LATIN_WORD.findall(text))
    if han and han >= words:
        return "zh"
    prose = _NOT_PROSE.sub(" ", text)
    latin = _LATIN_WORD.findall(prose.lower())
    if words and (len(latin) < 4 or sum(word in _ENGLISH for word in latin) >= 2):
        return "en"  # plain cases, at a fiftieth of the cost
    code, probability = _identifier().classify(prose)
    return str(code) if probability > 0.97 else "en"


def pseudonym(author: str, key: bytes) -> str:
    """The HMAC-SHA-256 of an author's name, 16 hexadecimal digits; without the key nobody can go back."""
    return hmac.new(key, author.encode(), hashlib.sha256).hexdigest()[:16]


def stable_id(raw: RawPost) -> str:
    """The post's own id, else a hash of source and native id, URL, or text and time, in that order."""
    if raw.id is not None:
        return raw.id
    at = raw.published_at
    spoken = at.isoformat() if at.tzinfo is None else str(datetime_ms(at))  # one instant, whatever its offset
    seed = raw.native_id or raw.url or f"{raw.text}\x00{spoken}"
    return hashlib.blake2b(f"{raw.source}\x00{seed}".encode(), digest_size=16).hexdigest()


def _instant(when: datetime, field: str, source: Source) -> int:
    if when.tzinfo is None:
        if source.time_zone is None:
            raise RecordRefused("wrong_type", f"time without an offset - at `$.{field}`; set the source's time_zone")
        when = when.replace(tzinfo=ZoneInfo(source.time_zone))
    try:
        return datetime_ms(when.astimezone(UTC))
    except OverflowError:
        raise RecordRefused("wrong_type", f"time out of range - at `$.{field}`") from None


def received_ms_of(raw: RawPost, sources: Sources) -> int:
    """The record's own received time (record clock): `received_at`, else `published_at`; milliseconds."""
    source = sources.get(raw.source, DEFAULT_SOURCE)
    if raw.received_at is not None:
        return _instant(raw.received_at, "received_at", source)
    return _instant(raw.published_at, "published_at", source)


def clean(raw: RawPost, received_ms: int, sources: Sources) -> Post:
    """A post ready to be judged, received at `received_ms`; `RecordRefused` where it cannot be used."""
    source = sources.get(raw.source, DEFAULT_SOURCE)
    published_ms = _instant(raw.published_at, "published_at", source)
    if published_ms > received_ms + FUTURE_TOLERANCE_MS:
        raise RecordRefused("future_dated", "published over 5 minutes after it was received - at `$.published_at`")
    text = clean_text(raw.text)
    if not text:
        raise RecordRefused("empty_text", "nothing left after cleaning - at `$.text`")
    if len(text) > MAX_TEXT:
        raise RecordRefused("oversized", f"{len(text)} characters; at most {MAX_TEXT} are taken - at `$.text`")
    return Post(
        id=stable_id(raw),
        source=raw.source,
        kind=raw.kind or source.kind,
        published_at=format_ms(published_ms),
        received_at=format_ms(received_ms),
        text=text,
        title=clean_text(raw.title) if raw.title else None,
        lang=raw.lang,
        url=raw.url,
        author=raw.author,
        followers=raw.followers,
        is_repost=raw.is_repost,
        symbols=tuple(raw.symbols or ()),
        targets=tuple(raw.targets or ()),
    )


def is_stale(published_ms: int, received_ms: int, source: Source) -> bool:
    """Old news: it came later than an hour and than its source's usual 99th percentile, or later than a day."""
    lag_ms = received_ms - published_ms
    return lag_ms > DAY_MS or lag_ms > max(HOUR_MS, source.usual_lag_p99_s * 1000)
