"""The safe pattern in which all agents read: raw batches, work off the event loop, retries without end for faults that
may pass, and an acknowledgement only after every sink has confirmed.
"""

import asyncio
import logging
import os
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import version
from typing import Any, TypeVar

from stream.agents.faults import Fault
from stream.agents.meter import Meter
from stream.agents.sending import Out, Sender, dead_letter
from stream.app import group_of, make_app
from stream.errors import ServerUnavailable
from stream.records import DeadLetter, Message
from stream.settings import Settings
from stream.topics import Topics, topics

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 10.0

log = logging.getLogger("groundswell")
T = TypeVar("T")
Prepared = TypeVar("Prepared")


async def _as_it_is(batch: Sequence[Message]) -> Any:
    return batch


class Role:
    """One role's app with what every agent needs: a sender, a worker thread for each half of its work, the meter."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name, self.settings = name, settings
        self.topics: Topics = topics(settings.prefix)
        self.group = group_of(name, settings.prefix)
        self.app = make_app(name, settings)
        self.sender = Sender(settings.kafka.bootstrap)
        self.meter = Meter(name, time.time)
        self.fault = Fault(settings.fault)
        self._threads = ThreadPoolExecutor(2, thread_name_prefix=name)
        self.app.on_before_shutdown.connect(self._stop)

    def read(
        self,
        topic: str,
        handle: Callable[[Prepared], Awaitable[None]],
        prepare: Callable[[Sequence[Message]], Awaitable[Prepared]] = _as_it_is,
    ) -> None:
        """Reads `topic` in batches; each is prepared, then handed to `handle` until it succeeds, then acknowledged.

        Batches are handled one after the other; `prepare`, which changes nothing, has the next one meanwhile.
        """
        channel = self.app.topic(topic, value_type=bytes, key_type=bytes, value_serializer="raw", key_serializer="raw")

        async def agent(stream: Any) -> AsyncIterator[None]:  # Faust's own types know events only as their values
            take = stream.noack_take(self.settings.batch, within=self.settings.batch_wait_s)
            running: asyncio.Task[None] | None = None
            async for events in take:
                # Faust gathers the next batch while this one waits for its sinks: one is under way, order stays
                batch = [_message(event.message) for event in events]
                started_s = time.monotonic()
                prepared = await self.until_done(partial(prepare, batch))
                if running is not None:
                    await running
                finish = self._finish(list(events), batch, partial(handle, prepared), started_s)
                running = asyncio.create_task(finish)
                yield

        self.app.agent(channel, name=f"{self.group}.agent", concurrency=1)(agent)

    async def _finish(
        self,
        events: Sequence[Any],
        batch: Sequence[Message],
        handle: Callable[[], Awaitable[None]],
        started_s: float,
    ) -> None:
        await self.until_done(handle)
        self.fault.pass_point(f"{self.name}.before_ack", batch)
        for event in events:
            event.ack()
        self.meter.add(len(batch), time.monotonic() - started_s)

    async def work(self, function: Callable[..., T], *arguments: Any) -> T:
        """Runs a blocking function off the event loop; at most one of each half of the role's work runs at a time."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)

    async def until_done(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Repeats `attempt` until it succeeds, or the role is told to stop; says in one line what it waits for.

        Nothing is skipped: an attempt given up ends the process, as a crash would.
        """
        wait_s = FIRST_WAIT_S
        while True:
            try:
                return await attempt()
            except ServerUnavailable as error:
                log.warning("%s waits: %s", self.name, error)
            except Exception as error:  # a bug must stop the partition, visibly, and not lose a post
                log.exception("%s cannot go on, will try again: %s", self.name, error)
            await self.app.sleep(wait_s * (0.5 + random.random()))
            if self.app.should_stop:  # Faust would wait for the batch for ever
                log.warning(
                    "%s ends while it waits; what it has in hand is not acknowledged and comes again", self.name
                )
                os._exit(0)
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)

    def letters(self, refused: Sequence[DeadLetter]) -> list[Out]:
        """Dead letters ready to be sent."""
        now_ms = int(time.time() * 1000)
        release = version("groundswell")
        return [dead_letter(one, self.topics.dead_letters, self.group, now_ms, release) for one in refused]

    async def _stop(self, *_: object, **__: object) -> None:
        self.meter.flush()
        await self.sender.stop()


def _message(raw: Any) -> Message:
    headers = raw.headers.items() if isinstance(raw.headers, dict) else raw.headers or ()
    return Message(
        value=raw.value,
        topic=raw.topic,
        partition=raw.partition,
        offset=raw.offset,
        timestamp_ms=round(raw.timestamp * 1000),
        key=raw.key,
        headers=tuple((name, bytes(value)) for name, value in headers),
    )
