"""alerts → incidents and messages to people."""

import random
import sys
import time
from collections.abc import Sequence
from functools import partial

import faust
import msgspec

from alerts.dispatcher import Dispatcher
from alerts.events import Alert, decode_alert
from alerts.message import render
from alerts.notify.channels import make_channels
from classifier.labels import topics
from stream.agents.batching import Role
from stream.errors import ServerUnavailable
from stream.records import DeadLetter, Message
from stream.settings import Settings
from stream.stores.connect import incident_book


def build(settings: Settings) -> faust.App:
    """The notify role. A history is never notified: its alerts only enter the incident book."""
    role = Role("notify", settings)
    book = incident_book(settings)
    chosen = settings.channels
    names = {topic.id: topic.zh if chosen.language == "zh" else topic.en for topic in topics()}
    words = partial(render, language=chosen.language, desk_url=chosen.desk_url, topic_names=names)
    channels = make_channels(chosen, sys.stdout, time.time) if settings.clock == "broker" else []
    dispatcher = Dispatcher(book, book, channels, words, time.sleep, random.random)

    def notify(batch: Sequence[Message]) -> list[DeadLetter]:
        alerts: list[tuple[Message, Alert]] = []
        refused: list[DeadLetter] = []
        for message in batch:
            try:
                alerts.append((message, decode_alert(message.value or b"")))
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                refused.append(DeadLetter(message, "notify", type(error).__name__, str(error)))
        failed = [one for one in dispatcher.dispatch([alert for _, alert in alerts]) if one.outcome == "failed"]
        waiting = [one for one in failed if one.recoverable]
        if waiting:
            raise ServerUnavailable(f"channel {waiting[0].channel} took no alert: {waiting[0].error}; trying again")
        sources = {alert.id: message for message, alert in alerts}
        refused += [DeadLetter(sources[one.alert], "notify", one.channel, one.error) for one in failed]
        return refused

    async def handle(batch: Sequence[Message]) -> None:
        await role.sender.send(role.letters(await role.work(notify, batch)))

    role.read(role.topics.alerts, handle)
    return role.app
