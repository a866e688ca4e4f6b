"""From tuned encoders to the model that ships: round the weights, find temperatures on dev, measure, write the card."""

import platform
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from safetensors.numpy import load_file

from classifier import artifact, card, data, evaluate, inference
from classifier.encoder import artifact as encoders
from classifier.encoder.calibration import NEWS_KINDS, Calibration, Scaling
from classifier.encoder.classifier import EncoderClassifier, pooled
from classifier.encoder.graph import packed
from classifier.encoder.shape import Precision, Shape
from classifier.errors import TrainingError
from classifier.judgements import F64
from classifier.linear.fitting import binary_loss, choice_loss, temperature, vector_scaling
from classifier.training.mixture import TOLD, Row, targets
from classifier.training.rows import record_of, row_of

MODEL_ID = "groundswell-encoders"


def export(
    runs: Mapping[str, Path],
    data_folder: Path | None,
    own: Sequence[data.OwnFile],
    out: Path,
    version: str,
    precision: Precision,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Make a model folder of one run folder a language; returns the run record, which is in the folder too.

    Raises TrainingError where a run is not finished, DataError where there is nothing to calibrate on.
    """
    records = {language: _record(folder) for language, folder in runs.items()}
    out.mkdir(parents=True, exist_ok=True)
    parts = {}
    for language, folder in runs.items():
        shape = msgspec.json.decode((folder / "shape.json").read_bytes(), type=Shape)
        weights = packed(load_file(folder / "model.safetensors"), shape, precision)
        window = records[language]["settings"]["window"]
        parts[language] = encoders.write_part(
            out, language, shape, window, precision, weights, (folder / "tokenizer.json").read_bytes()
        )
    encoders.sign(out, MODEL_ID, version, parts, Calibration())
    say("weights written; finding temperatures on the dev parts")
    loaded = data.load(data_folder, own)
    groups = Counter(dict(pair for record in records.values() for pair in record["rows"].items()))
    dev = [
        row for row in loaded.examples if row.split == "dev" and row.data_set.trains and row.data_set.task != "texts"
    ]
    config = encoders.sign(out, MODEL_ID, version, parts, calibrated(out, dev))
    say("measuring on the dev parts")
    record: dict[str, Any] = {
        "model": {"id": config.id, "version": config.version, "digest": config.digest, "precision": precision},
        "recipe": {"name": "encoder"},
        "runs": records,
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
        "calibration": msgspec.to_builtins(config.calibration),
        "sets": [record_of(data_folder, own, data_set, groups) for data_set in loaded.sets],
        "dev": evaluate.by_set(inference.load(out), dev),
    }
    artifact.write_record(out, record, card.render(record))
    return record


def calibrated(folder: Path, dev: Sequence[data.Example]) -> Calibration:
    """Find the divisors of logits that make a model's probabilities most truthful on dev rows that may tune.

    Raises TrainingError where there is no row with a sentiment.
    """
    _, read = encoders.read(folder)
    readers = EncoderClassifier.read(folder).readers
    sentiment: dict[str, Scaling] = {}
    topics: dict[str, float] = {}
    for language in read:
        rows = [row for row in dev if row.data_set.language == language]
        if not rows:
            continue
        encoded = readers[language].tokens.encode([row.text for row in rows], [None] * len(rows), 8)
        logits = pooled(encoded, readers[language].runtime)
        told = [place for place, row in enumerate(rows) if row.data_set.task == "topics"]
        if told:
            wanted = targets([row_of(rows[place]) for place in told])
            named = (wanted.topic_weights > TOLD).astype(np.float64)
            topics[language] = temperature(logits[1][told], binary_loss(wanted.topics.astype(np.float64), named))
        for register in ("", "/news", "/social"):
            own = [
                place
                for place, row in enumerate(rows)
                if row.data_set.task == "sentiment" and register in ("", _register(row.data_set))
            ]
            if own:
                sentiment[language + register] = _scaling(logits[0][own], [rows[place] for place in own])
    if not sentiment:
        raise TrainingError("no dev rows with a sentiment to calibrate on; give a set with a dev part")
    return Calibration(sentiment=sentiment, topics=topics)


def _scaling(logits: F64, rows: Sequence[data.Example]) -> Scaling:
    """Each set counts the same, whatever its size."""
    wanted = targets([Row(row.text, row.data_set.name, row.data_set.nameable, row.allowed) for row in rows])
    sizes = {row.data_set.name: 0 for row in rows}
    for row in rows:
        sizes[row.data_set.name] += 1
    weight = np.array([1.0 / sizes[row.data_set.name] for row in rows])
    divisor, shift = vector_scaling(logits, choice_loss(wanted.nameable, wanted.allowed, weight))
    return Scaling(divisor, (shift[0], shift[1], shift[2]))


def _register(data_set: data.DataSet) -> str:
    return "/news" if data_set.kind in NEWS_KINDS else "/social"


def _record(folder: Path) -> dict[str, Any]:
    path = folder / "run.json"
    if not path.is_file() or not (folder / "model.safetensors").is_file():
        raise TrainingError(f"{folder} holds no finished run; run 'groundswell train --recipe encoder' into it first")
    return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
