"""The linear model: hashed n-grams times weights, for sentiment (softmax) and topics (independent sigmoids).

Weights are given as arrays here; reading, writing and checking them is `artifact.py`, fitting them `fitting.py`.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from scipy import sparse

from classifier.labels import LANGUAGES, SENTIMENTS, topic_ids
from classifier.linear.features import Hashing, features

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
_CHUNK = 256  # texts hashed at once: enough to spread NumPy's overhead, few enough to stay in the cache


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Temperatures by language (LANGUAGES order), and the probability from which a topic is named."""

    sentiment_temperature: tuple[float, ...] = (1.0,) * len(LANGUAGES)
    topic_temperature: tuple[float, ...] = (1.0,) * len(LANGUAGES)
    topic_threshold: float = 0.5


class LinearWeights(msgspec.Struct, frozen=True):
    """Arrays of the model. Sentiment [2**bits, 3]; topics [2**topic_bits, T]; biases [languages, outputs]."""

    sentiment: F32
    topics: F32
    sentiment_bias: F32
    topic_bias: F32


class LinearModel:
    """Texts in, probabilities out; each row depends on its own text and language alone."""

    def __init__(self, weights: LinearWeights, hashing: Hashing, calibration: Calibration) -> None:
        self._weights = weights
        self._hashing = hashing
        self._topic_shift = hashing.bits - (len(weights.topics).bit_length() - 1)
        self.calibration = calibration

    def probabilities(self, texts: Sequence[str], languages: Sequence[int]) -> tuple[F64, F64]:
        """Return calibrated P(sentiment) [n, 3] and P(topic) [n, T] for texts with positions in LANGUAGES."""
        sentiment, topics = self.logits(texts, languages)
        language = np.asarray(languages, dtype=np.intp)
        sentiment /= np.asarray(self.calibration.sentiment_temperature)[language][:, None]
        topics /= np.asarray(self.calibration.topic_temperature)[language][:, None]
        return softmax(sentiment), sigmoid(topics)

    def logits(self, texts: Sequence[str], languages: Sequence[int]) -> tuple[F64, F64]:
        """Return uncalibrated scores [n, 3] and [n, T]."""
        sentiment = np.empty((len(texts), len(SENTIMENTS)))
        topics = np.empty((len(texts), len(topic_ids())))
        for start in range(0, len(texts), _CHUNK):
            part = slice(start, start + _CHUNK)
            language = np.asarray(languages[part], dtype=np.intp)
            matrix = features(texts[part], self._hashing)
            sentiment[part] = matrix @ self._weights.sentiment + self._weights.sentiment_bias[language]
            narrow = narrowed(matrix, self._topic_shift)
            topics[part] = narrow @ self._weights.topics + self._weights.topic_bias[language]
        return sentiment, topics


def narrowed(matrix: Any, shift: int) -> Any:
    """Fold a feature matrix into 2**shift times fewer buckets; the leading bits of a bucket are the smaller bucket."""
    folded = sparse.csr_matrix((matrix.shape[0], matrix.shape[1] >> shift), dtype=np.float32)
    folded.data, folded.indices, folded.indptr = matrix.data, matrix.indices >> shift, matrix.indptr
    return folded


def softmax(logits: F64) -> F64:
    """Return row-wise probabilities."""
    exponentials: F64 = np.exp(logits - logits.max(axis=1, keepdims=True)) if len(logits) else logits
    return exponentials / exponentials.sum(axis=1, keepdims=True) if len(logits) else logits


def sigmoid(logits: F64) -> F64:
    """Return 1 / (1 + exp(-logits)) without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logits)))
