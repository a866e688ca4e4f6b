"""What every story store promises, claimed of the one in memory and of Redis."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.errors import ServerUnavailable
from stream.records import Story
from stream.stores.memory_stories import MemoryStories
from stream.stores.protocols import STORY_MEMORY_MS, StoryItem, StoryStore
from stream.stores.redis_common import connect
from stream.stores.redis_stories import RedisStories
from stream.wording import wordings
from tests.examples import examples

NOW_MS = 1_740_000_000_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

TOLD = "Northlake recalls 40,000 family cars because the brakes of some may fail in frost"
OTHER = "A court in Westmere lets the merger of two small banks go ahead after a long wait"


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.servers)])
def store(request: pytest.FixtureRequest) -> Iterator[StoryStore]:
    """An empty store."""
    if request.param == "memory":
        yield MemoryStories()
        return
    with connect(request.getfixturevalue("redis_url")) as client:
        yield RedisStories(client, request.getfixturevalue("prefix"))


def item(post: str, text: str = TOLD, received_ms: int = NOW_MS, entities: str = "", family: str = "") -> StoryItem:
    return StoryItem(post, received_ms, wordings([text])[0], tuple(entities.split()), family)


def ids(stories: list[Story]) -> list[str]:
    return [story.id for story in stories]


_VOCABULARY = "northlake recalls cars vans brakes fail frost 40 50 5% up down in the winter 澄 湾 汽 车 召 回"
WORDS = st.sampled_from(_VOCABULARY.split())
TEXTS = st.one_of(
    st.sampled_from([TOLD, OTHER, TOLD.replace("40", "50"), f"Update: {TOLD}", TOLD[:50] + "…", "😱", "ok"]),
    st.lists(WORDS, min_size=1, max_size=12).map(" ".join),
    st.lists(WORDS, min_size=90, max_size=120).map(" ".join),  # more parts than a sketch holds
)
ITEMS = st.lists(
    st.builds(
        item,
        post=st.sampled_from(["a", "b", "c", "d", "e", "f", "g", "h", "é", "🐻"]),
        text=TEXTS,
        received_ms=st.sampled_from([0, 1, 13, 30, 80, 168, 169, 336]).map(lambda hours: NOW_MS + hours * HOUR_MS),
        entities=st.sampled_from(["", "NLK", "NLK ZVX", "ZVX"]),
        family=st.sampled_from(["", "harbour"]),
    ),
    max_size=15,
)


@given(ITEMS, st.integers(0, 15))
def test_cuts_change_nothing(items: list[StoryItem], cut: int) -> None:
    whole, parts = MemoryStories(), MemoryStories()
    assert whole.assign(items) == parts.assign(items[:cut]) + parts.assign(items[cut:])


@pytest.mark.servers
@examples(150)
@given(batches=st.lists(ITEMS, max_size=3))
def test_redis_decides_what_memory_decides(redis_url: str, batches: list[list[StoryItem]]) -> None:
    with connect(redis_url) as client:
        client.flushdb()
        memory, real = MemoryStories(), RedisStories(client, "h")
        for batch in batches:
            assert memory.assign(batch) == real.assign(batch)


def test_the_first_member_is_new_and_members_are_counted(store: StoryStore) -> None:
    first, second, other = store.assign([item("a"), item("b"), item("x", OTHER)])
    assert (first.novelty, first.size) == (1.0, 1)
    assert second == Story(first.id, 0.0, 2)
    assert (other.novelty, other.size) == (1.0, 1)
    assert other.id != first.id
    assert store.assign([item("c")]) == [Story(first.id, 0.0, 3)]
    assert store.assign([]) == []


@given(order=st.permutations(range(6)))
def test_a_retry_in_any_order_gets_the_same_and_adds_nothing(order: list[int]) -> None:
    store = MemoryStories()
    batch = [item("a"), item("b", f"Update: {TOLD}"), item("c", OTHER), item("d"), item("e", OTHER), item("f", "ok")]
    first = store.assign(batch)
    assert store.assign([batch[at] for at in order]) == [first[at] for at in order]
    assert store.assign([item("g")])[0].size == first[3].size + 1


def test_what_was_decided_for_a_post_stays(store: StoryStore) -> None:
    batch = [item("a"), item("b"), item("a")]
    first = store.assign(batch)
    assert first[2] == first[0]
    assert store.assign(batch) == first
    assert store.assign([item("a", OTHER)]) == first[:1]
    assert store.assign([item("c")]) == [Story(first[0].id, 0.0, 3)]


@pytest.mark.parametrize(
    "retold",
    [
        f"UPDATE 2-{TOLD}",
        f"{TOLD} (Reporting by A. Brenk) https://wire.example/1",
        "Northlake recalls 40,000 family cars because the brakes…",
        "RT @desk: so it begins " + TOLD,
        "The brakes of some may fail in frost: Northlake recalls 40,000 family cars",
        TOLD.upper().replace("BECAUSE", "AS").replace(" ", "  "),
    ],
)
def test_a_retelling_joins_its_story(store: StoryStore, retold: str) -> None:
    first, second = store.assign([item("a"), item("b", retold)])
    assert second.id == first.id


@pytest.mark.parametrize(
    "other",
    [
        item("b", TOLD.replace("40,000", "50,000")),
        item("b", TOLD.replace("Northlake", "Zavelix"), entities="ZVX"),
        item("b", entities="ZVX"),
        item("b", "Northlake raises the pay of 40,000 workers in its plants near the coast", entities="NLK"),
    ],
    ids=["another number", "another company", "the same words of another company", "another event"],
)
def test_what_differs_in_company_number_or_event_is_another_story(store: StoryStore, other: StoryItem) -> None:
    first, second = store.assign([item("a", entities="NLK"), other])
    assert second.id != first.id
    assert second.novelty == 1.0


def test_a_story_learns_its_company_from_those_who_name_it(store: StoryStore) -> None:
    first, named, other = store.assign([item("a"), item("b", entities="NLK"), item("c", entities="ZVX")])
    assert named.id == first.id
    assert other.id != first.id


def test_a_house_that_edits_its_own_wire_is_one_voice_where_strangers_are_two(store: StoryStore) -> None:
    wire = item("a", family="harbour")
    text = "Northlake recalls family cars, brakes may fail in frost, carmaker tells dealers in letter seen by Harbour"
    ours, theirs = item("b", text, family="harbour"), item("c", text)
    first, reprint = store.assign([wire, ours])
    assert reprint.id == first.id
    assert MemoryStories().assign([wire, theirs])[1].novelty == 1.0


def test_the_longer_nobody_told_it_the_newer_a_retelling_is(store: StoryStore) -> None:
    waits_h = [0, 12, 13, 24, 25, 72, 73, 168]
    at_ms, novelties = NOW_MS, []
    store.assign([item("first")])
    for number, wait_h in enumerate(waits_h):
        at_ms += wait_h * HOUR_MS
        novelties += [story.novelty for story in store.assign([item(f"p{number}", received_ms=at_ms)])]
    assert novelties == [0.0, 0.0, 0.2, 0.2, 0.4, 0.4, 0.7, 0.7]


def test_added_wording_makes_a_retelling_a_little_newer(store: StoryStore) -> None:
    longer = TOLD + ", and dealers are told to stop selling them until spring"
    _, same, more = store.assign([item("a"), item("b"), item("c", longer)])
    assert same.novelty < more.novelty < 0.1


def test_a_story_not_told_for_long_is_new_again(store: StoryStore) -> None:
    first, _ = store.assign([item("a"), item("b", received_ms=NOW_MS + DAY_MS)])
    still_ms = NOW_MS + DAY_MS + STORY_MEMORY_MS
    assert store.assign([item("c", received_ms=still_ms)]) == [Story(first.id, 0.7, 3)]
    (again,) = store.assign([item("d", received_ms=still_ms + STORY_MEMORY_MS + 1)])
    assert (again.novelty, again.size) == (1.0, 1)
    assert again.id != first.id


def test_a_post_that_comes_late_does_not_make_its_story_older(store: StoryStore) -> None:
    first, _ = store.assign([item("a"), item("late", received_ms=NOW_MS - 6 * DAY_MS)])
    (third,) = store.assign([item("b", received_ms=NOW_MS + 6 * DAY_MS)])
    assert third == Story(first.id, 0.7, 3)


def test_names_and_texts_may_hold_anything(store: StoryStore) -> None:
    names = ["a b", "a\nb", "a\x00b", "*", "{s}", "12:34", ":", "🐻‍❄️", "平安", "x" * 200]
    batch = [StoryItem(name, NOW_MS, wordings([name])[0], (name,), name) for name in names]
    first = store.assign(batch)
    assert len(set(ids(first))) == len(names)
    assert store.assign(batch) == first


def test_many_stories_under_one_key_cost_a_bounded_time(store: StoryStore) -> None:
    mould = "The board of the company will meet in the spring to vote on the plan number {} of this long year"
    stories = store.assign([item(f"p{n}", mould.format(n)) for n in range(300)])
    assert len(set(ids(stories))) == 300
    assert store.assign([item("again", mould.format(299))])[0].id == stories[-1].id


def test_a_batch_larger_than_a_call_is_decided_whole(store: StoryStore) -> None:
    answers = store.assign([item(f"p{n}", entities=f"S{n % 100}") for n in range(2000)])
    assert [story.size for story in answers] == [1 + n // 100 for n in range(2000)]


def test_a_redis_that_is_away_is_named() -> None:
    with connect("redis://127.0.0.1:1/0", timeout_s=0.2) as client, pytest.raises(ServerUnavailable, match=r":1 .*up"):
        RedisStories(client, "x").assign([item("a")])
