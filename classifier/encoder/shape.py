"""What an encoder is made of, as numbers: enough to rebuild it from its weights alone."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

Pooling = Literal["mean", "cls"]
Precision = Literal["float32", "int8"]
_HEAD_WIDTHS = (64, 32)  # of an attention head; BERT's own, then that of the small encoders


class Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sizes of a BERT encoder: tokens, width, layers, heads, inner width, positions, and how its tokens are pooled."""

    vocabulary: int
    width: int
    layers: int
    heads: int
    inner: int
    positions: int
    pooling: Pooling
    epsilon: float = 1e-12


def shape_of(tensors: Mapping[str, Any], pooling: Pooling, heads: int | None = None) -> Shape:
    """Read the sizes off the arrays; an encoder of 384 wide has 12 heads, others one for each 64."""
    vocabulary, width = tensors["embeddings.word_embeddings.weight"].shape
    layers = 1 + max(int(name.split(".")[2]) for name in tensors if name.startswith("encoder.layer."))
    return Shape(
        vocabulary=vocabulary,
        width=width,
        layers=layers,
        heads=heads or max(1, width // _HEAD_WIDTHS[width == 384]),
        inner=tensors["encoder.layer.0.intermediate.dense.bias"].shape[0],
        positions=tensors["embeddings.position_embeddings.weight"].shape[0],
        pooling=pooling,
    )
