"""A fresh deployment's detector taught from history, so that its first day is not blind. The history is replayed in
memory; what is known at its end goes into the stores, under the leases of a live worker, and nothing of it is told.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from alerts.accounts import Account, learning_until
from alerts.calendars import CalendarOf, utc_hours
from alerts.rules import Heard, Rule
from stream.cleaning import Sources
from stream.embedded import Spine
from stream.errors import InputError, NotFresh
from stream.files import Rejects
from stream.ingest import Prepared
from stream.pipeline import Judge, story_items, to_counts, to_opinions
from stream.records import DeadLetter, Message, Opinion
from stream.replay import BATCH
from stream.stores.memory import MemoryTrends
from stream.stores.protocols import BANDS_KEPT, MARKET_SHARD, ShardUpdate, StoryStore, TrendStore, shard_of
from stream.times import parse_ms
from stream.trends import LEASE_MS, Snapshot

_CHARTS_ALONE = Heard(frozenset(), frozenset(), frozenset())
_WHAT_TO_DO = "a warm-up is for a deployment that has not begun: take another prefix, or empty this one's Redis"


class Warmed(NamedTuple):
    """What was taught: `series` are watched ones, of which `learning` had not been heard for long enough to fire at the
    `end` of the history. `snapshots` are the shards' states as the topic of snapshots keeps them."""

    opinions: int
    start: str
    end: str
    series: int
    learning: int
    snapshots: dict[int, bytes]


def judged(rows: Sequence[Prepared], judge: Judge, refused: Rejects) -> Iterator[list[Opinion]]:
    """Posts of a history, in time, as opinions. The stories of `judge` should be the deployment's, so that one that
    goes on live is known there."""
    for start in range(0, len(rows), BATCH):
        outcomes = to_opinions([Message(row.value, offset=row.line) for row in rows[start : start + BATCH]], judge)
        for one in outcomes:
            if isinstance(one, DeadLetter):
                refused.add(one.message.offset, one.reason, one.message.value or b"")
        yield [one for one in outcomes if isinstance(one, Opinion)]


def retold(opinions: Sequence[Opinion], stories: StoryStore, sources: Sources) -> Iterator[list[Opinion]]:
    """Opinions of a history, in time, each with its place among the stories that the deployment itself knows."""
    for start in range(0, len(opinions), BATCH):
        batch = opinions[start : start + BATCH]
        told = stories.assign(story_items(batch, [one.entities for one in batch], sources))
        yield [msgspec.structs.replace(one, story=story) for one, story in zip(batch, told, strict=True)]


def warm_up(
    store: TrendStore,
    batches: Iterable[Sequence[Opinion]],
    *,
    rules: Sequence[Rule],
    sources: Sources,
    sectors: Mapping[str, str],
    owner: str,
    now_ms: Callable[[], int],
    calendar_of: CalendarOf = utc_hours,
) -> Warmed:
    """Takes a history's opinions, in the order of received time, and commits what they teach to all shards of a store
    that has never closed anything; its charts are filled, too. `now_ms` is for leases alone.

    Raises `NotFresh` where a shard has a state or is held, and `InputError` for an empty history. A call that failed
    can be repeated: posts that were charted are not charted again.
    """
    check_fresh(store)
    memory = MemoryTrends(store.shards)
    spine = Spine(None, rules, sources, None, trends=memory, sectors=sectors, calendar_of=calendar_of)
    number, start, end = 0, "", ""
    for opinions in batches:
        if opinions:
            spine.take(opinions)
            store.count(to_counts(opinions, _CHARTS_ALONE, sources, sectors))  # `memory` has the votes
            number, start, end = number + len(opinions), start or opinions[0].received_at, opinions[-1].received_at
    if not number:
        raise InputError("nothing usable in the history; give earlier files, or a later --to")
    spine.finish()
    _commit(store, memory, owner, now_ms)
    accounts = memory.accounts()
    end_ms = parse_ms(end)
    learning = sum(learning_until(one, rules, name, end_ms) is not None for name, one in accounts.items())
    return Warmed(number, start, end, len(accounts), learning, _snapshots(memory))


def check_fresh(store: TrendStore) -> None:
    """Raises `NotFresh` where something has been closed already."""
    for shard in _all_shards(store):
        if store.standing(shard) is not None:
            raise NotFresh(f"shard {shard} has a state already; {_WHAT_TO_DO}")


def _commit(store: TrendStore, memory: MemoryTrends, owner: str, now_ms: Callable[[], int]) -> None:
    """Takes all leases, looks again, then commits; whoever wants a shard meanwhile waits for its lease."""
    held: dict[int, int] = {}
    try:
        for shard in _all_shards(store):
            token = store.lease(shard, owner, LEASE_MS, now_ms())
            if token is None:
                raise NotFresh(f"shard {shard} is held by a trends worker; stop it, and start it after the warm-up")
            held[shard] = token
        check_fresh(store)
        updates = _updates(memory)
        for shard, update in updates.items():
            store.commit(shard, held[shard], update)
    finally:
        for shard in held:
            store.release(shard, owner)


def _updates(memory: MemoryTrends) -> dict[int, ShardUpdate]:
    """The state of each shard that the history reached, the market's last; no outbox."""
    accounts: dict[int, dict[str, Account]] = defaultdict(dict)
    for name, account in memory.accounts().items():
        accounts[shard_of(name, memory.shards)][name] = account
    updates = {}
    for shard in _all_shards(memory):
        state, standing = memory.load(shard), memory.standing(shard)
        if state.watch is None or standing is None:
            continue
        updates[shard] = ShardUpdate(
            watch=state.watch,
            closed_until=standing.closed_until,
            born=standing.born,
            outbox={},
            bands={name: np.array(memory.bands(name, BANDS_KEPT)).reshape(-1, 6) for name in accounts[shard]},
            voted_added=state.voted,
            voted_removed={},
            accounts=accounts[shard],
        )
    return updates


def _snapshots(memory: MemoryTrends) -> dict[int, bytes]:
    found = {}
    for shard in _all_shards(memory):
        state = memory.load(shard)
        if state.watch is None or state.closed_until is None:
            continue
        whole = Snapshot(state.closed_until, state.watch, state.voted)
        found[shard] = state.watch if shard == MARKET_SHARD else msgspec.msgpack.encode(whole)
    return found


def _all_shards(store: TrendStore) -> tuple[int, ...]:
    return (*range(store.shards), MARKET_SHARD)
