"""Figures against cases worked out by hand."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from classifier import evaluate
from classifier.data import NEGATIVE, NEUTRAL, POSITIVE, SETS, Example
from classifier.errors import DataError, TrainingError
from classifier.evaluate.baselines import Exam, Vader, commonest_label, vader_english
from classifier.evaluate.names import name_scores
from classifier.evaluate.scores import abstention, reliability
from classifier.inference import LINEAR, Judgement, load
from classifier.labels import topic_ids
from classifier.linear.fitting import binary_loss, choice_loss, fit, temperature
from classifier.linear.model import narrowed
from classifier.training import recipes
from tests.classifier.test_data import write

BY_NAME = {data_set.name: data_set for data_set in SETS}


def row(name: str, allowed: int = 0, topics: tuple[str, ...] = ()) -> Example:
    return Example("x", "x", BY_NAME[name], "dev", allowed, tuple(topic_ids().index(topic) for topic in topics))


def said(negative: float, neutral: float, positive: float, *topics: str) -> Judgement:
    return Judgement(negative, neutral, positive, tuple((topic, 0.9) for topic in topics), ())


def test_sentiment_scores_equal_a_case_worked_by_hand() -> None:
    rows = [
        row("en_sentfin", NEGATIVE),
        row("en_sentfin", NEUTRAL),
        row("en_sentfin", POSITIVE),
        row("en_sentfin", POSITIVE),
    ]
    judged = [said(0.75, 0.15, 0.1), said(0.1, 0.15, 0.75), said(0.0, 0.25, 0.75), said(0.05, 0.85, 0.1)]
    score = evaluate.sentiment_scores(rows, judged)
    assert score["confusion"] == [[1, 0, 0], [0, 0, 1], [0, 1, 1]]
    assert score["accuracy"] == 0.5
    assert score["macro_f1"] == round((1.0 + 0.0 + 0.5) / 3, 4)
    # bin 0.7–0.8: 3 rows, 2 right, confidence 2.25; bin 0.8–0.9: 1 row, none right, confidence 0.85
    assert score["ece"] == round((0.25 + 0.85) / 4, 4)
    assert score["weighted_f1"] == round((1.0 + 0.0 + 2 * 0.5) / 4, 4)
    assert score["per_label"]["positive"] == {"n": 2, "precision": 0.5, "recall": 0.5, "f1": 0.5}
    assert score["reliability"] == [
        {"confidence": 0.75, "accuracy": 0.6667, "n": 3},
        {"confidence": 0.85, "accuracy": 0.0, "n": 1},
    ]
    # the surest row is wrong; the next three are equally sure, and come together
    assert score["abstention"] == [
        {"share": 0.25, "confidence": 0.85, "accuracy": 0.0},
        {"share": 1.0, "confidence": 0.75, "accuracy": 0.5},
    ]


def test_a_label_that_is_never_said_has_no_precision() -> None:
    score = evaluate.sentiment_scores([row("en_sentfin", NEGATIVE)], [said(0.0, 1.0, 0.0)])
    assert score["per_label"] == {
        "negative": {"n": 1, "precision": None, "recall": 0.0, "f1": 0.0},
        "neutral": {"n": 0, "precision": 0.0, "recall": None, "f1": 0.0},
    }


def test_a_set_without_neutral_is_scored_over_its_two_labels() -> None:
    judged = [said(0.3, 0.6, 0.1), said(0.0, 1.0, 0.0)]
    score = evaluate.sentiment_scores([row("en_stockemotions", NEGATIVE), row("en_stockemotions", POSITIVE)], judged)
    assert score["labels"] == ["negative", "positive"]
    assert score["confusion"] == [[1, 0], [1, 0]]
    assert score["ece"] == round(abs(1 - 0.75) / 2 + 0.5 / 2, 4)


def test_a_set_that_knows_negative_or_not_adds_the_rest_up() -> None:
    judged = [said(0.4, 0.3, 0.3), said(0.6, 0.2, 0.2)]
    rows = [row("zh_negative_entities", NEUTRAL | POSITIVE), row("zh_negative_entities", NEUTRAL | POSITIVE)]
    score = evaluate.sentiment_scores(rows, judged)
    assert score["labels"] == ["negative", "neutral or positive"]
    assert score["accuracy"] == 0.5


def test_topic_scores_equal_a_case_worked_by_hand() -> None:
    rows = [row("zh_news_flashes", topics=("bonds", "macro")), row("zh_news_flashes", topics=("energy",))]
    # "earnings" is no topic of this set: neither right nor wrong
    judged = [said(0, 1, 0, "earnings", "bonds", "energy"), said(0, 1, 0, "macro", "energy")]
    score = evaluate.topic_scores(rows, judged)
    assert score["accuracy"] == 0.5
    assert score["f1"] == {"bonds": 1.0, "energy": 0.6667, "macro": 0.0}
    assert score["micro_f1"] == round(2 * 2 / (4 + 3), 4)


def test_a_text_without_a_nameable_topic_is_wrong_and_the_first_to_abstain_from() -> None:
    rows = [row("zh_news_flashes", topics=("bonds",)), row("zh_news_flashes", topics=("energy",))]
    score = evaluate.topic_scores(rows, [said(0, 1, 0, "earnings"), said(0, 1, 0, "energy")])
    assert score["accuracy"] == 0.5
    assert [(point["share"], point["accuracy"]) for point in score["abstention"]] == [(0.5, 1.0), (1.0, 0.5)]


def test_macro_f1_is_over_labels_that_occur() -> None:
    assert evaluate.macro_f1(np.array([[2, 0, 0], [0, 2, 0], [0, 0, 0]])) == 1.0


ROWS_WITH_CONFIDENCE = st.lists(
    st.tuples(st.integers(min_value=0, max_value=1000).map(lambda n: n / 1000), st.booleans()), min_size=1
)


@given(ROWS_WITH_CONFIDENCE)
def test_who_answers_everything_has_the_plain_accuracy(rows: list[tuple[float, bool]]) -> None:
    confidence, correct = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    curve = abstention(confidence, correct)
    assert (curve[-1]["share"], curve[-1]["accuracy"]) == (1.0, round(float(correct.mean()), 4))
    assert [point["share"] for point in curve] == sorted({point["share"] for point in curve})
    assert [point["confidence"] for point in curve] == sorted((point["confidence"] for point in curve), reverse=True)


@given(ROWS_WITH_CONFIDENCE, st.randoms(use_true_random=False))
def test_the_order_of_rows_means_nothing_to_the_curves(rows: list[tuple[float, bool]], random: Any) -> None:
    shuffled = random.sample(rows, len(rows))
    curves = [
        (abstention(sure, right), [point["n"] for point in reliability(sure, right)])
        for part in (rows, shuffled)
        for sure, right in [(np.array([row[0] for row in part]), np.array([row[1] for row in part]))]
    ]
    assert curves[0] == curves[1]


@given(ROWS_WITH_CONFIDENCE)
def test_the_bins_hold_every_row_and_their_gaps_make_the_calibration_error(rows: list[tuple[float, bool]]) -> None:
    confidence, correct = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    bins = reliability(confidence, correct)
    assert sum(one["n"] for one in bins) == len(rows)
    gaps = sum(one["n"] * abs(one["confidence"] - one["accuracy"]) for one in bins) / len(rows)
    assert evaluate.expected_calibration_error(confidence, correct) == pytest.approx(gaps, abs=1e-4)


def test_the_choice_loss_leaves_masked_outputs_alone() -> None:
    nameable, allowed = np.array([[True, False, True]]), np.array([[True, False, False]])
    value, slope = choice_loss(nameable, allowed, np.ones(1))(np.array([[0.0, 9.0, np.log(3.0)]]))
    assert value == pytest.approx(np.log(4.0))
    assert slope == pytest.approx(np.array([[-0.75, 0.0, 0.75]]))


def test_fitting_finds_the_minimum_of_a_convex_loss() -> None:
    matrix = sparse.csr_matrix(np.array([[1, 0], [1, 0], [0, 1], [0, 1]], dtype=np.float32))
    loss = binary_loss(np.array([[1.0], [1.0], [0.0], [0.0]]), np.ones((4, 1)))
    weights, bias = fit(matrix, np.zeros(4, dtype=np.intp), 1, loss, 1, 0.01, 200)
    logits = matrix @ weights + bias
    slope = np.asarray(matrix.T @ loss(logits)[1] + 0.01 * weights)
    assert np.abs(slope).max() < 1e-3
    assert logits[0, 0] > 0 > logits[2, 0]


def test_temperature_cools_an_overconfident_model() -> None:
    logits = np.array([[4.0, 0.0, -50.0]] * 4)
    allowed = np.array([[True, False, False]] * 3 + [[False, True, False]])
    found = temperature(logits, choice_loss(np.ones((4, 3), dtype=bool), allowed, np.ones(4)))
    assert found == pytest.approx(4.0 / np.log(3.0), rel=0.01)


def test_folding_keeps_the_leading_bits() -> None:
    folded = narrowed(sparse.csr_matrix(np.array([[0, 2, 0, 1]], dtype=np.float32)), 1)
    assert folded.toarray().tolist() == [[2.0, 1.0]]


def filler(seed: str) -> str:
    """Letters without meaning, so that no text is the near twin of another (a held-out text's twins do not train)."""
    return sha256(seed.encode()).hexdigest()[:40]


def tiny_data(folder: Path) -> Path:
    words = {"positive": "gains strong", "negative": "losses weak", "neutral": "meeting agenda"}
    rows = [
        {
            "text": f"{words[label]} item {filler(label + str(n))}",
            "sentiment": label,
            "split": "dev" if n % 5 == 0 else "train",
        }
        for n in range(30)
        for label in words
    ]
    write(folder, "en_sentfin", rows)
    topics = [
        {"text": f"{words} note {filler(words + str(n))}", "topics": [topic], "split": "dev" if n % 5 == 0 else "train"}
        for n in range(30)
        for words, topic in (("pays dividend", "Dividend"), ("quarter results", "Earnings"))
    ]
    write(folder, "en_topic_tweets", topics)
    return folder


def test_the_recipe_trains_a_model_that_loads_and_is_the_same_each_time(tmp_path: Path) -> None:
    told: list[str] = []
    folder = tiny_data(tmp_path / "data")
    record = recipes.run("linear", recipes.Wanted(folder, tmp_path / "one", seed=1), told.append)
    recipes.run("linear", recipes.Wanted(folder, tmp_path / "two", seed=2), told.append)
    assert load(tmp_path / "one").info == load(tmp_path / "two").info
    assert record["dev"]["sets"]["en_sentfin"]["accuracy"] == 1.0
    (judgement,) = load(tmp_path / "one").classify(["pays dividend, gains strong"], ["en"], [()])
    assert (judgement.label, judgement.topics[0][0]) == ("positive", "dividend")
    assert evaluate.run(tmp_path / "one", folder, "dev")["sets"] == record["dev"]["sets"]
    assert "SEntFiN" in (tmp_path / "one" / "MODEL_CARD.md").read_text()
    assert told


def test_unknown_recipes_and_splits_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="known are: encoder, linear"):
        recipes.run("magic", recipes.Wanted(tmp_path, tmp_path / "out"), print)
    with pytest.raises(DataError, match="dev or test"):
        evaluate.run(None, tiny_data(tmp_path), "train")


def test_an_evaluation_holds_every_model_on_every_set(tmp_path: Path) -> None:
    folder = tiny_data(tmp_path)
    result = evaluate.run(LINEAR, folder, "dev", against=LINEAR, baselines=True, hard_cases=True)
    assert list(result["sets"]) == ["en_sentfin", "en_topic_tweets"]
    names = ["groundswell-linear 1 (", "commonest label", "linear", "VADER"]
    for other, name in zip(result["others"], names, strict=True):
        assert other["name"].startswith(name)
        assert list(other["sets"]) == list(result["sets"])
        assert list(other["hard_cases"]) == ["en", "zh"]
        assert all("n" in figures or figures["note"] for figures in other["sets"].values())
    lines = evaluate.table(result)
    assert len(lines) == (len(result["sets"]) + 2) * (1 + len(names))
    assert [line.own for line in lines[:5]] == [True, False, False, False, False]
    (comparison,) = result["comparisons"]
    assert [comparison["sets"][name]["agreement"] for name in result["sets"]] == [1.0, 1.0]


def test_plain_evaluation_and_a_run_agree(tmp_path: Path) -> None:
    folder = tiny_data(tmp_path)
    plain, result = evaluate.evaluate(load(LINEAR), folder, "dev"), evaluate.run(LINEAR, folder, "dev")
    assert plain == {key: result[key] for key in ("sets", "languages")}


def test_a_limit_asks_the_same_rows_each_time_and_no_more(tmp_path: Path) -> None:
    folder = tiny_data(tmp_path)
    result = evaluate.run(LINEAR, folder, "dev", limit=7)
    assert {figures["n"] for figures in result["sets"].values()} == {7}
    assert evaluate.run(LINEAR, folder, "dev", limit=7) == result
    assert evaluate.run(LINEAR, folder, "dev", limit=10_000)["sets"] == evaluate.run(LINEAR, folder, "dev")["sets"]


class Marking:
    """Calls every text neutral, and a name by its first letter."""

    info = load(LINEAR).info
    LABELS: ClassVar = {"A": "negative", "B": "positive", "C": "neutral"}

    def classify(
        self,
        texts: Sequence[str],
        languages: Sequence[str],
        targets: Sequence[Sequence[str]],
        kinds: Sequence[str | None] | None = None,
    ) -> list[Judgement]:
        whole = said(0.1, 0.8, 0.1)
        return [whole._replace(targets=tuple((self.LABELS[name[0]], 0.5) for name in names)) for names in targets]


def test_names_are_scored_beside_the_label_of_their_text(tmp_path: Path) -> None:
    def names(**labels: str) -> list[dict[str, str]]:
        return [{"entity": name, "label": label} for name, label in labels.items()]

    rows = [
        {"text": "Axe falls, Bow gains", "entities": names(Axe="negative", Bow="positive")},
        {"text": "Axe sues Cup", "entities": names(Axe="negative", Cup="neutral")},
        {"text": "Cup and Bow meet", "entities": names(Cup="neutral", Bow="neutral")},
        {"text": "Bow opens a shop", "entities": names(Bow="positive")},
    ]
    write(tmp_path, "en_sentfin", [{**row, "sentiment": "neutral", "split": "dev"} for row in rows])
    write(tmp_path, "en_stockemotions", [{"text": "moon", "sentiment": "positive", "split": "dev"}])
    (name, found), *others = name_scores(Marking(), tmp_path, "dev", None, print).items()
    assert (name, others, found["texts"], found["texts_of_several"]) == ("en_sentfin", [], 4, 3)
    assert (found["all"]["name"]["n"], found["all"]["name"]["accuracy"]) == (7, round(6 / 7, 4))
    assert found["all"]["text"]["accuracy"] == round(3 / 7, 4)
    differing = found["differing"]
    assert (differing["name"]["macro_f1"], differing["text"]["f1"]["neutral"]) == (1.0, 0.4)
    assert differing["difference"]["macro_f1"] == round(1.0 - 0.4 / 3, 4)


def test_rows_with_a_near_twin_in_training_are_also_left_out(tmp_path: Path) -> None:
    rows = [
        {"text": f"shares rise {n}", "topics": ["Stock Movement"], "split": "test", "near_duplicate_in_train": n < 3}
        for n in range(5)
    ]
    write(tmp_path, "en_topic_tweets", rows)
    figures = evaluate.run(LINEAR, tmp_path, "test")["sets"]["en_topic_tweets"]
    assert (figures["n"], figures["without_near_duplicates"]["n"]) == (5, 2)


def test_a_folder_without_the_split_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has a test part"):
        evaluate.run(LINEAR, tiny_data(tmp_path), "test")


def test_the_commonest_label_is_learnt_in_the_training_part() -> None:
    training = [row("en_sentfin", POSITIVE)] * 3 + [row("en_sentfin", NEGATIVE)]
    chosen = commonest_label(Exam([row("en_sentfin", NEGATIVE)], training))
    assert chosen.classifier is not None
    (judgement,) = chosen.classifier.classify(["anything"], ["en"], [("ORBQ",)])
    assert (judgement.positive, judgement.negative, chosen.note) == (0.75, 0.25, "")
    assert judgement.targets == (("positive", 0.5),)


def test_a_commonest_label_that_was_counted_on_the_rows_asked_says_so() -> None:
    chosen = commonest_label(Exam([row("zh_news_flashes", topics=("bonds", "macro"))]))
    assert "no training part" in chosen.note
    assert chosen.classifier is not None
    (judgement,) = chosen.classifier.classify(["债市"], ["zh"], [()])
    assert judgement.topics[0][0] in ("bonds", "macro")


class Says:
    """Stands in for VADER's analyser."""

    def __init__(self, compound: float) -> None:
        self.compound = compound

    def polarity_scores(self, text: str) -> dict[str, float]:
        return {"compound": self.compound}


@given(st.floats(min_value=-1, max_value=1))
def test_vader_is_read_as_its_authors_say(compound: float) -> None:
    (judgement,) = Vader(Says(compound)).classify(["x"], ["en"], [()])
    label = "positive" if compound >= 0.05 else "negative" if compound <= -0.05 else "neutral"
    assert judgement.label == label
    assert round(judgement.negative + judgement.neutral + judgement.positive, 4) == 1.0


def test_vader_says_why_it_does_not_answer() -> None:
    vader = Vader(Says(0.5))
    assert vader_english(Exam([row("zh_forum_posts", POSITIVE)]), vader) == (None, "reads English only")
    assert vader_english(Exam([row("en_topic_tweets", topics=("bonds",))]), vader) == (None, "names no topics")
    assert "pip install" in vader_english(Exam([row("en_sentfin", POSITIVE)]), None).note
    assert vader_english(Exam([row("en_sentfin", POSITIVE)]), vader).classifier is vader
