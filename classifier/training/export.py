"""From tuned encoders to the model that ships: round the weights, calibrate and measure on dev, write the card."""

import platform
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from safetensors.numpy import load_file

from classifier import artifact, card, data, evaluate
from classifier.encoder import artifact as encoders
from classifier.encoder.calibration import Calibration
from classifier.encoder.classifier import EncoderClassifier
from classifier.encoder.graph import packed
from classifier.encoder.shape import Precision, Shape
from classifier.errors import TrainingError
from classifier.training.calibrating import calibrated, calibration_error
from classifier.training.rows import record_of

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
        window, registers = records[language]["settings"]["window"], records[language].get("registers", [])
        parts[language] = encoders.write_part(
            out, language, shape, window, registers, precision, weights, (folder / "tokenizer.json").read_bytes()
        )
    encoders.sign(out, MODEL_ID, version, parts, Calibration())
    say("weights written; finding temperatures on the dev parts")
    loaded = data.load(data_folder, own)
    groups = Counter(dict(pair for record in records.values() for pair in record["rows"].items()))
    dev = [
        row for row in loaded.examples if row.split == "dev" and row.data_set.trains and row.data_set.language in runs
    ]
    dev = [row for row in dev if row.data_set.task != "texts"]
    config = encoders.sign(out, MODEL_ID, version, parts, calibrated(EncoderClassifier.read(out).readers, dev))
    say("measuring on the dev parts")
    model = EncoderClassifier.read(out)
    record: dict[str, Any] = {
        "model": {"id": config.id, "version": config.version, "digest": config.digest, "precision": precision},
        "recipe": {"name": "encoder"},
        "runs": records,
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
        "calibration": {"found": msgspec.to_builtins(config.calibration), "ece": calibration_error(model, dev)},
        "sets": [record_of(data_folder, own, data_set, groups) for data_set in loaded.sets],
        "leakage": data.leakage_report(loaded.examples),
        "dev": evaluate.by_set(model, dev),
    }
    artifact.write_record(out, record, card.render(record))
    return record


def _record(folder: Path) -> dict[str, Any]:
    path = folder / "run.json"
    if not path.is_file() or not (folder / "model.safetensors").is_file():
        raise TrainingError(f"{folder} holds no finished run; run 'groundswell train --recipe encoder' into it first")
    return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
