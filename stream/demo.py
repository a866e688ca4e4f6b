"""The demo: the whole service in one process, fed with the bundled sample, with the desk beside it. The sample's past
runs as fast as it can, its last hours at a pace that people can watch.
"""

import asyncio
import random
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from alerts.dispatcher import Dispatcher
from alerts.events import Alert
from alerts.message import render
from alerts.notify.channels import Channels, make_channels
from alerts.rules import load_rules
from classifier.inference import load_configured
from stream.companies import Companies
from stream.companies.table import sectors_with
from stream.desk.app import create_app, server
from stream.embedded import Spine
from stream.exchanges import calendars_with
from stream.records import Message, RawPost
from stream.sample import COMPANIES, generate
from stream.settings import Settings
from stream.stores.memory import MemoryDocuments, MemoryTrends
from stream.stores.memory_incidents import MemoryIncidents
from stream.times import HOUR_MS, datetime_ms

BATCH = 200
WATCHED_MS = 7 * HOUR_MS  # the part of the sample that runs at a watchable pace
TICK_S = 0.25


class Demo:
    """Stores, stages and the sample. `now_ms` is the time of the stream: that of the last post taken."""

    def __init__(self, settings: Settings, seed: int) -> None:
        self.rules = load_rules(settings.rules)
        self.trends, self.documents, self.incidents = MemoryTrends(), MemoryDocuments(), MemoryIncidents()
        classifier = load_configured(settings.model, settings.foreign, settings.engine)
        self.spine = Spine(
            classifier,
            self.rules,
            settings.sources,
            self.documents,
            trends=self.trends,
            sectors=sectors_with(settings.sectors),
            linker=Companies(settings.companies.file),
            calendar_of=calendars_with(settings.calendar),
        )
        self.posts = generate(seed).posts
        self.now_ms = _time(self.posts[0])
        console = make_channels(Channels(language=settings.channels.language), sys.stdout, lambda: self.now_ms / 1000)
        language = settings.channels.language
        self._dispatcher = Dispatcher(
            self.incidents, self.incidents, console, partial(render, language=language), time.sleep, random.random
        )

    def feed(self, posts: Sequence[RawPost]) -> None:
        """Runs posts through all stages and sends what alerts they raise."""
        fed = self.spine.feed([Message(msgspec.json.encode(_present(post))) for post in posts])
        self._notify(fed.alerts)
        self.now_ms = _time(posts[-1])

    def finish(self) -> None:
        """Closes the last minute of the sample."""
        self._notify(self.spine.finish())

    def _notify(self, alerts: Sequence[Alert]) -> None:
        if alerts:
            self._dispatcher.dispatch(alerts)


def run_once(settings: Settings, seed: int) -> Demo:
    """The whole sample as fast as it goes; alerts are printed."""
    demo = Demo(settings, seed)
    for start in range(0, len(demo.posts), BATCH):
        demo.feed(demo.posts[start : start + BATCH])
    demo.finish()
    return demo


def serve(settings: Settings, seed: int, speed: float, port: int | None, say: Callable[[str], None]) -> None:
    """The desk over the running sample, until interrupted. `speed` is the pace of the last hours."""
    asyncio.run(_serve(Demo(settings, seed), settings, speed, port, say))


async def _serve(demo: Demo, settings: Settings, speed: float, port: int | None, say: Callable[[str], None]) -> None:
    names = {company.symbol: (company.en, company.zh) for company in COMPANIES}
    app = create_app(
        demo.trends,
        demo.documents,
        demo.incidents,
        now=lambda: demo.now_ms,
        rules=demo.rules,
        names=names,
    )
    web = server(app, settings.desk.host, settings.desk.port if port is None else port)
    serving = asyncio.create_task(web.serve())
    feeding = asyncio.create_task(_feed(demo, speed, say))
    while not web.started and not serving.done():
        await asyncio.sleep(0.02)
    if web.started:
        host, bound = web.servers[0].sockets[0].getsockname()[:2]
        say(f"the desk is at http://{host}:{bound} (Ctrl-C ends it)")
    await serving
    feeding.cancel()


async def _feed(demo: Demo, speed: float, say: Callable[[str], None]) -> None:
    watched_from = _time(demo.posts[-1]) - WATCHED_MS
    at = 0
    while _time(demo.posts[at]) < watched_from:
        await asyncio.to_thread(demo.feed, demo.posts[at : at + BATCH])
        at += BATCH
    say("ten days of history are in; the last hours now run before your eyes")
    stream_ms = float(_time(demo.posts[at]))
    while at < len(demo.posts):
        stream_ms += TICK_S * 1000 * speed
        due = at
        while due < len(demo.posts) and _time(demo.posts[due]) <= stream_ms:
            due += 1
        if due > at:
            await asyncio.to_thread(demo.feed, demo.posts[at:due])
            at = due
        await asyncio.sleep(TICK_S)
    await asyncio.to_thread(demo.finish)
    say("the sample has ended; the desk stays open")


def _time(post: RawPost) -> int:
    return datetime_ms(post.published_at)


def _present(post: RawPost) -> dict[str, object]:
    return {name: value for name, value in msgspec.structs.asdict(post).items() if value is not None}
