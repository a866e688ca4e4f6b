"""The encoder under ONNX Runtime: rows of token ids in, logits out. The default on a CPU; needs no torch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import onnxruntime

from classifier.errors import ArtifactError
from classifier.placement import BATCH_TOKENS

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


class Runtime(Protocol):
    """An encoder on some hardware."""

    def logits(self, rows: Sequence[Sequence[int]]) -> tuple[F64, F64]:
        """Return sentiment logits [n, 3] and topic logits [n, T] for rows of token ids, in their order."""


class OnnxRuntime:
    """ONNX Runtime on the CPU. `tokens` of `computed` places were no padding."""

    def __init__(
        self,
        graph: bytes,
        weights: Mapping[str, npt.NDArray[Any]],
        threads: int,
        batch_tokens: int = BATCH_TOKENS,
        pinned: bool = False,
    ) -> None:
        self._batch_tokens = batch_tokens
        self.tokens = self.computed = 0
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # other roles share the processor
        if pinned and threads > 1:  # the calling thread is one of them, and stays where the system puts it
            places = ";".join(str(place) for place in range(2, threads + 1))
            options.add_session_config_entry("session.intra_op_thread_affinities", places)
        values = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in weights.values()]
        options.add_external_initializers(list(weights), values)
        try:
            self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the runtime raises kinds of its own
            raise ArtifactError(f"ONNX Runtime cannot read the encoder ({str(error).splitlines()[0]})") from None

    def logits(self, rows: Sequence[Sequence[int]]) -> tuple[F64, F64]:
        """Return logits in the rows' order; rows of like length are computed together, up to a budget of tokens."""
        return in_batches(rows, self._batch_tokens, self._run)

    def _run(self, ids: I64, present: I64) -> Any:
        self.tokens += int(present.sum())
        self.computed += ids.size
        return self._session.run(["sentiment_logits", "topic_logits"], {"ids": ids, "present": present})


def in_batches(
    rows: Sequence[Sequence[int]], tokens: int, run: Callable[[I64, I64], Sequence[npt.NDArray[Any]]]
) -> tuple[F64, F64]:
    """Return both logits in the rows' order, computed by `run` over padded batches of rows of like length."""
    lengths = np.array([len(row) for row in rows])
    order = np.argsort(lengths, kind="stable")
    found = [run(*padded([rows[place] for place in part])) for part in parts(order, lengths, tokens)]
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    sentiment, topics = (np.concatenate(side).astype(np.float64)[back] for side in zip(*found, strict=True))
    return sentiment, topics


def padded(rows: Sequence[Sequence[int]]) -> tuple[I64, I64]:
    """Return ids and presence [n, longest] of rows of token ids; 0 is [PAD]."""
    ids = np.zeros((len(rows), max(map(len, rows))), dtype=np.int64)
    present = np.zeros_like(ids)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = row
        present[place, : len(row)] = 1
    return ids, present


def parts(order: npt.NDArray[np.intp], lengths: npt.NDArray[np.int64], tokens: int) -> list[npt.NDArray[np.intp]]:
    """Cut rows, in ascending order of length, into batches whose padded size keeps to a budget of tokens."""
    cut, start = [], 0
    for end in range(1, len(order) + 1):
        if end == len(order) or (end + 1 - start) * lengths[order[end]] > tokens:
            cut.append(order[start:end])
            start = end
    return cut
