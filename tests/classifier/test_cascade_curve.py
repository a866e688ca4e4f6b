"""Claims about cost: the fake's error rate, the curve of accuracy against price, and plain arithmetic."""

import time
from itertools import pairwise
from typing import Any

import pytest

from classifier.cascade.asker import Clock
from classifier.cascade.curve import Sheet, curve
from classifier.cascade.gold import GoldModel, gold_of
from classifier.cascade.question import question
from classifier.cascade.settings import CascadeSettings
from classifier.cascade.surveying import by_endpoint, by_gold
from classifier.cost import Price, llm_per_million, per_million
from classifier.data import NEGATIVE, POSITIVE, DataSet, Example
from classifier.errors import ClassifierError
from classifier.judgements import Judgement
from tests.classifier.cascade_parts import Parts, settings

TWO = DataSet("two", "two", "en", "permissive", "Two labels", (NEGATIVE, POSITIVE))


def rows(n: int) -> list[Example]:
    return [Example(f"text {at}", f"text {at}", TWO, "dev", (NEGATIVE, POSITIVE)[at % 2], ()) for at in range(n)]


def judged(right: bool, sure: float, row: Example) -> Judgement:
    negative = (row.allowed == NEGATIVE) == right
    return Judgement(sure if negative else 1 - sure, 0.0, 1 - sure if negative else sure, (), ())


def sheet(n: int = 100, wrong: int = 20) -> Sheet:
    """The least sure rows are wrong, the large model is right everywhere; a text takes 200 tokens in and 20 out."""
    made = rows(n)
    own = [judged(at >= wrong, 0.55 + 0.004 * at, row) for at, row in enumerate(made)]
    return Sheet(made, own, [judged(True, 0.9, row) for row in made], [200] * n, [20] * n)


def test_the_curve_runs_from_the_models_accuracy_to_the_large_models() -> None:
    points = curve([sheet()], [Price(1.0, 4.0)], 0.001)["curve"]
    assert [points[at]["share"] for at in (0, 1, -1)] == [0.0, 0.05, 1.0]
    assert [points[at]["accuracy"] for at in (0, 1, 4, -1)] == [0.8, 0.85, 1.0, 1.0]
    assert points[0]["prices"][0] == {"price_in": 1.0, "price_out": 4.0, "per_1000": 0.0, "per_million": 0.0}
    assert points[-1]["prices"][0]["per_million"] == 280.0
    assert points[-1]["prices"][0]["per_1000"] == 0.28
    assert all(before["tokens_in"] < after["tokens_in"] for before, after in pairwise(points))


def test_the_confidence_told_is_what_to_set_to_send_that_share() -> None:
    own = sheet()
    for point in curve([own], [Price(1.0, 4.0)], 0.001)["curve"]:
        sent = sum(max(one[:3]) < point["confidence_below"] for one in own.own)
        assert sent == round(point["share"] * 100)


@pytest.mark.parametrize(("price", "share"), [(Price(0.0, 0.0), 0.2), (Price(1.0, 4.0), 0.2), (Price(20.0, 0.0), 0.0)])
def test_the_best_share_is_where_worth_less_price_is_highest(price: Price, share: float) -> None:
    (best,) = curve([sheet()], [price], 0.001)["best"]
    assert best["share"] == share
    expected = 0.001 * 20 / 100 * 1e6 - 0.2 * llm_per_million(200, 20, price) if share else 0.0
    assert best["gain_per_million"] == round(expected, 2)


def test_a_large_model_that_errs_more_is_sent_nothing() -> None:
    good = sheet(wrong=0)
    worse = good._replace(other=[judged(at % 3 > 0, 0.9, row) for at, row in enumerate(good.rows)])
    assert curve([worse], [Price(0.0, 0.0)], 1.0)["best"][0]["share"] == 0.0


def test_the_fake_errs_as_often_as_it_is_told_and_the_same_way_each_time() -> None:
    texts = [f"text {number}" for number in range(4000)]
    known = dict.fromkeys(texts, gold_of("negative"))
    wrong = [GoldModel(known, 0.1, seed=3).answer(text).negative < 0.5 for text in texts]
    assert 0.08 < sum(wrong) / len(texts) < 0.12
    assert wrong == [GoldModel(known, 0.1, seed=3).answer(text).negative < 0.5 for text in texts]
    assert wrong != [GoldModel(known, 0.1, seed=4).answer(text).negative < 0.5 for text in texts]


def test_gold_answers_are_right_in_a_set_of_two_labels() -> None:
    made = rows(50)
    config = CascadeSettings(model="fake")
    asked: Any = [_question(row) for row in made]
    outcomes = by_gold(config, 0.0, 1)(made, asked)
    assert [one.answer is not None and one.answer.negative > 0.5 for one in outcomes] == [
        row.allowed == NEGATIVE for row in made
    ]
    assert all(one.tokens_in > 100 and one.tokens_out > 5 for one in outcomes)


def test_a_survey_ends_at_once_where_the_endpoint_brings_nothing() -> None:
    config = settings()
    one = Parts(config)
    answering = by_endpoint(config, one.endpoint, one.budget, _clock())
    with pytest.raises(ClassifierError, match=r"127\.0\.0\.1:1 brings no answers: the first question was failed"):
        answering(rows(5), [_question(row) for row in rows(5)])


def test_a_million_documents_cost_what_arithmetic_says() -> None:
    assert per_million(1000, 3.6) == pytest.approx(1.0)
    assert llm_per_million(300, 20, Price(0.15, 0.6)) == pytest.approx(57.0)
    with pytest.raises(ClassifierError, match="above 0"):
        per_million(0, 1)


def _question(row: Example) -> Any:
    return question(row.text, "en", "fake", 2000, 100)


def _clock() -> Any:
    return Clock(time.monotonic, time.sleep, lambda: 0.5)
