"""Exactness: the figures of two models whose differences are known, and the shipped model in any company."""

from collections.abc import Mapping, Sequence

import pytest

from classifier.errors import ClassifierError
from classifier.exactness import company, compare, run
from classifier.inference import load
from classifier.judgements import Judgement, ModelInfo, check_lengths
from tests.classifier.sanity_sentences import SENTENCES

LARGEST_DIFFERENCE = 1e-3


def said(
    negative: float, neutral: float, positive: float, *topics: tuple[str, float], of: str = "earnings"
) -> Judgement:
    return Judgement(negative, neutral, positive, topics or ((of, 0.5),), ())


class Oracle:
    """Says what it was told to say of each text; `drift` times the number of batch-mates is added to its positive."""

    def __init__(self, name: str, answers: Mapping[str, Judgement], drift: float = 0.0) -> None:
        self.info = ModelInfo(name, "1", "00")
        self._answers = answers
        self._drift = drift

    def classify(
        self,
        texts: Sequence[str],
        languages: Sequence[str],
        targets: Sequence[Sequence[str]],
        kinds: Sequence[str | None] | None = None,
    ) -> list[Judgement]:
        """Look the answers up."""
        check_lengths(texts, languages, targets, kinds)
        moved = self._drift * (len(texts) - 1)
        found = [self._answers[text] for text in texts]
        return [one._replace(neutral=one.neutral - moved, positive=one.positive + moved) for one in found]


TEXTS, LANGUAGES = ["a", "b", "c", "丁"], ["en", "en", "en-GB", "zh"]
REFERENCE = Oracle(
    "reference",
    {
        "a": said(0.1, 0.2, 0.7, ("earnings", 0.9), ("markets", 0.4)),
        "b": said(0.2, 0.5, 0.3),
        "c": said(0.6, 0.3, 0.1),
        "丁": said(0.1, 0.45, 0.45),
    },
)
CANDIDATE = Oracle(
    "candidate",
    {
        "a": said(0.1, 0.2, 0.7, ("earnings", 0.8), ("dividend", 0.4)),
        "b": said(0.2, 0.3, 0.5),  # the one label that differs
        "c": said(0.6, 0.3, 0.1, of="markets"),
        "丁": said(0.1, 0.46, 0.44),
    },
)


def test_every_difference_of_two_models_is_counted_once_and_where_it_is() -> None:
    found = run(CANDIDATE, REFERENCE, TEXTS, LANGUAGES)
    assert (found["candidate"]["id"], found["reference"]["id"]) == ("candidate", "reference")
    assert (found["texts"], found["label_agreement"]) == (4, 0.75)
    assert (found["disagreements"], found["disagreements_at"]) == (1, [1])
    assert found["probability"] == {"mean": pytest.approx(0.42 / 12), "max": 0.2}
    assert found["topic_agreement"] == 0.75  # of c
    assert found["topics_agreement"] == 0.5  # of c and a
    assert found["topic_probability"] == {"mean": pytest.approx(0.1 / 3, abs=1e-6), "max": 0.1}
    assert found["languages"]["en"]["label_agreement"] == pytest.approx(2 / 3, abs=1e-6)
    assert found["languages"]["zh"]["label_agreement"] == 1.0
    assert found["languages"]["zh"]["probability"]["max"] == 0.01
    assert "accuracy" not in found


def test_accuracy_is_compared_where_labels_are_known() -> None:
    found = run(CANDIDATE, REFERENCE, TEXTS, LANGUAGES, labels=["positive", "neutral", None, "neutral"])
    assert found["accuracy"] == {"texts": 3, "candidate": 0.666667, "reference": 1.0, "difference": -0.333333}
    assert found["languages"]["zh"]["accuracy"]["difference"] == 0.0


def test_a_model_agrees_with_itself() -> None:
    found = run(REFERENCE, REFERENCE, TEXTS, LANGUAGES, kinds=["news", None, "social", "news"])
    assert (found["label_agreement"], found["topic_agreement"], found["topics_agreement"]) == (1.0, 1.0, 1.0)
    assert found["probability"] == found["topic_probability"] == {"mean": 0.0, "max": 0.0}
    assert found["batch"] == {"texts": 4, "largest_difference": 0.0, "labels_changed": 0, "topics_changed": 0}


def test_models_that_name_no_topic_in_common_have_no_difference_between_topics() -> None:
    one, other = said(0.1, 0.2, 0.7), said(0.1, 0.2, 0.7, of="markets")
    assert compare([one], [other], [None])["topic_probability"] == {"mean": 0.0, "max": 0.0}


def test_a_model_that_listens_to_its_batch_is_found_out() -> None:
    found = company(Oracle("drifting", REFERENCE._answers, drift=0.04), TEXTS, LANGUAGES)
    assert found["largest_difference"] == pytest.approx(0.12)
    assert found["labels_changed"] == 2  # b, and 丁 whose neutral and positive are even
    assert found["topics_changed"] == 0


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ClassifierError, match="give at least one text"):
        run(CANDIDATE, REFERENCE, [], [])
    with pytest.raises(ClassifierError, match="1 labels for 4 texts"):
        run(CANDIDATE, REFERENCE, TEXTS, LANGUAGES, labels=["neutral"])
    with pytest.raises(ClassifierError, match="unknown label 'bullish'"):
        run(CANDIDATE, REFERENCE, TEXTS, LANGUAGES, labels=["bullish", None, None, None])
    with pytest.raises(ClassifierError, match="one language"):
        run(CANDIDATE, REFERENCE, TEXTS, ["en"])


def test_the_shipped_model_gives_a_text_the_same_answer_alone_and_among_others() -> None:
    mixed = [
        *((text, language) for language, _, text in SENTENCES),
        ("Northwind Robotics 北辰科技 beats, 股价大涨 again", "zh"),
        ("盘前 up 3%, $NWRB 继续看多 🚀🚀", "en"),
        ("ok", "en"),
        ("", "zh"),
        ("Cobalt Air misses and its bonds fall, the board meets again on Friday. " * 20, "en"),
        ("星河电子第三季度营收下滑，管理层下调全年指引。" * 12, "zh"),
    ]
    found = company(load(), [text for text, _ in mixed], [language for _, language in mixed])
    assert found["texts"] == len(mixed)
    assert found["largest_difference"] <= LARGEST_DIFFERENCE
    assert found["labels_changed"] == found["topics_changed"] == 0
