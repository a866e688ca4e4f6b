"""The shipped model behind the common interface: pure, calibrated, batch-invariant, and not silly."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.errors import ClassifierError
from classifier.inference import SHIPPED, Judgement, load
from classifier.labels import SENTIMENTS, topic_ids
from tests.classifier.sanity_sentences import SENTENCES

MODEL = load()
ANYTHING = st.lists(
    st.tuples(
        st.text(max_size=80) | st.sampled_from([row[2] for row in SENTENCES]), st.sampled_from(["en", "zh", "ja"])
    ),
    max_size=8,
)


def judge(*rows: tuple[str, str]) -> list[Judgement]:
    return MODEL.classify([text for text, _ in rows], [language for _, language in rows], [()] * len(rows))


@given(ANYTHING)
def test_batch_mates_change_nothing(rows: list[tuple[str, str]]) -> None:
    together = judge(*rows)
    assert together == [judge(row)[0] for row in rows]
    assert together[::-1] == judge(*rows[::-1])


@settings(max_examples=20)
@given(st.integers(250, 530))
def test_batches_beyond_the_inner_chunk_change_nothing(size: int) -> None:
    rows = [(SENTENCES[place % 60][2], SENTENCES[place % 60][0]) for place in range(size)]
    assert judge(*rows) == (judge(*rows[:60]) * 9)[:size]


@given(ANYTHING)
def test_probabilities_are_steps_that_sum_to_one(rows: list[tuple[str, str]]) -> None:
    for judgement in judge(*rows):
        three = (judgement.negative, judgement.neutral, judgement.positive)
        assert abs(sum(three) - 1.0) < 1e-9
        assert all(0.0 <= value <= 1.0 and value == round(value, 4) for value in three)
        assert judgement.label in SENTIMENTS
        assert -1.0 <= judgement.score <= 1.0
        assert judgement.score == round(judgement.positive - judgement.negative, 4)


@given(ANYTHING)
def test_topics_are_named_highest_first_and_at_least_one(rows: list[tuple[str, str]]) -> None:
    for judgement in judge(*rows):
        probabilities = [probability for _, probability in judgement.topics]
        assert len(judgement.topics) >= 1
        assert probabilities == sorted(probabilities, reverse=True)
        assert len(probabilities) == 1 or min(probabilities) >= 0.5
        assert {name for name, _ in judgement.topics} <= set(topic_ids())


def test_each_target_gets_an_answer() -> None:
    (judgement,) = MODEL.classify(["Harbor Foods shares plunge after a recall"], ["en"], [["Harbor Foods", "HRBF"]])
    assert judgement.targets == ((judgement.label, judgement.score),) * 2
    assert judgement.label == "negative"


def test_sequences_of_different_length_are_refused() -> None:
    with pytest.raises(ClassifierError, match="2 texts, 1 languages"):
        MODEL.classify(["a", "b"], ["en"], [(), ()])


def test_an_empty_batch_gives_nothing() -> None:
    assert MODEL.classify([], [], []) == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_undisputed_sentences_are_judged_as_any_reader_would(language: str) -> None:
    own = [row for row in SENTENCES if row[0] == language]
    judged = judge(*((text, language) for _, _, text in own))
    wrong = [(row, judgement) for row, judgement in zip(own, judged, strict=True) if row[1] != judgement.label]
    reversed_mood = [row for row, judgement in wrong if "neutral" not in (row[1], judgement.label)]
    assert len(own) == 30
    assert len(wrong) <= 4, wrong
    assert reversed_mood == []


@pytest.mark.parametrize(
    ("language", "text", "topic"),
    [
        ("en", "Analysts upgrade Pinecrest Bank to buy and lift the price target", "analyst_update"),
        ("en", "The Fed signals another interest rate hike, Powell says", "central_banks"),
        ("en", "Harbor Foods declares a quarterly dividend of $0.25 a share", "dividend"),
        ("en", "Bitcoin slides as crypto exchanges halt withdrawals", "crypto"),
        ("zh", "北辰科技三季度净利润同比大增，营收创新高", "earnings"),
        ("zh", "美联储宣布加息25个基点", "central_banks"),
        ("zh", "星河电子拟收购海棠软件51%股权", "mergers"),
        ("zh", "云帆汽车被证监会立案调查", "legal_regulation"),
    ],
)
def test_plain_topics_are_named_in_both_languages(language: str, text: str, topic: str) -> None:
    assert topic in [name for name, _ in judge((text, language))[0].topics]


def test_the_shipped_folder_is_small_and_loads_at_once() -> None:
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 5_000_000
    started_s = time.perf_counter()
    load()
    assert time.perf_counter() - started_s < 1.0
