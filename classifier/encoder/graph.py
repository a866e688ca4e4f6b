"""The ONNX graph of an encoder with its heads: structure only, the weights come from the safetensors file at load time.

Two precisions: `float32`, and `int8`, where matrices are 8-bit with a step for each column and activations are rounded
to 8 bits with a step for each token, so that a text's result does not depend on the texts beside it.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from classifier.encoder.shape import Precision, Shape
from classifier.labels import SENTIMENTS, topic_ids

Arrays = dict[str, npt.NDArray[Any]]
_OPSET, _MICROSOFT, _IR = 17, 1, 10
_ZERO_POINT = 128
_LAYER = "encoder.layer.{}."
_FUSED = ("attention.self.query", "attention.self.key", "attention.self.value")


def packed(tensors: Arrays, shape: Shape, precision: Precision) -> Arrays:
    """Return an encoder's weights as its graph names them: matrices [in, out], query, key and value side by side.

    In `int8` each matrix has a `.step` for each column, and the table of words one for each word.
    """
    kept: Arrays = {}

    def matrix(name: str, weight: npt.NDArray[np.float32], axis: int = 0) -> None:
        if precision == "float32":
            kept[name] = np.ascontiguousarray(weight, dtype=np.float32)
        else:
            kept[name], kept[f"{name}.step"] = rounded(weight, axis)

    matrix("words", tensors["embeddings.word_embeddings.weight"], axis=1)
    places = tensors["embeddings.position_embeddings.weight"] + tensors["embeddings.token_type_embeddings.weight"][0]
    kept["positions"] = places.astype(np.float32)
    kept["norm.scale"], kept["norm.shift"] = _norm(tensors, "embeddings.LayerNorm")
    for layer in range(shape.layers):
        source, target = _LAYER.format(layer), f"layer.{layer}."
        weights = [tensors[f"{source}{part}.weight"].T for part in _FUSED]
        matrix(f"{target}qkv", np.concatenate(weights, axis=1))
        kept[f"{target}qkv.bias"] = np.concatenate([tensors[f"{source}{part}.bias"] for part in _FUSED])
        for name, part in _PARTS:
            matrix(f"{target}{name}", tensors[f"{source}{part}.dense.weight"].T)
            kept[f"{target}{name}.bias"] = tensors[f"{source}{part}.dense.bias"]
        for name, part in (("norm1", "attention.output"), ("norm2", "output")):
            kept[f"{target}{name}.scale"], kept[f"{target}{name}.shift"] = _norm(tensors, f"{source}{part}.LayerNorm")
    for head in ("sentiment", "topics"):
        kept[head] = np.ascontiguousarray(tensors[f"{head}.weight"].T)
        kept[f"{head}.bias"] = tensors[f"{head}.bias"]
    return kept


_PARTS = (("out", "attention.output"), ("inner", "intermediate"), ("outer", "output"))


def unpacked(kept: Arrays, shape: Shape) -> Arrays:
    """Return packed weights under torch's names, in float32: the way back to a GPU and to further training."""
    tensors: Arrays = {}

    def matrix(name: str, axis: int = 0) -> npt.NDArray[np.float32]:
        step = kept.get(f"{name}.step")
        weight: npt.NDArray[np.float32] = kept[name].astype(np.float32)
        return weight if step is None else weight * np.expand_dims(step, axis)

    tensors["embeddings.word_embeddings.weight"] = matrix("words", axis=1)
    tensors["embeddings.position_embeddings.weight"] = kept["positions"]
    tensors["embeddings.token_type_embeddings.weight"] = np.zeros((2, shape.width), dtype=np.float32)
    tensors["embeddings.LayerNorm.weight"], tensors["embeddings.LayerNorm.bias"] = (
        kept["norm.scale"],
        kept["norm.shift"],
    )
    for layer in range(shape.layers):
        source, target = _LAYER.format(layer), f"layer.{layer}."
        for part, weight, bias in zip(
            _FUSED, np.split(matrix(f"{target}qkv"), 3, axis=1), np.split(kept[f"{target}qkv.bias"], 3), strict=True
        ):
            tensors[f"{source}{part}.weight"], tensors[f"{source}{part}.bias"] = weight.T, bias
        for name, part in _PARTS:
            tensors[f"{source}{part}.dense.weight"] = matrix(f"{target}{name}").T
            tensors[f"{source}{part}.dense.bias"] = kept[f"{target}{name}.bias"]
        for name, part in (("norm1", "attention.output"), ("norm2", "output")):
            tensors[f"{source}{part}.LayerNorm.weight"] = kept[f"{target}{name}.scale"]
            tensors[f"{source}{part}.LayerNorm.bias"] = kept[f"{target}{name}.shift"]
    for head in ("sentiment", "topics"):
        tensors[f"{head}.weight"], tensors[f"{head}.bias"] = kept[head].T, kept[f"{head}.bias"]
    return {name: np.ascontiguousarray(array, dtype=np.float32) for name, array in tensors.items()}


def rounded(weight: npt.NDArray[Any], axis: int) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Return 8-bit weights and their float steps, one for each line across `axis`: weight ≈ bytes * step."""
    step = (np.maximum(np.abs(weight).max(axis=axis), 1e-12) / 127.0).astype(np.float32)
    return np.ascontiguousarray(np.rint(weight / np.expand_dims(step, axis)).astype(np.int8)), step


def _norm(tensors: Arrays, name: str) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    return tensors[f"{name}.weight"], tensors[f"{name}.bias"]


def build(shape: Shape, kept: Arrays, precision: Precision) -> bytes:
    """Return the graph: `ids` and `present` [n, t] (int64) in; `sentiment` [n, 3] and `topics` [n, T] logits out."""
    nodes = list(_nodes(shape, precision))
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "t"]) for name in ("ids", "present")]
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", width])
        for name, width in (("sentiment_logits", len(SENTIMENTS)), ("topic_logits", len(topic_ids())))
    ]
    constants = [numpy_helper.from_array(value, name) for name, value in _CONSTANTS.items()]
    used = {name for node in nodes for name in node.input}
    weights = [_outside(name, array) for name, array in kept.items()]
    graph = helper.make_graph(nodes, "groundswell", inputs, outputs, [c for c in constants if c.name in used] + weights)
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", _OPSET), helper.make_opsetid("com.microsoft", _MICROSOFT)],
        ir_version=_IR,
        producer_name="groundswell",
    )
    return bytes(model.SerializeToString(deterministic=True))


_CONSTANTS: dict[str, npt.NDArray[Any]] = {
    "c.least": np.array(1e-12, dtype=np.float32),
    "c.range": np.array(1 / 127, dtype=np.float32),
    "c.one": np.array(1.0, dtype=np.float32),
    "c.zero_point": np.array(_ZERO_POINT, dtype=np.uint8),
    "c.at_1": np.array(1, dtype=np.int64),
    "c.first": np.array(0, dtype=np.int64),
    "c.firsts": np.array([0], dtype=np.int64),
    "c.axis_1": np.array([1], dtype=np.int64),
    "c.axis_2": np.array([2], dtype=np.int64),
    "c.start": np.array(0, dtype=np.int64),
}


def _outside(name: str, array: npt.NDArray[Any]) -> onnx.TensorProto:
    """Declare a weight by type and shape; its bytes are handed over when the graph is loaded."""
    tensor = onnx.TensorProto(
        name=name,
        data_type=helper.np_dtype_to_tensor_dtype(array.dtype),
        dims=array.shape,
        data_location=TensorProto.EXTERNAL,
    )
    for key, value in (("location", "model.safetensors"), ("offset", "0"), ("length", str(array.nbytes))):
        tensor.external_data.add(key=key, value=value)
    return tensor


def _nodes(shape: Shape, precision: Precision) -> Iterator[onnx.NodeProto]:
    node = helper.make_node
    special: dict[str, Any] = {"domain": "com.microsoft"}

    def product(name: str, source: str, result: str) -> Iterator[onnx.NodeProto]:
        """One matrix, without its bias. Tokens are rounded each by its own largest value."""
        if precision == "float32":
            yield node("MatMul", [source, name], [result])
            return
        eight, step = f"{source}.8", f"{source}.step"
        yield node("Abs", [source], [f"{source}.abs"])
        yield node("ReduceMax", [f"{source}.abs"], [f"{source}.max"], axes=[-1], keepdims=1)
        yield node("Mul", [f"{source}.max", "c.range"], [f"{source}.step0"])
        yield node("Max", [f"{source}.step0", "c.least"], [step])
        yield node("Reciprocal", [step], [f"{source}.times"])
        yield node("Mul", [source, f"{source}.times"], [f"{source}.scaled"])
        yield node("QuantizeLinear", [f"{source}.scaled", "c.one", "c.zero_point"], [eight])
        yield node(
            "MatMulIntegerToFloat", [eight, name, "c.one", f"{name}.step", "c.zero_point"], [f"{result}.0"], **special
        )
        yield node("Mul", [f"{result}.0", step], [result])

    def added(part: str, residual: str, norm: str, result: str) -> Iterator[onnx.NodeProto]:
        """A product, its bias and what it adds to, normalised. Three operators: the runtime's fused one is slower."""
        yield node("Add", [f"{part}.y", f"{part}.bias"], [f"{part}.z"])
        yield node("Add", [f"{part}.z", residual], [f"{part}.sum"])
        yield node(
            "LayerNormalization",
            [f"{part}.sum", f"{norm}.scale", f"{norm}.shift"],
            [result],
            axis=-1,
            epsilon=shape.epsilon,
        )

    if precision == "float32":
        yield node("Gather", ["words", "ids"], ["word"])
    else:
        yield node("Gather", ["words", "ids"], ["word.8"])
        yield node("Cast", ["word.8"], ["word.f"], to=TensorProto.FLOAT)
        yield node("Gather", ["words.step", "ids"], ["word.step"])
        yield node("Unsqueeze", ["word.step", "c.axis_2"], ["word.column"])
        yield node("Mul", ["word.f", "word.column"], ["word"])
    yield node("Shape", ["ids"], ["length"], start=1, end=2)
    yield node("Squeeze", ["length"], ["length.1"])
    yield node("Range", ["c.start", "length.1", "c.at_1"], ["places"])
    yield node("Gather", ["positions", "places"], ["place"])
    yield node("Add", ["word", "place"], ["sum"])
    norm: dict[str, Any] = {"axis": -1, "epsilon": shape.epsilon}
    yield node("LayerNormalization", ["sum", "norm.scale", "norm.shift"], ["hidden.0"], **norm)
    yield node("Cast", ["present"], ["mask"], to=TensorProto.INT32)
    for layer in range(shape.layers):
        at, hidden = f"layer.{layer}.", f"hidden.{layer}"
        yield from product(f"{at}qkv", hidden, f"{at}qkv.y")
        yield node("Add", [f"{at}qkv.y", f"{at}qkv.bias"], [f"{at}qkv.z"])
        yield node("Split", [f"{at}qkv.z"], [f"{at}q", f"{at}k", f"{at}v"], axis=-1)
        yield node(
            "MultiHeadAttention",
            [f"{at}q", f"{at}k", f"{at}v", "", "mask"],
            [f"{at}seen"],
            num_heads=shape.heads,
            **special,
        )
        seen = f"{at}seen"
        if shape.pooling == "cls" and layer == shape.layers - 1:  # of the last layer the first token alone is read
            yield node("Gather", [seen, "c.firsts"], [f"{seen}.first"], axis=1)
            yield node("Gather", [hidden, "c.firsts"], [f"{hidden}.first"], axis=1)
            seen, hidden = f"{seen}.first", f"{hidden}.first"
        yield from product(f"{at}out", seen, f"{at}out.y")
        yield from added(f"{at}out", hidden, f"{at}norm1", f"{at}mid")
        yield from product(f"{at}inner", f"{at}mid", f"{at}inner.y")
        yield node("BiasGelu", [f"{at}inner.y", f"{at}inner.bias"], [f"{at}gelu"], **special)
        yield from product(f"{at}outer", f"{at}gelu", f"{at}outer.y")
        yield from added(f"{at}outer", f"{at}mid", f"{at}norm2", f"hidden.{layer + 1}")
    last = f"hidden.{shape.layers}"
    if shape.pooling == "cls":
        yield node("Gather", [last, "c.first"], ["pooled"], axis=1)
    else:
        yield node("Cast", ["present"], ["weight"], to=TensorProto.FLOAT)
        yield node("Unsqueeze", ["weight", "c.axis_2"], ["weights"])
        yield node("Mul", [last, "weights"], ["weighted"])
        yield node("ReduceSum", ["weighted", "c.axis_1"], ["total"], keepdims=0)
        yield node("ReduceSum", ["weights", "c.axis_1"], ["count"], keepdims=0)
        yield node("Div", ["total", "count"], ["pooled"])
    for head, result in (("sentiment", "sentiment_logits"), ("topics", "topic_logits")):
        yield node("MatMul", ["pooled", head], [f"{head}.y"])
        yield node("Add", [f"{head}.y", f"{head}.bias"], [result])
