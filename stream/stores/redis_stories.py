"""Stories in Redis: one Lua call a batch, which decides by the rules of `stream.stories` what memory decides. All keys
share one hash tag, since any text may retell any other; a cluster keeps them whole on one node and spreads the trends.

Keys, behind `prefix:{stories}:` — `p:<post>` what was decided; `k:<key>` the ids (16 characters each) of the stories
told last under a key of the wording; `s:<story>` when and how a story was told.
"""

from collections.abc import Sequence

import msgspec
import redis

from stream.records import Story
from stream.stores.protocols import STORY_MEMORY_MS, StoryItem
from stream.stores.redis_common import Script
from stream.stories import (
    KEPT_BY_KEY,
    KNOWN,
    LATER,
    LOOKED_AT,
    NEW_WORDING,
    SHORT,
    SHORT_BELOW,
    SOON,
    SOON_MS,
    SUPPORTED,
    UNSURE,
    keys_of,
    story_id,
)
from stream.wording import SKETCH

AT_ONCE = 500  # items a call: nobody else waits for Redis longer than some 50 ms
_TTL_S = STORY_MEMORY_MS // 1000 + 86_400  # memory runs in received time; a day more for a stage that lags
_STORIES = Script("stories")
_pack = msgspec.msgpack.Encoder().encode
_RULES = _pack(
    (
        *(STORY_MEMORY_MS, LOOKED_AT, KEPT_BY_KEY, SKETCH, SHORT_BELOW, SOON_MS),
        *(SHORT, UNSURE, SUPPORTED, SOON, LATER, KNOWN, NEW_WORDING),
    )
)


class RedisStories:
    """A `StoryStore`. `client` answers in bytes (`redis_common.connect`)."""

    def __init__(self, client: redis.Redis, prefix: str) -> None:
        self._client = client
        self._base = f"{prefix}:{{stories}}:"

    def assign(self, items: Sequence[StoryItem]) -> list[Story]:
        """See `StoryStore.assign`. Each call of `AT_ONCE` items is done whole or not at all; a retry goes on."""
        decided: list[Story] = []
        for start in range(0, len(items), AT_ONCE):
            batch = _pack([_row(item) for item in items[start : start + AT_ONCE]])
            decided += map(_story, _STORIES.run(self._client, self._base, _RULES, _TTL_S, batch))
        return decided


def _row(item: StoryItem) -> tuple[object, ...]:
    wording = item.wording
    keys = keys_of(wording.keys, item.entities)
    return (
        *(item.post, item.received_ms, story_id(item.post), item.entities, item.family),
        *(keys, wording.sketch, wording.facts),
    )


def _story(raw: bytes) -> Story:
    story, novelty_milli, size = raw.decode().split(":")
    return Story(story, int(novelty_milli) / 1000, int(size))
