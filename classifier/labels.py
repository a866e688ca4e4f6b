"""What a judgement may say: the three sentiments and the topics, and the words that data sets use for them.

The topics come from `taxonomy.json` beside this file; their order is the order of a model's outputs.
"""

from functools import lru_cache
from pathlib import Path

import msgspec

SENTIMENTS = ("negative", "neutral", "positive")
LANGUAGES = ("en", "zh")
_TAXONOMY = Path(__file__).with_name("taxonomy.json")


class Topic(msgspec.Struct, frozen=True):
    """One topic: its id, its names, and the labels of each data set that stand for it."""

    id: str
    en: str
    zh: str
    en_tweets: str | None = None
    zh_news_flashes: str | None = None
    en_newswire: tuple[str, ...] = ()

    def names_in(self, vocabulary: str) -> tuple[str, ...]:
        """Return the labels of a data set's vocabulary (`en_tweets`, …) that mean this topic."""
        names = getattr(self, vocabulary)
        return names if isinstance(names, tuple) else (names,) if names else ()


class _Taxonomy(msgspec.Struct, frozen=True):
    topics: tuple[Topic, ...]


@lru_cache(maxsize=1)
def topics() -> tuple[Topic, ...]:
    """Return all topics in their fixed order."""
    return msgspec.json.decode(_TAXONOMY.read_bytes(), type=_Taxonomy).topics


@lru_cache(maxsize=1)
def topic_ids() -> tuple[str, ...]:
    """Return the ids of all topics in their fixed order."""
    return tuple(topic.id for topic in topics())


@lru_cache(maxsize=8)
def topic_vocabulary(vocabulary: str | None) -> dict[str, int]:
    """Map a data set's topic labels to positions in `topic_ids()`; labels that are no topics are absent."""
    if vocabulary is None:
        return {}
    return {name: position for position, topic in enumerate(topics()) for name in topic.names_in(vocabulary)}


def language_index(language: str) -> int:
    """Return the position in LANGUAGES of a BCP 47 tag; anything that is not Chinese is judged as English."""
    return 1 if language.lower().startswith("zh") else 0
