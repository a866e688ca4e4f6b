"""posts → opinions: judges each post, keeps each partition's order, and says how far it has come."""

import random
import time
from collections.abc import Sequence

import faust

from classifier.cascade.asker import Clock
from classifier.cascade.cascade import Cascade
from classifier.cascade.endpoint import HttpEndpoint, read_key
from classifier.inference import load_configured
from stream.agents.batching import Role
from stream.agents.sending import Out
from stream.asking import Asking, SurgesInProgress, watched
from stream.companies import Companies
from stream.pipeline import Judge, Judged, Outcome, judged, progress_of, told
from stream.records import MARKER_HEADER, DeadLetter, Marker, Message, Opinion, encode
from stream.settings import Settings
from stream.stores.connect import cascade_answers, cascade_budget, incident_book, story_store

HEARTBEAT = (MARKER_HEADER, b"heartbeat")
PROGRESS = (MARKER_HEADER, b"progress")


def build(settings: Settings) -> faust.App:
    """The classify role."""
    role = Role("classify", settings)
    judge = Judge(
        load_configured(settings.model, settings.foreign, settings.engine),
        story_store(settings),
        settings.sources,
        settings.clock,
        lambda _received_ms: int(time.time() * 1000),
        _second_opinion(settings),
        _companies(settings),
    )
    posts, opinions = role.topics.posts, role.topics.opinions

    async def prepare(batch: Sequence[Message]) -> Judged:
        return await role.work(judged, batch, judge)

    async def handle(found: Judged) -> None:
        outcomes = await role.work(told, found, judge)
        out = role.letters([outcome for outcome in outcomes if isinstance(outcome, DeadLetter)])
        await role.sender.send([*_opinions(opinions, found.batch, outcomes), *out])

    role.read(posts, handle, prepare)
    if settings.clock == "broker":

        @role.app.timer(interval=settings.kafka.heartbeat_s)  # type: ignore[untyped-decorator]
        async def beat() -> None:
            held = [part.partition for part in role.app.consumer.assignment() if part.topic == posts]
            beats = [Out(posts, f"groundswell-heartbeat-{p}".encode(), b"{}", p, (HEARTBEAT,)) for p in held]
            await role.until_done(lambda: role.sender.send(beats))

    return role.app


def _companies(settings: Settings) -> Companies:
    """The linker, read now: the worker does not start on an own file that is refused."""
    companies = Companies(settings.companies.file)
    _ = companies.linker
    return companies


def _second_opinion(settings: Settings) -> Asking | None:
    """The cascade, if the settings name an endpoint. History is judged by the model alone."""
    config = settings.cascade
    if not config.endpoint or settings.clock != "broker":
        return None
    endpoint = HttpEndpoint(
        config.endpoint, read_key(config.key_file), config.timeout_s, config.workers, time.monotonic
    )
    cascade = Cascade(
        config,
        watched(config.watchlist),
        endpoint,
        cascade_budget(settings),
        cascade_answers(settings),
        Clock(time.monotonic, time.sleep, random.random),
    )
    return Asking(cascade, SurgesInProgress(incident_book(settings), time.monotonic))


def _opinions(topic: str, batch: Sequence[Message], outcomes: Sequence[Outcome]) -> list[Out]:
    """Opinions in their posts' partitions and order, tombstones passed on, then each partition's progress."""
    out = []
    for message, outcome in zip(batch, outcomes, strict=True):
        if isinstance(outcome, Opinion):
            out.append(Out(topic, outcome.id.encode(), encode(outcome), message.partition))
        elif outcome is None and message.key is not None:
            out.append(Out(topic, message.key, None, message.partition))
    marks = progress_of([(message.partition, outcome) for message, outcome in zip(batch, outcomes, strict=True)])
    for partition, before_ms in marks.items():
        key = f"groundswell-marker-{partition}".encode()
        out.append(Out(topic, key, encode(Marker(before_ms)), partition, (PROGRESS,)))
    return out
