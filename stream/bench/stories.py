"""How well and how fast stories are found: invented reports and their retellings, of which the truth is known."""

import resource
import time
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from stream.records import Story
from stream.sample.syndication import Telling, syndicate
from stream.stores.memory_stories import MemoryStories
from stream.stores.protocols import StoryItem, StoryStore
from stream.wording import wordings

BATCH = 256


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
    together, belong = _pairs(of_found), _pairs(of_true)
    right = _pairs(both)
    posts = len(true)
    return Agreement(
        right / together if together else 1.0,
        right / belong if belong else 1.0,
        sum(n * n / of_found[story] for (_, story), n in both.items()) / posts,
        sum(n * n / of_true[event] for (event, _), n in both.items()) / posts,
    )


def _pairs(counts: Counter[object] | Counter[int] | Counter[str] | Counter[tuple[int, str]]) -> int:
    return sum(n * (n - 1) // 2 for n in counts.values())


def items_of(tellings: Sequence[Telling], start_ms: int) -> list[StoryItem]:
    """What the pipeline would ask the store."""
    return [
        StoryItem(telling.post, start_ms + telling.received_ms, wording, (telling.symbol,) if telling.symbol else ())
        for telling, wording in zip(tellings, wordings([one.text for one in tellings]), strict=True)
    ]
