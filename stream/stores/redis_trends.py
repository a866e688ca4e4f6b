"""Trends in Redis: every change is one Lua call on the keys of one shard (`lua/`), which share a hash tag, so that it
happens whole or not at all, also in a cluster. What is counted, and when minutes are closed, is the stages' business.

Keys of a shard, behind `prefix:{s<shard>}:` — those of the charts (`redis_charts.py`); `seen:<slice>` ids by time of
writing; `m:<minute>` votes, `minutes` which there are; `state` token, watch, closed_until, born; `lease`; `voted`;
`outbox`, `outbox:order`; `b:<series>` bands; `accounts` by series. Progress of all partitions is `prefix:progress`.
"""

import struct
from base64 import b64encode
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import cast
from zlib import crc32

import msgspec
import numpy as np

from alerts.accounts import Account
from alerts.votes import Band, Minute, Vote
from stream.errors import Fenced
from stream.stores.protocols import (
    BANDS_KEPT,
    RESOLUTION_MS,
    Counted,
    ShardState,
    ShardUpdate,
    Standing,
    shard_of,
)
from stream.stores.redis_charts import RedisCharts
from stream.stores.redis_common import Argument, Script, faults_named

_BAND_BYTES = 48
_ARGS_BEFORE_EXCERPTS = 6  # of count.lua
_CANDIDATE = struct.Struct(">dIIB")  # received_ms, posts, negative posts, negative; the id follows
_pack = msgspec.msgpack.Encoder().encode
_account = msgspec.json.Decoder(Account).decode

_COUNT, _PROGRESS, _LEASE, _RELEASE = (
    Script("buckets", "fold", "count"),
    Script("progress"),
    Script("lease"),
    Script("release"),
)
_COMMIT, _SENT = Script("commit"), Script("sent")

_cached_shard_of = lru_cache(maxsize=100_000)(shard_of)


class RedisTrends(RedisCharts):
    """A `TrendStore`. `client` answers in bytes (`redis_common.connect`); leases end by the server's clock."""

    def count(self, docs: Sequence[Counted]) -> int:
        """See `TrendStore.count`."""
        parts = _by_shard(docs, self.shards)
        if not parts:
            return 0
        kept = [*(self._kept_s[resolution] for resolution in RESOLUTION_MS), self._seen_ttl_s, self._most_series]
        calls: list[tuple[str, tuple[Argument, ...]]] = [
            (self._base(shard), (*kept, _pack((list(part.names), part.docs)), *part.excerpts))
            for shard, part in parts.items()
        ]
        fresh: set[int] = set()
        for part, marks in zip(parts.values(), _COUNT.run_each(self._client, calls), strict=True):
            fresh.update(place for place, mark in zip(part.places, marks, strict=True) if mark == ord("1"))
        return len(fresh)

    def progress(self, marks: Mapping[int, int]) -> None:
        """See `TrendStore.progress`."""
        if marks:
            _PROGRESS.run(self._client, f"{self._prefix}:progress", _pack(list(marks.items())))

    def watermark(self, partitions: int) -> int | None:
        """See `TrendStore.watermark`."""
        if not partitions:
            return None
        with faults_named(self._client):
            marks = self._client.hmget(f"{self._prefix}:progress", [str(n) for n in range(partitions)])
        found = [int(mark) for mark in marks if mark is not None]
        return min(found) if len(found) == partitions else None

    def lease(self, shard: int, owner: str, ttl_ms: int, now_ms: int) -> int | None:
        """See `TrendStore.lease`."""
        token = _LEASE.run(self._client, self._base(shard), owner, ttl_ms, now_ms)
        return None if token is None else int(token)

    def release(self, shard: int, owner: str) -> None:
        """See `TrendStore.release`."""
        _RELEASE.run(self._client, self._base(shard), owner)

    def load(self, shard: int) -> ShardState:
        """See `TrendStore.load`."""
        base = self._base(shard)
        with faults_named(self._client), self._client.pipeline() as pipeline:
            pipeline.hmget(base + "state", ["watch", "closed_until"])
            pipeline.hgetall(base + "voted")
            (watch, closed_until), fields = pipeline.execute()
        voted: dict[str, dict[str, int]] = defaultdict(dict)
        for field, minute in fields.items():
            series, story = _split(field)
            voted[series][story] = int(minute)
        return ShardState(watch, None if closed_until is None else int(closed_until), dict(voted))

    def standing(self, shard: int) -> Standing | None:
        """See `TrendStore.standing`."""
        with faults_named(self._client):
            closed_until, born = self._client.hmget(self._base(shard) + "state", ["closed_until", "born"])
        if closed_until is None:
            return None
        return Standing(int(closed_until), msgspec.json.decode(born, type=dict[int, int]) if born else {})

    def minutes(self, shard: int, until: int, limit: int) -> list[Minute]:
        """See `TrendStore.minutes`."""
        base = self._base(shard)
        with faults_named(self._client), self._client.pipeline(transaction=False) as pipeline:
            due = cast(
                "list[bytes]", self._client.zrangebyscore(base + "minutes", "-inf", f"({until}", start=0, num=limit)
            )
            for minute in due:
                pipeline.hgetall(f"{base}m:{int(minute)}")
            hashes = pipeline.execute()
        return [_minute(int(minute), fields) for minute, fields in zip(due, hashes, strict=True)]

    def commit(self, shard: int, token: int, update: ShardUpdate) -> None:
        """See `TrendStore.commit`."""
        added = [
            (_joined(series, story), minute)
            for series, stories in update.voted_added.items()
            for story, minute in stories.items()
        ]
        removed = [_joined(series, story) for series, stories in update.voted_removed.items() for story in stories]
        accounts = [(name, msgspec.json.encode(account).decode()) for name, account in update.accounts.items()]
        born = msgspec.json.encode(update.born).decode()
        rest = _pack([list(update.outbox), list(update.bands), added, removed, accounts, born])
        args = (token, update.closed_until, update.watch, BANDS_KEPT, rest)
        rows = [np.ascontiguousarray(rows[-BANDS_KEPT:], dtype="<f8").tobytes() for rows in update.bands.values()]
        answer = _COMMIT.run(self._client, self._base(shard), *args, *update.outbox.values(), *rows)
        _check_fence(answer, shard, token)

    def outbox(self, shard: int) -> dict[str, bytes]:
        """See `TrendStore.outbox`."""
        base = self._base(shard)
        with faults_named(self._client), self._client.pipeline() as pipeline:
            pipeline.zrange(base + "outbox:order", 0, -1)
            pipeline.hgetall(base + "outbox")
            order, alerts = pipeline.execute()
        return {alert_id.decode(): alerts[alert_id] for alert_id in order}

    def sent(self, shard: int, token: int, alert_ids: Sequence[str]) -> None:
        """See `TrendStore.sent`."""
        _check_fence(_SENT.run(self._client, self._base(shard), token, _pack(list(alert_ids))), shard, token)

    def accounts(self, series: Sequence[str] | None = None) -> dict[str, Account]:
        """See `TrendStore.accounts`."""
        wanted: dict[int, list[str]] = defaultdict(list)
        for name in series or ():
            wanted[shard_of(name, self.shards)].append(name)
        with faults_named(self._client), self._client.pipeline(transaction=False) as pipeline:
            for shard in range(self.shards) if series is None else wanted:
                if series is None:
                    pipeline.hgetall(self._base(shard) + "accounts")
                else:
                    pipeline.hmget(self._base(shard) + "accounts", wanted[shard])
            answers = pipeline.execute()
        if series is None:
            return {name.decode(): _account(text) for fields in answers for name, text in fields.items()}
        found = zip((name for names in wanted.values() for name in names), chain.from_iterable(answers), strict=True)
        return {name: _account(text) for name, text in found if text is not None}

    def bands(self, series: str, limit: int) -> list[Band]:
        """See `TrendStore.bands`."""
        rows = min(limit, BANDS_KEPT)
        if rows <= 0:
            return []
        key = f"{self._base(shard_of(series, self.shards))}b:{series}"
        with faults_named(self._client):
            raw = cast(bytes, self._client.getrange(key, -rows * _BAND_BYTES, -1))
        return [Band(int(start), *rest) for start, *rest in np.frombuffer(raw, dtype="<f8").reshape(-1, 6).tolist()]


class _Part:
    """A shard's part of a batch as count.lua reads it: names of series, docs as one flat list that says names by their
    place (from 1), and excerpts that the docs name; `places` are the docs' own in the batch."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self.docs: list[object] = []
        self.places: list[int] = []
        self.excerpts: list[bytes] = []

    def add(self, place: int, doc: Counted, votes: list[int], shown: bool) -> None:
        excerpt = 0
        if shown and doc.excerpt:
            self.excerpts.append(doc.excerpt)
            excerpt = _ARGS_BEFORE_EXCERPTS + len(self.excerpts)
        told = doc.first + 2 * doc.stale
        self.docs += (*doc[:4], told, doc.novelty_milli, _code(doc.source), excerpt, doc.teller, len(votes), *votes)
        self.places.append(place)


@lru_cache(maxsize=100_000)
def _code(source: str) -> str:
    """A source in four characters, as buckets.lua keeps it; "" for none."""
    return b64encode(crc32(source.encode()).to_bytes(4, "big")[1:]).decode() if source else ""


def _by_shard(docs: Sequence[Counted], shards: int) -> dict[int, _Part]:
    parts = [_Part() for _ in range(shards)]
    for place, doc in enumerate(docs):
        split: dict[int, list[int]] = {}
        shown: set[int] = set()
        for vote in doc.votes:
            series, label, milli, watched = vote
            shard = _cached_shard_of(series, shards)
            names = parts[shard].names
            name = names.get(series) or names.setdefault(series, len(names) + 1)
            if watched:  # 3 more: a voice, 6: a negative one
                label += 6 if vote.negative else 3
                shown.add(shard)
            if shard in split:
                split[shard] += (name, milli, label)
            else:
                split[shard] = [name, milli, label]
        for shard, votes in split.items():
            parts[shard].add(place, doc, votes, shard in shown)
    return {shard: part for shard, part in enumerate(parts) if part.places}


def _check_fence(answer: int, shard: int, token: int) -> None:
    if answer != 1:
        raise Fenced(f"shard {shard}: token {token} is no longer the one in force; drop the work")


def _joined(series: str, story: str) -> str:
    """Two names as one field that can be taken apart whatever is in them: bytes of the first, colon, both."""
    return f"{len(series.encode())}:{series}{story}"


def _split(field: bytes) -> tuple[str, str]:
    length, _, rest = field.partition(b":")
    return rest[: int(length)].decode(), rest[int(length) :].decode()


def _minute(minute: int, fields: Mapping[bytes, bytes]) -> Minute:
    votes: dict[str, list[Vote]] = defaultdict(list)
    stale: dict[str, int] = {}
    excerpts: dict[str, bytes] = {}
    for field, value in fields.items():
        if field[:1] in (b"v", b"t"):
            series, story = _split(field[1:])
            story, teller = _split(story.encode()) if field[:1] == b"t" else (story, "")
            received_ms, posts, negative_posts, negative = _CANDIDATE.unpack_from(value)
            post = value[_CANDIDATE.size :].decode()
            votes[series].append(Vote(int(received_ms), post, story, bool(negative), posts, negative_posts, teller))
        elif field[:1] == b"s":
            stale[field[1:].decode()] = int(value)
        else:
            excerpts[field[1:].decode()] = value
    return Minute(minute, dict(votes), stale, excerpts)
