"""The driver of the audited tests: sends rows straight into `posts` as `produce` would, and keeps the ledger."""

import hashlib
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from kafka import KafkaProducer

from stream.files import Row
from stream.ingest import prepare
from stream.produce import key_of, partition_of
from tests.end_to_end.history import bad_rows, live_posts
from tests.end_to_end.running import PARTITIONS, Place

AUTHOR_KEY = b"a key of the tests"


class Sent(NamedTuple):
    """One message as it goes into `posts`: a good post's id, or None for a bad row."""

    post_id: str | None
    key: bytes
    value: bytes


def mixture(total: int, now_ms: int, seed: int) -> list[Sent]:
    """`total` messages: 2 % bad rows, 10 % repeats of an id (half of them with another text), the rest posts."""
    rng = random.Random(seed)
    bad, repeated = total // 50, total // 10
    posts = live_posts(total - bad - repeated, now_ms)
    rows: list[tuple[float, Sent]] = [(place, _good(value)) for place, value in enumerate(posts)]
    for place in rng.sample(range(len(posts)), repeated):
        again = posts[place]
        if rng.random() < 0.5:
            body = json.loads(again)
            again = json.dumps(body | {"text": body["text"] + " Edited: it was worse."}).encode()
        rows.append((place + rng.uniform(0.5, 3000), _good(again)))
    rows += [(rng.uniform(0, len(posts)), _bad(value)) for value in bad_rows(bad, seed)]
    return [sent for _, sent in sorted(rows, key=lambda row: row[0])]


def send(place: Place, messages: Sequence[Sent], ledger: Path) -> None:
    """Sends and, once the broker has them all, writes them into the ledger."""
    producer = KafkaProducer(
        bootstrap_servers=place.settings.kafka.bootstrap, acks="all", linger_ms=5, max_request_size=4 << 20
    )
    waiting = [
        producer.send(
            place.topics.posts, message.value, key=message.key, partition=partition_of(message.key, PARTITIONS)
        )
        for message in messages
    ]
    for future in waiting:
        future.get(30)
    producer.close()
    with ledger.open("a") as file:
        for message in messages:
            digest = hashlib.sha256(message.value).hexdigest()
            line = {"id": message.post_id} if message.post_id is not None else {"sha256": digest}
            file.write(json.dumps(line) + "\n")


def _good(value: bytes) -> Sent:
    prepared = prepare(Row(1, value), {}, AUTHOR_KEY)
    assert prepared.post_id is not None, prepared.reason
    return Sent(prepared.post_id, key_of(prepared), prepared.value)


def _bad(value: bytes) -> Sent:
    return Sent(None, hashlib.sha256(value).hexdigest().encode(), value)
