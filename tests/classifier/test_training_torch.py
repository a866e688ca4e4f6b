"""Training with torch: losses that keep to their masks, a loop that can be taken up again, and a model that ships."""

import itertools
import json
import zipfile
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file, save_file

from classifier import data
from classifier.encoder import pretrained
from classifier.encoder.graph import build, packed
from classifier.encoder.runtime import Lanes, OnnxRuntime
from classifier.errors import DataError, TrainingError
from classifier.inference import load
from classifier.training import recipes
from classifier.training.export import export
from classifier.training.mixture import Row, targets
from tests.classifier import tiny_encoder as tiny
from tests.classifier.test_data import write

pytestmark = pytest.mark.torch
ROWS = [(5, 9, 11, 6), (5, 12, 13, 14, 15, 6), (5, 6)]


def network(seed: int = 0) -> Any:
    from classifier.encoder.network import Network

    made = Network(tiny.shape(), dropout=0.0)
    made.load_arrays(tiny.tensors(seed))
    return made.eval()


def judged(made: Any) -> Any:
    import torch

    from classifier.encoder.network import padded

    with torch.inference_mode():
        return made(*padded(ROWS))[0].numpy()


def material() -> Any:
    """Twelve rows: what begins with token 9 is negative, what begins with 10 positive, the rest neutral; two topics."""
    from classifier.training.loop import Material

    ids = [(5, 9 + number % 3, 12 + number, 6) for number in range(12)]
    bits = (data.NEGATIVE, data.POSITIVE, data.NEUTRAL)
    rows = [
        Row("", f"set{number % 2}", data.ANY, bits[number % 3], (number % 2,), ((0, 1.0), (1, 1.0)), exclusive=True)
        for number in range(12)
    ]
    nothing = np.full((12, 3), np.nan, dtype=np.float32)
    return Material(ids, targets(rows), [row.group for row in rows], nothing)


def tuned(
    folder: Path, score: Any = lambda _network: {"goal": 0.5}, **settings: Any
) -> tuple[Any, list[dict[str, Any]]]:
    from classifier.training.loop import LoopSettings, tune

    made = network()
    ticks = itertools.count()
    chosen = LoopSettings(**{"epochs": 3, "batch": 4, "precision": "fp32", "rate": 1e-3, "averaging": 0.5, **settings})
    curve = tune(made, material(), chosen, 1, score, folder, lambda _told: None, lambda: float(next(ticks)))
    return made, curve


def test_torch_computes_the_same_as_the_graph_and_as_numpy() -> None:
    own, kept = tiny.shape(), packed(tiny.tensors(), tiny.shape(), "float32")
    graph, _ = OnnxRuntime(build(own, kept, "float32"), kept, Lanes(1)).logits(ROWS)
    by_hand = np.array([tiny.forward(tiny.tensors(), own, row)[0] for row in ROWS])
    np.testing.assert_allclose(judged(network()), by_hand, atol=1e-4)
    np.testing.assert_allclose(graph, by_hand, atol=1e-4)


def test_shipped_weights_load_into_torch_for_a_gpu() -> None:
    from classifier.encoder.torch_runtime import TorchRuntime

    own = tiny.shape()
    for precision, tolerance in (("float32", 1e-4), ("int8", 0.5)):
        kept = packed(tiny.tensors(), own, precision)  # type: ignore[arg-type]
        graph = OnnxRuntime(build(own, kept, precision), kept, Lanes(1)).logits(ROWS)  # type: ignore[arg-type]
        again = TorchRuntime(own, kept, "cpu", "fp32").logits(ROWS)
        np.testing.assert_allclose(again[0], graph[0], atol=tolerance)
        np.testing.assert_allclose(again[1], graph[1], atol=tolerance)


def test_labels_that_a_set_cannot_name_are_neither_pulled_nor_pushed() -> None:
    import torch

    from classifier.training.losses import sentiment_loss, topic_loss

    rows = [
        Row("", "two", data.NEGATIVE | data.POSITIVE, data.POSITIVE),
        Row("", "groups", data.ANY, data.NEUTRAL | data.POSITIVE),
        Row("", "silent", topics=(2,), topic_weights=((2, 1.0), (4, 0.5)), exclusive=True),
    ]
    wanted = targets(rows)
    logits = torch.tensor([[0.3, 5.0, -0.2], [0.1, 0.2, 0.3], [1.0, 2.0, 3.0]], requires_grad=True)
    cost = sentiment_loss(logits, torch.from_numpy(wanted.nameable), torch.from_numpy(wanted.allowed), 0.05)
    cost.sum().backward()
    assert cost[0].item() == pytest.approx(np.log(np.exp(0.3) + np.exp(-0.2)) + 0.2, abs=1e-5)
    assert logits.grad[0, 1] == 0.0
    assert cost[2].item() == 0.0
    assert logits.grad[2].abs().sum() == 0.0
    topics = torch.zeros((3, wanted.topics.shape[1]), requires_grad=True)
    told = [torch.from_numpy(array) for array in (wanted.topics, wanted.topic_weights, wanted.exclusive)]
    topic_loss(topics, *told).sum().backward()
    assert topics.grad[0].abs().sum() == 0.0
    assert sorted(torch.nonzero(topics.grad[2]).flatten().tolist()) == [2, 4]


def test_distillation_costs_nothing_where_pupil_and_teacher_agree() -> None:
    import torch

    from classifier.training.losses import distillation_loss

    logits = torch.tensor([[1.0, 0.0, -1.0], [0.0, 0.0, 0.0]])
    known = torch.tensor([True, False])
    same = distillation_loss(logits, logits.softmax(1), known)
    other = distillation_loss(logits, torch.tensor([[0.1, 0.1, 0.8]] * 2), known)
    assert same.abs().max() < 1e-6
    assert (other[0] > 0.5, other[1] == 0.0) == (True, True)


def test_the_loop_learns(tmp_path: Path) -> None:
    _, curve = tuned(tmp_path, epochs=30, rate=3e-3, patience=99)
    assert curve[-1]["loss"] < 0.5 * curve[0]["loss"]


def test_a_run_that_was_cut_short_ends_as_if_it_was_not(tmp_path: Path) -> None:
    whole, curve = tuned(tmp_path / "whole")

    class CutShortError(Exception):
        pass

    epochs = itertools.count()

    def cut(_network: Any) -> dict[str, float]:
        if next(epochs) == 1:
            raise CutShortError
        return {"goal": 0.5}

    with pytest.raises(CutShortError):
        tuned(tmp_path / "cut", cut)
    resumed, resumed_curve = tuned(tmp_path / "cut")
    assert resumed_curve == curve
    np.testing.assert_array_equal(judged(resumed), judged(whole))


def test_the_best_epoch_is_kept_and_a_run_without_progress_stops(tmp_path: Path) -> None:
    goals = iter([0.5, 0.9, 0.1, 0.2, 0.3])
    _, curve = tuned(tmp_path, lambda _network: {"goal": next(goals)}, epochs=5, patience=2)
    assert [row["goal"] for row in curve] == [0.5, 0.9, 0.1, 0.2]
    goals = iter([0.5, 0.9])
    short, _ = tuned(tmp_path / "short", lambda _network: {"goal": next(goals)}, epochs=5, patience=0)
    assert short.shape == tiny.shape()


@pytest.mark.parametrize(
    ("how", "still"),
    [
        ("heads", ["embeddings", "encoder.layer.0", "encoder.layer.1"]),
        ("top", ["embeddings", "encoder.layer.0"]),
        ("lora", ["embeddings", "encoder.layer.0.attention.self.key.bias"]),
        ("full", []),
    ],
)
def test_only_what_is_to_be_tuned_moves(tmp_path: Path, how: str, still: list[str]) -> None:
    made, _ = tuned(tmp_path, tune=how, top_layers=1, lora_rank=2)
    before, after = tiny.tensors(), made.arrays()
    assert after.keys() == before.keys()  # adapters are folded in
    same = {name for name in before if np.array_equal(before[name], after[name])}
    moved = before.keys() - same
    assert not [name for name in moved if name.startswith(tuple(still))] if still else len(same) <= 2
    assert "sentiment.weight" in moved
    if how == "lora":
        assert "encoder.layer.1.attention.self.query.weight" in moved


def test_a_checkpoint_of_another_encoder_is_refused(tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    tuned(tmp_path)
    kept = load_file(tmp_path / "checkpoint.safetensors")
    kept["now.sentiment.weight"] = kept["now.sentiment.weight"][:, :4].copy()
    save_file(kept, tmp_path / "checkpoint.safetensors")
    with pytest.raises(TrainingError, match="another encoder"):
        tuned(tmp_path)


def test_a_loss_that_is_no_number_is_said(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="lower the learning rate"):
        tuned(tmp_path, rate=1e30, head_rate=1e30, epochs=9)


def test_matrices_of_a_graph_are_named_after_the_bias_that_follows(tmp_path: Path) -> None:
    weights = tiny.tensors()
    graph = tmp_path / "base.jar"
    with zipfile.ZipFile(graph, "w") as jar:
        jar.writestr("model.onnx", anonymous(weights))
        jar.writestr("model-tokenizer.json", json.dumps(tiny.tokenizer() | {"truncation": {"max_length": 3}}))
    read = pretrained.read(graph)
    for name in ("encoder.layer.0.intermediate.dense.weight", "embeddings.word_embeddings.weight"):
        np.testing.assert_array_equal(read.tensors[name], weights[name])
    assert read.tokenizer["truncation"] is None
    assert read.tokenizer["normalizer"]["lowercase"]


def test_a_base_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="make encoders"):
        pretrained.read(tmp_path / "absent.jar")
    (tmp_path / "text.jar").write_text("no jar")
    with pytest.raises(TrainingError, match="is no jar"):
        pretrained.read(tmp_path / "text.jar")
    with zipfile.ZipFile(tmp_path / "empty.jar", "w") as jar:
        jar.writestr("tokenizer.json", "{}")
    with pytest.raises(TrainingError, match="holds 0 files"):
        pretrained.read(tmp_path / "empty.jar")


def anonymous(weights: dict[str, Any]) -> bytes:
    """A graph whose matrices have no names, as exporters leave them."""
    nodes: list[onnx.NodeProto] = []
    kept = {name: weights[name] for name in weights if name.startswith("embeddings.")}
    for name in weights:
        if name.startswith("encoder.") and name.endswith(".bias") and "LayerNorm" not in name:
            place = len(nodes)
            kept[name] = weights[name]
            kept[f"onnx::MatMul_{place}"] = weights[name.removesuffix("bias") + "weight"].T.copy()
            nodes.append(helper.make_node("MatMul", [f"x{place}", f"onnx::MatMul_{place}"], [f"y{place}"]))
            nodes.append(helper.make_node("Add", [name, f"y{place}"], [f"z{place}"]))
    inputs = [helper.make_tensor_value_info("x0", TensorProto.FLOAT, ["n", 16])]
    outputs = [helper.make_tensor_value_info("z0", TensorProto.FLOAT, ["n", 16])]
    tensors = [numpy_helper.from_array(array, name) for name, array in kept.items()]
    model: onnx.ModelProto = helper.make_model(helper.make_graph(nodes, "g", inputs, outputs, tensors))
    return bytes(model.SerializeToString())


def tiny_bases(folder: Path) -> Path:
    """Two pretrained encoders as an earlier run leaves them."""
    for language in ("en", "zh"):
        (folder / language).mkdir(parents=True)
        save_file(
            {name: array for name, array in tiny.tensors().items() if name.startswith(("embeddings", "encoder"))},
            folder / language / "model.safetensors",
        )
        (folder / language / "tokenizer.json").write_text(json.dumps(tiny.tokenizer()))
    return folder


def own_sets(folder: Path) -> None:
    """Sentences of which one word tells the mood; the rest differs, so that none is the twin of another."""
    random = Random(1)

    def around(word: str, filler: str, between: str) -> str:
        words = random.choices(filler.split(), k=7)
        return between.join([*words[:3], word, *words[3:]])

    letters = "a b c d e f g h i j k l m n o p q r s t u v w x y z"
    english = [
        {"text": around(word, letters, " "), "sentiment": mood, "split": "train"}
        for mood, word in {"positive": "rise", "negative": "fall", "neutral": "shares"}.items()
        for _ in range(120)
    ]
    write(folder, "en_tweets", english)
    chinese = [
        {"text": around(word, "公 司 利 润 平 安 银 行 火 箭 股 价", ""), "sentiment": mood, "split": split}
        for mood, word in {"positive": "上涨", "negative": "亏损"}.items()
        for split in ["dev"] * 10 + ["train"] * 80
    ]
    write(folder, "zh_company_news", chinese)


@pytest.mark.slow
def test_one_call_leads_from_labelled_texts_to_a_model_that_judges(tmp_path: Path) -> None:
    own_sets(tmp_path / "data")
    wanted = recipes.Wanted(
        data=tmp_path / "data",
        out=tmp_path / "model",
        bases=tiny_bases(tmp_path / "bases"),
        settings={
            "epochs": "15",
            "window": "16",
            "sentences": "0",
            "rate": "3e-3",
            "head_rate": "1e-2",
            "averaging": "0.9",
            "dropout": "0",
            "precision": "fp32",
            "patience": "15",
        },
    )
    said: list[str] = []
    record = recipes.run("encoder", wanted, said.append)
    model = load(tmp_path / "model")
    judged = model.classify(["p q rise r s", "p q fall r s"], ["en", "en"], [(), ()])
    assert [one.label for one in judged] == ["positive", "negative"]
    assert record["model"]["digest"] == model.info.digest
    assert record["dev"]["sets"]["zh_company_news"]["n"] == 20
    card = (tmp_path / "model" / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "Twitter Financial News Sentiment" in card
    assert any("min left" in line for line in said)

    # The model that ships can be trained further, one language alone.
    further = recipes.Wanted(
        data=tmp_path / "data",
        out=tmp_path / "further",
        bases=tmp_path / "model",
        languages=("en",),
        precision="float32",
        teachers=(tmp_path / "model",),
        settings={"epochs": "1", "window": "16", "sentences": "0", "precision": "fp32"},
    )
    recipes.run("encoder", further, said.append)
    (one,) = load(tmp_path / "further").classify(["p q rise r s"], ["en"], [()])
    assert one.label == "positive"

    # The weights of several runs are averaged; those of other encoders are refused.
    runs = [tmp_path / name / "runs" / "en" for name in ("model", "further")]
    mean = tmp_path / "mean"
    record = export({"en": runs}, tmp_path / "data", (), mean, "1", "float32", said.append)
    parts = [load_file(folder / "model.safetensors")["sentiment.bias"] for folder in runs]
    np.testing.assert_allclose(load_file(mean / "en" / "model.safetensors")["sentiment.bias"], np.mean(parts, axis=0))
    assert len(record["runs"]["en"]["averaged_with"]) == 1
    assert "averaged with those of a run from" in (mean / "MODEL_CARD.md").read_text(encoding="utf-8")
    weights = load_file(runs[1] / "model.safetensors")
    save_file({name: array for name, array in weights.items() if name != "topics.bias"}, runs[1] / "model.safetensors")
    with pytest.raises(TrainingError, match="different encoders and cannot be averaged"):
        export({"en": runs}, tmp_path / "data", (), mean, "1", "float32", said.append)


def test_what_cannot_be_trained_on_is_said_before_any_epoch(tmp_path: Path) -> None:
    bases = tiny_bases(tmp_path / "bases")
    write(tmp_path / "few", "en_tweets", [{"text": "acme rise", "sentiment": "positive", "split": "train"}] * 3)
    with pytest.raises(TrainingError, match="too few to train on"):
        recipes.run(
            "encoder",
            recipes.Wanted(
                tmp_path / "few", tmp_path / "out", bases=bases, languages=("en",), settings={"sentences": "0"}
            ),
            print,
        )
    own_sets(tmp_path / "data")
    with pytest.raises(TrainingError, match="make encoders"):
        recipes.run(
            "encoder",
            recipes.Wanted(
                tmp_path / "data", tmp_path / "out", bases=tmp_path, languages=("zh",), settings={"sentences": "0"}
            ),
            print,
        )
    with pytest.raises(TrainingError, match="unknown language 'fr'"):
        recipes.run(
            "encoder", recipes.Wanted(tmp_path / "data", tmp_path / "out", bases=bases, languages=("fr",)), print
        )
    with pytest.raises(TrainingError, match="settings of the training"):
        recipes.run(
            "encoder", recipes.Wanted(tmp_path / "data", tmp_path / "out", bases=bases, settings={"epoch": "3"}), print
        )
    with pytest.raises(TrainingError, match="unknown recipe"):
        recipes.run("forest", recipes.Wanted(tmp_path / "data", tmp_path / "out"), print)
    with pytest.raises(DataError, match="no data is given"):
        recipes.run("linear", recipes.Wanted(None, tmp_path / "out"), print)
    assert not (tmp_path / "out").exists()
