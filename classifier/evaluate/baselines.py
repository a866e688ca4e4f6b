"""What a model must beat: the commonest label, the linear model, and VADER, behind the interface of every model.

A baseline that cannot answer a set says why instead.
"""

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np

from classifier import data, inference
from classifier.judgements import Classifier, Judgement, ModelInfo, as_whole, check_lengths, judgements
from classifier.labels import SENTIMENTS, topic_ids

_FELT = 0.05  # the compound score below which VADER's authors call a text neutral
_VADER_PACKAGE = "vaderSentiment"


class Exam(NamedTuple):
    """The rows of one set that are asked, and those that a baseline may learn from."""

    rows: Sequence[data.Example]
    training: Sequence[data.Example] = ()

    @property
    def data_set(self) -> data.DataSet:
        """Return the set that the rows are of."""
        return self.rows[0].data_set


class Contender(NamedTuple):
    """Who answers an exam, if anyone does, and what must be said about it."""

    classifier: Classifier | None
    note: str = ""


class Baseline(NamedTuple):
    """A name in the table, and the choice of who answers an exam under it."""

    name: str
    choose: Callable[[Exam], Contender]


class Prior:
    """The shares of labels among given rows of one set, said of every text."""

    info = ModelInfo("commonest-label", "1", "")

    def __init__(self, rows: Sequence[data.Example]) -> None:
        sentiment, topics = np.zeros(len(SENTIMENTS)), np.zeros(len(topic_ids()))
        for row in rows:
            allowed = [place for place, bit in enumerate(data.SENTIMENT_BITS.values()) if row.allowed & bit]
            sentiment[allowed] += 1.0 / max(len(allowed), 1)
            topics[list(row.topics)] += 1.0
        if not sentiment.any():
            sentiment += 1.0
        (self._said,) = judgements((sentiment / sentiment.sum())[None], (topics / len(rows))[None], 0.5)

    def classify(
        self,
        texts: Sequence[str],
        languages: Sequence[str],
        targets: Sequence[Sequence[str]],
        kinds: Sequence[str | None] | None = None,
    ) -> list[Judgement]:
        """Say the same of each text."""
        check_lengths(texts, languages, targets, kinds)
        return [as_whole(self._said, asked) for asked in targets]


class Vader:
    """VADER's compound score as a judgement; `analyser` has its method `polarity_scores`."""

    def __init__(self, analyser: Any) -> None:
        self._analyser = analyser

    @property
    def info(self) -> ModelInfo:
        """Return which version is installed."""
        return ModelInfo("vader", version(_VADER_PACKAGE), "")

    def classify(
        self,
        texts: Sequence[str],
        languages: Sequence[str],
        targets: Sequence[Sequence[str]],
        kinds: Sequence[str | None] | None = None,
    ) -> list[Judgement]:
        """Judge each text by its compound score; the label is what VADER's authors call it."""
        check_lengths(texts, languages, targets, kinds)
        sentiment = np.array([_three(self._analyser.polarity_scores(text)["compound"]) for text in texts])
        judged = judgements(sentiment.reshape(-1, 3), np.zeros((len(texts), len(topic_ids()))), 1.0)
        return [as_whole(one, asked) for one, asked in zip(judged, targets, strict=True)]


def fixed(name: str, classifier: Classifier) -> Baseline:
    """Return one model for every set."""
    return Baseline(name, lambda _exam: Contender(classifier))


def commonest_label(exam: Exam) -> Contender:
    """Say what a set's training part says most often; a set without one is counted itself, and the note says so."""
    if exam.training:
        return Contender(Prior(exam.training))
    return Contender(Prior(exam.rows), "counted on the rows asked: the set has no training part")


def vader_english(exam: Exam, vader: Classifier | None) -> Contender:
    """Let VADER answer what it can read; None: it is not installed."""
    if exam.data_set.language != "en":
        return Contender(None, "reads English only")
    if exam.data_set.task != "sentiment":
        return Contender(None, "names no topics")
    if vader is None:
        return Contender(None, f"not installed: pip install {_VADER_PACKAGE}")
    return Contender(vader, "its scores are no probabilities")


def all_baselines() -> tuple[Baseline, ...]:
    """Return the baselines in the order of the table."""
    vader = Vader(_analyser()) if importlib.util.find_spec(_VADER_PACKAGE) else None
    return (
        Baseline("commonest label", commonest_label),
        fixed("linear", inference.load(inference.LINEAR)),
        Baseline("VADER", lambda exam: vader_english(exam, vader)),
    )


def _analyser() -> Any:
    return importlib.import_module(f"{_VADER_PACKAGE}.{_VADER_PACKAGE}").SentimentIntensityAnalyzer()


def _three(compound: float) -> tuple[float, float, float]:
    """Spread a score in [-1, 1] over negative, neutral, positive, so that the largest of them is VADER's label."""
    strength = abs(compound)
    felt = 0.5 + 0.5 * strength if strength >= _FELT else 0.4 * strength / _FELT
    return (felt, 1.0 - felt, 0.0) if compound < 0 else (0.0, 1.0 - felt, felt)
