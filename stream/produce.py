"""Posts from files into Kafka. Live, as fast as asked; as history, sorted, with a final marker in every partition."""

import hashlib
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError

from stream.embedded import end_of_history
from stream.errors import InputError, ServerUnavailable
from stream.ingest import Prepared, read_history, read_live
from stream.records import MARKER_HEADER, Marker, encode
from stream.settings import Settings
from stream.topics import partitions_of, topics

FINAL = (MARKER_HEADER, b"final")


class Pace(NamedTuple):
    """How fast to send: `rate` posts a second, `speed` times the pace of the posts' own times, or as fast as it goes.

    `now_s` and `sleep` measure that; `now_ms` is the time of day, milliseconds since 1970.
    """

    rate: float | None
    speed: float | None
    now_s: Callable[[], float]
    sleep: Callable[[float], None]
    now_ms: Callable[[], int]


def key_of(row: Prepared) -> bytes:
    """A post's id, or for what has none the SHA-256 of its bytes: compacted topics take no message without a key."""
    return row.post_id.encode() if row.post_id is not None else hashlib.sha256(row.value).hexdigest().encode()


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a post: a repeat of an id always meets the first in one partition, in order."""
    return zlib.crc32(key) % partitions


def produce(paths: list[Path], settings: Settings, key: bytes, pace: Pace, progress: Callable[[int, int], None]) -> int:
    """Sends the rows of files to `posts` and returns how many; rows that cannot be used are sent as they stand.

    Raises `ServerUnavailable` when Kafka did not confirm; sending again is safe.
    """
    posts = topics(settings.prefix).posts
    partitions = partitions_of(settings, posts)
    history = settings.clock == "record"
    rows, total = _rows(paths, settings, key, pace.now_ms)
    producer = KafkaProducer(
        bootstrap_servers=settings.kafka.bootstrap, acks="all", linger_ms=20, batch_size=128 * 1024, retries=10
    )
    failed: list[BaseException] = []
    sent, last_ms = 0, None
    started_s, first_ms = pace.now_s(), None
    try:
        for row in rows:
            first_ms = row.received_ms if first_ms is None and row.received_ms else first_ms
            _wait(pace, started_s, sent, (row.received_ms or first_ms or 0) - (first_ms or 0))
            name = key_of(row)
            stamp = row.received_ms if history and row.post_id is not None else None
            producer.send(
                posts, row.value, key=name, partition=partition_of(name, partitions), timestamp_ms=stamp
            ).add_errback(failed.append)
            sent += 1
            last_ms = row.received_ms if row.post_id is not None else last_ms
            if sent % 1000 == 0:
                progress(sent, total)
        if history and last_ms is not None:
            final = encode(Marker(end_of_history(last_ms)))
            for partition in range(partitions):
                name = f"groundswell-marker-{partition}".encode()
                producer.send(posts, final, key=name, partition=partition, headers=[FINAL])
        producer.flush(timeout=60)
    except (KafkaError, KafkaTimeoutError) as error:
        failed.append(error)
    finally:
        producer.close(timeout=10)
    if failed:
        raise ServerUnavailable(f"Kafka at {settings.kafka.bootstrap} did not take all posts: {failed[0]}; send again")
    if not sent:
        raise InputError("nothing to send: the input is empty")
    return sent


def _rows(
    paths: list[Path], settings: Settings, key: bytes, now_ms: Callable[[], int]
) -> tuple[Iterable[Prepared], int]:
    if settings.clock == "broker":
        return (row for path in paths for row in read_live(path, settings.sources, key, now_ms)), 0
    refused: list[Prepared] = []
    good = read_history(paths, settings.sources, key, lambda _path, row: refused.append(row))
    return [*refused, *good], len(refused) + len(good)


def _wait(pace: Pace, started_s: float, sent: int, stream_ms: int) -> None:
    if pace.rate:
        due_s = started_s + sent / pace.rate
    elif pace.speed:
        due_s = started_s + stream_ms / 1000 / pace.speed
    else:
        return
    if (ahead_s := due_s - pace.now_s()) > 0:
        pace.sleep(ahead_s)
