"""The encoder under ONNX Runtime: rows of token ids in, logits out. The default on a CPU; needs no torch."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import onnxruntime

from classifier.errors import ArtifactError
from classifier.placement import BATCH_TOKENS, cores, pin

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Given = TypeVar("Given")
Found = TypeVar("Found")


class Runtime(Protocol):
    """An encoder on some hardware."""

    def logits(self, rows: Sequence[Sequence[int]]) -> tuple[F64, F64]:
        """Return sentiment logits [n, 3] and topic logits [n, T] for rows of token ids, in their order."""


def session(graph: bytes, weights: Mapping[str, npt.NDArray[Any]], threads: int) -> onnxruntime.InferenceSession:
    """Return a session over a graph and the weights that it declares; `threads` share each operator.

    Raises ArtifactError where ONNX Runtime cannot read them.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # other roles share the processor
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in weights.values()]
    options.add_external_initializers(list(weights), values)
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime raises kinds of its own
        raise ArtifactError(f"ONNX Runtime cannot read the encoder ({str(error).splitlines()[0]})") from None


class Lanes:
    """Threads that compute side by side, for all encoders of a process: `threads` (0: as many as there are cores),
    each kept to a core of its own where they are `pinned`."""

    def __init__(self, threads: int = 0, pinned: bool = False) -> None:
        self.count = threads or cores()
        places = itertools.count()
        self._pool = ThreadPoolExecutor(
            self.count, thread_name_prefix="encoder", initializer=(lambda: pin(next(places))) if pinned else None
        )

    def map(self, work: Callable[[Given], Found], given: Sequence[Given]) -> list[Found]:
        """Return the work's results in the order given; a lone piece is done by the caller."""
        return [work(given[0])] if len(given) == 1 else list(self._pool.map(work, given))


class OnnxRuntime:
    """ONNX Runtime on the CPU: each batch on one thread, as many side by side as there are lanes.

    Small batches that stay in a core's own cache give more than large ones whose operators share the threads
    (docs/decisions/0020). `tokens` of `computed` places were no padding.
    """

    def __init__(
        self,
        graph: bytes,
        weights: Mapping[str, npt.NDArray[Any]],
        lanes: Lanes,
        batch_tokens: int = BATCH_TOKENS,
    ) -> None:
        self._lanes, self._batch_tokens = lanes, batch_tokens
        self.tokens = self.computed = 0
        self._session = session(graph, weights, 1)

    def logits(self, rows: Sequence[Sequence[int]]) -> tuple[F64, F64]:
        """Return logits in the rows' order; rows of like length are computed together, up to a budget of tokens."""
        lengths = np.array([len(row) for row in rows])
        order = np.argsort(lengths, kind="stable")
        share = -(-int(lengths.sum()) // self._lanes.count)  # of few rows each thread gets some
        cut = parts(order, lengths, min(self._batch_tokens, share))
        batches = [padded([rows[place] for place in part]) for part in reversed(cut)]  # the longest first: no long tail
        self.tokens += int(lengths.sum())
        self.computed += sum(ids.size for ids, _ in batches)
        found = self._lanes.map(self._run, batches)
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        sentiment, topics = (np.concatenate(side[::-1]).astype(np.float64)[back] for side in zip(*found, strict=True))
        return sentiment, topics

    def _run(self, batch: tuple[I64, I64]) -> Any:
        ids, present = batch
        return self._session.run(["sentiment_logits", "topic_logits"], {"ids": ids, "present": present})


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
