"""What every story store promises, claimed of the one in memory and of Redis."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.errors import ServerUnavailable
from stream.records import Story
from stream.stores.memory import MemoryStories
from stream.stores.protocols import STORY_MEMORY_MS, StoryItem, StoryStore
from stream.stores.redis_common import connect
from stream.stores.redis_stories import RedisStories

NOW_MS = 1_740_000_000_000
DAY_MS = 86_400_000


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.servers)])
def store(request: pytest.FixtureRequest) -> Iterator[StoryStore]:
    """An empty store."""
    if request.param == "memory":
        yield MemoryStories()
        return
    with connect(request.getfixturevalue("redis_url")) as client:
        yield RedisStories(client, request.getfixturevalue("prefix"))


def item(post: str, story: str = "s", received_ms: int = NOW_MS) -> StoryItem:
    return StoryItem(post, story, received_ms)


ITEMS = st.lists(
    st.builds(
        item,
        post=st.sampled_from(["a", "b", "c", "d", "é", "🐻"]),
        story=st.sampled_from(["s", "t"]),
        received_ms=st.sampled_from([0, 1, 7, 8, 14]).map(lambda days: NOW_MS + days * DAY_MS),
    ),
    max_size=15,
)


@given(ITEMS, st.integers(0, 15))
def test_cuts_change_nothing(items: list[StoryItem], cut: int) -> None:
    whole, parts = MemoryStories(), MemoryStories()
    assert whole.assign(items) == parts.assign(items[:cut]) + parts.assign(items[cut:])


@pytest.mark.servers
@settings(max_examples=40, deadline=None)
@given(batches=st.lists(ITEMS, max_size=3))
def test_redis_decides_what_memory_decides(redis_url: str, batches: list[list[StoryItem]]) -> None:
    with connect(redis_url) as client:
        client.flushdb()
        memory, real = MemoryStories(), RedisStories(client, "h")
        for batch in batches:
            assert memory.assign(batch) == real.assign(batch)


def test_the_first_member_is_new_and_members_are_counted(store: StoryStore) -> None:
    assert store.assign([item("a"), item("b"), item("x", "t")]) == [
        Story("s", 1.0, 1),
        Story("s", 0.0, 2),
        Story("t", 1.0, 1),
    ]
    assert store.assign([item("c")]) == [Story("s", 0.0, 3)]
    assert store.assign([]) == []


def test_what_was_decided_for_a_post_stays(store: StoryStore) -> None:
    batch = [item("a"), item("b"), item("a")]
    first = store.assign(batch)
    assert first[2] == first[0]
    assert store.assign(batch) == first
    assert store.assign([item("a", "another story, for its text changed")]) == first[:1]
    assert store.assign([item("c")]) == [Story("s", 0.0, 3)]


def test_a_story_not_told_for_long_is_new_again(store: StoryStore) -> None:
    store.assign([item("a"), item("b", received_ms=NOW_MS + DAY_MS)])
    still = NOW_MS + DAY_MS + STORY_MEMORY_MS
    assert store.assign([item("c", received_ms=still)]) == [Story("s", 0.0, 3)]
    assert store.assign([item("d", received_ms=still + STORY_MEMORY_MS + 1)]) == [Story("s", 1.0, 1)]


def test_a_post_that_comes_late_does_not_make_its_story_older(store: StoryStore) -> None:
    store.assign([item("a"), item("late", received_ms=NOW_MS - 6 * DAY_MS)])
    assert store.assign([item("b", received_ms=NOW_MS + 6 * DAY_MS)]) == [Story("s", 0.0, 3)]


def test_names_may_hold_anything(store: StoryStore) -> None:
    names = ["a b", "a\nb", "a\x00b", "*", "{s}", "12:34", ":", "🐻‍❄️", "平安", "x" * 200]
    batch = [item(name, name) for name in names]
    assert store.assign(batch) == [Story(name, 1.0, 1) for name in names]
    assert store.assign(batch) == [Story(name, 1.0, 1) for name in names]


def test_a_large_batch_is_one_call(store: StoryStore) -> None:
    answers = store.assign([item(f"p{n}", f"s{n % 100}") for n in range(5000)])
    assert [story.size for story in answers] == [1 + n // 100 for n in range(5000)]


def test_a_redis_that_is_away_is_named() -> None:
    with connect("redis://127.0.0.1:1/0", timeout_s=0.2) as client, pytest.raises(ServerUnavailable, match=r":1 .*up"):
        RedisStories(client, "x").assign([item("a")])
