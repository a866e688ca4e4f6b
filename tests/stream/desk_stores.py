"""Memory stores filled by a small sample through the real stages, and a real server, for the desk's tests."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import msgspec
from starlette.applications import Starlette

from alerts.rules import Rule
from classifier.inference import LINEAR, load
from stream.desk.app import server
from stream.embedded import Spine
from stream.records import Message, RawPost
from stream.sample import Sample, generate
from stream.stores.memory import MemoryDocuments, MemoryTrends
from stream.stores.memory_incidents import MemoryIncidents
from stream.times import datetime_ms

RULE = Rule("negative-surge", ("issuer",), budget=0.05)


class Filled(NamedTuple):
    """Stores, the spine that feeds them, and the moment that they have reached (milliseconds)."""

    sample: Sample
    spine: Spine
    trends: MemoryTrends
    documents: MemoryDocuments
    incidents: MemoryIncidents
    now_ms: int

    def feed(self, posts: list[RawPost]) -> None:
        """Runs posts through all stages."""
        fed = self.spine.feed([Message(msgspec.json.encode(post)) for post in posts])
        assert not fed.refused
        self.incidents.apply(fed.alerts)


def fill() -> Filled:
    """Four days and a half, up to an hour and a half into the surge."""
    sample = generate(seed=7, days=5, surge_at_h=110.0, rate=0.6)
    now_ms = sample.surge.start_ms + 90 * 60_000
    trends, documents, incidents = MemoryTrends(), MemoryDocuments(), MemoryIncidents()
    spine = Spine(load(LINEAR), (RULE,), {}, documents, trends=trends)
    filled = Filled(sample, spine, trends, documents, incidents, now_ms)
    posts = [post for post in sample.posts if datetime_ms(post.published_at) < now_ms]
    for start in range(0, len(posts), 1000):
        filled.feed(posts[start : start + 1000])
    return filled


@contextmanager
def serving(app: Starlette) -> Iterator[int]:
    """A real server for the desk in a thread; gives its port."""
    desk = server(app, port=0)
    thread = threading.Thread(target=lambda: asyncio.run(desk.serve()))
    thread.start()
    try:
        while not desk.started:
            thread.join(0.02)
            assert thread.is_alive(), "the desk's server did not start"
        yield desk.servers[0].sockets[0].getsockname()[1]
    finally:
        desk.should_exit = True
        thread.join(10)
