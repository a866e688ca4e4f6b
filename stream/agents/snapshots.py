"""The detector's snapshots in the compacted topic `groundswell.state`: read once, when a trends worker starts. Those of
before its first day are a warm-up's.
"""

import zlib
from collections.abc import Mapping

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from stream.agents.sending import REQUEST_BYTES
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


def write_snapshots(settings: Settings, topic: str, snapshots: Mapping[int, bytes]) -> None:
    """Writes a snapshot of each shard. Raises `ServerUnavailable` where Kafka did not confirm."""
    try:
        producer = KafkaProducer(
            bootstrap_servers=settings.kafka.bootstrap, acks="all", max_request_size=REQUEST_BYTES, retries=10
        )
        try:
            for shard, raw in sorted(snapshots.items()):
                producer.send(topic, zlib.compress(raw), key=str(shard).encode(), partition=0).get(timeout=60)
        finally:
            producer.close(timeout=10)
    except KafkaError as error:
        raise ServerUnavailable(
            f"the shards have learnt, but {topic} at {settings.kafka.bootstrap} took no snapshots ({error}); "
            "the trends worker writes them at the end of its first day"
        ) from None
