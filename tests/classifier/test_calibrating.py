"""Scalings give back truthful probabilities, and what was measured is written beside the model it was measured on."""

from pathlib import Path

import numpy as np
import pytest

from classifier import artifact, data, evaluate
from classifier.encoder.calibration import TopicScaling
from classifier.encoder.classifier import EncoderClassifier
from classifier.errors import ClassifierError, TrainingError
from classifier.evaluate.recording import record
from classifier.inference import load
from classifier.linear.fitting import choice_loss
from classifier.linear.model import softmax
from classifier.training.calibrating import calibrated, calibration_error, scaling, topic_scaling
from tests.classifier import tiny_encoder as tiny
from tests.classifier.test_evaluate import row

RANDOM = np.random.default_rng(3)
MOODS = {"profit rise": data.POSITIVE, "loss fall": data.NEGATIVE, "shares of acme": data.NEUTRAL}


def test_a_scaling_that_was_put_on_is_found_again() -> None:
    honest = RANDOM.normal(0, 1.5, (6000, 3))
    truth = np.array([RANDOM.choice(3, p=row) for row in softmax(honest)])
    spoilt = (honest - np.array([0.7, 0.0, -0.4])) * 2.5
    allowed = np.eye(3, dtype=np.bool_)[truth]
    loss = choice_loss(np.ones_like(allowed), allowed, np.ones(len(truth)))
    found = scaling(spoilt, loss)
    assert found.power == pytest.approx(1.0, abs=0.12)
    assert found.shift == pytest.approx([0.7, 0.0, -0.4], abs=0.15)
    sure = softmax(found(spoilt))
    error = evaluate.expected_calibration_error(sure.max(axis=1), sure.argmax(axis=1) == truth)
    assert error < 0.02
    assert evaluate.expected_calibration_error(softmax(spoilt).max(axis=1), spoilt.argmax(axis=1) == truth) > 0.1


def test_answers_flattened_by_smoothed_labels_are_spread_again() -> None:
    honest = RANDOM.normal(0, 2.0, (6000, 3))
    truth = np.array([RANDOM.choice(3, p=row) for row in softmax(honest)])
    honest -= honest.mean(axis=1, keepdims=True)
    size = np.sqrt((honest**2).sum(axis=1, keepdims=True))
    flat = honest * size ** (1 / 1.8 - 1)
    allowed = np.eye(3, dtype=np.bool_)[truth]
    found = scaling(flat, choice_loss(np.ones_like(allowed), allowed, np.ones(len(truth))))
    assert found.power == pytest.approx(1.8, abs=0.25)
    sure = softmax(found(flat))
    assert evaluate.expected_calibration_error(sure.max(axis=1), sure.argmax(axis=1) == truth) < 0.02


def test_topics_that_are_named_too_rarely_are_shifted_and_those_of_which_nothing_is_told_are_not() -> None:
    honest = RANDOM.normal(-2, 1.5, (6000, 3))
    happened = (RANDOM.random(honest.shape) < 1 / (1 + np.exp(-honest))).astype(np.float64)
    told = np.array([1.0, 1.0, 0.0]) * np.ones_like(honest)
    found = topic_scaling((honest - np.array([1.0, 0.0, 0.0])) * 1.6, happened, told)
    assert found.divisor == pytest.approx(1.6, abs=0.1)
    assert found.shift == pytest.approx([1.0, 0.0, 0.0], abs=0.12)
    assert TopicScaling(2.0)(honest).tolist() == (honest / 2).tolist()


def test_a_model_is_calibrated_by_language_and_register(tmp_path: Path) -> None:
    tiny.write(tmp_path)
    model = EncoderClassifier.read(tmp_path)
    dev = [row("en_tweets", bits)._replace(text=text) for text, bits in MOODS.items()]
    found = calibrated(model.readers, dev)
    assert set(found.sentiment) == {"en", "en/social"}
    assert calibration_error(model, dev)["en"]["n"] == len(dev)
    with pytest.raises(TrainingError, match="dev part"):
        calibrated(model.readers, [])


def test_figures_are_written_only_beside_the_model_that_they_are_of(tmp_path: Path) -> None:
    tiny.write(tmp_path)
    info = load(tmp_path).info
    kept = {
        "model": {"id": info.id, "version": "1", "digest": info.digest, "precision": "int8"},
        "recipe": {"name": "encoder"},
        "sets": [],
        "versions": {"python": "3"},
    }
    artifact.write_record(tmp_path, kept, "")
    figures = {"n": 3, "accuracy": 0.875, "macro_f1": 0.5, "ece": 0.1}
    figures_of = {"sets": {"invented": figures}, "languages": {}, "names": {}}
    result = {"model": {"digest": info.digest}, "split": "test", **figures_of}
    record(tmp_path, result)
    assert artifact.read_record(tmp_path)["test"]["sets"]["invented"]["n"] == 3
    assert "| invented | 3 | 0.875 |" in (tmp_path / "MODEL_CARD.md").read_text()
    with pytest.raises(ClassifierError, match="not the model that was measured"):
        record(tmp_path, result | {"model": {"digest": "another"}})
