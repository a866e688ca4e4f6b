"""A user's own transformers model behind the common interface, unchanged: it judges sentiment in its languages.

What it does not say (topics), and what it cannot read, comes from another classifier, the fallback.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from classifier.errors import ClassifierError
from classifier.foreign import files
from classifier.foreign.labels import meanings
from classifier.foreign.settings import ForeignModel
from classifier.judgements import F64, Classifier, Judgement, ModelInfo, as_whole, check_lengths, judgements
from classifier.labels import topic_ids
from classifier.linear.model import softmax


class Runtime(Protocol):
    """A model on some hardware."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Return the names of the model's labels in the order of its logits."""

    def logits(self, texts: Sequence[str]) -> tuple[F64, npt.NDArray[np.bool_]]:
        """Return logits [n, labels], and which texts hold anything that the model knows."""


class ForeignClassifier:
    """Sentiment by a foreign model, topics by the fallback.

    Texts in other languages, and those of which the model knows no token (empty, another script), are judged wholly by
    the fallback. A name is judged by the text that holds it. A model of two labels gives neutral the probability 0.
    """

    def __init__(self, runtime: Runtime, config: ForeignModel, fallback: Classifier, info: ModelInfo) -> None:
        self._runtime = runtime
        self._meanings = meanings(runtime.labels, config.labels)
        self._temperature = config.temperature
        self._languages = tuple(_tag(language) for language in config.languages)
        self._fallback = fallback
        self._info = info

    @property
    def info(self) -> ModelInfo:
        """Return which model this is; the digest is over the settings and the fallback too, since both decide."""
        return self._info

    def classify(
        self,
        texts: Sequence[str],
        languages: Sequence[str],
        targets: Sequence[Sequence[str]],
        kinds: Sequence[str | None] | None = None,
    ) -> list[Judgement]:
        """Judge each text; raises ClassifierError where the sequences differ in length."""
        check_lengths(texts, languages, targets, kinds)
        readable = [row for row, text in enumerate(texts) if text.strip() and self._reads(languages[row])]
        logits, known = self._runtime.logits([texts[row] for row in readable])
        own = [row for row, is_known in zip(readable, known, strict=True) if is_known]
        left = set(range(len(texts))).difference(own)
        asked = [targets[row] if row in left else () for row in range(len(texts))]
        answers = list(self._fallback.classify(texts, languages, asked, kinds))
        sentiment = softmax(logits[known] / self._temperature) @ self._meanings
        unsaid = np.zeros((len(own), len(topic_ids())))
        for row, one in zip(own, judgements(sentiment, unsaid, 1.0), strict=True):
            answers[row] = as_whole(one._replace(topics=answers[row].topics), targets[row])
        return answers

    def _reads(self, language: str) -> bool:
        tag = _tag(language)
        return not self._languages or any(tag == own or tag.startswith(f"{own}-") for own in self._languages)


def read(config: ForeignModel, fallback: Classifier, threads: int = 0) -> ForeignClassifier:
    """Load the model that the settings name; `threads` 0 leaves their number to torch.

    Raises ClassifierError where torch is not installed, the model cannot be trusted, or its labels are not understood.
    """
    try:
        from classifier.foreign.runtime import TorchRuntime
    except ImportError as error:
        raise ClassifierError(
            f"a foreign model needs torch and transformers ({error}); install 'groundswell[gpu]' or leave out [foreign]"
        ) from None

    place = files.find(config)
    settings = (config.labels, config.languages, config.temperature, fallback.info.digest)
    info = ModelInfo(place.id, place.version, files.digest(place.folder, settings))
    return ForeignClassifier(TorchRuntime.read(place.folder, threads), config, fallback, info)


def _tag(language: str) -> str:
    return language.lower().replace("_", "-")
