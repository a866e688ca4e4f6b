"""What an encoder learns from: masks, names, leaks, our own rules and sentences; and the order in which it is drawn."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier import data
from classifier.errors import DataError, TrainingError
from classifier.labels import topic_ids
from classifier.training.checks import check
from classifier.training.mixture import TOLD, Row, batches, draw, targets
from classifier.training.rows import rows_of
from classifier.training.teaching import taught, unlabelled
from tests.classifier.test_data import write
from tests.stream.word_classifier import WordClassifier

SIZES = st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), st.integers(1, 60), min_size=1)


def sets(folder: Path) -> None:
    """Three invented sets: sentiment with names, topics, and a Chinese one that tells negative from the rest."""
    write(
        folder,
        "en_sentfin",
        [
            {
                "text": f"Acme {number} sinks as Beta gains",
                "sentiment": "mixed",
                "split": "train",
                "entities": [
                    {"entity": f"Acme {number}", "label": "negative"},
                    {"entity": "Beta", "label": "positive"},
                ],
            }
            for number in range(3)
        ]
        + [
            {"text": "Gamma posts a record quarter", "sentiment": "positive", "split": "train", "entities": []},
            {
                "text": "Delta Corporation files for bankruptcy protection",
                "sentiment": "negative",
                "split": "train",
                "entities": [],
            },
            {
                "text": "Delta Corporation files for bankruptcy protection!",
                "sentiment": "negative",
                "split": "dev",
                "entities": [],
            },
        ],
    )
    write(
        folder,
        "en_topic_tweets",
        [{"text": "Bitcoin is up as the Fed holds", "topics": ["Fed | Central Banks"], "split": "train"}],
    )
    write(
        folder,
        "zh_negative_entities",
        [
            {
                "text": "甲公司涉嫌诈骗，乙银行起诉",
                "negative": True,
                "entities": ["甲公司", "乙银行"],
                "negative_entities": ["甲公司"],
                "split": "train",
            }
        ],
    )


def test_names_are_learnt_where_the_text_as_a_whole_is_mixed(tmp_path: Path) -> None:
    sets(tmp_path)
    rows = rows_of(tmp_path, "en", 0, 1)
    named = {row.text[slice(*row.span)]: row.allowed for row in rows if row.span}
    assert named["Beta"] == data.POSITIVE
    assert named["Acme 1"] == data.NEGATIVE
    assert not [row for row in rows if row.group == "en_sentfin" and "sinks" in row.text]


def test_a_near_twin_of_a_held_out_text_does_not_train(tmp_path: Path) -> None:
    sets(tmp_path)
    texts = [row.text for row in rows_of(tmp_path, "en", 0, 1)]
    assert "Gamma posts a record quarter" in texts
    assert not [text for text in texts if "bankruptcy" in text]


def test_a_set_that_knows_negative_from_the_rest_only_says_so(tmp_path: Path) -> None:
    sets(tmp_path)
    rows = {row.text[slice(*row.span)] if row.span else "whole": row for row in rows_of(tmp_path, "zh", 0, 1)}
    assert rows["whole"].allowed == rows["甲公司"].allowed == data.NEGATIVE
    assert rows["乙银行"].allowed == data.NEUTRAL | data.POSITIVE
    assert rows["whole"].nameable == data.ANY


def test_topics_that_no_set_names_are_told_by_rule_at_a_lower_weight(tmp_path: Path) -> None:
    sets(tmp_path)
    (row,) = [row for row in rows_of(tmp_path, "en", 0, 1) if row.group == "en_topic_tweets"]
    names = [topic_ids()[place] for place in row.topics]
    weights = {topic_ids()[place]: weight for place, weight in row.topic_weights}
    assert names == ["central_banks", "crypto"]
    assert weights["central_banks"] > TOLD > weights["crypto"] > 0
    assert row.exclusive


def test_our_own_sentences_join_in_their_language(tmp_path: Path) -> None:
    sets(tmp_path)
    groups = Counter(row.group for row in rows_of(tmp_path, "zh", 60, 1))
    assert groups["zh_written"] == 60
    assert "en_written" not in groups


def test_targets_hold_the_masks() -> None:
    rows = [
        Row("a", "two", data.NEGATIVE | data.POSITIVE, data.POSITIVE),
        Row("b", "topics", topics=(3,), topic_weights=((3, 1.0), (5, 0.5)), exclusive=True),
    ]
    found = targets(rows)
    assert found.nameable.tolist() == [[True, False, True], [False, False, False]]
    assert found.allowed.tolist() == [[False, False, True], [False, False, False]]
    assert (found.topics[1, 3], found.topic_weights[1, 5], found.topic_weights[0].sum()) == (1.0, 0.5, 0.0)
    assert found.at(np.array([1])).exclusive.tolist() == [True]


@given(SIZES, st.sampled_from([1.0, 1.5, 4.0]), st.integers(0, 9))
def test_no_row_comes_again_before_every_row_of_its_set_came(sizes: dict[str, int], heat: float, seed: int) -> None:
    groups = [name for name, size in sizes.items() for _ in range(size)]
    order = draw(groups, heat, {"a": 0.5}, np.random.default_rng(seed))
    for name in sizes:
        counts = Counter(int(place) for place in order if groups[place] == name)
        if counts:
            assert max(counts.values()) - min(counts.values()) <= 1
            assert max(counts.values()) == 1 or len(counts) == sizes[name]
    share = sum(size * (0.5 if name == "a" else 1.0) for name, size in sizes.items())
    assert abs(len(order) - share) <= len(sizes)


def test_a_higher_temperature_gives_small_sets_more() -> None:
    groups = ["small"] * 10 + ["large"] * 1000
    drawn = {heat: draw(groups, heat, {}, np.random.default_rng(1)) for heat in (1.0, 3.0)}
    small = {heat: sum(groups[place] == "small" for place in order) for heat, order in drawn.items()}
    assert small[3.0] > 3 * small[1.0]


@given(st.lists(st.integers(1, 50), min_size=1, max_size=200), st.integers(1, 17), st.integers(0, 9))
def test_batches_hold_each_drawn_row_once(lengths: list[int], size: int, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(lengths))
    cut = batches(order, np.array(lengths), size, np.random.default_rng(seed))
    assert sorted(np.concatenate(cut).tolist()) == list(range(len(lengths)))
    assert max(map(len, cut)) <= size


def test_teachers_are_averaged_and_names_are_left_to_labels() -> None:
    rows = [Row("good", "x"), Row("bad", "x"), Row("bad Acme", "x", span=(4, 8))]
    found = taught(rows, "en", [WordClassifier(), WordClassifier()])
    np.testing.assert_allclose(found[:2], [[0.05, 0.15, 0.8], [0.8, 0.15, 0.05]], atol=1e-6)
    assert np.isnan(found[2]).all()
    assert np.isnan(taught(rows, "en", [])).all()


def test_texts_without_labels_are_taken_once_and_by_language(tmp_path: Path) -> None:
    path = tmp_path / "posts.jsonl"
    path.write_text('{"text": "one"}\n{"text": "股价"}\n{"text": "one"}\n{"text": " "}\n', encoding="utf-8")
    assert [row.text for row in unlabelled([path], "en", data.script_language)] == ["one"]
    path.write_text('{"body": "one"}\n')
    with pytest.raises(DataError, match="column 'text'"):
        unlabelled([path], "en", data.script_language)


def test_data_that_cannot_teach_is_refused_before_any_epoch() -> None:
    few = [Row("a", "own", data.ANY, data.POSITIVE)] * 3
    with pytest.raises(TrainingError, match="3 rows with a sentiment are too few"):
        check(few)
    with pytest.raises(TrainingError, match="the same sentiment"):
        check(few * 30)
