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
from classifier.encoder.graph import Arrays, packed
from classifier.encoder.shape import Precision, Shape
from classifier.errors import TrainingError
from classifier.training.calibrating import calibrated, calibration_error
from classifier.training.rows import record_of

MODEL_ID = "groundswell-encoders"


def export(
    runs: Mapping[str, Sequence[Path]],
    data_folder: Path | None,
    own: Sequence[data.OwnFile],
    out: Path,
    version: str,
    precision: Precision,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Make a model folder of the runs of each language; returns the run record, which is in the folder too.

    The weights of several runs from the same pretrained encoder are averaged (Wortsman et al. 2022, "Model soups", §3).
    Raises TrainingError where a run is not finished or runs do not fit, DataError where nothing calibrates.
    """
    records = {language: _joined([_record(folder) for folder in folders]) for language, folders in runs.items()}
    out.mkdir(parents=True, exist_ok=True)
    parts = {}
    for language, folders in runs.items():
        shape = msgspec.json.decode((folders[0] / "shape.json").read_bytes(), type=Shape)
        weights = packed(_averaged(folders), shape, precision)
        window = records[language]["settings"]["window"]
        parts[language] = encoders.write_part(
            out, language, shape, window, precision, weights, (folders[0] / "tokenizer.json").read_bytes()
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


def _joined(records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the first run's record, with the others under `averaged_with` and the most rows of each group."""
    first, *others = records
    rows = {
        name: max(record["rows"].get(name, 0) for record in records) for record in records for name in record["rows"]
    }
    return {**first, "rows": rows, "averaged_with": others} if others else first


def _averaged(folders: Sequence[Path]) -> Arrays:
    """Return the mean of the runs' weights."""
    first, *others = (load_file(folder / "model.safetensors") for folder in folders)
    for folder, other in zip(folders[1:], others, strict=True):
        if {name: array.shape for name, array in other.items()} != {name: array.shape for name, array in first.items()}:
            raise TrainingError(f"the runs {folders[0]} and {folder} are of different encoders and cannot be averaged")
    return {name: np.mean([array, *(other[name] for other in others)], axis=0) for name, array in first.items()}
