"""Scores of a model on the labelled sets: accuracy, macro-F1, confusion, calibration error, by set and language.

Figures depend on the model and the rows alone; nothing here is timed (`bench.py`) or fitted (`train.py`).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from classifier import data
from classifier.errors import DataError
from classifier.inference import Classifier, Judgement, load
from classifier.labels import LANGUAGES, SENTIMENTS, topic_ids, topic_vocabulary

_ECE_BINS = 10
_BITS = (data.NEGATIVE, data.NEUTRAL, data.POSITIVE)


def run(model: Path | None, data_folder: Path, split: str) -> dict[str, Any]:
    """Evaluate a model folder (None: the shipped model) on the sets under `data_folder`; `split` is dev or test."""
    classifier = load(model)
    info = classifier.info
    return {
        "model": {"id": info.id, "version": info.version, "digest": info.digest},
        "split": split,
        **evaluate(classifier, data_folder, split),
    }


def evaluate(classifier: Classifier, data_folder: Path, split: str) -> dict[str, Any]:
    """Return figures by set, and by language over the sets; raises DataError where no set has such a split."""
    if split not in ("dev", "test"):
        raise DataError(f"unknown split {split!r}; choose dev or test")
    by_set: dict[str, dict[str, Any]] = {}
    for data_set in data.present(data_folder):
        rows = [row for row in data.read(data_folder, data_set) if row.split == split]
        if rows and data_set.task != "texts":
            texts = [row.text for row in rows]
            judged = classifier.classify(texts, [data_set.language] * len(rows), [()] * len(rows))
            score = topic_scores if data_set.task == "topics" else sentiment_scores
            by_set[data_set.name] = {"task": data_set.task, "language": data_set.language, **score(rows, judged)}
            fresh = [position for position, row in enumerate(rows) if not row.duplicated]
            if len(fresh) < len(rows):
                part = score([rows[position] for position in fresh], [judged[position] for position in fresh])
                by_set[data_set.name]["without_near_duplicates"] = part
    if not by_set:
        raise DataError(f"no set under {data_folder} has a {split} part")
    return {"sets": by_set, "languages": _by_language(by_set)}


def sentiment_scores(rows: Sequence[data.Example], judged: Sequence[Judgement]) -> dict[str, Any]:
    """Score rows of one set over the groups of labels that it can tell apart.

    The answer is the most probable group; its confidence is its share of the set's nameable probability.
    """
    groups = rows[0].data_set.groups
    probabilities = np.array([[row.negative, row.neutral, row.positive] for row in judged])
    member = np.array([[float(bool(group & bit)) for group in groups] for bit in _BITS])
    mass = probabilities @ member
    answer = mass.argmax(axis=1)
    truth = np.array([groups.index(row.allowed) for row in rows])
    total = mass.sum(axis=1)
    confidence = np.where(total > 0, mass.max(axis=1) / np.where(total > 0, total, 1.0), 1.0 / len(groups))
    confusion = np.zeros((len(groups), len(groups)), dtype=np.int64)
    np.add.at(confusion, (truth, answer), 1)
    return {
        "n": len(rows),
        "accuracy": _rounded(float((answer == truth).mean())),
        "macro_f1": _rounded(macro_f1(confusion)),
        "ece": _rounded(expected_calibration_error(confidence, answer == truth)),
        "labels": [_group_name(group) for group in groups],
        "confusion": confusion.tolist(),
    }


def topic_scores(rows: Sequence[data.Example], judged: Sequence[Judgement]) -> dict[str, Any]:
    """Score the topics named for rows of one set, over the topics that the set can name.

    `accuracy`: the first named topic is among the right ones; F1 is over every topic named.
    """
    nameable = sorted(set(topic_vocabulary(rows[0].data_set.vocabulary).values()))
    places = {name: position for position, name in enumerate(topic_ids())}
    hits = np.zeros(len(places), dtype=np.int64)
    said, right = np.zeros_like(hits), np.zeros_like(hits)
    first = 0
    for row, judgement in zip(rows, judged, strict=True):
        named = [places[name] for name, _ in judgement.topics if places[name] in nameable]
        first += bool(named) and named[0] in row.topics
        np.add.at(said, named, 1)
        np.add.at(right, list(row.topics), 1)
        np.add.at(hits, [place for place in named if place in row.topics], 1)
    scored = [place for place in nameable if right[place]]
    f1 = {topic_ids()[place]: _rounded(_f1(hits[place], said[place], right[place])) for place in scored}
    return {
        "n": len(rows),
        "accuracy": _rounded(first / len(rows)),
        "micro_f1": _rounded(_f1(hits.sum(), said.sum(), right.sum())),
        "macro_f1": _rounded(sum(f1.values()) / len(f1)),
        "f1": f1,
    }


def macro_f1(confusion: npt.NDArray[np.int64]) -> float:
    """Return the mean F1 over the labels that occur, from a matrix [truth, answer]."""
    present = np.flatnonzero(confusion.sum(axis=1))
    scores = [_f1(confusion[k, k], confusion[:, k].sum(), confusion[k].sum()) for k in present]
    return sum(scores) / len(scores)


def expected_calibration_error(
    confidence: npt.NDArray[np.float64], correct: npt.NDArray[np.bool_], bins: int = _ECE_BINS
) -> float:
    """Return the mean gap between confidence and accuracy over equal-width bins, weighted by their rows."""
    place = np.minimum((confidence * bins).astype(np.intp), bins - 1)
    rows = np.bincount(place, minlength=bins)
    gap = np.bincount(place, weights=correct, minlength=bins) - np.bincount(place, weights=confidence, minlength=bins)
    return float(np.abs(gap).sum() / rows.sum())


def _f1(hits: Any, said: Any, right: Any) -> float:
    return 2.0 * float(hits) / float(said + right) if said + right else 0.0


def _group_name(group: int) -> str:
    return " or ".join(name for name, bit in zip(SENTIMENTS, _BITS, strict=True) if group & bit)


def _by_language(by_set: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Average the sets of each language and task, each set counting the same."""
    slices: dict[str, dict[str, Any]] = {}
    for language in LANGUAGES:
        for task in ("sentiment", "topics"):
            own = [score for score in by_set.values() if (score["language"], score["task"]) == (language, task)]
            if own:
                slices.setdefault(language, {})[task] = {
                    "sets": len(own),
                    "n": sum(score["n"] for score in own),
                    "accuracy": _rounded(sum(score["accuracy"] for score in own) / len(own)),
                    "macro_f1": _rounded(sum(score["macro_f1"] for score in own) / len(own)),
                }
    return slices


def _rounded(value: float) -> float:
    return round(value, 4)
