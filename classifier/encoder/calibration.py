"""What turns an encoder's logits into probabilities that can be believed, by language and kind of text.

The scalings are found on dev rows that may tune (`training/export.py`); Guo et al. 2017, "On Calibration of Modern
Neural Networks", §4.2.
"""

import msgspec
import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]

NEWS_KINDS = frozenset({"news", "filing", "research"})


class Scaling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Centred sentiment logits z become z |z|^(power - 1) / divisor + shift (negative, neutral, positive).

    Training with smoothed labels flattens the surest answers and leaves the doubtful ones too sure; a power above 1
    undoes that, which no temperature alone can.
    """

    divisor: float = 1.0
    power: float = 1.0
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __call__(self, logits: F64) -> F64:
        """Return scaled logits [..., 3]."""
        centred = logits - logits.mean(axis=-1, keepdims=True)
        size = np.sqrt((centred**2).sum(axis=-1, keepdims=True)) + 1e-9
        return np.asarray(centred * size ** (self.power - 1.0) / self.divisor + np.array(self.shift))


PLAIN = Scaling()


class TopicScaling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Topic logits z become z / divisor + shift, a shift for each topic (none: no shift); Guo et al. 2017, §4.2."""

    divisor: float = 1.0
    shift: tuple[float, ...] = ()

    def __call__(self, logits: F64) -> F64:
        """Return scaled logits [..., T]."""
        scaled = logits / self.divisor
        return np.asarray(scaled + np.array(self.shift) if self.shift else scaled)


PLAIN_TOPICS = TopicScaling()


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`sentiment` by "language/register", register `news` or `social`, and "language" for texts of unknown kind;

    `topics` are by language; a topic is named from `topic_threshold` on.
    """

    sentiment: dict[str, Scaling] = {}
    topics: dict[str, TopicScaling] = {}
    topic_threshold: float = 0.5

    def of_sentiment(self, language: str, kind: str | None) -> Scaling:
        """Return the scaling for a text of a post's `kind` judged by the encoder of `language`."""
        register = "" if kind is None else "/news" if kind in NEWS_KINDS else "/social"
        return self.sentiment.get(language + register, self.sentiment.get(language, PLAIN))

    def of_topics(self, language: str) -> TopicScaling:
        """Return the scaling of topic logits."""
        return self.topics.get(language, PLAIN_TOPICS)
