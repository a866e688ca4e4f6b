"""The detector's snapshots in the compacted topic `groundswell.state`: read once, when a trends worker starts."""

import zlib

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from stream.errors import ServerUnavailable
from stream.settings import Settings
from stream.topics import BOOTSTRAP_TIMEOUT_MS


def read_snapshots(settings: Settings, topic: str) -> dict[int, bytes]:
    """Shard -> its last snapshot. Raises `ServerUnavailable`."""
    found: dict[int, bytes] = {}
    try:
        consumer = KafkaConsumer(
            bootstrap_servers=settings.kafka.bootstrap,
            bootstrap_timeout_ms=BOOTSTRAP_TIMEOUT_MS,
            enable_auto_commit=False,
            max_partition_fetch_bytes=32 << 20,
            fetch_max_bytes=64 << 20,
        )
        try:
            part = TopicPartition(topic, 0)
            consumer.assign([part])
            end = consumer.end_offsets([part])[part]
            consumer.seek_to_beginning(part)
            while consumer.position(part) < end:
                for records in consumer.poll(timeout_ms=1000).values():
                    for record in records:
                        if record.key is not None and record.value is not None:
                            found[int(record.key)] = zlib.decompress(record.value)
        finally:
            consumer.close()
    except (KafkaError, ValueError, zlib.error) as error:
        raise ServerUnavailable(f"snapshots in {topic} at {settings.kafka.bootstrap} cannot be read: {error}") from None
    return found
