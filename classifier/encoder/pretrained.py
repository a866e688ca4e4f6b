"""Pretrained encoders as packages ship them: a jar (or a folder) with an ONNX graph of BERT and its tokenizer.

The graph keeps the names of biases and norms, but not those of the matrices: each is named after the bias added next.
"""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file

from classifier.encoder import artifact
from classifier.encoder.graph import unpacked
from classifier.errors import TrainingError

F32 = npt.NDArray[np.float32]
_EMBEDDED = "embeddings.word_embeddings.weight"


class Pretrained(NamedTuple):
    """An encoder before any tuning: arrays under the names of transformers' `BertModel`, and `tokenizer.json`."""

    tensors: dict[str, F32]
    tokenizer: dict[str, Any]


def read(path: Path) -> Pretrained:
    """Read `*.jar`, or a folder that holds its `.onnx` file or weights of ours (`model.safetensors`), and a tokenizer.

    The tokenizer is set to lower-case: these encoders know no capitals, and some are shipped without saying so.
    Raises TrainingError where the file is absent or holds no BERT.
    """
    if (path / artifact.WEIGHTS).is_file():
        return _ours(path)
    model, tokenizer = _files(path)
    settings = msgspec.json.decode(tokenizer, type=dict[str, Any])
    if settings.get("normalizer", {}).get("type") == "BertNormalizer":
        settings["normalizer"]["lowercase"] = True
    settings["truncation"] = settings["padding"] = None
    return Pretrained(_named(model, path), settings)


def _ours(path: Path) -> Pretrained:
    """Read a finished run, or one language of a model folder, to train it further."""
    tokenizer = msgspec.json.decode((path / artifact.TOKENIZER).read_bytes(), type=dict[str, Any])
    if (path.parent / "config.json").is_file():
        part, weights, _, _ = artifact.read(path.parent).encoders[path.name]
        return Pretrained(unpacked(weights, part.shape), tokenizer)
    return Pretrained(load_file(path / artifact.WEIGHTS), tokenizer)


def _files(path: Path) -> tuple[bytes, bytes]:
    """Return the graph and the tokenizer of a jar or a folder."""
    if not path.exists():
        raise TrainingError(f"no pretrained encoder at {path}; run 'make encoders' or name its jar or folder")
    if path.is_dir():
        inside = {file.name: file for file in path.iterdir()}
        return _only(list(inside), ".onnx", path, lambda name: inside[name].read_bytes()), _only(
            list(inside), "tokenizer.json", path, lambda name: inside[name].read_bytes()
        )
    try:
        with zipfile.ZipFile(path) as jar:
            names = jar.namelist()
            return _only(names, ".onnx", path, jar.read), _only(names, "tokenizer.json", path, jar.read)
    except zipfile.BadZipFile:
        raise TrainingError(
            f"{path} is no jar; name a jar, or a folder with an .onnx file and a tokenizer.json"
        ) from None


def _only(names: list[str], ending: str, path: Path, get: Callable[[str], bytes]) -> bytes:
    found = [name for name in names if name.endswith(ending)]
    if len(found) != 1:
        raise TrainingError(f"{path} holds {len(found)} files *{ending}; exactly one is needed")
    return get(found[0])


def _named(model: bytes, path: Path) -> dict[str, F32]:
    import onnx
    from onnx import numpy_helper

    try:
        graph = onnx.load_from_string(model).graph
    except Exception as error:  # protobuf raises many kinds
        raise TrainingError(f"{path} holds no readable ONNX graph ({type(error).__name__})") from None
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    named = {name: array for name, array in arrays.items() if name.startswith(("embeddings.", "encoder."))}
    added_to = {name: node for node in graph.node if node.op_type == "Add" for name in node.input}
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in arrays:
            bias = next((name for name in added_to[node.output[0]].input if name.endswith(".bias")), None)
            if bias is None:
                raise TrainingError(f"{path}: a matrix of the graph has no bias to be named after; it is no BERT")
            named[bias.removesuffix("bias") + "weight"] = arrays[node.input[1]].T
    named.pop("embeddings.position_ids", None)
    if _EMBEDDED not in named:
        raise TrainingError(f"{path} holds no BERT: there is no {_EMBEDDED}")
    return {name: np.ascontiguousarray(array, dtype=np.float32) for name, array in named.items()}
