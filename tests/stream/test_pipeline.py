"""Claims about the stages: one outcome a message, in order; what an opinion counts in; both clocks."""

import json

import pytest

from alerts.rules import Heard
from alerts.votes import decode_excerpt
from stream.cleaning import Source
from stream.entities import MAX_ISSUERS, MOST_JUDGED
from stream.errors import ServerUnavailable
from stream.pipeline import (
    EXCERPT_CHARACTERS,
    MARKET,
    Clock,
    Judge,
    decode_opinions,
    progress_of,
    series_of,
    to_counts,
    to_opinions,
)
from stream.records import MARKER_HEADER, DeadLetter, Marker, Message, Opinion, Story, encode
from stream.stores.memory import MemoryTrends
from stream.stores.memory_stories import MemoryStories
from tests.stream.word_classifier import WordClassifier

AT = "2026-01-05T09:30:00.000Z"
AT_MS = 1_767_605_400_000
ISSUERS = Heard(frozenset({"issuer"}), frozenset(), frozenset())


def message(text: str = "quiet day", at_ms: int = AT_MS, **fields: object) -> Message:
    post = {"source": "wire", "published_at": AT, "text": text, **fields}
    return Message(json.dumps(post).encode(), "groundswell.posts", 1, 7, at_ms, b"key")


def judge(clock: Clock = "record", classifier: WordClassifier | None = None) -> Judge:
    return Judge(classifier or WordClassifier(), MemoryStories(), {}, clock, lambda received_ms: received_ms + 5)


def opinions_of(*messages: Message, by: Judge | None = None) -> list[Opinion]:
    outcomes = to_opinions(messages, by or judge())
    assert all(isinstance(outcome, Opinion) for outcome in outcomes), outcomes
    return [outcome for outcome in outcomes if isinstance(outcome, Opinion)]


def test_one_poison_row_in_a_batch_costs_itself_alone() -> None:
    batch = [message("poison" if row == 13 else f"post {row}", id=str(row)) for row in range(32)]
    outcomes = to_opinions(batch, judge())
    refused = [(row, one) for row, one in enumerate(outcomes) if isinstance(one, DeadLetter)]
    assert len(refused) == 1
    row, letter = refused[0]
    assert row == 13
    assert letter == DeadLetter(batch[13], "classify", "ValueError", "this text cannot be judged")
    fine = [one.id for one in outcomes if isinstance(one, Opinion)]
    assert fine == [str(row) for row in range(32) if row != 13]


def test_a_good_batch_is_judged_in_one_call() -> None:
    classifier = WordClassifier()
    opinions_of(*[message(f"post {row}") for row in range(8)], by=judge(classifier=classifier))
    assert classifier.batches == [8]


def test_each_kind_of_message_has_its_outcome_at_its_own_place() -> None:
    marker = Message(encode(Marker(99)), headers=((MARKER_HEADER, b"final"),))
    batch = [Message(b"\xff"), message("good"), Message(None, key=b"erased"), marker, message("\u200b"), message("bad")]
    undecodable, good, tombstone, mark, empty, bad = to_opinions(batch, judge())
    assert isinstance(undecodable, DeadLetter)
    assert (undecodable.message, undecodable.stage) == (batch[0], "decode")
    assert undecodable.reason.startswith("undecodable: ")
    assert isinstance(good, Opinion)
    assert good.sentiment.label == "positive"
    assert tombstone is None
    assert mark == Marker(99)
    assert isinstance(empty, DeadLetter)
    assert empty.reason.startswith("empty_text: ")
    assert isinstance(bad, Opinion)
    assert bad.sentiment.score == -0.75


def test_an_empty_batch_and_a_batch_of_refusals_are_fine() -> None:
    assert to_opinions([], judge()) == []
    assert all(isinstance(one, DeadLetter) for one in to_opinions([Message(b""), Message(b"{}")], judge()))


def test_a_broken_marker_of_history_is_refused() -> None:
    (outcome,) = to_opinions([Message(b"?", headers=((MARKER_HEADER, b"final"),))], judge())
    assert isinstance(outcome, DeadLetter)


def test_with_the_broker_clock_only_the_brokers_stamp_says_when_a_post_came() -> None:
    claimed = message(received_at="2025-12-01T00:00:00Z", at_ms=AT_MS + 2000)
    assert opinions_of(claimed, by=judge("broker"))[0].received_at == "2026-01-05T09:30:02.000Z"
    heartbeat = Message(b"{}", timestamp_ms=AT_MS, headers=((MARKER_HEADER, b"heartbeat"),))
    assert to_opinions([heartbeat], judge("broker")) == [Marker(AT_MS)]


def test_with_the_record_clock_the_record_says_it() -> None:
    later = message(received_at="2026-01-05T09:31:00Z", at_ms=1)
    assert opinions_of(later, message())[0].received_at == "2026-01-05T09:31:00.000Z"
    assert opinions_of(message(at_ms=1))[0].received_at == AT


def test_a_post_dated_over_five_minutes_ahead_of_the_broker_is_refused() -> None:
    (outcome,) = to_opinions([message(at_ms=AT_MS - 300_001)], judge("broker"))
    assert isinstance(outcome, DeadLetter)
    assert outcome.reason.startswith("future_dated: ")
    opinions_of(message(at_ms=AT_MS - 300_000), by=judge("broker"))


def test_a_fault_of_the_stores_passes_through_so_that_the_batch_is_tried_again() -> None:
    class Away:
        def assign(self, items: object) -> list[Story]:
            raise ServerUnavailable("Redis is away")

    with pytest.raises(ServerUnavailable):
        to_opinions([message()], judge()._replace(stories=Away()))


def test_an_opinion_carries_the_post_the_judgement_and_the_model() -> None:
    (opinion,) = opinions_of(message("bad day", id="a", title="News", author="hmac", followers=3, lang="en-GB"))
    assert (opinion.id, opinion.text, opinion.title, opinion.author, opinion.followers) == (
        "a",
        "bad day",
        "News",
        "hmac",
        3,
    )
    assert (opinion.language, opinion.lang) == ("en", "en-GB")
    assert opinion.sentiment.probabilities == {"negative": 0.8, "neutral": 0.15, "positive": 0.05}
    assert (opinion.model.id, opinion.classified_at) == ("words", "2026-01-05T09:30:00.005Z")


def test_the_title_is_judged_with_the_text() -> None:
    assert opinions_of(message("figures are out", title="bad quarter"))[0].sentiment.label == "negative"


def test_a_target_has_its_own_sentiment_and_the_rest_that_of_the_whole() -> None:
    (opinion,) = opinions_of(message("good $ORBQ, bad Zavelix", targets=["Orbqua", "Zavelix"]))
    assert [(one.reason, one.name, one.sentiment.label) for one in opinion.entities] == [
        ("cashtag", None, "negative"),
        ("target", "Orbqua", "neutral"),
        ("target", "Zavelix", "negative"),
    ]


def test_retellings_share_a_story_and_only_the_first_is_new() -> None:
    told = opinions_of(message("Plant opens", id="a"), message("RT @x: PLANT OPENS!", id="b"), message("Else", id="c"))
    assert told[0].story.id == told[1].story.id != told[2].story.id
    assert [(one.story.novelty, one.story.size) for one in told] == [(1.0, 1), (0.0, 2), (1.0, 1)]


def test_the_same_batch_again_gives_the_same_opinions() -> None:
    by = judge()
    batch = [message("Plant opens", id="a"), message("Plant opens", id="b")]
    assert opinions_of(*batch, by=by) == opinions_of(*batch, by=by)


def test_one_post_is_one_voice_in_each_series_it_speaks_in() -> None:
    classifier = WordClassifier((("earnings", 0.8), ("company_news", 0.6)))
    (opinion,) = opinions_of(
        message("bad $ORBQ and $ORBQ and $orbq", symbols=["ORBQ"], targets=["ORBQ"]), by=judge(classifier=classifier)
    )
    (counted,) = to_counts([opinion], ISSUERS, {}, {})
    names = [vote.series for vote in counted.votes]
    assert sorted(names) == sorted(
        [
            MARKET,
            "source:wire",
            "topic:earnings",
            "topic:company_news",
            "issuer:ORBQ",
            "issuer_topic:ORBQ|earnings",
            "issuer_topic:ORBQ|company_news",
        ]
    )
    assert [vote.series for vote in counted.votes if vote.watched] == ["issuer:ORBQ"]


def test_a_post_about_several_companies_of_a_sector_is_one_voice_in_it() -> None:
    sectors = {"ORBQ": "energy", "KELM": "energy", "VNTA": "banks"}
    (opinion,) = opinions_of(message("bad $ORBQ $KELM $VNTA and $NONE"))
    (counted,) = to_counts([opinion], ISSUERS, {}, sectors)
    names = [vote.series for vote in counted.votes]
    assert len(names) == len(set(names))
    assert {name for name in names if name.startswith("sector:")} == {"sector:energy", "sector:banks"}
    assert {name.partition(":")[0] for name in names} == {
        "market",
        "source",
        "topic",
        "sector",
        "issuer",
        "issuer_topic",
    }
    store = MemoryTrends()
    store.count([counted])
    assert {name: posts for kind in ("market", "sector", "topic") for name, posts in store.busiest(kind, 9)} == {
        name: 1 for name in names if name.partition(":")[0] in ("market", "sector", "topic")
    }
    assert (counted.novelty_milli, counted.source) == (1000, "wire")


def test_companies_that_one_text_names_fare_each_for_itself_and_count_so() -> None:
    both, alone = opinions_of(
        message("bad $ORBQ sells, $ZVLX sues them", id="a", targets=["sues"]),
        message("bad $ORBQ news", id="b", symbols=[]),
    )
    assert [(one.symbol, one.sentiment.label) for one in both.entities] == [
        ("ORBQ", "negative"),
        ("ZVLX", "neutral"),
        (None, "neutral"),
    ]
    series = series_of(both, {})
    assert (series["issuer:ORBQ"][0], series["issuer:ZVLX"][0], series[MARKET][0]) == (
        "negative",
        "neutral",
        "negative",
    )
    assert [(one.symbol, one.sentiment.label) for one in alone.entities] == [("ORBQ", "negative")]


@pytest.mark.parametrize(
    "text",
    [
        "bad $ORBQ, $ZVLX $ABCD",
        "$ZVLX - bad $ORBQ news",
        "bad $ORBQ news $ZVLX #shares https://wire.example/x",
        "bad day for $ORBQ and " + " and ".join(f"$S{chr(65 + n)}" for n in range(MOST_JUDGED)) + " alike",
    ],
)
def test_companies_listed_beside_a_text_fare_as_it_does(text: str) -> None:
    (opinion,) = opinions_of(message(text, id="a"))
    assert len(opinion.entities) > 1
    assert {one.sentiment.label for one in opinion.entities} == {"negative"}


def test_a_post_about_more_than_twenty_companies_is_about_none() -> None:
    few, many = ([f"S{chr(65 + n)}" for n in range(count)] for count in (MAX_ISSUERS, MAX_ISSUERS + 1))
    (about_few, about_many) = opinions_of(message("list", id="a", symbols=few), message("list", id="b", symbols=many))
    assert sum(name.startswith("issuer:") for name in series_of(about_few, {})) == MAX_ISSUERS
    assert set(series_of(about_many, {})) == {MARKET, "source:wire", "topic:company_news"}
    assert len(about_many.entities) == MAX_ISSUERS + 1


def test_only_a_negative_post_in_a_watched_series_leaves_an_excerpt() -> None:
    texts = ("bad $ORBQ " + "x" * 400, "good $ORBQ", "bad day")
    negative, positive, unwatched = to_counts(opinions_of(*map(message, texts)), ISSUERS, {}, {})
    excerpt = decode_excerpt(negative.excerpt)
    assert (excerpt.text, excerpt.score_milli) == (texts[0][:EXCERPT_CHARACTERS], -750)
    assert (positive.excerpt, unwatched.excerpt) == (b"", b"")


def test_where_a_rule_shows_any_mood_a_watched_post_leaves_an_excerpt_and_others_none() -> None:
    heard = Heard(frozenset({"issuer"}), frozenset({"issuer"}), frozenset())
    positive, unwatched = to_counts(opinions_of(message("good $ORBQ"), message("bad day")), heard, {}, {})
    assert decode_excerpt(positive.excerpt).text == "good $ORBQ"
    assert (unwatched.excerpt, positive.teller) == (b"", "")


def test_where_a_rule_asks_who_tells_a_story_it_is_the_source_or_the_house_that_prints_it() -> None:
    heard, sources = (
        Heard(frozenset({"issuer"}), frozenset(), frozenset({"issuer"})),
        {"wire": Source(family="harbour")},
    )
    one, other = opinions_of(message("good $ORBQ"), message("good day"))
    assert [counted.teller for counted in to_counts([one, other], heard, {}, {})] == ["wire", ""]
    house = to_counts([one], heard, sources, {})[0]
    assert (house.teller, house.source) == ("harbour", "wire")
    assert decode_excerpt(house.excerpt).text == "good $ORBQ"


def test_old_news_is_marked_stale_by_its_sources_usual_lag() -> None:
    (opinion,) = opinions_of(message(received_at="2026-01-05T12:30:00Z"))
    assert to_counts([opinion], ISSUERS, {}, {})[0].stale
    assert not to_counts([opinion], ISSUERS, {"wire": Source(usual_lag_p99_s=4 * 3600)}, {})[0].stale


def test_opinions_are_decoded_in_order_with_their_markers_tombstones_and_refusals() -> None:
    (opinion,) = opinions_of(message())
    batch = [
        Message(encode(opinion)),
        Message(encode(Marker(5)), headers=((MARKER_HEADER, b"progress"),)),
        Message(None),
        Message(b"{}"),
    ]
    decoded = decode_opinions(batch, "count")
    assert decoded[:3] == [opinion, Marker(5), None]
    assert isinstance(decoded[3], DeadLetter)
    assert decoded[3].stage == "count"


def test_progress_is_the_latest_of_each_partition_and_never_goes_back() -> None:
    (opinion,) = opinions_of(message())
    assert progress_of([(0, opinion), (0, Marker(7)), (1, Marker(9)), (1, Marker(8)), (2, None)]) == {0: AT_MS, 1: 9}


def test_counting_a_batch_twice_changes_nothing() -> None:
    counted = to_counts(opinions_of(message("bad $ORBQ", id="a"), message("good $ORBQ", id="b")), ISSUERS, {}, {})
    store = MemoryTrends()
    assert store.count(counted) == 2
    before = store.minutes(0, 2**40, 10)
    assert store.count(counted) == 0
    assert store.minutes(0, 2**40, 10) == before
