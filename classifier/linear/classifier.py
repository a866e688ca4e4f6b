"""The linear model behind the common interface. It judges a name by the text that holds it."""

from collections.abc import Sequence
from pathlib import Path

from classifier.judgements import Judgement, ModelInfo, as_whole, check_lengths, judgements
from classifier.labels import language_index
from classifier.linear import artifact
from classifier.linear.model import LinearModel


class LinearClassifier:
    """Hashed n-grams times weights; see `model.py`."""

    def __init__(self, model: LinearModel, info: ModelInfo) -> None:
        self._model = model
        self._info = info

    @classmethod
    def read(cls, folder: Path) -> "LinearClassifier":
        """Load a model folder; raises ArtifactError where it cannot be trusted."""
        config, weights = artifact.read(folder)
        model = LinearModel(weights, config.hashing, config.calibration)
        return cls(model, ModelInfo(config.id, config.version, config.digest))

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
        check_lengths(texts, languages, targets, kinds)
        sentiment, topics = self._model.probabilities(texts, [language_index(name) for name in languages])
        judged = judgements(sentiment, topics, self._model.calibration.topic_threshold)
        return [as_whole(one, asked) for one, asked in zip(judged, targets, strict=True)]
