"""Encoders behind the common interface: routing, windows, names, calibration, and what a reading is worth."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.encoder.calibration import Calibration, Scaling
from classifier.encoder.classifier import EncoderClassifier, Reader, pooled
from classifier.encoder.routing import route, worth
from classifier.encoder.runtime import F64
from classifier.encoder.tokens import MARK_OPEN, Encoded, Tokens
from classifier.judgements import ModelInfo
from classifier.labels import topic_ids
from classifier.placement import Placement
from tests.classifier import tiny_encoder as tiny

BOTH = ("en", "zh")
PLAIN = Calibration()
TOKENS = Tokens.read(msgspec.json.encode(tiny.tokenizer()), "en", tiny.WINDOW)


class Speller:
    """A runtime whose logits tell what it was given: `fall`, `rise` (more if marked) and `flat`."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, ...]] = []

    def logits(self, rows: Sequence[Sequence[int]]) -> tuple[F64, F64]:
        """Count words."""
        self.seen += [tuple(row) for row in rows]
        words = tiny.vocabulary()
        sentiment = np.zeros((len(rows), 3))
        for place, row in enumerate(rows):
            names = [words[token] for token in row]
            flat = 8.0 * names.count("flat") * (MARK_OPEN not in row)
            sentiment[place] = [2.0 * names.count("fall"), flat, 2.0 * names.count("rise")]
            if MARK_OPEN in row:
                sentiment[place] *= 2
        return sentiment, np.zeros((len(rows), len(topic_ids())))


def classifier(calibration: Calibration = PLAIN) -> tuple[EncoderClassifier, Speller, Speller]:
    english, chinese = Speller(), Speller()
    readers = {"en": Reader(TOKENS, english), "zh": Reader(TOKENS, chinese)}
    return EncoderClassifier(readers, calibration, ModelInfo("spelling", "1", "0")), english, chinese


def test_a_text_that_is_surely_neutral_is_so_about_its_names_and_is_read_once() -> None:
    model, english, _ = classifier()
    sure, unsure = model.classify(["Acme flat , beta fall"] * 2, ["en"] * 2, [["Acme", "beta"], ["absent"]])
    assert (sure.label, sure.targets) == ("neutral", (("neutral", sure.score),) * 2)
    assert (unsure.targets, len(english.seen)) == ((("neutral", unsure.score),), 2)


@pytest.mark.parametrize(
    ("text", "language", "encoder"),
    [
        ("Acme falls hard", "en", "en"),
        ("平安银行大跌", "zh", "zh"),
        ("平安银行大跌", "en", "zh"),  # a wrong tag does not send Han characters to a vocabulary without them
        ("Acme falls hard", "zh", "en"),
        ("AAPL 苹果 beats again, 真香", "zh", "zh"),
        ("Tencent (腾讯) beats estimates on strong games revenue", "en", "en"),
        ("トヨタの株価が下落", "ja", "zh"),
        ("Акции падают", "ru", "en"),
        ("", "zh", "en"),
        ("🚀", "zh", "en"),
    ],
)
def test_a_text_goes_to_the_encoder_that_knows_its_script(text: str, language: str, encoder: str) -> None:
    assert route(text, language, BOTH) == encoder


@given(st.text(max_size=60), st.sampled_from(["en", "zh", "zh-CN", "fr", "", "und"]))
def test_every_text_has_an_encoder(text: str, language: str) -> None:
    assert route(text, language, BOTH) in BOTH
    assert route(text, language, ("zh",)) == "zh"


@given(st.floats(0, 1), st.sampled_from(["en", "zh", "fr", "ja"]))
def test_a_reading_is_never_worth_more_than_its_known_tokens(known: float, language: str) -> None:
    assert 0.0 <= worth(language, "en", known) <= known
    assert worth("fr", "en", known) <= worth("en", "en", known)


def test_each_text_reaches_its_encoder_and_its_own_place() -> None:
    model, english, chinese = classifier()
    judged = model.classify(["acme fall", "公司 上涨 rise", "beta rise"], ["en", "zh", "en"], [()] * 3)
    assert [one.label for one in judged] == ["negative", "positive", "positive"]
    assert (len(english.seen), len(chinese.seen)) == (2, 1)


def test_windows_are_pooled_with_the_first_counting_twice() -> None:
    windows = ((5, 6), (5, 9, 6), (5, 10, 6))

    class Numbered:
        def logits(self, rows: Sequence[Sequence[int]]) -> tuple[F64, F64]:
            values = np.array([[4.0], [1.0], [10.0], [7.0]])[: len(rows)]
            return values, values

    sentiment, topics = pooled([Encoded(windows, 1.0), Encoded(((5, 6),), 1.0)], Numbered())
    assert sentiment[:, 0].tolist() == [(2 * 4 + 1 + 10) / 4, 7.0]
    assert topics.tolist() == sentiment.tolist()


def test_the_beginning_of_a_long_text_decides_over_one_later_window() -> None:
    model, english, _ = classifier()
    (judged,) = model.classify(["fall " * 14 + "rise " * 14], ["en"], [()])
    assert judged.label == "negative"
    assert len(english.seen) == 2


def test_names_are_judged_between_marks_and_absent_ones_by_the_text() -> None:
    model, english, _ = classifier()
    (judged,) = model.classify(["Acme fall , beta"], ["en"], [["acme", "beta", "gamma", ""]])
    assert len(judged.targets) == 4
    assert judged.targets[0][1] < judged.score < 0  # marked rows weigh double with this runtime
    assert judged.targets[2] == judged.targets[3] == (judged.label, judged.score)
    assert sum(MARK_OPEN in row for row in english.seen) == 2


def test_temperatures_go_by_language_and_register() -> None:
    cool = Calibration(sentiment={"en": Scaling(1.0), "en/news": Scaling(4.0), "en/social": Scaling(0.5)})
    model, _, _ = classifier(cool)
    text = ["acme fall"] * 3
    unknown, news, social = (
        model.classify(text[:1], ["en"], [()], kinds)[0].negative for kinds in (None, ["news"], ["social"])
    )
    assert news < unknown < social
    assert cool.of_sentiment("en", "filing") == cool.of_sentiment("en", "news")
    assert cool.of_sentiment("zh", "news") == Scaling()


def test_a_text_without_a_known_token_stays_at_the_prior() -> None:
    model, _, _ = classifier()
    for text in ("", "   ", "ξψω", "\u200b"):
        (judged,) = model.classify([text], ["en"], [()])
        assert judged[:3] == (0.25, 0.5, 0.25)
        assert judged.topics == (("general_opinion", 0.1),)


def test_a_real_folder_gives_the_same_in_any_order(tmp_path: Path) -> None:
    tiny.write(tmp_path)
    model = EncoderClassifier.read(tmp_path, Placement(1))
    texts = ["acme fall", "公司利润大幅增长", "profit of beta rise !", "", "shares " * 40]
    languages = ["en", "zh", "en", "en", "en"]
    forward = model.classify(texts, languages, [()] * 5)
    back = model.classify(texts[::-1], languages[::-1], [()] * 5)[::-1]
    assert all(
        abs(a - b) <= 1e-3
        for one, two in zip(forward, back, strict=True)
        for a, b in zip(one[:3], two[:3], strict=True)
    )
