"""The recipes that turn labelled sets into a model folder. `linear` needs NumPy and SciPy alone.

What the losses are stands in `fitting.py`; which rows may train, in `data.py`.
"""

import hashlib
import platform
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import scipy
from scipy import sparse

from classifier import artifact, card, data, evaluate, inference, silver
from classifier.errors import TrainingError
from classifier.features import Hashing, features
from classifier.fitting import Loss, binary_loss, choice_loss, fit, temperature
from classifier.labels import LANGUAGES, SENTIMENTS, topic_ids, topic_vocabulary
from classifier.linear import Calibration, LinearModel, LinearWeights, narrowed

RECIPES = ("linear",)
MODEL_ID = "groundswell-linear"
RULED_MOOD_ON = ("en_topic_tweets", "zh_news_flashes", "zh_headlines_general")
RULED_NAMES = ("en_ruled_mood", "zh_ruled_mood", "zh_ruled_neutral")
_RULED = {name: data.DataSet(name, "", name[:2], "unstated", "news judged by rule", data.THREE) for name in RULED_NAMES}
_SET_WEIGHTS = {"en_ruled_mood": 0.5, "zh_ruled_mood": 0.5, "zh_ruled_neutral": 0.12, "zh_negative_entities": 0.5}
RULED_TOPICS_ON = ("zh_company_news", "zh_forum_posts", "zh_headlines_general")
STOCK_FORUMS = ("zh_forum_posts",)  # what people say there is commentary on a stock, and no news of a company
_COMPANY_NEWS, _STOCK_COMMENTARY = topic_ids().index("company_news"), topic_ids().index("stock_commentary")
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
    silver_weight: float = 1.0
    set_weights: dict[str, float] = msgspec.field(default_factory=lambda: dict(_SET_WEIGHTS))


def run(data_folder: Path, out: Path, recipe: str, seed: int, progress: Callable[[str], None]) -> dict[str, Any]:
    """Train a model from the sets under `data_folder` into the folder `out`; returns the run record.

    The linear losses are convex and start from zero: the seed is recorded and changes nothing.
    Raises TrainingError for an unknown recipe, DataError for a folder without usable sets.
    """
    if recipe not in RECIPES:
        raise TrainingError(f"unknown recipe {recipe!r}; known are: {', '.join(RECIPES)}")
    settings = LinearRecipe()
    sets = data.present(data_folder)
    examples = [example for data_set in sets for example in data.read(data_folder, data_set)]
    progress(f"{len(examples)} rows of {len(sets)} sets read")
    weights, rows = _weights(examples, settings, progress)
    calibration = _calibration(examples, weights, settings)
    config = artifact.write(out, MODEL_ID, settings.version, weights, settings.hashing, calibration)
    progress("model written; measuring on the dev parts")
    record: dict[str, Any] = {
        "model": {"id": config.id, "version": config.version, "digest": config.digest},
        "recipe": {"name": recipe, "seed": seed, **msgspec.to_builtins(settings)},
        "versions": {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__},
        "ruled_rows": {name: rows[name] for name in RULED_NAMES if name in rows},
        "sets": [_provenance(data_folder, data_set, rows.get(data_set.name, 0)) for data_set in sets],
        "dev": evaluate.evaluate(inference.load(out), data_folder, "dev"),
    }
    artifact.write_record(out, record, card.render(record))
    return record


def record_test(model: Path, data_folder: Path) -> dict[str, Any]:
    """Evaluate a finished model on the test parts and add the figures to its record and card; returns the record."""
    record = artifact.read_record(model)
    record["test"] = evaluate.evaluate(inference.load(model), data_folder, "test")
    artifact.write_record(model, record, card.render(record))
    return record


def _weights(
    examples: list[data.Example], settings: LinearRecipe, progress: Callable[[str], None]
) -> tuple[LinearWeights, dict[str, int]]:
    """Fit both heads; returns the weights and how many rows of each set they saw."""
    sentiment = _task(examples, "sentiment")
    sentiment += _ruled_mood(examples)
    progress(f"sentiment: {len(sentiment)} training rows")
    matrix = _matrix(sentiment, settings.hashing)
    scale = np.array([settings.set_weights.get(example.data_set.name, 1.0) for example in sentiment])
    head, bias = fit(
        matrix,
        _languages(sentiment),
        len(LANGUAGES),
        _sentiment_loss(sentiment, scale),
        len(SENTIMENTS),
        settings.sentiment_l2,
        settings.sentiment_iterations,
    )

    topics = _task(examples, "topics")
    topics += _untold(examples, {row.key for row in topics})
    progress(f"topics: {len(topics)} training rows")
    narrow = narrowed(_matrix(topics, settings.hashing), settings.hashing.bits - settings.topic_bits)
    target, weight = _topic_targets(topics, settings.silver_weight)
    topic_head, topic_bias = fit(
        narrow,
        _languages(topics),
        len(LANGUAGES),
        binary_loss(target, weight),
        len(topic_ids()),
        settings.topic_l2,
        settings.topic_iterations,
    )
    for language in range(len(LANGUAGES)):
        own = _languages(topics) == language
        topic_bias[language, (target * weight)[own].sum(axis=0) == 0] = _NEVER
    counts: dict[str, int] = {}
    for example in [*sentiment, *topics]:
        counts[example.data_set.name] = counts.get(example.data_set.name, 0) + 1
    return LinearWeights(head, topic_head, bias, topic_bias), counts


def _calibration(examples: list[data.Example], weights: LinearWeights, settings: LinearRecipe) -> Calibration:
    """Find temperatures on the dev rows that may tune."""
    model = LinearModel(weights, settings.hashing, Calibration())
    found: dict[str, list[float]] = {"sentiment": [], "topics": []}
    for name in LANGUAGES:
        tuning = [
            row for row in examples if row.split == "dev" and row.data_set.trains and row.data_set.language == name
        ]
        for task, position in (("sentiment", 0), ("topics", 1)):
            rows = [row for row in tuning if row.data_set.task == task]
            if not rows:
                found[task].append(1.0)
                continue
            logits = model.logits([row.text for row in rows], _languages(rows).tolist())[position]
            loss = (
                _sentiment_loss(rows, np.ones(len(rows))) if task == "sentiment" else binary_loss(*_gold_topics(rows))
            )
            found[task].append(temperature(logits, loss))
    return Calibration(tuple(found["sentiment"]), tuple(found["topics"]))


def _task(examples: list[data.Example], task: str) -> list[data.Example]:
    own = [example for example in examples if example.data_set.task == task]
    chosen = data.training_part(own, data.held_keys(own, task))
    if not chosen:
        raise TrainingError(f"no rows to train {task} on: every set of this task is absent or may not train")
    return chosen


def _matrix(rows: Sequence[data.Example], hashing: Hashing) -> sparse.csr_matrix:
    texts = [row.text for row in rows]
    parts = [features(texts[start : start + 512], hashing) for start in range(0, len(texts), 512)]
    matrix = sparse.csr_matrix(sparse.vstack(parts))
    matrix.sum_duplicates()
    return matrix


def _languages(rows: Sequence[data.Example]) -> Any:
    return np.array([LANGUAGES.index(row.data_set.language) for row in rows], dtype=np.intp)


def _sentiment_loss(rows: Sequence[data.Example], weight: Any) -> Loss:
    bits = np.array([[data.NEGATIVE, data.NEUTRAL, data.POSITIVE]])
    nameable = np.array([row.data_set.nameable for row in rows])[:, None] & bits
    allowed = np.array([row.allowed for row in rows])[:, None] & bits
    return choice_loss(nameable > 0, allowed > 0, weight)


def _gold_topics(rows: Sequence[data.Example]) -> tuple[Any, Any]:
    """Return targets and weights [n, T]: 1 where the row's set can name the topic."""
    target = np.zeros((len(rows), len(topic_ids())))
    weight = np.zeros_like(target)
    for position, row in enumerate(rows):
        target[position, list(row.topics)] = 1.0
        weight[position, list(topic_vocabulary(row.data_set.vocabulary).values())] = 1.0
    return target, weight


def _topic_targets(rows: Sequence[data.Example], silver_weight: float) -> tuple[Any, Any]:
    """Return targets and weights [n, T]: labels where the set can name the topic, our own rules where none can."""
    target, weight = _gold_topics(rows)
    for position, row in enumerate(rows):
        decided = [place for place in silver.ruled(row.data_set.language) if not weight[position, place]]
        spoken = set(silver.topics(row.text, row.data_set.language))
        weight[position, decided] = silver_weight
        if row.data_set.name in STOCK_FORUMS:
            weight[position, _COMPANY_NEWS] = silver_weight
            spoken.add(_STOCK_COMMENTARY)
        target[position, [place for place in decided if place in spoken]] = 1.0
    return target, weight


def _ruled_mood(examples: list[data.Example]) -> list[data.Example]:
    """Return news that has words of one mood only, judged by rule: no set gives the mood of Chinese news in full."""
    held = data.held_keys(examples, "sentiment")
    found = []
    for row in examples:
        if row.data_set.name in RULED_MOOD_ON and row.split == "train" and row.key not in held:
            name = silver.mood(row.text, row.data_set.language)
            if name is not None:
                kind = "neutral" if name == "neutral" else "mood"
                judged = _RULED[f"{row.data_set.language}_ruled_{kind}"]
                found.append(row._replace(data_set=judged, allowed=data.SENTIMENT_BITS[name]))
    return found


def _untold(examples: list[data.Example], known: set[str]) -> list[data.Example]:
    """Return Chinese sentiment rows, on which the topic rules alone speak: other kinds of text than news flashes."""
    blocked = data.held_keys(examples, "topics") | data.held_keys(examples, "sentiment") | known
    return [
        row
        for row in examples
        if row.data_set.name in RULED_TOPICS_ON and row.split == "train" and row.key not in blocked
    ]


def _provenance(folder: Path, data_set: data.DataSet, rows: int) -> dict[str, Any]:
    path = data.find(folder, data_set)
    assert path is not None, "only sets that lie in the folder are asked for"
    return {
        "name": data_set.name,
        "title": data_set.title,
        "task": data_set.task,
        "language": data_set.language,
        "licence": data_set.licence,
        "training_rows": rows,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
