"""Times on the wire: RFC 3339, UTC, milliseconds, so that text order is time order. No clock is read here."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000


def parse_ms(text: str) -> int:
    """Milliseconds since 1970 of an RFC 3339 time with an offset; `ValueError` without one."""
    when = datetime.fromisoformat(text)
    if when.tzinfo is None:
        raise ValueError(f"time without an offset: {text!r}")
    return datetime_ms(when)


def datetime_ms(when: datetime) -> int:
    """Milliseconds since 1970 of an aware datetime, rounded down."""
    return (when - _EPOCH) // _MILLISECOND


def format_ms(ms: int) -> str:
    """`2026-01-05T09:30:00.000Z` for milliseconds since 1970."""
    when = _EPOCH + timedelta(milliseconds=ms)
    return when.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
