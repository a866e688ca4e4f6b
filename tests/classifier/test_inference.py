"""The models that ship, behind the common interface: pure, calibrated, batch-invariant, and not silly."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier import card
from classifier.artifact import read_record
from classifier.errors import ClassifierError
from classifier.inference import LINEAR, SHIPPED, Classifier, Judgement, load
from classifier.labels import SENTIMENTS, topic_ids
from tests.classifier.sanity_sentences import SENTENCES

MODELS = {"default": load(), "linear": load(LINEAR)}
LARGEST_BYTES = 64_000_000
ANYTHING = st.lists(
    st.tuples(
        st.text(max_size=80) | st.sampled_from([row[2] for row in SENTENCES]), st.sampled_from(["en", "zh", "ja"])
    ),
    max_size=8,
)
each_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
some = settings(max_examples=30, deadline=None)


def judge(model: Classifier, *rows: tuple[str, str]) -> list[Judgement]:
    return model.classify([text for text, _ in rows], [language for _, language in rows], [()] * len(rows))


def alike(one: Judgement, other: Judgement) -> bool:
    """Say whether two judgements differ by no more than the thousandth that a batch may cost."""
    pairs = zip(one[:3], other[:3], strict=True)
    return all(abs(a - b) <= 1e-3 for a, b in pairs) and one.topics[0][0] == other.topics[0][0]


@pytest.mark.parametrize("folder", [SHIPPED, LINEAR], ids=MODELS)
def test_the_card_and_the_record_are_of_the_weights_beside_them(folder: Path) -> None:
    record, info = read_record(folder), load(folder).info
    assert [record["model"][key] for key in ("id", "version", "digest")] == [info.id, info.version, info.digest]
    assert (folder / "MODEL_CARD.md").read_text(encoding="utf-8") == card.render(record)


@each_model
@given(rows=ANYTHING)
@some
def test_batch_mates_change_nothing(model: Classifier, rows: list[tuple[str, str]]) -> None:
    together = judge(model, *rows)
    assert all(alike(one, judge(model, row)[0]) for one, row in zip(together, rows, strict=True))
    assert all(alike(*pair) for pair in zip(together[::-1], judge(model, *rows[::-1]), strict=True))


@settings(max_examples=20)
@given(st.integers(250, 530))
def test_batches_beyond_the_linear_model_s_chunk_change_nothing(size: int) -> None:
    rows = [(SENTENCES[place % 60][2], SENTENCES[place % 60][0]) for place in range(size)]
    assert judge(MODELS["linear"], *rows) == (judge(MODELS["linear"], *rows[:60]) * 9)[:size]


@each_model
@given(rows=ANYTHING)
@some
def test_probabilities_are_steps_that_sum_to_one(model: Classifier, rows: list[tuple[str, str]]) -> None:
    for judgement in judge(model, *rows):
        three = (judgement.negative, judgement.neutral, judgement.positive)
        assert abs(sum(three) - 1.0) < 1e-9
        assert all(0.0 <= value <= 1.0 and value == round(value, 4) for value in three)
        assert judgement.label in SENTIMENTS
        assert -1.0 <= judgement.score <= 1.0
        assert judgement.score == round(judgement.positive - judgement.negative, 4)


@each_model
@given(rows=ANYTHING)
@some
def test_topics_are_named_highest_first_and_at_least_one(model: Classifier, rows: list[tuple[str, str]]) -> None:
    for judgement in judge(model, *rows):
        probabilities = [probability for _, probability in judgement.topics]
        assert len(judgement.topics) >= 1
        assert probabilities == sorted(probabilities, reverse=True)
        assert len(probabilities) == 1 or min(probabilities) >= 0.25
        assert {name for name, _ in judgement.topics} <= set(topic_ids())


@each_model
def test_each_target_gets_an_answer(model: Classifier) -> None:
    (judgement,) = model.classify(["Harbor Foods shares plunge after a recall"], ["en"], [["Harbor Foods", "HRBF"]])
    assert [label for label, _ in judgement.targets] == ["negative", "negative"]
    assert judgement.targets[1] == (judgement.label, judgement.score)  # HRBF does not stand in the text


def test_two_names_in_one_text_are_judged_apart() -> None:
    text = "Pinecrest Bank surges after winning its lawsuit against Cobalt Air, which plunges"
    (judgement,) = MODELS["default"].classify([text], ["en"], [["Pinecrest Bank", "Cobalt Air"]])
    (winner, up), (loser, down) = judgement.targets
    assert (winner, loser) == ("positive", "negative")
    assert up - down > 0.5


@each_model
def test_sequences_of_different_length_are_refused(model: Classifier) -> None:
    with pytest.raises(ClassifierError, match="2 texts, 1 languages"):
        model.classify(["a", "b"], ["en"], [(), ()])


@each_model
def test_an_empty_batch_gives_nothing(model: Classifier) -> None:
    assert model.classify([], [], []) == []


@each_model
@pytest.mark.parametrize("language", ["en", "zh"])
def test_undisputed_sentences_are_judged_as_any_reader_would(model: Classifier, language: str) -> None:
    own = [row for row in SENTENCES if row[0] == language]
    judged = judge(model, *((text, language) for _, _, text in own))
    wrong = [(row, judgement) for row, judgement in zip(own, judged, strict=True) if row[1] != judgement.label]
    reversed_mood = [row for row, judgement in wrong if "neutral" not in (row[1], judgement.label)]
    assert len(own) == 30
    assert len(wrong) <= 4, wrong
    assert reversed_mood == []


@each_model
@pytest.mark.parametrize(
    ("language", "text", "topic"),
    [
        ("en", "Analysts upgrade Pinecrest Bank to buy and lift the price target", "analyst_update"),
        ("en", "The Fed signals another interest rate hike, Powell says", "central_banks"),
        ("en", "Harbor Foods declares a quarterly dividend of $0.25 a share", "dividend"),
        ("en", "Bitcoin slides as crypto exchanges halt withdrawals", "crypto"),
        ("zh", "北辰科技三季度净利润同比大增，营收创新高", "earnings"),
        ("zh", "美联储宣布加息25个基点", "central_banks"),
        ("zh", "星河电子拟收购海棠软件51%股权", "mergers"),
        ("zh", "云帆汽车被证监会立案调查", "legal_regulation"),
    ],
)
def test_plain_topics_are_named_in_both_languages(model: Classifier, language: str, text: str, topic: str) -> None:
    assert topic in [name for name, _ in judge(model, (text, language))[0].topics]


@pytest.mark.parametrize(
    "text",
    ["", " \n\t ", "\u200b\u202e", "\x00\x01\x02", "ჰჰჰ ჯჯჯ", "𓀀𓀁𓀂"],
    ids=["empty", "white space", "invisible", "controls", "Georgian", "hieroglyphs"],
)
@each_model
def test_what_cannot_be_read_is_judged_without_confidence(model: Classifier, text: str) -> None:
    (judgement,) = judge(model, (text, "en"))
    assert max(judgement.negative, judgement.positive) < 0.6
    assert all(probability < 0.9 for _, probability in judgement.topics)


@pytest.mark.parametrize("text", ["a " * 10_000, "跌" * 20_000, "🚀" * 5_000, "x" * 20_000, "涨 up " * 4_000])
@each_model
def test_the_longest_texts_are_judged(model: Classifier, text: str) -> None:
    (judgement,) = judge(model, (text[:20_000], "zh" if "跌" in text else "en"))
    assert abs(judgement.negative + judgement.neutral + judgement.positive - 1) < 1e-9


def test_another_language_is_judged_with_less_confidence_than_english() -> None:
    text = "Harbor Foods shares plunge after a recall"
    english, french = judge(MODELS["default"], (text, "en"), (text, "fr"))
    assert french.negative < english.negative
    assert french.label == english.label or french.label == "neutral"


def test_emoji_alone_have_a_mood() -> None:
    up, down = judge(MODELS["default"], ("🚀🚀🚀", "en"), ("📉📉📉", "en"))
    assert up.score > down.score


def test_the_shipped_folder_fits_its_bound() -> None:
    assert sum(path.stat().st_size for path in SHIPPED.rglob("*") if path.is_file()) < LARGEST_BYTES


def test_the_default_install_judges_without_torch() -> None:
    import subprocess
    import sys

    program = (
        "import sys; sys.modules['torch'] = sys.modules['transformers'] = sys.modules['onnx'] = None\n"
        "from classifier.inference import load; print(load().classify(['profit doubles'], ['en'], [()])[0].label)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("positive", "")
