"""Scalings and the topic threshold, found on dev rows that may tune; and how truthful the probabilities then are."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from scipy import optimize

from classifier import data, evaluate
from classifier.encoder.calibration import NEWS_KINDS, Calibration, Scaling, TopicScaling
from classifier.encoder.classifier import MAX_WINDOWS, Reader, pooled
from classifier.errors import TrainingError
from classifier.judgements import F64, Classifier, judgements
from classifier.linear.fitting import Loss, binary_loss, choice_loss
from classifier.linear.model import sigmoid
from classifier.training.mixture import TOLD, targets
from classifier.training.rows import row_of

REGISTERS = ("", "/news", "/social")
_HELD_BACK = 1e-4  # of the squares of shifts of topics
_THRESHOLDS = (0.25, 0.3, 0.35, 0.4, 0.45, 0.5)


def calibrated(readers: Mapping[str, Reader], dev: Sequence[data.Example]) -> Calibration:
    """Find what makes a model's probabilities most truthful, and from which one on a topic is best named (micro-F1).

    Each set counts the same, whatever its size. Raises TrainingError where there is no row with a sentiment.
    """
    sentiment: dict[str, Scaling] = {}
    topics: dict[str, TopicScaling] = {}
    named: list[tuple[list[data.Example], F64]] = []
    for language, reader in readers.items():
        rows = [row for row in dev if row.data_set.language == language]
        if not rows:
            continue
        encoded = reader.tokens.encode([row.text for row in rows], [None] * len(rows), MAX_WINDOWS)
        moods, subjects = pooled(encoded, reader.runtime)
        told = [place for place, row in enumerate(rows) if row.data_set.task == "topics"]
        if told:
            topics[language] = _topic_scaling(subjects[told], [rows[place] for place in told])
            probabilities = sigmoid(topics[language](subjects))
            for name in sorted({rows[place].data_set.name for place in told}):
                own = [place for place in told if rows[place].data_set.name == name]
                named.append(([rows[place] for place in own], probabilities[own]))
        for register in REGISTERS:
            own = [place for place, row in enumerate(rows) if row.data_set.task == "sentiment" and _of(row, register)]
            if own:
                sentiment[language + register] = _scaling(moods[own], [rows[place] for place in own])
    if not sentiment:
        raise TrainingError("no dev rows with a sentiment to calibrate on; give a set with a dev part")
    return Calibration(sentiment=sentiment, topics=topics, topic_threshold=_threshold(named))


def calibration_error(model: Classifier, dev: Sequence[data.Example]) -> dict[str, dict[str, float]]:
    """Return n and the expected calibration error of sentiment by slice: language, and language and register."""
    found = {}
    for language in dict.fromkeys(row.data_set.language for row in dev):
        for register in REGISTERS:
            own = [row for row in dev if row.data_set.language == language and row.data_set.task == "sentiment"]
            own = [row for row in own if _of(row, register)]
            if own:
                judged = model.classify(
                    [row.text for row in own],
                    [language] * len(own),
                    [()] * len(own),
                    [row.data_set.kind for row in own],
                )
                found[language + register] = {"n": len(own), "ece": evaluate.pooled_error(own, judged)}
    return found


def _of(row: data.Example, register: str) -> bool:
    return register in ("", "/news" if row.data_set.kind in NEWS_KINDS else "/social")


def _scaling(logits: F64, rows: Sequence[data.Example]) -> Scaling:
    wanted = targets([row_of(row) for row in rows])
    sizes = Counter(row.data_set.name for row in rows)
    weight = np.array([1.0 / sizes[row.data_set.name] for row in rows])
    return scaling(logits, choice_loss(wanted.nameable, wanted.allowed, weight))


def scaling(logits: F64, loss: Loss) -> Scaling:
    """Return the scaling of logits [n, 3] that makes held-out probabilities most truthful.

    Neutral is not shifted, since a shift of all says nothing; shifts are held back where few rows ask for them.
    """

    def made(flat: F64) -> Scaling:
        divisor, power, negative, positive = (round(float(value), 6) for value in (np.exp(flat[0]), *flat[1:]))
        return Scaling(divisor, power, (negative, 0.0, positive))

    def cost(flat: F64) -> float:
        return loss(made(flat)(logits))[0] + 1e-3 * float(flat[2] ** 2 + flat[3] ** 2)

    bounds = [(-2.0, 2.0), (0.5, 3.0), (-2.0, 2.0), (-2.0, 2.0)]
    start = np.array([0.0, 1.0, 0.0, 0.0])
    found = optimize.minimize(cost, start, method="L-BFGS-B", bounds=bounds, options={"eps": 1e-4})
    return made(found.x)


def _topic_scaling(logits: F64, rows: Sequence[data.Example]) -> TopicScaling:
    wanted = targets([row_of(row) for row in rows])
    told = (wanted.topic_weights > TOLD).astype(np.float64)
    return topic_scaling(logits, wanted.topics.astype(np.float64), told)


def topic_scaling(logits: F64, target: F64, told: F64) -> TopicScaling:
    """Return the scaling of logits [n, T] that makes held-out probabilities most truthful where `told` is 1.

    Topics of which nothing is told, and those with few rows, are not shifted, or little.
    """
    loss = binary_loss(target, told)

    def cost(flat: F64) -> tuple[float, F64]:
        divisor, shift = np.exp(flat[0]), flat[1:]
        value, slope = loss(logits / divisor + shift)
        gradient = np.concatenate([[-(slope * logits).sum() / divisor], slope.sum(axis=0) + 2 * _HELD_BACK * shift])
        return value + _HELD_BACK * float((shift**2).sum()), gradient

    start = np.zeros(1 + logits.shape[1])
    bounds = [(np.log(0.2), np.log(5.0)), *[(-3.0, 3.0)] * logits.shape[1]]
    found = optimize.minimize(cost, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return TopicScaling(round(float(np.exp(found[0])), 4), tuple(round(float(value), 4) for value in found[1:]))


def _threshold(named: Sequence[tuple[list[data.Example], F64]]) -> float:
    def gain(threshold: float) -> float:
        scores = [
            evaluate.topic_scores(rows, judgements(np.full((len(rows), 3), 1 / 3), probabilities, threshold))
            for rows, probabilities in named
        ]
        return float(sum(score["micro_f1"] + score["accuracy"] for score in scores))

    return max(_THRESHOLDS, key=gain) if named else _THRESHOLDS[-1]
