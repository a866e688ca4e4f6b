"""The recipe `linear`: labelled sets to hashed n-gram weights, with NumPy and SciPy alone.

What the losses are stands in `linear/fitting.py`; which rows may train, in `rows.py`.
"""

import platform
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import scipy
from scipy import sparse

from classifier import card, data, evaluate, inference
from classifier.artifact import write_record
from classifier.errors import TrainingError
from classifier.labels import LANGUAGES, SENTIMENTS, topic_ids
from classifier.linear import artifact
from classifier.linear.features import Hashing, features
from classifier.linear.fitting import binary_loss, choice_loss, fit, temperature
from classifier.linear.model import Calibration, LinearModel, LinearWeights, narrowed
from classifier.training.mixture import TOLD, Row, targets
from classifier.training.rows import record_of, row_of, rows_of

MODEL_ID = "groundswell-linear"
_SET_WEIGHTS = {"en_ruled_mood": 0.5, "zh_ruled_mood": 0.5, "zh_ruled_neutral": 0.12, "zh_negative_entities": 0.5}
_NEVER = -8.0  # logit of a topic that no row of a language has ever named


class LinearRecipe(msgspec.Struct, frozen=True):
    """Settings of the linear recipe; `set_weights` scale the loss of a set's rows (1 where absent)."""

    version: str = "1"
    hashing: Hashing = Hashing()
    topic_bits: int = 16
    sentiment_l2: float = 1e-5
    topic_l2: float = 3e-6
    sentiment_iterations: int = 80
    topic_iterations: int = 120
    set_weights: dict[str, float] = msgspec.field(default_factory=lambda: dict(_SET_WEIGHTS))


def run(
    data_folder: Path | None, own: Sequence[data.OwnFile], out: Path, seed: int, say: Callable[[str], None]
) -> dict[str, Any]:
    """Train a model from known sets and users' files into the folder `out`; returns the run record.

    The losses are convex and start from zero: the seed is recorded and changes nothing.
    Raises TrainingError for data that cannot teach, DataError for files that cannot be read.
    """
    settings = LinearRecipe()
    loaded = data.load(data_folder, own)
    learnt = {name: [row for row in rows_of(data_folder, name, 0, seed, own) if row.span is None] for name in LANGUAGES}
    say(f"{sum(map(len, learnt.values()))} rows of {len(loaded.sets)} sets")
    weights = _weights(learnt, settings, say)
    dev = [row for row in loaded.examples if row.split == "dev" and row.data_set.trains]
    config = artifact.write(
        out, MODEL_ID, settings.version, weights, settings.hashing, _calibration(dev, weights, settings)
    )
    say("model written; measuring on the dev parts")
    groups = Counter(row.group for rows in learnt.values() for row in rows)
    record: dict[str, Any] = {
        "model": {"id": config.id, "version": config.version, "digest": config.digest},
        "recipe": {"name": "linear", "seed": seed, **msgspec.to_builtins(settings)},
        "rows": dict(sorted(groups.items())),
        "versions": {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__},
        "sets": [record_of(data_folder, own, data_set, groups) for data_set in loaded.sets],
        "dev": evaluate.by_set(inference.load(out), dev),
    }
    write_record(out, record, card.render(record))
    return record


def _weights(learnt: dict[str, list[Row]], settings: LinearRecipe, say: Callable[[str], None]) -> LinearWeights:
    """Fit both heads, each over the rows of all languages that tell it something."""
    rows = [(language, row) for language, own in enumerate(learnt.values()) for row in own]
    moods = [(language, row) for language, row in rows if row.nameable]
    if not moods:
        raise TrainingError("no rows to train sentiment on: every set of it is absent or may not train")
    wanted = targets([row for _, row in moods])
    scale = np.array([settings.set_weights.get(row.group, 1.0) for _, row in moods])
    head, bias = fit(
        _matrix(moods, settings.hashing),
        _languages(moods),
        len(LANGUAGES),
        choice_loss(wanted.nameable, wanted.allowed, scale),
        len(SENTIMENTS),
        settings.sentiment_l2,
        settings.sentiment_iterations,
    )
    say(f"sentiment: {len(moods)} training rows")

    told = [(language, row) for language, row in rows if row.topic_weights]
    if not told:
        raise TrainingError("no rows to train topics on: every set of them is absent or may not train")
    wanted = targets([row for _, row in told])
    target, weight = wanted.topics.astype(np.float64), wanted.topic_weights.astype(np.float64)
    topic_head, topic_bias = fit(
        narrowed(_matrix(told, settings.hashing), settings.hashing.bits - settings.topic_bits),
        _languages(told),
        len(LANGUAGES),
        binary_loss(target, weight),
        len(topic_ids()),
        settings.topic_l2,
        settings.topic_iterations,
    )
    for language in range(len(LANGUAGES)):
        own = _languages(told) == language
        topic_bias[language, (target * weight)[own].sum(axis=0) == 0] = _NEVER
    say(f"topics: {len(told)} training rows")
    return LinearWeights(head, topic_head, bias, topic_bias)


def _calibration(dev: Sequence[data.Example], weights: LinearWeights, settings: LinearRecipe) -> Calibration:
    """Find temperatures on the dev rows that may tune."""
    model = LinearModel(weights, settings.hashing, Calibration())
    found: dict[str, list[float]] = {"sentiment": [], "topics": []}
    for name in LANGUAGES:
        for place, task in enumerate(("sentiment", "topics")):
            rows = [row_of(row) for row in dev if (row.data_set.language, row.data_set.task) == (name, task)]
            if not rows:
                found[task].append(1.0)
                continue
            logits = model.logits([row.text for row in rows], [LANGUAGES.index(name)] * len(rows))[place]
            wanted = targets(rows)
            told = (wanted.topic_weights > TOLD).astype(np.float64)
            loss = (
                choice_loss(wanted.nameable, wanted.allowed, np.ones(len(rows)))
                if task == "sentiment"
                else binary_loss(wanted.topics.astype(np.float64), told)
            )
            found[task].append(temperature(logits, loss))
    return Calibration(tuple(found["sentiment"]), tuple(found["topics"]))


def _matrix(rows: Sequence[tuple[int, Row]], hashing: Hashing) -> sparse.csr_matrix:
    texts = [row.text for _, row in rows]
    parts = [features(texts[start : start + 512], hashing) for start in range(0, len(texts), 512)]
    matrix = sparse.csr_matrix(sparse.vstack(parts))
    matrix.sum_duplicates()
    return matrix


def _languages(rows: Sequence[tuple[int, Row]]) -> Any:
    return np.array([language for language, _ in rows], dtype=np.intp)
