"""Stories in memory: the `StoryStore` of the demo, replays, tests and a laptop."""

from array import array
from collections.abc import Iterator, Sequence

from stream.records import Story
from stream.stores.protocols import STORY_MEMORY_MS, StoryItem
from stream.stories import (
    KEPT_BY_KEY,
    LOOKED_AT,
    Overlap,
    alike_needed,
    differ,
    keys_of,
    meet,
    novelty_milli,
    one_story,
    overlap,
    story_id,
)
from stream.times import DAY_MS


class _Told:
    __slots__ = ("entities", "facts", "family", "last_ms", "members", "sketch")

    def __init__(self, item: StoryItem) -> None:
        self.members, self.last_ms, self.family = 1, item.received_ms, item.family
        self.entities, self.facts = item.entities, item.wording.facts
        self.sketch = array("I", item.wording.sketch)  # a third of a tuple's size


class MemoryStories:
    """A `StoryStore` that forgets stories not told for seven days of received time."""

    def __init__(self) -> None:
        self._decided: dict[str, tuple[int, Story]] = {}
        self._told: dict[str, _Told] = {}
        self._by_key: dict[int, tuple[str, ...]] = {}
        self._swept_ms = 0

    def assign(self, items: Sequence[StoryItem]) -> list[Story]:
        """See `StoryStore.assign`."""
        return [self._one(item) for item in items]

    def _one(self, item: StoryItem) -> Story:
        known = self._decided.get(item.post)
        if known and item.received_ms - known[0] <= STORY_MEMORY_MS:
            return known[1]
        keys = keys_of(item.wording.keys, item.entities)
        story = self._retold(item, keys) or self._new(item)
        for key in keys:
            others = [other for other in self._by_key.get(key, ()) if other != story.id]
            self._by_key[key] = (story.id, *others[: KEPT_BY_KEY - 1])
        self._decided[item.post] = (item.received_ms, story)
        self._sweep(item.received_ms)
        return story

    def _new(self, item: StoryItem) -> Story:
        story = story_id(item.post)
        self._told[story] = _Told(item)
        return Story(story, 1.0, 1)

    def _retold(self, item: StoryItem, keys: Sequence[int]) -> Story | None:
        best: tuple[str, _Told, Overlap] | None = None
        for story, told in self._candidates(item, keys):
            found = _alike(item, told)
            if found and (best is None or found.closer_than(best[2])):
                best = story, told, found
                if found.common == found.both:
                    break
        if best is None:
            return None
        story, told, found = best
        novelty = novelty_milli(item.received_ms - told.last_ms, found) / 1000
        told.members += 1
        told.last_ms = max(told.last_ms, item.received_ms)
        told.entities, told.facts = told.entities or item.entities, told.facts or item.wording.facts
        return Story(story, novelty, told.members)

    def _candidates(self, item: StoryItem, keys: Sequence[int]) -> Iterator[tuple[str, _Told]]:
        """Stories still remembered that share a key: those that share most first, then as the keys name them."""
        shared: dict[str, int] = {}
        for key in keys:
            for story in self._by_key.get(key, ()):
                shared[story] = shared.get(story, 0) + 1
        looked_at = 0
        for story in sorted(shared, key=lambda story: -shared[story]):
            told = self._told.get(story)
            if told and item.received_ms - told.last_ms <= STORY_MEMORY_MS:
                yield story, told
                looked_at += 1
                if looked_at == LOOKED_AT:
                    return

    def _sweep(self, now_ms: int) -> None:
        if now_ms - self._swept_ms < DAY_MS:
            return
        self._swept_ms = now_ms
        oldest = now_ms - 2 * STORY_MEMORY_MS  # what is older decides nothing, even for posts that come late
        self._decided = {post: known for post, known in self._decided.items() if known[0] >= oldest}
        self._told = {story: told for story, told in self._told.items() if told.last_ms >= oldest}
        self._by_key = {
            key: stories for key, stories in self._by_key.items() if any(story in self._told for story in stories)
        }


def _alike(item: StoryItem, told: _Told) -> Overlap | None:
    """What the two have in common, if it is one story."""
    facts = item.wording.facts
    if differ(item.entities, told.entities) or differ(facts, told.facts):
        return None
    one_house = item.family != "" and item.family == told.family
    supported = one_house or (meet(item.entities, told.entities) and meet(facts, told.facts))
    unsure = bool(item.entities) != bool(told.entities)
    found = overlap(item.wording.sketch, told.sketch)
    needed = alike_needed(found, item.received_ms - told.last_ms, supported, unsure)
    return found if one_story(found, needed) else None
