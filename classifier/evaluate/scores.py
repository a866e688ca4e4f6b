"""Figures of a model's answers on one set: accuracy, F1, confusion, calibration, and what abstaining would gain.

They depend on the rows and the judgements alone; intervals are `resampling.py`, parts of a set `slices.py`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from classifier import data
from classifier.evaluate.answers import Answers, Bools, Floats, sentiment_answers, topic_answers
from classifier.judgements import Judgement

_ECE_BINS = 10
_SHARES = 20  # points of the abstention curve
Counts = npt.NDArray[np.signedinteger[Any]]


def sentiment_scores(rows: Sequence[data.Example], judged: Sequence[Judgement]) -> dict[str, Any]:
    """Score rows of one set over the groups of sentiments that it can tell apart."""
    return scores(sentiment_answers(rows, judged), "sentiment")


def topic_scores(rows: Sequence[data.Example], judged: Sequence[Judgement]) -> dict[str, Any]:
    """Score the topics named for rows of one set, over the topics that the set can name.

    `accuracy`: the first named topic is among the right ones; F1 is over every topic named.
    """
    return scores(topic_answers(rows, judged), "topics")


def scores(found: Answers, task: str) -> dict[str, Any]:
    """Return all figures of one set: those of every task, and the confusion or the F1 by topic."""
    figures = _figures(found)
    if task == "topics":
        hits, said, right = _counts(found)
        micro = 2.0 * hits.sum() / max(int((said + right).sum()), 1)
        f1 = {name: row["f1"] for name, row in figures["per_label"].items() if row["n"]}
        return {**figures, "micro_f1": rounded(micro), "f1": f1}
    return {**figures, "labels": list(found.labels), "confusion": confusion(found).tolist()}


def summary(found: Answers) -> dict[str, Any]:
    """Return the three figures that a part of a set is judged by; macro-F1 is over the labels that occur."""
    hits, said, right = _counts(found)
    return {
        "n": len(found.correct),
        "accuracy": rounded(found.correct.mean()),
        "macro_f1": rounded(_f1(hits, said, right)[right > 0].mean()),
    }


def per_label(found: Answers) -> dict[str, dict[str, Any]]:
    """Return the figures of each label that occurs or is said; a rate over no rows is None."""
    hits, said, right = _counts(found)
    f1 = _f1(hits, said, right)
    return {
        name: {
            "n": int(right[k]),
            "precision": rounded(hits[k] / said[k]) if said[k] else None,
            "recall": rounded(hits[k] / right[k]) if right[k] else None,
            "f1": rounded(f1[k]),
        }
        for k, name in enumerate(found.labels)
        if right[k] or said[k]
    }


def confusion(found: Answers) -> Counts:
    """Return counts [truth, answer] where each row has one label and one answer."""
    return found.right.astype(np.int64).T @ found.said.astype(np.int64)


def macro_f1(matrix: Counts) -> float:
    """Return the mean F1 over the labels that occur, from a matrix [truth, answer]."""
    right = matrix.sum(axis=1)
    return float(_f1(np.diagonal(matrix), matrix.sum(axis=0), right)[right > 0].mean())


def expected_calibration_error(confidence: Floats, correct: Bools, bins: int = _ECE_BINS) -> float:
    """Return the mean gap between confidence and accuracy over equal-width bins, weighted by their rows."""
    rows, sure, right = _binned(confidence, correct, bins)
    return float(np.abs(right - sure).sum() / rows.sum())


def reliability(confidence: Floats, correct: Bools, bins: int = _ECE_BINS) -> list[dict[str, Any]]:
    """Return mean confidence, accuracy and rows of each bin that holds any."""
    return [
        {"confidence": rounded(sure / n), "accuracy": rounded(right / n), "n": int(n)}
        for n, sure, right in zip(*_binned(confidence, correct, bins), strict=True)
        if n
    ]


def abstention(confidence: Floats, correct: Bools) -> list[dict[str, Any]]:
    """Return the accuracy on the surest rows, by the share of rows that is kept.

    Rows of equal confidence are kept or left together, so that their order means nothing.
    """
    n = len(confidence)
    ranked = np.sort(confidence)[::-1]
    wanted = {-(-n * step // _SHARES) for step in range(1, _SHARES + 1)}
    thresholds = sorted({float(ranked[count - 1]) for count in wanted}, reverse=True)
    curve = []
    for threshold in thresholds:
        kept = confidence >= threshold
        point = {"share": kept.mean(), "confidence": threshold, "accuracy": correct[kept].mean()}
        curve.append({name: rounded(value) for name, value in point.items()})
    return curve


def rounded(value: Any) -> float:
    """Return a figure to four places, as every report and record shows it at most."""
    return round(float(value), 4)


def _figures(found: Answers) -> dict[str, Any]:
    hits, said, right = _counts(found)
    f1 = _f1(hits, said, right)
    return {
        **summary(found),
        "weighted_f1": rounded((f1 * right).sum() / right.sum()),
        "ece": rounded(expected_calibration_error(found.confidence, found.correct)),
        "per_label": per_label(found),
        "reliability": reliability(found.confidence, found.correct),
        "abstention": abstention(found.confidence, found.correct),
    }


def _counts(found: Answers) -> tuple[Counts, Counts, Counts]:
    """Return by label how often it was rightly said, was said, and was right."""
    return (found.right & found.said).sum(axis=0), found.said.sum(axis=0), found.right.sum(axis=0)


def _f1(hits: Counts, said: Counts, right: Counts) -> Floats:
    values: Floats = 2.0 * hits / np.maximum(said + right, 1)
    return values


def _binned(confidence: Floats, correct: Bools, bins: int) -> tuple[Floats, Floats, Floats]:
    """Return by bin the number of rows, the sum of their confidence, and how many are right."""
    place = np.minimum((confidence * bins).astype(np.intp), bins - 1)

    def summed(values: npt.NDArray[Any]) -> Floats:
        sums: Floats = np.bincount(place, weights=values, minlength=bins).astype(np.float64)
        return sums

    return summed(np.ones(len(place))), summed(confidence), summed(correct)
