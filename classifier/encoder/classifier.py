"""The encoders behind the common interface: route, cut into windows, judge, pool, calibrate. Knows no files.

What a reading is worth decides how far it moves the prior: a text of unknown tokens, or none, stays uncertain.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from classifier.encoder import artifact
from classifier.encoder.calibration import Calibration
from classifier.encoder.routing import route, worth
from classifier.encoder.runtime import Lanes, OnnxRuntime, Runtime
from classifier.encoder.tokens import Encoded, Tokens
from classifier.judgements import F64, Judgement, ModelInfo, check_lengths, judgements
from classifier.labels import SENTIMENTS, topic_ids
from classifier.linear.model import sigmoid, softmax
from classifier.placement import USUAL, Placement

MAX_WINDOWS = 8  # of one text; what comes later changes little and costs as much
_FIRST_WINDOW_WEIGHT = 2.0  # news says first what matters
_SURELY_NEUTRAL = 0.85  # a text that is so sure to be neutral is so about each of its names: a fifth is not read again
_PRIOR_SENTIMENT = np.array([0.25, 0.5, 0.25])
_PRIOR_TOPICS = np.full(len(topic_ids()), 0.02)
_PRIOR_TOPICS[topic_ids().index("general_opinion")] = 0.1


class Reader(NamedTuple):
    """One language's tokens and the encoder that reads them."""

    tokens: Tokens
    runtime: Runtime


class Reading(NamedTuple):
    """One reading of a text: of the whole (`target` None) or of a name in it; `say` is what it can be worth."""

    target: int | None
    encoded: Encoded
    say: float


class Ready(NamedTuple):
    """One text as its encoder will read it: as a whole first, then once for each asked name that stands in it."""

    reader: str
    kind: str | None
    names: int
    readings: tuple[Reading, ...]

    @property
    def tokens(self) -> int:
        """Return what the text costs."""
        return sum(map(len, self.windows))

    @property
    def windows(self) -> list[tuple[int, ...]]:
        """Return all windows that are read."""
        return [window for reading in self.readings for window in reading.encoded.windows]


class EncoderClassifier:
    """A text of several windows is judged by the mean of their logits, the first counting twice.

    A name is judged in a reading of its own, between marks; one that is not in the text has the text's judgement, as
    have all names of a text that is surely neutral.
    """

    def __init__(
        self, readers: Mapping[str, Reader], calibration: Calibration, info: ModelInfo, at_once: int = 1
    ) -> None:
        self.at_once = at_once
        self._readers = readers
        self._calibration = calibration
        self._info = info

    @classmethod
    def read(cls, folder: Path, placement: Placement = USUAL) -> "EncoderClassifier":
        """Load a model folder onto some hardware; raises ArtifactError where the folder cannot be trusted."""
        config, encoders = artifact.read(folder)
        lanes = Lanes(placement.threads, placement.pinned)
        readers = {
            language: Reader(encoder.tokens, _runtime(encoder, placement, lanes))
            for language, encoder in encoders.items()
        }
        info = ModelInfo(config.id, config.version, config.digest)
        return cls(readers, config.calibration, info, at_once=lanes.count if placement.device is None else 1)

    @property
    def readers(self) -> Mapping[str, Reader]:
        """Return the encoders by language."""
        return self._readers

    @property
    def calibration(self) -> Calibration:
        """Return what turns logits into probabilities."""
        return self._calibration

    @property
    def info(self) -> ModelInfo:
        """Return which model this is."""
        return self._info

    def classify(
        self,
        texts: Sequence[str],
        languages: Sequence[str],
        targets: Sequence[Sequence[str]],
        kinds: Sequence[str | None] | None = None,
    ) -> list[Judgement]:
        """Judge each text; raises ClassifierError where the sequences differ in length."""
        return self.judge(self.prepare(texts, languages, targets, kinds))

    def prepare(
        self,
        texts: Sequence[str],
        languages: Sequence[str],
        targets: Sequence[Sequence[str]],
        kinds: Sequence[str | None] | None = None,
    ) -> list[Ready]:
        """Route texts and turn them into tokens; raises ClassifierError where the sequences differ in length."""
        check_lengths(texts, languages, targets, kinds)
        readers = [route(text, language, self._readers) for text, language in zip(texts, languages, strict=True)]
        given = [None] * len(texts) if kinds is None else list(kinds)
        asked = [_questions(text, names) for text, names in zip(texts, targets, strict=True)]
        ready: list[Ready | None] = [None] * len(texts)
        for name, reader in self._readers.items():
            own = [row for row, chosen in enumerate(readers) if chosen == name]
            places = [(row, target, span) for row in own for target, span in asked[row]]
            encoded = reader.tokens.encode(
                [texts[row] for row, _, _ in places],
                [span for _, _, span in places],
                MAX_WINDOWS,
            )
            found = iter(zip(places, encoded, strict=True))
            for row in own:
                readings = [next(found) for _ in asked[row]]
                ready[row] = Ready(
                    name,
                    given[row],
                    len(targets[row]),
                    tuple(
                        Reading(target, one, worth(languages[row], name, one.known)) for (_, target, _), one in readings
                    ),
                )
        return [one for one in ready if one is not None]

    def judge(self, ready: Sequence[Ready]) -> list[Judgement]:
        """Judge prepared texts: rows of like length are computed together, answers come in the order given."""
        whole = self._read([(one, one.readings[0]) for one in ready])
        asked = [
            (row, reading)
            for row, (one, judged) in enumerate(zip(ready, whole, strict=True))
            if judged.neutral < _SURELY_NEUTRAL
            for reading in one.readings[1:]
        ]
        of_names: list[dict[int | None, Judgement]] = [{} for _ in ready]
        for (row, reading), judged in zip(asked, self._read([(ready[row], one) for row, one in asked]), strict=True):
            of_names[row][reading.target] = judged
        return [_answer(*row) for row in zip(ready, whole, of_names, strict=True)]

    def _read(self, places: Sequence[tuple[Ready, Reading]]) -> list[Judgement]:
        sentiment, topics = np.empty((len(places), len(SENTIMENTS))), np.empty((len(places), len(topic_ids())))
        for name, reader in self._readers.items():
            own = [place for place, (one, _) in enumerate(places) if one.reader == name]
            if own:
                moods, subjects = pooled([places[place][1].encoded for place in own], reader.runtime)
                kinds = [places[place][0].kind for place in own]
                scaled = np.empty_like(moods)
                for kind in set(kinds):
                    rows = [row for row, other in enumerate(kinds) if other == kind]
                    scaled[rows] = self._calibration.of_sentiment(name, kind)(moods[rows])
                say = np.array([places[place][1].say for place in own])
                sentiment[own] = _believed(softmax(scaled), say, _PRIOR_SENTIMENT)
                topics[own] = _believed(sigmoid(self._calibration.of_topics(name)(subjects)), say, _PRIOR_TOPICS)
        return judgements(sentiment, topics, self._calibration.topic_threshold)


def _runtime(encoder: artifact.Encoder, placement: Placement, lanes: Lanes) -> Runtime:
    if placement.device is None:
        return OnnxRuntime(encoder.graph, encoder.weights, lanes, placement.batch_tokens)
    from classifier.encoder.torch_runtime import TorchRuntime

    return TorchRuntime(encoder.part.shape, encoder.weights, placement.device)


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


def _questions(text: str, names: Sequence[str]) -> list[tuple[int | None, tuple[int, int] | None]]:
    """Ask for the text, then for each name that stands in it (in any case)."""
    asked: list[tuple[int | None, tuple[int, int] | None]] = [(None, None)]
    lower = text.lower() if names else ""
    for place, name in enumerate(names):
        at = lower.find(name.lower()) if name and len(lower) == len(text) else -1
        if at >= 0:
            asked.append((place, (at, at + len(name))))
    return asked


def _answer(ready: Ready, whole: Judgement, of_names: Mapping[int | None, Judgement]) -> Judgement:
    """Give each name that was read its own judgement, and the others the text's."""
    own = [of_names.get(place, whole) for place in range(ready.names)]
    return whole._replace(targets=tuple((one.label, one.score) for one in own))
