"""Stories in Redis: who told one first, and what was decided for each post. All keys share one hash tag, so that a post
whose text changed, and with it its story, is still decided once; a cluster spreads the trends, not these.
"""

from collections.abc import Sequence

import msgspec
import redis

from stream.records import Story
from stream.stores.protocols import STORY_MEMORY_MS, StoryItem
from stream.stores.redis_common import Script

_TTL_S = STORY_MEMORY_MS // 1000 + 86_400  # memory runs in received time; a day more for a stage that lags
_ASSIGN = Script("assign")


class RedisStories:
    """A `StoryStore`. `client` answers in bytes (`redis_common.connect`)."""

    def __init__(self, client: redis.Redis, prefix: str) -> None:
        self._client = client
        self._base = f"{prefix}:{{stories}}:"

    def assign(self, items: Sequence[StoryItem]) -> list[Story]:
        """See `StoryStore.assign`."""
        if not items:
            return []
        flat = msgspec.msgpack.encode([value for item in items for value in item])
        return [_story(raw) for raw in _ASSIGN.run(self._client, self._base, STORY_MEMORY_MS, _TTL_S, flat)]


def _story(raw: bytes) -> Story:
    place, _, story = raw.partition(b":")
    size = int(place)
    return Story(story.decode(), 1.0 if size == 1 else 0.0, size)
