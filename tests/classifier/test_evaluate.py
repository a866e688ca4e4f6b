"""Figures against cases worked out by hand."""

from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from classifier import bench, evaluate, train
from classifier.data import NEGATIVE, NEUTRAL, POSITIVE, SETS, Example
from classifier.errors import ClassifierError, DataError, TrainingError
from classifier.fitting import binary_loss, choice_loss, fit, temperature
from classifier.inference import Judgement, load
from classifier.labels import topic_ids
from classifier.linear import narrowed
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


def test_macro_f1_is_over_labels_that_occur() -> None:
    assert evaluate.macro_f1(np.array([[2, 0, 0], [0, 2, 0], [0, 0, 0]])) == 1.0


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


def tiny_data(folder: Path) -> Path:
    words = {"positive": "gains strong", "negative": "losses weak", "neutral": "meeting agenda"}
    rows = [
        {"text": f"{words[label]} item {n}", "sentiment": label, "split": "dev" if n % 5 == 0 else "train"}
        for n in range(30)
        for label in words
    ]
    write(folder, "en_sentfin", rows)
    topics = [
        {"text": f"{words} note {n}", "topics": [topic], "split": "dev" if n % 5 == 0 else "train"}
        for n in range(30)
        for words, topic in (("pays dividend", "Dividend"), ("quarter results", "Earnings"))
    ]
    write(folder, "en_topic_tweets", topics)
    return folder


def test_the_recipe_trains_a_model_that_loads_and_is_the_same_each_time(tmp_path: Path) -> None:
    told: list[str] = []
    folder = tiny_data(tmp_path / "data")
    record = train.run(folder, tmp_path / "one", "linear", 1, told.append)
    train.run(folder, tmp_path / "two", "linear", 2, told.append)
    assert load(tmp_path / "one").info == load(tmp_path / "two").info
    assert record["dev"]["sets"]["en_sentfin"]["accuracy"] == 1.0
    (judgement,) = load(tmp_path / "one").classify(["pays dividend, gains strong"], ["en"], [()])
    assert (judgement.label, judgement.topics[0][0]) == ("positive", "dividend")
    assert evaluate.run(tmp_path / "one", folder, "dev")["sets"] == record["dev"]["sets"]
    assert "SEntFiN" in (tmp_path / "one" / "MODEL_CARD.md").read_text()
    assert told


def test_unknown_recipes_and_splits_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="known are: linear"):
        train.run(tmp_path, tmp_path / "out", "magic", 0, print)
    with pytest.raises(DataError, match="dev or test"):
        evaluate.run(None, tiny_data(tmp_path), "train")


def test_the_benchmark_counts_texts_by_the_given_clock() -> None:
    ticks = iter(range(1000))
    figures = bench.run(["Profit doubles"] * 10, clock_s=lambda: float(next(ticks)))
    assert (figures["texts_per_s"], figures["texts_per_s_low"]) == (10, 10)
    with pytest.raises(ClassifierError, match="at least one text"):
        bench.run([])
