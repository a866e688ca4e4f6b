"""Out of an agent and into Kafka: whole batches a partition, in order; nothing counts until the broker confirmed."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from stream.errors import ServerUnavailable
from stream.records import DeadLetter
from stream.times import format_ms
from stream.topics import STARTED_BY

BATCH_BYTES = 512 * 1024
REQUEST_BYTES = 32 << 20


class Out(NamedTuple):
    """A message to be sent. A partition of None lets the key decide."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


class Sender:
    """An idempotent producer that waits for all in-sync replicas. Made and used on the event loop."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def send(self, messages: Sequence[Out]) -> None:
        """Sends all, in order within a partition, and returns when the brokers have them.

        Raises `ServerUnavailable`; some may have been sent then, and sending all again is safe.
        """
        if not messages:
            return
        try:
            await self._send(await self._started(), messages)
        except KafkaError as error:
            await self.stop()  # an idempotent producer may be past mending: the next attempt has a new one
            reason = type(error).__name__
            raise ServerUnavailable(f"Kafka at {self._bootstrap} does not confirm ({reason}); {STARTED_BY}") from None

    async def _send(self, producer: AIOKafkaProducer, messages: Sequence[Out]) -> None:
        futures = []
        parts: dict[tuple[str, int], list[Out]] = defaultdict(list)
        for out in messages:
            if out.partition is None:
                futures.append(await producer.send(out.topic, out.value, key=out.key, headers=list(out.headers)))
            else:
                parts[out.topic, out.partition].append(out)
        for (topic, partition), outs in parts.items():
            futures += await self._batches(producer, topic, partition, outs)
        await asyncio.gather(*futures)

    async def _batches(
        self, producer: AIOKafkaProducer, topic: str, partition: int, outs: Sequence[Out]
    ) -> list["asyncio.Future[object]"]:
        futures = []
        builder = producer.create_batch()
        for out in outs:
            headers = list(out.headers)
            if builder.append(timestamp=None, key=out.key, value=out.value, headers=headers) is None:
                futures.append(await producer.send_batch(builder, topic, partition=partition))
                builder = producer.create_batch()
                if builder.append(timestamp=None, key=out.key, value=out.value, headers=headers) is None:
                    raise ValueError(f"a message of {len(out.value or b'')} bytes does not fit into a batch")
        if builder.record_count():
            futures.append(await producer.send_batch(builder, topic, partition=partition))
        return futures

    async def stop(self) -> None:
        """Ends the producer."""
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(KafkaError):
                await producer.stop()

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:  # an agent and its timer may come at once
            if self._producer is None:
                producer = AIOKafkaProducer(
                    bootstrap_servers=self._bootstrap,
                    acks="all",
                    enable_idempotence=True,
                    max_batch_size=BATCH_BYTES,
                    max_request_size=REQUEST_BYTES,
                    linger_ms=0,
                )
                await producer.start()
                self._producer = producer
            return self._producer


def dead_letter(letter: DeadLetter, topic: str, group: str, now_ms: int, version: str) -> Out:
    """The refused message as it goes into the dead letters: bytes, key and headers as they were, and why."""
    message = letter.message
    added = {
        "topic": message.topic,
        "partition": str(message.partition),
        "offset": str(message.offset),
        "timestamp": str(message.timestamp_ms),
        "group": group,
        "stage": letter.stage,
        "error-class": letter.error,
        "message": letter.reason[:1000],
        "attempt": str(letter.attempt),
        "first-failure": format_ms(now_ms),
        "version": version,
    }
    headers = (*message.headers, *((f"groundswell-{name}", text.encode()) for name, text in added.items()))
    return Out(topic, message.key, message.value, headers=headers)
