"""The benchmark of the classifier: its baselines are the same model, and its figures are what they say."""

from itertools import count
from pathlib import Path

import numpy as np
import pytest

from classifier.bench import Bench, measure
from classifier.bench.latency import alone_ms, loaded_ms, percentiles
from classifier.encoder.classifier import EncoderClassifier
from classifier.engine import Engine, Request
from classifier.errors import ClassifierError
from classifier.inference import LINEAR, load
from classifier.placement import Placement
from tests.classifier import tiny_encoder as tiny


def load_encoder(folder: Path) -> EncoderClassifier:
    model = load(folder)
    assert isinstance(model, EncoderClassifier)
    return model


TEXTS = ["acme fall , loss", "beta rise ! profit of beta", "公司利润上涨", "a b c d e f", "银行亏损"] * 4
LANGUAGES = ["en", "en", "zh", "en", "zh"] * 4


@pytest.mark.torch
@pytest.mark.slow
def test_the_baselines_are_the_same_weights_in_other_hands(tmp_path: Path) -> None:
    from classifier.bench.rivals import Rivals

    tiny.write(tmp_path, "float32")
    for language, texts in (("en", TEXTS[:2]), ("zh", [TEXTS[2], TEXTS[4]])):
        rivals = Rivals(tmp_path, language, 1)
        ours = rivals.onnx_whole(texts)
        for other in (rivals.pipeline(1), rivals.pipeline(32), rivals.torch_sorted, rivals.onnx_unsorted):
            np.testing.assert_allclose(other(texts), ours, atol=1e-4)


@pytest.mark.torch
@pytest.mark.slow
def test_the_ratio_is_that_of_the_two_named_ways_in_the_same_run(tmp_path: Path) -> None:
    tiny.write(tmp_path, "float32")
    figures = measure(Bench(tmp_path, TEXTS, LANGUAGES, Placement(1), rounds=1))
    steps = {row["step"]: row for row in figures["steps"]}
    assert figures["baseline"] == "transformers.pipeline, batches of 32, as they come"
    assert figures["ratio"] == pytest.approx(
        steps["engine"]["texts_per_s"] / steps[figures["baseline"]]["texts_per_s"], rel=0.05
    )
    assert figures["label_agreement"] == 1.0
    assert 0.0 <= figures["padding_waste"] < 1.0
    assert figures["texts_per_s_low"] <= figures["texts_per_s"] <= figures["texts_per_s_high"]
    assert figures["resident_mb"] > 10
    assert {"transformers.pipeline, one by one", "engine, every text seen before"} <= set(steps)


@pytest.mark.torch
@pytest.mark.slow
def test_a_device_is_measured_beside_transformers_on_it(tmp_path: Path) -> None:
    from classifier.bench.card import BATCHES, pipelines, saturation

    tiny.write(tmp_path, "float32")
    found = pipelines(tmp_path, {"en": TEXTS[:2]}, "cpu", 1)
    assert list(found) == [f"transformers.pipeline on cpu, batches of {batch}" for batch in BATCHES]
    ways = [judge()["en"] for judge in found.values()]
    assert all(np.allclose(one, ways[0], atol=1e-5) for one in ways)

    ready = load_encoder(tmp_path).prepare(TEXTS, LANGUAGES, [()] * len(TEXTS))
    ticks = count()
    table = saturation(tmp_path, ready, "cpu", lambda: float(next(ticks)), budgets=(8, 64), side=16)
    assert [(row["encoder"], row["batch_tokens"]) for row in table["saturation"]] == [
        (name, budget) for name in ("en", "zh") for budget in (8, 64)
    ]
    assert table["peak_tflops"] == 0.0  # a tick is a second: 2 · 16³ operations in it
    assert all(row["rows_per_s"] > 0 for row in table["saturation"])


@pytest.mark.slow
def test_rates_follow_the_given_clock(tmp_path: Path) -> None:
    tiny.write(tmp_path)
    ticks = count()
    figures = measure(Bench(tmp_path, TEXTS, LANGUAGES, Placement(1), 1, compare=False), lambda: float(next(ticks)))
    assert (figures["texts_per_s"], figures["rounds"]) == (20.0, 1)
    assert figures["baseline"] == "engine, one text a call"
    assert figures["label_agreement"] is None


def test_nothing_to_judge_and_models_that_are_no_encoders_are_refused() -> None:
    with pytest.raises(ClassifierError, match="at least one text"):
        measure(Bench(LINEAR, [], []))
    with pytest.raises(ClassifierError, match="measures encoders"):
        measure(Bench(LINEAR, ["Profit doubles"], ["en"]))


def test_every_text_has_its_latency_alone_and_under_load() -> None:
    requests = [Request(f"Profit doubles {n}", "en") for n in range(20)]
    with Engine(load(LINEAR)) as engine:
        alone, loaded = alone_ms(engine, requests), loaded_ms(engine, requests, per_s=1000, seed=1)
    assert len(alone) == len(loaded) == 20
    assert all(taken > 0 for taken in [*alone, *loaded])
    assert percentiles([1.0] * 99 + [100.0]) == {"p50": 1.0, "p99": 1.99}
