"""The linear model as a folder: `model.safetensors` with 8-bit weights, and `config.json` with its digest.

Nothing is unpickled, and nothing is loaded whose digests do not hold.
"""

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from classifier import artifact
from classifier.errors import ArtifactError
from classifier.labels import LANGUAGES, SENTIMENTS, topic_ids
from classifier.linear.features import Hashing
from classifier.linear.model import Calibration, LinearWeights

FORMAT = "groundswell-linear/1"
_MAX_BYTES = 64 << 20


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `config.json` holds; `digest` is the SHA-256 over the weights and the other fields."""

    format: str
    id: str
    version: str
    sentiments: tuple[str, ...]
    topics: tuple[str, ...]
    languages: tuple[str, ...]
    hashing: Hashing
    calibration: Calibration
    weights_sha256: str
    digest: str = ""


class Artifact(NamedTuple):
    """A model folder's content, checked."""

    config: Config
    weights: LinearWeights


def write(
    folder: Path, model_id: str, version: str, weights: LinearWeights, hashing: Hashing, calibration: Calibration
) -> Config:
    """Write weights (8 bits each) and settings to a folder; metrics and card are `write_record`'s."""
    config = Config(
        format=FORMAT,
        id=model_id,
        version=version,
        sentiments=SENTIMENTS,
        topics=topic_ids(),
        languages=LANGUAGES,
        hashing=hashing,
        calibration=calibration,
        weights_sha256="",
    )
    folder.mkdir(parents=True, exist_ok=True)
    return sign(folder, config, _pack(weights))


def sign(folder: Path, config: Config, weights: bytes) -> Config:
    """Write a weights file and its settings with digests over both; returns the settings as written."""
    (folder / "model.safetensors").write_bytes(weights)
    return artifact.write_config(
        folder, msgspec.structs.replace(config, weights_sha256=hashlib.sha256(weights).hexdigest())
    )


def read(folder: Path) -> Artifact:
    """Read a model folder; raises ArtifactError with what to do where a file is missing, foreign or altered."""
    config = artifact.read_config(folder, Config, FORMAT)
    if config.languages != LANGUAGES:
        raise ArtifactError(f"{folder} was trained for other languages than this version's; train it again")
    blob = artifact.read_file(folder, "model.safetensors", _MAX_BYTES)
    if hashlib.sha256(blob).hexdigest() != config.weights_sha256:
        raise ArtifactError(
            f"{folder / 'model.safetensors'} was altered: its digest does not hold; fetch the model again"
        )
    return Artifact(config, _unpack(blob, folder, config.hashing))


def _pack(weights: LinearWeights) -> bytes:
    tensors: dict[str, npt.NDArray[Any]] = {
        "sentiment_bias": weights.sentiment_bias,
        "topic_bias": weights.topic_bias,
    }
    for name in ("sentiment", "topics"):
        tensors[name], tensors[name + "_scale"] = quantised(getattr(weights, name))
    packed: bytes = save_tensors(tensors)
    return packed


def quantised(weights: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Return 8-bit weights and the float step of each column, so that weights ≈ bytes * step."""
    step = (np.maximum(np.abs(weights).max(axis=0), 1e-12) / 127.0).astype(np.float32)
    return np.rint(weights / step).astype(np.int8), step


def _unpack(blob: bytes, folder: Path, hashing: Hashing) -> LinearWeights:
    path = folder / "model.safetensors"
    try:
        tensors = load_tensors(blob)
        weights = LinearWeights(
            sentiment=tensors["sentiment"].astype(np.float32) * tensors["sentiment_scale"],
            topics=tensors["topics"].astype(np.float32) * tensors["topics_scale"],
            sentiment_bias=tensors["sentiment_bias"],
            topic_bias=tensors["topic_bias"],
        )
    except (SafetensorError, KeyError, ValueError) as error:
        raise ArtifactError(f"{path} does not hold this format's weights ({error}); fetch the model again") from None
    rows = len(weights.topics)
    shapes = (weights.sentiment.shape, weights.topics.shape, weights.sentiment_bias.shape, weights.topic_bias.shape)
    expected = (
        (1 << hashing.bits, len(SENTIMENTS)),
        (1 << max(rows.bit_length() - 1, 0), len(topic_ids())),
        (len(LANGUAGES), len(SENTIMENTS)),
        (len(LANGUAGES), len(topic_ids())),
    )
    if shapes != expected or rows > 1 << hashing.bits:
        raise ArtifactError(f"{path} has arrays of shapes {shapes} instead of {expected}; fetch the model again")
    return weights
