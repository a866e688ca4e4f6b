"""How well and how fast stories are found: invented reports and their retellings, of which the truth is known."""

import resource
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from statistics import median
from typing import NamedTuple

from stream.bench import redis_server
from stream.bench.clumps import compare
from stream.cleaning import matching_form
from stream.sample.syndication import Telling, syndicate
from stream.stores.memory_stories import MemoryStories
from stream.stores.protocols import StoryItem, StoryStore
from stream.stores.redis_common import connect
from stream.stores.redis_stories import RedisStories
from stream.times import DAY_MS
from stream.wording import wordings

EVENTS, SEEDS, ROUNDS, BATCH = 160, range(11, 31), 5, 256
START_MS = 20_000 * DAY_MS


class Agreement(NamedTuple):
    """Found against true stories. Of pairs of posts: of those put together, how many belong together, and the reverse.
    Of posts: the same, averaged over each post's own story (B-cubed), so that a large story weighs no more than its
    members."""

    precision: float
    recall: float
    post_precision: float
    post_recall: float


def agreement(true: Sequence[int], found: Sequence[str]) -> Agreement:
    """How far the stories found are the true ones."""
    both, of_true, of_found = Counter(zip(true, found, strict=True)), Counter(true), Counter(found)
    together, belong = _pairs(of_found.values()), _pairs(of_true.values())
    right = _pairs(both.values())
    posts = len(true)
    return Agreement(
        right / together if together else 1.0,
        right / belong if belong else 1.0,
        sum(n * n / of_found[story] for (_, story), n in both.items()) / posts,
        sum(n * n / of_true[event] for (event, _), n in both.items()) / posts,
    )


def _pairs(sizes: Iterable[int]) -> int:
    return sum(n * (n - 1) // 2 for n in sizes)


def items_of(tellings: Sequence[Telling], start_ms: int = START_MS) -> list[StoryItem]:
    """What the pipeline would ask the store."""
    return [
        StoryItem(telling.post, start_ms + telling.received_ms, wording, (telling.symbol,) if telling.symbol else ())
        for telling, wording in zip(tellings, wordings([one.text for one in tellings]), strict=True)
    ]


def run(events: int = EVENTS, rounds: int = ROUNDS) -> dict[str, object]:
    """Precision and recall of pairs over twenty seeds (lowest, mean, highest), microseconds and bytes a post in memory
    and in a real Redis of its own; and what stories give the surge detector, at the recall just measured.
    """
    found = [_agreement_of(syndicate(seed, events)) for seed in SEEDS]
    baseline = [_agreement_by_text(syndicate(seed, events)) for seed in SEEDS]
    tellings = syndicate(SEEDS[0], events)
    items = items_of(tellings)
    words_us = [_us(len(tellings), partial(_worded, tellings)) for _ in range(rounds)]
    memory_us = [_us(len(items), partial(_assigned, items, MemoryStories())) for _ in range(rounds)]
    with redis_server() as url, connect(url) as client:
        redis_us = [_us(len(items), partial(_assigned, items, RedisStories(client, f"{n}"))) for n in range(rounds)]
        client.flushdb()
        empty = client.info("memory")["used_memory"]
        _assigned(items, RedisStories(client, "kept"))
        kept = client.info("memory")["used_memory"] - empty
    recall = sum(one.recall for one in found) / len(found)
    return {
        "target": "stories",
        "posts": len(tellings),
        "events": events,
        "seeds": [SEEDS[0], SEEDS[-1]],
        **{
            name: [round(min(values), 3), round(sum(values) / len(values), 3), round(max(values), 3)]
            for name, values in zip(Agreement._fields, zip(*found, strict=True), strict=True)
        },
        "baseline": "texts that are equal but for case, links and white space",
        "baseline_recall": round(sum(one.recall for one in baseline) / len(baseline), 3),
        "wording_us_per_post": round(median(words_us), 1),
        "memory_us_per_post": _spread(memory_us),
        "redis_us_per_post": _spread(redis_us),
        "redis_bytes_per_post": round(kept / len(items)),
        "resident_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "surges": compare(missed=1 - recall),
    }


def _agreement_of(tellings: Sequence[Telling]) -> Agreement:
    stories = _assigned(items_of(tellings), MemoryStories())
    return agreement([one.event for one in tellings], stories)


def _agreement_by_text(tellings: Sequence[Telling]) -> Agreement:
    return agreement([one.event for one in tellings], [matching_form(one.text) for one in tellings])


def _worded(tellings: Sequence[Telling]) -> None:
    for start in range(0, len(tellings), BATCH):
        wordings([one.text for one in tellings[start : start + BATCH]])


def _assigned(items: Sequence[StoryItem], store: StoryStore) -> list[str]:
    return [story.id for start in range(0, len(items), BATCH) for story in store.assign(items[start : start + BATCH])]


def _us(posts: int, work: Callable[[], object]) -> float:
    start_s = time.perf_counter()
    work()
    return (time.perf_counter() - start_s) / posts * 1e6


def _spread(values: Sequence[float]) -> list[float]:
    return [round(min(values), 1), round(median(values), 1), round(max(values), 1)]
