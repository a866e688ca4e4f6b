"""opinions → counts, and under the shards' leases counts → detector → alerts."""

import asyncio
import logging
import time
import uuid
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import faust

from alerts.rules import heard_by, load_rules
from stream.agents.batching import Role
from stream.agents.sending import Out
from stream.agents.snapshots import read_snapshots
from stream.companies.table import sectors_with
from stream.errors import ServerUnavailable
from stream.exchanges import calendars_with, unknown_on
from stream.pipeline import decode_opinions, progress_of, to_counts
from stream.records import DeadLetter, Marker, Message, Opinion
from stream.settings import Settings
from stream.stores.connect import trend_store
from stream.times import parse_ms
from stream.topics import partitions_of
from stream.trends import Closer

CLOSE_EVERY_S = 0.5

log = logging.getLogger("groundswell")


def build(settings: Settings) -> faust.App:
    """The trends role."""
    role = Role("trends", settings)
    rules = load_rules(settings.rules)
    sectors = sectors_with(settings.sectors)
    heard = heard_by(rules)
    store = trend_store(settings)
    snapshots = read_snapshots(settings, role.topics.state)
    closer = Closer(
        trend_store(settings),
        rules,
        uuid.uuid4().hex,
        lambda: int(time.time() * 1000),
        snapshots,
        sectors,
        calendars_with(settings.calendar),
    )
    for name, last in unknown_on(time.strftime("%Y-%m-%d", time.gmtime()), settings.calendar).items():
        log.warning("trends: holidays of %s are known up to %s; docs/detection.md says how to renew them", name, last)
    partitions = partitions_of(settings, role.topics.opinions)
    closing = ThreadPoolExecutor(1, thread_name_prefix="closing")

    def count(batch: Sequence[Message]) -> list[DeadLetter]:
        outcomes = decode_opinions(batch, "count")
        opinions = [outcome for outcome in outcomes if isinstance(outcome, Opinion)]
        store.count(to_counts(opinions, heard, settings.sources, sectors))
        if settings.clock == "broker":
            role.meter.latencies([parse_ms(opinion.received_at) for opinion in opinions])
        # Only markers speak for a partition: an opinion may be followed by an older one after a restart of classify.
        marks = [(m.partition, o) for m, o in zip(batch, outcomes, strict=True) if isinstance(o, Marker)]
        store.progress(progress_of(marks))
        return [outcome for outcome in outcomes if isinstance(outcome, DeadLetter)]

    async def handle(batch: Sequence[Message]) -> None:
        await role.sender.send(role.letters(await role.work(count, batch)))

    async def close() -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(closing, closer.close, partitions)
        waiting = await loop.run_in_executor(closing, closer.outbox)
        await role.sender.send([Out(role.topics.alerts, item.incident.encode(), item.value, 0) for item in waiting])
        await loop.run_in_executor(closing, closer.confirm, waiting)
        for shard, raw in sorted(closer.snapshots.items()):
            await role.sender.send([Out(role.topics.state, str(shard).encode(), zlib.compress(raw), 0)])
            del closer.snapshots[shard]

    role.read(role.topics.opinions, handle)

    @role.app.task  # type: ignore[untyped-decorator]
    async def close_minutes() -> None:
        while not role.app.should_stop:
            await role.until_done(close)  # until then the minutes stay open
            await asyncio.sleep(CLOSE_EVERY_S)

    @role.app.on_before_shutdown.connect
    async def release(*_: object, **__: object) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(closing, closer.release)
        except ServerUnavailable:
            log.warning("trends: leases are left to run out")

    return role.app
