"""opinions → documents in Elasticsearch."""

from collections.abc import Sequence

import faust

from stream.agents.batching import Role
from stream.pipeline import decode_opinions
from stream.records import DeadLetter, Message, Opinion
from stream.settings import Settings
from stream.stores.connect import document_store


def build(settings: Settings) -> faust.App:
    """The index role."""
    role = Role("index", settings)
    store = document_store(settings)
    ready = False

    def index(batch: Sequence[Message]) -> list[DeadLetter]:
        nonlocal ready
        if not ready:
            store.setup()
            ready = True
        rows = list(zip(batch, decode_opinions(batch, "index"), strict=True))
        opinions = [(message, outcome) for message, outcome in rows if isinstance(outcome, Opinion)]
        refused = [outcome for _, outcome in rows if isinstance(outcome, DeadLetter)]
        answers = store.index([opinion for _, opinion in opinions])
        refused += [
            DeadLetter(message, "index", "DocumentRefused", reason)
            for (message, _), reason in zip(opinions, answers, strict=True)
            if reason is not None
        ]
        return refused

    async def handle(batch: Sequence[Message]) -> None:
        await role.sender.send(role.letters(await role.work(index, batch)))

    role.read(role.topics.opinions, handle)
    return role.app
