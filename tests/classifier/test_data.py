"""Readers of labelled sets: splits, masks, licences, duplicates; on invented rows."""

import gzip
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier import data
from classifier.data import NEGATIVE, NEUTRAL, POSITIVE, SETS
from classifier.data.sets import split_of
from classifier.errors import DataError
from classifier.labels import language_index, topic_ids, topic_vocabulary
from classifier.training import silver

BY_NAME = {data_set.name: data_set for data_set in SETS}


def write(folder: Path, name: str, rows: list[dict[str, Any]]) -> data.DataSet:
    data_set = BY_NAME[name]
    path = folder / f"{data_set.file}.jsonl.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(b"".join(msgspec.json.encode(row) + b"\n" for row in rows)))
    return data_set


def test_a_set_allows_only_what_it_can_name(tmp_path: Path) -> None:
    chat = write(tmp_path, "en_stockemotions", [{"text": "to the moon", "sentiment": "positive", "split": "train"}])
    news = write(tmp_path, "zh_negative_entities", [{"text": "甲公司正常经营", "negative": False, "split": "dev"}])
    assert (data.read(tmp_path, chat)[0].allowed, chat.nameable) == (POSITIVE, NEGATIVE | POSITIVE)
    assert (data.read(tmp_path, news)[0].allowed, news.groups) == (NEUTRAL | POSITIVE, (NEGATIVE, NEUTRAL | POSITIVE))


def test_mixed_and_disputed_rows_are_left_out(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"text": "A up, B down", "sentiment": "mixed", "split": "train"},
        {"text": "A up", "sentiment": "positive", "split": "train"},
    ]
    assert [row.text for row in data.read(tmp_path, write(tmp_path, "en_sentfin", rows))] == ["A up"]
    rows = [{"text": "难说", "sentiment": "neutral", "conflict": True, "split": "train"}]
    assert data.read(tmp_path, write(tmp_path, "zh_forum_posts", rows)) == []


def test_regions_are_no_topics(tmp_path: Path) -> None:
    flashes = write(
        tmp_path,
        "zh_news_flashes",
        [
            {"text": "甲", "topics": ["中国", "公司"], "split": "train"},
            {"text": "乙", "topics": ["外国"], "split": "train"},
        ],
    )
    (row,) = data.read(tmp_path, flashes)
    assert [topic_ids()[place] for place in row.topics] == ["company_news"]


def test_sets_without_licence_to_train_never_train(tmp_path: Path) -> None:
    phrasebank = write(tmp_path, "en_phrasebank", [{"text": f"line {n}", "sentiment": "neutral"} for n in range(50)])
    rows = data.read(tmp_path, phrasebank)
    assert {row.split for row in rows} == {"dev"}
    forced = [row._replace(split="train") for row in rows]
    assert data.training_part(forced, set()) == []


def test_a_missing_dev_part_is_fixed_by_the_text_alone(tmp_path: Path) -> None:
    rows = [{"text": f"Harbor Foods item {n}", "sentiment": "neutral", "split": "train"} for n in range(1000)]
    tweets = write(tmp_path, "en_tweets", [*rows, {"text": "last", "sentiment": "neutral", "split": "test"}])
    first = {row.key: row.split for row in data.read(tmp_path, tweets)}
    write(tmp_path, "en_tweets", rows[::-1])
    second = {row.key: row.split for row in data.read(tmp_path, tweets)}
    assert first == {**second, "last": "test"}
    assert 60 < sum(split == "dev" for split in second.values()) < 140


@given(
    st.lists(st.text("abcxyz019$%涨跌", min_size=1, max_size=5), min_size=1, max_size=6),
    st.sampled_from([" ", "\n", "\u3000", " https://example.org/a1 "]),
    st.sampled_from(SETS),
)
def test_the_split_by_hash_depends_on_nothing_but_the_key(
    words: list[str], between: str, data_set: data.DataSet
) -> None:
    key = data.text_key("".join(words))
    written = data.text_key(between.join(words).upper())
    assert data.held_out(written) == data.held_out(key)
    assert split_of("train", written, data_set) == split_of("train", key, data_set)
    if data_set.own_dev:
        assert split_of("train", key, data_set) == "train", "a set with a dev part says itself what is in it"


def test_the_split_by_hash_stays_as_it_was_when_models_were_trained() -> None:
    keys = [f"harborfoodsitem{n}" for n in range(40)]
    assert [n for n, key in enumerate(keys) if data.held_out(key)] == [10, 11, 24, 26, 28, 36]


def test_training_rows_have_no_twin_in_held_out_parts_and_no_contradiction(tmp_path: Path) -> None:
    rows = [
        {"text": "Profit UP http://example.org/1", "sentiment": "positive", "split": "train"},
        {"text": "profit  up", "sentiment": "positive", "split": "dev"},
        {"text": "Sales flat", "sentiment": "neutral", "split": "train"},
        {"text": "sales flat", "sentiment": "neutral", "split": "train"},
        {"text": "Margins", "sentiment": "negative", "split": "train"},
        {"text": "margins", "sentiment": "positive", "split": "train"},
    ]
    read = data.read(tmp_path, write(tmp_path, "en_sentfin", rows))
    kept = data.training_part(read, data.held_keys(read, "sentiment"))
    assert [row.text for row in kept] == ["Sales flat"]


def test_a_line_that_is_no_object_is_named(tmp_path: Path) -> None:
    sentfin = BY_NAME["en_sentfin"]
    path = tmp_path / f"{sentfin.file}.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text('{"text": "A", "sentiment": "neutral", "split": "train"}\n[1]\n')
    with pytest.raises(DataError, match="line 2"):
        data.read(tmp_path, sentfin)


def test_a_folder_without_sets_is_refused_with_an_example(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="sentiment/en_sentfin"):
        data.present(tmp_path)


@given(st.text(max_size=30))
def test_a_key_does_not_change_when_taken_again(text: str) -> None:
    assert data.text_key(" ".join(text.split())) == data.text_key(text)


def test_a_set_names_the_topics_of_its_vocabulary() -> None:
    flashes = {topic_ids()[place] for place in BY_NAME["zh_news_flashes"].topics}
    assert {"company_news", "real_estate"} < flashes
    assert "earnings" not in flashes
    assert BY_NAME["en_sentfin"].topics == ()
    assert list(BY_NAME["en_newswire_1987"].topics) == sorted(set(topic_vocabulary("en_newswire").values()))


def test_topic_ids_are_unique_and_every_rule_names_one() -> None:
    assert len(set(topic_ids())) == len(topic_ids()) == 26
    for language, vocabulary in (("en", "en_tweets"), ("zh", "zh_news_flashes")):
        named = set(topic_vocabulary(vocabulary).values())
        assert named.isdisjoint(silver.ruled(language))


def test_a_rule_speaks_only_for_one_mood() -> None:
    assert silver.mood("甲公司因违规被罚款", "zh") == "negative"
    assert silver.mood("甲公司中标", "zh") == "positive"
    assert silver.mood("甲公司中标后被罚款", "zh") is None
    assert silver.mood("甲公司召开会议", "zh") == "neutral"
    assert silver.mood("Harbor Foods holds a meeting", "en") is None


@pytest.mark.parametrize(("tag", "place"), [("zh", 1), ("zh-Hant", 1), ("ZH-cn", 1), ("en", 0), ("fr", 0), ("", 0)])
def test_what_is_not_chinese_is_read_as_english(tag: str, place: int) -> None:
    assert language_index(tag) == place
