"""Claims about stories: which differences between two texts do not make another story."""

import pytest

from stream.stories import story_id

TOLD = "Northlake recalls 40,000 cars: brakes fail!"


@pytest.mark.parametrize(
    "retold",
    [
        "NORTHLAKE RECALLS 40,000 CARS: BRAKES FAIL!",
        "Ｎｏｒｔｈｌａｋｅ recalls 40,000 cars: brakes fail!",
        "Northlake recalls 40,000 cars: brakes fail! https://news.example/a?b=1",
        "RT @someone: Northlake recalls 40,000 cars: brakes fail!",
        "Northlake recalls 40,000 cars, brakes fail...",
        "  Northlake   recalls\n40,000 cars – brakes fail",
        "@friend Northlake recalls 40,000 cars: brakes fail! 😱",
    ],
)
def test_case_width_links_retweet_marks_and_punctuation_make_no_other_story(retold: str) -> None:
    assert story_id(retold) == story_id(TOLD)


@pytest.mark.parametrize("other", ["Northlake recalls 50,000 cars: brakes fail!", "Zavelix recalls 40,000 cars"])
def test_other_words_make_another_story(other: str) -> None:
    assert story_id(other) != story_id(TOLD)


def test_chinese_texts_are_told_apart_and_matched_alike() -> None:
    assert story_id("澄湾汽车宣布召回，刹车失灵！") == story_id("澄湾汽车宣布召回 刹车失灵")
    assert story_id("澄湾汽车宣布召回") != story_id("岚澈电池宣布召回")


def test_texts_of_marks_alone_are_not_all_one_story() -> None:
    assert story_id("!!!") != story_id("???")
