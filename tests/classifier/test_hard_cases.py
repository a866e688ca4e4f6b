"""The hard cases are a well-formed, balanced, frozen list that no training text repeats, and are scored as such."""

import re
import unicodedata
from collections import Counter

import pytest

from classifier.data import SENTIMENT_BITS, text_key
from classifier.evaluate import hard
from classifier.judgements import Judgement
from classifier.labels import LANGUAGES, SENTIMENTS

CASES = hard.cases()


def said(sentiment: str, probability: float = 0.8) -> Judgement:
    rest = round((1 - probability) / 2, 4)
    values = {name: probability if name == sentiment else rest for name in SENTIMENTS}
    return Judgement(values["negative"], values["neutral"], values["positive"], (("macro", 0.5),), ())


def test_the_list_is_frozen() -> None:
    """Figures of two models compare only on one list: a change is a new list, and makes old figures void."""
    assert hard.digest() == "beeeade43dc837549f8180e699fac80bb43e5fa0b82389aeb91b0f638fcd8933"


def test_there_are_enough_and_each_is_complete() -> None:
    assert len(CASES) >= 300
    for case in CASES:
        assert case.language in LANGUAGES
        assert case.sentiment in SENTIMENTS
        assert re.fullmatch(rf"{case.language}-{case.phenomenon}-\d\d", case.id)
        assert case.text == case.text.strip() != ""
        assert not any(unicodedata.category(character) in ("Cc", "Cs", "Co") for character in case.text)
        assert bool(re.search(r"[\u4e00-\u9fff]", case.text)) == (case.language == "zh") or "tickers" in case.phenomenon


def test_no_id_and_no_text_stands_twice() -> None:
    assert len({case.id for case in CASES}) == len(CASES)
    assert len({text_key(case.text) for case in CASES}) == len(CASES)


def test_languages_and_sentiments_are_balanced() -> None:
    languages = Counter(case.language for case in CASES)
    assert max(languages.values()) < 1.1 * min(languages.values())
    for language in LANGUAGES:
        sentiments = Counter(case.sentiment for case in CASES if case.language == language)
        assert max(sentiments.values()) < 2 * min(sentiments[name] for name in SENTIMENTS)


def test_every_phenomenon_is_in_both_languages_with_more_than_one_sentiment() -> None:
    for name in {case.phenomenon for case in CASES}:
        own = [case for case in CASES if case.phenomenon == name]
        assert len(own) >= 10
        counts = Counter(case.language for case in own)
        assert max(counts.values()) <= 1.5 * min(counts[language] for language in LANGUAGES)
        for language in LANGUAGES:
            assert len({case.sentiment for case in own if case.language == language}) >= 2


def test_no_invented_training_sentence_is_a_hard_case() -> None:
    written = pytest.importorskip("classifier.training.written").written
    keys = {text_key(case.text) for case in CASES}
    shared = {sentence.text for sentence in written(4000, seed=1) if text_key(sentence.text) in keys}
    assert shared == set()


def test_hard_cases_may_not_train() -> None:
    rows = hard.rows(CASES)
    assert not any(row.data_set.trains for row in rows)
    assert {row.split for row in rows} == {"test"}
    assert [row.allowed for row in rows] == [SENTIMENT_BITS[case.sentiment] for case in CASES]


def test_who_knows_all_makes_no_error() -> None:
    figures = hard.hard_scores(CASES, [said(case.sentiment) for case in CASES])
    assert (figures["accuracy"], figures["macro_f1"], figures["errors"]) == (1.0, 1.0, [])
    assert all(row["right"] == row["n"] for row in figures["phenomena"].values())


def test_errors_are_listed_and_counted_by_language_and_phenomenon() -> None:
    figures = hard.hard_scores(CASES, [said("neutral", 0.7) for _ in CASES])
    wrong = [case for case in CASES if case.sentiment != "neutral"]
    assert [(error["id"], error["gold"]) for error in figures["errors"]] == [
        (case.id, case.sentiment) for case in wrong
    ]
    assert {(error["said"], error["probability"]) for error in figures["errors"]} == {("neutral", 0.7)}
    for name, row in figures["phenomena"].items():
        assert row["n"] - row["right"] == sum(case.phenomenon == name for case in wrong)
        assert row["n"] == sum(part["n"] for part in row["languages"].values())
    assert sum(row["n"] for row in figures["phenomena"].values()) == figures["n"] == len(CASES)
    assert sum(row["n"] for row in figures["languages"].values()) == len(CASES)
