"""The encoder under torch: for a GPU, from the same weights as on the CPU. Imported only where it is asked for."""

from collections.abc import Sequence

import numpy as np
import torch

from classifier.encoder.artifact import Arrays
from classifier.encoder.graph import unpacked
from classifier.encoder.network import Network, padded
from classifier.encoder.runtime import F64, parts
from classifier.encoder.shape import Shape

_BATCH_TOKENS = 16_384


class TorchRuntime:
    """Float32 on the CPU, half precision (bfloat16) on a GPU that has it."""

    def __init__(self, shape: Shape, weights: Arrays, device: str) -> None:
        self._device = torch.device(device)
        self._half = self._device.type == "cuda" and torch.cuda.is_bf16_supported()
        self._network = Network(shape, attention="sdpa")
        self._network.load_arrays(unpacked(weights, shape))
        self._network.to(self._device).eval()

    def logits(self, rows: Sequence[Sequence[int]]) -> tuple[F64, F64]:
        """Return logits in the rows' order; rows of like length are computed together."""
        lengths = np.array([len(row) for row in rows])
        order = np.argsort(lengths, kind="stable")
        found = []
        with torch.inference_mode(), torch.autocast(self._device.type, torch.bfloat16, enabled=self._half):
            for part in parts(order, lengths, _BATCH_TOKENS):
                ids, present = padded([rows[place] for place in part])
                found.append(self._network(ids.to(self._device), present.to(self._device)))
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        sentiment, topics = (torch.cat(side).double().cpu().numpy()[back] for side in zip(*found, strict=True))
        return sentiment, topics
