"""Twins within and across sets, contradictions, and training rows whose twin is held out; on invented rows."""

import random
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier import data
from classifier.data import NEGATIVE, NEUTRAL, POSITIVE, DataSet, Example, Split, leakage
from classifier.labels import topic_ids

DESK = DataSet("desk", "", "en", "unstated", "", data.THREE)
CHAT = DataSet("chat", "", "en", "unstated", "", (NEGATIVE, POSITIVE))
NEWS = DataSet("news", "", "zh", "unstated", "", (NEGATIVE, NEUTRAL | POSITIVE))
TOPICS = DataSet("topics", "", "en", "unstated", "", vocabulary="en_tweets", exclusive=True)
LONG = "Harbor Foods raises its outlook for the year after strong demand in the third quarter"
NEAR = "Harbor Foods raises its outlook for the year after strong demand in a third quarter"
OTHER = "Quarry Metals cuts its dividend and closes two of its mines in the north of the country"


def row(
    text: str, split: Split = "train", data_set: DataSet = DESK, allowed: int = NEUTRAL, topics: str = ""
) -> Example:
    places = (topic_ids().index(topics),) if topics else ()
    return Example(text, data.text_key(text), data_set, split, 0 if topics else allowed, places)


def jaccard(one: str, other: str) -> float:
    """By hand, for Latin letters."""
    sets = [{key[at : at + 4] for at in range(max(1, len(key) - 3))} for key in (one, other)]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def test_training_rows_with_an_exact_or_near_twin_held_out_are_dropped() -> None:
    rows = [row(LONG), row(LONG.upper() + "  https://example.org"), row(OTHER), row(NEAR, "test")]
    assert [one.text for one in data.drop_leaks(rows, rows)] == [OTHER, NEAR]
    rows[3] = row(LONG, "dev")
    assert [one.text for one in data.drop_leaks(rows, rows)] == [OTHER, LONG]


def test_held_out_rows_are_never_dropped() -> None:
    rows = [row(LONG, "dev"), row(NEAR, "test"), row(LONG, "test")]
    assert data.drop_leaks(rows, rows) == rows


def test_names_are_dropped_with_their_text() -> None:
    names = [
        data.Marked(text, data.text_key(text), DESK, "train", (0, 6), data.ANY, POSITIVE) for text in (NEAR, OTHER)
    ]
    assert [name.text for name in data.drop_leaks(names, [row(LONG, "dev")])] == [OTHER]


def test_nothing_to_drop_is_no_fault() -> None:
    assert data.drop_leaks([], []) == []
    assert data.drop_leaks([row("")], [row("", "dev")]) == []
    assert len(data.drop_leaks([row("a"), row("🚀")], [])) == 2
    assert data.leakage_report([])["sets"] == {}


def test_chinese_near_twins_are_found_in_short_headlines() -> None:
    rows = [row("海港食品：董事拟减持公司部分股份", data_set=NEWS), row("海港食品董事拟减持公司部分股份", "dev", NEWS)]
    assert len(data.drop_leaks(rows, rows)) == 1
    rows = [row("海港食品董事拟减持公司股份", data_set=NEWS), row("石场金属监事拟增持公司股份", "dev", NEWS)]
    assert len(data.drop_leaks(rows, rows)) == 2


def test_the_report_counts_repeats_and_leaks() -> None:
    rows = [row(LONG), row(LONG), row(NEAR, "dev"), row(OTHER), row(OTHER, "test", CHAT, NEGATIVE)]
    report = data.leakage_report(rows)
    assert report["sets"]["desk"] == {
        "task": "sentiment",
        "rows": 4,
        "exact": 1,
        "near": 1,
        "share": 0.5,
        "contradictions": {"texts": 0, "labels": {}},
    }
    assert report["across"] == [
        {"sets": ["desk", "chat"], "exact": 1, "near": 0, "share": 0.25, "contradictions": {"texts": 0, "labels": {}}}
    ]
    assert [(leak["train"], leak["held"], leak["split"], leak["exact"], leak["near"]) for leak in report["leaks"]] == [
        ("desk", "desk", "dev", 0, 2),
        ("desk", "chat", "test", 1, 0),
    ]
    assert [(part["set"], part["split"], part["exact"], part["near"]) for part in report["held_out"]] == [
        ("desk", "dev", 0, 1),
        ("chat", "test", 1, 0),
    ]
    assert report["training"]["sentiment"] == {"rows": 3, "exact": 1, "near": 2, "share": 1.0}


def test_the_report_is_figures_without_texts_and_the_same_in_any_order() -> None:
    rows = [row(f"{LONG} {n % 7}", "dev" if n % 5 == 0 else "train") for n in range(40)]
    report = data.leakage_report(rows)
    assert data.leakage_report(rows[::-1]) == report
    assert b"Harbor" not in msgspec.json.encode(report)


def test_contradicting_labels_are_listed_by_count() -> None:
    rows = [row("Sales", allowed=NEGATIVE), row("sales", allowed=POSITIVE), row("Margins"), row("margins ")]
    rows += [row("Debt", allowed=NEGATIVE), row("debt", allowed=POSITIVE), row("Cash"), row("cash", allowed=POSITIVE)]
    found = data.leakage_report(rows)["sets"]["desk"]["contradictions"]
    assert found == {"texts": 3, "labels": {"negative / positive": 2, "neutral / positive": 1}}
    rows = [row("Float", data_set=TOPICS, topics="ipo"), row("float", data_set=TOPICS, topics="macro")]
    found = data.leakage_report(rows)["sets"]["topics"]["contradictions"]
    assert found == {"texts": 1, "labels": {"ipo / macro": 1}}


@pytest.mark.parametrize(
    ("first", "second", "texts"),
    [
        ((DESK, NEUTRAL), (CHAT, POSITIVE), 0),  # chat cannot say neutral
        ((DESK, NEGATIVE), (CHAT, POSITIVE), 1),
        ((DESK, POSITIVE), (NEWS, NEUTRAL | POSITIVE), 0),  # told more exactly, not otherwise
        ((DESK, POSITIVE), (NEWS, NEGATIVE), 1),
    ],
)
def test_sets_contradict_only_in_what_both_can_name(
    first: tuple[DataSet, int], second: tuple[DataSet, int], texts: int
) -> None:
    rows = [row("Sales", "train", *first), row("Sales", "train", *second)]
    assert data.leakage_report(rows)["across"][0]["contradictions"]["texts"] == texts


def test_tasks_are_apart() -> None:
    report = data.leakage_report([row(LONG), row(LONG, "test", TOPICS, topics="earnings")])
    assert (report["across"], report["leaks"]) == ([], [])
    assert sorted(report["training"]) == ["sentiment"]


def test_sets_that_may_not_train_leak_nothing() -> None:
    sealed = DataSet("sealed", "", "en", "no training", "", data.THREE)
    assert data.leakage_report([row(LONG, data_set=sealed), row(LONG, "dev")])["leaks"] == []


WORDS = ("harbor", "foods", "raises", "outlook", "cuts", "profit", "sales", "up", "down", "q3")


@st.composite
def variants(draw: st.DrawFn) -> list[str]:
    """Sentences of few words, so that all degrees of likeness occur."""
    length = draw(st.integers(1, 30))
    base = draw(st.lists(st.sampled_from(WORDS), min_size=length, max_size=length))
    texts = []
    for _ in range(draw(st.integers(1, 8))):
        words = list(base)
        for _ in range(draw(st.integers(0, 3))):
            words[draw(st.integers(0, length - 1))] = draw(st.sampled_from(WORDS))
        texts.append(" ".join(words))
    return texts


@settings(derandomize=True)
@given(variants(), variants())
def test_near_twins_are_those_of_the_definition(training: list[str], held: list[str]) -> None:
    rows = [row(text) for text in training] + [row(text, "test") for text in held]
    kept = {one.key for one in data.drop_leaks(rows, rows) if one.split == "train"}
    for one in rows[: len(training)]:
        likeness = max(jaccard(one.key, data.text_key(text)) for text in held)
        assert (one.key in kept) == (likeness < leakage.JACCARD)


@given(st.lists(st.text(max_size=40), max_size=12), st.lists(st.text(max_size=40), max_size=12))
def test_what_was_cleaned_has_no_leak_left(training: Sequence[str], held: Sequence[str]) -> None:
    rows = [row(text) for text in training] + [row(text, "dev") for text in held]
    kept = data.drop_leaks(rows, rows)
    assert data.drop_leaks(kept, kept) == kept
    assert [one for one in kept if one.split == "dev"] == rows[len(training) :]
    assert data.leakage_report(kept)["leaks"] == []


@given(st.lists(st.text(max_size=40), min_size=1, max_size=12))
def test_counts_are_within_their_rows(texts: list[str]) -> None:
    rows = [row(text, ("train", "dev", "test")[n % 3]) for n, text in enumerate(texts)]
    figures = data.leakage_report(rows)["sets"]["desk"]
    assert figures["exact"] == len(texts) - len({one.key for one in rows})
    assert 0 <= figures["exact"] + figures["near"] <= len(texts) - 1


def test_blocks_of_texts_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row(f"{LONG} {n}", "dev" if n == 0 else "train") for n in range(12)] + [row(OTHER)]
    whole = data.leakage_report(rows)
    monkeypatch.setattr(leakage, "_BLOCK_LETTERS", 100)
    monkeypatch.setattr(leakage, "_BLOCK_GRAMS", 200)
    assert data.leakage_report(rows) == whole
    assert whole["training"]["sentiment"]["near"] == 11


def test_every_planted_twin_is_found_among_thousands() -> None:
    source = random.Random(7)
    vocabulary = ["".join(source.choices("abcdefghij", k=source.randint(2, 9))) for _ in range(4000)]
    texts = [" ".join(source.choices(vocabulary, k=14)) for _ in range(2000)]
    held, twins = [row(text, "dev") for text in texts[:400]], [row(text + " q3") for text in texts[:800]]
    fresh = [row(text) for text in texts[800:]]
    assert data.drop_leaks([*twins, *fresh, *held], held) == [*twins[400:], *fresh, *held]
