"""What a model answered on labelled rows, as arrays: the one shape that scores, slices and intervals are made of.

Texts do not enter it, and no figure is computed here.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from classifier import data
from classifier.judgements import Judgement
from classifier.labels import SENTIMENTS, topic_ids

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
_BITS = (data.NEGATIVE, data.NEUTRAL, data.POSITIVE)


class Answers(NamedTuple):
    """Rows against the labels of their set: `right` and `said` [n, K], whether the first answer is right [n].

    `confidence` is the probability that the model gave its first answer, among what the set can name.
    """

    labels: tuple[str, ...]
    right: Bools
    said: Bools
    correct: Bools
    confidence: Floats


def answers(rows: Sequence[data.Example], judged: Sequence[Judgement]) -> Answers:
    """Set judgements against the rows of one set, by what the set teaches."""
    return topic_answers(rows, judged) if rows[0].data_set.task == "topics" else sentiment_answers(rows, judged)


def sentiment_answers(rows: Sequence[data.Example], judged: Sequence[Judgement]) -> Answers:
    """Answer with the most probable group of sentiments out of those that the set tells apart.

    Its confidence is its share of the set's nameable probability.
    """
    groups = rows[0].data_set.groups
    probabilities = np.array([[row.negative, row.neutral, row.positive] for row in judged])
    member = np.array([[float(bool(group & bit)) for group in groups] for bit in _BITS])
    mass = probabilities @ member
    total = mass.sum(axis=1)
    confidence = np.where(total > 0, mass.max(axis=1) / np.where(total > 0, total, 1.0), 1.0 / len(groups))
    kinds = np.eye(len(groups), dtype=np.bool_)
    right = kinds[[groups.index(row.allowed) for row in rows]]
    said = kinds[mass.argmax(axis=1)]
    names = tuple(group_name(group) for group in groups)
    return Answers(names, right, said, (right & said).any(axis=1), np.minimum(confidence, 1.0))


def topic_answers(rows: Sequence[data.Example], judged: Sequence[Judgement]) -> Answers:
    """Answer with all topics named that the set can name; the first of them counts, and none is a wrong answer."""
    nameable = rows[0].data_set.topics
    column = {topic_ids()[place]: position for position, place in enumerate(nameable)}
    right = np.zeros((len(rows), len(nameable)), dtype=np.bool_)
    said = np.zeros_like(right)
    correct, confidence = np.zeros(len(rows), dtype=np.bool_), np.zeros(len(rows))
    for position, (row, judgement) in enumerate(zip(rows, judged, strict=True)):
        right[position, [nameable.index(place) for place in row.topics]] = True
        named = [(column[name], probability) for name, probability in judgement.topics if name in column]
        if named:
            said[position, [place for place, _ in named]] = True
            correct[position], confidence[position] = right[position, named[0][0]], named[0][1]
    return Answers(tuple(column), right, said, correct, confidence)


def part(whole: Answers, chosen: Bools) -> Answers:
    """Return the answers of some rows."""
    return Answers(
        whole.labels, whole.right[chosen], whole.said[chosen], whole.correct[chosen], whole.confidence[chosen]
    )


def merged(several: Sequence[Answers]) -> Answers:
    """Put the rows of several sets below each other, over all of their labels."""
    labels = tuple(dict.fromkeys(name for one in several for name in one.labels))
    return Answers(
        labels,
        np.concatenate([_widened(one.right, one.labels, labels) for one in several]),
        np.concatenate([_widened(one.said, one.labels, labels) for one in several]),
        np.concatenate([one.correct for one in several]),
        np.concatenate([one.confidence for one in several]),
    )


def group_name(group: int) -> str:
    """Return the name of sentiments that a set does not tell apart, such as `neutral or positive`."""
    return " or ".join(name for name, bit in zip(SENTIMENTS, _BITS, strict=True) if group & bit)


def _widened(flags: Bools, own: Sequence[str], labels: Sequence[str]) -> Bools:
    wide = np.zeros((len(flags), len(labels)), dtype=np.bool_)
    wide[:, [labels.index(name) for name in own]] = flags
    return wide
