"""A foreign model's files: where they are, which are read, whether they are safe to read, and the digest over them.

No weights are loaded here. Only a hub id with `download` set is ever fetched, and only the files that are read.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from classifier.errors import ArtifactError
from classifier.foreign.settings import ForeignModel

_WEIGHTS = ("*.safetensors", "*.safetensors.index.json")
_SETTINGS = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "bpe.codes",
    "*.model",
)
_PICKLED = ("pytorch_model*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
_CHUNK = 1 << 20


class Place(NamedTuple):
    """A folder with a model, what to call the model, and its revision."""

    folder: Path
    id: str
    version: str


class _Index(msgspec.Struct):
    weight_map: dict[str, str]


def find(config: ForeignModel) -> Place:
    """Return the folder that the settings name, or that a hub id has in the cache; fetches only where they ask for it.

    Raises ArtifactError where there is none, or where it is not safe to read.
    """
    folder = Path(config.model)
    if folder.is_dir():
        place = Place(folder, folder.resolve().name, "local")
    else:
        folder = _snapshot(config)
        place = Place(folder, config.model, folder.name)
    _check(place.folder, config.model)
    return place


def digest(folder: Path, settings: object) -> str:
    """Return the SHA-256 over the files that are read and over what else decides a judgement."""
    whole = hashlib.sha256(msgspec.json.encode(settings, order="deterministic"))
    for path in _matching(folder, (*_WEIGHTS, *_SETTINGS)):
        own = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                own.update(chunk)
        whole.update(f"\n{path.name} {own.hexdigest()}".encode())
    return whole.hexdigest()


def _snapshot(config: ForeignModel) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    try:
        return Path(
            snapshot_download(
                config.model,
                allow_patterns=[*_WEIGHTS, *_SETTINGS],
                ignore_patterns="*/*",  # a pattern matches in sub-folders too, where other formats and copies lie
                local_files_only=not config.download,
            )
        )
    except HFValidationError:
        raise ArtifactError(f"foreign.model: there is no folder {config.model}, and a hub id it cannot be") from None
    except Exception as error:  # the hub's client raises its own errors, its transport's and the system's
        if config.download:
            raise ArtifactError(f"{config.model} cannot be fetched: {_first_line(error)}") from None
        raise ArtifactError(
            f"{config.model} is neither a folder here nor in the cache of Hugging Face; name a folder, or write "
            "download = true under [foreign] to fetch it"
        ) from None


def _check(folder: Path, name: str) -> None:
    if not (folder / "config.json").is_file():
        raise ArtifactError(f"{name} holds no config.json, so it is no transformers model; name the folder that does")
    if (folder / "adapter_config.json").is_file():
        raise ArtifactError(
            f"{name} holds an adapter; merge it into its model first (merge_and_unload, save_pretrained)"
        )
    if not any((folder / weights).is_file() for weights in ("model.safetensors", "model.safetensors.index.json")):
        pickled = _matching(folder, _PICKLED)
        target = f"{name.rstrip('/').rpartition('/')[2]}-safetensors"
        raise ArtifactError(
            f"{name} holds {f'only {pickled[0].name}' if pickled else 'no model.safetensors'}, and pickled weights are "
            f"not read, since they can run code; convert it to safetensors where you trust it, and name {target}: "
            'python -c "from transformers import AutoTokenizer as T, AutoModelForSequenceClassification as M; '
            f"[kind.from_pretrained('{name}').save_pretrained('{target}') for kind in (T, M)]\""
        )
    for path in _matching(folder, ("*.safetensors.index.json",)):
        _check_index(path)


def _check_index(path: Path) -> None:
    """Refuse an index whose parts lie elsewhere or are pickled: the loader would follow it."""
    try:
        names = set(msgspec.json.decode(path.read_bytes(), type=_Index).weight_map.values())
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ArtifactError(f"{path} is no index of weights ({error}); fetch the model again") from None
    for name in sorted(names):
        if Path(name).name != name or not name.endswith(".safetensors"):
            raise ArtifactError(f"{path} names {name!r}; only safetensors in the same folder are read")


def _matching(folder: Path, patterns: Sequence[str]) -> list[Path]:
    return sorted({path for pattern in patterns for path in folder.glob(pattern) if path.is_file()})


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), "") or type(error).__name__
