"""What every document store promises, claimed of the one in memory and of Elasticsearch."""

import itertools
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.errors import ServerUnavailable
from stream.records import (
    Entity,
    EntitySentiment,
    ModelRef,
    Opinion,
    Sentiment,
    Story,
    TopicScore,
)
from stream.settings import Settings
from stream.stores.connect import document_store
from stream.stores.elasticsearch_documents import ElasticsearchDocuments, connect
from stream.stores.memory import MemoryDocuments
from stream.stores.protocols import DocumentStore
from stream.times import format_ms, parse_ms

JANUARY_END_MS = parse_ms("2026-01-31T23:59:59.500Z")
HOSTILE = ["a b", "a\nb", "a\x00b", "*", "{s0}", '"', "\\", "../x", "_id", "平安", "🐻" * 200, "x" * 200, "a,b", "<b>"]


@pytest.fixture(params=["memory", pytest.param("elasticsearch", marks=pytest.mark.servers)])
def store(request: pytest.FixtureRequest) -> Iterator[DocumentStore]:
    """An empty store."""
    if request.param == "memory":
        yield MemoryDocuments()
        return
    with connect(request.getfixturevalue("elasticsearch_url")) as client:
        store = ElasticsearchDocuments(client, request.getfixturevalue("prefix"))
        yield store
        _clean(store)


@pytest.fixture
def real(elasticsearch_url: str, prefix: str) -> Iterator[ElasticsearchDocuments]:
    """An empty store in Elasticsearch."""
    with connect(elasticsearch_url) as client:
        store = ElasticsearchDocuments(client, prefix)
        yield store
        _clean(store)


def _clean(store: ElasticsearchDocuments) -> None:
    client = store._client
    for index in client.indices.get(index=f"{store.alias}-*"):
        client.indices.delete(index=index)
    client.options(ignore_status=404).indices.delete_index_template(name=store.alias)


def opinion(post: str = "p1", received_ms: int = JANUARY_END_MS, symbol: str = "AAPL", **changes: object) -> Opinion:
    plain = Opinion(
        id=post,
        source="wire",
        kind="news",
        published_at=format_ms(received_ms - 1000),
        received_at=format_ms(received_ms),
        text="Shares fell 8% 平安银行 <b>",
        language="en",
        sentiment=Sentiment("negative", -0.7000000000000001, {"negative": 0.8, "neutral": 0.1, "positive": 0.1}),
        topics=(TopicScore("earnings", 0.9), TopicScore("risk", 1e-9)),
        story=Story("s1", 1.0, 1),
        model=ModelRef("linear", "1", "abc"),
        classified_at=format_ms(received_ms + 5),
        entities=(Entity(symbol, None, "US", 0, 4, "cashtag", 0.95, EntitySentiment("negative", -0.5)),),
        url="https://example.com/a?b=c",
        followers=2**53,
        symbols=(symbol,),
    )
    return msgspec.structs.replace(plain, **changes)


def test_a_document_comes_back_as_it_was(store: DocumentStore) -> None:
    bare = opinion("bare", entities=(), url=None, followers=None, symbols=())
    assert store.index([opinion(), bare]) == [None, None]
    store.refresh()
    assert store.get("p1") == opinion()
    assert store.get("bare") == bare
    assert store.get("p2") is None


def test_an_empty_store_answers(store: DocumentStore) -> None:
    store.refresh()
    assert store.get("p1") is None
    assert store.latest(5) == []
    assert store.latest(5, "AAPL") == []
    assert list(store.ids()) == []
    assert store.index([]) == []


def test_a_repeat_changes_nothing(store: DocumentStore) -> None:
    batch = [opinion(f"p{n}", JANUARY_END_MS + n) for n in range(20)]
    for start, end in [(0, 20), (5, 15), (0, 20)]:
        assert store.index(batch[start:end]) == [None] * (end - start)
        store.refresh()
    assert sorted(store.ids()) == sorted(post.id for post in batch)
    assert store.latest(100) == batch[::-1]


ARRIVALS = list(itertools.permutations([0, 400, 40 * 86_400_000]))


@pytest.mark.parametrize("refreshed", [True, False])
@pytest.mark.parametrize("lags_ms", ARRIVALS)
def test_the_record_received_first_stays_whatever_the_order_and_the_month(
    store: DocumentStore, lags_ms: tuple[int, ...], refreshed: bool
) -> None:
    for lag_ms in lags_ms:
        assert store.index([opinion("p", JANUARY_END_MS + lag_ms, text=f"after {lag_ms}")]) == [None]
        if refreshed:
            store.refresh()
    store.refresh()
    assert list(store.ids()) == ["p"]
    assert [found.text for found in store.latest(10)] == ["after 0"]
    assert store.get("p") == opinion("p", text="after 0")


def test_repeats_within_a_batch_are_one_document(store: DocumentStore) -> None:
    lags_ms = [40 * 86_400_000, 0, 400, 90 * 86_400_000]
    assert store.index([opinion("p", JANUARY_END_MS + lag_ms) for lag_ms in lags_ms]) == [None] * 4
    store.refresh()
    assert [found.received_at for found in store.latest(10)] == [format_ms(JANUARY_END_MS)]


def test_a_later_judgement_of_the_same_record_replaces_the_earlier(store: DocumentStore) -> None:
    store.index([opinion()])
    again = opinion(model=ModelRef("linear", "2", "def"))
    store.index([again])
    store.refresh()
    assert store.latest(10) == [again]


RECORDS = st.builds(
    lambda post, lag_ms: opinion(post, JANUARY_END_MS + lag_ms, text=f"{lag_ms}"),
    st.sampled_from("abc"),
    st.sampled_from([0, 1, 600]),
)


@given(records=st.lists(RECORDS, max_size=10), data=st.data())
def test_order_and_cuts_change_nothing(records: list[Opinion], data: st.DataObject) -> None:
    plain, other = MemoryDocuments(), MemoryDocuments()
    plain.index(records)
    again = data.draw(st.permutations(records * 2))
    cut = data.draw(st.integers(0, len(again)))
    other.index(again[:cut])
    other.index(again[cut:])
    assert plain.latest(100) == other.latest(100)


def test_the_latest_come_first_of_one_company_where_asked(store: DocumentStore) -> None:
    day = 86_400_000
    store.index([opinion(f"p{n}", JANUARY_END_MS + n * 10 * day, symbol=["AAPL", "0700.HK"][n % 2]) for n in range(8)])
    store.index([opinion("same time", JANUARY_END_MS + 70 * day)])
    store.refresh()
    assert [found.id for found in store.latest(3)] == ["same time", "p7", "p6"]
    assert [found.id for found in store.latest(3, "0700.HK")] == ["p7", "p5", "p3"]
    assert store.latest(3, "0700") == []
    assert store.latest(0) == []


def test_ids_may_be_anything(store: DocumentStore) -> None:
    batch = [opinion(name, JANUARY_END_MS + n) for n, name in enumerate(HOSTILE)]
    for _ in range(2):
        assert store.index(batch) == [None] * len(HOSTILE)
        store.refresh()
    assert set(store.ids()) == set(HOSTILE)
    assert [store.get(name) for name in HOSTILE] == batch


def test_more_than_a_page_is_listed_and_indexed(real: ElasticsearchDocuments) -> None:
    batch = [opinion(f"p{n}", JANUARY_END_MS + n) for n in range(12_345)]
    assert real.index(batch) == [None] * 12_345
    real.refresh()
    assert real.count() == 12_345
    assert len(set(real.ids())) == 12_345


def test_one_index_a_month_behind_the_alias_with_a_mapping_that_does_not_grow(real: ElasticsearchDocuments) -> None:
    real.setup()
    real.setup()
    real.index([opinion("a"), opinion("b", JANUARY_END_MS + 500)])
    found = real._client.indices.get(index=real.alias)
    assert sorted(found) == [f"{real.alias}-2026.01", f"{real.alias}-2026.02"]
    for index in found.values():
        mappings = index["mappings"]
        assert mappings["dynamic"] == "false"
        assert mappings["properties"]["sentiment"]["properties"]["score"]["type"] == "float"
        assert mappings["properties"]["text"]["type"] == "text"


def test_a_document_that_can_never_be_written_is_told_and_the_others_are_written(real: ElasticsearchDocuments) -> None:
    broken = opinion("broken", published_at="no time")
    reasons = real.index([opinion("a"), broken, opinion("b")])
    assert reasons[::2] == [None, None]
    assert reasons[1] is not None
    assert "published_at" in reasons[1]
    assert "\n" not in reasons[1]
    real.refresh()
    assert sorted(real.ids()) == ["a", "b"]


def test_a_refusal_that_may_pass_is_retried_and_never_a_dead_letter(elasticsearch_url: str, prefix: str) -> None:
    waits: list[float] = []
    january = f"{prefix}-opinions-2026.01"
    with connect(elasticsearch_url) as client:

        def sleep(seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 2:
                client.indices.open(index=january)

        store = ElasticsearchDocuments(client, prefix, sleep=sleep, jitter=lambda: 0.0)
        store.index([opinion("a")])
        client.indices.close(index=january)
        assert store.index([opinion("b"), opinion("c")]) == [None, None]
        store.refresh()
        assert sorted(store.ids()) == ["a", "b", "c"]
        assert waits == sorted(waits)
        client.indices.put_settings(index=january, settings={"index.blocks.write": True})
        with pytest.raises(ServerUnavailable, match="1 documents still refused"):
            store.index([opinion("d")])
        client.indices.put_settings(index=january, settings={"index.blocks.write": False})
        assert store.index([opinion("d")]) == [None]
        _clean(store)


def test_an_elasticsearch_that_is_away_is_named_without_its_password() -> None:
    with connect("http://elastic:s3cret@127.0.0.1:1", timeout_s=0.5) as client:
        store = ElasticsearchDocuments(client, "x", sleep=lambda _: None)
        for call in (lambda: store.index([opinion()]), lambda: store.latest(1), lambda: list(store.ids())):
            with pytest.raises(ServerUnavailable, match=r"Elasticsearch at 127\.0\.0\.1:1 .*groundswell up") as caught:
                call()
            assert "s3cret" not in str(caught.value)


def test_the_store_made_from_settings_has_the_documented_alias() -> None:
    assert document_store(Settings()).alias == "groundswell-opinions"
    assert document_store(Settings(prefix="past.")).alias == "past.groundswell-opinions"
