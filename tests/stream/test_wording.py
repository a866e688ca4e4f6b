"""Claims about wordings: what makes no difference between two texts, what does, and that any text has one in time."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.wording import KEYS, SKETCH, wordings

TOLD = "Northlake recalls 40,000 cars: brakes fail!"


@pytest.mark.parametrize(
    "retold",
    [
        "NORTHLAKE RECALLS 40,000 CARS: BRAKES FAIL!",
        "Ｎｏｒｔｈｌａｋｅ recalls 40,000 cars: brakes fail!",
        "Northlake recalls 40,000 cars: brakes fail! https://news.example/a?b=1",
        "RT @someone: Northlake recalls 40,000 cars: brakes fail!",
        "Northlake recalls 40000 cars, brakes fail...",
        "  Northlake   recalls\n40,000.0 cars – brakes fail",
        "@friend Northlake recalls 40,000 cars: brakes fail! 😱",
        "09:31 Northlake recalls 40,000 cars: brakes fail! 2026-01-05",
        "UPDATE 2-Northlake recalls 40,000 cars: brakes fail!",
        "Northlake recalls 40,000 cars: brakes fail! $NLK $ABC $XYZ $QQQ",
    ],
)
def test_style_links_times_and_walls_of_tickers_make_no_difference(retold: str) -> None:
    assert wordings([retold]) == wordings([TOLD])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (TOLD, TOLD.replace("40,000", "50,000")),
        ("Northlake rises after its report", "Northlake falls after its report"),
        ("澄湾汽车股价上涨，报告公布后", "澄湾汽车股价下跌，报告公布后"),
        ("Northlake reports in Q1", "Northlake reports in Q2"),
        ("broker downgrades the miner (NLK)", "broker downgrades the miner (NYSE: ZVX)"),
    ],
)
def test_numbers_directions_and_tickers_in_brackets_are_facts(one: str, other: str) -> None:
    first, second = wordings([one, other])
    assert set(first.facts) - set(second.facts)
    assert set(second.facts) - set(first.facts)


@pytest.mark.parametrize("cut", ["Northlake recalls 40…", "Northlake recalls 40,00...", "Northlake recalls 40,000 ca…"])
def test_a_number_cut_short_is_no_other_number(cut: str) -> None:
    told, short = wordings([TOLD, cut])
    assert set(short.facts) <= set(told.facts)


def test_chinese_is_told_apart_and_matched_alike() -> None:
    one, same, other = wordings(["澄湾汽车宣布召回，刹车失灵！", "澄湾汽车宣布召回 刹车失灵", "岚澈电池宣布召回"])
    assert one == same
    assert one.sketch != other.sketch


def test_texts_of_marks_alone_are_not_all_one() -> None:
    assert len(set(wordings(["!!!", "???", "😱", "...", "$ABC $DEF $GHI", "平", "a"]))) == 7


@given(st.lists(st.text(min_size=1), max_size=6))
def test_a_text_has_the_same_wording_in_whatever_batch_it_comes(texts: list[str]) -> None:
    together = wordings(texts)
    assert together == [wordings([text])[0] for text in texts]
    for wording in together:
        assert 1 <= len(wording.keys) <= KEYS
        assert 1 <= len(wording.sketch) <= SKETCH
        assert list(wording.sketch) == sorted(set(wording.sketch))


@pytest.mark.parametrize("unit", ["😱", "9", "1,", "$a", "a.", "$a.…", "澄", "rt @", "may 1 (", ". ", "https:"])
def test_the_longest_texts_take_a_bounded_time(unit: str) -> None:
    start = time.perf_counter()
    wordings([(unit * 20_000)[:20_000]])
    assert time.perf_counter() - start < 1
