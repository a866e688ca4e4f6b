"""The dead letters as they lie in their topic: read whole, for the audit and for people. They are written by
`stream/agents/sending.py`; what is refused is decided in the stages.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from stream.errors import ServerUnavailable
from stream.settings import Settings
from stream.times import format_ms
from stream.topics import BOOTSTRAP_TIMEOUT_MS, CREATED_BY, STARTED_BY, topics

HEADER_PREFIX = "groundswell-"
ADDED = (
    *("topic", "partition", "offset", "timestamp", "group", "stage"),
    *("error-class", "message", "attempt", "first-failure", "version"),
)  # headers that every dead letter carries, behind the prefix
_SHOWN_REASON = 160


class Letter(NamedTuple):
    """One dead letter: where it lies (`partition`, `offset`), and the refused message whole."""

    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]

    def added(self, name: str) -> str | None:
        """What was written into the header `name` when it was refused; the last one, as letters may be sent again."""
        found = [value for header, value in self.headers if header == HEADER_PREFIX + name]
        return found[-1].decode("utf-8", "backslashreplace") if found else None

    @property
    def missing(self) -> list[str]:
        """Headers that every dead letter carries and this one does not."""
        return [HEADER_PREFIX + name for name in ADDED if self.added(name) is None]

    @property
    def origin(self) -> tuple[str | None, str | None, str | None]:
        """Topic, partition and offset of the refused message: letters that agree in it speak of one message."""
        return self.added("topic"), self.added("partition"), self.added("offset")


def read_letters(settings: Settings) -> Iterator[Letter]:
    """All letters that lie in the topic now, in order. Raises `ServerUnavailable`."""
    name = topics(settings.prefix).dead_letters
    where = settings.kafka.bootstrap
    try:
        consumer = KafkaConsumer(
            bootstrap_servers=where,
            bootstrap_timeout_ms=BOOTSTRAP_TIMEOUT_MS,
            enable_auto_commit=False,
            max_partition_fetch_bytes=8 << 20,
        )
    except (KafkaError, OSError, ValueError) as error:
        reason = type(error).__name__
        raise ServerUnavailable(f"Kafka at {where} does not answer ({reason}); {STARTED_BY}") from None
    try:
        if name not in consumer.topics():
            raise ServerUnavailable(f"Kafka at {where} has no topic {name}; run {CREATED_BY}")
        parts = [TopicPartition(name, number) for number in sorted(consumer.partitions_for_topic(name) or ())]
        consumer.assign(parts)
        ends = consumer.end_offsets(parts)
        for part in parts:
            consumer.assign([part])
            consumer.seek_to_beginning(part)
            while consumer.position(part) < ends[part]:
                for records in consumer.poll(timeout_ms=1000).values():
                    yield from (_letter(record) for record in records if record.offset < ends[part])
    except KafkaError as error:
        raise ServerUnavailable(f"{name} at {where} cannot be read: {error}") from None
    finally:
        consumer.close()


def _letter(record: Any) -> Letter:
    headers = tuple((name, bytes(value or b"")) for name, value in record.headers or ())
    return Letter(record.partition, record.offset, record.timestamp, record.key, record.value, headers)


def describe_line(letter: Letter) -> str:
    """A letter in one line: offset, stage, class of error, reason, and where the message came from."""
    origin = "/".join(part or "?" for part in letter.origin)
    reason = _printable((letter.added("message") or "").encode())
    shown = reason if len(reason) <= _SHOWN_REASON else reason[: _SHOWN_REASON - 1] + "…"
    return f"{letter.offset}  {letter.added('stage')}  {letter.added('error-class')}  {shown}  {origin}"


def describe(letter: Letter) -> str:
    """A letter whole: key, time, headers and bytes, escaped such that nothing in them reaches the terminal."""
    lines = [
        f"offset {letter.offset}, {len(letter.value or b'')} bytes, written {format_ms(letter.timestamp_ms)}",
        f"key: {_printable(letter.key) if letter.key is not None else '(none)'}",
        *(f"{name}: {_printable(value)}" for name, value in letter.headers),
        "",
        _printable(letter.value) if letter.value is not None else "(no value)",
    ]
    return "\n".join(lines)


def _printable(raw: bytes) -> str:
    text = raw.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
