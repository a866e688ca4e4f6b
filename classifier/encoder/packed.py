"""The encoder in torch without padding: rows lie one after the other on a single axis of tokens.

From the weights of a model folder to both heads' logits. Devices, batches and memory are `torch_runtime.py`'s.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from classifier.encoder.artifact import Arrays
from classifier.encoder.shape import Shape
from classifier.errors import ClassifierError

I32 = npt.NDArray[np.int32]
Number = Literal["bf16", "fp16", "fp32"]
DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
_MATRICES, _HEADS = ("qkv", "out", "inner", "outer"), ("sentiment", "topics")


class Rows(NamedTuple):
    """Rows of token ids as one array: all ids, each one's place in its row, and where rows start and the last ends."""

    flat: I32
    lengths: tuple[int, ...]


def joined(rows: Sequence[Sequence[int]], shape: Shape) -> Rows:
    """Put rows one after the other; raises ClassifierError where the encoder has no place or no vector for a token.

    A card would answer such a row with an error that ends its process.
    """
    lengths = tuple(map(len, rows))
    if not 0 < min(lengths) <= max(lengths) <= shape.positions:
        raise ClassifierError(f"a row of {min(lengths)} to {max(lengths)} tokens: give 1 to {shape.positions}")
    ids = np.concatenate([np.asarray(row, dtype=np.int32) for row in rows])
    if ids.min() < 0 or ids.max() >= shape.vocabulary:
        raise ClassifierError(
            f"token ids from {ids.min()} to {ids.max()}, and the encoder knows {shape.vocabulary}: its tokenizer is "
            "another model's"
        )
    starts = np.concatenate([[0], np.cumsum(lengths)])
    places = np.arange(len(ids)) - np.repeat(starts[:-1], lengths)
    return Rows(np.concatenate([ids, places, starts]).astype(np.int32), lengths)


class PackedEncoder:
    """What `Network` computes, from the arrays of a model folder (`graph.packed`), 8-bit ones turned back to float.

    Matrix products and attention are done in one kind of number; means, the heads and their logits in float32.
    """

    def __init__(self, shape: Shape, weights: Arrays, device: Any, precision: Number) -> None:
        self._shape = shape
        self._device = torch.device(device)
        self._number = DTYPES[precision]
        tensors = {name: _tensor(weights, name) for name in weights if not name.endswith(".step")}
        self._heads = {
            side: torch.cat([tensors.pop(f"{head}{side}") for head in _HEADS]).to(self._device)
            for side in ("", ".bias")
        }
        self._weights = {name: tensor.to(self._device, self._number) for name, tensor in tensors.items()}
        self._fused = has_varlen(self._device, self._number, shape)

    @property
    def bytes(self) -> int:
        """Return the memory that the weights take."""
        held = (*self._weights.values(), *self._heads.values())
        return sum(tensor.numel() * tensor.element_size() for tensor in held)

    def __call__(self, flat: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
        """Judge `Rows`, whose array is on the encoder's device: logits [n, 3 + T], sentiment first, in float32."""
        get, tokens = self._weights, sum(lengths)
        ids, places, starts = flat.split([tokens, tokens, len(lengths) + 1])
        hidden = functional.embedding(ids, get["words"]) + functional.embedding(places, get["positions"])
        hidden = self._norm("norm", hidden)
        for layer in range(self._shape.layers):
            at = f"layer.{layer}."
            seen = self._attention(self._linear(f"{at}qkv", hidden), starts, lengths)
            if self._shape.pooling == "cls" and layer == self._shape.layers - 1:
                seen, hidden = seen[starts[:-1]], hidden[starts[:-1]]  # nothing reads what the others become
            hidden = self._norm(f"{at}norm1", self._linear(f"{at}out", seen) + hidden)
            inner = functional.gelu(self._linear(f"{at}inner", hidden))
            hidden = self._norm(f"{at}norm2", self._linear(f"{at}outer", inner) + hidden)
        pooled = hidden.float()
        if self._shape.pooling == "mean":
            pooled = torch.segment_reduce(pooled, "mean", lengths=starts.diff().long(), unsafe=True)
        return functional.linear(pooled, self._heads[""], self._heads[".bias"])

    def _linear(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return functional.linear(x, self._weights[name], self._weights[f"{name}.bias"])

    def _norm(self, name: str, x: torch.Tensor) -> torch.Tensor:
        scale, shift = self._weights[f"{name}.scale"], self._weights[f"{name}.shift"]
        return functional.layer_norm(x, (self._shape.width,), scale, shift, self._shape.epsilon)

    def _attention(self, qkv: torch.Tensor, starts: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
        heads = self._shape.heads
        query, key, value = qkv.view(len(qkv), 3, heads, -1).unbind(1)
        sides = query, key, value
        seen = varlen(*sides, starts, max(lengths)) if self._fused else by_length(*sides, lengths)
        return seen.reshape(len(qkv), self._shape.width)


def _tensor(weights: Arrays, name: str) -> torch.Tensor:
    """Return a weight in float32 as torch multiplies by it: matrices [out, in], words and positions [row, width]."""
    array, step = weights[name].astype(np.float32), weights.get(f"{name}.step")
    if step is not None:
        array *= step[:, None] if name == "words" else step
    turned = name.rpartition(".")[2] in _MATRICES or name in _HEADS
    return torch.from_numpy(np.ascontiguousarray(array.T if turned else array))


def has_varlen(device: Any, number: torch.dtype, shape: Shape) -> bool:
    """Say whether the card has a kernel for attention over rows of any lengths: FlashAttention, from Ampere on."""
    if device.type != "cuda" or number == torch.float32 or shape.width // shape.heads % 8:
        return False
    major, _ = torch.cuda.get_device_capability(device)
    return bool(major >= 8)


def varlen(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, starts: torch.Tensor, longest: int
) -> torch.Tensor:
    """Attend within each row. Splits of the keys would follow the longest row of the batch, so there are none."""
    from torch.nn.attention.varlen import varlen_attn

    return varlen_attn(query, key, value, starts, starts, longest, longest, num_splits=1)


def by_length(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
    """Attend within each row, rows of one length that stand side by side together."""
    parts, start = [], 0
    for length, group in groupby(lengths):
        count = sum(1 for _ in group)
        end = start + count * length
        sides = (side[start:end].unflatten(0, (count, length)).transpose(1, 2) for side in (query, key, value))
        parts.append(functional.scaled_dot_product_attention(*sides).transpose(1, 2).flatten(0, 1))
        start = end
    return torch.cat(parts)
