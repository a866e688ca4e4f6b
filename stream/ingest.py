"""The way in for files: each good row becomes a post with an id and a pseudonymous author, in order of received time.
What cannot be used is kept as it is, byte for byte: the classify stage refuses it where everybody can see it.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from stream.cleaning import FUTURE_TOLERANCE_MS, Sources, clean, pseudonym, received_ms_of, stable_id
from stream.errors import RecordRefused
from stream.files import Row, read_rows
from stream.records import RawPost, decode_raw_post

_ENCODER = msgspec.json.Encoder()


class Prepared(NamedTuple):
    """A row ready to be sent. `post_id` is None and `received_ms` 0 for a row that will be refused, with the reason."""

    received_ms: int
    post_id: str | None
    value: bytes
    line: int
    reason: str | None = None


def prepare(row: Row, sources: Sources, key: bytes, now_ms: int | None = None) -> Prepared:
    """One row as it goes into `posts`: with its id, and its author as an HMAC under `key`.

    `now_ms` is when a live row is sent (milliseconds); history brings its own received time.
    """
    try:
        raw = decode_raw_post(row.value)
        received_ms = received_ms_of(raw, sources)
        # The broker stamps a live row later than now: what is refused here is refused there, too.
        clean(raw, received_ms if now_ms is None else now_ms + FUTURE_TOLERANCE_MS, sources)
    except RecordRefused as refusal:
        return Prepared(0, None, row.value, row.line, f"{refusal.reason}: {refusal}")
    post_id = stable_id(raw)
    author = pseudonym(raw.author, key) if raw.author else None
    sent: RawPost = msgspec.structs.replace(raw, id=post_id, author=author)
    body = {name: value for name, value in msgspec.structs.asdict(sent).items() if value is not None}
    return Prepared(received_ms, post_id, _ENCODER.encode(body), row.line)


def read_history(
    paths: Iterable[Path], sources: Sources, key: bytes, refuse: Callable[[Path, Prepared], None]
) -> list[Prepared]:
    """All good rows of the files in the order of (received time, id); the others are handed to `refuse`."""
    good: list[Prepared] = []
    for path in paths:
        for row in read_rows(path):
            prepared = prepare(row, sources, key)
            if prepared.post_id is None:
                refuse(path, prepared)
            else:
                good.append(prepared)
    return sorted(good, key=lambda prepared: (prepared.received_ms, prepared.post_id))


def read_live(path: Path, sources: Sources, key: bytes, now_ms: Callable[[], int]) -> Iterator[Prepared]:
    """The rows of a file as they stand, one after the other."""
    for row in read_rows(path):
        yield prepare(row, sources, key, now_ms())
