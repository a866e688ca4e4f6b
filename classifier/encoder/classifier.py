"""The encoders behind the common interface: route, cut into windows, judge, pool, calibrate. Knows no files.

What a reading is worth decides how far it moves the prior: a text of unknown tokens, or none, stays uncertain.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from classifier.encoder import artifact
from classifier.encoder.calibration import Calibration, register_of
from classifier.encoder.routing import route, worth
from classifier.encoder.runtime import OnnxRuntime, Runtime
from classifier.encoder.tokens import Encoded, Tokens
from classifier.judgements import F64, Judgement, ModelInfo, check_lengths, judgements
from classifier.labels import SENTIMENTS, topic_ids
from classifier.linear.model import sigmoid, softmax

MAX_WINDOWS = 8  # of one text; what comes later changes little and costs as much
_FIRST_WINDOW_WEIGHT = 2.0  # news says first what matters
_PRIOR_SENTIMENT = np.array([0.25, 0.5, 0.25])
_PRIOR_TOPICS = np.full(len(topic_ids()), 0.02)
_PRIOR_TOPICS[topic_ids().index("general_opinion")] = 0.1


class Reader(NamedTuple):
    """One language's tokens and the encoder that reads them."""

    tokens: Tokens
    runtime: Runtime


class _Question(NamedTuple):
    """One thing to judge: a text, or a name in it (`span`), and where the answer goes."""

    row: int
    target: int | None
    span: tuple[int, int] | None


class EncoderClassifier:
    """A text of several windows is judged by the mean of their logits, the first counting twice.

    A name is judged in a reading of its own, between marks; one that is not in the text has the text's judgement.
    """

    def __init__(self, readers: Mapping[str, Reader], calibration: Calibration, info: ModelInfo) -> None:
        self._readers = readers
        self._calibration = calibration
        self._info = info

    @classmethod
    def read(cls, folder: Path, threads: int = 0, device: str | None = None) -> "EncoderClassifier":
        """Load a model folder for the CPU, or with torch for its `device` (`cuda`, `cpu`).

        `threads` 0 leaves their number to ONNX Runtime. Raises ArtifactError where the folder cannot be trusted.
        """
        config, encoders = artifact.read(folder)
        readers = {
            language: Reader(encoder.tokens, _runtime(encoder, threads, device))
            for language, encoder in encoders.items()
        }
        return cls(readers, config.calibration, ModelInfo(config.id, config.version, config.digest))

    @property
    def readers(self) -> Mapping[str, Reader]:
        """Return the encoders by language."""
        return self._readers

    @property
    def info(self) -> ModelInfo:
        """Return which model this is."""
        return self._info

    def classify(
        self,
        texts: Sequence[str],
        languages: Sequence[str],
        targets: Sequence[Sequence[str]],
        kinds: Sequence[str] | None = None,
    ) -> list[Judgement]:
        """Judge each text; raises ClassifierError where the sequences differ in length."""
        check_lengths(texts, languages, targets, kinds)
        if not len(texts):
            return []
        asked = list(_questions(texts, targets))
        sentiment, topics = np.empty((len(asked), len(SENTIMENTS))), np.empty((len(asked), len(topic_ids())))
        readers = [route(text, language, self._readers) for text, language in zip(texts, languages, strict=True)]
        for name, reader in self._readers.items():
            own = [place for place, question in enumerate(asked) if readers[question.row] == name]
            if own:
                rows = [asked[place].row for place in own]
                given = [None if kinds is None else kinds[row] for row in rows]
                spans = [asked[place].span for place in own]
                registers = [register_of(kind) for kind in given]
                encoded = reader.tokens.encode([texts[row] for row in rows], spans, MAX_WINDOWS, registers)
                logits = pooled(encoded, reader.runtime)
                scaled = np.array(
                    [
                        self._calibration.of_sentiment(name, kind)(row)
                        for kind, row in zip(given, logits[0], strict=True)
                    ]
                )
                say = np.array([worth(languages[row], name, one.known) for row, one in zip(rows, encoded, strict=True)])
                sentiment[own] = _believed(softmax(scaled), say, _PRIOR_SENTIMENT)
                topics[own] = _believed(sigmoid(logits[1] / self._calibration.of_topics(name)), say, _PRIOR_TOPICS)
        return _answers(asked, judgements(sentiment, topics, self._calibration.topic_threshold), targets)


def _runtime(encoder: artifact.Encoder, threads: int, device: str | None) -> Runtime:
    if device is None:
        return OnnxRuntime(encoder.graph, encoder.weights, threads)
    from classifier.encoder.torch_runtime import TorchRuntime

    return TorchRuntime(encoder.part.shape, encoder.weights, device)


def pooled(encoded: Sequence[Encoded], runtime: Runtime) -> tuple[F64, F64]:
    """Return logits [n, 3] and [n, T] of texts that are one window or several."""
    windows = [window for one in encoded for window in one.windows]
    owner = np.repeat(np.arange(len(encoded)), [len(one.windows) for one in encoded])
    weight = np.ones(len(windows))
    weight[np.concatenate([[True], np.diff(owner) > 0])] = _FIRST_WINDOW_WEIGHT
    total = np.bincount(owner, weights=weight)
    found = []
    for logits in runtime.logits(windows):
        summed = np.zeros((len(encoded), logits.shape[1]))
        np.add.at(summed, owner, logits * weight[:, None])
        found.append(summed / total[:, None])
    return found[0], found[1]


def _believed(probabilities: F64, say: F64, prior: F64) -> F64:
    return say[:, None] * probabilities + (1.0 - say[:, None]) * prior


def _questions(texts: Sequence[str], targets: Sequence[Sequence[str]]) -> list[_Question]:
    """Ask for each text, then for each name that stands in it (in any case)."""
    asked = [_Question(row, None, None) for row in range(len(texts))]
    for row, names in enumerate(targets):
        for place, name in enumerate(names):
            at = texts[row].lower().find(name.lower()) if name else -1
            if at >= 0 and len(texts[row].lower()) == len(texts[row]):
                asked.append(_Question(row, place, (at, at + len(name))))
    return asked


def _answers(
    asked: Sequence[_Question], judged: Sequence[Judgement], targets: Sequence[Sequence[str]]
) -> list[Judgement]:
    answers = list(judged[: len(targets)])
    of_names = {(question.row, question.target): one for question, one in zip(asked, judged, strict=True)}
    for row, names in enumerate(targets):
        if names:
            own = [of_names.get((row, place), answers[row]) for place in range(len(names))]
            answers[row] = answers[row]._replace(targets=tuple((one.label, one.score) for one in own))
    return answers
