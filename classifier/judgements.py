"""What every model says of a text, and the interface that every model keeps. No weights, no files."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import msgspec
import numpy as np
import numpy.typing as npt

from classifier.errors import ClassifierError
from classifier.labels import topic_ids

F64 = npt.NDArray[np.float64]
_UNITS = 10_000  # probabilities are whole numbers of these, so that they read the same in JSON everywhere


class ModelInfo(msgspec.Struct, frozen=True):
    """Which model spoke: its name, its version, and the SHA-256 over its weights and settings."""

    id: str
    version: str
    digest: str


class Judgement(NamedTuple):
    """What a model says of one text: calibrated probabilities in steps of 0.0001 that sum to 1.

    `topics` are (id, probability), highest first, at least one; `targets` are (label, score) for each asked target.
    """

    negative: float
    neutral: float
    positive: float
    topics: tuple[tuple[str, float], ...]
    targets: tuple[tuple[str, float], ...]

    @property
    def label(self) -> str:
        """Return the most probable sentiment; a tie goes to neutral, then negative."""
        best = max(self.negative, self.neutral, self.positive)
        return "neutral" if best == self.neutral else "negative" if best == self.negative else "positive"

    @property
    def score(self) -> float:
        """Return P(positive) - P(negative), in [-1, 1]."""
        return round(self.positive - self.negative, 4)


class Classifier(Protocol):
    """Any model: linear, encoders, or a user's own. Pure; what it says of a text does not depend on its batch."""

    @property
    def info(self) -> ModelInfo:
        """Return which model this is."""

    def classify(
        self,
        texts: Sequence[str],
        languages: Sequence[str],
        targets: Sequence[Sequence[str]],
        kinds: Sequence[str | None] | None = None,
    ) -> list[Judgement]:
        """Judge each text, written in a BCP 47 language, and the names asked for in it.

        `kinds` are those of the posts (`news`, `social`, …), where they are known: they may calibrate a judgement.
        """


class Prepared(Protocol):
    """One text as its model will read it, and what that costs in tokens."""

    @property
    def tokens(self) -> int:
        """Return how many tokens are read."""


@runtime_checkable
class Staged(Protocol):
    """A model whose work is in two stages, so that one thread may make tokens while others compute.

    `at_once` is how many calls of `judge` it gains from side by side.
    """

    at_once: int

    def prepare(
        self,
        texts: Sequence[str],
        languages: Sequence[str],
        targets: Sequence[Sequence[str]],
        kinds: Sequence[str | None] | None = None,
    ) -> Sequence[Prepared]:
        """Turn texts into what `judge` takes; raises as `classify` does."""

    def judge(self, prepared: Sequence[Any]) -> list[Judgement]:
        """Judge prepared texts, in their order."""


def check_lengths(
    texts: Sequence[str], languages: Sequence[str], targets: Sequence[Sequence[str]], kinds: Sequence[str | None] | None
) -> None:
    """Raise ClassifierError where the sequences given to a classifier differ in length."""
    lengths = [len(texts), len(languages), len(targets), len(texts) if kinds is None else len(kinds)]
    if len(set(lengths)) > 1:
        raise ClassifierError(
            f"give one language and one list of targets a text: {lengths[0]} texts, {lengths[1]} languages, "
            f"{lengths[2]} lists of targets, {lengths[3]} kinds"
        )


def as_whole(judgement: Judgement, targets: Sequence[str]) -> Judgement:
    """Give each asked name the judgement of the text that holds it."""
    return judgement._replace(targets=((judgement.label, judgement.score),) * len(targets)) if targets else judgement


def judgements(sentiment: F64, topics: F64, threshold: float) -> list[Judgement]:
    """Make judgements of calibrated P(sentiment) [n, 3] and P(topic) [n, T]; topics are named from `threshold` on."""
    named = _named_topics(topics, threshold)
    return [
        Judgement(row[0], row[1], row[2], topic_row, ())
        for row, topic_row in zip(_whole_steps(sentiment), named, strict=True)
    ]


def _whole_steps(probabilities: F64) -> list[list[float]]:
    """Round rows to whole steps; the largest entry takes up what rounding left over, so that each row sums to 1."""
    steps = np.rint(probabilities * _UNITS).astype(np.int64)
    rows = np.arange(len(steps))
    largest = steps.argmax(axis=1) if len(steps) else rows
    steps[rows, largest] += _UNITS - steps.sum(axis=1)
    rounded: list[list[float]] = (steps / _UNITS).tolist()
    return rounded


def _named_topics(probabilities: F64, threshold: float) -> list[tuple[tuple[str, float], ...]]:
    """Return each row's topics from the threshold on, highest first, or its single best."""
    steps = np.rint(probabilities * _UNITS).astype(np.int64)
    order = np.argsort(-steps, axis=1, kind="stable")
    ranked = np.take_along_axis(steps, order, axis=1)
    wanted = np.maximum((ranked >= threshold * _UNITS).sum(axis=1), 1)
    names = topic_ids()
    return [
        tuple((names[position], step / _UNITS) for position, step in zip(places[:n], values[:n], strict=True))
        for places, values, n in zip(order.tolist(), ranked.tolist(), wanted.tolist(), strict=True)
    ]
