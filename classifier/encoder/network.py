"""The encoder with its two heads in torch: for training, for a GPU, and as the reference of the other runtimes.

Weights come in and go out as NumPy arrays under fixed names; files are `artifact.py`'s.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from transformers import BertConfig, BertModel

from classifier.encoder import runtime
from classifier.encoder.shape import Pooling, Shape
from classifier.labels import SENTIMENTS, topic_ids

F32 = npt.NDArray[np.float32]
HEADS = ("sentiment", "topics")


class Network(nn.Module):  # type: ignore[misc]
    """Token ids [n, t] in; sentiment logits [n, 3] and topic logits [n, T] out."""

    def __init__(self, shape: Shape, dropout: float = 0.1, attention: str = "eager") -> None:
        super().__init__()
        self.shape = shape
        config = bert_config(
            shape,
            hidden_dropout_prob=dropout,
            attention_probs_dropout_prob=dropout,
            attn_implementation=attention,
        )
        self.encoder = BertModel(config, add_pooling_layer=False)
        self.dropout = nn.Dropout(dropout)
        self.sentiment = nn.Linear(shape.width, len(SENTIMENTS))
        self.topics = nn.Linear(shape.width, len(topic_ids()))

    def forward(self, ids: torch.Tensor, present: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Judge padded rows; `present` [n, t] is 1 where a token stands."""
        hidden = self.encoder(ids, attention_mask=present).last_hidden_state
        pooled = self.dropout(pool(hidden, present, self.shape.pooling).float())
        return self.sentiment(pooled), self.topics(pooled)

    def load_arrays(self, arrays: Mapping[str, F32]) -> None:
        """Take weights; heads that are absent (a pretrained encoder) stay as they are."""
        own = self.state_dict()
        for name, array in arrays.items():
            own[_inside(name)].copy_(torch.from_numpy(np.array(array)))

    def arrays(self) -> dict[str, F32]:
        """Return all weights as float32 arrays."""
        return {_outside(name): tensor.detach().float().cpu().numpy() for name, tensor in self.state_dict().items()}


def bert_config(shape: Shape, **more: Any) -> BertConfig:
    """Return the configuration that transformers has for an encoder of these sizes."""
    return BertConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.inner,
        max_position_embeddings=shape.positions,
        layer_norm_eps=shape.epsilon,
        **more,
    )


def pool(hidden: torch.Tensor, present: torch.Tensor, pooling: Pooling) -> torch.Tensor:
    """Return one vector a row [n, width] of its tokens' [n, t, width]: the first, or the mean of those present."""
    if pooling == "cls":
        return hidden[:, 0]
    weight = present.to(hidden.dtype)[:, :, None]
    return (hidden * weight).sum(1) / weight.sum(1)


def padded(rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ids and presence as tensors; see `runtime.padded`."""
    ids, present = runtime.padded(rows)
    return torch.from_numpy(ids), torch.from_numpy(present)


def _inside(name: str) -> str:
    return name if name.partition(".")[0] in HEADS else f"encoder.{name}"


def _outside(name: str) -> str:
    return name.removeprefix("encoder.") if name.startswith("encoder.") else name
