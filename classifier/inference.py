"""The one interface to every model: texts in, judgements out; pure and independent of the batch.

Which weights stand behind it is decided by the artifact's folder; nothing here trains or measures.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from classifier import artifact
from classifier.errors import ClassifierError
from classifier.labels import language_index, topic_ids
from classifier.linear import LinearModel

SHIPPED = Path(__file__).with_name("models") / "linear"
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
    """Any model: linear, neural, or a user's own."""

    @property
    def info(self) -> ModelInfo:
        """Return which model this is."""

    def classify(
        self, texts: Sequence[str], languages: Sequence[str], targets: Sequence[Sequence[str]]
    ) -> list[Judgement]:
        """Judge each text, written in a BCP 47 language, and the names asked for in it."""


class LinearClassifier:
    """The linear model behind the common interface. It judges a target by the text that holds it."""

    def __init__(self, model: LinearModel, info: ModelInfo) -> None:
        self._model = model
        self._info = info

    @property
    def info(self) -> ModelInfo:
        """Return which model this is."""
        return self._info

    def classify(
        self, texts: Sequence[str], languages: Sequence[str], targets: Sequence[Sequence[str]]
    ) -> list[Judgement]:
        """Judge each text; raises ClassifierError where the three sequences differ in length."""
        if not len(texts) == len(languages) == len(targets):
            raise ClassifierError(
                f"give one language and one list of targets a text: {len(texts)} texts, "
                f"{len(languages)} languages, {len(targets)} lists of targets"
            )
        sentiment, topics = self._model.probabilities(texts, [language_index(name) for name in languages])
        named = _named_topics(topics, self._model.calibration.topic_threshold)
        judgements = []
        for row, topic_row, asked in zip(_whole_steps(sentiment), named, targets, strict=True):
            judgement = Judgement(row[0], row[1], row[2], topic_row, ())
            if asked:
                judgement = judgement._replace(targets=((judgement.label, judgement.score),) * len(asked))
            judgements.append(judgement)
        return judgements


def load(folder: Path | None = None) -> Classifier:
    """Load a model folder, by default the shipped linear model; raises ArtifactError where it cannot be trusted."""
    content = artifact.read(folder or SHIPPED)
    info = ModelInfo(id=content.config.id, version=content.config.version, digest=content.config.digest)
    return LinearClassifier(LinearModel(content.weights, content.config.hashing, content.config.calibration), info)


def _whole_steps(probabilities: npt.NDArray[np.float64]) -> list[list[float]]:
    """Round rows to whole steps; the largest entry takes up what rounding left over, so that each row sums to 1."""
    steps = np.rint(probabilities * _UNITS).astype(np.int64)
    rows = np.arange(len(steps))
    largest = steps.argmax(axis=1) if len(steps) else rows
    steps[rows, largest] += _UNITS - steps.sum(axis=1)
    rounded: list[list[float]] = (steps / _UNITS).tolist()
    return rounded


def _named_topics(probabilities: npt.NDArray[np.float64], threshold: float) -> list[tuple[tuple[str, float], ...]]:
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
