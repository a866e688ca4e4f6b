"""An encoder model as a folder: a sub-folder a language with weights, graph and tokenizer, and `config.json` over all.

    config.json  metrics.json  MODEL_CARD.md  en/{model.safetensors,graph.onnx,tokenizer.json}  zh/…

Nothing is unpickled, and nothing is loaded whose digests do not hold.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from classifier import artifact
from classifier.encoder.calibration import Calibration
from classifier.encoder.shape import Precision, Shape
from classifier.encoder.tokens import Tokens
from classifier.errors import ArtifactError
from classifier.labels import SENTIMENTS, topic_ids

FORMAT = "groundswell-encoders/1"
WEIGHTS, GRAPH, TOKENIZER = "model.safetensors", "graph.onnx", "tokenizer.json"
_MAX_BYTES = 512 << 20

Arrays = dict[str, npt.NDArray[Any]]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One language's encoder: its sizes, the longest text it reads at once in tokens, and the SHA-256 of its files."""

    shape: Shape
    window: int
    precision: Precision
    sha256: dict[str, str]


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `config.json` holds; `digest` is the SHA-256 over all other fields, and so over every file."""

    format: str
    id: str
    version: str
    sentiments: tuple[str, ...]
    topics: tuple[str, ...]
    parts: dict[str, Part]
    calibration: Calibration
    digest: str = ""


class Encoder(NamedTuple):
    """One language's encoder as read: what it is, its packed weights, its graph, its tokens."""

    part: Part
    weights: Arrays
    graph: bytes
    tokens: Tokens


class Artifact(NamedTuple):
    """A model folder's content, checked."""

    config: Config
    encoders: dict[str, Encoder]


def write_part(
    folder: Path, language: str, shape: Shape, window: int, precision: Precision, weights: Arrays, tokenizer: bytes
) -> Part:
    """Write one language's packed weights, the graph for them, and its tokenizer."""
    from classifier.encoder.graph import build

    files = {
        WEIGHTS: save_tensors(weights),
        GRAPH: build(shape, weights, precision),
        TOKENIZER: tokenizer,
    }
    (folder / language).mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / language / name).write_bytes(content)
    return Part(
        shape, window, precision, {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    )


def sign(folder: Path, model_id: str, version: str, parts: Mapping[str, Part], calibration: Calibration) -> Config:
    """Write `config.json` over parts that are written; returns it with its digest."""
    config = Config(FORMAT, model_id, version, SENTIMENTS, topic_ids(), dict(parts), calibration)
    return artifact.write_config(folder, config)


def read_config(folder: Path) -> Config:
    """Read and check `config.json`; raises ArtifactError with what to do."""
    config = artifact.read_config(folder, Config, FORMAT)
    if not config.parts:
        raise ArtifactError(f"{folder} holds no encoder; export the model again")
    return config


def read(folder: Path) -> Artifact:
    """Read a model folder; raises ArtifactError with what to do where a file is missing, foreign or altered."""
    config = read_config(folder)
    return Artifact(config, {language: _read_part(folder, language, part) for language, part in config.parts.items()})


def _read_part(folder: Path, language: str, part: Part) -> Encoder:
    files = {}
    for name in (WEIGHTS, GRAPH, TOKENIZER):
        files[name] = artifact.read_file(folder, f"{language}/{name}", _MAX_BYTES)
        if hashlib.sha256(files[name]).hexdigest() != part.sha256.get(name):
            raise ArtifactError(
                f"{folder / language / name} was altered: its digest does not hold; fetch the model again"
            )
    try:
        weights = load_tensors(files[WEIGHTS])
    except SafetensorError as error:
        raise ArtifactError(
            f"{folder / language / WEIGHTS} holds no weights ({error}); fetch the model again"
        ) from None
    tokens = Tokens.read(files[TOKENIZER], language, part.window)
    return Encoder(part, weights, files[GRAPH], tokens)
