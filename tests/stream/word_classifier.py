"""A classifier that reads single words: `good`, `bad`, `poison`. It keeps the promises of `classifier.inference`."""

from collections.abc import Sequence

from classifier.inference import Judgement, ModelInfo

NEGATIVE = (0.8, 0.15, 0.05)
NEUTRAL = (0.1, 0.8, 0.1)
POSITIVE = (0.05, 0.15, 0.8)


class WordClassifier:
    """Negative where a text says `bad`, positive where it says `good`; raises where it says `poison`."""

    def __init__(self, topics: tuple[tuple[str, float], ...] = (("company_news", 0.9),)) -> None:
        self._topics = topics
        self.batches: list[int] = []

    @property
    def info(self) -> ModelInfo:
        """Which model this is."""
        return ModelInfo("words", "1", "0" * 12)

    def classify(
        self,
        texts: Sequence[str],
        languages: Sequence[str],
        targets: Sequence[Sequence[str]],
        kinds: Sequence[str | None] | None = None,
    ) -> list[Judgement]:
        """Judges each text; a target is negative where its name follows `bad`."""
        self.batches.append(len(texts))
        return [self._one(text, asked) for text, asked in zip(texts, targets, strict=True)]

    def _one(self, text: str, asked: Sequence[str]) -> Judgement:
        if "poison" in text:
            raise ValueError("this text cannot be judged")
        mood = NEGATIVE if "bad" in text else POSITIVE if "good" in text else NEUTRAL
        judged = tuple(("negative", -0.9) if f"bad {name}" in text else ("neutral", 0.0) for name in asked)
        return Judgement(*mood, self._topics, judged)
