"""Which texts belong to which slice, and that parts add up."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.evaluate.answers import merged, part
from classifier.evaluate.scores import summary
from classifier.evaluate.slices import (
    FEWEST,
    SLICES,
    TOO_FEW,
    asks,
    ironic,
    membership,
    negated,
    only_tickers,
    slice_scores,
)
from tests.classifier.test_evaluate_resampling import PAIRS, answered

BY_NAME = {one.name: one for one in SLICES}
TEXTS = st.lists(st.text(max_size=200), min_size=1, max_size=20)


@given(TEXTS, st.sampled_from(["en", "zh"]))
def test_lengths_part_the_texts(texts: list[str], language: str) -> None:
    members = membership(texts, language)
    lengths = [members[name] for name in members if name.endswith("characters")]
    assert len(lengths) == 3
    assert (np.sum(lengths, axis=0) == 1).all()


@given(PAIRS, st.randoms(use_true_random=False))
def test_rows_of_parts_add_up_to_the_whole(pairs: list[tuple[int, int]], random: object) -> None:
    whole = answered(pairs)
    chosen = np.array([n % 3 == 0 for n in range(len(pairs))])
    parts = [part(whole, chosen), part(whole, ~chosen)]
    together = merged([one for one in parts if len(one.correct)])
    assert sum(int(one.correct.sum()) for one in parts) == int(whole.correct.sum())
    assert summary(together) == summary(whole)


def test_sets_with_other_labels_are_put_side_by_side() -> None:
    two = answered([(0, 0), (2, 0)])._replace(labels=("bad", "neutral", "good"))
    both = merged([answered([(0, 0), (1, 2)]), two])
    assert both.labels == ("negative", "neutral", "positive", "bad", "good")
    assert summary(both)["n"] == 4
    assert summary(both)["accuracy"] == 0.5


def test_below_twenty_rows_a_slice_says_too_few() -> None:
    for rows, says in ((FEWEST - 1, {"n": FEWEST - 1, "note": TOO_FEW}), (FEWEST, None)):
        figures = slice_scores(answered([(0, 0)] * 30), {"some": np.arange(30) < rows})["some"]
        assert figures == says if says else (figures["n"], figures["accuracy"]) == (FEWEST, 1.0)


def test_a_slice_tells_each_label() -> None:
    found = answered([(0, 0)] * 15 + [(2, 0)] * 5 + [(2, 2)] * 10)
    figures = slice_scores(found, {"all": np.ones(30, dtype=np.bool_)})["all"]
    assert {name: row["n"] for name, row in figures["per_label"].items()} == {"negative": 15, "positive": 15}
    assert figures["per_label"]["positive"]["recall"] == 0.6667


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("$ORBQ $TNGL", "en"),
        ("$ORBQ 41.20 +3.1%", "en"),
        ("NYSE: ORBQ, $41.20", "en"),
        ("600519.SH 1,688.00元 -2.1%", "zh"),
        ("$欧比机器人(SH600519)$ $BRK.B", "zh"),
        ("0700.HK | 000858 | SZ300750", "zh"),
        ("$ORBQ https://example.org/a?b=c", "en"),
    ],
)
def test_tickers_and_prices_alone_are_only_tickers(text: str, language: str) -> None:
    assert only_tickers(text, language)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("", "en"),
        ("41.20 +3.1%", "en"),
        ("$ORBQ calls", "en"),
        ("$ORBQ 🚀", "en"),
        ("600519 涨停", "zh"),
        ("up 3.1%", "en"),
    ],
)
def test_one_word_more_or_no_ticker_is_not_only_tickers(text: str, language: str) -> None:
    assert not only_tickers(text, language)


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("Orbiq does not expect a loss", "en", True),
        ("it didn’t fall", "en", True),
        ("Never sold a share", "en", True),
        ("notable growth in Northern notes", "en", False),
        ("公司没有重组计划", "zh", True),
        ("业绩不及预期", "zh", True),
        ("并非利空", "zh", True),
        ("收入不断增长，未来可期，特别感谢无锡子公司", "zh", False),
        ("不错的季报，不仅增收", "zh", False),
    ],
)
def test_negation_is_a_word_and_not_a_part_of_one(text: str, language: str, expected: bool) -> None:
    assert negated(text, language) is expected


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("Will Orbiq cut its dividend?", "en", True),
        ("see https://example.org/q?id=1", "en", False),
        ("明天会不会跌停", "zh", True),
        ("还能涨吗", "zh", True),
        ("这只票什么时候解禁", "zh", True),
        ("公司回复了投资者的疑问", "zh", False),
    ],
)
def test_questions_are_known_by_mark_or_form(text: str, language: str, expected: bool) -> None:
    assert asks(text, language) is expected


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("Oh great, another offering", "en", True),
        ("yeah right, to the moon /s", "en", True),
        ("a great quarter, and/so on", "en", False),
        ("呵呵，又是利好", "zh", True),
        ("真是良心企业", "zh", True),
        ("业绩良好", "zh", False),
    ],
)
def test_irony_is_known_by_set_turns(text: str, language: str, expected: bool) -> None:
    assert ironic(text, language) is expected


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("emoji", "to the moon 🚀", True),
        ("emoji", "套了 [大笑]", True),
        ("emoji", "[公司] 公告：比率 1:2 (P/E)", False),
        ("numbers", "下跌三成", True),
        ("numbers", "up 4%", True),
        ("numbers", "https://example.org/2024 quiet", False),
        ("numbers", "一家公司", False),
    ],
)
def test_emoji_and_numbers_are_found(name: str, text: str, expected: bool) -> None:
    assert BY_NAME[name].holds(text, "zh") is expected


@pytest.mark.parametrize("piece", ["$", "$A(", "[大", "1,", "不", "是", "NYSE:", "?", "https://", "a n't "])
def test_hostile_repetition_is_sliced_in_time(piece: str) -> None:
    started_s = time.perf_counter()
    membership([piece * 20_000], "en")
    membership([piece * 20_000], "zh")
    assert time.perf_counter() - started_s < 5
