"""What all model folders share: `config.json` with its digest, `metrics.json`, `MODEL_CARD.md`; read and checked.

The formats of their own are `linear/artifact.py` and `encoder/artifact.py`. Nothing is ever unpickled.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from classifier.errors import ArtifactError
from classifier.labels import SENTIMENTS, topic_ids

_MAX_CONFIG_BYTES = 4 << 20
_UNSAFE = (".pkl", ".bin", ".pt", ".pth", ".joblib", ".h5")


class AnyConfig(Protocol):
    """The fields that every format's settings hold."""

    @property
    def digest(self) -> str:
        """SHA-256 over all other fields."""

    @property
    def sentiments(self) -> tuple[str, ...]:
        """The labels, in the order of the outputs."""

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics, in the order of the outputs."""


C = TypeVar("C", bound=AnyConfig)


class Head(msgspec.Struct):
    """What every model folder states first: its format, and the digest over all else."""

    format: str = ""
    digest: str = ""


def head_of(folder: Path) -> Head:
    """Return what a folder's `config.json` states first; raises ArtifactError where there is none."""
    try:
        return msgspec.json.decode(read_file(folder, "config.json", _MAX_CONFIG_BYTES), type=Head)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ArtifactError(
            f"{folder / 'config.json'} is not a model's settings ({error}); fetch the model again"
        ) from None


def write_config(folder: Path, config: C) -> C:
    """Write settings with the digest over them; returns them as written."""
    signed: C = msgspec.structs.replace(config, digest=_digest(config))  # type: ignore[type-var]
    (folder / "config.json").write_bytes(msgspec.json.format(msgspec.json.encode(signed), indent=2) + b"\n")
    return signed


def read_config(folder: Path, kind: type[C], expected: str) -> C:
    """Read settings of one format; raises ArtifactError where they are foreign, altered, or for other labels."""
    blob = read_file(folder, "config.json", _MAX_CONFIG_BYTES)
    if (found := head_of(folder).format) != expected:
        raise ArtifactError(f"{folder} has the format {found!r}, and this version reads {expected!r} here")
    try:
        config = msgspec.json.decode(blob, type=kind, strict=True)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ArtifactError(
            f"{folder / 'config.json'} is not a model's settings ({error}); fetch the model again"
        ) from None
    if config.digest != _digest(config):
        raise ArtifactError(f"{folder / 'config.json'} was altered: its digest does not hold; fetch the model again")
    if (config.sentiments, config.topics) != (SENTIMENTS, topic_ids()):
        raise ArtifactError(f"{folder} was trained for other labels than this version's taxonomy; train it again")
    return config


def read_file(folder: Path, name: str, most_bytes: int) -> bytes:
    """Return one file's content; raises ArtifactError where it is absent or larger than any model of ours."""
    path = folder / name
    if not path.is_file():
        pickled = sorted(other.name for other in path.parent.glob("*") if other.suffix in _UNSAFE)
        hint = f"; {pickled[0]} is not read, since pickled weights can run code" if pickled else ""
        raise ArtifactError(f"{folder} holds no {name}, so it is no model of this version{hint}")
    if path.stat().st_size > most_bytes:
        raise ArtifactError(f"{path} is larger than {most_bytes >> 20} MiB, which no model of this format is")
    return path.read_bytes()


def write_record(folder: Path, record: dict[str, Any], card: str) -> None:
    """Write the run record as `metrics.json` and the model card made from it."""
    text = json.dumps(record, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False)
    (folder / "metrics.json").write_text(text + "\n", encoding="utf-8")
    (folder / "MODEL_CARD.md").write_text(card, encoding="utf-8")


def read_record(folder: Path) -> dict[str, Any]:
    """Return the run record of a model folder."""
    try:
        return msgspec.json.decode(read_file(folder, "metrics.json", _MAX_CONFIG_BYTES), type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise ArtifactError(f"{folder / 'metrics.json'} is not a run record ({error})") from None


def _digest(config: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(config, digest=""))).hexdigest()
