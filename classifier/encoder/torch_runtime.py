"""The encoder under torch: for a GPU, from the same weights as on the CPU. Imported only where it is asked for."""

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt
import torch

from classifier.encoder.artifact import Arrays
from classifier.encoder.graph import unpacked
from classifier.encoder.network import Network
from classifier.encoder.runtime import F64, I64, in_batches
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
        with torch.inference_mode(), torch.autocast(self._device.type, torch.bfloat16, enabled=self._half):
            return in_batches(rows, _BATCH_TOKENS, self._run)

    def _run(self, ids: I64, present: I64) -> list[npt.NDArray[Any]]:
        logits = self._network(*(torch.from_numpy(array).to(self._device) for array in (ids, present)))
        return [side.float().cpu().numpy() for side in logits]
