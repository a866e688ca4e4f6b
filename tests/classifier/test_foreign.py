"""A firm's own transformers model: labels understood by name, nothing fetched or unpickled, other languages passed on.

The mapping and the routing need no torch; what is marked `torch` reads tiny random models saved by the test.
"""

import json
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from classifier.engine import EngineSettings
from classifier.errors import ArtifactError, ClassifierError
from classifier.foreign.classifier import ForeignClassifier, read
from classifier.foreign.files import digest, find
from classifier.foreign.labels import meanings
from classifier.foreign.settings import ForeignModel
from classifier.inference import LINEAR, Judgement, ModelInfo, load_configured
from classifier.labels import topic_ids

SENTENCE = "profit falls rises loss shares of the bank beat miss guidance cut raised not less than feared"
WORDS = SENTENCE.split()
TEXTS = [" ".join(WORDS[: 1 + n % 11] * (1 + n // 11)) for n in range(24)]
INFO = ModelInfo("own", "local", "d")


class Fallback:
    """Says 'negative' of everything, and keeps what it was asked."""

    info = ModelInfo("fallback", "1", "f")

    def __init__(self) -> None:
        self.asked: list[tuple[list[str], list[str], list[list[str]], list[str | None] | None]] = []

    def classify(
        self,
        texts: Sequence[str],
        languages: Sequence[str],
        targets: Sequence[Sequence[str]],
        kinds: Sequence[str | None] | None = None,
    ) -> list[Judgement]:
        self.asked.append((list(texts), list(languages), list(map(list, targets)), None if kinds is None else [*kinds]))
        return [
            Judgement(0.8, 0.15, 0.05, ((topic_ids()[place % 3], 0.9),), (("negative", -0.75),) * len(targets[place]))
            for place in range(len(texts))
        ]


class Counting:
    """A model whose logits are the number of each label's name in a text; knows no digits."""

    def __init__(self, labels: tuple[str, ...]) -> None:
        self.labels = labels

    def logits(self, texts: Sequence[str]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        rows = [[float(text.count(label)) for label in self.labels] for text in texts]
        known = [not text.isdigit() for text in texts]
        return np.array(rows, dtype=float).reshape(len(texts), len(self.labels)), np.array(known, dtype=bool)


def counting(config: ForeignModel, fallback: Fallback, *labels: str) -> ForeignClassifier:
    return ForeignClassifier(Counting(labels), config, fallback, INFO)


def sentiments(names: Sequence[str], given: dict[str, str] | None = None) -> list[str]:
    matrix = meanings(names, given or {})
    assert (matrix.sum(axis=1) == 1).all()
    return [("negative", "neutral", "positive")[place] for place in matrix.argmax(axis=1)]


@pytest.mark.parametrize(
    ("names", "meant"),
    [
        (["positive", "negative", "neutral"], "+-0"),
        (["Bearish", "Bullish", "Neutral"], "-+0"),
        (["负面", "中性", "正面"], "-0+"),
        (["負面", "中立", "積極"], "-0+"),
        (["NEG", "NEU", "POS"], "-0+"),
        (["利空", "中性", "利好"], "-0+"),
        (["neg", "pos"], "-+"),
        (["1 star", "2 stars", "3 stars", "4 stars", "5 stars"], "--0++"),
        (["5-star", "4-star", "3-star", "2-star", "1-star"], "++0--"),
        (["Very Negative", "negative", "neutral", "positive", "very_positive"], "--0++"),
        (["非常负面", "负面", "中性", "正面", "非常正面"], "--0++"),
    ],
)
def test_labels_are_understood_by_name(names: list[str], meant: str) -> None:
    assert sentiments(names) == [{"-": "negative", "0": "neutral", "+": "positive"}[sign] for sign in meant]


def test_the_settings_say_what_names_do_not() -> None:
    given = {"LABEL_0": "neutral", "LABEL_1": "positive", "LABEL_2": "negative"}
    assert sentiments(["LABEL_0", "LABEL_1", "LABEL_2"], given) == ["neutral", "positive", "negative"]


def test_the_settings_may_say_a_part_and_win_over_names() -> None:
    assert sentiments(["mixed", "pos", "neg"], {"mixed": "neutral"}) == ["neutral", "positive", "negative"]
    assert sentiments(["neutral", "pos", "neg"], {"neutral": "negative"}) == ["negative", "positive", "negative"]


def test_labels_said_by_an_environment_variable_have_lost_their_case() -> None:
    assert sentiments(["LABEL_0", "LABEL_1"], {"label_0": "negative", "label_1": "positive"}) == [
        "negative",
        "positive",
    ]


@pytest.mark.parametrize(
    ("names", "given", "said"),
    [
        (
            ["LABEL_0", "LABEL_1"],
            {},
            "'LABEL_0', 'LABEL_1' name no sentiment; write under [foreign], with one word each: labels = "
            '{LABEL_0 = "negative | neutral | positive", LABEL_1 = "negative | neutral | positive"}',
        ),
        (
            ["positive", "negative", "so so"],
            {},
            "'so so' names no sentiment; write under [foreign], with one word each: labels = "
            '{"so so" = "negative | neutral | positive"}',
        ),
        (
            ["LABEL_0", "LABEL_1"],
            {"LABEL_0": "negative"},
            'labels = {LABEL_1 = "negative | neutral | positive", LABEL_0 = "negative"}',
        ),
        (["LABEL_0", "LABEL_1"], {"LABEL_7": "negative"}, "names 'LABEL_7', but the model's labels are 'LABEL_0'"),
        (["neg", "pos"], {"neg": "bad"}, "'neg' means 'bad'; it can mean negative, neutral, positive"),
        (["neutral", "positive"], {}, "no label of the model means negative (its labels: 'neutral', 'positive')"),
        (["score"], {"score": "positive"}, "no label of the model means negative"),
        (["1 star", "2 stars", "3 stars"], {}, "name no sentiment"),
        (["not negative", "negative", "positive"], {}, "'not negative' names no sentiment"),
    ],
)
def test_labels_that_mean_nothing_are_named_with_the_line_to_write(
    names: list[str], given: dict[str, str], said: str
) -> None:
    with pytest.raises(ClassifierError) as caught:
        meanings(names, given)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_sentiment_is_its_own_and_topics_are_the_fallback_s() -> None:
    fallback = Fallback()
    own = counting(ForeignModel("m"), fallback, "positive", "negative", "neutral")
    judged = own.classify(["negative", "positive positive"], ["en", "zh"], [["A", "B"], []], ["news", "social"])
    assert [one.label for one in judged] == ["negative", "positive"]
    assert [one.topics for one in judged] == [((topic_ids()[0], 0.9),), ((topic_ids()[1], 0.9),)]
    assert judged[0].targets == (("negative", judged[0].score),) * 2
    assert judged[0].negative == pytest.approx(np.e / (np.e + 2), abs=1e-4)
    assert fallback.asked == [(["negative", "positive positive"], ["en", "zh"], [[], []], ["news", "social"])]


def test_other_languages_and_unknown_or_empty_texts_are_the_fallback_s_alone() -> None:
    fallback = Fallback()
    own = counting(ForeignModel("m", languages=("en", "zh-Hant")), fallback, "positive", "negative")
    texts = ["positive"] * 5 + ["1234", " \n", ""]
    languages = ["en", "en_GB", "zh", "ZH-hant-TW", "eng", "en", "en", "en"]
    judged = own.classify(texts, languages, [["A"]] * 8)
    assert [one.label for one in judged] == ["positive", "positive", "negative", "positive"] + ["negative"] * 4
    assert fallback.asked[0][2] == [[], [], ["A"], [], ["A"], ["A"], ["A"], ["A"]]
    assert judged[2].targets == (("negative", -0.75),)


def test_a_model_of_two_labels_never_says_neutral() -> None:
    judged = counting(ForeignModel("m"), Fallback(), "neg", "pos").classify(["a neg", "neither"], ["en"] * 2, [[], []])
    assert [one.neutral for one in judged] == [0.0, 0.0]
    assert judged[1].negative == judged[1].positive == 0.5


def test_several_labels_of_one_sentiment_add_up_and_a_temperature_cools() -> None:
    stars = ("1 star", "2 stars", "3 stars", "4 stars", "5 stars")
    plain, cooled = (
        counting(ForeignModel("m", temperature=heat), Fallback(), *stars).classify(["none of them"], ["en"], [[]])[0]
        for heat in (1.0, 2.0)
    )
    assert (plain.negative, plain.neutral, plain.positive) == (0.4, 0.2, 0.4)
    sharp, flat = (
        counting(ForeignModel("m", temperature=heat), Fallback(), "neg", "pos").classify(["neg neg"], ["en"], [[]])[0]
        for heat in (1.0, 4.0)
    )
    assert sharp.negative > flat.negative > 0.5
    assert plain == cooled


def test_no_texts_are_no_judgements_and_uneven_sequences_are_refused() -> None:
    own = counting(ForeignModel("m"), Fallback(), "neg", "pos")
    assert own.classify([], [], []) == []
    with pytest.raises(ClassifierError, match="one language"):
        own.classify(["a"], [], [[]])


def test_without_torch_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "classifier.foreign.runtime", None)
    with pytest.raises(ClassifierError, match=r"needs torch and transformers .* install 'groundswell\[gpu\]'"):
        read(ForeignModel("m"), Fallback())


def test_without_a_foreign_model_the_folder_is_loaded_as_ever() -> None:
    assert load_configured(LINEAR, None).info.id == load_configured(LINEAR, None, EngineSettings(threads=1)).info.id


def folder_with(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"{}")
    return folder


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("pytorch_model.bin",), "no config.json"),
        (
            ("config.json", "pytorch_model.bin", "training_args.bin"),
            "holds only pytorch_model.bin, and pickled weights",
        ),
        (("config.json",), "holds no model.safetensors"),
        (("config.json", "adapter_config.json", "adapter_model.safetensors"), "holds an adapter; merge it"),
    ],
)
def test_a_folder_without_safe_weights_is_refused_with_what_to_do(
    tmp_path: Path, names: tuple[str, ...], said: str
) -> None:
    folder = folder_with(tmp_path / "finbert", *names)
    with pytest.raises(ArtifactError) as caught:
        find(ForeignModel(str(folder)))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_pickled_weights_come_with_the_command_that_converts_them(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "finbert", "config.json", "pytorch_model.bin")
    with pytest.raises(ArtifactError, match=r"convert it to safetensors .* and name finbert-safetensors: python -c"):
        find(ForeignModel(str(folder)))


@pytest.mark.parametrize(
    "part", ["pytorch_model-00001-of-00002.bin", "../other/model.safetensors", "/model.safetensors"]
)
def test_an_index_that_leads_elsewhere_is_refused(tmp_path: Path, part: str) -> None:
    folder = folder_with(tmp_path / "finbert", "config.json")
    (folder / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": {"a": "model.safetensors", "b": part}})
    )
    with pytest.raises(ArtifactError, match="only safetensors in the same folder are read"):
        find(ForeignModel(str(folder)))


def test_a_local_folder_is_called_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_with(tmp_path / "finbert", "config.json", "model.safetensors")
    monkeypatch.chdir(folder)
    assert find(ForeignModel(str(folder)))[1:] == find(ForeignModel("."))[1:] == ("finbert", "local")


def test_the_digest_is_over_what_is_read_and_what_is_said(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "finbert", "config.json", "model.safetensors", "vocab.txt", "README.md")
    first = digest(folder, {"labels": {"a": "negative"}})
    folder_with(folder, "trainer_state.json", "README.md")
    assert digest(folder, {"labels": {"a": "negative"}}) == first
    assert digest(folder, {"labels": {"a": "positive"}}) != first
    for name in ("config.json", "model.safetensors", "vocab.txt"):
        before = digest(folder, None)
        (folder / name).write_bytes(b"{ }")
        assert digest(folder, None) != before


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any attempt to connect fails the test."""

    def refuse(*_: object) -> None:
        pytest.fail("something was to be fetched")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(
    ("model", "said"),
    [
        (
            "nobody/absent-finbert",
            "neither a folder here nor in the cache of Hugging Face; name a folder, or write download = true",
        ),
        ("models/of/ours", "no folder models/of/ours"),
        ("/srv/models/finbert", "no folder /srv/models/finbert"),
    ],
)
def test_a_model_that_is_not_here_is_not_fetched_unasked(model: str, said: str) -> None:
    with pytest.raises(ArtifactError) as caught:
        find(ForeignModel(model))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def vocabulary(folder: Path, **said: Any) -> None:
    """Save a WordPiece tokenizer over WORDS."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    ids = {token: place for place, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS, "##s", "负", "面"])}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    if "cls_token" in said:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
        )
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", **said).save_pretrained(folder)


MARKS = {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]"}


def tiny(folder: Path, labels: Sequence[str] = ("positive", "negative", "neutral"), **said: Any) -> Path:
    """Save a random BERT classifier whose weights are large enough for judgements to differ."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=40,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=24,
        initializer_range=0.4,
        id2label=dict(enumerate(labels)),
        label2id={label: place for place, label in enumerate(labels)},
        **said,
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    vocabulary(folder, **MARKS)
    return folder


def judge(model: ForeignClassifier, texts: Sequence[str]) -> npt.NDArray[np.float64]:
    judged = model.classify(texts, ["en"] * len(texts), [()] * len(texts))
    return np.array([(one.negative, one.neutral, one.positive) for one in judged])


@pytest.mark.torch
@pytest.mark.usefixtures("no_network")
def test_a_text_is_judged_as_transformers_judges_it(tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = tiny(tmp_path / "finbert")
    model = read(ForeignModel(str(folder)), Fallback())
    assert (model.info.id, model.info.version, len(model.info.digest)) == ("finbert", "local", 64)
    plain, tokenizer = AutoModelForSequenceClassification.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    texts = [text for text in TEXTS if len(text.split()) <= 22]
    with torch.inference_mode():
        logits = [plain(**tokenizer(text, return_tensors="pt", return_token_type_ids=False)).logits for text in texts]
    expected = torch.cat(logits).softmax(-1)[:, [1, 2, 0]].numpy()
    found = judge(model, texts)
    assert np.abs(found - expected).max() < 1e-3
    assert np.ptp(found, axis=0).min() > 0.05  # else the test would hold for any order


@pytest.mark.torch
def test_batch_mates_and_order_change_nothing_and_probabilities_sum_to_one(tmp_path: Path) -> None:
    model = read(ForeignModel(str(tiny(tmp_path / "finbert"))), Fallback())
    texts = [*TEXTS, "", "profit \ud800 falls", "负面", "\x00", "🚀🚀", "[SEP] profit [CLS] [PAD]", "loss " * 5000]
    together = judge(model, texts)
    alone = np.concatenate([judge(model, [text]) for text in texts])
    assert np.abs(together - alone).max() < 1e-3
    assert np.abs(together - judge(model, texts[::-1])[::-1]).max() < 1e-3
    assert np.abs(together.sum(axis=1) - 1).max() < 1e-9


@pytest.mark.torch
def test_a_long_text_is_the_mean_of_its_windows_and_the_first_counts_twice(tmp_path: Path) -> None:
    from classifier.foreign.runtime import TorchRuntime

    runtime = TorchRuntime.read(tiny(tmp_path / "finbert"), threads=1)
    first, second, third = " ".join(WORDS[:11] * 2), " ".join(WORDS[3:14] * 2), "guidance cut"
    whole, known = runtime.logits([f"{first} {second} {third}"])
    parts, _ = runtime.logits([first, second, third])
    assert known.tolist() == [True]
    assert np.abs(whole[0] - (2 * parts[0] + parts[1] + parts[2]) / 4).max() < 1e-3


@pytest.mark.torch
def test_texts_of_which_no_token_is_known_are_left_to_the_fallback(tmp_path: Path) -> None:
    model = read(ForeignModel(str(tiny(tmp_path / "finbert"))), Fallback())
    found = judge(model, ["目标价上调", "🚀", "[PAD] [SEP]", "profit 目标价"])
    assert (found[:3] == (0.8, 0.15, 0.05)).all()
    assert not (found[3] == (0.8, 0.15, 0.05)).all()


@pytest.mark.torch
@pytest.mark.parametrize("kind", ["roberta", "gpt2"])
def test_other_architectures_are_read_within_their_positions(tmp_path: Path, kind: str) -> None:
    """RoBERTa has fewer positions than it states; GPT-2 has no padding and judges from the last token."""
    import torch
    from transformers import AutoConfig, AutoModelForSequenceClassification

    torch.manual_seed(2)
    sizes: dict[str, dict[str, Any]] = {
        "roberta": {
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 64,
            "max_position_embeddings": 26,
            "pad_token_id": 0,
        },
        "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 24, "bos_token_id": 0, "eos_token_id": 0},
    }
    config = AutoConfig.for_model(
        kind, vocab_size=40, initializer_range=0.4, id2label={0: "bearish", 1: "bullish"}, **sizes[kind]
    )
    AutoModelForSequenceClassification.from_config(config).save_pretrained(tmp_path)
    vocabulary(tmp_path, **(MARKS if kind == "roberta" else {}))
    model = read(ForeignModel(str(tmp_path)), Fallback())
    texts = [*TEXTS, "profit falls " * 40, ""]
    together = judge(model, texts)
    assert np.abs(together - np.concatenate([judge(model, [text]) for text in texts])).max() < 1e-3
    assert np.ptp(together[:-1, 0]) > 0.05


@pytest.mark.torch
def test_weights_saved_in_half_precision_are_computed_in_float32(tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    folder = tiny(tmp_path / "finbert")
    whole = judge(read(ForeignModel(str(folder)), Fallback()), TEXTS)
    AutoModelForSequenceClassification.from_pretrained(folder).half().save_pretrained(folder)
    model = read(ForeignModel(str(folder)), Fallback())
    assert np.abs(judge(model, TEXTS) - np.concatenate([judge(model, [text]) for text in TEXTS])).max() < 1e-3
    assert np.abs(judge(model, TEXTS) - whole).max() < 0.05


@pytest.mark.torch
def test_the_digest_changes_with_a_weight_the_tokenizer_the_settings_and_the_fallback(tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    folder = tiny(tmp_path / "finbert")
    config = ForeignModel(str(folder))
    digests = [read(config, Fallback()).info.digest]
    assert read(config, Fallback()).info.digest == digests[0]
    digests.append(read(ForeignModel(str(folder), temperature=2.0), Fallback()).info.digest)
    other = Fallback()
    other.info = ModelInfo("fallback", "2", "g")
    digests.append(read(config, other).info.digest)
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    model.classifier.bias.data[0] += 1
    model.save_pretrained(folder)
    digests.append(read(config, Fallback()).info.digest)
    (folder / "tokenizer.json").write_text((folder / "tokenizer.json").read_text(encoding="utf-8") + "\n")
    digests.append(read(config, Fallback()).info.digest)
    assert len(set(digests)) == 5


@pytest.mark.torch
def test_nameless_labels_need_the_settings_and_then_are_used(tmp_path: Path) -> None:
    folder = str(tiny(tmp_path / "finbert", ["LABEL_0", "LABEL_1", "LABEL_2"]))
    with pytest.raises(ClassifierError, match=r"'LABEL_0', 'LABEL_1', 'LABEL_2' name no sentiment"):
        read(ForeignModel(folder), Fallback())
    labels = {"LABEL_0": "positive", "LABEL_1": "negative", "LABEL_2": "neutral"}
    said = judge(read(ForeignModel(folder, labels), Fallback()), TEXTS)
    named = judge(read(ForeignModel(str(tiny(tmp_path / "named"))), Fallback()), TEXTS)
    assert (said == named).all()


@pytest.mark.torch
def test_a_model_whose_head_was_never_trained_is_refused(tmp_path: Path) -> None:
    from transformers import BertModel

    folder = tiny(tmp_path / "finbert")
    BertModel.from_pretrained(folder).save_pretrained(folder)
    with pytest.raises(ArtifactError, match=r"lacks classifier\.bias, so it is no trained text classifier"):
        read(ForeignModel(str(folder)), Fallback())


@pytest.mark.torch
def test_a_model_that_gives_each_label_a_probability_of_its_own_is_refused(tmp_path: Path) -> None:
    folder = tiny(tmp_path / "finbert", problem_type="multi_label_classification")
    with pytest.raises(ArtifactError, match="it was trained for multi_label_classification"):
        read(ForeignModel(str(folder)), Fallback())


@pytest.mark.torch
@pytest.mark.usefixtures("no_network")
def test_a_model_that_brings_its_own_code_is_refused_in_one_line(tmp_path: Path) -> None:
    folder = tiny(tmp_path / "finbert")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config |= {
        "model_type": "ours",
        "auto_map": {"AutoConfig": "code.Config", "AutoModelForSequenceClassification": "code.M"},
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "code.py").write_text("raise SystemExit('foreign code ran')\n", encoding="utf-8")
    with pytest.raises(ArtifactError, match="transformers cannot load") as caught:
        read(ForeignModel(str(folder)), Fallback())
    assert "\n" not in str(caught.value)


@pytest.mark.torch
def test_broken_weights_give_an_error_and_not_an_opinion(tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    folder = tiny(tmp_path / "finbert")
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    model.classifier.weight.data[0, 0] = float("nan")
    model.save_pretrained(folder)
    with pytest.raises(ClassifierError, match="not finite"):
        judge(read(ForeignModel(str(folder)), Fallback()), TEXTS)


@pytest.mark.torch
@pytest.mark.usefixtures("no_network")
def test_a_hub_model_in_the_cache_is_used_with_its_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    revision = "0123456789abcdef0123456789abcdef01234567"
    cached = tmp_path / "models--firm--finbert"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs" / "main").write_text(revision)
    tiny(cached / "snapshots" / revision)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    info = read(ForeignModel("firm/finbert"), Fallback()).info
    assert (info.id, info.version) == ("firm/finbert", revision)


@pytest.mark.torch
def test_the_settings_lead_to_the_model_over_the_shipped_one(tmp_path: Path) -> None:
    folder = tiny(tmp_path / "finbert")
    model = load_configured(LINEAR, ForeignModel(str(folder), languages=("en",)), EngineSettings(threads=1))
    shipped = load_configured(LINEAR, None)
    texts, languages, targets = ["profit rises", "净利润下降"], ["en", "zh"], [["profit"], ["净利润"]]
    english, chinese = model.classify(texts, languages, targets)
    own_english, own_chinese = shipped.classify(texts, languages, targets)
    assert chinese == own_chinese
    assert english.topics == own_english.topics
    assert english[:3] != own_english[:3]
    assert english.targets == ((english.label, english.score),)
